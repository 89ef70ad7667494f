// SPDX-License-Identifier: Apache-2.0
// 3 x 3 convolutions in mixed precision: products of numbers rounded to bfloat16, sums in single precision. Channels-last maps
// [batch, h, w, c] with zeros outside, channel counts multiples of ck_mixed_channels(); no output may be an input.
//
// bf(a) is a rounded to the nearest bfloat16, ties to even: numbers too large become infinite, a NaN stays one and becomes quiet.
// Products of two of them are exact. Tiles take subnormal factors, and sums that come out subnormal, as zeros.
#ifndef UNFOLD_CKERNELS_MIXED_H
#define UNFOLD_CKERNELS_MIXED_H
#include <stdint.h>

/// Maps in single precision or, where `rounded`, in bfloat16 as tiles read them: lines with paddings, ck_mixed_line_count numbers a map.
struct ck_maps {
  void *data;
  int rounded;
};

/// Who computes: the tiles of the processor (x86-64's AMX), or tiles emulated in C, hundreds of times slower.
enum ck_tiles { CK_TILES, CK_EMULATED_TILES };

/// Whether processor and system have tiles for bfloat16. The first call asks the system for them, for the process. Without them
/// CK_TILES are emulated.
int ck_has_bfloat16_tiles(void);
int64_t ck_mixed_channels(void);
/// out = bf(x), as floats.
void ck_round_bfloat16(const float *x, float *out, int64_t count);

/// Filters, 9 in out numbers, from weights [out][in][9]: those of the map, or of its adjoint.
void ck_mixed_filters(enum ck_tiles by, const float *weights, int64_t in, int64_t out, int adjoint, uint16_t *filters);
/// Bands of rows that a map is computed in.
int64_t ck_mixed_bands(enum ck_tiles by, int64_t h, int64_t w, int64_t in);

/// Numbers of a rounded map.
int64_t ck_mixed_line_count(enum ck_tiles by, int64_t h, int64_t w, int64_t c);
/// Maps as lines, rounded.
void ck_mixed_round(enum ck_tiles by, const float *x, int64_t h, int64_t w, int64_t c, uint16_t *lines, int64_t batch);

/* y[p][o] = bias[o] + sum over taps and i of bf(weights[o][i][tap]) bf(x[p + tap][i]); with relu, max(y, 0); bias may be null. The
   bands first ..< last of the batch. */
void ck_convolve3x3_mixed(enum ck_tiles by, struct ck_maps x, const uint16_t *filters, const float *bias, struct ck_maps y, int64_t h,
                          int64_t w, int64_t in, int64_t out, int relu, int64_t first, int64_t last);
/* The pullback of v through the unrounded map at the rounded x and weights; m is v where y, what relu returned, is positive, or v if
   y is null (as it is to be where v is rounded):
   dx[q][i] = sum over taps and o of bf(weights[o][i][tap]) bf(m[q - tap][o]), with `rectified` 0 where x is not positive;
   sums += those of  sum over p of bf(m[p][o]) bf(x[p + tap][i])  and, unless null,  dbias[o] += sum over p of m[p][o].
   `filters` are those of the adjoint; sums, 9 in out numbers, become weights by ck_mixed_weights. */
void ck_convolve3x3_mixed_pullback(enum ck_tiles by, struct ck_maps x, const uint16_t *filters, const float *y, struct ck_maps v,
                                   struct ck_maps dx, int rectified, float *sums, double *dbias, int64_t batch, int64_t h, int64_t w,
                                   int64_t in, int64_t out);
/// Weights [out][in][9] from sums.
void ck_mixed_weights(enum ck_tiles by, const float *sums, int64_t in, int64_t out, float *weights);

#endif
