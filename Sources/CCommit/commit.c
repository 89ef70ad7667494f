// SPDX-License-Identifier: Apache-2.0
#include "CCommit.h"

#define TEXT(x) #x
#define EXPANDED(x) TEXT(x)

#ifdef UNFOLD_COMMIT
const char *unfold_commit(void) { return EXPANDED(UNFOLD_COMMIT); }
#else
const char *unfold_commit(void) { return ""; }
#endif
