// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// An image cut into patches, measured with or without noise.
public struct MeasuredImage: Sendable {
  public let name: String
  /// Normalised patches with what is needed to put an image together.
  public let grid: PatchGrid
  /// `[height, width]`, when it was kept.
  public let groundTruth: Tensor?

  public init(name: String, grid: PatchGrid, groundTruth: Tensor? = nil) {
    self.name = name
    self.grid = grid
    self.groundTruth = groundTruth
  }
}

/// Measurements of sparse coding or sparse recovery with all that made them: what `unfold simulate` writes and `unfold reconstruct` reads.
///
/// As an HDF5 file: arrays `samples`, `dictionary` or `A`, and, for images, `means`, `deviations` (one a patch), `sizes` (height and
/// width, one row an image); the ground truth as `ground_truth` (codes) or `ground_truth/K` (image K); the rest as text attributes.
public struct SparseMeasurement: Sendable {
  public let problem: ProblemKind
  /// X or b, one a row, double precision.
  public let samples: Tensor
  /// W_d or A.
  public let A: Matrix
  /// α of sparse coding; nil for sparse recovery, where λ is the solver's.
  public let alpha: Double?
  /// Signal-to-noise ratio in dB; nil: no noise.
  public let noiseDecibel: Double?
  public let seed: UInt64
  /// The images whose patches are the samples, in their order; empty for sparse recovery.
  public let images: [MeasuredImage]
  /// x*, one a row, when it was kept; sparse recovery only.
  public let codes: Tensor?

  /// Patches of images, ``Patches`` of the dictionary's size, normalised one by one.
  ///
  /// - Parameter noiseDecibel: white noise of standard deviation std(image) · 10^(−SNR/20) is added to every image first.
  public init(
    images: [(name: String, image: Tensor)], dictionary: Matrix, alpha: Double = 0.5, noiseDecibel: Double? = nil, seed: UInt64,
    keepingGroundTruth: Bool
  ) throws {
    let recipe = Patches()
    guard dictionary.rows == recipe.side * recipe.side else {
      throw RecipeError(
        "found a dictionary of \(dictionary.rows) × \(dictionary.columns); expected \(recipe.side * recipe.side) rows, one a pixel of a patch"
      )
    }
    guard !images.isEmpty else { throw RecipeError("found no image; expected at least one") }
    problem = .sparseCoding
    self.images = try Parallel.map(images.count) { index in
      let entry = images[index]
      let measured = Self.noisy(entry.image, decibel: noiseDecibel, seed: seed, stream: UInt64(index))
      do {
        return MeasuredImage(
          name: entry.name, grid: try PatchGrid(measured, recipe: recipe), groundTruth: keepingGroundTruth ? entry.image : nil)
      } catch let error as DatasetError { throw DatasetError("\(entry.name): \(error.description)") }
    }
    samples = Tensor.concatenated(self.images.map(\.grid.patches))
    A = dictionary
    self.alpha = alpha
    self.noiseDecibel = noiseDecibel
    self.seed = seed
    codes = nil
  }

  /// b = A x + ε for codes x, one a row.
  public init(codes x: Tensor, A: Matrix, noiseDecibel: Double? = nil, seed: UInt64, keepingGroundTruth: Bool) throws {
    guard x.shape.count == 2, x.shape[1] == A.columns else {
      throw RecipeError(
        "found codes of shape \(x.shape) for a matrix of \(A.rows) × \(A.columns); expected [samples, \(A.columns)], one code a row"
          + (x.shape.first == A.columns ? ": transpose them" : ""))
    }
    problem = .sparseRecovery
    let measured = SparseRecovery(A: A, noiseDecibel: noiseDecibel)
    var generator = RandomGenerator(seed: seed, stream: 1)
    samples = measured.measure(x.converted(to: .double), using: &generator)
    self.A = A
    alpha = nil
    self.noiseDecibel = noiseDecibel
    self.seed = seed
    images = []
    codes = keepingGroundTruth ? x.converted(to: .double) : nil
  }

