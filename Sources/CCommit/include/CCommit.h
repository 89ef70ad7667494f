// SPDX-License-Identifier: Apache-2.0
#ifndef UNFOLD_COMMIT_H
#define UNFOLD_COMMIT_H
/* in the place of CKernels' own, which knows none: the commit that the program was built of, with "-dirty" where files were changed beside it */
const char *ck_commit(void);
#endif
