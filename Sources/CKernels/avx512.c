#if defined(__x86_64__)
#include <immintrin.h>
#define LINE_VECTORS
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#define LEVEL avx512
#define VL 16
#include "instantiate.inc"
#pragma clang attribute pop
#endif
