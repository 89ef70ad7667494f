// SPDX-License-Identifier: Apache-2.0
// Which tiles the mixed-precision convolutions run on.
#include "mixed.h"

#include <string.h>
#ifdef CK_HAS_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

// ARCH_REQ_XCOMP_PERM of the kernel's asm/prctl.h, which older ones lack, and the component of the processor's state that holds
// tiles.
enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };

static int find(void) {
  unsigned a, b, c, d;
  if (ck_best_instruction_set() != CK_AVX512) return 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return 0;  // AMX-BF16 and AMX-TILE
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return 0;                      // AVX512-BF16, which rounds
  __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  if ((a >> 17 & 3) != 3) return 0;  // the system saves tiles and their configuration
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#else
static int find(void) { return 0; }
#endif

int ck_has_bfloat16_tiles(void) {
  static _Atomic int known = -1;
  int has = known;
  if (has < 0) known = has = find();
  return has;
}

static const struct ck_mixed_convolution *tiles(enum ck_tiles by) {
#ifdef CK_HAS_AMX
  if (by == CK_TILES && ck_has_bfloat16_tiles()) return &ck_amx_convolution;
#endif
  return &ck_emulated_convolution;
}

int64_t ck_mixed_channels(void) { return 32; }

void ck_round_bfloat16(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, 4);
    bits = CK_ROUNDED(bits) & 0xffff0000u;
    memcpy(out + i, &bits, 4);
  }
}

void ck_mixed_filters(enum ck_tiles by, const float *weights, int64_t in, int64_t out, int adjoint, uint16_t *filters) {
  tiles(by)->filters(weights, in, out, adjoint, filters);
}

int64_t ck_mixed_bands(enum ck_tiles by, int64_t h, int64_t w, int64_t in) { return tiles(by)->bands(h, w, in); }

int64_t ck_mixed_line_count(enum ck_tiles by, int64_t h, int64_t w, int64_t c) { return tiles(by)->line_count(h, w, c); }

void ck_mixed_round(enum ck_tiles by, const float *x, int64_t h, int64_t w, int64_t c, uint16_t *lines, int64_t batch) {
  tiles(by)->round(x, h, w, c, lines, batch);
}

void ck_convolve3x3_mixed(enum ck_tiles by, struct ck_maps x, const uint16_t *filters, const float *bias, struct ck_maps y, int64_t h,
                          int64_t w, int64_t in, int64_t out, int relu, int64_t first, int64_t last) {
  tiles(by)->forward(x, filters, bias, y, h, w, in, out, relu, first, last);
}

void ck_convolve3x3_mixed_pullback(enum ck_tiles by, struct ck_maps x, const uint16_t *filters, const float *y, struct ck_maps v,
                                   struct ck_maps dx, int rectified, float *sums, double *dbias, int64_t batch, int64_t h, int64_t w,
                                   int64_t in, int64_t out) {
  tiles(by)->pullback(x, filters, y, v, dx, rectified, sums, dbias, batch, h, w, in, out);
}

void ck_mixed_weights(enum ck_tiles by, const float *sums, int64_t in, int64_t out, float *weights) {
  tiles(by)->weights(sums, in, out, weights);
}
