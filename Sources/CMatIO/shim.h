// matio reports through a process-wide log; this one keeps quiet.
#ifndef UNFOLD_CMATIO_SHIM_H
#define UNFOLD_CMATIO_SHIM_H
#include <matio.h>

static inline void unfold_mat_ignore(int level, char *message) {
  (void)level;
  (void)message;
}
static inline void unfold_mat_quiet(void) { Mat_LogInitFunc("unfold", unfold_mat_ignore); }
#endif
