// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Tensors

/// What the numbers of a file of X-ray images are.
public enum CTUnits: String, CaseIterable, Codable, Sendable {
  /// Taken as they are, 1 the largest.
  case image
  /// μ in 1/cm: x = μ / 0.8, clipped to [0, 1].
  case attenuation
  /// HU = 1000 (μ / μ_water − 1), μ_water = 0.192 / cm: x as of attenuation.
  case hounsfield

  /// μ of x = 1, per centimetre.
  public static let maximum = 0.8
  /// The same per millimetre: what `SparseViewCT.Noise` needs.
  public static let attenuationPerMillimetre = maximum / 10
  /// μ of water, per centimetre, of 70 keV.
  public static let water = 0.192

  func value(_ v: Double) -> Double {
    switch self {
    case .image: v
    case .attenuation: min(max(v / Self.maximum, 0), 1)
    case .hounsfield: min(max(Self.water * (1 + v / 1000) / Self.maximum, 0), 1)
    }
  }
}

/// An image that is measured: real, or complex with its phase.
public struct NamedImage: Sendable {
  public let name: String
  /// `[height, width]`, in double precision.
  public let value: NumericArray

  public init(name: String, value: NumericArray) {
    precondition(value.shape.count == 2, "an image of shape \(value.shape)")
    self.name = name
    self.value =
      switch value {
      case .real(let x): .real(x.converted(to: .double))
      case .complex(let z): .complex(z.converted(to: .double))
      }
  }

  public init(name: String, value: Tensor) { self.init(name: name, value: .real(value)) }

  public var height: Int { value.shape[0] }
  public var width: Int { value.shape[1] }
  public var isComplex: Bool { value.real == nil }

  /// An image file (gray, or the luminance of a colour image), or an array file with one array of two axes.
  ///
  /// - Parameter toMaximum: divides by the largest magnitude, as published evaluations of MRI do.
  /// - Throws: the reader's error; ``InputError`` for something else than one image, NaN or infinity.
  public init(_ path: String, toMaximum: Bool = false) throws {
    let value: NumericArray
    switch try FileKind.detect(path) {
    case .png, .jpeg, .tiff: value = .real(try readImage(path).grayscale)
    default:
      let arrays = try readArrays(path).filter { $0.value.shape.count == 2 && $0.value.shape.allSatisfy { $0 > 1 } }
      guard arrays.count == 1 else {
        throw InputError("\(path): found \(arrays.count) arrays of two axes; expected one, the image: convert it first")
      }
      value = arrays[0].value
    }
    guard (value.real ?? value.complex.pairs).isFinite else {
      throw InputError("\(path): found NaN or infinite pixels; expected finite values in [0, 1]")
    }
    self.init(name: (path as NSString).lastPathComponent, value: value)
    if toMaximum { self = toMaximumOne }
  }

  /// Divided by its largest magnitude.
  private var toMaximumOne: NamedImage {
    let largest = value.real?.maximumMagnitude ?? value.complex.maximumMagnitude
    guard largest > 0 else { return self }
    switch value {
    case .real(let x): return NamedImage(name: name, value: .real((1 / largest) * x))
    case .complex(let z): return NamedImage(name: name, value: .complex((1 / largest) * z))
    }
  }

  /// The images and arrays of a folder in the order of their names, or the one file `path` names.
  public static func paths(_ path: String) throws -> [String] {
    try ImageFolder.imagePaths(path, andKinds: ["npy", "mat", "cfl", "nii", "gz", "dcm"])
  }

