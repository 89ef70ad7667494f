// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing

/// Two and three processes of the MPI that the program is built with against one process: every byte but times.
@Suite(.enabled(if: MPILauncher.path != nil, "a build without MPI, or no mpirun that starts two processes"))
struct ProcessesTests: RunsInFolder {
  let folder: Folder
  init() throws { folder = try Folder() }

  /// Runs a line on so many processes.
  private func run(_ count: Int, _ line: String) throws -> Program.Outcome {
    let process = try Program.process([], in: folder)
    let program = try #require(process.executableURL?.path)
    process.executableURL = URL(fileURLWithPath: try #require(MPILauncher.path))
    process.arguments = ["-n", "\(count)", program] + line.split(separator: " ").map(String.init)
    process.environment?.merge(MPILauncher.environment) { $1 }
    return try Program.run(process, in: folder)
  }

  private func images(_ count: Int) throws {
    try FileManager.default.createDirectory(atPath: folder.file("images"), withIntermediateDirectories: true)
    for k in 0..<count { try folder.image("images/\(k).png", height: 33 + 11 * (k % 2), width: 40) }
  }

  /// The numbers of a report that are no times.
  private func figures(_ name: String) throws -> [String] {
    let data = try #require(folder.bytes(name))
    let text = String(decoding: data, as: UTF8.self)
    return text.split(separator: "\n").map(String.init).filter { !$0.contains("\"seconds\"") }
  }

  @Test func trainingGivesTheSameBytes() throws {
    try images(6)
    let training =
      "train cs-mri ista-net-plus --images images --size 32 --ratio 0.4 --depth 1 --channels 4 --batch 5 --steps 4 --quiet"
    try run("\(training) --threads 2 -o one.safetensors")
    let two = try run(2, "\(training) --threads 1 -o two.safetensors --json two.json")
    #expect(two.status == 0 && two.errors.isEmpty, "\(two.errors)")
    // A step sends one sum of the second's samples and gets the total: a loss and the gradients, in single precision.
    let answer = try #require(try JSONSerialization.jsonObject(with: folder.bytes("two.json") ?? Data()) as? [String: Any])
    let parameters = try #require(answer["parameters"] as? Int)
    let traffic = try #require(answer["traffic"] as? [[String: Any]]).compactMap { $0["sent_bytes"] as? Int }
    #expect(traffic.count == 2 && traffic[1] >= 4 * 4 * parameters && traffic[0] >= 4 * 4 * parameters, "\(traffic)")
    #expect(folder.bytes("two.safetensors") == folder.bytes("one.safetensors"))
  }

  @Test func measurementsReconstructionsAndScoresAreTheSame() throws {
    try images(5)
    let measuring = "simulate cs-mri images/0.png images/2.png images/4.png --ratio 0.4 --ground-truth --quiet"
    try run("\(measuring) -o one.h5")
    #expect(try run(3, "\(measuring) -o three.h5").status == 0)
    #expect(folder.bytes("three.h5") == folder.bytes("one.h5"))

    let solving = "reconstruct cs-mri tv one.h5 --quiet"
    try run("\(solving) -o one.npy --json one.json")
    let three = try run(3, "\(solving) -o three.npy --json three.json")
    #expect(three.status == 0 && three.errors.isEmpty, "\(three.errors)")
    #expect(folder.bytes("three.npy") == folder.bytes("one.npy"))
    #expect(try folder.table("one.npy").shape == [3, 33, 40])
    let said = try figures("one.json").map { $0.replacingOccurrences(of: "one.npy", with: "three.npy") }
    #expect(try figures("three.json") == said && said.count > 5)

    let scoring = "evaluate image-cs tval3 --images images --ratio 0.25 --quiet"
    try run("\(scoring) --json one.json")
    #expect(try run(2, "\(scoring) --json two.json").status == 0)
    #expect(try figures("two.json") == figures("one.json"))
  }

  /// What one process meets is said once, and ends all with its status.
  @Test func anErrorOfOneIsSaidOnce() throws {
    try images(4)
    try Data("no image".utf8).write(to: URL(fileURLWithPath: folder.file("images/1.png")))
    let found = try run(2, "evaluate image-cs tval3 --images images --ratio 0.25 --quiet --json two.json")
    let said = found.errorLines.filter { $0.hasPrefix("error: ") }
    #expect(found.status == 2 && said.count == 1 && said.first?.contains("images/1.png") == true, "\(found.errors)")
    #expect(!folder.has("two.json"))
  }
}

/// The launcher of the MPI that the program is linked with, where it starts processes.
private enum MPILauncher {
  static let environment = [
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_btl_base_warn_component_unused": "0",
  ]

  static let path: String? = {
    guard let program = Program.path, let libraries = output(of: "/usr/bin/ldd", program) else { return nil }
    let name = libraries.contains("libmpi.so") ? "mpirun.openmpi" : libraries.contains("libmpich.so") ? "mpirun.mpich" : nil
    guard let path = name.map({ "/usr/bin/" + $0 }) else { return nil }
    return output(of: path, "-n", "2", "echo", "here") == "here\nhere\n" ? path : nil
  }()

  private static func output(of program: String, _ arguments: String...) -> String? {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let found = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: found, as: UTF8.self)
  }
}
