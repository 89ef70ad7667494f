// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// Measurements of tomography with the system they are of: what `unfold simulate` writes and `unfold reconstruct` reads.
///
/// As an HDF5 file: of ct `sinogram` `[n, views, bins]`, integrals of images along the rays in millimetres, `angles` in radians and the rest of
/// the geometry as text attributes; of emt and eit `measurement` `[n, M]`, of rows of unit norm; `ground_truth` `[n, height, width]` where it
/// was kept.
public struct TomographyScans: Sendable {
  public let system: TomographySystem
  public let names: [String]
  /// `[n, …]`, in the units of the system's A.
  public let measurement: Tensor
  /// `[n, height, width]`.
  public let groundTruth: Tensor?
  /// What else made it, for the reader of the file.
  public let notes: [String: String]

  private init(_ system: TomographySystem, names: [String], measurement: Tensor, groundTruth: Tensor?, notes: [String: String]) {
    self.system = system
    self.names = names
    self.measurement = measurement
    self.groundTruth = groundTruth
    self.notes = notes
  }

  /// Images of one size, projected.
  ///
  /// - Throws: ``RecipeError`` for no image and for images of several sizes.
  public init(_ images: [CTImage], scan: CTScan, photons: Double?, electronic: Double = 0, seed: UInt64) throws {
    guard let first = images.first?.value.shape else { throw RecipeError("found no image; expected at least one") }
    if let other = images.first(where: { $0.value.shape != first }) {
      throw RecipeError(
        "\(other.name): found \(other.value.shape[0]) × \(other.value.shape[1]) pixels; expected \(first[0]) × \(first[1]) as of \(images[0].name), "
          + "take them apart")
    }
    let problem = try CTProblem(scan.geometry(height: first[0], width: first[1]), photons: photons, electronic: electronic)
    self.init(images, problem, seed: seed)
  }

  /// Images of the problem's size, projected.
  public init(_ images: [CTImage], _ problem: CTProblem, seed: UInt64) {
    let truth = Tensor.stacked(images.map { $0.value.converted(to: .single) })
    var notes = ["seed": "\(seed)"]
    notes["photons"] = problem.model.noise.map { "\($0.photons)" }
    notes["electronic"] = problem.model.noise.map { "\($0.electronic)" }
    self.init(
      problem.system, names: images.map(\.name), measurement: problem.measured(truth, seed: seed), groundTruth: truth, notes: notes)
  }

  /// A part of sets of coils or electrodes.
  public init(_ data: TomographyData, _ part: TomographyData.Part) {
    let samples = data[part]
    var notes = ["seed": "\(data.settings.seed)"]
    notes["noise_snr_db"] = data.settings.noiseDecibel(part).map { "\($0)" }
    self.init(
      TomographySystem(data), names: (0..<samples.measurement.shape[0]).map { "\(part.rawValue)-\($0)" },
      measurement: samples.measurement, groundTruth: data.pixels.adjoint(samples.groundTruth),
      notes: notes)
  }

  /// Mean of the largest value of the initial images of phantoms as networks are trained on (0.51 of 200, 30 to 50 dB).
  private static let usualMaximum = 0.5

  /// The measured data of a sensor, the object at several frequencies.
  public init(_ sensor: MeasuredEMT) {
    let problem = ImpedanceTomography(sensitivity: sensor.A, pixels: sensor.pixels)
    let system = TomographySystem(
      .emt, A: problem.A, pixels: problem.pixels, initialMap: problem.initialMap(), usualMaximum: Self.usualMaximum)
    let b = problem.normalised(sensor.measurement).converted(to: .single)
    self.init(
      system, names: (0..<b.shape[0]).map { "frequency-\($0)" }, measurement: b, groundTruth: nil, notes: [:])
  }

