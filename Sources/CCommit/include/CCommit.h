// SPDX-License-Identifier: Apache-2.0
#ifndef UNFOLD_COMMIT_H
#define UNFOLD_COMMIT_H
/* the commit that the program was built of, with "-dirty" where files were changed beside it; "" where the build was not told */
const char *unfold_commit(void);
#endif
