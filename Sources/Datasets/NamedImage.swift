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
  /// The same per millimetre: what ``Problems/Noise/photons(_:electronic:attenuation:)`` needs.
  public static let attenuationPerMillimetre = maximum / 10
  /// μ of water, per centimetre, of 70 keV.
  public static let water = 0.192

  private func unclipped(_ v: Double) -> Double {
    switch self {
    case .image: v
    case .attenuation: v / Self.maximum
    case .hounsfield: Self.water * (1 + v / 1000) / Self.maximum
    }
  }

  /// Numbers in these units as images, and how many were clipped.
  func images(_ stored: Tensor) -> (values: Tensor, clipped: Int) {
    guard self != .image else { return (stored, 0) }
    let values = stored.map(unclipped)
    return (values.map { min(max($0, 0), 1) }, values.doubles.count { $0 < -1e-9 || $0 > 1 + 1e-9 })
  }

  /// The least and the largest number that is not clipped, in words.
  var limits: String { self == .hounsfield ? "−1000 to 3167 HU" : "0 to \(Self.maximum) / cm" }
}

/// An image that is measured: real, or complex with its phase.
public struct NamedImage: Sendable {
  public let name: String
  /// `[height, width]`, in double precision.
  public let value: NumericArray
  /// Millimetres from row to row and from column to column, where the file says them.
  public let pixelSize: [Double]?

  public init(name: String, value: NumericArray, pixelSize: [Double]? = nil) {
    precondition(value.shape.count == 2, "an image of shape \(value.shape)")
    self.name = name
    self.pixelSize = pixelSize
    self.value =
      switch value {
      case .real(let x): .real(x.converted(to: .double))
      case .complex(let z): .complex(z.converted(to: .double))
      }
  }

