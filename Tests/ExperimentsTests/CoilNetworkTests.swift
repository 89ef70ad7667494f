// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Evaluation
import Experiments
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing
import Training

/// Networks of A = P F S / ‖P F S‖: what the problem `linear` makes of the same operator, maps known or estimated, training.
@Suite struct CoilNetworkTests {
  private let folder: Folder
  private static let (h, w) = (16, 12)

  init() throws {
    folder = try Folder()
    try FileManager.default.createDirectory(atPath: folder.file("images"), withIntermediateDirectories: true)
    for k in 0..<3 {
      let (re, im) = (
        0.6 * texture(Self.h, Self.w, 0.07 * Double(k + 1), 0.4), 0.3 * texture(Self.h, Self.w, 0.11 * Double(k + 1), 0.2)
      )
      try NPY.write(.complex(ComplexTensor(real: re, imaginary: im)), to: folder.file("images/\(k).npy"))
    }
  }

  private func experiment(
    coils: Int = 4, maps: String? = nil, ratio: Double = 0.5, noise: Double? = nil, seed: UInt64 = 7
  ) throws -> KSpace {
    try KSpace(
      .set {
        ($0.mask, $0.ratio, $0.coils) = ("cartesian", ratio, coils)
        ($0.maps, $0.noiseSnr) = (maps, noise)
      }, seed: seed)
  }

  /// Weights of a network before training, as those of a problem.
  private func weights(
    _ network: String, of problem: String, _ system: KSpaceSystem, notes: [String: String] = [:]
  ) throws -> String {
    let path = folder.file("\(network)-\(problem).safetensors")
    let untrained = try KSpace.network(network, system, depth: 2, channels: network == "admm-net" ? nil : 4, seed: 3)
    var shape = Architecture(depth: 2)
    if network != "admm-net" { shape.channels = 4 }
    let recipe = Recipe(
      network: network, seed: 3, architecture: shape, phases: [Recipe.adam(steps: 1, batchSize: 1)],
      notes: notes.merging(["problem": problem]) { $1 })
    try Weights(parameters: untrained.parametersAndBuffers, recipe: recipe.json).write(to: path)
    return path
  }

  private func options<Knobs: Settings>(_ path: String) -> SolverOptions<Knobs> { .set { $0.weights = path } }

