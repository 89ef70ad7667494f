// SPDX-License-Identifier: Apache-2.0
import Experiments
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Networks for y = Φ x of blocks of 33 × 33, one stage each, SCNet two modules, on three tiny images; figures by `Tests/Fixtures/blocks.py`, clipped to [0, 1].
@Suite struct BlockFixtureTests {
  private let folder: Folder
  private let files: [String]
  private let experiment: Blocks
  /// M × 1089: atoms of the cosine transform, 13 frequencies down and 8 across.
  private let phi: Tensor

  init() throws {
    func cosine(_ k: Int, _ i: Int) -> Double {
      ((k == 0 ? 1 : 2) / 33.0).squareRoot() * cos(Double.pi * Double((2 * i + 1) * k) / 66)
    }
    folder = try Folder()
    files = try folder.tinyImages()
    phi = Tensor(
      (0..<13 * 8).flatMap { m in (0..<1089).map { cosine(m / 8, $0 / 33) * cosine(m % 8, $0 % 33) } }, shape: [104, 1089])
    try MATFile.write([NamedArray(name: "phi", value: .real(phi))], to: folder.file("phi.mat"))
    let initial = 0.9 * phi.transposed + filters([1089, 104], 40, 0.002)
    try MATFile.write([NamedArray(name: "Qinit", value: .real(initial))], to: folder.file("initial.mat"))
    let path = folder.file("phi.mat")
    experiment = try Blocks(.set { $0.phi = path }, seed: 1)
  }

  private func expect(
    _ method: String, _ weights: String, psnr: [Double], probes: [Double], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let options = SolverOptions<Blocks.Knobs>.set {
      $0.weights = weights
      if method.hasPrefix("ista") { $0.knobs.initial = folder.file("initial.mat") }
    }
    try expectPublished(
      experiment, method, of: files, options, in: folder, psnr: psnr, probes: probes, sourceLocation: sourceLocation)
  }

  /// Names and shapes of the public files; data parallelism puts `module.` before them.
  @Test func istaNet() throws {
    let weights = try folder.writeTorch(
      [
        ("lambda_step", .filled(0.6, shape: [1])), ("soft_thr", .filled(0.02, shape: [1])),
        ("conv1_forward", filters([32, 1, 3, 3], 1, 0.1).passing()),
        ("conv2_forward", filters([32, 32, 3, 3], 2, 0.02).passing()),
        ("conv1_backward", filters([32, 32, 3, 3], 3, 0.02).passing()),
        ("conv2_backward", filters([1, 32, 3, 3], 4, 0.02).passing()),
      ].map { (name: "module.fcs.0." + $0.0, value: $0.1) }, to: "ista-net.pkl")
    try expect(
      "ista-net", weights, psnr: [21.3487591, 20.4821199, 20.3573592], probes: [-4.341476, 0.300332, 8.097119])
  }

  @Test func istaNetPlus() throws {
    let weights = try folder.writeTorch(
      istaNetPlusStage.map { (name: "module.fcs.0." + $0.name, value: $0.value) }, to: "ista-net-plus.pkl")
    try expect(
      "ista-net-plus", weights, psnr: [23.7748998, 23.5010175, 23.0166447], probes: [-3.661678, 0.442827, 8.321238])
  }

  /// The image, and the mean over its eight orientations.
  @Test func scNet() throws {
    var weights = [
      (name: "body.0.weight", value: filters([32, 2, 3, 3], 11, 0.05).passing()), ("body.0.bias", filters([32], 12, 0.02)),
    ]
    for k in 0..<2 {
      let (path, n) = ("body.\(k + 1).body.", 13 + 10 * k)
      weights += [
        (path + "0.weight", filters([32, 32, 3, 3], n, 0.05)), (path + "0.bias", filters([32], n + 1, 0.02)),
        (path + "2.weight", filters([32, 32, 3, 3], n + 2, 0.02)), (path + "2.bias", filters([32], n + 3, 0.02)),
      ]
    }
    weights += [("body.3.weight", filters([1, 32, 3, 3], 17, 0.02).passing()), ("body.3.bias", filters([1], 18, 0.02))]
    let path = try folder.writeTorch(weights, to: "scnet.pkl")
    try expect("scnet", path, psnr: [24.5281101, 24.6119338, 24.2162977], probes: [-3.696631, -0.355156, 8.346176])
    try expectPublished(
      experiment, "scnet", of: files, .set { ($0.weights, $0.knobs.selfEnsemble) = (path, true) }, in: folder,
      psnr: [24.5574152, 24.6778407, 24.411553], probes: [-3.705924, -0.362909, 8.572691])
  }

