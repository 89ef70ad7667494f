// SPDX-License-Identifier: Apache-2.0
import Experiments
import FileFormats
import Foundation
import LinearSystems
import Networks
import Operators
import Tensors
import TestSupport
import Testing
import Training

@Suite struct LinearTests {
  private let folder: Folder
  init() throws {
    folder = try Folder()
    for (i, frequency) in [0.37, 0.21, 0.53].enumerated() {
      try writeImage(Image(values: texture(24, 24, frequency)), to: folder.file("\(i).png"))
    }
  }

  private func experiment(_ text: String, noise: Double? = nil) throws -> Linear {
    try text.write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    var setup = Linear.Setup()
    (setup.operator, setup.noise) = (folder.file("o.yaml"), noise)
    return try Linear(setup, seed: 5)
  }

  private func method(_ name: String) throws -> Method<Linear> { try #require(Linear.method(name)) }

  /// Every network, untrained, over real images, complex ones of one coil and of two, and colour: it runs, and ISTA-Net⁺ of weights 0 is a
  /// gradient step on the operator scaled to norm 1.
  @Test(arguments: ["ista-net-plus", "fista-net", "admm-net", "scnet"]) func networksRunOnAnyOperator(name: String) throws {
    for text in [
      "operator: [blur: {sigma: 1}, downsample: 2]", "operator: [fourier, undersample: {ratio: 0.5}]",
      "complex: true\noperator: [fourier, undersample: {ratio: 0.5}]",
      "complex: true\noperator: [coils: 2, fourier, undersample: {ratio: 0.5}]",
      "shape: [24, 24]\noperator: [hadamard: {rows: 300}]",
    ] where !text.contains("hadamard") && !(name == "scnet" && text.contains("complex")) {
      let scans = try experiment(text).scans(of: [folder.file("0.png")])
      var options = SolverOptions<Linear.Knobs>()
      (options.untrained, options.depth) = (true, 2)
      let scan = try scans[0]
      let found = try Solver(method(name), scan.system, options: options).solve(scan.measured)
      #expect(found.value.shape == [24, 24] && found.value.isFinite && (found.residual ?? 2) < 1.5, "\(name), \(text)")
    }
    if name == "scnet" {
      let scans = try experiment("complex: true\noperator: fourier").scans(of: [folder.file("0.png")])
      var options = SolverOptions<Linear.Knobs>()
      options.untrained = true
      #expect(refusal(InputError.self) { try Solver(method(name), scans[0].system, options: options) }.contains("real images"))
    }
  }

  /// Measured, written, read and solved: the same as without the file. Another operator than was measured with is refused; one that moved
  /// is found by its name.
  @Test func measurementsComeBack() throws {
    let experiment = try experiment("noise: 0.01\noperator:\n  - blur: {sigma: 1}")
    let path = folder.file("m.h5")
    _ = try experiment.simulate([folder.file("0.png"), folder.file("1.png")], to: path, keepingGroundTruth: true)
    var knobs = SolverOptions<Linear.Knobs>()
    knobs.knobs.prior = ["tv:0.0005", "nonnegative"]
    let direct = try Runner(method("admm"), options: knobs).evaluation(
      experiment.scans(of: [folder.file("0.png"), folder.file("1.png")]), seed: 5)
    let again = try Runner(method("admm"), options: knobs).evaluation(Linear.open(path, .init()), seed: 5)
    #expect(direct.images.map(\.scores.psnr) == again.images.map(\.scores.psnr) && (direct.mean.psnr ?? 0) > 10)

    try FileManager.default.moveItem(atPath: folder.file("o.yaml"), toPath: folder.file("p.yaml"))
    #expect(refusal(InputError.self) { try Linear.open(path, .init()) }.contains("name it with --operator"))
    var moved = Linear.Opening()
    moved.operator = folder.file("p.yaml")
    #expect(try Linear.open(path, moved).count == 2)
    try "noise: 0.01\noperator:\n  - blur: {sigma: 2}".write(toFile: folder.file("p.yaml"), atomically: true, encoding: .utf8)
    #expect(refusal(InputError.self) { try Linear.open(path, moved) }.contains("another operator"))
  }

  /// A picture is a measurement of an operator that keeps the image, and says its shape.
  @Test func picturesAreMeasurements() throws {
    var opening = Linear.Opening()
    opening.operator = folder.file("o.yaml")
    try "operator: [blur: {sigma: 1}]".write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    let scan = try Linear.open(folder.file("0.png"), opening)[0]
    #expect(scan.system.domain.shape == [24, 24])
    #expect(scan.measured.real.map { relativeError($0.reshaped([24, 24]), texture(24, 24, 0.37)) < 0.01 } == true)
    try "operator: [downsample: 2]".write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    #expect(refusal(InputError.self) { try Linear.open(folder.file("0.png"), opening) }.contains("--shape"))
  }

  /// A measured kernel as a picture is the kernel of sum 1.
  @Test func kernelsAreReadFromPictures() throws {
    let kernel = Tensor([0, 0, 1, 0, 1, 0, 0.2, 0, 0], shape: [3, 3])
    try writeImage(Image(values: kernel), to: folder.file("kernel.png"))
    try NPY.write((1 / 2.2) * kernel, to: folder.file("kernel.npy"))
    let picture = try Remarks.collected { try experiment("operator: [blur: {kernel: kernel.png}]").system(shape: [24, 24]) }
    let array = try experiment("operator: [blur: {kernel: kernel.npy}]").system(shape: [24, 24])
    let x = texture(24, 24, 0.3).reshaped([1, 24, 24]).converted(to: .double)
    #expect(relativeError(picture.result.double.forward(x), array.double.forward(x)) < 1e-6)
    #expect(picture.remarks.contains { $0.contains("divided by its sum") })
  }

  /// A device's own axes are the rows of a matrix, the last fastest; a MATLAB file's, which may be meant the other way round, are refused.
  @Test func axesOfADevice() throws {
    try NPY.write(Tensor((0..<24).map { Double($0 % 7) + 1 }, shape: [6, 4]), to: folder.file("A.npy"))
    var opening = Linear.Opening()
    opening.operator = folder.file("A.npy")
    let y = Tensor((0..<30).map(Double.init), shape: [5, 2, 3])
    try NPY.write(y, to: folder.file("y.npy"))
    try MATFile.write([NamedArray(name: "y", value: .real(y.rows(0..<1).reshaped([2, 3])))], to: folder.file("y.mat"))
    let found = try Remarks.collected { try Linear.open(folder.file("y.npy"), opening) }
    #expect(try found.result[0].measured.real?.doubles == y.doubles && found.remarks.contains { $0.contains("last axis fastest") })
    #expect(refusal(InputError.self) { try Linear.open(folder.file("y.mat"), opening) }.contains("y(:)"))
  }

  /// A network of an operator of one's own learns, and goes on after an interruption to the same bytes.
  @Test func trainsAndResumes() throws {
    let experiment = try experiment("noise: 0.02\noperator: [mask: {keep: 0.5}]")
    var setup = Linear.TrainingSetup()
    (setup.images, setup.crop) = ([folder.path], 16)
    var options = TrainingOptions()
    (options.steps, options.depth, options.channels) = (12, 2, 4)
    func trained(_ file: String, from start: String? = nil) throws -> [UInt8] {
      let training = try experiment.training(TrainingRequest(method("ista-net-plus"), setup, options: options))
      #expect(try training.run(.init(path: folder.file(file))) != nil)
      return Array(FileManager.default.contents(atPath: folder.file(file)) ?? Data())
    }
    let first = try trained("a.safetensors")
    #expect(try first == trained("b.safetensors") && !first.isEmpty)
    let scans = try experiment.scans(of: [folder.file("2.png")])
    var solving = SolverOptions<Linear.Knobs>()
    solving.weights = folder.file("a.safetensors")
    let learned = try Runner(method("ista-net-plus"), options: solving).evaluation(scans, seed: 5)
    #expect(learned.parameters > 0 && learned.mean.psnr != nil)
    // Pixels that are not seen are 0 in Aᵀ y; twelve steps already do better.
    var untrained = SolverOptions<Linear.Knobs>()
    (untrained.untrained, untrained.depth) = (true, 2)
    let before = try Runner(method("ista-net-plus"), options: untrained).evaluation(scans, seed: 5)
    #expect((learned.mean.psnr ?? 0) > (before.mean.psnr ?? 99))
  }

  /// LISTA on vectors of a matrix in a file, and the array of measurements as it lies.
  @Test func vectorsOfAMatrix() throws {
    let A = chirp([12, 20], 0.37, 0.1)
    try MATFile.write(
      [NamedArray(name: "A", value: .real(A)), NamedArray(name: "b", value: .real(wave([12, 3], 0.3, 0.1)))],
      to: folder.file("A.mat"))
    var setup = Linear.Setup()
    setup.operator = folder.file("A.mat")
    #expect(refusal { try Linear(setup, seed: 1) }.contains("A (12 × 20), b (12 × 3)"))
    setup.variable = "A"
    let experiment = try Linear(setup, seed: 1)
    try NPY.write(wave([40, 20], 0.7, 0.2), to: folder.file("x.npy"))
    let scans = try experiment.scans(of: [folder.file("x.npy")])
    #expect(try scans[0].measured.shape == [40, 12])
    expectClose(try scans[0].measured.display, linear(wave([40, 20], 0.7, 0.2), A), relative: 1e-13)
    var training = Linear.TrainingSetup()
    training.images = [folder.file("x.npy")]
    var options = TrainingOptions()
    (options.steps, options.depth) = (6, 2)
    for name in VectorNetwork.allCases.map(\.rawValue) {
      let made = try experiment.training(TrainingRequest(method(name), training, options: options))
      #expect(try made.run(.init(path: folder.file("w.safetensors"))) != nil)
      var solving = SolverOptions<Linear.Knobs>()
      solving.weights = folder.file("w.safetensors")
      let report = try Runner(method(name), options: solving).evaluation(scans, seed: 1)
      #expect(report.mean.nmse.map { $0.isFinite } == true, "\(name)")
    }
    try NPY.write(wave([12], 0.3, 0.1), to: folder.file("y.npy"))
    #expect(try Linear.open(folder.file("y.npy"), setup)[0].measured.shape == [1, 12])
    try NPY.write(wave([13], 0.3, 0.1), to: folder.file("z.npy"))
    #expect(
      refusal(InputError.self) { try Linear.open(folder.file("z.npy"), setup) }.contains(
        "found real numbers of shape [13]; expected [12]"))
  }

