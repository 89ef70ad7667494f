// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// k-space of a scanner, slice by slice: BART's arrays, fastMRI's volumes, ISMRMRD's raw data.
///
/// All have the frequency 0 and the origin of the image in the middle; a frequency counts as measured where a coil has a sample other than 0.
public struct ScannerFile: Sendable {
  private enum Source: Sendable {
    /// `[slices, coils, h, w]`.
    case array(ComplexTensor)
    case fastMRI(FastMRIFile)
  }

  public let path: String
  /// `[slices, coils, h, w]`.
  public let shape: [Int]
  private let source: Source
  /// Rows and columns of the image in the middle that is wanted; nil for all.
  private let wanted: [Int]?

  public var sliceCount: Int { shape[0] }

  /// Nil for a file of another kind. - Throws: the reader's error; ``RecipeError`` for k-space that is not of two dimensions.
  public init?(ifKSpace path: String) throws {
    self.path = path
    switch try FileKind.detect(path) {
    case .bart:
      let kSpace = try Self.planes(BARTFile.read(path), path)
      (source, shape, wanted) = (.array(kSpace), kSpace.shape, nil)
    case .ismrmrd:
      let kSpace = try ISMRMRDFile(contentsOf: path, removingOversampling: true).kSpace
      (source, shape, wanted) = (.array(kSpace), kSpace.shape, nil)
    case .fastMRI:
      let file = try FastMRIFile(contentsOf: path)
      (source, shape) = (.fastMRI(file), file.shape)
      wanted = file.imageSize
    default: return nil
    }
  }

  /// BART's dimensions, the first last: readout, phase 1 and phase 2, of which one is 1; coils; nine of 1; slices.
  private static func planes(_ kSpace: ComplexTensor, _ path: String) throws -> ComplexTensor {
    var sizes = Array(kSpace.shape.reversed())
    sizes += Array(repeating: 1, count: max(0, BARTFile.dimensionLimit - sizes.count))
    let plane = sizes[0..<3].filter { $0 > 1 }
    guard plane.count <= 2, (4..<BARTFile.dimensionLimit).allSatisfy({ $0 == 13 || sizes[$0] == 1 }) else {
      throw RecipeError(
        "\(path): found dimensions \(sizes.map(String.init).joined(separator: " ")); expected k-space in two dimensions, coils and slices: "
          + "transform one away and cut it with bart fft -i and bart slice")
    }
    let (w, h) = plane.count == 2 ? (plane[0], plane[1]) : (sizes[0], sizes[1] * sizes[2])
    return ComplexTensor(pairs: kSpace.pairs.reshaped([sizes[13], sizes[3], h, w, 2]))
  }

  /// One slice, scaled so that the reference image is at most 1; without one, the root sum of squares of the zero-filled coil images.
  ///
  /// - Throws: the reader's error; ``RecipeError`` for NaN, infinity, and a slice without samples.
  public func scan(_ slice: Int) throws -> MRIMeasurement.Scan {
    precondition((0..<sliceCount).contains(slice), "slice \(slice) of \(sliceCount)")
    let (stored, reference): (ComplexTensor, Tensor?) =
      switch source {
      case .array(let all):
        (ComplexTensor(pairs: all.pairs.rows(slice..<slice + 1).reshaped(shape.dropFirst() + [2])), nil)
      case .fastMRI(let file): (try file.kSpace(slice: slice), try file.reconstruction(slice: slice))
      }
    let title = sliceCount > 1 ? "\(fileTitle(path))-\(slice)" : fileTitle(path)
    guard stored.pairs.isFinite, reference?.isFinite ?? true else {
      throw RecipeError("\(path): found NaN or infinity in slice \(slice); expected finite samples, measure it again")
    }
    let kSpace = ComplexTensor(pairs: stored.pairs.converted(to: .double)).uncentredKSpace
    let (h, w, values) = (shape[2], shape[3], kSpace.pairs.doubles)
    let isSampled = (0..<h * w).map { i in
      (0..<shape[1]).contains { c in
        let place = 2 * (c * h * w + i)
        return values[place] != 0 || values[place + 1] != 0
      }
    }
    let scale = (reference ?? rootSumOfSquares(inverseFFT2(kSpace))).maximumMagnitude
    guard scale > 0, isSampled.contains(true) else {
      throw RecipeError("\(path): found zeros alone in slice \(slice); expected samples, measure it again")
    }
    return MRIMeasurement.Scan(
      name: title, kSpace: (1 / scale) * kSpace, mask: SamplingMask(height: h, width: w, isSampled: isSampled), isComplex: true,
      groundTruth: reference.map { .real((1 / scale) * $0.converted(to: .double)) }, scale: scale, wanted: wanted)
  }
}

