// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Experiments
import FileFormats
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training

/// Figures of every image of Set11, clipped, by an independent program on the authors' weights and Φ.
private enum Public {
  static let images = [
    "Monarch", "Parrots", "barbara", "boats", "cameraman", "fingerprint", "flinstones", "foreman", "house", "lena256", "peppers256",
  ]
  struct Case: Sendable, CustomStringConvertible {
    let method: String
    let ratio: Int
    let weights: String
    let psnr: [Double]
    let mean: Double
    var description: String { "\(method), \(ratio) %" }
  }
  static let cases = [
    Case(
      method: "sodas-net", ratio: 10, weights: "sodas-net_10",
      psnr: [28.319, 28.715, 25.674, 29.187, 25.773, 24.389, 26.740, 35.674, 33.471, 29.256, 30.076], mean: 28.843),
    Case(
      method: "sodas-net", ratio: 25, weights: "sodas-net_25",
      psnr: [35.262, 33.592, 32.859, 35.540, 31.033, 30.179, 30.723, 40.411, 37.547, 34.121, 35.351], mean: 34.238),
    Case(
      method: "scnet", ratio: 10, weights: "scnet_max50",
      psnr: [28.297, 28.783, 24.265, 29.120, 25.523, 23.841, 26.455, 36.056, 33.758, 29.242, 30.017], mean: 28.669),
    Case(
      method: "scnet", ratio: 25, weights: "scnet_max50",
      psnr: [34.866, 33.514, 31.202, 35.233, 30.662, 29.310, 30.852, 40.460, 37.228, 33.819, 35.545], mean: 33.881),
  ]

  static func weights(_ name: String) -> String { dataFolder + "/block-cs/checkpoints/\(name).pkl" }

  static func options(_ weights: String, selfEnsemble: Bool = false) -> SolverOptions<Blocks.Knobs> {
    .set { ($0.weights, $0.knobs.selfEnsemble) = (Public.weights(weights), selfEnsemble) }
  }

  /// Measurements of images of Set11 by a public Φ.
  static func scans(_ images: [String], ratio: Int) throws -> Scans<Blocks> {
    try Blocks(.set { $0.phi = dataFolder + "/block-cs/phi_\(ratio).npy" }, seed: 0).scans(of: images.map(image))
  }

  static func image(_ name: String) -> String { dataFolder + "/natural/set11/\(name).png" }
}

@Suite(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) struct PublicWholeImageTests {
  @Test(.enabled(if: isOptimised, "takes minutes in a debug build"), arguments: Public.cases)
  private func publicWeightsGivePublicScores(expected: Public.Case) throws {
    let scans = try Public.scans(Public.images, ratio: expected.ratio)
    let runner = try Runner(Blocks.named(expected.method), options: Public.options(expected.weights))
    let report = try runner.evaluation(scans, seed: 0)
    #expect(report.parameters == (expected.method == "scnet" ? 370_817 : 921_960) && report.remarks.isEmpty)
    for (found, psnr) in zip(report.images, expected.psnr) {
      #expect(abs(found.scores.psnr! - psnr) < 0.01, "\(found.name): \(found.scores.psnr!) and \(psnr)")
    }
    #expect(abs(report.mean.psnr! - expected.mean) < 0.005)
  }

