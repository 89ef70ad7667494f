// SPDX-License-Identifier: Apache-2.0
// Loops compiled for several instruction sets; the best one the processor has is chosen at run time.
// All buffers are dense; `count` is a number of elements. `out` may be one of the inputs unless a comment says otherwise.
#ifndef UNFOLD_CKERNELS_H
#define UNFOLD_CKERNELS_H
#include <stdint.h>

/// Instruction sets, each a superset of the one before.
enum { CK_BASELINE = 0, CK_AVX2 = 1, CK_AVX512 = 2 };

/// The highest instruction set this processor has.
int ck_best_instruction_set(void);
/// The instruction set in use.
int ck_instruction_set(void);
/// Chooses an instruction set for the whole process; one the processor lacks is lowered to the best it has. Returns the choice.
int ck_set_instruction_set(int level);
/// The same for the calling thread alone; a negative level returns it to the process's choice. Returns the choice, or -1.
int ck_set_thread_instruction_set(int level);

/* Keeps freed memory for the next allocation instead of handing blocks of up to 32 MiB back to the system, where every step of a
   network would fault its pages in anew. Does nothing but with glibc. */
void ck_keep_freed_memory(void);

/* Extents of filters and numbers of knots. */
enum { CK_LARGEST_FILTER = 31, CK_MOST_KNOTS = 1024, CK_LINE_PADDING = 20 };

#define CK_DECLARE(T, S)                                                                                                        \
  /* out = a + b */                                                                                                             \
  void ck_add_##S(const T *a, const T *b, T *out, int64_t count);                                                               \
  /* out = a - b */                                                                                                             \
  void ck_subtract_##S(const T *a, const T *b, T *out, int64_t count);                                                          \
  /* out = a * b, element by element */                                                                                         \
  void ck_multiply_##S(const T *a, const T *b, T *out, int64_t count);                                                          \
  /* out = s * a */                                                                                                             \
  void ck_scale_##S(T s, const T *a, T *out, int64_t count);                                                                    \
  /* y += s * x */                                                                                                              \
  void ck_axpy_##S(T s, const T *x, T *y, int64_t count);                                                                       \
  /* sum of a * b, accumulated in double */                                                                                     \
  double ck_dot_##S(const T *a, const T *b, int64_t count);                                                                     \
  /* out = sign(r) max(|r| - t, 0); t < 0 expands */                                                                            \
  void ck_soft_##S(const T *r, T t, T *out, int64_t count);                                                                     \
  /* dr = v where x != 0, else 0; returns -sum of sign(x) v, the derivative with respect to the threshold */                    \
  double ck_soft_pullback_##S(const T *x, const T *v, T *dr, int64_t count);                                                    \
  /* soft threshold of rows of `width` with one threshold a column; rows * width elements */                                    \
  void ck_soft_columns_##S(const T *r, const T *t, T *out, int64_t rows, int64_t width);                                        \
  /* its pullback: dr, and dt += -sum over rows of sign(x) v; dt has `width` elements and must be initialised */                \
  void ck_soft_columns_pullback_##S(const T *x, const T *v, T *dr, T *dt, int64_t rows, int64_t width);                         \
  /* out[i, j] += bias[j] */                                                                                                    \
  void ck_add_rows_##S(const T *bias, T *out, int64_t rows, int64_t width);                                                     \
  /* dt[j] += sum over rows of v[i, j] */                                                                                       \
  void ck_sum_rows_##S(const T *v, T *dt, int64_t rows, int64_t width);                                                         \
  /* out = max(a, 0); a NaN stays one */                                                                                       \
  void ck_relu_##S(const T *a, T *out, int64_t count);                                                                         \
  /* da = v where y > 0, else 0; y is what relu returned */                                                                    \
  void ck_relu_pullback_##S(const T *y, const T *v, T *da, int64_t count);                                                     \
  /* out = a * b for `count` complex numbers stored as (real, imaginary) */                                                    \
  void ck_complex_multiply_##S(const T *a, const T *b, T *out, int64_t count);                                                 \
  /* out = conj(a) * b */                                                                                                      \
  void ck_complex_multiply_conjugated_##S(const T *a, const T *b, T *out, int64_t count);                                      \
  /* out = conj(a) */                                                                                                          \
  void ck_complex_conjugate_##S(const T *a, T *out, int64_t count);                                                            \
  /* one step of Adam: m, u (second moment) and w in place; scale1 = 1/(1-b1^t), scale2 = 1/(1-b2^t) */                         \
  void ck_adam_##S(const T *g, T *m, T *u, T *w, double rate, double b1, double b2, double eps, double decay, double scale1,    \
                   double scale2, int64_t count);                                                                               \
  /* circular cross-correlation of one image, h x w, with one filter, kh x kw (odd, at most CK_LARGEST_FILTER), rows first ..< last: \
     y[i, j] (+)= sum over a, b of k[a, b] x[i + a - kh / 2, j + b - kw / 2], added to y when add is not 0; y is not x */        \
  void ck_circular_filter_##S(const T *x, const T *k, T *y, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t first,        \
                              int64_t last, int add);                                                                           \
  /* g[a, b] += sum over rows first ..< last of v[i, j] x[i + a - kh / 2, j + b - kw / 2] */                                    \
  void ck_circular_gradient_##S(const T *x, const T *v, double *g, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t first, \
                                int64_t last);                                                                                  \
  /* the piecewise-linear curve through (first + i spacing, q[i]), 2 to CK_MOST_KNOTS knots, with slopes left and right outside */ \
  void ck_piecewise_##S(const T *a, const T *q, T *out, int64_t count, int64_t knots, double first, double spacing, T left,     \
                        T right);                                                                                               \
  /* its pullback of v: da, and dq (one a knot) and ds (left and right slope) are added to */                                   \
  void ck_piecewise_pullback_##S(const T *a, const T *q, const T *v, T *da, double *dq, double *ds, int64_t count,              \
                                 int64_t knots, double first, double spacing, T left, T right);                                 \
  /* target[e] += weight s(start + e step) for e in 0 ..< n, s the piecewise-linear function through source[0 ..< m], zeros beyond; \
     a source of either has CK_LINE_PADDING readable zeros before and after its elements */                                      \
  void ck_interpolate_line_##S(const T *source, int64_t m, T *target, int64_t n, double start, double step, double weight);     \
  /* its transpose: target[k] += weight sum over e in 0 ..< n of max(0, 1 - |start + e step - k|) source[e], k in 0 ..< m */      \
  void ck_spread_line_##S(const T *source, int64_t n, T *target, int64_t m, double start, double step, double weight);           \
  /* rows of c channels: sums[j] += sum of x, sums[c + j] += sum of x * x */                                                   \
  void ck_channel_sums_##S(const T *x, double *sums, int64_t rows, int64_t c);                                                 \
  /* out = x * scale[j] + shift[j]; with relu, at least 0 */                                                                   \
  void ck_channel_affine_##S(const T *x, const T *scale, const T *shift, T *out, int64_t rows, int64_t c, int relu);           \
  /* sums[j] += sum of g, sums[c + j] += sum of g * x; g is v, with relu only where x * scale[j] + shift[j] > 0 */             \
  void ck_channel_products_##S(const T *x, const T *v, const T *scale, const T *shift, double *sums, int64_t rows, int64_t c,  \
                               int relu);                                                                                      \
  /* dx = a[j] * g + b[j] * x + d[j] */                                                                                        \
  void ck_channel_pullback_##S(const T *x, const T *v, const T *scale, const T *shift, const T *a, const T *b, const T *d,     \
                               T *dx, int64_t rows, int64_t c, int relu);                                                      \
  /* maxima of 2 x 2 pixels of a map h x w x c, h and w even; a NaN stays one */                                               \
  void ck_maximum_pool_##S(const T *x, T *y, int64_t h, int64_t w, int64_t c);                                                 \
  /* its pullback: dx = v at the first pixel, row by row, that is y, 0 at the three others */                                  \
  void ck_maximum_pool_pullback_##S(const T *x, const T *y, const T *v, T *dx, int64_t h, int64_t w, int64_t c);

