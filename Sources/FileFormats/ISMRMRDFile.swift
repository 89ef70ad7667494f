// SPDX-License-Identifier: Apache-2.0
import CHDF5
import CISMRMRD
import Foundation
import Tensors

/// Cartesian 2-D k-space from ISMRMRD's raw data (Inati et al. 2017), an HDF5 file of single lines.
///
/// Lines are put where their counters say; the zero frequency lies at element `[h/2, w/2]`. Lines of calibration alone are kept apart; those
/// of noise, navigation and the like are left out by name, averages of one line are averaged. Lines that were not measured are 0.
public struct ISMRMRDFile: Sendable, Equatable {
  /// `[slices, coils, height, width]`, phase encoding along the height, readout along the width, in single precision.
  public private(set) var kSpace: ComplexTensor
  /// For every slice and row whether it was measured.
  public private(set) var measuredLines: [[Bool]]
  public private(set) var header: ISMRMRDHeader
  /// Lines for parallel imaging's calibration that are no part of the image, shaped as ``kSpace``, 0 elsewhere; nil without any.
  public private(set) var calibration: ComplexTensor?
  /// Rows and columns of the image that are wanted, in the middle of ``kSpace``'s own: without oversampling along the phase.
  public var imageSize: [Int] { [Self.wanted(axis: 1, kSpace.shape[2], header, byMatrix: false), kSpace.shape[3]] }

  /// Columns in the middle of the image that are left when oversampling of the readout is removed.
  public var wantedColumns: Int { Self.wanted(axis: 0, kSpace.shape[3], header, byMatrix: true) }

  /// Which of several images of the same slices.
  public struct Selection: Sendable, Equatable {
    public var contrast: Int, phase: Int, repetition: Int, set: Int
    public init(contrast: Int = 0, phase: Int = 0, repetition: Int = 0, set: Int = 0) {
      (self.contrast, self.phase, self.repetition, self.set) = (contrast, phase, repetition, set)
    }
  }

  /// - Parameters:
  ///   - fieldOfView: millimetres along the width, the height and through the slice; without it, 1 mm a point.
  ///   - measuredLines: for every slice and row; all without it.
  public init(kSpace: ComplexTensor, fieldOfView: [Double]? = nil, measuredLines: [[Bool]]? = nil) {
    let shape = kSpace.shape
    precondition(shape.count == 4, "ISMRMRD: k-space of shape \(shape), expected [slices, coils, height, width]")
    let space = ISMRMRDHeader.Space(
      matrixSize: [shape[3], shape[2], 1], fieldOfView: fieldOfView ?? [Double(shape[3]), Double(shape[2]), 1])
    self.kSpace = ComplexTensor(pairs: kSpace.pairs.converted(to: .single))
    self.measuredLines = measuredLines ?? [[Bool]](repeating: [Bool](repeating: true, count: shape[2]), count: shape[0])
    precondition(
      self.measuredLines.count == shape[0] && self.measuredLines.allSatisfy { $0.count == shape[2] },
      "ISMRMRD: lines are not given for \(shape[0]) slices of \(shape[2]) rows")
    header = ISMRMRDHeader(encodedSpace: space, reconSpace: space, slices: shape[0])
  }

  /// Whether an HDF5 file holds ISMRMRD's group with its usual name.
  static func isOne(_ file: hid_t) -> Bool {
    HDF5Library.exists("dataset/data", in: file)
      && (HDF5Library.exists("dataset/xml", in: file) || hasLines("dataset/data", in: file))
  }

  /// Whether a dataset is one of lines with head and data.
  private static func hasLines(_ name: String, in file: hid_t) -> Bool {
    let found = try? HDF5Library.using(H5Dopen2(file, name, 0), H5Dclose, "reading the lines", path: "") { dataset in
      try HDF5Library.using(H5Dget_type(dataset), H5Tclose, "reading the lines", path: "") { type in
        H5Tget_class(type) == H5T_COMPOUND && H5Tget_member_index(type, "head") >= 0
      }
    }
    return found ?? false
  }