  /// Coils, Fourier transform and undersampling of a file, of the same seed: the same bytes by both problems, with weights of either. Maps from
  /// a file have another norm than 1.
  @Test(arguments: ["ista-net-plus", "fista-net", "modl"], [false, true]) func linearGivesTheSameBytes(
    network: String, hasMaps: Bool
  )
    throws
  {
    let maps = folder.file("maps.npy")
    try NPY.write(.complex(ComplexTensor(pairs: 1.7 * chirp([4, Self.h, Self.w, 2], 0.7))), to: maps)
    let coils = hasMaps ? "maps: maps.npy" : "count: 4, seed: 7"
    let text = """
      complex: true
      operator:
        - coils: {\(coils)}
        - fourier
        - undersample: {pattern: cartesian, ratio: 0.5, seed: 7}
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file("sense.yaml")))
    let ours = try experiment(maps: hasMaps ? maps : nil).scans(of: [folder.file("images")])
    let theirs = try Linear(.set { $0.operator = folder.file("sense.yaml") }, seed: 1).scans(of: [folder.file("images")])
    #expect(try ours[0].system.coils == 4 && theirs[0].system.codomain == ArraySpace([4, Self.h, Self.w], isComplex: true))
    #expect(try (theirs[0].system.unit == 1) != hasMaps)
    for problem in ["cs-mri", "linear"] {
      let path = try weights(network, of: problem, ours[0].system, notes: ["coils": "4", "operator": "sense.yaml"])
      let a = try Runner(KSpace.named(network), options: options(path)).run(ours[1])
      let b = try Runner(Linear.named(network), options: options(path)).run(theirs[1])
      let (x, y) = (a.reconstruction.value.complex, b.reconstruction.value.complex)
      #expect(x == y && x.shape == [Self.h, Self.w] && x.magnitude.maximumMagnitude > 0.1)
      #expect(a.solver.remarks == (problem == "linear" ? ["weights trained by linear on sense.yaml"] : []))
      #expect(b.solver.remarks == (problem == "cs-mri" ? ["weights trained by cs-mri"] : []))
      #expect(abs(a.scores!.psnr! - b.scores!.psnr!) <= 1e-9)
    }
  }

  /// Files of `simulate` keep what their coils were: tv and networks find what evaluation finds. Estimated maps are those of ESPIRiT given.
  @Test(arguments: ["tv", "ista-net-plus", "ista-net", "fista-net", "modl", "admm-net", "admm-csnet"])
  func mapsOfAMeasurement(method: String) throws {
    let experiment = try experiment(ratio: 1)
    // Within [0, 1], so that a file's units are those of evaluation.
    let image = folder.file("image.npy")
    try NPY.write(.complex(0.6 * NPY.read(folder.file("images/1.npy")).complex), to: image)
    let scans = try experiment.scans(of: [image])
    let isTrained = method != "tv"
    var options = SolverOptions<KSpace.Knobs>()
    if isTrained { options.weights = try weights(method, of: "cs-mri", scans[0].system, notes: ["coils": "4"]) }
    func found(_ scans: Scans<KSpace>) throws -> ComplexTensor {
      try Runner(KSpace.named(method), options: options).run(scans[0]).reconstruction.value.complex
    }
    let file = folder.file("m.h5")
    _ = try experiment.simulate([image], to: file, keepingGroundTruth: true)
    let known = try found(scans)
    #expect(try found(KSpace.open(file, .init())) == known)
    let estimated = try ESPIRiT().estimate(scans[0].measured.kSpace).maps
    try NPY.write(.complex(estimated), to: folder.file("espirit.npy"))
    let given = try found(KSpace.open(file, .set { $0.maps = folder.file("espirit.npy") }))
    let unknown = try found(KSpace.open(file, .set { $0.maps = "espirit" }))
    // Of tv maps are estimated from samples that are divided by the scale.
    #expect((unknown - given).norm <= 1e-9 * given.norm && unknown != known && known.pairs.isFinite)
  }

  /// Weights know nothing of the coils: a remark says for how many they were trained.
  @Test func weightsOfOtherCoils() throws {
    let eight = try experiment(coils: 8).scans(of: [folder.file("images")])
    let one = try experiment(coils: 1).scans(of: [folder.file("images")])
    let path = try weights("ista-net-plus", of: "cs-mri", eight[0].system, notes: ["coils": "8"])
    let single = try weights("ista-net", of: "cs-mri", one[0].system)
    func remarks(_ method: String, _ scans: Scans<KSpace>, _ path: String) throws -> [String] {
      try Runner(KSpace.named(method), options: options(path)).run(scans[0]).solver.remarks
    }
    #expect(try remarks("ista-net-plus", eight, path) == [])
    #expect(try remarks("ista-net-plus", one, path) == ["weights trained with 8 coils, used for one coil"])
    #expect(try remarks("ista-net", eight, single) == ["weights trained with one coil, used for 8 coils"])
    let sparser = try KSpace(.set { $0.ratio = 0.3 }, seed: 1).scans(of: [folder.file("images")])
    #expect(try remarks("ista-net", one, single) == [])
    let operators = [NamedParameter(name: "mask", value: try one[0].system.mask.values)]
    var known = try Weights(contentsOf: single)
    known.operators = operators
    try known.write(to: single)
    #expect(try remarks("ista-net", one, single) == [])
    #expect(try remarks("ista-net", sparser, single) == ["weights trained with another mask"])
    let system = try eight[0].system
    #expect(try KSpace.weightsName(of: KSpace.named("ista-net-plus"), for: system, depth: nil) == "cs-mri/ista-net-plus-50-coils")
    let real = folder.file("real.npy")
    try NPY.write(texture(Self.h, Self.w, 0.3), to: real)
    #expect(
      refusal {
        try Runner(KSpace.named("ista-net-plus"), options: options(path)).run(experiment(coils: 1).scans(of: [real])[0])
      }.contains("expected [4, 1, 3, 3]"))
  }

  // MARK: Training

  private func training(
    _ experiment: KSpace, _ method: String = "ista-net-plus", steps: Int, resuming: Checkpoint? = nil,
    change: (inout KSpace.TrainingSetup) -> Void = { _ in }
  ) throws -> Training {
    let options = TrainingOptions.set {
      ($0.steps, $0.batch, $0.depth) = (steps, 2, 2)
      $0.channels = method == "admm-net" ? nil : 4
    }
    var setup = KSpace.TrainingSetup()
    (setup.images, setup.size) = ([folder.file("images")], 16)
    change(&setup)
    var training = try experiment.training(TrainingRequest(KSpace.named(method), setup, options: options, resuming: resuming))
    training.apply(options)
    return training
  }

  /// Coils and noise: validation falls, and a run broken off ends with the bytes of one that was not.
  @Test func trains() throws {
    struct Broken: Error {}
    let training = try training(experiment(noise: 30), steps: 40)
    #expect(training.recipe.notes["coils"] == "4" && training.recipe.notes["noise_snr"] == "30.0")
    var errors: [Double] = []
    let log = StepLog { if let error = $0.validation { errors.append(error) } }
    let (whole, path) = (folder.file("whole.safetensors"), folder.file("broken.safetensors"))
    #expect(try training.run(.init(path: whole, monitors: { [log] })) != nil)
    #expect(errors.count >= 3 && errors.last! < errors.first!, "\(errors)")
    #expect(throws: Broken.self) {
      try training.run(.init(path: path, checkpointEvery: 15, monitors: { [StepLog { if $0.step == 20 { throw Broken() } }] }))
    }
    let checkpoint = try #require(try interruptedTraining(of: path))
    let again = try self.training(experiment(noise: 30), steps: 40, resuming: checkpoint)
    #expect(try again.run(.init(path: path, resuming: checkpoint)) != nil)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(contentsOf: URL(fileURLWithPath: whole)))
  }

  /// Every network of complex images; those of one coil with noise too. Real images are complex ones without a phase.
  @Test(arguments: ["ista-net", "fista-net", "modl", "admm-net", "admm-csnet"]) func trainsEveryNetwork(method: String) throws {
    try NPY.write(texture(Self.h, Self.w, 0.3), to: folder.file("images/real.npy"))
    let path = folder.file("w.safetensors")
    for coils in [4, 1] {
      #expect(try training(experiment(coils: coils, noise: 25), method, steps: 2).run(.init(path: path)) != nil, "\(coils)")
    }
    let scans = try experiment().scans(of: [folder.file("images")])
    let found = try Runner(KSpace.named(method), options: options(path)).run(scans[0])
    #expect(found.scores!.psnr! > 5 && found.solver.remarks == ["weights trained with one coil, used for 4 coils"])
  }

  @Test func mistakes() throws {
    func refused(_ message: String, _ body: () throws -> some Any) {
      let found = refusal(InputError.self, body)
      #expect(found.contains(message), "\(found)")
    }
    let maps = folder.file("maps.npy")
    try NPY.write(.complex(ComplexTensor(pairs: chirp([4, Self.h, Self.w, 2], 0.7))), to: maps)
    refused("maps.npy: found coil maps of 16 × 12 for images of 16 × 16") {
      try training(experiment(maps: maps), steps: 1)
    }
    refused("expected 3, as --coils says") { try experiment(coils: 3, maps: maps) }
    refused("scnet, which is for real images of one") { try training(experiment(), "scnet", steps: 1) }
    refused("--magnitudes and 4 coils") { try training(experiment(), steps: 1) { $0.magnitudes = true } }
    refused("--to-maximum") {
      try training(KSpace(.set { ($0.ratio, $0.toMaximum) = (0.5, true) }, seed: 1), steps: 1)
    }
    try NPY.write(.complex(ComplexTensor(pairs: chirp([1, Self.h, Self.w, 2], 0.7))), to: maps)
    refused("found maps of 1 coil; expected several") { try experiment(coils: 1, maps: maps) }
    let path = folder.file("m.h5")
    _ = try experiment().simulate([folder.file("images/0.npy")], to: path, keepingGroundTruth: false)
    refused("found coil maps of [1, 16, 12] for k-space of [4, 16, 12]") {
      try KSpace.open(path, .set { $0.maps = maps })[0]
    }
    _ = try experiment(coils: 1).simulate([folder.file("images/0.npy")], to: path, keepingGroundTruth: false)
    refused("found --maps and one coil") { try KSpace.open(path, .set { $0.maps = maps })[0] }
  }
}