  /// The image of a file, or every slice of a volume `[slices, height, width]`: image files, arrays, DICOM, NIfTI; of a folder those of all
  /// its files.
  ///
  /// - Parameter units: nil: Hounsfield units of DICOM, pixels of every other file.
  /// - Throws: the reader's error; ``InputError`` for something else than one array of real, finite numbers.
  public static func slices(of path: String, units: CTUnits? = nil) throws -> [NamedImage] {
    try paths(path).flatMap { path in
      let title = (path as NSString).lastPathComponent
      let kind = try FileKind.detect(path)
      let stack: Tensor
      switch kind {
      case .png, .jpeg, .tiff: stack = try readImage(path).grayscale
      default:
        let arrays = try readArrays(path).filter { (2...3).contains($0.value.shape.count) && !$0.value.shape.contains(0) }
        guard arrays.count == 1, let real = arrays[0].value.real else {
          throw InputError("\(path): found \(arrays.count) images or volumes; expected one of real numbers: convert it first")
        }
        stack = real
      }
      guard stack.isFinite else { throw InputError("\(path): found NaN or infinite pixels; expected finite numbers") }
      let units = units ?? (kind == .dicom ? .hounsfield : .image)
      let values = stack.converted(to: .double).map(units.value)
      guard values.shape.count == 3 else { return [NamedImage(name: title, value: values)] }
      return (0..<values.shape[0]).map { k in
        NamedImage(name: values.shape[0] == 1 ? title : "\(fileTitle(path))-\(k)", value: values.row(k))
      }
    }
  }

  /// The slices of a volume for training: along its three axes, every `step`-th, without those of which less than a tenth of the pixels
  /// reach a tenth of the largest value. Each is divided by its own largest value.
  ///
  /// - Throws: the reader's error; ``InputError`` for something else than one real volume.
  public static func trainingSlices(of path: String, step: Int) throws -> [NamedImage] {
    let arrays = try readArrays(path).filter { $0.value.shape.count == 3 }
    guard arrays.count == 1, let volume = arrays[0].value.real?.converted(to: .double), volume.isFinite else {
      throw InputError("\(path): found \(arrays.count) volumes; expected one of real, finite numbers")
    }
    let (values, shape) = (volume.doubles, volume.shape)
    let strides = [shape[1] * shape[2], shape[2], 1]
    var found: [NamedImage] = []
    for axis in 0..<3 {
      let (a, b) = axis == 0 ? (1, 2) : axis == 1 ? (0, 2) : (0, 1)
      for k in stride(from: step / 2, to: shape[axis], by: step) {
        var slice: [Double] = []
        slice.reserveCapacity(shape[a] * shape[b])
        for i in 0..<shape[a] {
          for j in 0..<shape[b] { slice.append(max(values[k * strides[axis] + i * strides[a] + j * strides[b]], 0)) }
        }
        let largest = slice.max() ?? 0
        guard largest > 0, 10 * slice.count(where: { $0 >= 0.1 * largest }) >= slice.count else { continue }
        found.append(
          NamedImage(
            name: "\(fileTitle(path))-\(axis)-\(k)", value: Tensor(slice.map { $0 / largest }, shape: [shape[a], shape[b]])))
      }
    }
    return found
  }

  /// Means of blocks of `factor` × `factor` pixels of a real image, what is left over cut off.
  public func reduced(by factor: Int) -> NamedImage {
    NamedImage(name: name, value: blockMeans(value.real ?? value.complex.real, factor))
  }

  /// The image in the middle of one of another size: cut, or zeros around it.
  public func centred(height: Int, width: Int) -> NamedImage {
    NamedImage(name: name, value: value.centred(height: height, width: width))
  }
}

extension NumericArray {
  /// An image `[h, w]` in the middle of one of another size: cut, or zeros around it.
  public func centred(height: Int, width: Int) -> NumericArray {
    func centred(_ x: Tensor) -> Tensor {
      let (h, w) = (x.shape[0], x.shape[1])
      let (v, top, left) = (x.doubles, (height - h) / 2, (width - w) / 2)
      var out = [Double](repeating: 0, count: height * width)
      for i in 0..<height where (0..<h).contains(i - top) {
        for j in 0..<width where (0..<w).contains(j - left) { out[i * width + j] = v[(i - top) * w + j - left] }
      }
      return Tensor(out, shape: [height, width], precision: x.precision)
    }
    switch self {
    case .real(let x): return .real(centred(x))
    case .complex(let z): return .complex(ComplexTensor(separateParts: z.separateParts.map(centred)))
    }
  }
}