  /// `kspace`, as 0 and 1 `mask` `[slices, height]`, and `calibration` where there is some.
  public var arrays: [NamedArray] {
    let mask = Tensor(measuredLines.joined().map { $0 ? 1 : 0 as Float }, shape: [kSpace.shape[0], kSpace.shape[2]])
    return [NamedArray(name: "kspace", value: kSpace), NamedArray(name: "mask", value: mask)]
      + (calibration.map { [NamedArray(name: "calibration", value: $0)] } ?? [])
  }

  // MARK: Reading

  /// Reads one image of every slice.
  ///
  /// - Parameters:
  ///   - removingOversampling: crops the readout to the width of the image that is wanted, in image space; an image by a unitary
  ///     transform keeps its values. The header is a new one then.
  ///   - group: the name under which the measurement lies.
  /// - Throws: ``FileFormatError``, also for trajectories that are not Cartesian, 3-D encoding, and lines read backwards.
  public init(
    contentsOf path: String, selecting selection: Selection = Selection(), removingOversampling: Bool = false,
    group: String = "dataset"
  ) throws {
    // The library's own reader takes as many numbers as a line's header claims without looking how many there are.
    self = try HDF5Library.locked {
      try HDF5Library.withFile(path: path) { try Self.read($0, selection, group, path) }
    }
    if removingOversampling { removeOversampling() }
  }

  private static func read(_ file: hid_t, _ selection: Selection, _ group: String, _ path: String) throws -> ISMRMRDFile {
    guard HDF5Library.exists("\(group)/data", in: file), HDF5Library.exists("\(group)/xml", in: file),
      let xml = try HDF5Library.text(of: "\(group)/xml", in: file, path: path)
    else {
      throw FileFormatError(
        "\(path): found no data and xml in the group \(group), expected both, the header says the size: write it with the converter "
          + "again, or name its group.")
    }
    var header = try ISMRMRDHeader(xml: xml, path: path)
    let height = header.encodedSpace.matrixSize[1]
    guard header.trajectory == "cartesian", header.encodedSpace.matrixSize[2] <= 1, header.encodedSpace.matrixSize[0] > 0,
      height > 0
    else {
      throw FileFormatError(
        "\(path): found a \(header.trajectory.prefix(20)) trajectory on \(header.encodedSpace.matrixSize) points, expected a "
          + "Cartesian one in two dimensions.")
    }
    let size = try fileSize(path)
    return try HDF5Library.using(H5Dopen2(file, "\(group)/data", 0), H5Dclose, "reading the lines", path: path) { dataset in
      var lines = try self.lines(dataset, size, path)
      let chosen = lines.indices.filter { isImage(lines[$0]) && isSelected(lines[$0], selection) }
      let calibrating = lines.indices.filter { isCalibration(lines[$0]) && isSelected(lines[$0], selection) }
      guard let first = chosen.first else {
        throw FileFormatError(
          "\(path): found no lines of contrast \(selection.contrast), phase \(selection.phase), repetition \(selection.repetition) "
            + "and set \(selection.set) among \(lines.count); choose another.")
      }
      noteOthers(lines, chosen.count + calibrating.count, path)
      try HDF5Library.noteOthers(in: file, group, besides: ["data", "xml"], path: path)
      try HDF5Library.noteOthers(in: file, "/", besides: [String(group.prefix { $0 != "/" })], path: path)
      takeOversampling(of: chosen.map { lines[$0] }, &header, path)
      let width = header.encodedSpace.matrixSize[0]
      centre(&lines, chosen + calibrating, width: width, path)
      let coils = Int(lines[first].channels)
      let slices = (chosen + calibrating).reduce(0) { max($0, Int(lines[$1].counters.slice) + 1) }
      // Undersampling leaves most lines out, but not nearly all.
      _ = try checkedCount([slices, coils, height, width], bytesPerElement: 8, available: 64 * size, "k-space", path: path)
      func gathered(_ chosen: [Int]) throws -> (kSpace: ComplexTensor, measured: [[Bool]]) {
        try self.gathered(dataset, lines, chosen, [slices, coils, height, width], header, path)
      }
      let image = try gathered(chosen)
      var result = ISMRMRDFile(kSpace: image.kSpace, measuredLines: image.measured, header: header)
      if !calibrating.isEmpty { result.calibration = try gathered(calibrating).kSpace }
      return result
    }
  }

