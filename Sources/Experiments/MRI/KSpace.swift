// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training

/// Images from k-space: real or complex, of one coil or several.
public struct KSpace: Experiment {
  public struct Setup: Settings {
    /// Of a pattern; nil for a file of a mask.
    public var ratio: Double?
    /// radial, cartesian or random, or a file of 0 and 1.
    public var mask = "radial"
    /// Where a mask from a file has frequency 0.
    public var maskOrder: FrequencyOrder?
    /// Every image is divided by its largest magnitude.
    public var toMaximum = false
    /// Receive coils around the image, simulated from the seed.
    public var coils = 1
    /// A file of coil maps, `[coils, height, width]`, in the place of simulated ones.
    public var maps: String?
    /// Signal-to-noise ratio in dB; nil: no noise.
    public var noiseSnr: Double?
    public init() {}
  }
  public struct Opening: Settings {
    /// The slice of a scanner's file; nil: all.
    public var slice: Int?
    /// A file of coil maps, `[coils, height, width]`, or `espirit`; those that were measured with where they are known, else estimated by
    /// ESPIRiT without.
    public var maps: String?
    public init() {}
  }
  public typealias System = KSpaceSystem
  public typealias Measured = KSpaceSlice

  public static let name = "cs-mri"
  public static let title = "Images from y = P F x, the k-space samples that a mask P selects; real or complex, one coil or several"
  public static let source = "Lustig, Donoho & Pauly, Magn. Reson. Med. 58 (2007); Yang, Sun, Li & Xu, NIPS 2016"
  public static let standardSeed: UInt64 = 2018
  public static var scoring: ScoringProtocol { ScoringProtocol(clip: false, peak: 1, ssim: .uniform7) }
  public static var tables: [PublishedTable] { KSpaceTable.all }

  public let setup: Setup
  public let seed: UInt64
  /// From a file.
  private let givenMaps: CoilSensitivities?
  /// Receive coils.
  public var coils: Int { givenMaps?.coils ?? setup.coils }

  public init(_ setup: Setup, seed: UInt64) throws {
    if SamplingMask.Pattern(rawValue: setup.mask) != nil {
      guard let ratio = setup.ratio else {
        throw InputError("found no --ratio; expected one such as --ratio 0.2, or a file as --mask")
      }
      guard ratio > 0, ratio <= 1 else { throw InputError("found --ratio \(ratio); expected more than 0 and at most 1") }
      if let order = setup.maskOrder {
        throw InputError("found --mask-order \(order.rawValue) without a file of a mask; leave it out")
      }
    } else if setup.ratio != nil {
      throw InputError("found --ratio and a file of a mask; expected one of them, the mask has a ratio of its own")
    }
    try checkDecibel(setup.noiseSnr)
    guard (1...256).contains(setup.coils) else { throw InputError("found --coils \(setup.coils); expected 1 to 256") }
    givenMaps = try setup.maps.map(CoilSensitivities.init(file:))
    if let path = setup.maps, let found = givenMaps?.coils {
      guard found > 1, setup.coils == 1 || setup.coils == found else {
        throw InputError(
          "\(path): found maps of \(found) coil\(found == 1 ? "" : "s"); expected "
            + (setup.coils == 1 ? "several: leave --maps out for one" : "\(setup.coils), as --coils says: leave --coils out"))
      }
    }
    (self.setup, self.seed) = (setup, seed)
  }

  /// The pattern, or the file's name.
  var maskName: String { (setup.mask as NSString).lastPathComponent }

  public func mask(height: Int, width: Int) throws -> SamplingMask {
    if let pattern = SamplingMask.Pattern(rawValue: setup.mask) {
      return try SamplingMask(pattern, height: height, width: width, ratio: setup.ratio ?? 1, seed: seed)
    }
    let values = try readTable(setup.mask, names: ["mask", "mask_matrix", "Umask"], allowingRow: true)
    return try SamplingMask(values: values, height: height, width: width, order: setup.maskOrder ?? .transform, name: setup.mask)
  }

