// SPDX-License-Identifier: Apache-2.0
// What a library takes of others that not every machine has.
#include <string.h>

// OpenBLAS's archive asks Fortran's library for this alone: LAPACK puts the letters of its options together.
__attribute__((visibility("hidden"))) void _gfortran_concat_string(
    size_t length, char *result, size_t length1, const char *text1, size_t length2, const char *text2) {
  size_t first = length1 < length ? length1 : length;
  memcpy(result, text1, first);
  size_t second = length2 < length - first ? length2 : length - first;
  memcpy(result + first, text2, second);
  memset(result + first + second, ' ', length - first - second);
}

// hypot of any glibc: from 2.35 on its newest version is one that sets no errno, and a library that took it would run nowhere else.
#if defined(__GLIBC__) || defined(__linux__)
#include <features.h>
#endif
#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__))
#ifdef __x86_64__
#define FIRST "GLIBC_2.2.5"
#else
#define FIRST "GLIBC_2.17"
#endif
__asm__(".symver first_hypot, hypot@" FIRST);
__asm__(".symver first_hypotf, hypotf@" FIRST);
double first_hypot(double x, double y);
float first_hypotf(float x, float y);

__attribute__((visibility("hidden"))) double hypot(double x, double y) { return first_hypot(x, y); }
__attribute__((visibility("hidden"))) float hypotf(float x, float y) { return first_hypotf(x, y); }

// std::condition_variable::wait, which Swift's library calls: from GCC 12 on its newest version is another.
#define WAIT "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE"
__asm__(".symver first_wait, " WAIT "@GLIBCXX_3.4.11");
void first_wait(void *condition, void *lock);
__attribute__((visibility("hidden"))) void wait_of_any(void *condition, void *lock) __asm__(WAIT);
void wait_of_any(void *condition, void *lock) { first_wait(condition, lock); }
#endif
