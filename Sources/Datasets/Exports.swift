// SPDX-License-Identifier: Apache-2.0

// Masks, geometries and coil maps belong to the problems.
@_exported import Problems
