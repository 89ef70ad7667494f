// Chooses the tables once, before main, by what the processor has.
#include "CKernels.h"
#include "table.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static const struct ck_table_f32 *f32 = &ck_baseline_f32;
static const struct ck_table_f64 *f64 = &ck_baseline_f64;
static int chosen = CK_BASELINE;
// The calling thread's own choice, if it made one.
static _Thread_local int own = -1;
static _Thread_local const struct ck_table_f32 *own_f32;
static _Thread_local const struct ck_table_f64 *own_f64;
#define IN_USE(S) (own < 0 ? S : own_##S)

int ck_best_instruction_set(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    return CK_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_AVX2;
#endif
  return CK_BASELINE;
}

int ck_instruction_set(void) { return own < 0 ? chosen : own; }

static int find(int level, const struct ck_table_f32 **single, const struct ck_table_f64 **twice) {
  int best = ck_best_instruction_set();
  level = level < CK_BASELINE ? CK_BASELINE : (level > best ? best : level);
  *single = &ck_baseline_f32;
  *twice = &ck_baseline_f64;
#if defined(__x86_64__)
  if (level == CK_AVX2) *single = &ck_avx2_f32, *twice = &ck_avx2_f64;
  if (level == CK_AVX512) *single = &ck_avx512_f32, *twice = &ck_avx512_f64;
#endif
  return level;
}

const struct ck_convolution_table *ck_convolution_table(int level) {
#if defined(__x86_64__)
  if (level == CK_AVX512) return &ck_avx512_convolution;
  if (level == CK_AVX2) return &ck_avx2_convolution;
#endif
  return &ck_baseline_convolution;
}

int ck_set_instruction_set(int level) { return chosen = find(level, &f32, &f64); }

int ck_set_thread_instruction_set(int level) {
  return own = level < 0 ? -1 : find(level, &own_f32, &own_f64);
}

__attribute__((constructor)) static void choose(void) { ck_set_instruction_set(CK_AVX512); }

void ck_keep_freed_memory(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_ARENA_MAX, 1);  // what one worker thread freed is there for the next one
#endif
}

