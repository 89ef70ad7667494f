// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Operators
import Tensors

extension CTGeometry {
  /// - Throws: ``InputError`` where lines through the image were not measured.
  func checkBackProjection() throws {
    if let missing = missingData { throw InputError("fbp: \(missing), or use fista-tv") }
    if let (rays, image) = truncation {
      Remarks.note(
        "fbp: found rays up to \((10 * rays).rounded() / 10) mm from the axis in an image that reaches \((10 * image).rounded() / 10) mm; an "
          + "object beyond them brightens the rim, fista-tv does not")
    }
  }
}

/// Angles of views from a file: one row of numbers, the one that is called so or the only one.
func readAngles(_ path: String) throws -> [Double] {
  let all = try readArrays(path)
  let rows = all.filter { $0.value.real != nil && $0.value.shape.count(where: { $0 > 1 }) <= 1 && !$0.value.shape.contains(0) }
  let named = rows.filter { ["angles", "theta"].contains($0.name) }
  guard let chosen = named.count == 1 ? named[0] : rows.count == 1 ? rows[0] : nil, let found = chosen.value.real else {
    throw InputError("\(path): found \(rows.count) rows of real numbers; expected one of angles, named angles if there are others")
  }
  notePassedOver(all.filter { $0.name != chosen.name }, path: path)
  return found.doubles
}

extension CT {
  /// A measurement of `simulate`, or projections in any array format, with their geometry in options or beside them in the file.
  public static func open(_ path: String, _ opening: Opening) throws -> Scans<CT> {
    if case .hdf5 = try FileKind.detect(path), let file = try? MeasurementFile(path) {
      try file.check(problem: name)
      if let other = try opening.changed().first(where: { $0 != "angleUnit" }) {
        throw InputError("\(path): found \(optionName(other)) for a measurement that says its own; leave it out")
      }
      var setup: Setup = try file.setup()
      setup.scan.angleUnit = opening.angleUnit ?? setup.scan.angleUnit
      return try located(path) {
        let experiment = try CT(setup, seed: file.seed)
        if setup.scan.halfScan { noteContradiction(path, experiment.setup.scan) }
        return try scans(from: file, of: experiment)
      }
    }
    return try projections(path, opening)
  }

  /// What `reconstruct` makes of a file of projections, for people; nothing for another file.
  static func described(_ path: String, _ content: NamedArrays) -> [(key: String, value: String)] {
    let names = Set(content.arrays.map(\.name))
    guard content.text["problem"] == name || names.isSuperset(of: ["sinogram", "angles"]) else { return [] }
    let (geometry, count): (CTGeometry?, Int)
    do {
      let found = try open(path, .init())
      (geometry, count) = (try found.count > 0 ? found[0].system.geometry : nil, found.count)
    } catch {
      return [("reconstruct ct", "refuses it: \(error)")]
    }
    guard let geometry else { return [] }
    func number(_ value: Double) -> String { "\(Float(value))" }
    let angles = geometry.angles.map { $0 * 180 / Double.pi }
    var lines = [
      ("geometry", geometry.name), ("projections", "\(count) × \(angles.count) views × \(geometry.bins) bins"),
      ("angles", "\(number(angles.min() ?? 0))° to \(number(angles.max() ?? 0))°"),
      ("pixel size", "\(number(geometry.pixelSize)) mm"),
    ]
    if let missing = geometry.missingData {
      lines.append(("fbp", "refuses it: \(missing); fista-tv takes it"))
    } else if let (rays, image) = geometry.truncation {
      lines.append(
        (
          "fbp",
          "rays reach \(number(rays)) mm from the axis, the image \(number(image)) mm: what lies beyond them brightens the rim"
        ))
    } else {
      lines.append(("fbp", "takes it: every line through the image was measured"))
    }
    return lines
  }

