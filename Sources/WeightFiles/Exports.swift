// SPDX-License-Identifier: Apache-2.0
// What every reader of files throws.
@_exported import struct Platform.InputError
