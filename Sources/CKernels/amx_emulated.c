// SPDX-License-Identifier: Apache-2.0
// The mixed-precision convolutions on tiles emulated in C, so that their layouts and their order are tested on every processor.
#include "mixed.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint8_t tiles[8][16][64];

static inline float flushed(float a) { return fabsf(a) < FLT_MIN ? copysignf(0, a) : a; }

// Number `index` of a row of bfloat16 numbers, a subnormal one as zero.
static inline float factor(const uint8_t *row, int index) {
  uint16_t half;
  memcpy(&half, row + 2 * index, 2);
  const uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, 4);
  return flushed(value);
}

static void load(int t, const void *from, long bytes) {
  for (int row = 0; row < 16; row++) memcpy(tiles[t][row], (const char *)from + row * bytes, 64);
}

static void store(int t, void *to, long bytes) {
  for (int row = 0; row < 16; row++) memcpy((char *)to + row * bytes, tiles[t][row], 64);
}

// TDPBF16PS: fused multiply-adds of even and of odd elements in the order of k, their sum, the sum with c; each rounded to nearest
// even, subnormal numbers zero before and after. Source: Intel's Software Developer's Manual, volume 2.
static void dot(int c, int a, int b) {
  float first[16][32], second[16][32];
  for (int k = 0; k < 16; k++)
    for (int e = 0; e < 32; e++) first[k][e] = factor(tiles[a][k], e), second[k][e] = factor(tiles[b][k], e);
  for (int m = 0; m < 16; m++) {
    float sums[32] = {0}, row[16];
    for (int k = 0; k < 16; k++)
      for (int e = 0; e < 32; e++) sums[e] = flushed(fmaf(first[m][2 * k + e % 2], second[k][e], sums[e]));
    memcpy(row, tiles[c][m], 64);
    for (int n = 0; n < 16; n++) row[n] = flushed(flushed(row[n]) + flushed(sums[2 * n] + sums[2 * n + 1]));
    memcpy(tiles[c][m], row, 64);
  }
}

#define NAME(x) emulated_##x
#define BAND_BYTES (1 << 16)  // maps of tests become several bands
#define ROUND(v) __builtin_convertvector(CK_ROUNDED((U)(v)) >> 16, H)
#define TILE_CONFIGURE() ((void)0)
#define TILE_RELEASE() ((void)0)
#define TILE_ZERO(t) memset(tiles[t], 0, sizeof tiles[t])
#define TILE_LOAD load
#define TILE_STORE store
#define TILE_DOT dot
#include "amx.inc"

const struct ck_mixed_convolution ck_emulated_convolution = {emulated_pack, emulated_bands, emulated_line_count, emulated_round, emulated_forward, emulated_pullback, emulated_unpack};
