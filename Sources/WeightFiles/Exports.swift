// SPDX-License-Identifier: Apache-2.0
// What every reader of files throws, and where it says what it passed over.
@_exported import struct Platform.InputError
@_exported import class Platform.Remarks
