// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Tensors
import Training

/// What a file to be written holds, by its extension.
public enum OutputKind: Sendable, Equatable {
  case arrays
  case image

  static let arrayExtensions = ["npy", "npz", "mat", "safetensors", "h5", "hdf5", "cfl", "nii", "nii.gz"]
  static let imageExtensions = ["png", "jpg", "jpeg", "tif", "tiff"]

  /// - Throws: ``InputError`` for another extension.
  public init(_ path: String) throws {
    let ending = fileExtension(path)
    if Self.arrayExtensions.contains(ending) {
      self = .arrays
    } else if Self.imageExtensions.contains(ending) {
      self = .image
    } else {
      throw InputError(
        "\(path): found the extension “\(ending)”; expected \((Self.imageExtensions + Self.arrayExtensions).joined(separator: ", ")), rename it"
      )
    }
  }

  /// `path` is to hold this kind, and can be written.
  public func check(_ path: String) throws {
    try checkExtension(path)
    try AtomicFile.check(path)
  }

  fileprivate func checkExtension(_ path: String) throws {
    guard try OutputKind(path) == self else {
      let known = self == .image ? Self.imageExtensions : Self.arrayExtensions
      throw InputError(
        "\(path): found an extension for \(self == .image ? "arrays" : "images"); expected one of \(known.joined(separator: ", "))")
    }
  }
}

/// Writes an image atomically in the format the extension names, with as many bits of `image.bitDepth` as the format can hold.
///
/// - Returns: the bits of a sample in the file.
@discardableResult
public func writeImage(_ image: Image, to path: String) throws -> Int {
  switch fileExtension(path) {
  case "jpg", "jpeg":
    try writeJPEG(image, to: path)
    return 8
  case "tif", "tiff":
    let bits = image.bitDepth > 16 || !image.isScaled ? 32 : image.bitDepth > 8 ? 16 : 8
    try writeTIFF(image, to: path, bitDepth: bits)
    return bits
  default:
    try OutputKind.image.checkExtension(path)
    let bits = image.bitDepth > 8 ? 16 : 8
    try writePNG(image, to: path, bitDepth: bits)
    return bits
  }
}

/// One file made another: arrays and weights between array formats, images between image formats, an image to an array and back.
public struct FileConversion: Sendable {
  /// Names of the arrays that were written.
  public let names: [String]
  /// What the new format cannot hold, in a few words each.
  public let lost: [String]
  /// The sizes of a `.cfl` file as BART counts them, the first fastest.
  public private(set) var bartDimensions: [Int]?

  /// - Parameters: `keepingOrder`, whether the first axis becomes BART's first dimension, or the other way round, so that x, y, z, coils
  ///   of a MATLAB array stay x, y, z, coils; without it no number moves, and BART's order is the reverse; `matVersion`, the version of a MAT file: 5 unless it would be too large; `half`, to round trained matrices to half
  ///   precision and operators to single, safetensors only.
  /// - Throws: before anything is written.
  public init(
    _ input: String, to output: String, matVersion: MATFile.Version? = nil, half: Bool = false, keepingOrder: Bool = false
  ) throws {
    let target = try OutputKind(output)
    guard !half || output.lowercased().hasSuffix(".safetensors") else {
      throw InputError("\(output): found --half; expected a .safetensors file to write, name one or leave --half out")
    }
    let kind = try FileKind.detect(input)
    guard !keepingOrder || (fileExtension(output) == "cfl") != (kind == .bart) else {
      throw InputError("found --keep-order for \(kind.name) to \(output); expected an array to .cfl or .cfl to another format")
    }
    if kind.isPicture || kind == .dicom && target == .image {
      let pages = target == .image ? [try readImage(input)] : try readImagePages(input)
      let image = pages[0]
      if target == .image {
        if !image.isScaled, !["tif", "tiff"].contains(fileExtension(output)) {
          try ImageRange.check(image.values, path: input, otherwise: "write a TIFF")
        }
        let bits = try writeImage(image, to: output)
        names = ["image"]
        lost = bits < image.bitDepth ? ["\(image.bitDepth) bits a sample, now \(bits)"] : []
      } else {
        guard pages.allSatisfy({ $0.values.shape == image.values.shape }) else {
          throw InputError("\(input): found \(pages.count) pages of several sizes; expected one size for an array, take them apart")
        }
        let values = pages.count == 1 ? image.values : Tensor.stacked(pages.map(\.values))
        try writeArrays([NamedArray(name: "image", value: values)], to: output, matVersion: matVersion)
        (names, lost) = (["image"], [])
      }
    } else {
      var content = try NamedArrays(input)
      if keepingOrder { content.reverseAxes() }
      guard !content.arrays.isEmpty else {
        throw InputError("\(input): found no numeric arrays; expected at least one to convert")
      }
      names = content.arrays.map(\.name)
      if target == .image {
        try writeImage(Self.image(content.arrays, input), to: output)
        lost = []
      } else {
        lost = try content.write(to: output, matVersion: matVersion, half: half)
        if fileExtension(output) == "cfl" { bartDimensions = content.arrays[0].value.shape.reversed() }
      }
    }
  }

