// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors
import Training

/// X-ray images from few views of few photons.
public struct CT: TomographyExperiment {
  public struct Setup: Settings {
    public var scan = CTScan()
    /// A file of angles in radians, or as `scan.angleUnit` says, in the place of even ones.
    public var angles: String?
    /// Photons of a ray that meets nothing; nil: no noise.
    public var photons: Double?
    /// Noise of the detector itself, in photons.
    public var electronic: Double?
    /// What pixels are; nil: Hounsfield units of DICOM, [0, 1] of others.
    public var quantity: CTUnits?
    /// Millimetres, in the place of what the files of images say of their pixels; nil: theirs, or the usual ones where they say nothing.
    public var pixelSize: Double?
    /// JSON that says which rows of a file of many images are for what.
    public var split: String?
    public init() {}
  }
  /// What a file of projections does not say of itself.
  public struct Opening: Settings {
    public var geometry: CTScan.Beam?
    /// A file of the views' angles.
    public var angles: String?
    public var angleUnit: CTScan.AngleUnit?
    public var pixelSize: Double?
    public var binWidth: Double?
    public var sourceDistance: Double?
    public var detectorDistance: Double?
    public var detector: FanBeamGeometry.Detector?
    public var axisOffset: Double?
    /// Height and width of the image.
    public var size: [Int] = []
    public init() {}
  }
  public struct Knobs: TomographyKnobs {
    public var lambda: Double?
    public var iterations: Int?
    /// Of filtered back-projection.
    public var window: FilteredBackProjection.Window?
    public init() {}
  }
  public struct Test: Settings {
    public var images: String?
    /// Of a split: train, validation or test.
    public var part: TomographyData.Part?
    public init() {}
  }
  public struct TrainingSetup: Settings {
    public var images: [String] = []
    public var validationImages: [String] = []
    /// Images are made this many times smaller first.
    public var reduce = 1
    public var gradient: GradientKind?
    public init() {}
  }

  public static let name = "ct"
  public static let title = "Images from y = A x, few X-ray projections by a parallel beam or a fan, of few photons"
  public static let source = "Sidky & Pan, Phys. Med. Biol. 53 (2008); \(Papers.fistaNet)"
  public static var tables: [PublishedTable] { [TomographyTable.projections] }
  public static var methods: [Method<CT>] {
    [
      Method(
        "fbp", "Filtered back-projection", source: "Ramachandran & Lakshminarayanan, Proc. Natl. Acad. Sci. 68 (1971)",
        knobs: ["window"]
      ) { system, knobs in
        try system.geometry?.checkBackProjection()
        guard let window = knobs.window, let geometry = system.geometry else {
          return classical(system) { system.gradient.initial.forward($0) }
        }
        let back = Scaled(1 / system.unit, geometry.backProjection(window))
        return classical(system) { back.forward($0) }
      }, fistaTV,
    ] + networks
  }

  public let setup: Setup
  public let seed: UInt64

  public init(_ setup: Setup, seed: UInt64) throws {
    var setup = setup
    if setup.electronic != nil, setup.photons == nil {
      throw InputError("found --electronic without --photons; expected both, or neither")
    }
    if let photons = setup.photons, !(photons > 0 && photons <= 1e15) {
      throw InputError("found --photons \(photons); expected more than 0, at most 1e15")
    }
    if let electronic = setup.electronic, !(electronic >= 0 && electronic <= 1e15) {
      throw InputError("found --electronic \(electronic); expected 0 to 1e15")
    }
    if let path = setup.angles {
      if setup.scan.views != Setup().scan.views { throw InputError("found --angles and --views; expected one of them") }
      (setup.scan.angles, setup.angles) = (try readAngles(path), nil)
    }
    if setup.scan.angles != nil {
      setup.scan.angles = try setup.scan.radians()
      if setup.scan.angleUnit == .degrees { setup.scan.angleUnit = .radians }
    } else if setup.scan.angleUnit != nil {
      throw InputError("found --angle-unit without --angles; leave it out")
    }
    if let pixelSize = setup.pixelSize {
      setup.scan.pixelSize = pixelSize
    } else if setup.scan.pixelSize != CTGeometry.standardPixelSize {
      setup.pixelSize = setup.scan.pixelSize
    }
    let usual = CTScan()
    if setup.scan.geometry == .parallel {
      for (name, isGiven) in [
        ("source-distance", setup.scan.sourceDistance != usual.sourceDistance),
        ("detector-distance", setup.scan.detectorDistance != usual.detectorDistance),
        ("detector", setup.scan.detector != usual.detector), ("half-scan", setup.scan.halfScan),
      ] where isGiven {
        throw InputError("found --\(name) without --geometry fan; leave it out, or take a fan")
      }
    }
    (self.setup, self.seed) = (setup, seed)
  }

