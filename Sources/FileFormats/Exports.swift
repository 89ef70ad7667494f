// SPDX-License-Identifier: Apache-2.0

// Who reads any format reads those of weights too.
@_exported import WeightFiles