  /// Three channels of a picture, each seen through the same blur.
  @Test func colour() throws {
    let planes = (0..<3).map { texture(16, 16, 0.3 + 0.1 * Double($0)) }
    try writeImage(Image(values: .stacked(planes)), to: folder.file("c.png"))
    let experiment = try experiment("shape: [3, 16, 16]\noperator: [blur: {sigma: 0.8}]")
    let scans = try experiment.scans(of: [folder.file("c.png")])
    #expect(try scans[0].measured.shape == [1, 3, 16, 16])
    var knobs = SolverOptions<Linear.Knobs>()
    knobs.knobs.prior = ["tv:0.0005"]
    let report = try Runner(method("admm"), options: knobs).evaluation(scans, seed: 5)
    #expect((report.mean.psnr ?? 0) > 29)
    var options = SolverOptions<Linear.Knobs>()
    (options.untrained, options.depth) = (true, 1)
    let found = try Solver(method("ista-net-plus"), scans[0].system, options: options).solve(scans[0].measured)
    #expect(found.value.shape == [3, 16, 16])
  }

  /// From pairs, and from measurements alone: both learn what the operator does not see of images that were not trained on.
  @Test(arguments: [true, false]) func learnsFromMeasurements(pairs: Bool) throws {
    let experiment = try experiment("shape: [16, 16]\nnoise: 0.01\noperator: [mask: {keep: 0.6, seed: 2}]")
    let system = try experiment.system(shape: [16, 16])
    let x = Tensor.stacked((0..<10).map { texture(16, 16, 0.02 + 0.004 * Double($0), 0.35) }).converted(to: .single)
    var generator = RandomGenerator(seed: 8)
    let y = system.measure(x, Tensor.self, using: &generator)
    try NPY.write(x, to: folder.file("x.npy"))
    try NPY.write(y, to: folder.file("y.npy"))
    var setup = Linear.TrainingSetup()
    setup.measurements = folder.file("y.npy")
    if pairs { setup.signals = folder.file("x.npy") }
    var options = TrainingOptions()
    (options.steps, options.depth, options.channels) = (40, 2, 8)
    let training = try experiment.training(TrainingRequest(method("ista-net-plus"), setup, options: options))
    #expect(try training.run(.init(path: folder.file("w.safetensors"))) != nil)
    try NPY.write(texture(16, 16, 0.031, 0.35), to: folder.file("test.npy"))
    let scans = try experiment.scans(of: [folder.file("test.npy")])
    func psnr(_ set: (inout SolverOptions<Linear.Knobs>) -> Void) throws -> Double {
      var solving = SolverOptions<Linear.Knobs>()
      set(&solving)
      return try Runner(method("ista-net-plus"), options: solving).evaluation(scans, seed: 5).mean.psnr ?? 0
    }
    let before = try psnr { ($0.untrained, $0.depth) = (true, 2) }
    let after = try psnr { $0.weights = folder.file("w.safetensors") }
    #expect(after > before + 1, "\(before) to \(after) dB")
    setup.measurements = nil
    let both = refusal(InputError.self) {
      try experiment.training(TrainingRequest(method("ista-net-plus"), setup, options: options))
    }
    #expect(both.contains(pairs ? "--signals without" : "neither --images nor --measurements"))
  }

  /// Images to train on that are too small along one axis, or of other channels than the operator's.
  @Test func imagesThatDoNotFitAreRefused() throws {
    _ = try writeImage(Image(values: texture(30, 12, 0.3)), to: folder.file("narrow.png"))
    for (text, words) in [
      ("operator: identity", "found an image of [30, 12]; expected [16, 16]"),
      ("shape: [3, 16, 16]\noperator: identity", "expected [3, 16, 16]"),
    ] {
      var setup = Linear.TrainingSetup()
      (setup.images, setup.crop) = ([folder.file("narrow.png")], 16)
      let found = refusal(InputError.self) { try experiment(text).training(TrainingRequest(method("ista-net-plus"), setup)) }
      #expect(found.contains(words), "\(found)")
    }
  }
}
