// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Every bad input of block compressive sensing gives exit status 2, one line on standard error, and no new file.
@Suite struct BlockErrorTests: RunsInFolder {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.blockInputs()
    try folder.image("a.png", height: 7, width: 12)
    let made = try Program.run("simulate", "image-cs", "a.png", "-o", "m.h5", "--phi", "phi.npy", "--ground-truth", in: folder)
    #expect(made.status == 0, "\(made.errors)")
  }

  @Test func ratios() throws {
    try refuse("simulate image-cs a.png -o x.h5", naming: "--ratio")
    for ratio in ["0", "1.5", "nan", "inf"] { try refuse("simulate image-cs a.png -o x.h5 --ratio \(ratio)", naming: "--ratio") }
    try refuse("evaluate image-cs tval3 --images a.png --ratio 1.5", naming: "--ratio")
    try refuse("simulate image-cs a.png -o x.h5 --ratio=-0.25", naming: "--ratio")
    try refuse("simulate image-cs a.png -o x.h5 --ratio 0.25 --phi phi.npy", naming: "--phi")
    try refuse("train image-cs sda --images . -o x.safetensors", naming: "--ratio")
    try refuse("train image-cs sda --images . -o x.safetensors --ratio 0", naming: "--ratio")
    try refuse("simulate image-cs a.png -o x.h5 --phi phi.npy --noise-snr inf", naming: "noise")
    try refuse("simulate image-cs a.png -o x.h5 --phi phi.npy --color gray", naming: "every-channel")
    try refuse("simulate image-cs none.png -o x.h5 --phi phi.npy", naming: "none.png")
  }

  @Test func matrices() throws {
    func bad(_ phi: Tensor, _ word: String) throws {
      try NPY.write(phi, to: folder.file("bad.npy"))
      try refuse("simulate image-cs a.png -o x.h5 --phi bad.npy", naming: word)
    }
    try bad(.filled(1, shape: [3, 24]), "3 × 24")
    try bad(.filled(1, shape: [25, 10]), "transpose")
    try bad(.filled(1, shape: [26, 25]), "no more rows")
    try bad(.filled(.nan, shape: [3, 25]), "NaN")
    try bad(.filled(.infinity, shape: [3, 25]), "infinity")
    try bad(.zeros([3, 25]), "zeros")
    try bad(.zeros([0, 25]), "empty")
    try bad(.filled(1, shape: [25]), "two axes")
    try bad(.filled(1, shape: [1, 129 * 129]), "128")
    try refuse("simulate image-cs a.png -o x.h5 --phi none.npy", naming: "none.npy")
    try refuse("simulate image-cs a.png -o x.h5 --phi a.png", naming: "PNG")
    try refuse("evaluate image-cs tval3 --images a.png --phi bad.npy", naming: "128")
    try refuse("train image-cs sda --images a.png -o x.safetensors --phi bad.npy", naming: "128")
    let whole = try #require(folder.bytes("phi.npy"))
    for count in [0, 5, 60, whole.count - 1] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: folder.file("cut.npy")))
      try refuse("simulate image-cs a.png -o x.h5 --phi cut.npy", naming: "cut.npy")
    }
  }

  /// Mixed precision is for networks of convolutions, and for commands that run them.
  @Test func mixedPrecision() throws {
    try refuse("simulate image-cs a.png -o x.h5 --phi phi.npy --precision mixed", naming: "leave it out")
    try refuse("evaluate image-cs tval3 --images a.png --phi phi.npy --precision mixed", naming: "convolutions")
    try refuse("reconstruct image-cs tval3 m.h5 -o x.png --precision mixed", naming: "convolutions")
    try refuse("train image-cs sda --images a.png --phi phi.npy -o x.safetensors --precision mixed", naming: "convolutions")
    try refuse("train sparse-recovery lista -o x.safetensors --precision mixed", naming: "convolutions")
    try refuse("bench lista-train --precision mixed", naming: "convolutions")
    try refuse("evaluate image-cs tval3 --images a.png --phi phi.npy --precision double", naming: "precision of its own")
    try refuse("train sparse-recovery lista -o x.safetensors --precision single", naming: "precision of its own")
    try refuse("methods --precision double", naming: "leave it out")
    try refuse("bench lista-train --precision half", naming: "half")
  }

  @Test func optionsOfOthers() throws {
    try refuse("simulate image-cs a.png -o x.h5 --phi phi.npy --dictionary phi.npy", naming: "--dictionary")
    try refuse("simulate image-cs a.png -o x.h5 --phi phi.npy --matrix phi.npy", naming: "--matrix")
    try refuse("simulate sparse-coding a.png -o x.h5 --ratio 0.1", naming: "--ratio")
    try refuse("evaluate sparse-coding ista --images a.png --color luminance", naming: "--color")
    try refuse("evaluate image-cs ista --images a.png --phi phi.npy", naming: "tval3")
    try refuse("evaluate image-cs tval3 --phi phi.npy", naming: "--images")
    try refuse("evaluate image-cs tval3 --images a.png --data phi.npy --phi phi.npy", naming: "--data")
    try refuse("evaluate sparse-recovery ista --initial phi.npy", naming: "--initial")
    for option in ["--weights w.safetensors", "--depth 1", "--initial phi.npy", "--iterations 3", "--lambda 1", "--codes c.npy"] {
      try refuse("reconstruct image-cs tval3 m.h5 -o x.png \(option)", naming: String(option.split(separator: " ")[0]))
    }
    try refuse("reconstruct image-cs lista m.h5 -o x.png", naming: "image-cs")
    let train = "train image-cs ista-net --images a.png --phi phi.npy -o x.safetensors"
    for option in [
      "--units 100", "--iterations 3", "--patches 100", "--dictionary phi.npy", "--rows 10", "--columns 20", "--noise-snr 20",
    ] {
      try refuse("\(train) \(option)", naming: String(option.split(separator: " ")[0]))
    }
    for option in [
      "--ratio 0.1", "--phi phi.npy", "--channels 4", "--constraint none", "--initial phi.npy",
    ] {
      try refuse("train sparse-recovery alista -o x.safetensors \(option)", naming: String(option.split(separator: " ")[0]))
    }
    for option in ["--depth 2", "--channels 4", "--initial phi.npy", "--constraint running"] {
      let line = "train image-cs reconnet --images a.png --phi phi.npy -o x.safetensors \(option)"
      try refuse(line, naming: String(option.split(separator: " ")[0]))
    }
    try refuse("train image-cs tval3 --images a.png --phi phi.npy -o x.safetensors", naming: "tval3")
    try refuse("train image-cs lista --images a.png --phi phi.npy -o x.safetensors", naming: "ista-net-plus")
  }

  @Test func training() throws {
    let train = "train image-cs ista-net-plus --phi phi.npy --steps 1 --quiet -o x.safetensors"
    try refuse(train, naming: "--images")
    try refuse("\(train) --images none", naming: "none")
    try refuse("\(train) --images a.png --depth 0", naming: "--depth")
    try refuse("\(train) --images a.png --depth 1000000", naming: "--depth")
    try refuse("\(train) --images a.png --channels 1000000", naming: "--channels")
    try refuse("\(train) --images a.png --constraint often", naming: "ground-truth")
    try refuse("\(train) --images a.png --initial phi.npy", naming: "transpose")
    try refuse("\(train) --images a.png --initial none.npy", naming: "none.npy")
    try writePNG(.zeros([30, 30]), to: folder.file("black.png"))
    try refuse("\(train) --images black.png", naming: "black")
    try folder.image("small.png", height: 4, width: 90)
    try refuse("\(train) --images small.png", naming: "5 × 5")
    try NPY.write(folder.table("phi.npy").transposed, to: folder.file("q.npy"))
    let started = "\(train) --images a.png --initial q.npy --depth 2 --channels 2 --start"
    try refuse("\(started) none.safetensors", naming: "none.safetensors")
    try refuse("\(started) phi.npy", naming: "phi.npy")
    // Weights of other channels.
    try refuse("\(train) --images a.png --initial q.npy --depth 2 --channels 3 --start w.safetensors", naming: "shape")
  }

  @Test func weights() throws {
    let run = "reconstruct image-cs ista-net-plus m.h5 -o x.png"
    try refuse(run, naming: "UNFOLD_MODELS")
    try refuse("\(run) --weights none.safetensors", naming: "none.safetensors")
    try refuse("\(run) --weights phi.npy", naming: "phi.npy")
    try refuse("\(run) --weights w.safetensors --depth 3", naming: "up to 2")
    try refuse("\(run) --weights w.safetensors --depth 0", naming: "--depth")
    try refuse("\(run) --weights w.safetensors --depth 100000000000", naming: "--depth")
    try refuse("\(run) --weights w.safetensors --initial phi.npy", naming: "transpose")
    try refuse("reconstruct image-cs ista-net m.h5 -o x.png --weights w.safetensors", naming: "w.safetensors")
    try refuse("reconstruct image-cs reconnet m.h5 -o x.png --weights w.safetensors", naming: "dense.weight")
    try refuse("reconstruct image-cs sda m.h5 -o x.png --weights w.safetensors --depth 2", naming: "--depth")
    try refuse("reconstruct image-cs sda m.h5 -o x.png --weights w.safetensors --initial phi.npy", naming: "--initial")
    let file = try SafeTensors(contentsOf: folder.file("w.safetensors"))
    func bad(_ word: String, sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout SafeTensors) -> Void) throws {
      var changed = file
      change(&changed)
      try changed.write(to: folder.file("bad.safetensors"))
      try refuse("\(run) --weights bad.safetensors", naming: word, sourceLocation: sourceLocation)
    }
    func set(_ name: String, _ value: Tensor) -> (inout SafeTensors) -> Void {
      { file in file.tensors[file.tensors.firstIndex { $0.name == name }!].value = value }
    }
    func without(_ names: String...) -> (inout SafeTensors) -> Void {
      { file in file.tensors.removeAll { names.contains($0.name) } }
    }
    let phi = try folder.table("phi.npy")
    try bad("--initial", without("operator.initial", "operator.phi"))
    try bad("another phi", set("operator.phi", -1 * phi))
    try bad("another phi", set("operator.phi", phi.rows(0..<9)))
    try bad("9 measurements") { file in
      without("operator.phi")(&file)
      set("operator.initial", phi.rows(0..<9).transposed)(&file)
    }
    try bad("stages.1.reduction", without("stages.1.reduction"))
    try bad("ista-net-plus", without("stages.0.analysis.1"))
    try bad("more") { $0.tensors.append(NamedParameter(name: "more", value: .zeros([2]))) }
    try bad("NaN", set("stages.0.threshold", Tensor([.nan], shape: [])))
    try bad("NaN", set("operator.initial", .filled(.infinity, shape: [25, 10])))
    // A far stage and many channels, for which there is no memory.
    try bad("stages.999") { $0.tensors.append(NamedParameter(name: "stages.999.analysis.1", value: .zeros([2, 2, 3, 3]))) }
    try bad("ista-net-plus", set("stages.0.analysis.1", .zeros([4096, 1, 1, 1])))
    try bad("recipe") { $0.metadata["recipe"] = "{}" }
    // Weights trained for another seed of Φ, method or problem, as their recipe says.
    func recipe(_ network: String, _ notes: String) -> (inout SafeTensors) -> Void {
      { file in
        without("operator.phi")(&file)
        file.metadata["recipe"] = #"{"network":"\#(network)","notes":{\#(notes)},"phases":[],"seed":1}"#
      }
    }
    try bad("seed 5", recipe("ista-net-plus", #""problem":"image-cs","phi":"seed 5""#))
    try bad("ista-net", recipe("ista-net", #""problem":"image-cs","phi":"given""#))
    try bad("sparse-coding", recipe("ista-net-plus", #""problem":"sparse-coding""#))
    let whole = try #require(folder.bytes("w.safetensors"))
    for count in [0, 4, 100, whole.count / 2, whole.count - 1] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: folder.file("cut.safetensors")))
      try refuse("\(run) --weights cut.safetensors", naming: "cut.safetensors")
    }
  }

  @Test func measurements() throws {
    let file = try HDF5File(contentsOf: folder.file("m.h5"))
    func bad(_ word: String, sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout HDF5File) -> Void) throws {
      var changed = file
      change(&changed)
      try changed.write(to: folder.file("bad.h5"))
      try refuse("reconstruct image-cs tval3 bad.h5 -o x.png", naming: word, sourceLocation: sourceLocation)
    }
    func set(_ name: String, _ value: Tensor) -> (inout HDF5File) -> Void {
      { file in file.arrays[file.arrays.firstIndex { $0.name == name }!].value = .real(value) }
    }
    for name in ["measurement/0", "size/0", "phi"] { try bad(name) { $0.arrays.removeAll { $0.name == name } } }
    for name in ["seed", "side"] { try bad(name) { $0.attributes[name] = nil } }
    try bad("NaN", set("measurement/0", .filled(.nan, shape: [6, 10])))
    try bad("phi", set("measurement/0", .zeros([6, 9])))
    try bad("at most 25", set("measurement/0", .zeros([6, 26])))
    try bad("measurement/0", set("measurement/0", .zeros([60])))
    try bad("measurement/0", set("measurement/0", .zeros([6, 0])))
    try bad("infinity", set("phi", .filled(.infinity, shape: [10, 25])))
    try bad("phi", set("phi", .zeros([25, 10])))
    for sizes in [[7, 12, 2], [0, 12, 1], [-7, 12, 1], [7.5, 12, 1], [1e9, 1e9, 1], [1e300, 12, 1]] {
      try bad("size/0", set("size/0", Tensor(sizes)))
    }
    try bad("size/0", set("size/0", Tensor([7, 12])))
    try bad("ground_truth/0", set("size/0", Tensor([7, 13, 1])))
    try bad("measurement/0", set("size/0", Tensor([7, 12, 3])))
    try bad("measurement/0") { file in
      file.arrays.removeAll { $0.name == "ground_truth/0" }
      set("size/0", Tensor([7, 16, 1]))(&file)
    }
    try bad("ground_truth", set("ground_truth/0", .filled(.nan, shape: [7, 12])))
    for side in ["0", "-5", "129", "five", "99999999999999999999"] { try bad("side") { $0.attributes["side"] = side } }
    try bad("seed") { $0.attributes["seed"] = "-3" }
    try bad("weather") { $0.attributes["problem"] = "weather" }
    try bad("simulate") { $0.attributes["format"] = "unfold measurement 9" }
    try refuse("reconstruct image-cs tval3 phi.npy -o x.png", naming: "simulate")
    try refuse("reconstruct image-cs tval3 m.h5 -o none/x.png", naming: "none/x.png")
    let whole = try #require(folder.bytes("m.h5"))
    for count in [0, 100, whole.count / 2, whole.count - 100] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: folder.file("cut.h5")))
      try refuse("reconstruct image-cs tval3 cut.h5 -o x.png", naming: "cut.h5")
    }
  }

  /// A measurement, weights or Φ with bytes changed: an answer or one line, never a trap.
  @Test(arguments: ["m.h5", "w.safetensors", "w.mat", "phi.npy"]) func mutations(file: String) throws {
    if file == "w.mat" { #expect(try Program.run("convert", "w.safetensors", "w.mat", "--quiet", in: folder).status == 0) }
    let whole = try #require(folder.bytes(file))
    var generator = RandomGenerator(seed: 78)
    var refused = 0
    for round in 0..<20 {
      var changed = whole
      for _ in 0..<4 {
        let end = round < 15 ? min(file == "m.h5" ? 3000 : 700, whole.count) : whole.count
        changed[generator.index(below: end)] ^= UInt8(1 + generator.index(below: 255))
      }
      let name = "changed." + (file as NSString).pathExtension
      try changed.write(to: URL(fileURLWithPath: folder.file(name)))
      let done =
        try file == "phi.npy"
        ? Program.run("simulate", "image-cs", "a.png", "--phi", name, "-o", "x.out", "--quiet", in: folder)
        : Program.run(
          "reconstruct", "image-cs", "ista-net-plus", file == "m.h5" ? name : "m.h5", "--weights",
          file == "m.h5" ? "w.safetensors" : name,
          "-o", "x.png", "--quiet", in: folder)
      #expect(
        [0, 1, 2].contains(done.status) && done.errorLines.count == (done.status == 0 ? 0 : 1),
        "\(round): \(done.status) \(done.errors)")
      let output = file == "phi.npy" ? "x.out" : "x.png"
      #expect(folder.has(output) == (done.status == 0))
      try? FileManager.default.removeItem(atPath: folder.file(output))
      if done.status != 0 { refused += 1 }
    }
    #expect(refused > 0)
  }

  /// A network whose maps are an image and features has two channels at least.
  @Test(arguments: [
    "image-cs sodas-net --ratio 0.25", "image-cs scnet", "cs-mri scnet --ratio 0.3", "linear scnet --operator o.yaml",
  ])
  func oneChannel(network: String) throws {
    try "operator: [blur: {sigma: 1}]".write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    try folder.image("b.png", height: 140, width: 140)
    try refuse("train \(network) --images b.png --channels 1 --steps 1 -o w.safetensors --quiet", naming: "2 or more")
  }
}