  /// Lines put together, averaged, as `[slices, coils, height, width]`, and which rows there are.
  private static func gathered(
    _ dataset: hid_t, _ lines: [unfold_ismrmrd_line], _ chosen: [Int], _ shape: [Int], _ header: ISMRMRDHeader, _ path: String
  ) throws -> (kSpace: ComplexTensor, measured: [[Bool]]) {
    let (slices, coils, height, width) = (shape[0], shape[1], shape[2], shape[3])
    var sum = [Float](repeating: 0, count: 2 * shape.reduce(1, *))
    var averages = [[Int]](repeating: [Int](repeating: 0, count: height), count: slices)
    for k in chosen {
      let line = lines[k]
      let row = Int(line.counters.step1) + height / 2 - (header.center ?? height / 2)
      let first = min(Int(line.discard_pre), Int(line.samples))
      let kept = first..<max(first, Int(line.samples) - Int(line.discard_post))
      let start = width / 2 - Int(line.center)  // the column of sample 0
      guard line.counters.step2 == 0, line.flags & unfold_ismrmrd_flag(22) == 0, (0..<height).contains(row),
        Int(line.channels) == coils, coils > 0, kept.isEmpty || (start + kept.lowerBound >= 0 && start + kept.upperBound <= width)
      else {
        throw FileFormatError(
          "\(path): line \(k) (row \(row), \(line.samples) samples of \(line.channels) coils, centre \(line.center), partition "
            + "\(line.counters.step2), flags \(line.flags)) does not lie on \(height) × \(width) points of \(coils) coils; "
            + "expected Cartesian lines in two dimensions, read forwards.")
      }
      let slice = Int(line.counters.slice)
      averages[slice][row] += 1
      try withSamples(dataset, k, count: 2 * Int(line.samples) * coils, path) { samples in
        for coil in 0..<coils {
          let target = 2 * (((slice * coils + coil) * height + row) * width + start)
          let source = 2 * coil * Int(line.samples)
          for i in 2 * kept.lowerBound..<2 * kept.upperBound { sum[target + i] += samples[source + i] }
        }
      }
    }
    divide(&sum, by: averages, coils: coils, width: width)
    return (ComplexTensor(pairs: Tensor(sum, shape: shape + [2])), averages.map { $0.map { $0 > 0 } })
  }

  /// Lines of several times as many samples as the header has points are of a field of view as many times as wide.
  private static func takeOversampling(of lines: [unfold_ismrmrd_line], _ header: inout ISMRMRDHeader, _ path: String) {
    let (samples, points) = (Int(lines[0].samples), header.encodedSpace.matrixSize[0])
    guard samples > points, samples % points == 0, samples <= 8 * points, lines.allSatisfy({ Int($0.samples) == samples }) else {
      return
    }
    Remarks.note(
      "\(path): found lines of \(samples) samples for \(points) points in the header, oversampling of \(samples / points)")
    header.encodedSpace.matrixSize[0] = samples
    header.encodedSpace.fieldOfView[0] *= Double(samples / points)
  }

  /// Whole lines whose centre was left at 0 have it in the middle.
  private static func centre(_ lines: inout [unfold_ismrmrd_line], _ chosen: [Int], width: Int, _ path: String) {
    let left = chosen.filter { lines[$0].center == 0 && width / 2 + Int(lines[$0].samples) > width }
    guard !left.isEmpty else { return }
    Remarks.note("\(path): found sample 0 as the centre of whole lines; their middle sample is taken")
    for k in left { lines[k].center = lines[k].samples / 2 }
  }

  private static func noteOthers(_ lines: [unfold_ismrmrd_line], _ taken: Int, _ path: String) {
    let aside = lines.count { !isImage($0) && !isCalibration($0) }
    let other = lines.count - aside - taken
    if aside > 0 { Remarks.note("\(path): noise, navigation and the like are not read, lines: \(aside)") }
    if other > 0 {
      Remarks.note("\(path): another encoding, contrast, phase, repetition or set is not read, lines: \(other)")
    }
  }

  private init(kSpace: ComplexTensor, measuredLines: [[Bool]], header: ISMRMRDHeader) {
    (self.kSpace, self.measuredLines, self.header) = (kSpace, measuredLines, header)
  }

