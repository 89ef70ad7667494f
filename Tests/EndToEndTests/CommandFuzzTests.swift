// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing

/// Every option of every command with odd values: no trap, no hang, no file half written.
///
/// The environment variable `UNFOLD_FUZZ_COMMANDS` says how many runs (`make fuzz`: 5 000; the suite: 300, in debug 60), `UNFOLD_FUZZ_SEED` their
/// seed.
struct CommandFuzzTests {
  /// Tiny runs that end well, of every command with every problem.
  private static let lines = [
    "evaluate image-cs tval3 --images a --ratio 0.25",
    "evaluate image-cs ista-net-plus --untrained --depth 1 --images a --ratio 0.1",
    "evaluate cs-mri tv --images a --ratio 0.3", "evaluate cs-mri fista-net --untrained --depth 1 --images a --coils 2 --ratio 0.3",
    "evaluate ct fbp --images a --views 8 --bins 24 --pixel-size 0.8",
    "evaluate ct fista-tv --images a --views 8 --bins 24 --pixel-size 0.8",
    "evaluate emt laplacian --phantoms 1", "evaluate eit laplacian --phantoms 1",
    "evaluate sparse-coding ista --images a --units 16",
    "evaluate sparse-recovery ista --rows 10 --columns 20",
    "evaluate linear fista --operator a.yaml --images a --prior tv:0.01 --iterations 3",
    "evaluate linear admm --operator a.yaml --images a --prior l1:0.01 --prior nonnegative --iterations 3",
    "evaluate linear plug-and-play --operator a.yaml --images a --prior denoiser:bm3d --iterations 2",
    "evaluate linear plug-and-play-net --untrained --depth 1 --operator a.yaml --images a",
    "evaluate linear scnet --untrained --depth 1 --operator a.yaml --images a",
    "simulate image-cs a/0.png --ratio 0.25 -o out.h5", "simulate cs-mri a/0.png --ratio 0.3 -o out.h5",
    "simulate ct a/0.png --views 4 -o out.h5",
    "simulate emt -o out.h5", "simulate eit -o out.h5", "simulate sparse-recovery --rows 10 --columns 20 -o out.h5",
    "simulate linear a/0.png --operator a.yaml -o out.h5", "reconstruct image-cs tval3 blocks.h5 -o out.png",
    "reconstruct cs-mri zero-filling mri.h5 -o out.npy", "reconstruct ct fbp ct.h5 -o out.png",
    "reconstruct linear fista linear.h5 --prior tv:0.01 --iterations 3 -o out.npy --picture picture.png",
    "train image-cs ista-net-plus --images a --ratio 0.1 --depth 1 --batch 1 --steps 1 -o out.safetensors",
    "train cs-mri admm-net --images a --ratio 0.3 --depth 1 --batch 1 --steps 1 -o out.safetensors",
    "train ct fista-net --images a --views 4 --depth 1 --batch 1 --steps 1 -o out.safetensors",
    "train sparse-recovery alista --rows 10 --columns 20 --depth 1 --steps 1 --batch 2 -o out.safetensors",
    "train linear ista-net-plus --operator a.yaml --images a --depth 1 --batch 1 --steps 1 -o out.safetensors",
    "simulate denoising a -o out.h5 --sigma 5", "reconstruct denoising rof a/0.png -o out.png",
    "evaluate denoising bm3d --images a --sigma 5",
    "train denoising dilated-cnn --images a --crop 8 --batch 2 --steps 1 -o out.safetensors",
    "check operators", "check operator a.yaml", "check theory --operator a.yaml", "convert a.npy out.mat", "inspect a.npy",
    "methods",
    "problems", "tables",
  ]
  /// Work of over ten seconds: not in the suite.
  private static let longLines = ["bench fft", "reproduce alista --quick", "demo --images a --out out"]
  private static let usualCount = {
    #if DEBUG
      60
    #else
      300
    #endif
  }()
  private static let values = [
    "0", "-1", "1", "nan", "inf", "1e-300", "1e20", "", "text", "18446744073709551616", "0.5", "3,4", "missing", "a", "a/0.png",
    "a.npy",
    "a.yaml", "blocks.h5", "tv:0.1", "tv:-1", "tv:", "no/such/folder/out.h5", "9223372036854775807", "-0.0", "💥",
  ]

  /// The options of every command, as the program lists them.
  private static func options() throws -> [String: [(name: String, takesValue: Bool)]] {
    let dump = try Program.run("--experimental-dump-help", in: Folder())
    let tree = try #require(dump.json["command"] as? [String: Any])
    var found: [String: [(name: String, takesValue: Bool)]] = [:]
    func walk(_ command: [String: Any], _ path: [String]) {
      let names = (command["arguments"] as? [[String: Any]] ?? []).compactMap { argument -> (String, Bool)? in
        guard let kind = argument["kind"] as? String, kind != "positional",
          let name = (argument["preferredName"] as? [String: Any])?["name"] as? String, name.count > 1
        else { return nil }
        return ("--" + name, kind == "option")
      }
      found[path.joined(separator: " ")] = names
      for next in command["subcommands"] as? [[String: Any]] ?? [] { walk(next, path + [next["commandName"] as? String ?? ""]) }
    }
    walk(tree, [])
    return found
  }

