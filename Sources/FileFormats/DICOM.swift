// SPDX-License-Identifier: Apache-2.0
import CDICOM
import Foundation
import Tensors

/// The gray images of a DICOM file (CT, MR and others), one or several frames.
///
/// Read are samples of 8 and 16 bits, signed or not, in every transfer syntax that DCMTK decodes: not compressed, run lengths, JPEG
/// with and without loss, JPEG-LS. JPEG 2000 is not among them. Slope and intercept are applied, a window is not. Colours are
/// refused.
public struct DICOM: Sendable, Equatable {
  /// `[frames, height, width]` in double precision: slope · sample + intercept, for CT Hounsfield units.
  public let values: Tensor
  /// What a frame is of and where it lies.
  public struct Frame: Sendable, Equatable {
    public var slope: Double, intercept: Double
    /// Millimetres from row to row and from column to column.
    public var pixelSpacing: [Double]?
    public var sliceThickness: Double?
    /// The centre of the first pixel, millimetres to the patient's left, back and head.
    public var position: [Double]?
    /// Directions of a row and of a column in the same axes, three numbers each.
    public var orientation: [Double]?
  }
  public let frames: [Frame]
  /// Whether larger numbers are darker (MONOCHROME1); the values are not inverted.
  public let isInverted: Bool
  /// Bits of a sample, and whether they are signed.
  public let bitsStored: Int
  public let isSigned: Bool
  /// The name of the transfer syntax.
  public let transferSyntax: String
  /// Of the series the file belongs to, and what made it (`CT`, `MR`); empty where the file does not say.
  public let seriesUID: String, modality: String
  public let instanceNumber: Int?

  /// How the frames of a file, which stay in its order, lie along their normal.
  public enum FrameOrder: String, Sendable {
    case rising = "positions rise along the normal"
    case falling = "positions fall along the normal"
    case mixed = "not in order of their positions"
    case unknown = "positions are not known"
  }
  public var frameOrder: FrameOrder {
    let depths = frames.compactMap { DICOM.depth($0.position, $0.orientation) }
    guard depths.count == frames.count, Set(depths).count > 1 else { return .unknown }
    let steps = zip(depths, depths.dropFirst()).map { $1 - $0 }
    return steps.allSatisfy { $0 >= 0 } ? .rising : steps.allSatisfy { $0 <= 0 } ? .falling : .mixed
  }

