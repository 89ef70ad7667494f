// One table of function pointers per element type and instruction set.
#ifndef UNFOLD_CKERNELS_TABLE_H
#define UNFOLD_CKERNELS_TABLE_H
#include <stdint.h>
#include "CKernels.h"

#define CK_TABLE(T, S)                                                                                     \
  struct ck_table_##S {                                                                                    \
    void (*add)(const T *, const T *, T *, int64_t);                                                       \
    void (*subtract)(const T *, const T *, T *, int64_t);                                                  \
    void (*multiply)(const T *, const T *, T *, int64_t);                                                  \
    void (*scale)(T, const T *, T *, int64_t);                                                             \
    void (*axpy)(T, const T *, T *, int64_t);                                                              \
    double (*dot)(const T *, const T *, int64_t);                                                          \
    void (*soft)(const T *, T, T *, int64_t);                                                              \
    double (*soft_pullback)(const T *, const T *, T *, int64_t);                                           \
    void (*soft_columns)(const T *, const T *, T *, int64_t, int64_t);                                     \
    void (*soft_columns_pullback)(const T *, const T *, T *, T *, int64_t, int64_t);                       \
    void (*add_rows)(const T *, T *, int64_t, int64_t);                                                    \
    void (*sum_rows)(const T *, T *, int64_t, int64_t);                                                    \
    void (*relu)(const T *, T *, int64_t);                                                                 \
    void (*relu_pullback)(const T *, const T *, T *, int64_t);                                             \
    void (*complex_multiply)(const T *, const T *, T *, int64_t);                                          \
    void (*complex_multiply_conjugated)(const T *, const T *, T *, int64_t);                               \
    void (*complex_conjugate)(const T *, T *, int64_t);                                                    \
    void (*adam)(const T *, T *, T *, T *, double, double, double, double, double, double, double, int64_t); \
    void (*circular_filter)(const T *, const T *, T *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int);         \
    void (*circular_gradient)(const T *, const T *, double *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t);       \
    void (*piecewise)(const T *, const T *, T *, int64_t, int64_t, double, double, T, T);                                  \
    void (*piecewise_pullback)(const T *, const T *, const T *, T *, double *, double *, int64_t, int64_t, double, double, T, T); \
    void (*interpolate_line)(const T *, int64_t, T *, int64_t, double, double, double);                                           \
    void (*spread_line)(const T *, int64_t, T *, int64_t, double, double, double);                                                \
    void (*channel_sums)(const T *, double *, int64_t, int64_t);                                           \
    void (*channel_affine)(const T *, const T *, const T *, T *, int64_t, int64_t, int);                   \
    void (*channel_products)(const T *, const T *, const T *, const T *, double *, int64_t, int64_t, int); \
    void (*channel_pullback)(const T *, const T *, const T *, const T *, const T *, const T *, const T *, T *, int64_t, int64_t, int); \
    void (*maximum_pool)(const T *, T *, int64_t, int64_t, int64_t);                                       \
    void (*maximum_pool_pullback)(const T *, const T *, const T *, T *, int64_t, int64_t, int64_t);        \
  };
CK_TABLE(float, f32)
CK_TABLE(double, f64)
#undef CK_TABLE

/* Winograd's convolution with tiles of one extent; see winograd.inc. */
struct ck_winograd_table {
  void (*kernel_transform)(const float *, long, float *);
  void (*kernel_gradient)(const float *, long, float *);
  void (*forward)(const float *, const float *, const float *, float *, int64_t, int64_t, int64_t, int64_t, int, int64_t, int64_t,
                  int64_t, float *);
  void (*backward)(const float *, const float *, const float *, const float *, float *, float *, float *, int64_t, int64_t, int64_t,
                   int64_t, int64_t, int64_t, float *);
};
/* 3 x 3 convolutions on channels-last maps, in single precision; see convolution.inc. */
struct ck_convolution_table {
  int64_t lanes;
  long (*plane)(long);
  struct ck_winograd_table four, six;
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
