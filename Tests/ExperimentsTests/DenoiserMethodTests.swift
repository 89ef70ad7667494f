// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Evaluation
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
import WeightFiles

@Suite struct DenoiserMethodTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  // MARK: k-space

  /// The author's loop: denoise, transform, replace what was measured, transform back.
  @Test func decoupledMRI() throws {
    let image = texture(24, 20, 0.05, 0.4)
    try NPY.write(.real(image), to: folder.file("x.npy"))
    let experiment = try KSpace(.set { ($0.ratio, $0.mask) = (0.4, "random") }, seed: 1)
    let scan = try experiment.testScans(.set { $0.images = folder.file("x.npy") })[0]
    let found = try Solver(KSpace.named("bm3d-mri"), scan.system, options: .set { $0.knobs.scale = 1 }).solve(scan.measured)

    let (mask, y) = (scan.system.mask, scan.measured.kSpace.converted(to: .single))
    let repeats = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 8, 10]
    let unmeasured = SamplingMask(height: 24, width: 20, isSampled: mask.isSampled.map { !$0 })
    var x = inverseFFT2(y).real
    for (k, count) in repeats.enumerated() {
      let sigma = 200 * pow(1.0 / 200, Double(k) / 19)
      for _ in 0..<count {
        let denoised = BM3D().denoised(x, sigma: sigma / 255)
        x = inverseFFT2(y + fft2(ComplexTensor(real: denoised, imaginary: 0 * denoised)).selecting(unmeasured)).real
      }
    }
    expectClose(found.display, x.row(0).converted(to: .double), relative: 1e-4)
    #expect(try psnr(found.display, image) > psnr(inverseFFT2(y).real.row(0).converted(to: .double), image) + 3)
  }

  // MARK: Blocks

  private func blocks(_ image: Tensor, _ method: String, _ knobs: Blocks.Knobs = .init()) throws -> (
    Scan<Blocks>, found: Tensor
  ) {
    try writePNG(image, to: folder.file("x.png"), bitDepth: 16)
    let scan = try Blocks(.set { $0.ratio = 0.5 }, seed: 3).scans(of: [folder.file("x.png")])[0]
    return (scan, try Solver(Blocks.named(method), scan.system, options: .set { $0.knobs = knobs }).solve(scan.measured).display)
  }

  /// A block knows nothing of the others.
  @Test func messagePassing() throws {
    let image = texture(33, 66, 0.02, 0.1)
    let (_, found) = try blocks(image, "d-amp")
    let left = Tensor((0..<33 * 33).map { image[flat: $0 / 33 * 66 + $0 % 33] }, shape: [33, 33])
    let (_, alone) = try blocks(left, "d-amp")
    let half = Tensor((0..<33 * 33).map { found[flat: $0 / 33 * 66 + $0 % 33] }, shape: [33, 33])
    #expect(half == alone)
    #expect(try psnr(found, image) > 25)
  }

  /// What was measured is in the estimate, whatever the network.
  @Test func splittingKeepsWhatWasMeasured() throws {
    let image = texture(40, 50, 0.02, 0.1)
    let path = folder.file("f.safetensors")
    try Weights(parameters: FFDNet(seed: 1).parameters).write(to: path)
    let (scan, found) = try blocks(image, "ircnn", .set { $0.denoiserWeights = path })
    let again = scan.system.sensing.sampling(height: 40, width: 50)
    // Only blocks that lie in the image: zeros beside it are measured too.
    let (y, own) = (again.forward(found), scan.measured.y)
    #expect((y.rows(0..<1) - own.rows(0..<1)).norm <= 1e-5 * own.rows(0..<1).norm)
  }

  // MARK: Operators of one's own

  @Test func denoisersByName() throws {
    for text in [
      "denoiser:bm3d", "denoiser:bm3d:fast", "denoiser:tv", "denoiser:tv:3.5", "denoiser:dilated-cnn", "denoiser:ffdnet",
    ] {
      #expect(try DenoiserTerm(parsing: text).description == text)
    }
    for text in [
      "denoiser", "denoiser:", "denoiser:bm3d:slow", "denoiser:tv:0", "denoiser:tv:x", "denoiser:ffdnet:1", "denoiser:dct",
    ] {
      let error = refusal(InputError.self) { try DenoiserTerm(parsing: text) }
      #expect(error.contains("expected") && !error.contains("\n"), "\(error)")
    }
    let empty = ModelLibrary(path: folder.file("none"))
    for kind in DenoisingNetworkKind.allCases {
      let error = refusal(InputError.self) { try DenoiserTerm.network(kind).denoiser(weights: nil, library: empty) }
      #expect(error.contains("denoising/\(kind.rawValue).safetensors") && error.contains("--denoiser-weights"))
    }
    // Weights of the other network.
    let path = folder.file("f.safetensors")
    try Weights(parameters: FFDNet(seed: 1).parameters).write(to: path)
    #expect(
      refusal(InputError.self) { try DenoiserTerm.network(.dilatedCNN).denoiser(weights: path) }.contains("found weights of ffdnet")
    )
    #expect(refusal(InputError.self) { try DenoiserTerm.bm3d(.fast).denoiser(weights: "w") }.contains("leave it out"))
  }

  private func linear(_ text: String) throws -> LinearSystem {
    try text.write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    return try Linear(.set { $0.operator = folder.file("o.yaml") }, seed: 1).system(shape: [40, 44])
  }

  private func played(_ system: LinearSystem, _ y: Tensor, _ prior: String, weights: String? = nil, iterations: Int? = nil) throws
    -> Reconstruction
  {
    let options = SolverOptions<Linear.Knobs>.set {
      ($0.knobs.prior, $0.knobs.denoiserWeights, $0.knobs.iterations) = ([prior], weights, iterations)
    }
    return try Solver(Linear.named("plug-and-play"), system, options: options).solve(.real(y.reshaped([1] + y.shape)))
  }

  private static let pixels: [(i: Double, j: Double)] = (0..<40 * 44).map { (Double($0 / 44), Double($0 % 44)) }
  private static let truth = Tensor(
    pixels.map { i, j in
      let edge = cos(0.25 * i - 0.2 * j)
      return 0.5 + 0.2 * sin(0.31 * i + 0.17 * j) + (edge > 0 ? 0.2 : edge < 0 ? -0.2 : 0)
    }, shape: [40, 44])

  /// Tests/Fixtures/plug_and_play.py: the same by PyTorch and NumPy.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func deblurringByFFDNet() throws {
    let amplitude = 2.0 / 255 * 2.0.squareRoot()
    let noise = Tensor((0..<40 * 44).map { (p: Int) -> Double in amplitude * sin(1000 * sin(Double(p) + 1)) }, shape: [40, 44])
    let system = try linear("noise: \(2.0 / 255)\noperator: [blur: {sigma: 1.6}]")
    let y = system.double.forward(Self.truth.reshaped([1, 40, 44])).row(0) + noise
    #expect(try abs(psnr(y, Self.truth) - 20.33394156606805) < 1e-9)
    let found = try played(system, y, "denoiser:ffdnet", weights: dataFolder + "/denoisers/ffdnet_gray.npz").display
    #expect(try abs(psnr(found, Self.truth) - 24.846245021269105) < 1e-3)
    let probes: [(Int, Double)] = [(0, 0.7212046384811401), (20 * 44 + 21, 0.6498096585273743), (39 * 44 + 43, 0.7742782235145569)]
    for (pixel, value) in probes { #expect(abs(found[flat: pixel] - value) <= 1e-4, "\(pixel): \(found[flat: pixel])") }
  }

  /// Steps and levels learn, the denoiser stays; the file runs without it. Weights are asked for, and by no other network.
  @Test func unfolded() throws {
    let path = folder.file("d.safetensors")
    let denoiser = FFDNet(seed: 1)
    try Weights(parameters: denoiser.parameters).write(to: path)
    for i in 0..<3 { try writePNG(texture(40, 44, 0.02, 0.1 + 0.1 * Double(i)), to: folder.file("t\(i).png"), bitDepth: 16) }
    try "noise: 0.01\noperator: [blur: {sigma: 1}]".write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    let experiment = try Linear(.set { $0.operator = folder.file("o.yaml") }, seed: 1)
    func training(_ method: String, weights: String?) throws -> Training {
      let setup = Linear.TrainingSetup.set { s in
        (s.images, s.crop, s.denoiserWeights) = ((0..<3).map { folder.file("t\($0).png") }, 16, weights)
      }
      let options = TrainingOptions.set { ($0.steps, $0.batch, $0.depth) = (4, 1, 2) }
      return try experiment.training(TrainingRequest(Linear.named(method), setup, options: options))
    }
    #expect(refusal(InputError.self) { try training("plug-and-play-net", weights: nil) }.contains("--denoiser-weights"))
    #expect(refusal(InputError.self) { try training("ista-net-plus", weights: path) }.contains("leave it out"))
    let kind = try LinearNetwork(name: "plug-and-play-net")
    let (small, system) = (try experiment.system(shape: [16, 16]), try experiment.system(shape: [40, 44]))
    func values(_ parameters: [NamedParameter]) -> [String: Tensor] {
      Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.value) })
    }
    let before = values(try kind.untrained(small, Architecture(depth: 2), ffdNet: denoiser, seed: 1).parameters)
    let file = folder.file("w.safetensors")
    #expect(try training("plug-and-play-net", weights: path).run(.init(path: file)) != nil)
    let weights = try Weights(anyFile: file)
    let after = values(weights.parameters)
    #expect(after.count == denoiser.parameters.count + 4 && before.keys == after.keys)
    for (name, value) in after { #expect((before[name] == value) == name.hasPrefix("denoiser."), "\(name)") }
    for parameter in denoiser.parameters { #expect(after["denoiser." + parameter.name] == parameter.value) }

    let loaded = try kind.loaded(weights, nil, for: system, file: "w")
    #expect(loaded.depth == 2 && values(loaded.parameters) == after)
  }

  /// Half of the pixels, colour and complex signals, an operator without a closed form, and what is refused.
  @Test func anyOperator() throws {
    let seen = try linear("noise: 0.004\noperator: [mask: {keep: 0.5, seed: 1}]")
    let y = seen.double.forward(Self.truth.reshaped([1, 40, 44])).row(0)
    let solution = try played(seen, y, "denoiser:bm3d", iterations: 30)
    #expect(try psnr(solution.display, Self.truth) > psnr(y, Self.truth) + 15)
    #expect(
      solution.facts.map(\.name) == ["denoiser_ratio"]
        && solution.remarks.contains { $0.contains("contraction on its last inputs") })
    let complex = try linear("complex: true\nnoise: 0.004\noperator: [fourier, undersample: {ratio: 0.5, pattern: random}]")
    let z = complex.double.forward(
      ComplexTensor(real: Self.truth, imaginary: 0 * Self.truth).pairs.reshaped([1, 40, 44, 2]))
    let options = SolverOptions<Linear.Knobs>.set { $0.knobs.prior = ["denoiser:tv"] }
    let solved = try Solver(Linear.named("plug-and-play"), complex, options: options).solve(
      .complex(ComplexTensor(pairs: z)))
    #expect(try psnr(solved.display, Self.truth) > 30)
    for (method, prior) in [("fista", "denoiser:bm3d"), ("admm", "denoiser:tv"), ("plug-and-play", "tv:0.1")] {
      let wrong = SolverOptions<Linear.Knobs>.set { $0.knobs.prior = [prior] }
      #expect(refusal(InputError.self) { try Solver(Linear.named(method), seen, options: wrong) }.contains("expected"))
    }
  }
}
