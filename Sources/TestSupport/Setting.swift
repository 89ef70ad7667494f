// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Whether this build is optimised: what takes minutes in a debug build is tested smaller there, or in the other build alone.
#if DEBUG
  public let isOptimised = false
#else
  public let isOptimised = true
#endif

/// Whether tests that take many minutes run too: `make test-all` sets `UNFOLD_LONG_TESTS`.
public let takesLong = ProcessInfo.processInfo.environment["UNFOLD_LONG_TESTS"] != nil

/// The folder of real images, matrices and public weights that `UNFOLD_DATA` names; empty without one.
public let dataFolder = ProcessInfo.processInfo.environment["UNFOLD_DATA"] ?? ""
