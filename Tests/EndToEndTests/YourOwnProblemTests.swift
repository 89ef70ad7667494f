// SPDX-License-Identifier: Apache-2.0
import Experiments
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

/// The page *Your own problem* to the letter: every command of it, trainings cut to two steps, with the files it speaks of.
@Suite struct YourOwnProblemTests {
  @Test func everyCommandOfThePageRuns() throws {
    let root = Program.root
    let page = try String(contentsOf: root.appendingPathComponent("Documentation/YourOwnProblem.md"), encoding: .utf8)
    let folder = try Folder()
    let A = Matrix.gaussian(rows: 410, columns: 1024, variance: 1 / 410, seed: 3)
    try MATFile.write([NamedArray(name: "A", value: .real(A.entries))], to: folder.file("A.mat"))
    let x = texture(32, 32, 0.02, 0.25)
    try NPY.write(A.forward(x.reshaped([1024])), to: folder.file("y.npy"))
    try NPY.write(wave([20, 1024], 0.7, 0.2), to: folder.file("signals.npy"))
    for name in ["images", "test"] {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
      for i in 0..<2 {
        let side = name == "test" ? 32 : 40
        _ = try writeImage(Image(values: texture(side, side, 0.03 + 0.01 * Double(i))), to: folder.file("\(name)/\(i).png"))
      }
    }
    try FileManager.default.copyItem(
      atPath: root.appendingPathComponent("Examples/problems/deblurring.yaml").path, toPath: folder.file("deblurring.yaml"))
    _ = try writeImage(Image(values: texture(40, 32, 0.02)), to: folder.file("blurred.png"))

    let blocks = page.components(separatedBy: "```sh\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    let commands = blocks.flatMap { $0.split(separator: "\n") }
    #expect(commands.count >= 12 && commands.allSatisfy { $0.hasPrefix("unfold ") })
    for command in commands {
      let words = command.split(separator: " ").dropFirst().map { ["2000", "200"].contains($0) ? "2" : String($0) }
      let done = try Program.run(words, in: folder)
      #expect(done.status == 0, "\(command): \(done.errors)")
      if let place = words.firstIndex(of: "-o"), !words.contains("--dry-run") {
        #expect(FileManager.default.fileExists(atPath: folder.file(words[place + 1])), "\(command)")
      }
    }
    let picture = try readImage(folder.file("tv.png")).values
    #expect(relativeError(picture, x) < 0.2)
  }

  /// Values far below 1 make a dark picture, which says so; a window shows them.
  @Test func picturesOfOtherUnits() throws {
    let folder = try Folder()
    try NPY.write(0.05 * texture(8, 8, 0.02, 0.25), to: folder.file("y.npy"))
    try "operator: identity".write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    let words = ["reconstruct", "linear", "least-squares", "y.npy", "--operator", "o.yaml", "-o"]
    let dark = try Program.run(words + ["x.png"], in: folder)
    #expect(dark.status == 0 && dark.errors.contains("dark picture") && dark.errors.contains("--display 0:"), "\(dark.errors)")
    let shown = try Program.run(words + ["w.png", "--display", "0:0.05"], in: folder)
    #expect(shown.status == 0 && !shown.errors.contains("dark"), "\(shown.errors)")
    #expect(relativeError(try readImage(folder.file("w.png")).values, texture(8, 8, 0.02, 0.25)) < 0.02)
    let array = try Program.run(words + ["x.npy", "--display", "0:0.05"], in: folder)
    #expect(array.status == 2 && array.errors.contains("--picture"), "\(array.errors)")
  }

  /// Every example that ships is an operator with its own adjoint.
  @Test func examplesAreOperators() throws {
    let root = Program.root
    let problems = root.appendingPathComponent("Examples/problems").path
    let names = try FileManager.default.contentsOfDirectory(atPath: problems).filter { $0.hasSuffix(".yaml") }
    #expect(names.count >= 7)
    for name in names {
      let description = try OperatorDescription(file: problems + "/" + name)
      let report = try OperatorReport(file: problems + "/" + name, shape: description.shape ?? [48, 40])
      #expect(report.ok, "\(report.text)")
    }
  }
}
