// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Problems
import Tensors

/// The k-space of one image, with what is known of it.
public struct KSpaceSlice: Sendable {
  public var name: String
  /// `[coils, height, width]`, in double precision, frequency 0 at [0, 0], the transform unitary.
  public var kSpace: ComplexTensor
  public var mask: SamplingMask
  /// The image, or its magnitude.
  public var groundTruth: NumericArray?
  /// Samples around frequency 0 that tell the coils and are no part of the image, `[coils, height, width]`, 0 elsewhere; in the order of `kSpace`.
  public var calibration: ComplexTensor?
  /// What an image is to be multiplied by to be in the units of the file.
  public var scale = 1.0
  /// Rows and columns in the middle of the image that are wanted; nil: all.
  public var wanted: [Int]?

  public init(
    name: String, kSpace: ComplexTensor, mask: SamplingMask, groundTruth: NumericArray? = nil, scale: Double = 1,
    wanted: [Int]? = nil
  ) {
    (self.name, self.kSpace, self.mask, self.groundTruth) = (name, kSpace, mask, groundTruth)
    (self.scale, self.wanted) = (scale, wanted)
  }

  public var coils: Int { kSpace.shape[0] }
}

/// k-space of a scanner, slice by slice: BART's arrays, fastMRI's volumes, ISMRMRD's raw data.
///
/// All have the frequency 0 and the origin of the image in the middle; a frequency counts as measured where a coil has a sample other than 0.
public struct ScannerFile: Sendable {
  private enum Source: Sendable {
    /// `[slices, coils, h, w]`.
    case array(ComplexTensor, calibration: ComplexTensor?)
    case fastMRI(FastMRIFile)
  }

  public let path: String
  /// `[slices, coils, h, w]`.
  public let shape: [Int]
  private let source: Source
  /// Rows and columns of the image in the middle that is wanted; nil for all.
  private let wanted: [Int]?

  public var sliceCount: Int { shape[0] }

  /// Nil for a file of another kind. - Throws: the reader's error; ``InputError`` for k-space that is not of two dimensions.
  public init?(ifKSpace path: String) throws {
    self.path = path
    switch try FileKind.detect(path) {
    case .bart:
      let kSpace = try Self.planes(BARTFile.read(path), path)
      (source, shape, wanted) = (.array(kSpace, calibration: nil), kSpace.shape, nil)
    case .ismrmrd:
      let file = try ISMRMRDFile(contentsOf: path, removingOversampling: true)
      (source, shape) = (.array(file.kSpace, calibration: file.calibration), file.kSpace.shape)
      // Lines that were left out cannot be cropped along the phase: the image is.
      wanted = file.imageSize == Array(shape.suffix(2)) ? nil : file.imageSize
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
      throw InputError(
        "\(path): found dimensions \(sizes.map(String.init).joined(separator: " ")); expected k-space in two dimensions, coils and slices: "
          + "transform one away and cut it with bart fft -i and bart slice")
    }
    let (w, h) = plane.count == 2 ? (plane[0], plane[1]) : (sizes[0], sizes[1] * sizes[2])
    return ComplexTensor(pairs: kSpace.pairs.reshaped([sizes[13], sizes[3], h, w, 2]))
  }

  /// One slice, scaled so that the reference image is at most 1; without one, the root sum of squares of the zero-filled coil images.
  ///
  /// - Throws: the reader's error; ``InputError`` for NaN, infinity, and a slice without samples.
  public func scan(_ slice: Int) throws -> KSpaceSlice {
    precondition((0..<sliceCount).contains(slice), "slice \(slice) of \(sliceCount)")
    func plane(_ all: ComplexTensor) -> ComplexTensor {
      ComplexTensor(pairs: all.pairs.rows(slice..<slice + 1).reshaped(shape.dropFirst() + [2]))
    }
    let (stored, reference, calibration): (ComplexTensor, Tensor?, ComplexTensor?) =
      switch source {
      case .array(let all, let calibration): (plane(all), nil, calibration.map(plane))
      case .fastMRI(let file): (try file.kSpace(slice: slice), try file.reconstruction(slice: slice), nil)
      }
    let title = sliceCount > 1 ? "\(fileTitle(path))-\(slice)" : fileTitle(path)
    guard stored.pairs.isFinite, reference?.isFinite ?? true else {
      throw InputError("\(path): found NaN or infinity in slice \(slice); expected finite samples, measure it again")
    }
    let kSpace = ComplexTensor(pairs: stored.pairs.converted(to: .double)).uncentredKSpace
    let mask = SamplingMask(measuredIn: kSpace)
    let scale = (reference ?? rootSumOfSquares(inverseFFT2(kSpace))).maximumMagnitude
    guard scale > 0, mask.count > 0 else {
      throw InputError("\(path): found zeros alone in slice \(slice); expected samples, measure it again")
    }
    var found = KSpaceSlice(
      name: title, kSpace: (1 / scale) * kSpace, mask: mask,
      groundTruth: reference.map { .real((1 / scale) * $0.converted(to: .double)) }, scale: scale, wanted: wanted)
    if let calibration {
      guard calibration.pairs.isFinite else {
        throw InputError(
          "\(path): found NaN or infinity in the calibration of slice \(slice); expected finite samples, measure it again")
      }
      found.calibration = (1 / scale) * ComplexTensor(pairs: calibration.pairs.converted(to: .double)).uncentredKSpace
    }
    return found
  }
}

extension SamplingMask {
  /// Where a coil has a sample other than 0, `[coils, height, width]`.
  public init(measuredIn kSpace: ComplexTensor) {
    let (h, w, values) = (kSpace.shape[1], kSpace.shape[2], kSpace.pairs.doubles)
    self.init(
      height: h, width: w,
      isSampled: (0..<h * w).map { i in
        (0..<kSpace.shape[0]).contains { c in values[2 * (c * h * w + i)] != 0 || values[2 * (c * h * w + i) + 1] != 0 }
      })
  }
}
