// Chooses the tables once, before main, by what the processor has.
#include "CKernels.h"
#include "table.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static const struct ck_table_f32 *f32 = &ck_baseline_f32;
static const struct ck_table_f64 *f64 = &ck_baseline_f64;
static int chosen = CK_BASELINE;
// The calling thread's own choice, if it made one.
static _Thread_local int own = -1;
static _Thread_local const struct ck_table_f32 *own_f32;
static _Thread_local const struct ck_table_f64 *own_f64;
#define IN_USE(S) (own < 0 ? S : own_##S)

int ck_best_instruction_set(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    return CK_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_AVX2;
#endif
  return CK_BASELINE;
}

int ck_instruction_set(void) { return own < 0 ? chosen : own; }

static int find(int level, const struct ck_table_f32 **single, const struct ck_table_f64 **twice) {
  int best = ck_best_instruction_set();
  level = level < CK_BASELINE ? CK_BASELINE : (level > best ? best : level);
  *single = &ck_baseline_f32;
  *twice = &ck_baseline_f64;
#if defined(__x86_64__)
  if (level == CK_AVX2) *single = &ck_avx2_f32, *twice = &ck_avx2_f64;
  if (level == CK_AVX512) *single = &ck_avx512_f32, *twice = &ck_avx512_f64;
#endif
  return level;
}

const struct ck_convolution_table *ck_convolution_table(int level) {
#if defined(__x86_64__)
  if (level == CK_AVX512) return &ck_avx512_convolution;
  if (level == CK_AVX2) return &ck_avx2_convolution;
#endif
  return &ck_baseline_convolution;
}

int ck_set_instruction_set(int level) { return chosen = find(level, &f32, &f64); }

int ck_set_thread_instruction_set(int level) {
  return own = level < 0 ? -1 : find(level, &own_f32, &own_f64);
}

__attribute__((constructor)) static void choose(void) { ck_set_instruction_set(CK_AVX512); }

void ck_keep_freed_memory(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_ARENA_MAX, 1);  // what one worker thread freed is there for the next one
#endif
}

#define CK_FORWARD(S, result, name, parameters, arguments) \
  result ck_##name##_##S parameters { return IN_USE(S)->name arguments; }
CK_KERNELS(CK_FORWARD, float, f32)
CK_KERNELS(CK_FORWARD, double, f64)