  private static func lines(_ dataset: hid_t, _ size: Int, _ path: String) throws -> [unfold_ismrmrd_line] {
    let shape = try HDF5Library.shape(dataset, "data", path: path)
    guard shape.count == 1 else { throw FileFormatError("\(path): found data of shape \(shape), expected one axis of lines.") }
    let isLines = try HDF5Library.using(H5Dget_type(dataset), H5Tclose, "reading the lines", path: path) { type in
      H5Tget_class(type) == H5T_COMPOUND && H5Tget_member_index(type, "head") >= 0 && H5Tget_member_index(type, "data") >= 0
    }
    guard isLines else { throw FileFormatError("\(path): data holds no lines with head and data; expected a file of ISMRMRD.") }
    let count = try checkedCount(
      shape, bytesPerElement: MemoryLayout<unfold_ismrmrd_line>.stride, available: size, "lines", path: path)
    var lines = [unfold_ismrmrd_line](repeating: unfold_ismrmrd_line(), count: count)
    if count > 0 {
      try HDF5Library.using(unfold_ismrmrd_line_type(), H5Tclose, "reading the lines", path: path) { type in
        try HDF5Library.check(H5Dread(dataset, type, 0, 0, 0, &lines), "reading the lines", path: path)
      }
    }
    return lines
  }

  // Noise, navigation, phase correction, feedback, dummies, surface coils, phase stabilisation.
  private static let others = [19, 23, 24, 26, 27, 28, 29, 30, 31].reduce(UInt64(0)) { $0 | unfold_ismrmrd_flag(Int32($1)) }

  private static func isImage(_ line: unfold_ismrmrd_line) -> Bool {
    line.flags & (others | unfold_ismrmrd_flag(20)) == 0
  }

  /// Of parallel imaging's calibration alone.
  private static func isCalibration(_ line: unfold_ismrmrd_line) -> Bool {
    line.flags & others == 0 && line.flags & unfold_ismrmrd_flag(20) != 0
  }

  /// Of the selection in the first encoding.
  private static func isSelected(_ line: unfold_ismrmrd_line, _ selection: Selection) -> Bool {
    let counters = line.counters
    return line.space == 0 && Int(counters.contrast) == selection.contrast && Int(counters.phase) == selection.phase
      && Int(counters.repetition) == selection.repetition && Int(counters.set) == selection.set
  }

  private static func withSamples(
    _ dataset: hid_t, _ line: Int, count: Int, _ path: String, _ body: (UnsafePointer<Float>) -> Void
  ) throws {
    let what = "reading line \(line)"
    var (start, one): (hsize_t, hsize_t) = (hsize_t(line), 1)
    try HDF5Library.using(unfold_ismrmrd_samples_type(), H5Tclose, what, path: path) { type in
      try HDF5Library.using(H5Dget_space(dataset), H5Sclose, what, path: path) { file in
        try HDF5Library.check(H5Sselect_hyperslab(file, H5S_SELECT_SET, &start, nil, &one, nil), what, path: path)
        try HDF5Library.using(H5Screate_simple(1, &one, nil), H5Sclose, what, path: path) { memory in
          var samples = hvl_t()
          try HDF5Library.check(H5Dread(dataset, type, memory, file, 0, &samples), what, path: path)
          defer { H5Dvlen_reclaim(type, memory, 0, &samples) }
          guard samples.len == count, let numbers = samples.p else {
            throw FileFormatError(
              "\(path): line \(line) holds \(samples.len) numbers, expected \(count) as its head says; the file is damaged.")
          }
          body(numbers.assumingMemoryBound(to: Float.self))
        }
      }
    }
  }

  private static func divide(_ sum: inout [Float], by averages: [[Int]], coils: Int, width: Int) {
    let height = averages[0].count
    for (slice, rows) in averages.enumerated() {
      for (row, count) in rows.enumerated() where count > 1 {
        for coil in 0..<coils {
          let start = 2 * ((slice * coils + coil) * height + row) * width
          for i in start..<start + 2 * width { sum[i] /= Float(count) }
        }
      }
    }
  }