#define CK_FORWARD(T, S)                                                                                                           \
  void ck_add_##S(const T *a, const T *b, T *out, int64_t n) { IN_USE(S)->add(a, b, out, n); }                                     \
  void ck_subtract_##S(const T *a, const T *b, T *out, int64_t n) { IN_USE(S)->subtract(a, b, out, n); }                           \
  void ck_multiply_##S(const T *a, const T *b, T *out, int64_t n) { IN_USE(S)->multiply(a, b, out, n); }                           \
  void ck_scale_##S(T s, const T *a, T *out, int64_t n) { IN_USE(S)->scale(s, a, out, n); }                                        \
  void ck_axpy_##S(T s, const T *x, T *y, int64_t n) { IN_USE(S)->axpy(s, x, y, n); }                                              \
  double ck_dot_##S(const T *a, const T *b, int64_t n) { return IN_USE(S)->dot(a, b, n); }                                         \
  void ck_soft_##S(const T *r, T t, T *out, int64_t n) { IN_USE(S)->soft(r, t, out, n); }                                          \
  double ck_soft_pullback_##S(const T *x, const T *v, T *dr, int64_t n) { return IN_USE(S)->soft_pullback(x, v, dr, n); }          \
  void ck_soft_columns_##S(const T *r, const T *t, T *out, int64_t rows, int64_t width) {                                          \
    IN_USE(S)->soft_columns(r, t, out, rows, width);                                                                               \
  }                                                                                                                                \
  void ck_soft_columns_pullback_##S(const T *x, const T *v, T *dr, T *dt, int64_t rows, int64_t width) {                           \
    IN_USE(S)->soft_columns_pullback(x, v, dr, dt, rows, width);                                                                   \
  }                                                                                                                                \
  void ck_add_rows_##S(const T *bias, T *out, int64_t rows, int64_t width) { IN_USE(S)->add_rows(bias, out, rows, width); }        \
  void ck_sum_rows_##S(const T *v, T *dt, int64_t rows, int64_t width) { IN_USE(S)->sum_rows(v, dt, rows, width); }                \
  void ck_relu_##S(const T *a, T *out, int64_t n) { IN_USE(S)->relu(a, out, n); }                                                  \
  void ck_relu_pullback_##S(const T *y, const T *v, T *da, int64_t n) { IN_USE(S)->relu_pullback(y, v, da, n); }                   \
  void ck_complex_multiply_##S(const T *a, const T *b, T *out, int64_t n) { IN_USE(S)->complex_multiply(a, b, out, n); }           \
  void ck_complex_multiply_conjugated_##S(const T *a, const T *b, T *out, int64_t n) {                                             \
    IN_USE(S)->complex_multiply_conjugated(a, b, out, n);                                                                          \
  }                                                                                                                                \
  void ck_complex_conjugate_##S(const T *a, T *out, int64_t n) { IN_USE(S)->complex_conjugate(a, out, n); }                        \
  void ck_adam_##S(const T *g, T *m, T *u, T *w, double rate, double b1, double b2, double eps, double decay, double scale1,       \
                   double scale2, int64_t n) {                                                                                     \
    IN_USE(S)->adam(g, m, u, w, rate, b1, b2, eps, decay, scale1, scale2, n);                                                      \
  }                                                                                                                                \
  void ck_circular_filter_##S(const T *x, const T *k, T *y, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t first,           \
                              int64_t last, int add) {                                                                             \
    IN_USE(S)->circular_filter(x, k, y, h, w, kh, kw, first, last, add);                                                           \
  }                                                                                                                                \
  void ck_circular_gradient_##S(const T *x, const T *v, double *g, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t first,    \
                                int64_t last) {                                                                                    \
    IN_USE(S)->circular_gradient(x, v, g, h, w, kh, kw, first, last);                                                              \
  }                                                                                                                                \
  void ck_piecewise_##S(const T *a, const T *q, T *out, int64_t n, int64_t knots, double first, double spacing, T left, T right) { \
    IN_USE(S)->piecewise(a, q, out, n, knots, first, spacing, left, right);                                                        \
  }                                                                                                                                \
  void ck_piecewise_pullback_##S(const T *a, const T *q, const T *v, T *da, double *dq, double *ds, int64_t n, int64_t knots,      \
                                 double first, double spacing, T left, T right) {                                                  \
    IN_USE(S)->piecewise_pullback(a, q, v, da, dq, ds, n, knots, first, spacing, left, right);                                     \
  }                                                                                                                                \
  void ck_interpolate_line_##S(const T *source, int64_t m, T *target, int64_t n, double start, double step, double weight) {       \
    IN_USE(S)->interpolate_line(source, m, target, n, start, step, weight);                                                        \
  }                                                                                                                                \
  void ck_spread_line_##S(const T *source, int64_t n, T *target, int64_t m, double start, double step, double weight) {            \
    IN_USE(S)->spread_line(source, n, target, m, start, step, weight);                                                             \
  }                                                                                                                                \
  void ck_channel_sums_##S(const T *x, double *sums, int64_t rows, int64_t c) { IN_USE(S)->channel_sums(x, sums, rows, c); }       \
  void ck_channel_affine_##S(const T *x, const T *scale, const T *shift, T *out, int64_t rows, int64_t c, int relu) {              \
    IN_USE(S)->channel_affine(x, scale, shift, out, rows, c, relu);                                                                \
  }                                                                                                                                \
  void ck_channel_products_##S(const T *x, const T *v, const T *scale, const T *shift, double *sums, int64_t rows, int64_t c,      \
                               int relu) {                                                                                         \
    IN_USE(S)->channel_products(x, v, scale, shift, sums, rows, c, relu);                                                          \
  }                                                                                                                                \
  void ck_channel_pullback_##S(const T *x, const T *v, const T *scale, const T *shift, const T *a, const T *b, const T *d, T *dx,  \
                               int64_t rows, int64_t c, int relu) {                                                                \
    IN_USE(S)->channel_pullback(x, v, scale, shift, a, b, d, dx, rows, c, relu);                                                   \
  }                                                                                                                                \
  void ck_maximum_pool_##S(const T *x, T *y, int64_t h, int64_t w, int64_t c) { IN_USE(S)->maximum_pool(x, y, h, w, c); }          \
  void ck_maximum_pool_pullback_##S(const T *x, const T *y, const T *v, T *dx, int64_t h, int64_t w, int64_t c) {                  \
    IN_USE(S)->maximum_pool_pullback(x, y, v, dx, h, w, c);                                                                        \
  }
CK_FORWARD(float, f32)
CK_FORWARD(double, f64)
