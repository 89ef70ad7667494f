// SPDX-License-Identifier: Apache-2.0

/// Room for `count` numbers while `body` runs, aligned to a line of the cache; what it holds at first is open.
public func withAlignedScratch<S: Scalar, Result>(_: S.Type, count: Int, _ body: (UnsafeMutablePointer<S>) -> Result) -> Result {
  withUnsafeTemporaryAllocation(byteCount: max(1, count) * MemoryLayout<S>.stride, alignment: 64) { bytes in
    body(bytes.baseAddress!.bindMemory(to: S.self, capacity: max(1, count)))
  }
}