  /// Points of an axis, 0 the readout, within the field of view that is wanted; where both fields are alike, by the matrix of the image.
  private static func wanted(axis: Int, _ points: Int, _ header: ISMRMRDHeader, byMatrix: Bool) -> Int {
    let (measured, image) = (header.encodedSpace.fieldOfView[axis], header.reconSpace.fieldOfView[axis])
    if image > 0, image < 0.999 * measured { return max(1, Int((Double(points) * image / measured).rounded())) }
    let matrix = header.reconSpace.matrixSize[axis]
    return byMatrix && matrix > 0 ? min(matrix, points) : points
  }

  /// Crops the readout in image space to the field of view of the image that is wanted.
  private mutating func removeOversampling() {
    let wanted = wantedColumns
    guard wanted < kSpace.shape[3] else { return }
    kSpace = Self.cropped(kSpace, wanted)
    calibration = calibration.map { Self.cropped($0, wanted) }
    var space = header.encodedSpace
    (space.matrixSize[0], space.fieldOfView[0]) = (wanted, header.reconSpace.fieldOfView[0])
    header = ISMRMRDHeader(encodedSpace: space, reconSpace: header.reconSpace, slices: kSpace.shape[0])
  }

  private static func cropped(_ kSpace: ComplexTensor, _ wanted: Int) -> ComplexTensor {
    let width = kSpace.shape[3]
    let image = inverseFFT(columns(kSpace, (0..<width).map { ($0 + width / 2) % width }))  // the middle first
    let cropped = columns(image, (0..<wanted).map { k in k < (wanted + 1) / 2 ? k : k + width - wanted })
    return columns(fft(cropped), (0..<wanted).map { ($0 + (wanted + 1) / 2) % wanted })
  }

  /// The given columns of every row.
  private static func columns(_ z: ComplexTensor, _ columns: [Int]) -> ComplexTensor {
    let (pairs, width) = (z.pairs.floats, z.shape.last!)
    var result: [Float] = []
    result.reserveCapacity(pairs.count / width * columns.count)
    for row in stride(from: 0, to: pairs.count, by: 2 * width) {
      for column in columns { result += pairs[row + 2 * column..<row + 2 * column + 2] }
    }
    return ComplexTensor(pairs: Tensor(result, shape: z.shape.dropLast() + [columns.count, 2]))
  }

  // MARK: Writing

  /// Writes the measured lines atomically, with `header`.
  ///
  /// - Throws: ``FileFormatError`` for an extent of 0 or over 65535, a header for another matrix, and a disk that refuses.
  public func write(to path: String) throws {
    let shape = kSpace.shape
    guard shape.allSatisfy({ (1...65535).contains($0) }), header.encodedSpace.matrixSize[..<2] == [shape[3], shape[2]] else {
      throw FileFormatError(
        "\(path): found k-space of shape \(shape) with a header for \(header.encodedSpace.matrixSize), expected the same matrix and "
          + "extents of 1 to 65535.")
    }
    let (slices, coils, height, width) = (shape[0], shape[1], shape[2], shape[3])
    let pairs = kSpace.pairs.floats
    let failure = FileFormatError("\(path): ISMRMRD's library could not write the file; check the disk.")
    try HDF5Library.locked {
      try AtomicFile.replace(path) { temporary in
        var dataset = ISMRMRD_Dataset()
        guard ismrmrd_init_dataset(&dataset, temporary, "dataset") == 0, ismrmrd_open_dataset(&dataset, true) == 0 else {
          throw failure
        }
        defer { ismrmrd_close_dataset(&dataset) }
        guard ismrmrd_write_header(&dataset, header.xml) == 0 else { throw failure }
        var samples = [Float](repeating: 0, count: 2 * coils * width)
        for slice in 0..<slices {
          for row in 0..<height where measuredLines[slice][row] {
            for coil in 0..<coils {
              let start = 2 * ((slice * coils + coil) * height + row) * width
              samples.replaceSubrange(2 * coil * width..<2 * (coil + 1) * width, with: pairs[start..<start + 2 * width])
            }
            var line = unfold_ismrmrd_line()
            (line.samples, line.channels, line.center) = (UInt16(width), UInt16(coils), UInt16(width / 2))
            line.counters.step1 = UInt16(clamping: row - height / 2 + (header.center ?? height / 2))
            line.counters.slice = UInt16(slice)
            guard unfold_ismrmrd_append(&dataset, &line, samples) == 0 else { throw failure }
          }
        }
      }
    }
  }
}