CK_DECLARE(float, f32)
CK_DECLARE(double, f64)
#undef CK_DECLARE
/* 3 x 3 convolutions (cross-correlations) with zeros outside, on channels-last maps [batch, h, w, c], in single precision. Channel
   counts of maps are multiples of ck_convolution_channels(); no output may be an input. What is made in parts, tiles or rows, has the
   same bytes however it is cut. */
int64_t ck_convolution_channels(void);
/* A layer from `in` to `out` channels on maps h x w, as the calling thread would compute it. */
struct ck_convolution {
  int64_t h, w, in, out;
  int64_t extent; /* of a Winograd tile of outputs: 4 or 6 */
  int level;      /* the instruction set */
};
struct ck_convolution ck_convolution_of(int64_t h, int64_t w, int64_t in, int64_t out);
/* tiles of a map */
int64_t ck_convolution_tiles(const struct ck_convolution *layer);
/* weights[o][i][tap] under Winograd's transform, for any thread to read until they are released; a thread has one such at a time */
float *ck_convolution_filters(const struct ck_convolution *layer, const float *weights);
void ck_release_filters(const struct ck_convolution *layer, float *filters);
/* the same into a buffer of the caller's, of so many numbers, aligned to 64 bytes */
int64_t ck_convolution_filter_count(const struct ck_convolution *layer);
void ck_convolution_filters_into(const struct ck_convolution *layer, const float *weights, float *filters);
/* what becomes of a sum: stored, its positive part stored, or added to what is there */
enum ck_finish { CK_STORED, CK_RECTIFIED, CK_ADDED };
/* y[p][o] = bias[o] + sum over taps and i of weights[o][i][tap] x[p + tap][i], finished; bias may be null. Of the batch's tiles, map by
   map, first ..< last. */
void ck_convolve3x3(const struct ck_convolution *layer, const float *x, const float *filters, const float *bias, float *y,
                    enum ck_finish finish, int64_t first, int64_t last);
/* its pullback of v, with respect to x, weights and, unless null, bias (summed over the batch); y is the rectified output, or
   null where it was stored as it is */
void ck_convolve3x3_pullback(const struct ck_convolution *layer, const float *x, const float *weights, const float *y, const float *v,
                             float *dx, float *dweights, float *dbias, int64_t batch);
/* from one channel to c: y[p][k] = bias[k] + sum over taps of weights[k][tap] s[p + tap]; flipped: s[p - tap]; bias may be null. Of the
   batch's rows, map by map, first ..< last. */
void ck_expand3x3(const float *s, const float *weights, const float *bias, float *y, int64_t h, int64_t w, int64_t c, int flipped,
                  int64_t first, int64_t last);
/* from c channels to one: s[p] = sum over taps and k of weights[k][tap] x[p + tap][k]; flipped: x[p - tap]; rows as above */
void ck_collapse3x3(const float *x, const float *weights, float *s, int64_t h, int64_t w, int64_t c, int flipped, int64_t first,
                    int64_t last);
/* dweights[k][tap] = sum over p of s[p + tap] v[p][k]; flipped: s[p - tap] */
void ck_correlate3x3(const float *s, const float *v, float *dweights, int64_t batch, int64_t h, int64_t w, int64_t c, int flipped);

#include "CKernelsMixed.h"

#endif
