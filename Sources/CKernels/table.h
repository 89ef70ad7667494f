// One table of function pointers per element type and instruction set.
#ifndef UNFOLD_CKERNELS_TABLE_H
#define UNFOLD_CKERNELS_TABLE_H
#include <stdint.h>
#include "CKernels.h"

#define CK_FIELD(S, result, name, parameters, arguments) result(*name) parameters;
struct ck_table_f32 {
  CK_KERNELS(CK_FIELD, float, f32)
};
struct ck_table_f64 {
  CK_KERNELS(CK_FIELD, double, f64)
};
#undef CK_FIELD

/* 3 x 3 convolutions on channels-last maps, in single precision; see convolution.inc. */
struct ck_convolution_table {
  int64_t lanes;
  long (*plane)(long);
  /* Winograd's; see winograd.inc. */
  void (*kernel_transform)(const float *, long, float *);
  void (*kernel_gradient)(const float *, long, float *);
  void (*forward)(const float *, const float *, const float *, float *, int64_t, int64_t, int64_t, int64_t, int, float, int64_t, int64_t,
                  int64_t, float *);
  void (*backward)(const float *, const float *, const float *, const float *, float *, float *, float *, int64_t, int64_t, int64_t,
                   int64_t, int64_t, int64_t, float *);
  /* Between one channel and many. */
  void (*expand)(const float *, const float *, const float *, float *, int64_t, int64_t, int64_t);
  void (*collapse)(const float *, const float *, float *, int64_t, int64_t, int64_t, const float *, int64_t, int64_t);
  void (*correlate)(const float *, const float *, float *, int64_t, int64_t, int64_t);
};
/* That of an instruction set. */
const struct ck_convolution_table *ck_convolution_table(int level);

extern const struct ck_convolution_table ck_baseline_convolution;
#if defined(__x86_64__)
extern const struct ck_convolution_table ck_avx2_convolution, ck_avx512_convolution;
#endif
extern const struct ck_table_f32 ck_baseline_f32;
extern const struct ck_table_f64 ck_baseline_f64;
#if defined(__x86_64__)
extern const struct ck_table_f32 ck_avx2_f32, ck_avx512_f32;
extern const struct ck_table_f64 ck_avx2_f64, ck_avx512_f64;
#endif
#endif
