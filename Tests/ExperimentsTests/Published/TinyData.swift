// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Experiments
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing
import Training

// The published ways on tiny data: images, matrices and one stage or two of every network by formulas, in files as their authors wrote
// them. `Tests/Fixtures` has the same formulas and the papers' equations in NumPy 2.4.6 and PyTorch 2.13.0, float64; the figures in the
// suites beside this file are what its programs print.

/// scale · sin((0.7 + n / 100) (i + 1)² + n): weights without a pattern. PyTorch's files hold them in single precision.
func filters(_ shape: [Int], _ n: Int, _ scale: Double) -> Tensor { scale * chirp(shape, 0.7 + 0.01 * Double(n), Double(n)) }

extension Tensor {
  /// 1 more for the middle of a filter: channel `input` passes to channel `output`.
  func passing(from input: Int = 0, to output: Int = 0) -> Tensor {
    var values = doubles
    let (height, width) = (shape[2], shape[3])
    values[((output * shape[1] + input) * height + height / 2) * width + width / 2] += 1
    return Tensor(values, shape: shape, precision: precision)
  }
}

/// Images in [0, 1] of rows and columns.
enum TinyImage {
  case disc
  case edge

  func callAsFunction(_ height: Int, _ width: Int) -> Tensor {
    let values = (0..<height * width).map { p in
      let (i, j) = (p / width, p % width)
      switch self {
      case .disc:
        let isInside = (i - 17) * (i - 17) + (j - 20) * (j - 20) < 90
        return isInside ? 0.8 : 0.3 + 0.2 * sin(0.11 * Double(i) + 0.07 * Double(j))
      case .edge: return 3 * i + 2 * j < 100 ? 0.2 + 0.004 * Double(j) : 0.75 - 0.003 * Double(i)
      }
    }
    return Tensor(values, shape: [height, width])
  }
}

extension Folder {
  /// A smooth image with a disc, an edge and a texture, of three sizes, as PNG of 16 bits.
  func tinyImages() throws -> [String] {
    try images([TinyImage.disc(40, 48), TinyImage.edge(48, 40), texture(35, 45, 0.4, 0)])
  }

  func images(_ images: [Tensor]) throws -> [String] {
    let folder = try writeImages(images, to: "images")
    return images.indices.map { "\(folder)/\($0).png" }
  }

  /// Writes parameters with this package's names.
  func writeWeights(_ weights: [(name: String, value: Tensor)], to name: String, recipe: Recipe? = nil) throws -> String {
    let path = file(name)
    let parameters = weights.map { NamedParameter(name: $0.name, value: $0.value) }
    if name.hasSuffix(".npz") {
      try writeArrays(parameters.map { NamedArray(name: $0.name, value: .real($0.value)) }, to: path)
    } else {
      try Weights(parameters: parameters, recipe: recipe?.json).write(to: path)
    }
    return path
  }
}

/// ⟨x, sin(0.37 i + 0.2)⟩: what an image that is turned, shifted or scaled does not keep.
func probe(_ x: Tensor) -> Double { innerProduct(x.reshaped([x.count]), wave([x.count], 0.37, 0.2)) }

/// What a method makes of images by both ways of a user: `evaluate`, and `simulate` to a file and `reconstruct` from it.
///
/// - Parameters: `psnr` and `probes`, what is expected of every image; `tolerance`, in dB and of the probe.
func expectPublished<E: Experiment>(
  _ experiment: E, _ method: String, of files: [String], _ options: SolverOptions<E.Knobs>, in folder: Folder, psnr: [Double],
  probes: [Double], tolerance: (decibel: Double, probe: Double) = (1e-4, 1e-4),
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let runner = Runner(try E.named(method), options: options)
  let report = try runner.evaluation(experiment.scans(of: files), seed: 1)
  #expect(report.images.count == psnr.count && report.weights == options.weights, sourceLocation: sourceLocation)
  let path = folder.file("measurement.h5")
  _ = try experiment.simulate(files, to: path, keepingGroundTruth: true)
  var found: [(psnr: Double, probe: Double)] = []
  try Runner(E.named(method), options: options).forEach(E.open(path, .init())) { _, outcome in
    found.append((outcome.scores?.psnr ?? .nan, probe(outcome.reconstruction.display)))
  }
  #expect(found.count == psnr.count, sourceLocation: sourceLocation)
  for (k, found) in found.enumerated() {
    let evaluated = report.images[k].scores.psnr ?? .nan
    #expect(
      abs(evaluated - psnr[k]) <= tolerance.decibel && abs(found.psnr - psnr[k]) <= tolerance.decibel,
      "image \(k): \(evaluated) and \(found.psnr) dB, expected \(psnr[k])", sourceLocation: sourceLocation)
    #expect(
      abs(found.probe - probes[k]) <= tolerance.probe, "image \(k): probe \(found.probe), expected \(probes[k])",
      sourceLocation: sourceLocation)
  }
}
