// What a program that knows its commit defines again (Sources/CCommit): so a new commit builds no module anew but the program's own.
#include "CKernels.h"

__attribute__((weak)) const char *ck_commit(void) { return ""; }