  @Test func sodasNet() throws {
    let weights = try folder.writeTorch(
      [
        ("fe.weight", filters([31, 1, 3, 3], 21, 0.2)), ("fe.bias", filters([31], 22, 0.05)),
        ("fcs.0.lambda_step", .filled(0.7, shape: [1])), ("fcs.0.soft_thr", .filled(0.3, shape: [1])),
        ("fcs.0.conv1_forward", filters([32, 32, 3, 3], 23, 0.05)), ("fcs.0.conv2_forward", filters([32, 32, 3, 3], 24, 0.05)),
        ("fcs.0.conv1_backward", filters([32, 32, 3, 3], 25, 0.05)),
        ("fcs.0.conv2_backward", filters([32, 32, 3, 3], 26, 0.03)),
      ], to: "sodas-net.pkl")
    try expect("sodas-net", weights, psnr: [24.5486, 24.6651685, 24.425631], probes: [-3.688284, -0.360381, 8.576763])
  }

  /// What public files lack or have too little of is named.
  @Test func mistakes() throws {
    let names = istaNetPlusStage.map { (name: "module.fcs.0." + $0.name, value: $0.value) }
    let (whole, cut) = (
      try folder.writeTorch(names, to: "whole.pkl"), try folder.writeTorch(names.filter { $0.name.last != "G" }, to: "cut.pkl")
    )
    func refused(_ change: (inout SolverOptions<Blocks.Knobs>) -> Void) throws -> String {
      let options = SolverOptions<Blocks.Knobs>.set {
        ($0.weights, $0.knobs.initial) = (whole, folder.file("initial.mat"))
        change(&$0)
      }
      return refusal { try Solver(Blocks.named("ista-net-plus"), experiment.system(), options: options) }
    }
    #expect(try refused { _ in } == "")
    #expect(try refused { $0.knobs.initial = nil }.contains("whole.pkl: found no Q_init"))
    #expect(try refused { $0.knobs.initial = folder.file("phi.mat") }.contains("transpose it"))
    #expect(try refused { $0.depth = 2 }.contains("found weights of 1 stages"))
    #expect(try refused { $0.weights = cut }.contains("parameter stages.0.reduction, of shape [1, 32, 3, 3], is missing"))
  }

  /// The whole network, it has no stages; no public file of it has a layout that is read.
  @Test func reconNet() throws {
    let shapes = [(64, 1, 11), (32, 64, 1), (1, 32, 7), (64, 1, 11), (32, 64, 1), (1, 32, 7)]
    var weights = [
      (name: "dense.weight", value: phi.transposed + filters([1089, 104], 31, 0.002)), ("dense.bias", filters([1089], 32, 0.01)),
    ]
    for (i, (output, input, size)) in shapes.enumerated() {
      let filter = filters([output, input, size, size], 33 + i, [0.01, 0.05, 0.005][i % 3]).passing()
      weights += [("layers.\(i).weight", filter), ("layers.\(i).bias", filters([output], 43 + i, 0.01))]
    }
    try expect(
      "reconnet", folder.writeWeights(weights, to: "reconnet.npz"), psnr: [20.2461882, 19.3288023, 19.3704674],
      probes: [-2.423435, 0.16099, 8.766329])
  }

  @Test func stackedAutoEncoder() throws {
    var weights: [(name: String, value: Tensor)] = []
    for (i, (output, input, scale)) in [(1089, 104, 0.05), (104, 1089, 0.03), (1089, 104, 0.03)].enumerated() {
      let bias = Tensor.filled(i == 2 ? 0.5 : 0, shape: [output]) + filters([output], 54 + i, 0.1)
      weights += [("layers.\(i).weight", filters([output, input], 51 + i, scale)), ("layers.\(i).bias", bias)]
    }
    try expect(
      "sda", folder.writeWeights(weights, to: "sda.npz"), psnr: [10.7408719, 13.2755986, 10.3272958],
      probes: [0.472392, -0.529869, -0.904613])
  }
}

/// A stage of ISTA-Net⁺ under the authors' names.
let istaNetPlusStage: [(name: String, value: Tensor)] =
  [
    ("lambda_step", .filled(0.6, shape: [1])), ("soft_thr", .filled(0.02, shape: [1])),
    ("conv_D", filters([32, 1, 3, 3], 1, 0.2)),
  ]
  + ["conv1_forward", "conv2_forward", "conv1_backward", "conv2_backward"].enumerated().map {
    ($1, filters([32, 32, 3, 3], 2 + $0, 0.05))
  } + [("conv_G", filters([1, 32, 3, 3], 6, 0.02))]