  private static func image(_ arrays: [NamedArray], _ path: String) throws -> Image {
    guard arrays.count == 1, let values = arrays[0].value.real, values.count > 0,
      values.shape.count == 2 || values.shape.count == 3 && values.shape[0] == 3
    else {
      throw InputError(
        "\(path): found \(arrays.prefix(4).map { "\($0.name) \($0.value.shape)" }.joined(separator: ", ")); expected one array, "
          + "[height, width] or [3, height, width], for an image")
    }
    guard values.doubles.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
      throw InputError("\(path): found numbers outside [0, 1] or NaN; expected an image's values, scale them first")
    }
    return Image(values: values)
  }
}

/// Arrays of a file with what text it has about them.
struct NamedArrays {
  private(set) var arrays: [NamedArray]
  let text: [String: String]
  /// What a reader makes of the file, for people.
  private(set) var notes: [String: String] = [:]
  /// The place in space, which goes from NIfTI to NIfTI.
  private var nifti: NIfTI?

  init(_ path: String) throws {
    switch try FileKind.detect(path) {
    case .safetensors:
      let file = try SafeTensors(contentsOf: path)
      if file.metadata["kind"] == nil {
        arrays = file.tensors.map { NamedArray(name: $0.name, value: $0.value) }
        text = file.metadata
      } else {  // a checkpoint gives the weights it stands at
        let weights = try Weights(contentsOf: path)
        arrays =
          weights.parameters.map { NamedArray(name: $0.name, value: $0.value) }
          + weights.operators.map { NamedArray(name: "operator." + $0.name, value: $0.value) }
        text = weights.provenance.facts.merging(weights.recipe.map { ["recipe": $0] } ?? [:]) { $1 }
      }
    case .hdf5:
      let file = try HDF5File(contentsOf: path)
      (arrays, text) = (file.arrays, file.attributes)
    case .fastMRI:
      let (file, header) = (try HDF5File(contentsOf: path), try FastMRIFile(contentsOf: path, namingOthers: false).header)
      (arrays, text) = (file.arrays, file.attributes.merging(header.map { ["ismrmrd_header": $0] } ?? [:]) { $1 })
    case .ismrmrd:
      let file = try ISMRMRDFile(contentsOf: path)
      (arrays, text) = (file.arrays, ["ismrmrd_header": file.header.xml])
    case .dicom:
      let file = try DICOM(contentsOf: path)
      arrays = [NamedArray(name: fileTitle(path), value: file.values)]
      func list(_ numbers: [Double]?) -> String? { numbers.map { $0.map { "\($0)" }.joined(separator: ", ") } }
      text = [
        "pixel spacing [mm]": list(file.frames[0].pixelSpacing), "slice position [mm]": list(file.frames[0].position),
        "slice thickness [mm]": list(file.frames[0].sliceThickness.map { [$0] }),
        "row and column directions": list(file.frames[0].orientation),
      ].compactMapValues { $0 }
      notes = [
        "modality": file.modality.isEmpty ? nil : file.modality,
        "series": file.seriesUID.isEmpty ? nil : file.seriesUID, "instance number": file.instanceNumber.map { "\($0)" },
        "numbers":
          "slope · sample + intercept, \(list([file.frames[0].slope]) ?? "") and \(list([file.frames[0].intercept]) ?? "") of the first "
          + "frame" + (file.isInverted ? "; larger ones are darker (MONOCHROME1), they are not inverted" : "")
          + "; no window is applied",
        "samples": "\(file.bitsStored) bits, \(file.isSigned ? "signed" : "unsigned"), \(file.transferSyntax)",
        "axes": "frames, rows, columns",
        "order of frames": file.frames.count > 1 ? "as in the file; \(file.frameOrder.rawValue)" : nil,
        "pixel size": file.frames[0].pixelSpacing == nil ? "not said; ct takes 0.8 mm, or --pixel-size" : nil,
      ].compactMapValues { $0 }
    case .nifti:
      let image = try NIfTI(contentsOf: path)
      arrays = [NamedArray(name: fileTitle(path), value: image.values)]
      text = [
        "voxel size [mm]": image.voxelSize.map { "\(Float($0))" }.joined(separator: ", "),
        "affine map to mm": image.affine.map { $0.map { "\(Float($0))" }.joined(separator: ", ") }.joined(separator: "; "),
      ].merging(image.frameDuration > 0 ? ["frame duration [s]": "\(Float(image.frameDuration))"] : [:]) { $1 }
      notes = [
        "axes": (["x", "y", "z", "t"] + (4..<8).map { "dimension \($0 + 1)" }).prefix(image.values.shape.count).reversed()
          .joined(separator: ", ") + "; x, y, z grow towards \(image.orientation)",
        "place in space": image.place ?? "",
        "voxel size": image.knowsVoxelSize ? nil : "not known, 1 mm stands for it",
        "values": Self.described(image.values),
      ].compactMapValues { $0 }
      nifti = image
    case .bart:
      arrays = try readArrays(path)
      text = [:]
      let shape = arrays[0].value.shape
      notes = [
        "axes": BARTFile.dimensionNames.prefix(shape.count).reversed().joined(separator: ", "),
        "BART's dimensions": shape.reversed().map(String.init).joined(separator: " "),
      ]
    default:
      arrays = try readArrays(path)
      text = [:]
    }
  }

