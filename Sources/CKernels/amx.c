// SPDX-License-Identifier: Apache-2.0
// The mixed-precision convolutions on the tiles of x86-64's AMX.
#include "mixed.h"

#ifdef CK_HAS_AMX
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), apply_to = function)

// Eight tiles of 16 rows of 64 bytes.
static void configure(void) {
  struct {
    uint8_t palette, row, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
  } shape = {.palette = 1};
  for (int t = 0; t < 8; t++) shape.bytes[t] = 64, shape.rows[t] = 16;
  _tile_loadconfig(&shape);
}

#define NAME(x) amx_##x
#define BAND_BYTES (1 << 20)  // of the 2 MiB of a core
#define ROUND(v) ((amx_halves)_mm512_cvtneps_pbh((__m512)(v)))
#define TILE_CONFIGURE configure
#define TILE_RELEASE _tile_release  // the system need not save tiles that are released
#define TILE_ZERO _tile_zero
#define TILE_LOAD _tile_loadd
#define TILE_STORE _tile_stored
#define TILE_DOT _tile_dpbf16ps
#include "amx.inc"

const struct ck_mixed_convolution ck_amx_convolution = {amx_pack, amx_bands, amx_line_count, amx_round, amx_forward, amx_pullback, amx_unpack};
#pragma clang attribute pop
#endif
