// SPDX-License-Identifier: Apache-2.0

// Who shows figures has them.
@_exported import Metrics
