// SPDX-License-Identifier: Apache-2.0
// 3 x 3 convolutions in mixed precision: products of numbers rounded to bfloat16, sums in single precision. All arrays hold floats;
// channels-last maps [batch, h, w, c] with zeros outside, channel counts multiples of ck_mixed_channels(); no output may be an
// input.
//
// bf(a) is a rounded to the nearest bfloat16, ties to even: numbers too large become infinite, a NaN stays one and becomes quiet.
// Products of two of them are exact. Tiles take subnormal factors, and sums that come out subnormal, as zeros.
#ifndef UNFOLD_CKERNELS_MIXED_H
#define UNFOLD_CKERNELS_MIXED_H
#include <stdint.h>

/// Whether processor and system have tiles for bfloat16 (x86-64's AMX). The first call asks the system for them, for the process.
int ck_has_bfloat16_tiles(void);
int64_t ck_mixed_channels(void);
/// out = bf(x), as floats.
void ck_round_bfloat16(const float *x, float *out, int64_t count);

/* y[p][o] = bias[o] + sum over taps and i of bf(weights[o][i][tap]) bf(x[p + tap][i]); with relu, max(y, 0); bias may be null.
   Without tiles, their emulation. */
void ck_convolve3x3_mixed(const float *x, const float *weights, const float *bias, float *y, int64_t batch, int64_t h, int64_t w,
                          int64_t in, int64_t out, int relu);
/* The pullback of v through the unrounded map at the rounded x and weights; m is v where y, what relu returned, is positive, or v if
   y is null:
   dx[q][i] = sum over taps and o of bf(weights[o][i][tap]) bf(m[q - tap][o]),  dweights[o][i][tap] = sum over p of bf(m[p][o])
   bf(x[p + tap][i])  and, unless null,  dbias[o] = sum over p of m[p][o],  the last two summed over the batch */
void ck_convolve3x3_mixed_pullback(const float *x, const float *weights, const float *y, const float *v, float *dx, float *dweights,
                                   float *dbias, int64_t batch, int64_t h, int64_t w, int64_t in, int64_t out);

/* The same kernels on tiles emulated in C. For tests: hundreds of times slower. */
void ck_convolve3x3_mixed_emulated(const float *x, const float *weights, const float *bias, float *y, int64_t batch, int64_t h,
                                   int64_t w, int64_t in, int64_t out, int relu);
void ck_convolve3x3_mixed_pullback_emulated(const float *x, const float *weights, const float *y, const float *v, float *dx,
                                            float *dweights, float *dbias, int64_t batch, int64_t h, int64_t w, int64_t in,
                                            int64_t out);

#endif
