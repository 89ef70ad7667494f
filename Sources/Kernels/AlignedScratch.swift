// SPDX-License-Identifier: Apache-2.0

/// Room for `count` values of a trivial type while `body` runs, aligned to a line of the cache; what it holds at first is open.
public func withAlignedScratch<T, Result>(
  _: T.Type, count: Int, _ body: (UnsafeMutablePointer<T>) -> Result
) -> Result {
  withUnsafeTemporaryAllocation(byteCount: max(1, count) * MemoryLayout<T>.stride, alignment: 64) { bytes in
    body(bytes.baseAddress!.bindMemory(to: T.self, capacity: max(1, count)))
  }
}
