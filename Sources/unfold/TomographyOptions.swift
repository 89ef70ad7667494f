// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import FileFormats
import Foundation
import Operators
import Recipes

/// How X-rays run and what images they meet; shared by `simulate`, `evaluate` and `train`.
struct TomographyOptions: ParsableArguments {
  @Option(help: "ct: views, spread evenly over half a turn, or over a full turn of a fan (default: 60).") var views: Int?
  @Option(help: "ct: parallel (default) or fan.") var geometry: CTScan.Beam?
  @Option(help: ArgumentHelp("ct: angles of the views in radians, an array, in place of even ones.", valueName: "file"))
  var angles: String?
  @Option(help: "ct: numbers of a view (default: enough for the image's diagonal).") var bins: Int?
  @Option(help: ArgumentHelp("ct: size of a pixel (default: 0.8).", valueName: "mm")) var pixelSize: Double?
  @Option(help: ArgumentHelp("ct: width of a bin, or of a cell of the fan's detector.", valueName: "mm")) var binWidth: Double?
  @Option(help: ArgumentHelp("ct, fan: from the source to the axis (default: 595).", valueName: "mm")) var sourceDistance: Double?
  @Option(help: ArgumentHelp("ct, fan: from the source to the detector (default: 1085.6).", valueName: "mm"))
  var detectorDistance: Double?
  @Option(help: "ct, fan: cells on an arc (default) or on a line.") var detector: FanBeamGeometry.Detector?
  @Flag(help: "ct, fan: over half a turn and the fan only.") var halfScan = false
  @Option(help: "ct: photons of a ray that meets nothing; without it no noise.") var photons: Double?
  @Option(help: ArgumentHelp("ct: noise of the detector itself.", valueName: "photons")) var electronic: Double?
  @Option(help: "ct: what pixels are: image (in [0, 1]), attenuation (1/cm) or hounsfield (default: of DICOM).")
  var quantity: CTImage.Units?
  @Option(help: ArgumentHelp("ct: JSON that says which rows of a file of many images are for what.", valueName: "file"))
  var split: String?

  /// Refuses what belongs to X-rays for another problem.
  func check(_ problem: ProblemKind) throws {
    let given = [
      ("--views", views != nil), ("--geometry", geometry != nil), ("--angles", angles != nil), ("--bins", bins != nil),
      ("--pixel-size", pixelSize != nil), ("--bin-width", binWidth != nil), ("--source-distance", sourceDistance != nil),
      ("--detector-distance", detectorDistance != nil), ("--detector", detector != nil), ("--half-scan", halfScan),
      ("--photons", photons != nil), ("--electronic", electronic != nil), ("--quantity", quantity != nil),
      ("--split", split != nil),
    ]
    try refuse(for: problem, given.map { ($0.0, $0.1, [.ct]) })
    if electronic != nil, photons == nil { throw InputError("found --electronic without --photons; expected both, or neither") }
    if angles != nil, views != nil { throw InputError("found --angles and --views; expected one of them") }
    let ofFans = given.filter { ["--source-distance", "--detector-distance", "--detector", "--half-scan"].contains($0.0) }
    if geometry != .fan, let wrong = ofFans.first(where: \.1) {
      throw InputError("found \(wrong.0) without --geometry fan; leave it out, or take a fan")
    }
  }

  func scan() throws -> CTScan {
    var scan = CTScan(geometry ?? .parallel)
    scan.views = views ?? scan.views
    scan.angles = try angles.map { path in
      guard let found = try readArrays(path).first?.value.real, found.shape.count(where: { $0 > 1 }) <= 1 else {
        throw InputError("\(path): found no one row of real numbers; expected angles in radians")
      }
      return found.doubles
    }
    scan.bins = bins
    scan.pixelSize = pixelSize ?? scan.pixelSize
    scan.binWidth = binWidth
    scan.sourceToCentre = sourceDistance ?? scan.sourceToCentre
    scan.sourceToDetector = detectorDistance ?? scan.sourceToDetector
    scan.detector = detector ?? scan.detector
    scan.isHalfScan = halfScan
    return scan
  }

  /// The images of files and folders; with `part`, those rows of a file that `--split` names.
  func images(_ sources: [String], part: String? = nil) throws -> [CTImage] {
    guard !sources.isEmpty else { throw InputError("found no --images; expected a file or a folder of images for ct") }
    return try sources.flatMap { source in
      let all = try CTImage.readAll(source, units: quantity)
      guard let split, let part else { return all }
      return try DataSplit(contentsOf: split).rows(part, of: source).map { row in
        guard all.indices.contains(row) else {
          throw InputError("\(split): found row \(row) of \(source); expected 0 to \(all.count - 1), take the split of this file")
        }
        return all[row]
      }
    }
  }

  func problem(height: Int, width: Int) throws -> CTProblem {
    try CTProblem(scan().geometry(height: height, width: width), photons: photons, electronic: electronic ?? 0)
  }
}
