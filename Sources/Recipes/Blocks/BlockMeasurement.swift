// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// Measurements of image blocks with all that made them: what `unfold simulate image-cs` writes and `unfold reconstruct` reads.
///
/// As an HDF5 file: `samples`, `[blocks, M]`, plane after plane and image after image; `sizes`, height, width and number of planes, one row
/// an image; `phi` unless it was drawn from a seed; `ground_truth/K`, image K, where it was kept; the rest as text attributes.
public struct BlockMeasurement: Sendable {
  /// The size of an image, and the image itself when it was kept.
  public struct MeasuredPlanes: Sendable {
    public let name: String
    public let height: Int
    public let width: Int
    /// 1, or 3 for red, green and blue.
    public let planes: Int
    /// `[height, width]` or `[3, height, width]`.
    public let groundTruth: Tensor?
  }

  public let sensing: CompressiveSensing
  /// The seed Φ was drawn from; nil for a given one.
  public let phiSeed: UInt64?
  /// The seed of the noise.
  public let seed: UInt64
  /// Signal-to-noise ratio in dB; nil: no noise.
  public let noiseDecibel: Double?
  public let samples: Tensor
  public let images: [MeasuredPlanes]

  /// y = Φ x for every block of every plane.
  ///
  /// - Parameter noiseDecibel: white noise of standard deviation rms(y) · 10^(−SNR/20) is added to the measurements of every image.
  public init(
    _ pictures: [ImagePlanes], sensing: CompressiveSensing, phiSeed: UInt64?, noiseDecibel: Double? = nil, seed: UInt64,
    keepingGroundTruth: Bool
  ) throws {
    guard !pictures.isEmpty else { throw RecipeError("found no image; expected at least one") }
    self.sensing = sensing
    self.phiSeed = phiSeed
    self.seed = seed
    self.noiseDecibel = noiseDecibel
    samples = Tensor.concatenated(
      Parallel.map(pictures.count) { sensing.measure(pictures[$0], noiseDecibel: noiseDecibel, seed: seed, image: $0) })
    images = pictures.map {
      MeasuredPlanes(
        name: $0.name, height: $0.height, width: $0.width, planes: $0.planes.count,
        groundTruth: keepingGroundTruth ? $0.values : nil)
    }
  }

  // MARK: As a file

  /// Writes the HDF5 file atomically.
  public func write(to path: String) throws {
    let sizes = images.flatMap { [Double($0.height), Double($0.width), Double($0.planes)] }
    var arrays = [
      NamedArray(name: "samples", value: samples), NamedArray(name: "sizes", value: Tensor(sizes, shape: [images.count, 3])),
    ]
    if phiSeed == nil { arrays.append(NamedArray(name: "phi", value: sensing.phi.entries)) }
    for (i, image) in images.enumerated() {
      if let truth = image.groundTruth { arrays.append(NamedArray(name: "ground_truth/\(i)", value: truth)) }
    }
    var attributes = [
      "format": MeasurementFile.format, "problem": ProblemKind.imageCS.rawValue, "seed": String(seed), "side": String(sensing.side),
      "names": images.map(\.name).joined(separator: "/"),
    ]
    attributes["phi_seed"] = phiSeed.map { String($0) }
    attributes["noise_snr_db"] = noiseDecibel.map { "\($0)" }
    try HDF5File(arrays: arrays, attributes: attributes).write(to: path)
  }

  /// Reads a file. - Throws: the reader's error, or ``RecipeError`` naming the first thing that does not fit.
  public init(contentsOf path: String) throws { try self.init(MeasurementFile(path)) }