  public init(name: String, value: Tensor, pixelSize: [Double]? = nil) {
    self.init(name: name, value: .real(value), pixelSize: pixelSize)
  }

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
    case .png, .jpeg, .tiff: value = .real(try readImage(path).luminance(path))
    default:
      let all = try readArrays(path)
      let arrays = all.compactMap(\.value.plane)
      if arrays.count == 1 { notePassedOver(all.filter { $0.value.plane == nil }, path: path) }
      guard arrays.count == 1 else {
        let shapes = all.prefix(4).map { "\($0.name) \($0.value.shape)" }.joined(separator: ", ")
        throw InputError(
          "\(path): found \(all.isEmpty ? "no arrays" : shapes); expected one of two axes, the image: convert it first")
      }
      value = arrays[0]
    }
    try ImageRange.checkFinite(value.real ?? value.complex.pairs, path: path)
    self.init(name: (path as NSString).lastPathComponent, value: value)
    if toMaximum { self = toMaximumOne }
  }

  /// As ``init(_:toMaximum:)``; a real image in other units than [0, 1] is refused.
  public init(inRange path: String) throws {
    try self.init(path)
    if let real = value.real { try ImageRange.check(real, path: path) }
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

  /// The images and arrays of a folder in the order of their names, DICOM files in that of their slices; or the one file `path` names.
  public static func paths(_ path: String) throws -> [String] {
    // The header of a pair stands for both of its files.
    try ImageFolder.imagePaths(path, andKinds: ["npy", "mat", "cfl", "nii", "gz", "dcm", "img"])
  }

  /// The image of a file, or every slice of a volume `[slices, height, width]`: image files (a TIFF's pages), arrays, DICOM, NIfTI; of a folder
  /// those of all its files.
  ///
  /// - Parameter units: nil: Hounsfield units of DICOM, pixels in [0, 1] of every other file. Of image files in Hounsfield units the numbers of
  ///   the file are taken, not fractions of the largest.
  /// - Throws: the reader's error; ``InputError`` for something else than one array of real, finite numbers, and for pixels in other units.
  public static func slices(of path: String, units: CTUnits? = nil) throws -> [NamedImage] {
    let found = try eachFile(paths(path), of: path) { try fileSlices($0, units: units) }
    let (clipped, count) = found.reduce((0, 0)) { ($0.0 + $1.clipped, $0.1 + $1.images.reduce(0) { $0 + $1.height * $1.width }) }
    if clipped > 0, let units = found.first(where: { $0.clipped > 0 })?.units {
      Remarks.note("\(path): \(clipped) of \(count) pixels are clipped to \(units.limits)")
    }
    return found.flatMap(\.images)
  }

  private static func fileSlices(_ path: String, units: CTUnits?) throws -> (images: [NamedImage], clipped: Int, units: CTUnits) {
    let kind = try FileKind.detect(path)
    var (stacks, sizes, units) = ([Tensor](), [[Double]?](), units)
    switch kind {
    case .png, .jpeg, .tiff:
      stacks = try readImagePages(path).map { image in
        guard units == .hounsfield, image.isScaled else { return image.luminance(path) }
        return image.luminance(path).map { ($0 * Double(1 << image.bitDepth - 1)).rounded() }
      }
    case .dicom:
      let file = try DICOM(contentsOf: path)
      guard units != nil || ["", "CT", "OT"].contains(file.modality) else {
        throw InputError(
          "\(path): found an image of modality \(file.modality); expected CT in Hounsfield units, or --quantity that says what it is"
        )
      }
      (stacks, sizes, units) = ([file.values], file.frames.map(\.pixelSpacing), units ?? .hounsfield)
    default:
      let nifti = kind == .nifti ? try NIfTI(contentsOf: path) : nil
      let all = try nifti.map { [NamedArray(name: fileTitle(path), value: $0.values)] } ?? readArrays(path)
      let arrays = all.filter { (2...3).contains($0.value.shape.count) && !$0.value.shape.contains(0) }
      guard arrays.count == 1, let real = arrays[0].value.real else {
        let shapes = all.prefix(4).map { "\($0.name) \($0.value.shape)\($0.value.real == nil ? " complex" : "")" }.joined(
          separator: ", ")
        throw InputError(
          "\(path): found \(all.isEmpty ? "no arrays" : shapes); expected one real image [height, width] or volume [slices, height, width]: "
            + "convert it first")
      }
      notePassedOver(all.filter { $0.name != arrays[0].name }, path: path)
      stacks = [real]
      if let nifti, nifti.knowsVoxelSize { sizes = [[nifti.voxelSize[1], nifti.voxelSize[0]]] }
    }
    let chosen = units ?? .image
    var (images, clipped) = ([NamedImage](), 0)
    let count = stacks.reduce(0) { $0 + ($1.shape.count == 3 ? $1.shape[0] : 1) }
    for stack in stacks {
      try ImageRange.checkFinite(stack, path: path)
      let (values, outside) = chosen.images(stack.converted(to: .double))
      clipped += outside
      if chosen == .image { try ImageRange.check(values, path: path, otherwise: "say --quantity hounsfield if they are") }
      for k in 0..<(values.shape.count == 3 ? values.shape[0] : 1) {
        images.append(
          NamedImage(
            name: count == 1 ? (path as NSString).lastPathComponent : "\(fileTitle(path))-\(images.count)",
            value: values.shape.count == 3 ? values.row(k) : values, pixelSize: sizes.isEmpty ? nil : sizes[min(k, sizes.count - 1)]
          ))
      }
    }
    return (images, clipped, chosen)
  }

  /// The slices of a volume for training: along its three axes, every `step`-th, without those of which less than a tenth of the pixels
  /// reach a tenth of the largest value. Each is divided by its own largest value.
  ///
  /// - Throws: the reader's error; ``InputError`` for something else than one real volume.
  public static func trainingSlices(of path: String, step: Int) throws -> [NamedImage] {
    let all = try readArrays(path)
    let arrays = all.filter { $0.value.shape.count == 3 }
    guard arrays.count == 1, let volume = arrays[0].value.real?.converted(to: .double), volume.isFinite else {
      throw InputError("\(path): found \(arrays.count) volumes; expected one of real, finite numbers")
    }
    notePassedOver(all.filter { $0.name != arrays[0].name }, path: path)
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
    NamedImage(
      name: name, value: blockMeans(value.real ?? value.complex.real, factor), pixelSize: pixelSize?.map { $0 * Double(factor) })
  }

  /// The image in the middle of one of another size: cut, or zeros around it.
  public func centred(height: Int, width: Int) -> NamedImage {
    NamedImage(name: name, value: value.centred(height: height, width: width))
  }
}

extension NumericArray {
  /// The array as an image `[h, w]` of more than one row and column, leading axes of extent 1 left out; nil for another shape.
  fileprivate var plane: NumericArray? {
    let leading = shape.dropLast(2), size = Array(shape.suffix(2))
    guard size.count == 2, leading.allSatisfy({ $0 == 1 }), size.allSatisfy({ $0 > 1 }) else { return nil }
    switch self {
    case .real(let x): return .real(x.reshaped(size))
    case .complex(let z): return .complex(ComplexTensor(pairs: z.pairs.reshaped(size + [2])))
    }
  }

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

extension Image {
  /// The gray image, `[height, width]`; of a colour one the luminance, with a remark.
  public func luminance(_ path: String) -> Tensor {
    if channels > 1 { Remarks.note("\(path): found colours, their luminance is taken") }
    return grayscale
  }
}
