// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Tensors

/// An image whose X-ray projections are taken: attenuation, 1 where it is that of 0.8 per centimetre.
public struct CTImage: Sendable {
  /// What the numbers of a file are.
  public enum Units: String, CaseIterable, Sendable {
    /// Taken as they are, 1 the largest.
    case image
    /// μ in 1/cm: x = μ / 0.8, clipped to [0, 1].
    case attenuation
    /// HU = 1000 (μ / μ_water − 1), μ_water = 0.192 / cm: x as of attenuation.
    case hounsfield
  }

  /// μ of x = 1, per centimetre.
  public static let maximum = 0.8
  /// The same per millimetre: what ``SparseViewCT/Noise`` needs.
  public static let attenuation = maximum / 10
  /// μ of water, per centimetre, of 70 keV.
  public static let water = 0.192

  public let name: String
  /// `[height, width]`, in double precision.
  public let value: Tensor

  public init(name: String, value: Tensor) {
    precondition(value.shape.count == 2, "an image of shape \(value.shape)")
    (self.name, self.value) = (name, value.converted(to: .double))
  }

  /// The image of a file, or every slice of a volume `[slices, height, width]`: image files, arrays, DICOM, NIfTI.
  ///
  /// - Parameter units: nil: Hounsfield units of DICOM, pixels of every other file.
  /// - Throws: the reader's error; ``RecipeError`` for something else than one array of real, finite numbers.
  public static func read(_ path: String, units: Units? = nil) throws -> [CTImage] {
    let title = (path as NSString).lastPathComponent
    let kind = try FileKind.detect(path)
    let stack: Tensor
    switch kind {
    case .png, .jpeg, .tiff: stack = try readImage(path).grayscale
    default:
      let arrays = try readArrays(path).filter { (2...3).contains($0.value.shape.count) && !$0.value.shape.contains(0) }
      guard arrays.count == 1, let real = arrays[0].value.real else {
        throw RecipeError("\(path): found \(arrays.count) images or volumes; expected one of real numbers: convert it first")
      }
      stack = real
    }
    guard stack.isFinite else { throw RecipeError("\(path): found NaN or infinite pixels; expected finite numbers") }
    let units = units ?? (kind == .dicom ? .hounsfield : .image)
    let values = stack.converted(to: .double).map { v in
      switch units {
      case .image: v
      case .attenuation: min(max(v / maximum, 0), 1)
      case .hounsfield: min(max(water * (1 + v / 1000) / maximum, 0), 1)
      }
    }
    guard values.shape.count == 3 else { return [CTImage(name: title, value: values)] }
    let size = Array(values.shape.dropFirst())
    return (0..<values.shape[0]).map { k in
      CTImage(
        name: values.shape[0] == 1 ? title : "\(fileTitle(path))-\(k)", value: values.rows(k..<k + 1).reshaped(size))
    }
  }

  /// The images of a folder in the order of their names, images, arrays and volumes; or those of one file.
  public static func readAll(_ path: String, units: Units? = nil) throws -> [CTImage] {
    try ImageFolder.imagePaths(path, andKinds: ["npy", "mat", "nii", "gz", "dcm"]).flatMap { try read($0, units: units) }
  }

  /// Means of blocks of `factor` × `factor` pixels, what is left over cut off.
  public func reduced(by factor: Int) -> CTImage { CTImage(name: name, value: blockMeans(value, factor)) }
}