  /// - Throws: ``RecipeError`` naming the first thing that does not fit.
  public init(_ file: MeasurementFile) throws {
    let attributes = file.file.attributes
    guard file.problem == .imageCS, let seed = file.seed,
      let side = attributes["side"].flatMap({ Int($0) }), (1...128).contains(side)
    else { throw file.damaged("found no problem image-cs with a seed and a side of blocks") }
    samples = try file.array("samples", rank: 2)
    self.seed = seed
    noiseDecibel = try file.number("noise_snr_db")
    let (rows, columns) = (samples.shape[1], side * side)
    guard rows <= columns else { throw file.damaged("found \(rows) measurements of a block; expected at most \(columns)") }
    phiSeed = attributes["phi_seed"].flatMap { UInt64($0) }
    if let phiSeed {
      sensing = CompressiveSensing(phi: .orthonormalRows(rows: rows, columns: columns, seed: phiSeed))
    } else {
      let phi = try file.array("phi", rank: 2)
      guard phi.shape == [rows, columns] else { throw file.damaged("found phi of \(phi.shape); expected [\(rows), \(columns)]") }
      sensing = CompressiveSensing(phi: Matrix(phi))
    }
    let sizes = try file.array("sizes", rank: 2)
    let names = (attributes["names"] ?? "").split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard sizes.shape[1] == 3, names.count == sizes.shape[0] else { throw file.damaged("found sizes of shape \(sizes.shape)") }
    var blocks = 0
    images = try (0..<sizes.shape[0]).map { i in
      let size = sizes.row(i).doubles
      guard size.allSatisfy({ $0 >= 1 && $0 <= 1e9 && $0 == $0.rounded() }), [1, 3].contains(size[2]), size[0] * size[1] <= 4e8
      else {
        throw file.damaged("found sizes \(size); expected height, width and 1 or 3 planes")
      }
      let (height, width, planes) = (Int(size[0]), Int(size[1]), Int(size[2]))
      blocks += planes * BlockGrid(height: height, width: width, side: side).count
      let truth = try file.array(ifPresent: "ground_truth/\(i)", rank: planes == 1 ? 2 : 3)
      if let truth, truth.shape != (planes == 1 ? [height, width] : [3, height, width]) {
        throw file.damaged("found a ground truth of \(truth.shape); expected \(planes) × \(height) × \(width)")
      }
      return MeasuredPlanes(name: names[i], height: height, width: width, planes: planes, groundTruth: truth)
    }
    guard blocks == samples.shape[0] else { throw file.damaged("found samples of \(samples.shape[0]) blocks; expected \(blocks)") }
  }

  // MARK: Reconstruction

  /// The images that a solver makes of the measurements, `[height, width]` or `[3, height, width]`, in double precision and in their
  /// order, with scores where the ground truth was kept; strip by strip, so that no more than an image and a strip of blocks are held for
  /// every thread.
  public func forEachImage(
    _ solver: BlockSolver, _ body: (_ index: Int, _ values: Tensor, _ scores: Scores?) throws -> Void
  ) throws {
    let grids = images.map { BlockGrid(height: $0.height, width: $0.width, side: sensing.side) }
    var first = [0]
    for (image, grid) in zip(images, grids) { first.append(first.last! + image.planes * grid.count) }
    let begins = first
    for window in Parallel.windows(images.count) {
      let found = Parallel.map(window.count) { i in
        let index = window.lowerBound + i
        let image = images[index]
        let values = solver.reconstruct(grids[index], planes: image.planes, measurements: samples, from: begins[index])
        let truth = values.isFinite ? image.groundTruth : nil
        return (values: values, scores: Result { try truth.map { try Scores.ofImage(values, $0, clip: true) } })
      }
      for (index, result) in zip(window, found) { try body(index, result.values, result.scores.get()) }
    }
  }
}

extension BlockSolver {
  /// The image of measurements from block `first` on, `[height, width]` or `[planes, height, width]`.
  func reconstruct(_ grid: BlockGrid, planes: Int, measurements: Tensor, from first: Int = 0) -> Tensor {
    let found = (0..<planes).map { reconstruct(grid, measurements: measurements, from: first + $0 * grid.count) }
    return planes == 1 ? found[0] : .stacked(found)
  }

  /// The plane of measurements from block `first` on, `[height, width]` in double precision; from top to bottom in strips of whole rows
  /// of blocks.
  func reconstruct(_ grid: BlockGrid, measurements: Tensor, from first: Int) -> Tensor {
    if let wholeImage { return wholeImage.reconstruct(grid, measurements: measurements.rows(first..<first + grid.count)) }
    var pixels: [Double] = []
    pixels.reserveCapacity(grid.height * grid.width)
    let step = max(1, 2048 / grid.columns)  // rows of blocks
    for row in stride(from: 0, to: grid.rows, by: step) {
      let rows = min(step, grid.rows - row)
      let begin = first + row * grid.columns
      let strip = BlockGrid(
        height: min(rows * grid.side, grid.height - row * grid.side), width: grid.width, side: grid.side)
      pixels += strip.assemble(solve(measurements.rows(begin..<begin + strip.count))).doubles
    }
    return Tensor(pixels, shape: [grid.height, grid.width])
  }
}
