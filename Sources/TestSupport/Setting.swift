// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels

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

/// Runs `body` once with each number of threads and restores the number.
public func withThreads<Result>(_ counts: [Int], _ body: () throws -> Result) rethrows -> [Result] {
  let before = Parallel.threads
  defer { Parallel.threads = before }
  return try counts.map {
    Parallel.threads = $0
    return try body()
  }
}
