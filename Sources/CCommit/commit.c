// SPDX-License-Identifier: Apache-2.0
// Linked into the program and the Python package's library, where nothing else depends on it: a new commit builds nothing else anew.
#include "CCommit.h"

#define TEXT(x) #x
#define EXPANDED(x) TEXT(x)

#ifdef UNFOLD_COMMIT
const char *ck_commit(void) { return EXPANDED(UNFOLD_COMMIT); }
#else
const char *ck_commit(void) { return ""; }
#endif
