// SPDX-License-Identifier: Apache-2.0
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
#endif