  private static func inputs() throws -> Folder {
    let folder = try Folder()
    try FileManager.default.createDirectory(atPath: folder.file("a"), withIntermediateDirectories: true)
    for i in 0..<4 { try folder.image("a/\(i).png", height: 36, width: 40) }
    try "noise: 0.01\noperator:\n  - blur: {sigma: 1.2}\n".write(toFile: folder.file("a.yaml"), atomically: true, encoding: .utf8)
    for line in [
      "convert a/0.png a.npy", "simulate image-cs a/0.png --ratio 0.25 -o blocks.h5",
      "simulate cs-mri a/0.png --ratio 0.3 -o mri.h5",
      "simulate ct a/0.png --views 8 -o ct.h5", "simulate linear a/0.png --operator a.yaml -o linear.h5",
    ] {
      let done = try Program.run(line.split(separator: " ").map(String.init), in: folder)
      #expect(done.status == 0, "\(line): \(done.errors)")
    }
    return folder
  }

  /// One run: nil when all is well, else what is not.
  ///
  /// - Parameter patience: seconds after which it is asked to end.
  private static func fault(of arguments: [String], in folder: Folder, patience: Double) throws -> String? {
    let process = try Program.process(arguments, in: folder)
    let errors = folder.file(".errors")
    _ = FileManager.default.createFile(atPath: errors, contents: nil)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: errors)
    let before = Set(folder.names)
    try process.run()
    func waits(_ seconds: Double) -> Bool {
      let end = Date().addingTimeInterval(seconds)
      while process.isRunning, Date() < end { usleep(5000) }
      return !process.isRunning
    }
    var stopped = false
    if !waits(patience) {  // Long work is no fault; not to end when it is asked to is one.
      stopped = true
      process.terminate()
      if !waits(20) {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return "does not end"
      }
    }
    process.waitUntilExit()
    let text = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
    defer { try? FileManager.default.removeItem(atPath: errors) }
    if process.terminationReason == .uncaughtSignal, !stopped || process.terminationStatus != SIGTERM {
      return "ended by signal \(process.terminationStatus): \(text.prefix(400))"
    }
    let status = process.terminationStatus
    if !stopped, !(0...2).contains(status) { return "exit status \(status): \(text.suffix(200))" }
    if status == 2, !text.contains("error: ") { return "exit status 2 without a reason" }
    let new = Set(folder.names).subtracting(before).subtracting([".errors"])
    defer { for name in new { try? FileManager.default.removeItem(atPath: folder.file(name)) } }
    if let leftover = new.first(where: { $0.hasPrefix(".") }), !stopped { return "left \(leftover)" }
    if status == 2, let half = new.first(where: { $0.hasPrefix("out.") }) { return "refused, and wrote \(half)" }
    return nil
  }

  /// - Parameter part: of four that run beside each other, each in a folder of its own.
  @Test(arguments: 0..<4) func oddValues(_ part: Int) throws {
    let environment = ProcessInfo.processInfo.environment
    let given = environment["UNFOLD_FUZZ_COMMANDS"].flatMap { Int($0) }
    let (count, lines) = (given ?? Self.usualCount, given == nil ? Self.lines : Self.lines + Self.longLines)
    let seed = environment["UNFOLD_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
    let options = try Self.options()
    #expect(options.count > 40)
    var generator = RandomGenerator(seed: seed)
    var folder = try Self.inputs()
    for run in 0..<count {
      let line = lines[run % lines.count].split(separator: " ").map(String.init)
      let command = options[line.prefix(2).joined(separator: " ")] != nil ? line.prefix(2).joined(separator: " ") : line[0]
      let known = try #require(options[command]).filter { !["--help", "--version", "--threads"].contains($0.name) }
      var arguments = line
      for _ in 0..<Int.random(in: 1...2, using: &generator) {
        let option = known[Int.random(in: 0..<known.count, using: &generator)]
        let value = Self.values[Int.random(in: 0..<Self.values.count, using: &generator)]
        if let at = arguments.firstIndex(of: option.name), option.takesValue, at + 1 < arguments.count {
          arguments[at + 1] = value
        } else {
          arguments += option.takesValue ? [option.name, value] : [option.name]
        }
      }
      if Int.random(in: 0..<8, using: &generator) == 0, let at = arguments.indices.dropFirst().randomElement(using: &generator) {
        arguments[at] = Self.values[Int.random(in: 0..<Self.values.count, using: &generator)]
      }
      guard run % 4 == part else { continue }  // Every part draws the same runs, so that a part can be repeated alone.
      if run / 4 % 100 == 99 { folder = try Self.inputs() }
      let fault = try Self.fault(of: arguments + ["--threads", "1"], in: folder, patience: given == nil ? 2 : 10)
      #expect(fault == nil, "unfold \(arguments.joined(separator: " ")): \(fault ?? "")")
    }
  }
}
