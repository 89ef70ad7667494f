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

/* Extents of filters, numbers of knots, extents of patches, and numbers that may be read and written beyond them. */
enum { CK_LARGEST_FILTER = 31, CK_MOST_KNOTS = 1024, CK_LINE_PADDING = 20, CK_LARGEST_PATCH = 16, CK_PATCH_SLACK = 32,
       CK_PATCH_SPAN = 16 };

/* The loops for an element type T of suffix S, as X(S, result, name, (parameters), (arguments)): declarations, the tables of the
   instruction sets and the choice between them are made of this one list. */
#define CK_KERNELS(X, T, S)                                                                                                   \
  /* out = a + b */                                                                                                           \
  X(S, void, add, (const T *a, const T *b, T *out, intptr_t count), (a, b, out, count))                                       \
  /* out = a - b */                                                                                                           \
  X(S, void, subtract, (const T *a, const T *b, T *out, intptr_t count), (a, b, out, count))                                  \
  /* out = a * b, element by element */                                                                                       \
  X(S, void, multiply, (const T *a, const T *b, T *out, intptr_t count), (a, b, out, count))                                  \
  /* out = s * a */                                                                                                           \
  X(S, void, scale, (T s, const T *a, T *out, intptr_t count), (s, a, out, count))                                            \
  /* y += s * x */                                                                                                            \
  X(S, void, axpy, (T s, const T *x, T *y, intptr_t count), (s, x, y, count))                                                 \
  /* sum of a * b, accumulated in double */                                                                                   \
  X(S, double, dot, (const T *a, const T *b, intptr_t count), (a, b, count))                                                  \
  /* out = sign(r) max(|r| - t, 0); t < 0 expands */                                                                          \
  X(S, void, soft, (const T *r, T t, T *out, intptr_t count), (r, t, out, count))                                             \
  /* dr = v where x != 0, else 0; returns -sum of sign(x) v, the derivative with respect to the threshold */                  \
  X(S, double, soft_pullback, (const T *x, const T *v, T *dr, intptr_t count), (x, v, dr, count))                             \
  /* soft threshold of rows of `width` with one threshold a column; rows * width elements */                                  \
  X(S, void, soft_columns, (const T *r, const T *t, T *out, intptr_t rows, intptr_t width), (r, t, out, rows, width))         \
  /* its pullback: dr, and dt += -sum over rows of sign(x) v; dt has `width` elements and must be initialised */              \
  X(S, void, soft_columns_pullback, (const T *x, const T *v, T *dr, T *dt, intptr_t rows, intptr_t width), (x, v, dr, dt,     \
    rows, width))                                                                                                             \
  /* out[i, j] += bias[j] */                                                                                                  \
  X(S, void, add_rows, (const T *bias, T *out, intptr_t rows, intptr_t width), (bias, out, rows, width))                      \
  /* dt[j] += sum over rows of v[i, j] */                                                                                     \
  X(S, void, sum_rows, (const T *v, T *dt, intptr_t rows, intptr_t width), (v, dt, rows, width))                              \
  /* out = max(a, 0); a NaN stays one */                                                                                      \
  X(S, void, relu, (const T *a, T *out, intptr_t count), (a, out, count))                                                     \
  /* da = v where y > 0, else 0; y is what relu returned */                                                                   \
  X(S, void, relu_pullback, (const T *y, const T *v, T *da, intptr_t count), (y, v, da, count))                               \
  /* out = a * b for `count` complex numbers stored as (real, imaginary) */                                                   \
  X(S, void, complex_multiply, (const T *a, const T *b, T *out, intptr_t count), (a, b, out, count))                          \
  /* out = conj(a) * b */                                                                                                     \
  X(S, void, complex_multiply_conjugated, (const T *a, const T *b, T *out, intptr_t count), (a, b, out, count))               \
  /* out = conj(a) */                                                                                                         \
  X(S, void, complex_conjugate, (const T *a, T *out, intptr_t count), (a, out, count))                                        \
  /* next = b + rate (c - z), pull = z - next */                                                                              \
  X(S, void, multiplier, (T rate, const T *b, const T *c, const T *z, T *next, T *pull, intptr_t count),                      \
    (rate, b, c, z, next, pull, count))                                                                                       \
  /* its pullback of v for next and u for pull: t = v - u, db = t, dc = rate t, dz = u - rate t; returns the sum of t (c - z), in double */ \
  X(S, double, multiplier_pullback, (T rate, const T *v, const T *u, const T *c, const T *z, T *db, T *dc, T *dz, intptr_t count), \
    (rate, v, u, c, z, db, dc, dz, count))                                                                                    \
  /* one step of Adam: m, u (second moment) and w in place; scale1 = 1/(1-b1^t), scale2 = 1/(1-b2^t) */                       \
  X(S, void, adam, (const T *g, T *m, T *u, T *w, double rate, double b1, double b2, double eps, double decay, double         \
    scale1, double scale2, intptr_t count), (g, m, u, w, rate, b1, b2, eps, decay, scale1, scale2, count))                    \
  /* circular cross-correlation of one image, h x w, with one filter, kh x kw (odd, at most CK_LARGEST_FILTER), rows first ..< last: \
     y[i, j] (+)= sum over a, b of k[a, b] x[i + a - kh / 2, j + b - kw / 2], added to y when add is not 0; y is not x */     \
  X(S, void, circular_filter, (const T *x, const T *k, T *y, intptr_t h, intptr_t w, intptr_t kh, intptr_t kw, intptr_t       \
    first, intptr_t last, int add), (x, k, y, h, w, kh, kw, first, last, add))                                                \
  /* g[a, b] += sum over rows first ..< last of v[i, j] x[i + a - kh / 2, j + b - kw / 2] */                                  \
  X(S, void, circular_gradient, (const T *x, const T *v, double *g, intptr_t h, intptr_t w, intptr_t kh, intptr_t kw,         \
    intptr_t first, intptr_t last), (x, v, g, h, w, kh, kw, first, last))                                                     \
  /* the piecewise-linear curve through (first + i spacing, q[i]), 2 to CK_MOST_KNOTS knots, with slopes left and right outside */ \
  X(S, void, piecewise, (const T *a, const T *q, T *out, intptr_t count, intptr_t knots, double first, double spacing, T      \
    left, T right), (a, q, out, count, knots, first, spacing, left, right))                                                   \
  /* its pullback of v: da, and dq (one a knot) and ds (left and right slope) are added to */                                 \
  X(S, void, piecewise_pullback, (const T *a, const T *q, const T *v, T *da, double *dq, double *ds, intptr_t count,          \
    intptr_t knots, double first, double spacing, T left, T right), (a, q, v, da, dq, ds, count, knots, first, spacing,       \
    left, right))                                                                                                             \
  /* target[e] += weight s(start + e step) for e in 0 ..< n, s the piecewise-linear function through source[0 ..< m], zeros beyond; \
     a source of either has CK_LINE_PADDING readable zeros before and after its elements */                                   \
  X(S, void, interpolate_line, (const T *source, intptr_t m, T *target, intptr_t n, double start, double step, double         \
    weight), (source, m, target, n, start, step, weight))                                                                     \
  /* its transpose: target[k] += weight sum over e in 0 ..< n of max(0, 1 - |start + e step - k|) source[e], k in 0 ..< m */  \
  X(S, void, spread_line, (const T *source, intptr_t n, T *target, intptr_t m, double start, double step, double weight),     \
    (source, n, target, m, start, step, weight))                                                                              \
  /* rows of c channels: sums[j] += sum of x, sums[c + j] += sum of x * x */                                                  \
  X(S, void, channel_sums, (const T *x, double *sums, intptr_t rows, intptr_t c), (x, sums, rows, c))                         \
  /* out = x * scale[j] + shift[j]; with relu, at least 0 */                                                                  \
  X(S, void, channel_affine, (const T *x, const T *scale, const T *shift, T *out, intptr_t rows, intptr_t c, int relu),       \
    (x, scale, shift, out, rows, c, relu))                                                                                    \
  /* sums[j] += sum of g, sums[c + j] += sum of g * x; g is v, with relu only where x * scale[j] + shift[j] > 0 */            \
  X(S, void, channel_products, (const T *x, const T *v, const T *scale, const T *shift, double *sums, intptr_t rows,          \
    intptr_t c, int relu), (x, v, scale, shift, sums, rows, c, relu))                                                         \
  /* dx = a[j] * g + b[j] * x + d[j] */                                                                                       \
  X(S, void, channel_pullback, (const T *x, const T *v, const T *scale, const T *shift, const T *a, const T *b, const T       \
    *d, T *dx, intptr_t rows, intptr_t c, int relu), (x, v, scale, shift, a, b, d, dx, rows, c, relu))                        \
  /* maxima of 2 x 2 pixels of a map h x w x c, h and w even; a NaN stays one */                                              \
  X(S, void, maximum_pool, (const T *x, T *y, intptr_t h, intptr_t w, intptr_t c), (x, y, h, w, c))                           \
  /* its pullback: dx = v at the first pixel, row by row, that is y, 0 at the three others */                                 \
  X(S, void, maximum_pool_pullback, (const T *x, const T *y, const T *v, T *dx, intptr_t h, intptr_t w, intptr_t c), (x,      \
    y, v, dx, h, w, c))                                                                                                       \
  /* out = a / b */                                                                                                           \
  X(S, void, divide, (const T *a, const T *b, T *out, intptr_t count), (a, b, out, count))                                    \
  /* Patches, side x side with side at most CK_LARGEST_PATCH, begin at a place of an image whose rows are `stride` apart; as many as\
     CK_PATCH_SLACK numbers after an image are read, and after out and sums are written too. In a stack they are side rows of \
     8 ceil(side / 8) numbers, zeros at the end. */                                                                           \
  /* out[j] = squared distance of the patches at a + j and b + j, j in 0 ..< count; out has room for side more numbers, limits is read\
     CK_PATCH_SLACK beyond too. hits: where the CK_PATCH_SPAN numbers begin of which one is below its limit; returns how many */ \
  X(S, intptr_t, patch_distances, (const T *a, const T *b, intptr_t stride, intptr_t side, intptr_t count, const T *limits,   \
    T *out, int32_t *hits), (a, b, stride, side, count, limits, out, hits))                                                   \
  /* stack = B x B' of the patches x at the places; bt is B' as a patch of a stack */                                         \
  X(S, void, patch_transform, (const T *bt, intptr_t side, const T *image, intptr_t stride, const int32_t *places, intptr_t   \
    count, T *stack), (bt, side, image, stride, places, count, stack))                                                        \
  /* the same of the patches of a stack, in place */                                                                          \
  X(S, void, patch_transform_stack, (const T *bt, intptr_t side, T *stack, intptr_t count), (bt, side, stack, count))         \
  /* the orthonormal Haar transform, fully decomposed, across a power of two of patches of `size` numbers, in place; coefficients lie\
     in the order of the butterflies */                                                                                       \
  X(S, void, patch_haar, (T *stack, intptr_t count, intptr_t size, int inverse), (stack, count, size, inverse))               \
  /* 0 where |v| < t, for t > 0; returns how many others there are; count is a multiple of 8 */                              \
  X(S, intptr_t, patch_threshold, (T *stack, intptr_t count, T t), (stack, count, t))                                         \
  /* pairs (a, b) times max(1 - t / norm, 0), in place */                                                                      \
  X(S, void, pair_shrink, (T *a, T *b, intptr_t count, T t), (a, b, count, t))                                                \
  /* stack *= g, g = guide * guide / (guide * guide + variance); returns the sum of g * g; count is a multiple of 8 */        \
  X(S, double, patch_wiener, (T *stack, const T *guide, intptr_t count, T variance), (stack, guide, count, variance))         \
  /* how many of x are not 0 */                                                                                               \
  X(S, intptr_t, nonzeros, (const T *x, intptr_t count), (x, count))                                                          \
  /* out[j, i] = x[i, j] */                                                                                                   \
  X(S, void, transpose, (const T *x, T *out, intptr_t rows, intptr_t columns), (x, out, rows, columns))                       \
  /* out = x b, m x n, added to out when add is not 0, for x, m x k, of which most numbers are zeros: only the others are multiplied, \
     whatever b has there; x_turned, b_turned: what is given is the transpose. `room` has the bytes that sparse_product_room says,    \
     aligned to 64; m, n, k are positive, out is none of the others */                                                        \
  X(S, void, sparse_product, (const T *x, int x_turned, const T *b, int b_turned, T *out, intptr_t m, intptr_t n, intptr_t    \
    k, int add, void *room), (x, x_turned, b, b_turned, out, m, n, k, add, room))                                             \
  X(S, intptr_t, sparse_product_room, (intptr_t m, intptr_t n, intptr_t k, intptr_t nonzeros), (m, n, k, nonzeros))           \
  /* numerator += weight * window * patch, denominator += weight * window at the places; window is a patch of a stack */      \
  X(S, void, patch_add, (const T *stack, intptr_t side, const int32_t *places, intptr_t count, const T *window, T weight, T   \
    *numerator, T *denominator, intptr_t stride), (stack, side, places, count, window, weight, numerator, denominator, stride))

