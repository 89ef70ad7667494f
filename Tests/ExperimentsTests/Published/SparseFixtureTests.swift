// SPDX-License-Identifier: Apache-2.0
import Experiments
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Two stages of the relatives of LISTA on A of 40 × 130 and 8 codes, double precision; figures by `Tests/Fixtures/sparse.py`.
@Suite struct RecoveryFixtureTests {
  struct Case: Sendable, CustomStringConvertible {
    let method: String
    let decibel: Double
    let probe: Double
    var description: String { method }
  }
  static let cases = [
    Case(method: "lista", decibel: -1.663864640838, probe: 1.790164584223),
    Case(method: "lista-cp", decibel: -1.714130277092, probe: 1.862077340476),
    Case(method: "lista-ss", decibel: -1.960914879962, probe: 2.738067256126),
    Case(method: "lista-cpss", decibel: -2.029458499063, probe: 2.709049362737),
    Case(method: "tilista", decibel: -2.026660011818, probe: 2.962120289679),
    Case(method: "alista", decibel: 7.093896008013, probe: -3.580255385708),
    Case(method: "step-lista", decibel: -1.693721264464, probe: 2.341419652138),
    Case(method: "hyperlista", decibel: -2.742631375611, probe: 6.797872295410),
  ]

  private let folder: Folder
  private let A: Tensor
  private let experiment: Recovery

  init() throws {
    folder = try Folder()
    A = unitColumns(filters([40, 130], 301, 1))
    var codes = [Double](repeating: 0, count: 8 * 130)
    for r in 0..<8 {
      for k in 0..<6 {
        codes[130 * r + (17 * r + 23 * k + 5) % 130] =
          sin(1.3 * Double(r) + 2.1 * Double(k) + 0.4) + (k % 2 == 1 ? 1 : -1)
      }
    }
    try NPY.write(Tensor(codes, shape: [8, 130]), to: folder.file("codes.npy"))
    try NPY.write(A, to: folder.file("A.npy"))
    let path = folder.file("A.npy")
    experiment = try Recovery(.set { $0.matrix = path }, seed: 1)
  }

  /// Names of this package: no public file of them has a layout that is read.
  private func weights(_ method: String) -> [(name: String, value: Tensor)] {
    func scalar(_ value: Double) -> Tensor { Tensor([value], shape: []) }
    func stages(_ name: String, _ value: (Int) -> Tensor) -> [(name: String, value: Tensor)] {
      (0..<2).map { ("stages.\($0).\(name)", value($0)) }
    }
    let thresholds = stages("threshold") { scalar([0.12, 0.07][$0]) }
    func coupled(_ k: Int) -> Tensor { 0.2 * A + filters([40, 130], 302 + k, 0.01) }
    switch method {
    case "lista", "lista-ss":
      let columns = A.transposed
      return thresholds + [("encoder.weight", 0.2 * columns + filters([130, 40], 304, 0.005))]
        + stages("recurrence") { .identity(130) - 0.2 * linear(columns, columns) + filters([130, 130], 305 + $0, 0.002) }
    case "lista-cp", "lista-cpss": return thresholds + stages("weight", coupled)
    case "tilista": return thresholds + [("weight", coupled(0))] + stages("stepSize") { scalar([0.9, 1.1][$0]) }
    case "alista": return thresholds + stages("stepSize") { scalar([0.9, 1.1][$0]) }
    case "step-lista": return stages("stepSize") { scalar(0.25 * [0.9, 1.1][$0]) }
    default: return [("momentum", scalar(0.02)), ("threshold", scalar(0.03)), ("support", scalar(0.25))]
    }
  }

  @Test(arguments: cases) func publishedWay(expected: Case) throws {
    let path = try folder.writeWeights(weights(expected.method), to: "weights.npz")
    let options = SolverOptions<Recovery.Knobs>.set { ($0.weights, $0.depth) = (path, 2) }
    let method = try Recovery.named(expected.method)
    let scans = try experiment.testScans(.set { $0.data = folder.file("codes.npy") })
    let report = try Runner(method, options: options).evaluation(scans, seed: 1)
    #expect(abs(report.images[0].scores.nmseDecibel! - expected.decibel) <= 1e-9)
    let measurement = folder.file("measurement.h5")
    _ = try experiment.simulate([folder.file("codes.npy")], to: measurement, keepingGroundTruth: true)
    let found = try Runner(method, options: options).run(Recovery.open(measurement, .init())[0])
    #expect(abs(found.scores!.nmseDecibel! - expected.decibel) <= 1e-9)
    #expect(abs(probe(found.reconstruction.display) - expected.probe) <= 1e-9)
  }
}

/// LISTA with T = 1 and the encoders it is compared with on patches of three tiny images, double precision; figures by
/// `Tests/Fixtures/sparse.py`.
@Suite struct PatchFixtureTests {
  struct Case: Sendable, CustomStringConvertible {
    let method: String
    let psnr: [Double]
    let probes: [Double]
    var description: String { method }
  }
  static let cases = [
    Case(
      method: "tanh-encoder", psnr: [22.78857668766, 26.09374572704, 15.87567876839],
      probes: [-1.7258219282, -0.0821917138, 2.8910513075]),
    Case(
      method: "double-tanh-encoder", psnr: [21.22714822333, 22.81683308831, 14.21786615206],
      probes: [-3.1810259578, 1.5518573745, 3.8042681814]),
    Case(
      method: "shrinkage-encoder", psnr: [21.14504902887, 24.8198981621, 13.95335162222],
      probes: [-1.9450610758, -0.9735408367, 0.1926130902]),
    Case(
      method: "lista", psnr: [22.2549843454, 25.90473253544, 15.04008283372],
      probes: [-2.9733999813, -0.8540336617, 2.075785616]),
  ]

  @Test(arguments: cases) func publishedWay(expected: Case) throws {
    let folder = try Folder()
    let dictionary = unitColumns(.identity(100) + filters([100, 100], 311, 0.1))
    try NPY.write(dictionary, to: folder.file("dictionary.npy"))
    let columns = dictionary.transposed
    let encoder = 0.5 * columns + filters([100, 100], 312, 0.01)
    let thresholds = wave([100], 0.7, 0.1, scale: 0.1, offset: 0.2)
    var weights = [(name: "weight", value: encoder)]
    switch expected.method {
    case "shrinkage-encoder": weights.append(("thresholds", thresholds))
    case "lista":
      weights = [
        ("encoder.weight", encoder), ("thresholds", thresholds),
        ("recurrence", .identity(100) - 0.5 * linear(columns, columns) + filters([100, 100], 313, 0.01)),
      ]
    default:
      weights.append(("gain", wave([100], 0.5, 0.3, scale: 0.3, offset: 1.5)))
      if expected.method == "double-tanh-encoder" { weights.append(("offset", thresholds)) }
    }
    let path = try folder.writeWeights(weights, to: "weights.npz")
    try expectPublished(
      PatchCoding(.set { $0.dictionary = folder.file("dictionary.npy") }, seed: 1), expected.method, of: folder.tinyImages(),
      .set {
        $0.weights = path
        if expected.method == "lista" { $0.depth = 2 }
      }, in: folder, psnr: expected.psnr, probes: expected.probes, tolerance: (1e-9, 1e-9))
  }
}

/// Every column over its norm.
private func unitColumns(_ matrix: Tensor) -> Tensor {
  let rows = matrix.transposed
  return Tensor.stacked((0..<rows.shape[0]).map { (1 / rows.row($0).norm) * rows.row($0) }).transposed
}
