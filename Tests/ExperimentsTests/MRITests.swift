// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Experiments
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing
import Training

/// Whole images through many stages take minutes without optimisation.
private let mri = dataFolder + "/mri/"

/// The published nets, masks and images of compressive-sensing MRI. Expected figures: those of the authors' programs, re-measured
/// with the same weights by an independent program in Python.
@Suite(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) struct MRITests {
  private func evaluate(
    _ method: String, _ images: [String], ratio: Double = 0.2, weights: String? = nil, depth: Int? = nil
  ) throws -> Scores {
    let method = try KSpace.named(method)
    let options = SolverOptions<KSpace.Knobs>.set {
      ($0.weights, $0.depth) = (weights.map { mri + "checkpoints/" + $0 }, depth)
      $0.untrained = method.isTrained && weights == nil
    }
    let scans = try KSpace(.set { $0.ratio = ratio }, seed: 1).scans(of: images)
    return try Runner(method, options: options).evaluation(scans, seed: 1).mean
  }

  private static let all = (1...50).map { mri + "brain_test/brain_test_" + ($0 < 10 ? "0" : "") + "\($0).png" }
  private static let fifth = stride(from: 0, to: 50, by: 5).map { all[$0] }

  /// Zero filling, unclipped real part, all 50 images.
  @Test(arguments: [(0.2, 29.95, 0.1677), (0.3, 32.58, 0.1239), (0.4, 34.75, 0.0965), (0.5, 36.71, 0.0769)])
  func zeroFilling(ratio: Double, decibel: Double, error: Double) throws {
    let mean = try evaluate("zero-filling", Self.all, ratio: ratio)
    #expect(abs(mean.psnr! - decibel) <= 0.01 && abs(mean.nmse! - error) <= 1e-4, "\(mean.psnr!) dB, \(mean.nmse!)")
  }

  /// The authors' nets on single images: NMSE of the real part, PSNR of the magnitude, to the digits they print. Of the last one they
  /// print 0.0927 and 30.67, of the image before it was rounded to 8 bits; of the 8-bit image an independent program in NumPy, the paper's
  /// formulas with complex transforms of every map, gives 0.092843 and 30.6571, and of the others the authors' digits.
  @Test(
    .enabled(if: isOptimised, "takes minutes in a debug build"),
    arguments: [
      (7, "admm-net/brain_data1.npy", 0.0578, 35.60), (14, "admm-net/brain_data1.npy", 0.0562, 35.83),
      (15, "admm-net/brain_data1.npy", 0.0561, 35.85), (7, "brain_test/brain_test_50.png", 0.0957, 30.40),
      (14, "brain_test/brain_test_50.png", 0.0929, 30.65), (15, "brain_test/brain_test_50.png", 0.0928, 30.66),
    ])
  func publishedADMMNets(label: Int, image: String, error: Double, decibel: Double) throws {
    let scan = try KSpace(.set { ($0.ratio, $0.toMaximum) = (0.2, true) }, seed: 1).scans(of: [mri + image])[0]
    #expect(try scan.system.mask == .pseudoRadial(height: 256, width: 256, ratio: 0.2))
    let options = SolverOptions<KSpace.Knobs>.set {
      $0.weights = mri + "checkpoints/admm-net_20_stage" + (label < 10 ? "0" : "") + "\(label).npz"
    }
    let solver = try Solver(KSpace.named("admm-net"), scan.system, options: options)
    #expect(solver.depth == label + 2 && solver.parameterCount == 952 * (label + 2) + 72)
    let (x, truth) = (try solver.solve(scan.measured).display, try #require(scan.groundTruth?.real))
    #expect(abs(try nmse(x, truth) - error) <= 5.001e-5)
    #expect(abs(try psnr(x.map(abs), truth) - decibel) <= 5.001e-3)
  }

  /// The authors' MATLAB file holds the same net as the archive of arrays.
  @Test func matlabNetIsTheSame() throws {
    let a = try Weights(anyFile: dataFolder + "/original-containers/admm-net_20_stage07_v73.mat").withHouseNames.parameters
    let b = try Weights(anyFile: mri + "checkpoints/admm-net_20_stage07.npz").withHouseNames.parameters
    #expect(a == b && a.count == 2 + 9 * 5)
  }

  /// The best published net and the initial values, mean of 50 images: 37.18 dB and 31.57 dB ("Init-Net13").
  @Test(.enabled(if: isOptimised, "takes minutes in a debug build"))
  func publishedTable() throws {
    let trained = try evaluate("admm-net", Self.all, weights: "admm-net_20_stage15.npz")
    #expect(abs(trained.psnr! - 37.18) <= 0.01 && abs(trained.nmse! - 0.0738) <= 1e-4)
    let untrained = try evaluate("admm-net", Self.all, depth: 13)
    #expect(abs(untrained.psnr! - 31.57) <= 0.01 && abs(untrained.nmse! - 0.1396) <= 1e-4)
  }

  /// ISTA-Net⁺ of its authors, clipped to [0, 1], image by image.
  @Test(.enabled(if: isOptimised, "takes minutes in a debug build"), arguments: [20, 40])
  func publishedISTANetPlus(ratio: Int) throws {
    let rows = try String(contentsOfFile: mri + "checkpoints/expected_psnr.tsv", encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: "\t").map(String.init)
    }.filter { $0[0] == "ista-net-plus-mri" && $0[1] == "\(ratio)" }
    #expect(rows.count == 50)
    for row in stride(from: 0, to: 50, by: 10).map({ rows[$0] }) {
      let mean = try evaluate(
        "ista-net-plus", [mri + "brain_test/\(row[2]).png"], ratio: Double(ratio) / 100, weights: "ista-net-plus-mri_\(ratio).npz")
      #expect(abs(mean.psnr! - Double(row[4])!) <= 0.005, "\(row[2]): \(mean.psnr!)")
    }
  }