  /// Millimetres along the normal of a slice, rounded to 0.1 µm; nil where they are not known.
  package static func depth(_ position: [Double]?, _ orientation: [Double]?) -> Double? {
    guard let p = position, let o = orientation, p.count == 3, o.count == 6 else { return nil }
    let normal = [o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]]
    let depth = zip(normal, p).reduce(0) { $0 + $1.0 * $1.1 }
    return depth.isFinite ? (depth * 1e4).rounded() / 1e4 : nil
  }

  /// Reads a file. - Throws: ``FileFormatError``.
  public init(contentsOf path: String) throws {
    self = try readFile(path).withUnsafeBytes { try DICOM($0, path: path) }
  }

  /// What a file says of its place in a series, its pixels left alone.
  public struct Place: Sendable, Equatable {
    public let seriesUID: String
    public let instanceNumber: Int?
    /// Of the first frame; see ``Frame``.
    public let position: [Double]?, orientation: [Double]?
    public let height: Int, width: Int, frames: Int

    /// - Throws: ``FileFormatError``.
    public init(contentsOf path: String) throws {
      self = try readFile(path).withUnsafeBytes { bytes in
        try DICOM.withFile(bytes, path) { file, layout, _ in
          var facts = unfold_dicom_frame()
          unfold_dicom_frame_facts(file, 0, &facts)
          return Place(layout, Frame(facts))
        }
      }
    }

    private init(_ layout: unfold_dicom_image, _ frame: Frame) {
      seriesUID = DICOM.text(layout.series)
      instanceNumber = layout.has_number == 1 ? Int(layout.number) : nil
      (position, orientation) = (frame.position, frame.orientation)
      (height, width, frames) = (Int(layout.height), Int(layout.width), Int(layout.frames))
    }
  }

  /// Reads a file's bytes; `path` names it in errors.
  public init(decoding data: Data, path: String) throws { self = try data.withUnsafeBytes { try DICOM($0, path: path) } }

  /// The only frame as an image: samples from the least to the greatest their bits can hold become 0 to 1, dark to bright.
  public func image(path: String) throws -> Image {
    guard frames.count == 1 else {
      throw FileFormatError("\(path): found \(frames.count) frames, expected one for an image; convert the file to an array.")
    }
    let (frame, least) = (frames[0], isSigned ? -exp2(Double(bitsStored - 1)) : 0)
    let scale = exp2(Double(bitsStored)) - 1
    let samples = values.row(0).map { value in
      let level = ((value - frame.intercept) / frame.slope - least).rounded() / scale
      return isInverted ? 1 - level : level
    }
    return Image(values: samples, bitDepth: bitsStored > 8 ? 16 : 8)
  }

  // MARK: Decoding

  private static let lock = NSLock()  // DCMTK's codecs keep process-wide settings

  fileprivate static func text<T>(_ tuple: T) -> String {
    withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  fileprivate static func withFile<Result>(
    _ bytes: UnsafeRawBufferPointer, _ path: String,
    _ body: (OpaquePointer, unfold_dicom_image, (_ message: [CChar], _ what: String) -> FileFormatError) throws -> Result
  ) throws -> Result {
    let count = try DICOMStructure.check(bytes, path: path)
    lock.lock()
    defer { lock.unlock() }
    var message = [CChar](repeating: 0, count: 256)
    func failure(_ message: [CChar], _ what: String) -> FileFormatError {
      let reason = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return FileFormatError("\(path): found \(what) (\(reason)), expected a whole DICOM file; get it again or convert it.")
    }
    var layout = unfold_dicom_image()
    let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    guard let file = unfold_dicom_open(start, count, &layout, &message) else {
      throw failure(message, "elements that cannot be read")
    }
    defer { unfold_dicom_close(file) }
    return try body(file, layout, failure)
  }

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    self = try Self.withFile(bytes, path) { file, layout, failure in try DICOM(file, layout, bytes.count, path, failure) }
  }

  private init(
    _ file: OpaquePointer, _ layout: unfold_dicom_image, _ fileSize: Int, _ path: String,
    _ failure: (_ message: [CChar], _ what: String) -> FileFormatError
  ) throws {
    var message = [CChar](repeating: 0, count: 256)
    let photometric = Self.text(layout.photometric)
    transferSyntax = Self.text(layout.transfer_syntax)
    (seriesUID, modality) = (Self.text(layout.series), Self.text(layout.modality))
    instanceNumber = layout.has_number == 1 ? Int(layout.number) : nil
    guard layout.has_table == 0 else {
      throw FileFormatError("\(path): found a table of values (modality LUT), expected slope and intercept; convert it.")
    }
    let (width, height, count) = (Int(layout.width), Int(layout.height), Int(layout.frames))
    let (allocated, stored, high) = (Int(layout.bits_allocated), Int(layout.bits_stored), Int(layout.high_bit))
    guard layout.samples > 0 || !photometric.isEmpty else {
      throw FileFormatError(
        "\(path): found no pixels (\(modality.isEmpty ? "of unknown modality" : modality)), expected an image; leave the file out.")
    }
    guard !transferSyntax.contains("JPEG 2000") else {
      throw FileFormatError(
        "\(path): found pixels in JPEG 2000, expected another compression or none; decompress it (gdcmconv --raw).")
    }
    guard ["MONOCHROME1", "MONOCHROME2"].contains(photometric), layout.samples == 1 else {
      throw FileFormatError(
        "\(path): found \(layout.samples) samples a pixel of kind \"\(photometric)\", expected one gray sample; convert it.")
    }
    guard allocated == 8 || allocated == 16, (1...allocated).contains(stored), (stored - 1..<allocated).contains(high) else {
      throw FileFormatError(
        "\(path): found DICOM samples of \(stored) bits, the highest \(high), in \(allocated), expected up to 16 in 8 or 16; convert it."
      )
    }
    guard count > 0, count <= imagePixelLimit else {
      throw FileFormatError("\(path): found \(count) frames, expected at least one.")
    }
    // JPEG-LS, the strongest of the compressions, says a whole blank row in a few bits.
    try checkImageSize(
      width, height * count, bytesPerPixel: allocated / 8, bytes: fileSize, ratio: layout.is_compressed == 1 ? 4096 : 1,
      path: path)
    let (pixels, size) = (width * height, unfold_dicom_frame_size(file))
    guard Int(size) >= pixels * allocated / 8, Int(size) <= pixels * allocated / 8 + 1 else {
      throw FileFormatError("\(path): found frames of \(size) bytes, expected \(pixels * allocated / 8); the file is damaged.")
    }
    (isInverted, bitsStored, isSigned) = (photometric == "MONOCHROME1", stored, layout.is_signed == 1)
    var (frames, values, padding) = ([Frame](), [Double](), 0)
    values.reserveCapacity(pixels * count)
    var samples = [UInt8](repeating: 0, count: Int(size) + Int(size) % 2)
    for k in 0..<count {
      var facts = unfold_dicom_frame()
      unfold_dicom_frame_facts(file, UInt32(k), &facts)
      guard facts.slope.isFinite, facts.slope != 0, facts.intercept.isFinite else {
        throw FileFormatError("\(path): found the slope \(facts.slope) and intercept \(facts.intercept), expected finite numbers.")
      }
      guard unfold_dicom_frame_samples(file, UInt32(k), &samples, UInt32(samples.count), &message) == 1 else {
        throw failure(message, "pixels of frame \(k) that cannot be decoded, \(transferSyntax)")
      }
      frames.append(Frame(facts))
      let (shift, mask, sign) = (high + 1 - stored, 1 << stored - 1, isSigned ? 1 << (stored - 1) : 0)
      samples.withUnsafeBytes { samples in
        for i in 0..<pixels {
          let raw = allocated == 8 ? Int(samples[i]) : Int(samples.load(fromByteOffset: 2 * i, as: UInt16.self))
          let bits = raw >> shift & mask
          if layout.has_padding == 1 && bits == Int(layout.padding) & mask { padding += 1 }
          values.append(facts.slope * Double((bits ^ sign) - sign) + facts.intercept)
        }
      }
    }
    self.frames = frames
    self.values = Tensor(values, shape: [count, height, width])
    if padding > 0 {
      Remarks.note(
        "\(path): found \(padding) pixels of the padding value, which stands for no measurement; they are read as numbers")
    }
    if frameOrder == .mixed {
      Remarks.note("\(path): found \(count) frames that are not in order of their positions, they stay in the order of the file")
    }
  }
}

extension DICOM.Frame {
  fileprivate init(_ facts: unfold_dicom_frame) {
    func array<T>(_ tuple: T, _ isThere: Int32) -> [Double]? {
      isThere == 1 ? withUnsafeBytes(of: tuple) { Array($0.bindMemory(to: Double.self)) } : nil
    }
    (slope, intercept) = (facts.slope, facts.intercept)
    pixelSpacing = array(facts.spacing, facts.has_spacing)
    position = array(facts.position, facts.has_position)
    orientation = array(facts.orientation, facts.has_orientation)
    sliceThickness = facts.has_thickness == 1 ? facts.thickness : nil
  }
}