  /// Φ times 3, and rows of condition number 10 that span the same space, give the image of the orthonormal rows; nearly dependent rows are
  /// refused with their condition number.
  @Test func rowsThatAreNotOrthonormal() throws {
    let phi = try readPhi(dataFolder + "/block-cs/phi_10.npy")
    let picture = try readImage(Public.image("Monarch")).values
    let pixels = picture.doubles
    let (height, width) = isOptimised ? (256, 256) : (66, 60)
    let image = Tensor((0..<height * width).map { pixels[$0 / width * 256 + $0 % width] }, shape: [height, width])
    func reconstructed(_ phi: Matrix) throws -> (image: Tensor, remark: String?) {
      let system = Blocks.System(CompressiveSensing(phi: phi))
      let solver = try Solver(Blocks.named("scnet"), system, options: Public.options("scnet_max50"))
      let sampling = system.sensing.sampling(height: height, width: width)
      return (try solver.solve(Blocks.Measured(grid: sampling.grid, y: sampling.forward(image))).display, solver.remarks.first)
    }
    let orthonormal = try reconstructed(phi).image
    let expected = try psnr(orthonormal, image)
    // Rows mixed by a matrix of singular values from 1 to 10.
    let (left, right) = (
      Matrix.orthonormalRows(rows: 109, columns: 109, seed: 1), Matrix.orthonormalRows(rows: 109, columns: 109, seed: 2)
    )
    var diagonal = [Double](repeating: 0, count: 109 * 109)
    for i in 0..<109 { diagonal[110 * i] = 1 + 9 * Double(i) / 108 }
    let stretched = Tensor(diagonal, shape: [109, 109])
    let mixing = linear(linear(left.entries, stretched), right.entries.transposed)
    for (name, matrix, condition) in [
      ("three times", Matrix(3 * phi.entries), "1"), ("mixed", Matrix(linearTransposed(mixing, phi.entries)), "10"),
    ] {
      let found = try reconstructed(matrix)
      #expect(abs(try psnr(found.image, image) - expected) < 0.05, "\(name)")
      #expect((found.image - orthonormal).maximumMagnitude < 1e-3, "\(name)")
      #expect(found.remark?.contains("condition number \(condition))") == true, "\(found.remark ?? "")")
    }
    var rows = phi.entries.doubles
    for j in 0..<1089 { rows[j] = rows[1089 + j] + 1e-7 * rows[j] }
    #expect(throws: InputError.self) { try reconstructed(Matrix(Tensor(rows, shape: [109, 1089]))) }
  }

  /// The mean over the eight orientations is better than one of them, by about 0.1 dB as others found.
  @Test(.enabled(if: isOptimised, "takes minutes in a debug build")) func selfEnsembleIsBetter() throws {
    let scans = try Public.scans(["Monarch", "Parrots", "house"], ratio: 10)
    func mean(_ selfEnsemble: Bool) throws -> Double {
      let options = Public.options("scnet_max50", selfEnsemble: selfEnsemble)
      return try Runner(Blocks.named("scnet"), options: options).evaluation(scans, seed: 0).mean.psnr!
    }
    let gain = try mean(true) - mean(false)
    #expect(0.05 < gain && gain < 0.25, "\(gain) dB")
  }
}

@Suite(
  .enabled(
    if: !dataFolder.isEmpty && isOptimised && takesLong, "minutes and gigabytes; set UNFOLD_LONG_TESTS, as make test-all does"))
struct LargeImageTests {
  /// 4 000 × 4 000 pixels by rows of blocks are those of the image as a whole.
  @Test func rowsAreTheWhole() throws {
    let picture = try readImage(Public.image("barbara")).values.doubles
    let phi = try readPhi(dataFolder + "/block-cs/phi_25.npy").converted(to: .single)
    let grid = BlockGrid(height: 4000, width: 4000, side: 33).filled
    let A = BlockSampling(phi: phi, grid: grid)
    // The photograph over and over, every other time upside down.
    let image = Tensor(
      (0..<grid.height * grid.width).map { p -> Float in
        let (i, j) = (p / grid.width, p % grid.width)
        let row = i / 256 % 2 == 0 ? i % 256 : 255 - i % 256
        return Float(picture[row * 256 + j % 256])
      }, shape: [grid.height, grid.width])
    let weights = try Weights(anyFile: Public.weights("scnet_max50")).withHouseNames
    let network = try weights.filled(SCNet(scNet: A, seed: 0))
    let y = A.forward(image)
    let rows = network.image(y, traversal: .rows)
    let difference = (rows - network.image(y, traversal: .whole)).maximumMagnitude
    #expect(difference <= 1e-5 && difference > 0, "\(difference)")
    #expect(try psnr(rows, image) > 30)
  }
}