/// Scans one after another, of a measurement or of a scanner's file.
public struct MRIScans: Sendable {
  /// What each is called, different from each other in a scanner's file.
  public let names: [String]
  /// The nominal ratio of the masks, where it is known.
  public let ratio: Double?
  private let scan: @Sendable (Int) throws -> MRIMeasurement.Scan

  public init(_ measurement: MRIMeasurement) {
    (names, ratio) = (measurement.scans.map(\.name), measurement.ratio)
    scan = { measurement.scans[$0] }
  }

  /// - Parameter slice: one slice; nil: all.
  /// - Throws: ``RecipeError`` when there is no such slice.
  public init(_ file: ScannerFile, slice: Int? = nil) throws {
    if let slice, !(0..<file.sliceCount).contains(slice) {
      throw RecipeError("\(file.path): found \(file.sliceCount) slices; expected --slice 0 to \(file.sliceCount - 1), not \(slice)")
    }
    let slices = slice.map { [$0] } ?? Array(0..<file.sliceCount)
    names = slices.map { "\(fileTitle(file.path))-\($0).png" }
    ratio = nil
    scan = { try file.scan(slices[$0]) }
  }

  public subscript(index: Int) -> MRIMeasurement.Scan {
    get throws { try scan(index) }
  }

  /// What became of one scan.
  public struct Reconstruction: Sendable {
    public let solver: MRISolver
    public let image: MRIEstimate
    /// Where the scan keeps its image.
    public let scores: Scores?
  }

  /// Every scan reconstructed, in their order. They are read one after another and reconstructed side by side, as many as there are
  /// threads held at once. Those before the first that fails reach `body`, whatever the number of threads.
  ///
  /// - Parameter maps: of the coils; estimated without.
  public func forEachImage(
    _ method: MRIMethod, options: MRISolver.Options = .init(), maps: CoilSensitivities? = nil, library: ModelLibrary = .standard,
    _ body: (_ index: Int, Reconstruction) throws -> Void
  ) throws {
    var known: MRISolver?
    for window in Parallel.windows(names.count) {
      let prepared = window.map { index in
        Result {
          let scan = try self[index]
          if let known, known.mask == scan.mask, known.isComplex == scan.isComplex { return (scan: scan, solver: known) }
          let solver = try MRISolver(
            method, mask: scan.mask, isComplex: scan.isComplex, ratio: ratio, options: options, library: library)
          known = solver
          return (scan: scan, solver: solver)
        }
      }
      let found = Parallel.map(window.count) { i in
        Result {
          let (scan, solver) = try prepared[i].get()
          let image = try solver.image(of: scan, maps: maps)
          let truth = image.display.isFinite ? scan.groundTruth : nil
          return Reconstruction(
            solver: solver, image: image, scores: try truth.map { try image.scores($0, clip: method.clips) })
        }
      }
      for (index, result) in zip(window, found) { try body(index, result.get()) }
    }
  }
}

extension NumericArray {
  /// Images of one size as one array, one image as it is. - Throws: ``RecipeError`` for images of several sizes.
  public static func stacked(_ images: [NumericArray], path: String) throws -> NumericArray {
    guard images.count != 1 else { return images[0] }
    guard images.allSatisfy({ $0.shape == images[0].shape }) else {
      throw RecipeError("\(path): found images of several sizes; expected one size for one array, or a folder for all")
    }
    let reals = images.compactMap(\.real)
    if reals.count == images.count { return .real(.stacked(reals)) }
    return .complex(ComplexTensor(pairs: .stacked(images.map(\.complex.pairs))))
  }
}
