// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

/// The built program, run as a user runs it.
enum Program {
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
    /// Lines on standard error.
    var errorLines: [Substring] { errors.split(separator: "\n") }
    /// The answer as JSON, of `--json -`.
    var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]) ?? [:] }
  }

  /// The folder of the package.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Beside the test bundle: both lie in the folder of the build's configuration.
  static let path: String? = {
    let places =
      [try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")] + CommandLine.arguments.map { $0 as String? }
    for place in places.compactMap({ $0 }) where place.contains("/") {
      var folder = URL(fileURLWithPath: place)
      for _ in 0..<4 {
        folder.deleteLastPathComponent()
        let file = folder.appendingPathComponent("unfold").path
        if FileManager.default.isExecutableFile(atPath: file), !isFolder(file) { return file }
      }
    }
    return nil
  }()

  private static func isFolder(_ path: String) -> Bool {
    var folder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
  }

  /// A process ready to run in `folder`, where it also finds its models.
  static func process(_ arguments: [String], in folder: Folder) throws -> Process {
    guard let path else { throw CocoaError(.fileNoSuchFile) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.environment = ProcessInfo.processInfo.environment.merging(["UNFOLD_MODELS": folder.path + "/Models"]) { $1 }
    process.standardInput = FileHandle.nullDevice
    return process
  }

  /// Runs the program in `folder` to its end.
  static func run(_ arguments: String..., in folder: Folder) throws -> Outcome { try run(arguments, in: folder) }

  static func run(_ arguments: [String], in folder: Folder) throws -> Outcome {
    try run(process(arguments, in: folder), in: folder)
  }

  /// Runs a process to its end; what it says goes through files of the folder.
  static func run(_ process: Process, in folder: Folder) throws -> Outcome {
    let (output, errors) = (folder.file(".stdout-\(UUID().uuidString)"), folder.file(".stderr-\(UUID().uuidString)"))
    for file in [output, errors] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
    process.waitUntilExit()
    defer { for file in [output, errors] { try? FileManager.default.removeItem(atPath: file) } }
    return Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try String(contentsOfFile: output, encoding: .utf8), errors: try String(contentsOfFile: errors, encoding: .utf8))
  }
}