  /// S for images of an extent; nil for one coil.
  func maps(height: Int, width: Int) throws -> CoilSensitivities? {
    guard let maps = givenMaps else {
      return coils == 1 ? nil : .simulated(coils: coils, height: height, width: width, seed: seed)
    }
    guard [maps.height, maps.width] == [height, width] else {
      throw InputError(
        "\(setup.maps ?? "--maps"): found coil maps of \(maps.height) × \(maps.width) for images of \(height) × \(width); expected their extent"
      )
    }
    return maps
  }

  // MARK: Measurements

  public func scans(of files: [String]) throws -> Scans<KSpace> {
    try scans(of: files.flatMap { try NamedImage.paths($0).map { try NamedImage($0, toMaximum: setup.toMaximum) } })
  }

  /// y = P F x on the whole grid, or P F S x with the maps S of simulated coils; the noise of every image of a stream of its own.
  public func scans(of images: [NamedImage]) throws -> Scans<KSpace> {
    let masks = Pool<[Int], SamplingMask>()
    let systems = Pool<[Int], KSpaceSystem>()
    let (setup, seed, coils) = (setup, seed, coils)
    let system: @Sendable (NamedImage) throws -> (number: Int, value: KSpaceSystem) = { image in
      let mask = try masks.value(image.value.shape) { try self.mask(height: image.height, width: image.width) }.value
      let isComplex = image.isComplex || coils > 1
      return try systems.value(image.value.shape + [isComplex ? 1 : 0]) {
        KSpaceSystem(
          mask: mask, isComplex: isComplex, ratio: setup.ratio, maps: try maps(height: image.height, width: image.width))
      }
    }
    var facts = [JSONMember("mask", .string(maskName))]
    if let first = images.first {
      let (system, size) = (try system(first).value, first.value.shape)
      facts += [
        JSONMember("ratio", .number(system.mask.ratio)), JSONMember("height", .integer(size[0])),
        JSONMember("width", .integer(size[1])),
        JSONMember("complex", .bool(system.isComplex)), JSONMember("coils", .integer(coils)),
      ]
    }
    if let noise = setup.noiseSnr { facts.append(JSONMember("noise_snr", .number(noise))) }
    return Scans(images.map(\.name), facts: facts) { i in
      let image = images[i]
      let (number, system) = try system(image)
      func samples<Op: KSpaceSampling>(_ A: Op) -> ComplexTensor where Op.Domain == ComplexTensor {
        UndersampledMRI(A, noise: Noise(snr: setup.noiseSnr)).simulate(image.value.complex, seed: seed, stream: UInt64(i))
      }
      let kSpace = system.maps.map { samples(SENSE($0, mask: system.mask)) } ?? samples(MaskedFourier(system.mask))
      let truth: NumericArray = coils > 1 && image.isComplex ? .real(image.value.complex.magnitude) : image.value
      let slice = KSpaceSlice(
        name: image.name, kSpace: ComplexTensor(pairs: kSpace.pairs.reshaped([coils, image.height, image.width, 2])),
        mask: system.mask,
        groundTruth: truth)
      return Scan(name: image.name, system: system, systemNumber: number, measured: slice, groundTruth: truth)
    }
  }

  /// Measurements of images to score: of other units than [0, 1], scaled.
  public func testScans(_ test: TestImages) throws -> Scans<KSpace> {
    guard let images = test.images else { throw InputError("found no --images; expected a folder of images for \(Self.name)") }
    return try scans(of: [images]).inUnits
  }