  /// How many numbers are NaN or infinite.
  private static func described(_ values: NumericArray) -> String {
    let odd = values.stored.isFinite ? 0 : values.stored.doubles.count { !$0.isFinite }
    return odd == 0 ? "all finite" : "\(odd) of \(values.stored.count) are NaN or infinite; images to be measured need finite ones"
  }

  /// Element `[i, j, …]` becomes element `[…, j, i]`.
  mutating func reverseAxes() {
    func reversed(_ x: Tensor) -> Tensor { x.columnMajor.reshaped(x.shape.reversed()) }
    arrays = arrays.map { array in
      switch array.value {
      case .real(let x): NamedArray(name: array.name, value: reversed(x))
      case .complex(let z):
        NamedArray(name: array.name, value: ComplexTensor(real: reversed(z.real), imaginary: reversed(z.imaginary)))
      }
    }
  }

  /// - Returns: what the format cannot hold.
  func write(to path: String, matVersion: MATFile.Version?, half: Bool) throws -> [String] {
    switch fileExtension(path) {
    case "safetensors":
      let tensors = try arrays.map { array in
        guard let real = array.value.real else {
          throw InputError(
            "\(path): found complex numbers in \(array.name); expected real arrays for safetensors, write NPZ, MAT or HDF5")
        }
        return NamedParameter(name: array.name, value: half ? real.converted(to: .single) : real)
      }
      var file = SafeTensors(tensors: tensors, metadata: text)
      if half {
        // Q_init, operator.initial, is fitted, not given.
        let trained = tensors.filter {
          $0.value.shape.count > 1 && (!$0.name.hasPrefix("operator.") || $0.name == "operator.initial")
        }
        file.roundedToHalf = Set(trained.map(\.name))
      }
      try file.write(to: path)
      return half ? ["the last bits of trained matrices, now half precision"] : []
    case "h5", "hdf5":
      let short = text.filter { $0.value.utf8.count <= HDF5File.attributeLimit }
      try HDF5File(arrays: arrays, attributes: short).write(to: path)
      return text.keys.filter { short[$0] == nil }.sorted().map { "the text “\($0)”" }
    case "nii" where nifti != nil, "nii.gz" where nifti != nil:
      try nifti!.write(to: path)
      return []
    case let ending:
      try writeArrays(arrays, to: path, matVersion: matVersion)
      var lost = text.keys.sorted().map { "the text “\($0)”" }
      if ending == "cfl", arrays[0].value.precision == .double { lost.append("digits beyond single precision") }
      if ending == "mat" {
        lost += arrays.map(\.name).filter { $0.contains { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")) } }.prefix(1)
          .map {
            "characters of names such as \($0), now _"
          }
      }
      return lost
    }
  }
}