extension Folder {
  func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }
  func bytes(_ name: String) -> Data? { FileManager.default.contents(atPath: file(name)) }

  // MARK: Tiny inputs

  /// A gray image of height × width pixels with texture.
  @discardableResult
  func image(_ name: String, height: Int = 20, width: Int = 25) throws -> Tensor {
    let pixels = (0..<height * width).map { Double(($0 / width * 37 + $0 % width * 91 + $0 * $0 % 13 * 11) % 256) / 255 }
    let values = Tensor(pixels, shape: [height, width])
    try writePNG(values, to: file(name))
    return values
  }

  /// The identity as a dictionary of 100 × 100: optimal codes are the soft-thresholded patches.
  func identityDictionary(_ name: String = "dictionary.npy") throws { try NPY.write(.identity(100), to: file(name)) }

  /// LISTA that is ISTA of the identity: W_e = I, S = 0, θ = 0.5, so that every stage gives the optimal code.
  func identityLISTA(_ name: String, dictionary: Tensor = .identity(100)) throws {
    try SafeTensors(
      tensors: [
        NamedParameter(name: "encoder.weight", value: .identity(100, precision: .single)),
        NamedParameter(name: "recurrence", value: .zeros([100, 100], precision: .single)),
        NamedParameter(name: "thresholds", value: .filled(0.5, shape: [100], precision: .single)),
        NamedParameter(name: "operator.dictionary", value: dictionary),
      ]
    ).write(to: file(name))
  }

  /// The sparse-coding measurement `m.h5` of the image `a.png` by the identity, and `lista.safetensors` for it.
  func codingInputs(groundTruth: Bool) throws {
    try image("a.png")
    try identityDictionary()
    try identityLISTA("lista.safetensors")
    let made = try Program.run(
      ["simulate", "sparse-coding", "a.png", "-o", "m.h5", "--dictionary", "dictionary.npy"]
        + (groundTruth ? ["--ground-truth"] : []), in: self)
    guard made.status == 0, made.errors.isEmpty else { throw CocoaError(.fileReadUnknown, userInfo: ["errors": made.errors]) }
  }

  /// A of 8 × 12 with unit columns, and 6 codes with two non-zeros each.
  func recoveryInputs() throws {
    var generator = RandomGenerator(seed: 5)
    var entries = Tensor.normal([12, 8], using: &generator).doubles
    for j in 0..<12 {
      let norm = (0..<8).reduce(0) { $0 + entries[j * 8 + $1] * entries[j * 8 + $1] }.squareRoot()
      for i in 0..<8 { entries[j * 8 + i] /= norm }
    }
    try NPY.write(Tensor(entries, shape: [12, 8]).transposed, to: file("A.npy"))
    var codes = [Double](repeating: 0, count: 72)
    for row in 0..<6 {
      codes[row * 12 + row] = 1
      codes[row * 12 + 2 * row + 1] = -0.7
    }
    try NPY.write(Tensor(codes, shape: [6, 12]), to: file("codes.npy"))
  }

  /// Φ of 10 × 25 with orthonormal rows, and weights of two stages of ISTA-Net⁺ without a correction: gradient descent with ρ = ½ from
  /// ½ Φᵀ y.
  func blockInputs() throws {
    let phi = Matrix.orthonormalRows(rows: 10, columns: 25, seed: 3).entries
    try NPY.write(phi, to: file("phi.npy"))
    var tensors = [NamedParameter(name: "operator.phi", value: phi)]
    tensors.append(NamedParameter(name: "operator.initial", value: 0.5 * phi.transposed))
    for k in 0..<2 {
      func add(_ name: String, _ value: Tensor) {
        tensors.append(NamedParameter(name: "stages.\(k).\(name)", value: value.converted(to: .single)))
      }
      add("stepSize", Tensor([0.5], shape: []))
      add("threshold", Tensor([0.01], shape: []))
      add("expansion", .filled(1, shape: [2, 1, 3, 3]))
      for name in ["analysis.0", "analysis.1", "synthesis.0", "synthesis.1"] { add(name, .filled(0.1, shape: [2, 2, 3, 3])) }
      add("reduction", .zeros([1, 2, 3, 3]))
    }
    try SafeTensors(tensors: tensors).write(to: file("w.safetensors"))
  }

  func table(_ name: String, _ array: String? = nil) throws -> Tensor {
    let arrays = try readArrays(file(name))
    return try #require(arrays.first { $0.name == array ?? arrays[0].name }?.value.real)
  }
}

/// Holds that a command ends with status 2, one line on standard error, nothing on standard output, and no new file.
func expectRefusal(_ line: String, naming word: String = "", in folder: Folder, sourceLocation: SourceLocation) throws {
  let before = folder.names
  let process = try Program.process(line.split(separator: " ").map(String.init), in: folder)
  let (output, errors) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  let answer = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  #expect(
    process.terminationReason == .exit && process.terminationStatus == 2, "\(line): \(process.terminationStatus)",
    sourceLocation: sourceLocation)
  #expect(
    text.hasPrefix("error: ") && text.hasSuffix("\n") && text.filter { $0 == "\n" }.count == 1, "\(line): \(text)",
    sourceLocation: sourceLocation)
  #expect(word.isEmpty || text.contains(word), "\(word) in: \(text)", sourceLocation: sourceLocation)
  #expect(answer.isEmpty, "\(answer)", sourceLocation: sourceLocation)
  #expect(folder.names == before, "\(line)", sourceLocation: sourceLocation)
}

/// A suite that runs command lines in a folder of its own.
protocol RunsInFolder { var folder: Folder { get } }

extension RunsInFolder {
  /// Runs a line that must end well and say nothing on standard error, but for values that a picture cannot hold.
  @discardableResult
  func run(_ line: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Program.Outcome {
    let done = try Program.run(line.split(separator: " ").map(String.init), in: folder)
    let said = done.errorLines.filter { !$0.contains("outside [0, 1] are clipped") }
    #expect(done.status == 0 && said.isEmpty, "\(line): \(done.errors)", sourceLocation: sourceLocation)
    return done
  }

  func refuse(_ line: String, naming word: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try expectRefusal(line, naming: word, in: folder, sourceLocation: sourceLocation)
  }

  /// A figure of the mean row of `evaluate`.
  func mean(_ done: Program.Outcome, _ key: String) throws -> Double {
    try #require((done.json["mean"] as? [String: Any])?[key] as? Double)
  }
}