  public func system(height: Int, width: Int) throws -> TomographySystem {
    let geometry = try setup.scan.made(height: height, width: width)
    let noise: Noise? = setup.photons.map {
      .photons($0, electronic: setup.electronic ?? 0, attenuation: CTUnits.attenuationPerMillimetre)
    }
    return TomographySystem(SparseViewCT(geometry.projector, imageShape: [height, width], noise: noise ?? .none), geometry)
  }

  public func images(of files: [String]) throws -> [NamedImage] { try images(of: files, part: nil) }

  /// The images of files and folders; with `part`, those rows of a file that the split names.
  private func images(of files: [String], part: TomographyData.Part?) throws -> [NamedImage] {
    guard !files.isEmpty else { throw InputError("found no --images; expected a file or a folder of images for ct") }
    let found = try files.flatMap { file in
      let all = try NamedImage.slices(of: file, units: setup.quantity)
      guard let split = setup.split, let part else { return all }
      return try DataSplit(contentsOf: split).rows(part.rawValue, of: file).map { row in
        guard all.indices.contains(row) else {
          throw InputError("\(split): found row \(row) of \(file); expected 0 to \(all.count - 1), take the split of this file")
        }
        return all[row]
      }
    }
    if let first = found.first, let other = found.first(where: { $0.value.shape != first.value.shape }) {
      throw InputError(
        "\(other.name): found \(other.height) × \(other.width) pixels; expected \(first.height) × \(first.width) as of \(first.name), "
          + "take them apart")
    }
    return found
  }

  /// The same for pixels of the images' own size, unless the settings say it.
  ///
  /// - Throws: ``InputError`` for pixels that are not square, and images of different ones.
  func sized(by images: [NamedImage]) throws -> CT {
    let known = images.compactMap { image in image.pixelSize.map { (name: image.name, size: $0) } }
    guard let first = known.first else { return self }
    func text(_ size: [Double]) -> String { size.map { "\(Float($0))" }.joined(separator: " × ") + " mm" }
    func isSame(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-3 * max(a, b) }
    if let given = setup.pixelSize {
      if let other = known.first(where: { !$0.size.allSatisfy { isSame($0, given) } }) {
        Remarks.note("\(other.name): found pixels of \(text(other.size)), --pixel-size \(given) is taken in the place of it")
      }
      return self
    }
    if let odd = known.first(where: { !isSame($0.size[0], $0.size[1]) || !($0.size[0] > 0) }) {
      throw InputError("\(odd.name): found pixels of \(text(odd.size)); expected square ones: resample it, or say --pixel-size")
    }
    if let other = known.first(where: { !isSame($0.size[0], first.size[0]) }) {
      throw InputError(
        "\(other.name): found pixels of \(text(other.size)); expected \(text(first.size)) as of \(first.name): take them apart, or say "
          + "--pixel-size")
    }
    if known.count < images.count {
      Remarks.note(
        "\(images.count - known.count) of \(images.count) images do not say the size of their pixels, they are taken as \(text(first.size))"
      )
    }
    var setup = setup
    setup.scan.pixelSize = first.size[0]
    Remarks.note("\(first.name): pixels of \(Float(first.size[0])) mm are those of the file")
    return try CT(setup, seed: seed)
  }

  public func scans(of files: [String]) throws -> Scans<CT> {
    let images = try images(of: files)
    return try sized(by: images).scans(of: images)
  }