  private static func located<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as InputError { throw InputError("\(path): \(error)") }
  }

  /// Arrays `sinogram` `[views, bins]` or `[scans, views, bins]` and `angles`, and what attributes of an HDF5 file say of the geometry.
  private static func projections(_ path: String, _ opening: Opening) throws -> Scans<CT> {
    var (arrays, attributes) = ([NamedArray](), [String: String]())
    if case .hdf5 = try FileKind.detect(path) {
      let file = try HDF5File(contentsOf: path)
      (arrays, attributes) = (file.arrays, file.attributes)
    } else {
      arrays = try readArrays(path)
    }
    if let problem = attributes["problem"], problem != name {
      throw InputError("\(path): found a measurement of \(problem); expected ct, reconstruct it as that")
    }
    let angleArray = arrays.first { ["angles", "theta"].contains($0.name) }
    let others = arrays.filter { $0.name != angleArray?.name && (2...3).contains($0.value.shape.count) && $0.value.real != nil }
    let known = others.filter { ["sinogram", "projections", "measurement"].contains($0.name) }
    guard let chosen = known.first ?? (others.count == 1 ? others[0] : nil), let sinogram = chosen.value.real, sinogram.count > 0
    else {
      throw InputError(
        "\(path): found \(arrays.map { "\($0.name) \($0.value.shape)" }.prefix(4).joined(separator: ", ")); expected one real array of "
          + "projections, [views, bins], named sinogram if there are others")
    }
    guard sinogram.isFinite else {
      throw InputError("\(path): found NaN or infinity in \(chosen.name); expected finite projections")
    }
    notePassedOver(arrays.filter { $0.name != chosen.name && $0.name != angleArray?.name }, path: path)
    let (views, bins) = (sinogram.shape[sinogram.shape.count - 2], sinogram.shape[sinogram.shape.count - 1])
    let scan = try scan(path, attributes, angleArray, views: views, bins: bins, opening)
    let size = try size(path, attributes, opening, scan, bins: bins)
    return try located(path) {
      let experiment = try CT(.init(scan: scan), seed: 0)
      let system = try experiment.system(height: size[0], width: size[1])
      let all = sinogram.reshaped([sinogram.count / (views * bins), views, bins]).converted(to: .double)
      let measured = (system.unit * all).converted(to: .single)
      return Scans(
        (0..<all.shape[0]).map { k in
          Scan(
            name: all.shape[0] == 1 ? fileTitle(path) : "\(fileTitle(path))-\(k)", system: system,
            measured: measured.rows(k..<k + 1))
        }, facts: experiment.facts(of: system))
    }
  }

  /// What options and, without them, attributes say.
  private static func scan(
    _ path: String, _ attributes: [String: String], _ angleArray: NamedArray?, views: Int, bins: Int, _ opening: Opening
  ) throws -> CTScan {
    func attribute<Value>(_ name: String, expected: String = "a number", _ convert: (String) -> Value?) throws -> Value? {
      guard let text = attributes[name] else { return nil }
      guard let value = convert(text) else { throw InputError("\(path): found \(name) “\(text)”; expected \(expected)") }
      return value
    }
    func choice<Value: CaseIterable & RawRepresentable>(_ name: String) throws -> Value? where Value.RawValue == String {
      try attribute(name, expected: Value.allCases.map(\.rawValue).joined(separator: " or "), Value.init(rawValue:))
    }
    var scan = CTScan()
    scan.geometry = try opening.geometry ?? choice("geometry") ?? .parallel
    if let file = opening.angles {
      scan.angles = try readAngles(file)
    } else if let found = angleArray?.value.real, found.shape.count(where: { $0 > 1 }) <= 1 {
      scan.angles = found.doubles
    } else {
      throw InputError("\(path): found projections without angles; expected --angles FILE, one for each of \(views) views")
    }
    guard let count = scan.angles?.count, count == views else {
      throw InputError(
        "\(path): found \(scan.angles?.count ?? 0) angles for \(views) views of \(bins) bins; expected one a view"
          + (scan.angles?.count == bins ? ", the array is [bins, views]: transpose it" : ""))
    }
    scan.angleUnit = try opening.angleUnit ?? choice("angle_unit")
    scan.bins = bins
    let pixelSize = try opening.pixelSize ?? attribute("pixel_size") { Double($0) }
    scan.binWidth = try opening.binWidth ?? attribute("bin_width") { Double($0) }
    if pixelSize == nil {
      Remarks.note("\(path): found no size of a pixel, \(scan.pixelSize) mm are taken; --pixel-size says another")
    }
    scan.pixelSize = pixelSize ?? scan.pixelSize
    scan.axisOffset = try opening.axisOffset ?? attribute("axis_offset") { Double($0) } ?? 0
    guard scan.geometry == .fan else {
      for (name, isGiven) in [
        ("source-distance", opening.sourceDistance != nil), ("detector-distance", opening.detectorDistance != nil),
        ("detector", opening.detector != nil),
      ] where isGiven {
        throw InputError("found --\(name) without --geometry fan; leave it out, or take a fan")
      }
      return scan
    }
    let distances = (
      try opening.sourceDistance ?? attribute("source_to_centre") { Double($0) },
      try opening.detectorDistance ?? attribute("source_to_detector") { Double($0) }
    )
    guard let source = distances.0, let detector = distances.1 else {
      throw InputError("\(path): found a fan without distances; expected --source-distance and --detector-distance in mm")
    }
    (scan.sourceDistance, scan.detectorDistance) = (source, detector)
    scan.detector = try opening.detector ?? choice("detector") ?? scan.detector
    if let said = attributes["scan"], ["half", "full"].contains(said) {
      scan.halfScan = said == "half"
      try located(path) { try noteContradiction(path, CT(.init(scan: scan), seed: 0).setup.scan) }
    }
    return scan
  }

  /// A half or a full scan by name whose angles, in radians, are another: they are what counts.
  private static func noteContradiction(_ path: String, _ scan: CTScan) {
    guard let angles = scan.angles, let least = angles.min(), let most = angles.max() else { return }
    let range = (most - least) * Double(angles.count) / Double(max(angles.count - 1, 1))
    guard scan.halfScan == (range > 1.9 * Double.pi) else { return }
    Remarks.note(
      "\(path): found a \(scan.halfScan ? "half" : "full") scan by name and angles over \(Int((range * 180 / .pi).rounded()))°; the angles "
        + "are taken")
  }

  private static func size(
    _ path: String, _ attributes: [String: String], _ opening: Opening, _ scan: CTScan, bins: Int
  ) throws -> [Int] {
    if !opening.size.isEmpty {
      guard opening.size.count <= 2 else { throw InputError("found --size \(opening.size); expected a side, or height and width") }
      return [opening.size[0], opening.size[opening.size.count - 1]]
    }
    if let height = attributes["height"], let width = attributes["width"] {
      guard let height = Int(height), let width = Int(width) else {
        throw InputError("\(path): found a size of \(height) × \(width); expected pixels")
      }
      return [height, width]
    }
    let magnification = scan.geometry == .fan ? scan.detectorDistance / scan.sourceDistance : 1
    let side = Double(bins) * (scan.binWidth.map { $0 / magnification / scan.pixelSize } ?? 1)
    guard side >= 2, side <= 8192 else {
      throw InputError("\(path): found \(bins) bins for \(side) pixels a side; expected --size, the image's height and width")
    }
    Remarks.note(
      "\(path): found no size of the image, \(Int(side)) × \(Int(side)) pixels are taken, the detector's width; --size says another"
    )
    return [Int(side), Int(side)]
  }
}

extension CT.Setup {
  init(scan: CTScan) {
    self.init()
    self.scan = scan
  }
}
