#if defined(__x86_64__)
#include <immintrin.h>
#define LINE_VECTORS
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LEVEL avx2
#define VL 8
#include "instantiate.inc"
#pragma clang attribute pop
#endif