  /// As an HDF5 file, or of one image as BART's pair of files, frequency 0 and the image's origin in the middle.
  public func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String) {
    guard path.lowercased().hasSuffix(".cfl") else {
      var stored = setup
      stored.mask = maskName  // masks are in the file, and given maps
      stored.maps = setup.maps.map { ($0 as NSString).lastPathComponent }
      return try simulated(files, setup: stored, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
    }
    guard !keepingGroundTruth else {
      throw InputError("\(path): found --ground-truth; expected an .h5 file for it, BART's holds k-space alone")
    }
    let scans = try scans(of: files)
    guard scans.count == 1 else {
      throw InputError("\(path): found \(scans.count) images; expected one for BART's array, or an .h5 file for all")
    }
    let centred = try scans[0].measured.kSpace.centredKSpace
    let (coils, plane) = (centred.shape[0], centred.pairs.shape.dropFirst())
    try BARTFile.write(ComplexTensor(pairs: centred.pairs.reshaped([coils, 1] + plane)), to: path)
    return (scans.facts, "\(path): k-space of \(scans.names[0])")
  }

  /// `k_space/K`, the samples on the whole grid, `[h, w]` or `[coils, h, w]`, 0 where nothing was measured, frequency 0 at [0, 0], unitary transform;
  /// `mask/K`, 1 where measured; `maps`, `[coils, h, w]`, where they are not simulated from the seed.
  public func store(_ scan: Scan<KSpace>, number k: Int, in file: inout MeasurementContents) {
    file.add("k_space/\(k)", NumericArray.complex(scan.measured.kSpace).plane)
    file.add("mask/\(k)", scan.system.mask.values.converted(to: .single))
    if k == 0, let maps = givenMaps { file.add("maps", .complex(maps.maps)) }
    file.pieces["complex"] = scan.system.isComplex ? "1" : "0"
  }

  public static func scans(from file: MeasurementFile) throws -> Scans<KSpace> {
    let setup: Setup = try file.setup()
    let kinds = Array(file.attribute("complex") ?? "")
    guard kinds.count == file.names.count else { throw file.damaged("found \(file.names.count) names and \(kinds.count) kinds") }
    let given = try file.has("maps") ? file.array("maps").complex : nil
    let systems = Pool<KSpaceSystem.Kind, KSpaceSystem>()
    return Scans(
      try file.names.indices.map { k in
        let mask = try file.real("mask/\(k)", nil, nil)
        let (h, w) = (mask.shape[0], mask.shape[1])
        guard mask.doubles.allSatisfy({ $0 == 0 || $0 == 1 }) else {
          throw file.damaged("found mask/\(k) of other numbers than 0 and 1")
        }
        let stored = try file.array("k_space/\(k)").complex
        guard (2...3).contains(stored.shape.count), stored.shape.suffix(2) == [h, w] else {
          throw file.damaged(
            "found k_space/\(k) of shape \(stored.shape); expected [\(h), \(w)] or [coils, \(h), \(w)], the size of mask/\(k)")
        }
        let kSpace = ComplexTensor(pairs: stored.pairs.reshaped([stored.count / (h * w), h, w, 2]))
        if let given, given.shape != kSpace.shape {
          throw file.damaged("found maps of shape \(given.shape) for k_space/\(k) of \(kSpace.shape); expected one shape")
        }
        let kind = KSpaceSystem.Kind(
          mask: SamplingMask(height: h, width: w, isSampled: mask.doubles.map { $0 == 1 }), isComplex: kinds[k] == "1",
          coils: kSpace.shape[0])
        let (number, system) = systems.value(kind) {
          let isSimulated = kind.coils > 1 && kind.coils == setup.coils
          let maps =
            given.map { CoilSensitivities(maps: $0) }
            ?? (isSimulated ? .simulated(coils: kind.coils, height: h, width: w, seed: file.seed) : nil)
          return KSpaceSystem(kind, ratio: setup.ratio, maps: maps)
        }
        let truth = try file.groundTruth(k, shape: [h, w])
        return Scan(
          name: file.names[k], system: system, systemNumber: number,
          measured: KSpaceSlice(name: file.names[k], kSpace: kSpace, mask: system.mask, groundTruth: truth), groundTruth: truth)
      })
  }

  /// A measurement of `simulate`, or k-space of a scanner: BART's .cfl, fastMRI and ISMRMRD files.
  public static func open(_ path: String, _ opening: Opening) throws -> Scans<KSpace> {
    let estimates = opening.maps == "espirit"
    let maps = try estimates ? nil : opening.maps.map(CoilSensitivities.init(file:))
    @Sendable func given(_ scan: Scan<KSpace>) throws -> Scan<KSpace> {
      guard opening.maps != nil else { return scan }
      let shape = scan.measured.kSpace.shape
      guard shape[0] > 1 else { throw InputError("\(scan.name): found --maps and one coil; expected several, leave --maps out") }
      if let maps, maps.maps.shape != shape {
        throw InputError(
          "\(scan.name): found coil maps of \(maps.maps.shape) for k-space of \(shape); expected [coils, height, width] of both")
      }
      var scan = scan
      scan.system.maps = maps
      return scan
    }
    guard let file = try ScannerFile(ifKSpace: path) else {
      if opening.slice != nil { throw InputError("found --slice; expected k-space of a scanner, leave it out") }
      try checkHeader(path)
      let file = try MeasurementFile(path)
      try file.check(problem: name)
      let scans = try scans(from: file)
      return Scans(scans.names, facts: scans.facts) { try given(scans[$0]) }.inUnits
    }
    if let slice = opening.slice, !(0..<file.sliceCount).contains(slice) {
      throw InputError("\(path): found \(file.sliceCount) slices; expected --slice 0 to \(file.sliceCount - 1), not \(slice)")
    }
    let slices = opening.slice.map { [$0] } ?? Array(0..<file.sliceCount)
    let systems = Pool<SamplingMask, KSpaceSystem>()
    return Scans(slices.map { "\(fileTitle(path))-\($0).png" }) { i in
      let slice = try file.scan(slices[i])
      let (number, system) = systems.value(slice.mask) { KSpaceSystem(mask: slice.mask, isComplex: true, coils: slice.coils) }
      return try given(
        Scan(name: slice.name, system: system, systemNumber: number, measured: slice, groundTruth: slice.groundTruth))
    }
  }

  /// - Throws: ``InputError`` for k-space in HDF5 without a header.
  private static func checkHeader(_ path: String) throws {
    guard case .hdf5 = try FileKind.detect(path), let found = try HDF5File(contentsOf: path)["kspace"] else { return }
    throw InputError(
      "\(path): found kspace \(found.shape) without a header; expected fastMRI's ismrmrd_header or ISMRMRD's xml, which say size and order: "
        + "write it as BART's .cfl, [coils, 1, height, width], frequency 0 in the middle, and give that")
  }

  /// Of a complex image PSNR and SSIM are of the magnitudes, NMSE of the numbers themselves.
  public static func scores(_ found: Reconstruction, _ truth: NumericArray, of scan: Scan<KSpace>, clip: Bool) throws -> Scores {
    var scores = try Scores.ofImage(found.display, truth.display, clip: clip)
    if truth.real == nil { scores.nmse = try nmse(found.value.complex.pairs, truth.complex.pairs) }
    return scores
  }

  /// The weights of pseudo-radial sampling at the nominal ratio; those of several coils are of any number of them.
  public static func weightsName(of method: Method<KSpace>, for system: KSpaceSystem, depth: Int?) -> String {
    let kind = system.coils > 1 ? "coils" : system.isComplex ? "complex" : nil
    return weightsName(method.name, ratio: system.ratio ?? system.mask.ratio, kind: kind)
  }

  /// - Parameters: `kind`, of the images or their measurement; `variant`, what sets weights apart that are not the usual ones: the organ of
  ///   the training images, the published label of the depth.
  static func weightsName(_ method: String, ratio: Double, kind: String? = nil, variant: String? = nil) -> String {
    "cs-mri/\(method)-\(variant.map { "\($0)-" } ?? "")\(Int((100 * ratio).rounded()))\(kind.map { "-\($0)" } ?? "")"
  }

  public static var alsoServedByWeights: [String] { [Linear.name] }

  /// Weights fit any number of coils and any mask: what they were trained with may be another number, a mask of the same extents that takes
  /// other frequencies, or another problem's operator.
  public static func remarks(on weights: Weights, notes: [String: String], for system: KSpaceSystem) -> [String] {
    if notes["problem"] == Linear.name { return ["weights trained by linear on \(notes["operator"] ?? "an operator of its own")"] }
    let trained = notes["coils"].flatMap { Int($0) } ?? 1
    func words(_ coils: Int) -> String { coils == 1 ? "one coil" : "\(coils) coils" }
    var remarks = trained == system.coils ? [] : ["weights trained with \(words(trained)), used for \(words(system.coils))"]
    let own = system.mask.values
    if let mask = weights.operators.first(where: { $0.name == "mask" })?.value, mask.shape == own.shape, mask.floats != own.floats {
      remarks.append("weights trained with another mask")
    }
    return remarks
  }
}

