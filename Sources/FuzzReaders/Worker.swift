// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Tries inputs in this process, which a bad one ends; how far it came stands in a file.
struct Worker {
  /// What the supervisor learns: the number of the input being read, and how those before it went.
  struct Progress {
    var current = 0, accepted = 0, refused = 0

    func write(to descriptor: Int32) { _ = withUnsafeBytes(of: self) { pwrite(descriptor, $0.baseAddress, $0.count, 0) } }
    static func read(_ path: String) -> Progress? {
      guard let data = FileManager.default.contents(atPath: path), data.count == MemoryLayout<Progress>.size else { return nil }
      return data.withUnsafeBytes { $0.loadUnaligned(as: Progress.self) }
    }
  }

  let subject: any Subject
  let folder: String

  func run(_ numbers: Range<Int>, memoryLimit: Int?) {
    if let memoryLimit {
      var limit = rlimit(rlim_cur: rlim_t(memoryLimit), rlim_max: rlim_t(memoryLimit))
      setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    }
    let descriptor = open("\(folder)/progress", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    var progress = Progress()
    for number in numbers {
      progress.current = number
      progress.write(to: descriptor)
      var timer = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: subject.limits.processor, tv_usec: 0))
      setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
      alarm(subject.limits.clock)
      if subject.accepts(number, folder: folder) { progress.accepted += 1 } else { progress.refused += 1 }
    }
    progress.current = numbers.upperBound
    progress.write(to: descriptor)
  }
}
