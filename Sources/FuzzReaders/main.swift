// SPDX-License-Identifier: Apache-2.0
// Feeds damaged files to the readers, and odd arguments to the C interface: fuzz-readers FORMAT|FUNCTION [--seed N] [--count N] [--sample FILE]… [--keep FOLDER]
// [--no-memory-limit]
// They run in a child process. Prints one line, and one more for every input that ended the child; exits
// with 1 when there was one.
import Foundation

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data((message + "\n").utf8))
  exit(2)
}

var arguments = Array(CommandLine.arguments.dropFirst())
guard let name = arguments.first, Format(rawValue: name) != nil || Function(rawValue: name) != nil else {
  let names = Format.allCases.map(\.rawValue) + Function.allCases.map(\.rawValue)
  fail("found \(arguments.first ?? "no name"), expected one of \(names.joined(separator: ", "))")
}
var (seed, count, keep, samples, memoryLimit): (UInt64, Int, String?, [String], Int?) = (1, 1000, nil, [], 4 << 30)
var work: (folder: String, first: Int)?
var position = 1
while position < arguments.count {
  let option = arguments[position]
  func value() -> String {
    position += 1
    guard position < arguments.count else { fail("\(option) needs a value") }
    return arguments[position]
  }
  switch option {
  case "--seed": seed = UInt64(value()) ?? 1
  case "--count": count = Int(value()) ?? 1000
  case "--sample": samples.append(value())
  case "--keep": keep = value()
  case "--no-memory-limit": memoryLimit = nil
  case "--work-in": work = (value(), 0)
  case "--from": work?.first = Int(value()) ?? 0
  default: fail("found the option \(option), expected --seed, --count, --sample, --keep or --no-memory-limit")
  }
  position += 1
}

@MainActor func subject(folder: String) throws -> any Subject {
  if let function = Function(rawValue: name) { return try InterfaceCalls(function, seed: seed, folder: folder) }
  guard let format = Format(rawValue: name) else { fail("found \(name), expected a format") }
  let given = try samples.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
  return Mutator(format: format, samples: try format.samples(in: folder) + given, seed: seed)
}

if let work {
  let subject = try subject(folder: work.folder)
  Worker(subject: subject, folder: work.folder).run(work.first..<subject.prefixCount + count, memoryLimit: memoryLimit)
  exit(0)
}

let folder = NSTemporaryDirectory() + "/fuzz-readers-\(getpid())"
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
let inputs = try subject(folder: folder)
let total = inputs.prefixCount + count
var (first, accepted, refused, ended) = (0, 0, 0, [(number: Int, how: String)]())
while first < total {
  unlink("\(folder)/progress")
  let child = Process()
  child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
  child.arguments = arguments + ["--work-in", folder, "--from", String(first)]
  // Swift's own crash report takes seconds.
  child.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { _, new in new }
  if keep == nil { child.standardError = FileHandle.nullDevice }
  try child.run()
  child.waitUntilExit()
  guard let progress = Worker.Progress.read("\(folder)/progress") else { fail("\(name): the child did not start") }
  accepted += progress.accepted
  refused += progress.refused
  first = progress.current
  if first < total {
    let how =
      switch (child.terminationReason, child.terminationStatus) {
      case (.uncaughtSignal, SIGPROF), (.uncaughtSignal, SIGALRM): "hung"
      case (.uncaughtSignal, let signal): "signal \(signal)"
      case (_, let status): "exit \(status)"
      }
    ended.append((first, how))
    if let keep, let file = inputs.file(first) {
      try FileManager.default.createDirectory(atPath: keep, withIntermediateDirectories: true)
      try file.write(to: URL(fileURLWithPath: "\(keep)/\(name)-\(seed)-\(first)"))
    }
    first += 1
  }
}
let hung = ended.count { $0.how == "hung" }
print(
  "\(name): \(inputs.prefixCount) prefixes, \(count) mutations, seed \(seed): \(accepted) read, \(refused) "
    + "refused, \(hung) hung, \(ended.count - hung) crashed"
)
for (number, how) in ended.prefix(100) { print("  input \(number): \(how)") }
try? FileManager.default.removeItem(atPath: folder)
exit(ended.isEmpty ? 0 : 1)