  private static func noisy(_ image: Tensor, decibel: Double?, seed: UInt64, stream: UInt64) -> Tensor {
    guard let decibel else { return image }
    let pixels = image.doubles
    let mean = pixels.reduce(0, +) / Double(pixels.count)
    let deviation =
      (pixels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pixels.count)).squareRoot() * pow(10, -decibel / 20)
    var generator = RandomGenerator(seed: seed, stream: stream)
    return image + deviation * Tensor.normal(image.shape, using: &generator)
  }

  // MARK: As a file

  /// Writes the HDF5 file atomically.
  public func write(to path: String) throws {
    var arrays = [
      NamedArray(name: "samples", value: samples),
      NamedArray(name: problem == .sparseCoding ? "dictionary" : "A", value: A.entries),
    ]
    var attributes = ["format": MeasurementFile.format, "problem": problem.rawValue, "seed": String(seed)]
    attributes["alpha"] = alpha.map { "\($0)" }
    attributes["noise_snr_db"] = noiseDecibel.map { "\($0)" }
    if let codes { arrays.append(NamedArray(name: "ground_truth", value: codes)) }
    if problem == .sparseCoding {
      arrays.append(NamedArray(name: "means", value: Tensor(images.flatMap(\.grid.means))))
      arrays.append(NamedArray(name: "deviations", value: Tensor(images.flatMap(\.grid.deviations))))
      let sizes = images.flatMap { [Double($0.grid.height), Double($0.grid.width)] }
      arrays.append(NamedArray(name: "sizes", value: Tensor(sizes, shape: [images.count, 2])))
      for (i, image) in images.enumerated() {
        if let truth = image.groundTruth { arrays.append(NamedArray(name: "ground_truth/\(i)", value: truth)) }
      }
      attributes["names"] = images.map(\.name).joined(separator: "/")
    }
    try HDF5File(arrays: arrays, attributes: attributes).write(to: path)
  }

  /// Reads a file. - Throws: the reader's error, or ``RecipeError`` naming the first thing that does not fit.
  public init(contentsOf path: String) throws { try self.init(MeasurementFile(path)) }

  /// - Throws: ``RecipeError`` naming the first thing that does not fit.
  public init(_ file: MeasurementFile) throws {
    let kind = file.problem
    guard kind == .sparseCoding || kind == .sparseRecovery else {
      throw RecipeError(
        "\(file.path): found an HDF5 file that is no measurement of sparse coding or recovery; make one with unfold simulate")
    }
    guard let seed = file.seed else { throw file.damaged("found no seed") }
    problem = kind
    self.seed = seed
    samples = try file.array("samples", rank: 2)
    A = Matrix(try file.array(kind == .sparseCoding ? "dictionary" : "A", rank: 2))
    noiseDecibel = try file.number("noise_snr_db")
    guard samples.shape[1] == A.rows else {
      throw file.damaged("found samples of \(samples.shape[1]) numbers; expected \(A.rows), the matrix's rows")
    }
    switch kind {
    case .sparseCoding:
      codes = nil
      guard let alpha = try file.number("alpha"), alpha >= 0 else { throw file.damaged("found no weight alpha of at least 0") }
      self.alpha = alpha
      let sizes = try file.array("sizes", rank: 2)
      let (means, deviations) = (try file.array("means", rank: 1).doubles, try file.array("deviations", rank: 1).doubles)
      let names = file.file.attributes["names"].map { $0.components(separatedBy: "/") } ?? []
      let side = Int(Double(A.rows).squareRoot())
      guard sizes.shape == [names.count, 2], sizes.doubles.allSatisfy({ (1...65_500).contains($0) && $0 == $0.rounded() }) else {
        throw file.damaged(
          "found sizes of shape \(sizes.shape) for \(names.count) images; expected whole numbers, [\(names.count), 2]")
      }
      guard side * side == A.rows, means.count == samples.shape[0], deviations.count == samples.shape[0] else {
        throw file.damaged(
          "found \(means.count) means of \(samples.shape[0]) patches of \(A.rows) pixels; expected one each of square patches")
      }
      var found: [MeasuredImage] = []
      var start = 0
      for (i, name) in names.enumerated() {
        let (height, width) = (Int(sizes[flat: 2 * i]), Int(sizes[flat: 2 * i + 1]))
        let end = start + PatchGrid.count(height: height, width: width, side: side)
        guard end <= samples.shape[0] else { throw file.damaged("found \(samples.shape[0]) patches; expected at least \(end)") }
        let grid = try PatchGrid(
          patches: samples.rows(start..<end), means: Array(means[start..<end]), deviations: Array(deviations[start..<end]),
          height: height,
          width: width, side: side)
        let truth = try file.array(ifPresent: "ground_truth/\(i)", rank: 2)
        if let truth, truth.shape != [height, width] {
          throw file.damaged("found a ground truth of \(truth.shape); expected [\(height), \(width)]")
        }
        found.append(MeasuredImage(name: name, grid: grid, groundTruth: truth))
        start = end
      }
      guard start == samples.shape[0] else { throw file.damaged("found \(samples.shape[0]) patches; expected \(start)") }
      images = found
    default:
      alpha = nil
      images = []
      codes = try file.array(ifPresent: "ground_truth", rank: 2)
      if let codes, codes.shape != [samples.shape[0], A.columns] {
        throw file.damaged("found a ground truth of \(codes.shape); expected [\(samples.shape[0]), \(A.columns)]")
      }
    }
  }

  /// The image of every code: `[height, width]` from W_d Z, patches side by side, overlaps averaged. Sparse coding only.
  public func assemble(_ codes: Tensor) -> [Tensor] {
    precondition(codes.shape == [samples.shape[0], A.columns], "codes of shape \(codes.shape) for \(samples.shape[0]) samples")
    let patches = A.forward(codes.converted(to: .double))
    var ends: [Int] = []
    for image in images { ends.append((ends.last ?? 0) + image.grid.means.count) }
    let places = ends
    return Parallel.map(images.count) { i in
      images[i].grid.assemble(patches.rows(places[i] - images[i].grid.means.count..<places[i]))
    }
  }
}