  /// ADMM-CSNet of its authors on complex k-space with their 1-D masks, centred files; PSNR of magnitudes. Zero filling first.
  @Test(
    .enabled(if: isOptimised, "takes minutes in a debug build"),
    arguments: [(20, 27.689, 32.934), (30, 29.209, 36.424), (40, 29.424, 39.299)])
  func publishedADMMCSNet(ratio: Int, filled: Double, decibel: Double) throws {
    let setup = KSpace.Setup.set { ($0.mask, $0.maskOrder) = (mri + "masks/cartesian-1d_\(ratio).npy", .centred) }
    let scans = try KSpace(setup, seed: 1).scans(of: [mri + "complex/brain_cdata1.npy"])
    #expect(try scans[0].system.isComplex)
    func mean(_ method: String, _ weights: String?) throws -> Double {
      try Runner(KSpace.named(method), options: .set { $0.weights = weights }).evaluation(scans, seed: 1).mean.psnr!
    }
    #expect(abs(try mean("zero-filling", nil) - filled) <= 0.001)
    #expect(abs(try mean("admm-csnet", mri + "checkpoints/admm-csnet_1d_\(ratio).npz") - decibel) <= 0.01)
  }

  /// Total variation on the 50 images at 20 %: 0.0880 and 35.62 dB by an independent program at λ = 1e-3, ρ = 0.02, above the
  /// published 35.20.
  @Test(.enabled(if: isOptimised, "takes minutes in a debug build"))
  func totalVariation() throws {
    let mean = try evaluate("tv", Self.fifth)
    #expect(mean.psnr! >= 35.2)
  }

  @Test func mistakesAreNamed() throws {
    let centred = try KSpace(.set { $0.mask = mri + "masks/cartesian-1d_20.npy" }, seed: 1)
    #expect(refusal { try centred.mask(height: 256, width: 256) }.contains("the mask is centred"))
    #expect(refusal { try centred.mask(height: 128, width: 256) }.contains("expected 128 × 256"))
    #expect(refusal { try KSpace(.init(), seed: 1) }.contains("--ratio 0.2"))
    let system = try KSpace(.set { $0.ratio = 0.2 }, seed: 1).scans(of: [Self.all[0]])[0].system
    var options = SolverOptions<KSpace.Knobs>()
    options.weights = dataFolder + "/block-cs/checkpoints/ista-net_25.npz"
    #expect(refusal { try Solver(KSpace.named("admm-net"), system, options: options) }.contains("do not fit the network"))
    options.weights = mri + "checkpoints/admm-net_20_stage07.npz"
    options.depth = 12
    #expect(refusal { try Solver(KSpace.named("admm-net"), system, options: options) }.contains("found weights of 9 stages"))
    #expect(refusal { try Solver(KSpace.named("tv"), system, options: options) }.contains("classical method"))
  }
}