/// Two modules on crops of 3 × 3 blocks of 4 × 4 pixels, a few steps of a few crops.
@Suite struct WholeImageTrainingTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  private static let images = [0.1, 0.15, 0.2].map { texture(17, 18, $0) }

  private func training(_ loss: WholeImageLoss = .logSquares, fixed: Blocks.System? = nil) throws -> WholeImageTraining {
    try WholeImageTraining(fixed: fixed, loss: loss, images: Self.images, side: 4, seed: 5, validationCount: 4)
  }

  private func network(_ method: String = "scnet", depth: Int = 2, channels: Int = 4) throws -> any TensorNetwork {
    let system = Blocks.System(CompressiveSensing(ratio: 0.4, side: 4, seed: 4), phiSeed: 4)
    return try #require(Blocks.network(method, system, depth: depth, channels: channels, seed: 5) as? any TensorNetwork)
  }

  private func recipe(steps: Int) -> Recipe {
    Recipe(
      network: "scnet", seed: 5, phases: [Recipe.adam(steps: steps, batchSize: 4, warmUp: min(200, max(1, steps / 10)))],
      validationInterval: min(500, max(1, steps / 20)))
  }

  private func bytes(
    _ training: WholeImageTraining, _ method: String = "scnet", channels: Int = 4, steps: Int = 5,
    monitors: [any TrainingMonitor] = [], resuming: Checkpoint? = nil
  ) throws -> Data {
    let path = folder.file(UUID().uuidString + ".safetensors")
    let run = Training.Run(path: path, resuming: resuming, monitors: { monitors })
    #expect(try Training(training, network(method, channels: channels), recipe(steps: steps)).run(run) != nil)
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  @Test(arguments: WholeImageLoss.allCases) func threadsDoNotMatter(loss: WholeImageLoss) throws {
    let runs = try [1, 2].map { try Parallel.with(threads: $0) { try bytes(training(loss), channels: 32, steps: 2) } }
    #expect(runs[0] == runs[1])
  }

  @Test func resumesToTheSameBytes() throws {
    let training = try training(.measurements)
    let whole = try bytes(training)
    let (path, stop) = (folder.file("run.checkpoint"), StopRequest())
    func interrupt(_ network: some TensorNetwork) throws -> Bool {
      try training.train(
        network, recipe: recipe(steps: 5), checkpoints: CheckpointPolicy(path: path, seconds: nil),
        monitors: [StopAfter(3, stop)], stop: stop) == nil
    }
    #expect(try interrupt(network()))
    #expect(try bytes(training, resuming: Checkpoint(contentsOf: path)) == whole)
  }

  /// Recomputed stages give the same weights; losses give different ones.
  @Test func lossesAndRecomputedStages() throws {
    var found: [[Double]] = []
    for loss in WholeImageLoss.allCases {
      var training = try training(loss)
      let weights = try parameters(bytes(training, steps: 3))
      found.append(weights)
      training.recomputes = true
      #expect(try parameters(bytes(training, steps: 3)) == weights, "\(loss)")
    }
    #expect(Set(found).count == 4)
  }

  private func parameters(_ bytes: Data) throws -> [Double] {
    let path = folder.file("p.safetensors")
    try bytes.write(to: URL(fileURLWithPath: path))
    return try Weights(contentsOf: path).parameters.flatMap { $0.value.doubles }
  }

  /// A hundred steps are better than the linear start at every ratio that is validated, with and without the truth.
  @Test(.enabled(if: isOptimised, "takes a minute in a debug build"), arguments: [WholeImageLoss.logSquares, .measurements])
  func learns(loss: WholeImageLoss) throws {
    let training = try training(loss)
    func trained(_ network: some TensorNetwork) throws -> (any WholeImageNetwork)? {
      try training.train(network, recipe: recipe(steps: 150)) as? any WholeImageNetwork
    }
    let network = try #require(try trained(network(depth: 4, channels: 8)))
    let (found, start) = (training.validationPSNR(of: network), training.validationPSNROfLinearStart())
    #expect(zip(found, start).allSatisfy { $0 > $1 + 1 }, "\(found) and \(start)")
  }

  @Test func sodasNetHasOneMatrix() throws {
    let system = Blocks.System(CompressiveSensing(ratio: 0.4, side: 4, seed: 4), phiSeed: 4)
    let training = try training(.absolute, fixed: system)
    #expect(training.operators.isEmpty && training.validationPSNROfLinearStart().count == 1)
    #expect(try !bytes(training, "sodas-net", steps: 2).isEmpty)
  }
}