extension Scans<KSpace> {
  /// Images of the largest magnitude 1 in the place of those of other units, which a slice's scale gives back: PSNR's peak, the pictures
  /// and the networks are for [0, 1].
  var inUnits: Scans<KSpace> {
    Scans(names, facts: facts) { try self[$0].inUnits }
  }
}

extension Scan<KSpace> {
  /// Images up to 1 are in [0, 1] unless all of it is below a hundredth; without a truth, zero filling may exceed 1 a little.
  var inUnits: Scan<KSpace> {
    let largest = groundTruth?.display.maximumMagnitude ?? rootSumOfSquares(inverseFFT2(measured.kSpace)).maximumMagnitude
    guard largest > 0, largest.isFinite, !(0.01...(groundTruth == nil ? 1.5 : 1.0001)).contains(largest) else { return self }
    Remarks.note(
      groundTruth == nil
        ? "\(name): found images up to \(largest), not in [0, 1]; pictures are divided by it"
        : "\(name): found an image up to \(largest), not in [0, 1]; the peak of PSNR is that, pictures are divided by it")
    var scan = self
    scan.measured.kSpace = (1 / largest) * measured.kSpace
    scan.measured.scale *= largest
    let scaled = groundTruth.map { (1 / largest) * $0 }
    (scan.groundTruth, scan.measured.groundTruth) = (scaled, scaled)
    return scan
  }
}

