// SPDX-License-Identifier: Apache-2.0

// What the lower modules take of the system: its C library and, where Foundation is split, the part of it without languages and regions.
#if canImport(FoundationEssentials)
  @_exported import FoundationEssentials
#else
  @_exported import Foundation
#endif
#if canImport(Glibc)
  @_exported import Glibc
#elseif canImport(Musl)
  @_exported import Musl
#endif

/// A lock of the system's threads.
public final class Lock: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  public init() {
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }
  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  public func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }
}

/// The text of C's `printf`.
public func formatted(_ format: String, _ values: any CVarArg...) -> String {
  let count = withVaList(values) { vsnprintf(nil, 0, format, $0) }
  var text = [CChar](repeating: 0, count: Int(max(count, 0)) + 1)
  withVaList(values) { _ = vsnprintf(&text, text.count, format, $0) }
  return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}