  /// Images of contrasts on the pixels of the model `problem` names, measured with white noise.
  ///
  /// - Throws: ``RecipeError`` for images that are not square, or not of one size.
  public init(_ images: [CTImage], _ model: SensitivityModel, noiseDecibel: Double?, seed: UInt64) throws {
    guard let side = images.first?.value.shape[0] else { throw RecipeError("found no image; expected at least one") }
    for image in images where image.value.shape != [side, side] || !(4...256).contains(side) {
      throw RecipeError(
        "\(image.name): found \(image.value.shape[0]) × \(image.value.shape[1]) pixels; expected square images of one size, 4 to 256 pixels"
      )
    }
    let problem = ImpedanceTomography(model, side: side, noiseDecibel: noiseDecibel)
    let x = problem.pixels.forward(Tensor.stacked(images.map(\.value)))
    let b = Tensor.concatenated((0..<images.count).map { problem.simulate(x.rows($0..<$0 + 1), seed: seed, stream: UInt64($0)) })
    var notes = ["seed": "\(seed)"]
    notes["noise_snr_db"] = noiseDecibel.map { "\($0)" }
    self.init(
      Self.system(problem, model), names: images.map(\.name), measurement: b.converted(to: .single),
      groundTruth: problem.pixels.adjoint(x).converted(to: .single), notes: notes)
  }

  private static func system(_ problem: ImpedanceTomography, _ model: SensitivityModel) -> TomographySystem {
    TomographySystem(
      model == .emt28 ? .emt : .eit, A: problem.A, pixels: problem.pixels, initialMap: problem.initialMap())
  }

  /// Image `i`, `[height, width]` in double precision, where it is known.
  func groundTruth(_ i: Int) -> Tensor? {
    groundTruth?.rows(i..<i + 1).reshaped([system.height, system.width]).converted(to: .double)
  }

  /// The window of SSIM, that of the authors of FISTA-Net.
  public static let similarity = SimilarityWindow.gaussian11ZeroPadded

  /// The scores of images `[n, height, width]` made of the measurements, as they are; nil where the true ones are not known.
  public func scores(_ images: Tensor) throws -> [Scores]? {
    guard let groundTruth else { return nil }
    let size = [system.height, system.width]
    @Sendable func image(_ t: Tensor, _ i: Int) -> Tensor { t.rows(i..<i + 1).reshaped(size).converted(to: .double) }
    return try Parallel.map(names.count) { i in
      let (estimate, truth) = (image(images, i), image(groundTruth, i))
      return Scores(
        psnr: try psnr(estimate, truth), ssim: try ssim(estimate, truth, window: Self.similarity),
        nmse: truth.norm > 0 ? try nmse(estimate, truth) : nil, rmse: try rmse(estimate, truth))
    }
  }

  // MARK: Files

  /// Writes the HDF5 file atomically; the images only when asked.
  public func write(to path: String, keepingGroundTruth: Bool) throws {
    var attributes = notes.merging([
      "format": MeasurementFile.format, "problem": system.problem.rawValue, "names": names.joined(separator: "/"),
      "height": "\(system.height)", "width": "\(system.width)",
    ]) { $1 }
    var arrays = [
      NamedArray(
        name: system.geometry == nil ? "measurement" : "sinogram", value: (1 / system.unit) * measurement.converted(to: .double))
    ]
    if let geometry = system.geometry {
      arrays.append(NamedArray(name: "angles", value: Tensor(geometry.angles, shape: [geometry.angles.count])))
      attributes.merge(geometry.attributes) { $1 }
    }
    if keepingGroundTruth, let groundTruth { arrays.append(NamedArray(name: "ground_truth", value: groundTruth)) }
    try HDF5File(arrays: arrays, attributes: attributes).write(to: path)
  }

