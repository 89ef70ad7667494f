/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNFOLDNET_STATE_H
#define UNFOLDNET_STATE_H
/* What unf_message and unf_facts give this thread. */
void unfoldnet_keep(const char *message, const char *facts);
#endif
