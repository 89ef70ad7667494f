// A stack for the handlers of signals. oneDNN's matrix products let the stack pointer point into a buffer on the heap (2.6.3,
// jit_avx512_common_gemm_f32), so that what the kernel stores of a thread before it runs a handler would fall on what lies in front of it.
// Handlers with SA_ONSTACK run on this stack instead; once a thread, since who else gives one, as Python's faulthandler does to the main
// thread, leaves one there until the interpreter has ended: disable() takes its handlers away and not its stack.
#include "CKernels.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int has_key;

static void release(void *stack) {
  stack_t none = {.ss_flags = SS_DISABLE, .ss_size = SIGSTKSZ}, now;
  if (sigaltstack(NULL, &now) == 0 && now.ss_sp == stack && sigaltstack(&none, NULL) != 0) return;
  free(stack);
}
static void make_key(void) { has_key = pthread_key_create(&key, release) == 0; }

void ck_prepare_signal_stack(void) {
  static _Thread_local int is_prepared;
  if (is_prepared) return;
  is_prepared = 1;
  size_t size = 1 << 16;
#ifdef _SC_SIGSTKSZ
  long usual = sysconf(_SC_SIGSTKSZ);  // a processor's registers decide
  if (usual > 0 && size < 2 * (size_t)usual) size = 2 * (size_t)usual;
#endif
  stack_t now;
  if (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) && now.ss_size >= size / 2) return;
  pthread_once(&once, make_key);
  stack_t stack = {.ss_size = size, .ss_sp = malloc(size)};
  if (stack.ss_sp == NULL) return;
  if (sigaltstack(&stack, NULL) != 0) {
    free(stack.ss_sp);
  } else if (has_key) {
    pthread_setspecific(key, stack.ss_sp);  // else it stays for good
  }
}
