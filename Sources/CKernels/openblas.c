// OpenBLAS chooses its kernels by the processor's model number and gives one that it does not know the kernels of 2004: version 0.3.21 does so with
// Intel's processors of 2023, where products of matrices in double precision then take seven times as long. Before main it is told what the
// processor's instructions are, unless the environment variable OPENBLAS_CORETYPE says so already.
#include "CKernels.h"

#if defined(__linux__) && defined(__x86_64__)
#include <stdlib.h>
#include <string.h>

extern char **environ;

// Of builds of OpenBLAS that choose at run time alone; all in one file, so that an archive gives all or none.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));
extern char *gotoblas_corename(void) __attribute__((weak));

__attribute__((constructor)) static void choose(void) {
  static const char *const old[] = {"Katmai",   "Coppermine", "Northwood", "Prescott", "Banias",       "Atom",      "Core2",  "Penryn",
                                    "Dunnington", "Nehalem",  "Athlon",    "Opteron",  "Opteron_SSE3", "Barcelona", "Bobcat", "Nano"};
  if (!gotoblas_dynamic_init || !gotoblas_dynamic_quit || !gotoblas_corename || getenv("OPENBLAS_CORETYPE")) return;
  gotoblas_dynamic_init();  // unless it was: linked as an archive, OpenBLAS may come later
  __builtin_cpu_init();
  const int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return;
  for (size_t i = 0; i < sizeof old / sizeof *old; i++)
    if (strcmp(gotoblas_corename(), old[i]) == 0) {
      // In a copy of the environment, since setenv moves it and Swift finds a program's arguments beside where it was.
      char **const own = environ;
      size_t count = 0;
      while (own && own[count]) count++;
      char *copy[count + 2];
      if (count) memcpy(copy, own, count * sizeof *own);
      copy[count] = wide ? "OPENBLAS_CORETYPE=SkylakeX" : "OPENBLAS_CORETYPE=Haswell";
      copy[count + 1] = NULL;
      environ = copy;
      gotoblas_dynamic_quit();
      gotoblas_dynamic_init();
      environ = own;
      return;
    }
}

const char *ck_openblas_kernels(void) { return gotoblas_corename ? gotoblas_corename() : ""; }
#else
const char *ck_openblas_kernels(void) { return ""; }
#endif
