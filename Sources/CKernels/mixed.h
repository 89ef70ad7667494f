// SPDX-License-Identifier: Apache-2.0
// The two implementations of mixed-precision convolutions; see amx.inc.
#ifndef UNFOLD_CKERNELS_MIXED_TABLE_H
#define UNFOLD_CKERNELS_MIXED_TABLE_H
#include "CKernels.h"

#if defined(__x86_64__) && defined(__linux__) && defined(__clang__) && __clang_major__ >= 12
#define CK_HAS_AMX
#endif

// The upper 16 of these 32 bits are the bfloat16 nearest to the float with the bits u, ties to even; `nan` is all ones for a NaN,
// which is made quiet instead. For a uint32_t or a vector of them.
#define CK_ROUNDED(u)                                                               \
  ({                                                                                \
    const __typeof__(u) bits_ = (u), magnitude = bits_ & 0x7fffffffu;               \
    const __typeof__(u) nan = 0u - ((0x7f800000u - magnitude) >> 31);               \
    ((bits_ + 0x7fffu + ((bits_ >> 16) & 1u)) & ~nan) | ((bits_ | 0x400000u) & nan); \
  })

// The functions of CKernelsMixed.h.
struct ck_mixed_convolution {
  void (*filters)(const float *, int64_t, int64_t, int, uint16_t *);
  int64_t (*bands)(int64_t, int64_t, int64_t);
  int64_t (*line_count)(int64_t, int64_t, int64_t);
  void (*round)(const float *, int64_t, int64_t, int64_t, uint16_t *, int64_t);
  void (*forward)(struct ck_maps, const uint16_t *, const float *, struct ck_maps, int64_t, int64_t, int64_t, int64_t, int, int64_t,
                  int64_t);
  void (*pullback)(struct ck_maps, const uint16_t *, const float *, struct ck_maps, struct ck_maps, int, float *, double *, int64_t,
                   int64_t, int64_t, int64_t, int64_t);
  void (*weights)(const float *, int64_t, int64_t, float *);
};
extern const struct ck_mixed_convolution ck_emulated_convolution;
#ifdef CK_HAS_AMX
extern const struct ck_mixed_convolution ck_amx_convolution;
#endif
#endif