#define CK_DECLARE(S, result, name, parameters, arguments) result ck_##name##_##S parameters;
CK_KERNELS(CK_DECLARE, float, f32)
CK_KERNELS(CK_DECLARE, double, f64)
#undef CK_DECLARE
/* 3 x 3 convolutions (cross-correlations) with zeros outside, on channels-last maps [batch, h, w, c], in single precision. Channel
   counts of maps are multiples of ck_convolution_channels(); no output may be an input. What is made in parts, tiles or rows, has the
   same bytes however it is cut. */
int64_t ck_convolution_channels(void);
/* A layer from `in` to `out` channels on maps h x w, as the calling thread would compute it. */
struct ck_convolution {
  int64_t h, w, in, out;
  int level; /* the instruction set */
};
/* rows and columns of a tile of outputs, but for the last ones of a map */
enum { CK_TILE = 6 };
struct ck_convolution ck_convolution_of(int64_t h, int64_t w, int64_t in, int64_t out);
/* tiles of a map */
int64_t ck_convolution_tiles(const struct ck_convolution *layer);
/* weights[o][i][tap] under Winograd's transform, for any thread to read until they are released; a thread has one such at a time */
float *ck_convolution_filters(const struct ck_convolution *layer, const float *weights);
void ck_release_filters(const struct ck_convolution *layer, float *filters);
/* the same into a buffer of the caller's, of so many numbers, aligned to 64 bytes */
int64_t ck_convolution_filter_count(const struct ck_convolution *layer);
void ck_convolution_filters_into(const struct ck_convolution *layer, const float *weights, float *filters);
/* what becomes of a sum s: stored, its positive part stored, sign(s) max(|s| - threshold, 0) stored for a threshold that is not negative,
   or added to what is there */
enum ck_finish { CK_STORED, CK_RECTIFIED, CK_THRESHOLDED, CK_ADDED };
/* y[p][o] = bias[o] + sum over taps and i of weights[o][i][tap] x[p + tap][i], finished; bias may be null. Of the batch's tiles, map by
   map, first ..< last. */
void ck_convolve3x3(const struct ck_convolution *layer, const float *x, const float *filters, const float *bias, float *y,
                    enum ck_finish finish, float threshold, int64_t first, int64_t last);
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

/* gives the calling thread a stack for handlers of signals with SA_ONSTACK, once; needed before oneDNN's products, see signals.c */
void ck_prepare_signal_stack(void);

/* the processor whose kernels OpenBLAS runs, or "", see openblas.c */
const char *ck_openblas_kernels(void);

#include "CKernelsMixed.h"

#endif