  /// - Throws: ``RecipeError`` naming the first thing that does not fit.
  public init(_ file: MeasurementFile) throws {
    let attributes = file.file.attributes
    func whole(_ name: String) throws -> Int {
      guard let text = attributes[name], let value = Int(text), (2...8192).contains(value) else {
        throw file.damaged("found \(name) “\(attributes[name] ?? "")”; expected 2 to 8192 pixels")
      }
      return value
    }
    let (height, width) = (try whole("height"), try whole("width"))
    let system: TomographySystem
    let own: Tensor
    if file.problem == .ct {
      own = try file.array("sinogram", rank: 3)
      let angles = try file.array("angles", rank: 1).doubles
      let geometry = try CTGeometry(attributes, height: height, width: width, angles: angles, bins: own.shape[2], file)
      system = try CTProblem(geometry, photons: nil).system
    } else {
      guard height == width, (4...256).contains(height) else {
        throw file.damaged("found images of \(height) × \(width); expected square ones of 4 to 256 pixels")
      }
      let model: SensitivityModel = file.problem == .emt ? .emt28 : .eit104
      own = try file.array("measurement", rank: 2)
      system = Self.system(ImpedanceTomography(model, side: height), model)
    }
    guard Array(own.shape.dropFirst()) == system.measurementShape else {
      throw file.damaged("found measurements of \(own.shape); expected [n] + \(system.measurementShape)")
    }
    let truth = try file.array(ifPresent: "ground_truth", rank: 3)
    if let truth, truth.shape != [own.shape[0], height, width] {
      throw file.damaged("found ground_truth of \(truth.shape); expected [\(own.shape[0]), \(height), \(width)]")
    }
    let named = (attributes["names"] ?? "").split(separator: "/").map(String.init)
    self.init(
      system, names: named.count == own.shape[0] ? named : (0..<own.shape[0]).map { "image-\($0)" },
      measurement: (system.unit * own).converted(to: .single), groundTruth: truth?.converted(to: .single), notes: attributes)
  }
}

extension CTGeometry {
  /// As the text attributes of a measurement, without angles and the image's size.
  var attributes: [String: String] {
    switch self {
    case .parallel(let g):
      ["geometry": name, "pixel_size": "\(g.pixelSize)", "bin_width": "\(g.binWidth)", "axis_offset": "\(g.axisOffset)"]
    case .fan(let g, let scan):
      [
        "geometry": name, "pixel_size": "\(g.pixelSize)", "bin_width": "\(g.cellWidth)", "axis_offset": "\(g.axisOffset)",
        "source_to_centre": "\(g.sourceToCentre)", "source_to_detector": "\(g.sourceToDetector)", "detector": g.detector.rawValue,
        "scan": scan.rawValue,
      ]
    }
  }

  /// From those attributes.
  init(_ attributes: [String: String], height: Int, width: Int, angles: [Double], bins: Int, _ file: MeasurementFile) throws {
    func number(_ name: String) throws -> Double {
      guard let value = try file.number(name) else { throw file.damaged("found no \(name); expected a length in millimetres") }
      return value
    }
    guard let beam = CTScan.Beam(rawValue: attributes["geometry"] ?? "") else {
      throw file.damaged("found geometry “\(attributes["geometry"] ?? "")”; expected parallel or fan")
    }
    var scan = CTScan(beam)
    (scan.angles, scan.bins) = (angles, bins)
    (scan.pixelSize, scan.binWidth) = (try number("pixel_size"), try number("bin_width"))
    if beam == .fan {
      (scan.sourceToCentre, scan.sourceToDetector) = (try number("source_to_centre"), try number("source_to_detector"))
      scan.detector = attributes["detector"].flatMap(FanBeamGeometry.Detector.init(rawValue:)) ?? .arc
      scan.isHalfScan = attributes["scan"] == FanBackProjection.Scan.half.rawValue
    }
    let offset = try file.number("axis_offset") ?? 0
    switch try scan.geometry(height: height, width: width) {
    case .parallel(var geometry):
      geometry.axisOffset = offset
      self = .parallel(geometry)
    case .fan(var geometry, let scan):
      geometry.axisOffset = offset
      self = .fan(geometry, scan)
    }
  }
}
