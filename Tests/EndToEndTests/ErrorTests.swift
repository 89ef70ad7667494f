// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Every bad input gives exit status 2, one line on standard error, nothing on standard output, and no new file.
@Suite struct ErrorTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.codingInputs(groundTruth: false)
    try folder.recoveryInputs()
    let made = try Program.run("simulate", "sparse-recovery", "codes.npy", "-o", "r.h5", "--matrix", "A.npy", in: folder)
    #expect(made.status == 0, "\(made.errors)")
  }

  private func expectRefusal(_ line: String, naming word: String = "", sourceLocation: SourceLocation = #_sourceLocation) throws {
    try EndToEndTests.expectRefusal(line, naming: word, in: folder, sourceLocation: sourceLocation)
  }

  @Test func commandLine() throws {
    try expectRefusal("nonsense")
    try expectRefusal("reconstruct sparse-coding frobnicate m.h5 -o x.png", naming: "frobnicate")
    try expectRefusal("simulate image-cs a.png -o x.h5", naming: "--ratio")
    try expectRefusal("reconstruct sparse-coding ista m.h5", naming: "output")
    try expectRefusal("reconstruct sparse-coding ista m.h5 -o x.gif", naming: "gif")
    try expectRefusal("reconstruct sparse-recovery ista r.h5 -o x.png", naming: "images")
    try expectRefusal("reconstruct sparse-coding ista m.h5 -o none/x.png", naming: "none/x.png")
    try expectRefusal("reconstruct sparse-coding ista m.h5 -o x.png --threads 0", naming: "--threads")
    try expectRefusal("reconstruct sparse-coding ista m.h5 -o x.png --iterations 0", naming: "--iterations")
    try expectRefusal("simulate sparse-coding a.png -o x.h5 --dictionary dictionary.npy --noise-snr nan", naming: "noise")
  }

  #if !MPI
    /// What `mpirun` and `srun` begin a process with, in a build without MPI.
    @Test(arguments: ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]) func severalProcesses(variable: String) throws {
      let process = try Program.process(["problems"], in: folder)
      process.environment = ProcessInfo.processInfo.environment.merging([variable: "3"]) { $1 }
      let errors = Pipe()
      (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
      try process.run()
      let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 2 && text.hasPrefix("error: found 3 processes (\(variable)); expected one"), "\(text)")
    }
  #endif

  @Test func methodAndProblem() throws {
    try expectRefusal("reconstruct sparse-coding alista m.h5 -o x.png", naming: "sparse-coding")
    try expectRefusal("reconstruct sparse-recovery cod r.h5 -o x.npy", naming: "sparse-recovery")
    try expectRefusal("reconstruct sparse-coding lista m.h5 -o x.png --iterations 3", naming: "--iterations")
    try expectRefusal("reconstruct sparse-coding ista m.h5 -o x.png --depth 3", naming: "--depth")
    try expectRefusal("reconstruct sparse-coding ista m.h5 -o x.png --lambda 3", naming: "--lambda")
    try expectRefusal("reconstruct sparse-recovery ista r.h5 -o x.npy --lambda -1", naming: "--lambda")
    try expectRefusal("reconstruct sparse-recovery ista r.h5 -o x.npy --weights lista.safetensors", naming: "--weights")
    try expectRefusal("evaluate sparse-coding ista --dictionary dictionary.npy", naming: "--images")
    try expectRefusal("evaluate sparse-recovery ista --images .", naming: "--images")
    try expectRefusal("simulate sparse-recovery codes.npy -o x.h5 --dictionary dictionary.npy", naming: "--dictionary")
  }

  @Test func images() throws {
    try expectRefusal("simulate sparse-coding none.png -o x.h5 --dictionary dictionary.npy", naming: "none.png")
    try FileManager.default.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: true)
    try expectRefusal("evaluate sparse-coding ista --images empty --dictionary dictionary.npy", naming: "empty")
    try folder.image("small.png", height: 9, width: 30)
    try expectRefusal("simulate sparse-coding small.png -o x.h5 --dictionary dictionary.npy", naming: "small.png")
    let whole = try #require(folder.bytes("a.png"))
    for count in [0, 7, 20, whole.count / 2, whole.count - 5] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: folder.file("cut.png")))
      try expectRefusal("simulate sparse-coding cut.png -o x.h5 --dictionary dictionary.npy", naming: "cut.png")
    }
    var mutated = whole
    mutated[whole.count / 2] ^= 0x55
    try mutated.write(to: URL(fileURLWithPath: folder.file("cut.png")))
    try expectRefusal("convert cut.png x.jpg", naming: "cut.png")
  }

  @Test func dictionariesAndArrays() throws {
    func refuse(_ dictionary: Tensor, _ word: String) throws {
      try NPY.write(dictionary, to: folder.file("bad.npy"))
      try expectRefusal("simulate sparse-coding a.png -o x.h5 --dictionary bad.npy", naming: word)
    }
    try refuse(.identity(64), "100 rows")
    try refuse(.filled(0.1, shape: [50, 100]), "transpose")
    try refuse(.filled(1, shape: [100, 4]), "norm")
    try refuse(.filled(.nan, shape: [100, 100]), "NaN")
    try refuse(.zeros([100]), "two axes")
    try refuse(.zeros([0, 3]), "empty")
    try expectRefusal("simulate sparse-coding a.png -o x.h5 --dictionary a.png", naming: "PNG")
    try NPY.write(.filled(.infinity, shape: [6, 12]), to: folder.file("bad.npy"))
    try expectRefusal("simulate sparse-recovery bad.npy -o x.h5 --matrix A.npy", naming: "infinity")
    try NPY.write(.zeros([6, 11]), to: folder.file("bad.npy"))
    try expectRefusal("simulate sparse-recovery bad.npy -o x.h5 --matrix A.npy", naming: "[samples, 12]")
    try NPY.write(.zeros([8, 12]), to: folder.file("bad.npy"))
    try expectRefusal("simulate sparse-recovery codes.npy -o x.h5 --matrix bad.npy", naming: "zeros")
    let whole = try #require(folder.bytes("A.npy"))
    for count in [0, 5, 60, whole.count - 1] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: folder.file("cut.npy")))
      try expectRefusal("simulate sparse-recovery codes.npy -o x.h5 --matrix cut.npy", naming: "cut.npy")
      try expectRefusal("inspect cut.npy", naming: "cut.npy")
    }
  }

  @Test func weights() throws {
    let run = "reconstruct sparse-coding lista m.h5 -o x.png --depth 2 --weights"
    try expectRefusal("\(run) none.safetensors", naming: "none.safetensors")
    try expectRefusal("\(run) A.npy", naming: "encoder.weight")
    try expectRefusal("reconstruct sparse-coding lista m.h5 -o x.png --depth 2", naming: "UNFOLD_MODELS")
    try expectRefusal("reconstruct sparse-coding lista m.h5 -o x.png --weights lista.safetensors", naming: "--depth")
    try expectRefusal("reconstruct sparse-recovery lista-cp r.h5 -o x.npy --weights lista.safetensors", naming: "stages.0")
    var other = Tensor.identity(100).doubles
    other[0] = -1
    try folder.identityLISTA("other.safetensors", dictionary: Tensor(other, shape: [100, 100]))
    try expectRefusal("\(run) other.safetensors", naming: "another dictionary")
    let file = try SafeTensors(contentsOf: folder.file("lista.safetensors"))
    func refuse(_ change: (inout SafeTensors) -> Void, _ word: String) throws {
      var changed = file
      change(&changed)
      try changed.write(to: folder.file("bad.safetensors"))
      try expectRefusal("\(run) bad.safetensors", naming: word)
    }
    try refuse({ $0.tensors.removeAll { $0.name == "thresholds" } }, "thresholds")
    try refuse({ $0.tensors.append(NamedParameter(name: "more", value: .zeros([2]))) }, "more")
    try refuse(
      { file in
        let i = file.tensors.firstIndex { $0.name == "thresholds" }!
        file.tensors[i].value = .filled(.nan, shape: [100])
      }, "NaN")
    try refuse({ $0.metadata["recipe"] = "{}" }, "recipe")
    let whole = try #require(folder.bytes("lista.safetensors"))
    for count in [0, 4, 100, whole.count / 2, whole.count - 1] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: folder.file("cut.safetensors")))
      try expectRefusal("\(run) cut.safetensors", naming: "cut.safetensors")
    }
  }

  @Test func measurements() throws {
    try expectRefusal("reconstruct sparse-coding ista A.npy -o x.png", naming: "simulate")
    try HDF5File(arrays: [NamedArray(name: "a", value: .zeros([3]))]).write(to: folder.file("other.h5"))
    try expectRefusal("reconstruct sparse-recovery ista other.h5 -o x.png", naming: "simulate")
    let file = try HDF5File(contentsOf: folder.file("m.h5"))
    func refuse(_ word: String, _ change: (inout HDF5File) -> Void) throws {
      var changed = file
      change(&changed)
      try changed.write(to: folder.file("bad.h5"))
      try expectRefusal("reconstruct sparse-coding ista bad.h5 -o x.png", naming: word)
    }
    func set(_ name: String, _ value: Tensor) -> (inout HDF5File) -> Void {
      { file in file.arrays[file.arrays.firstIndex { $0.name == name }!].value = .real(value) }
    }
    try refuse("measurement/0") { $0.arrays.removeAll { $0.name == "measurement/0" } }
    try refuse("measurement/0", set("measurement/0", .filled(.nan, shape: [6, 100])))
    try refuse("dictionary", set("dictionary", .zeros([100, 0])))
    try refuse("[6, 99]", set("measurement/0", .zeros([6, 99])))
    try refuse("means", set("means/0", .zeros([5])))
    try refuse("size/0", set("size/0", Tensor([20, 1e9])))
    try refuse("patches", set("size/0", Tensor([40, 40])))
    try refuse("patches", set("size/0", Tensor([10, 10])))
    try refuse("seed") { $0.attributes["seed"] = "-3" }
    try refuse("weather") { $0.attributes["problem"] = "weather" }
    let whole = try #require(folder.bytes("m.h5"))
    for count in [0, 100, whole.count / 2, whole.count - 100] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: folder.file("cut.h5")))
      try expectRefusal("reconstruct sparse-coding ista cut.h5 -o x.png", naming: "cut.h5")
    }
  }

  /// A measurement or weights with bytes changed: an answer or one line, never a trap.
  @Test(arguments: ["r.h5", "steps.safetensors", "steps.npz", "steps.mat"]) func mutations(file: String) throws {
    let steps = (0..<3).map { NamedParameter(name: "stages.\($0).stepSize", value: Tensor([0.3], shape: [])) }
    try SafeTensors(tensors: steps).write(to: folder.file("steps.safetensors"))
    for other in ["steps.npz", "steps.mat"] {
      #expect(try Program.run("convert", "steps.safetensors", other, "--quiet", in: folder).status == 0)
    }
    let whole = try #require(folder.bytes(file))
    var generator = RandomGenerator(seed: 77)
    var refused = 0
    for round in 0..<25 {
      var changed = whole
      for _ in 0..<4 {
        changed[generator.index(below: min(changed.count, round < 18 ? 700 : changed.count))] ^= UInt8(
          1 + generator.index(below: 255))
      }
      let name = "changed." + (file as NSString).pathExtension
      try changed.write(to: URL(fileURLWithPath: folder.file(name)))
      let measurement = file == "r.h5" ? name : "r.h5"
      let method = file == "r.h5" ? ["ista", "--iterations", "5"] : ["step-lista", "--weights", name]
      let done = try Program.run(
        ["reconstruct", "sparse-coding", method[0], measurement, "-o", "x.npy"] + method.dropFirst(), in: folder)
      #expect(
        [0, 1, 2].contains(done.status) && done.errorLines.count == (done.status == 0 ? 0 : 1),
        "\(round): \(done.status) \(done.errors)")
      #expect(folder.has("x.npy") == (done.status == 0))
      try? FileManager.default.removeItem(atPath: folder.file("x.npy"))
      if done.status != 0 { refused += 1 }
    }
    #expect(refused > 0)
  }

  @Test func demonstrations() throws {
    try expectRefusal("demo --images none", naming: "none")
    try expectRefusal("demo --images a.png", naming: "at least 4")
  }

  @Test func conversions() throws {
    try expectRefusal("convert none.npy x.npz", naming: "none.npy")
    try expectRefusal("convert A.npy x.xyz", naming: "xyz")
    try expectRefusal("convert A.npy x.png", naming: "[0, 1]")
    try expectRefusal("convert lista.safetensors x.npy", naming: "NPZ")
    try expectRefusal("convert A.npy x.mat --mat-version 6", naming: "mat-version")
    try Data("hello".utf8).write(to: URL(fileURLWithPath: folder.file("text.txt")))
    try expectRefusal("convert text.txt x.npy", naming: "text.txt")
    try expectRefusal("inspect text.txt", naming: "text.txt")
    try expectRefusal("inspect .")
  }
}