  public func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String) {
    guard !files.isEmpty else {
      return try simulated(files, setup: setup, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
    }
    let images = try images(of: files)
    let sized = try sized(by: images)
    return try sized.simulated(
      sized.scans(of: images), setup: sized.setup, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
  }

  public func testScans(_ test: Test) throws -> Scans<CT> {
    guard let images = test.images else { throw InputError("found no --images; expected a folder of images for ct") }
    if let part = test.part, part == .unseenShapes || setup.split == nil {
      throw InputError("found --part \(part.rawValue) for ct; expected train, validation or test beside --split")
    }
    let found = try self.images(of: [images], part: test.part ?? .test)
    return try sized(by: found).scans(of: found)
  }

  public func facts(of system: TomographySystem) -> [JSONMember] {
    var facts =
      system.geometry.map {
        [
          JSONMember("geometry", .string($0.name)), JSONMember("views", .integer($0.angles.count)),
          JSONMember("bins", .integer($0.bins)), JSONMember("pixel_size_mm", .number($0.pixelSize)),
        ]
      } ?? []
    if let photons = setup.photons { facts.append(JSONMember("photons", .number(photons))) }
    return facts
  }

  public static func totalVariation(of system: TomographySystem) -> (lambda: Double, iterations: Int) {
    (3e-3 / Double(system.A.codomainShape[0]), 100)
  }

  /// By the number of views, of a fan by its name too.
  public static func weightsName(of method: Method<CT>, for system: TomographySystem, depth: Int?) -> String {
    "ct/\(method.name)" + (system.geometry.map { ($0.name == "fan" ? "-fan" : "") + "-\($0.angles.count)" } ?? "")
  }

  /// Images that are turned and measured afresh, photons and all, whenever they are trained on; the validation images once.
  public func training(_ request: TrainingRequest<CT>) throws -> Training {
    let setup = request.setup
    var pictures = try images(of: setup.images, part: .training)
    var kept: [NamedImage]
    if !setup.validationImages.isEmpty {
      kept = try images(of: setup.validationImages, part: .validation)
    } else if self.setup.split != nil {
      kept = try images(of: setup.images, part: .validation)
    } else {
      (pictures, kept) = splitForValidation(pictures)
    }
    guard let first = pictures.first, !kept.isEmpty else {
      throw InputError("found \(pictures.count) training and \(kept.count) validation images; expected some of both")
    }
    guard setup.reduce >= 1, first.value.shape.allSatisfy({ $0 / 8 >= setup.reduce }) else {
      throw InputError(
        "found --reduce \(setup.reduce) for images of \(first.value.shape); expected at least 8 pixels a side to be left")
    }
    let images = Tensor.stacked(pictures.map { $0.reduced(by: setup.reduce).value.display.converted(to: .single) })
    let held = Tensor.stacked(kept.map { $0.reduced(by: setup.reduce).value.display.converted(to: .single) })
    guard held.shape.dropFirst() == images.shape.dropFirst() else {
      throw InputError("found validation images of \(held.shape.dropFirst()); expected \(images.shape.dropFirst()), as all images")
    }
    let system = try sized(by: (pictures + kept).map { $0.reduced(by: setup.reduce) }).system(
      height: images.shape[1], width: images.shape[2])
    let samples = DrawnPairs<Tensor, Tensor>(count: images.shape[0]) { samples, generator in
      let drawn = samples.map { i in (index: i, turn: Int(generator.next() >> 61), seed: generator.next()) }
      let chosen = Parallel.map(drawn.count) { k in
        let image = images.rows(drawn[k].index..<drawn[k].index + 1).turned(drawn[k].turn)
        return (image, system.simulate(image, seed: drawn[k].seed))
      }
      return Pairs(measurement: .concatenated(chosen.map(\.1)), groundTruth: .concatenated(chosen.map(\.0)))
    }
    let measured = Tensor.concatenatedGroups(count: held.shape[0], size: 1) {
      system.simulate(held.rows($0), seed: seed, stream: UInt64($0.lowerBound))
    }
    return try training(
      request, system, samples, validation: SamplePairs(measurement: measured, groundTruth: held), gradient: setup.gradient,
      steps: 3_000,
      notes: [
        "views": "\(system.A.codomainShape[0])", "geometry": self.setup.scan.geometry.rawValue, "images": "\(pictures.count)",
        "photons": self.setup.photons.map { "\($0)" } ?? "none",
      ])
  }
}
