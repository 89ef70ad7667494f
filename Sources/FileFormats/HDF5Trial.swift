// SPDX-License-Identifier: Apache-2.0
import CHDF5
import Foundation
import Kernels

/// A damaged file can end the HDF5 library, and the process with it. So every file is read by a child first: a copy of this process, which
/// does what will be done here and tells no more than that it came to its end.
enum HDF5Trial {
  /// In the child itself. Read and written by callers of the library, one at a time.
  private nonisolated(unsafe) static var isChild = false

  /// A child that waits for what a thread held that is not in it is made again.
  private static let attempts = 3

  /// Lets a child run `body`, for a file of `size` bytes. Where no process is to be had, nothing is tried.
  ///
  /// - Throws: ``FileFormatError`` when it did not come to its end.
  static func run(size: Int, path: String, _ body: () -> Void) throws {
    if isChild { return }
    let mebibytes = Double(size) / Double(1 << 20)
    // Compression by 1032 expands a mebibyte to a gibibyte.
    let (work, clock) = (0.5 + 4 * mebibytes, 20 + 60 * mebibytes)
    for attempt in 1...attempts {
      let child = unfold_h5_child(work, UInt32(min(clock, 86400)))
      if child == 0 {
        isChild = true
        Parallel.with(threads: 1, body)  // no other thread is in it
        _exit(0)
      }
      guard child > 0 else { return }
      var status: Int32 = 0
      while waitpid(child, &status, 0) < 0 { if errno != EINTR { return } }
      let end: String
      switch status & 0x7f {
      case SIGINT, SIGTERM, SIGHUP: return  // meant for this process too
      case SIGALRM where attempt < attempts: continue
      case SIGALRM, SIGPROF: end = "does not come to an end with"
      case 0 where status == 0: return
      default: end = "does not survive"
      }
      throw FileFormatError("\(path): found a damaged file, which HDF5 \(end); expected a whole one, get or make it again.")
    }
  }
}
