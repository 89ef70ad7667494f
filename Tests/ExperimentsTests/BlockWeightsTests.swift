// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Experiments
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training

/// Whole images through nine stages take minutes without optimisation.

/// The public matrices, starts and weights of block compressive sensing, with the scores their own program gives.
private enum Public {
  struct Row {
    let network: String
    let ratio: Int
    let image: String
    let initialDecibel: Double
    let decibel: Double
  }

  static let folder = dataFolder + "/block-cs/"

  /// Scores of every image by PyTorch, without clipping the start.
  static func rows() throws -> [Row] {
    try String(contentsOfFile: folder + "checkpoints/expected_psnr.tsv", encoding: .utf8).split(separator: "\n").dropFirst().map {
      line in
      let cells = line.split(separator: "\t")
      return Row(
        network: String(cells[0]), ratio: Int(cells[1])!, image: String(cells[2]), initialDecibel: Double(cells[3])!,
        decibel: Double(cells[4])!)
    }
  }

  static func name(_ kind: String, _ ratio: Int) -> String { folder + kind + (ratio < 10 ? "_0" : "_") + "\(ratio).npy" }
  static func image(_ name: String) -> String { dataFolder + "/natural/set11/\(name).png" }

  static func system(_ ratio: Int) throws -> Blocks.System {
    Blocks.System(CompressiveSensing(phi: try readPhi(name("phi", ratio))))
  }

  static func options(_ network: String, _ ratio: Int, weights: String? = nil) -> SolverOptions<Blocks.Knobs> {
    .set {
      $0.weights = weights ?? folder + "checkpoints/\(network)" + (ratio < 10 ? "_0" : "_") + "\(ratio).npz"
      $0.knobs.initial = name("qinit", ratio)
    }
  }

  /// Q_init as a file has it.
  static func initial(_ path: String, for system: Blocks.System) throws -> Tensor {
    let weights = try Blocks.completed(
      Weights(parameters: []), Blocks.named("ista-net"), for: system, .set { $0.initial = path }, file: "none")
    return try #require(weights.operators.first { $0.name == "initial" }).value
  }
}

@Suite(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) struct BlockWeightsTests {
  /// Every image at 25 %, two at the other ratios.
  private static let few: Set = ["Monarch", "foreman"]

  @Test(.enabled(if: isOptimised, "takes minutes in a debug build"), arguments: ["ista-net", "ista-net-plus"])
  func publicWeightsGivePublicScores(network: String) throws {
    let rows = try Public.rows().filter { $0.network == network && ($0.ratio == 25 || Self.few.contains($0.image)) }
    #expect(Set(rows.map(\.ratio)).count == (network == "ista-net" ? 5 : 6) && rows.filter { $0.ratio == 25 }.count == 11)
    for ratio in Set(rows.map(\.ratio)) {
      let chosen = rows.filter { $0.ratio == ratio }
      let options = Public.options(network, ratio)
      let solver = try Solver(Blocks.named(network), Public.system(ratio), options: options)
      #expect(solver.parameterCount == (network == "ista-net" ? 171_090 : 336_978) && solver.depth == 9)
      let scans = try Blocks(.set { $0.phi = Public.name("phi", ratio) }, seed: 0).scans(of: chosen.map { Public.image($0.image) })
      let report = try Runner(Blocks.named(network), options: options).evaluation(scans, seed: 0)
      for (found, expected) in zip(report.images, chosen) {
        let psnr = try #require(found.scores.psnr)
        #expect(abs(psnr - expected.decibel) < 0.005, "\(expected): \(psnr)")
      }
    }
  }

  /// x⁽⁰⁾ = Q_init y with the public Q_init: every image at 25 %, 26.92 dB on average, and two at the other ratios.
  @Test func publicStartGivesPublicScores() throws {
    let rows = try Public.rows().filter { $0.network == "ista-net-plus" && ($0.ratio == 25 || Self.few.contains($0.image)) }
    var mean = 0.0
    for ratio in Set(rows.map(\.ratio)) {
      let system = try Public.system(ratio)
      #expect(system.sensing.phi.rows == CompressiveSensing.rows(ratio: Double(ratio) / 100))
      let initial = try Public.initial(Public.name("qinit", ratio), for: system)
      for row in rows where row.ratio == ratio {
        let plane = try readImage(Public.image(row.image)).values
        let sampling = system.sensing.sampling(height: plane.shape[0], width: plane.shape[1])
        let start = sampling.grid.assemble(linear(sampling.forward(plane), initial))
        let found = try psnr(start.map { min(max($0, 0), 1) }, plane)
        #expect(abs(found - row.initialDecibel) < 0.005, "\(row): \(found)")
        if ratio == 25 { mean += found / 11 }
      }
    }
    #expect(abs(mean - 26.92) < 0.005)
  }

  /// Rows of the public matrices are orthonormal to 2e-14; a file of MATLAB holds the same one, and the same start.
  @Test func publicMatrices() throws {
    let phi = try readPhi(Public.name("phi", 10))
    #expect((linear(phi.entries, phi.entries) - .identity(109)).maximumMagnitude < 2e-14)
    #expect(try readPhi(dataFolder + "/original-containers/phi_0_10_1089.mat") == phi)
    let initial = try Public.initial(Public.name("qinit", 10), for: Blocks.System(CompressiveSensing(phi: phi)))
    let original = dataFolder + "/original-containers/Initialization_Matrix_10.mat"
    #expect(try Public.initial(original, for: Blocks.System(CompressiveSensing(phi: phi))) == initial)
  }

  /// The weights in PyTorch's own container give the same blocks as those in NPZ, bit for bit.
  @Test func weightsOfTheOriginalContainer() throws {
    let pixels = try readImage(Public.image("Monarch")).values.doubles
    let corner = Tensor((0..<40 * 40).map { pixels[$0 / 40 * 256 + $0 % 40] }, shape: [40, 40])
    let system = try Public.system(25)
    let sampling = system.sensing.sampling(height: 40, width: 40)
    let measured = Blocks.Measured(grid: sampling.grid, y: sampling.forward(corner))
    func reconstructed(_ weights: String?) throws -> Tensor {
      let options = Public.options("ista-net-plus", 25, weights: weights)
      return try Solver(Blocks.named("ista-net-plus"), system, options: options).solve(measured).display
    }
    let found = try reconstructed(dataFolder + "/original-containers/ista-net-plus_25.pkl")
    #expect(try found == reconstructed(nil))
    #expect(try psnr(found, corner) > 25)
  }
}