/// P F or P F S: a mask, what images are, and the coils.
public struct KSpaceSystem: Sendable {
  /// What of it can be told apart in a file.
  struct Kind: Hashable, Sendable {
    var mask: SamplingMask
    var isComplex: Bool
    var coils: Int
  }

  public let mask: SamplingMask
  /// Images have a phase; those of several coils always.
  public let isComplex: Bool
  /// The nominal ratio of the mask, by which the weights that ship are named.
  public let ratio: Double?
  /// Receive coils.
  public let coils: Int
  /// S, `[coils, h, w]`, where it is known; of several coils it is estimated from every slice without.
  public var maps: CoilSensitivities?

  public init(
    mask: SamplingMask, isComplex: Bool = false, ratio: Double? = nil, coils: Int = 1, maps: CoilSensitivities? = nil
  ) {
    self.init(Kind(mask: mask, isComplex: isComplex, coils: maps?.coils ?? coils), ratio: ratio, maps: maps)
  }

  init(_ kind: Kind, ratio: Double?, maps: CoilSensitivities?) {
    (mask, coils, isComplex) = (kind.mask, kind.coils, kind.isComplex || kind.coils > 1)
    (self.ratio, self.maps) = (ratio, maps)
  }

  /// The space of the images.
  public var space: any NumberSpace.Type { isComplex ? ComplexTensor.self : Tensor.self }
}
