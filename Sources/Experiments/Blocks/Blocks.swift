// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import Training

/// What of a colour image is measured.
public enum MeasuredColor: String, Sendable, CaseIterable, Codable {
  /// Y, rounded to 8 bits, as published evaluations do.
  case luminance
  /// Red, green and blue, each as an image of its own.
  case everyChannel = "every-channel"
}

/// Block compressive sensing of images of any size.
public struct Blocks: Experiment {
  public struct Setup: Settings {
    /// For a Φ drawn from the seed.
    public var ratio: Double?
    /// A file of Φ, M × pixels of a block.
    public var phi: String?
    public var color = MeasuredColor.luminance
    /// Signal-to-noise ratio in dB; nil: no noise.
    public var noiseSnr: Double?
    public init() {}
  }

  /// What an array of measurements does not say of itself.
  public struct Opening: Settings {
    /// A file of Φ.
    public var phi: String?
    /// Height and width of the image, or a side.
    public var size: [Int] = []
    public init() {}
  }

  /// Φ with the seed it was drawn from; nil for a given one.
  public struct System: Sendable {
    public let sensing: CompressiveSensing
    public let phiSeed: UInt64?
    var ratio: Double { sensing.ratio }

    public init(_ sensing: CompressiveSensing, phiSeed: UInt64? = nil) { (self.sensing, self.phiSeed) = (sensing, phiSeed) }

    /// Φ of a ratio from a seed.
    public init(ratio: Double, seed: UInt64) { self.init(CompressiveSensing(ratio: ratio, seed: seed), phiSeed: seed) }

    /// How answers and recipes name Φ.
    var phiName: String { phiSeed.map { "seed \($0)" } ?? "given" }
    /// Φ where no seed gives it.
    var operators: [NamedParameter] { phiSeed == nil ? [NamedParameter(name: "phi", value: sensing.phi.entries)] : [] }
  }

  /// y = Φ x of every block of an image.
  public struct Measured: Sendable {
    public let grid: BlockGrid
    /// 1, or 3 for red, green and blue.
    public let planes: Int
    /// `[planes · blocks, M]`, plane after plane.
    public let y: Tensor

    public init(grid: BlockGrid, planes: Int = 1, y: Tensor) { (self.grid, self.planes, self.y) = (grid, planes, y) }
  }

  public static let name = "image-cs"
  public static let title = "Images from y = Φ x of every block x of 33 × 33 pixels, Φ of orthonormal rows"
  public static let source = "Kulkarni, Lohit, Turaga, Kerviche & Ashok, CVPR 2016; \(Papers.istaNet)"
  /// The seed of the Φ that ship.
  public static let standardSeed = CompressiveSensing.standardSeed
  public static var tables: [PublishedTable] { BlockTable.all + [DepthStudy.table] }

  public let setup: Setup
  public let seed: UInt64
  /// Nil where neither a ratio nor Φ is given: a network for every ratio needs none to be trained.
  private let given: System?

  public init(_ setup: Setup, seed: UInt64) throws {
    try checkDecibel(setup.noiseSnr)
    if let ratio = setup.ratio, !(ratio > 0 && ratio <= 1) {
      throw InputError("found --ratio \(ratio); expected more than 0 and at most 1")
    }
    if setup.ratio != nil, setup.phi != nil {
      throw InputError("found --ratio and --phi; expected one of them, Φ has a ratio of its own")
    }
    given =
      try setup.phi.map { System(CompressiveSensing(phi: try readPhi($0))) } ?? setup.ratio.map { System(ratio: $0, seed: seed) }
    (self.setup, self.seed) = (setup, seed)
  }

  /// - Throws: ``InputError`` where neither a ratio nor Φ is given.
  public func system() throws -> System {
    guard let given else { throw InputError("found neither --ratio nor --phi; expected a sampling ratio such as --ratio 0.25") }
    return given
  }

  /// Nil for rows of Φ at random.
  var fixed: System? { given }

  // MARK: Measurements

  public func scans(of files: [String]) throws -> Scans<Blocks> {
    let system = try system()
    let paths = try files.flatMap { try ImageFolder.imagePaths($0) }
    var facts = [
      JSONMember("ratio", .number(system.ratio)), JSONMember("rows", .integer(system.sensing.phi.rows)),
      JSONMember("side", .integer(system.sensing.side)), JSONMember("phi", .string(system.phiName)),
      JSONMember("color", .string(setup.color.rawValue)),
    ]
    if let noise = setup.noiseSnr { facts.append(JSONMember("noise_snr", .number(noise))) }
    return Scans(paths.map { ($0 as NSString).lastPathComponent }, facts: facts) { i in
      try scan(planes(of: paths[i]), named: (paths[i] as NSString).lastPathComponent, number: i)
    }
  }

  /// The planes of an image that are measured: `[height, width]` each, values in [0, 1].
  private func planes(of path: String) throws -> [Tensor] {
    let image = try readImage(path)
    try ImageRange.check(image.values, path: path)
    if image.channels == 1 { return [image.values] }
    if setup.color == .luminance { return [image.grayscale.map { ($0 * 255).rounded() / 255 }] }
    return (0..<3).map { image.values.row($0) }
  }

  /// White noise of standard deviation rms(y) · 10^(−SNR/20) is added where it is asked for, of a stream of its own for every number.
  func scan(_ planes: [Tensor], named name: String, number: Int) throws -> Scan<Blocks> {
    let system = try system()
    let sampling = system.sensing.sampling(height: planes[0].shape[0], width: planes[0].shape[1])
    var y = Tensor.concatenated(planes.map { sampling.forward($0.converted(to: .double)) })
    var generator = RandomGenerator(seed: seed, stream: UInt64(number))
    y = Noise(snr: setup.noiseSnr).added(to: y, width: y.count, using: &generator)
    return Scan(
      name: name, system: system, measured: Measured(grid: sampling.grid, planes: planes.count, y: y),
      groundTruth: .real(planes.count == 1 ? planes[0] : .stacked(planes)))
  }

  public func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String) {
    var stored = setup
    stored.phi = nil  // the matrix is in the file
    return try simulated(files, setup: stored, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
  }

  /// `measurement/K`, `[planes · blocks, M]`; `size/K`, height, width and number of planes; `phi` unless it was drawn from a seed.
  public func store(_ scan: Scan<Blocks>, number k: Int, in file: inout MeasurementContents) {
    let (measured, sensing) = (scan.measured, scan.system.sensing)
    file.add("measurement/\(k)", measured.y)
    file.add("size/\(k)", Tensor([Double(measured.grid.height), Double(measured.grid.width), Double(measured.planes)]))
    guard k == 0 else { return }
    file.attributes["side"] = String(sensing.side)
    file.attributes["phi_seed"] = scan.system.phiSeed.map { String($0) }
    if scan.system.phiSeed == nil { file.add("phi", sensing.phi.entries) }
  }

  /// A measurement of `simulate`, or an array `[blocks, M]` of one image in any format with its Φ; blocks from left to right, row by row.
  public static func open(_ path: String, _ opening: Opening) throws -> Scans<Blocks> {
    guard let given = opening.phi else {
      let file = try MeasurementFile(path)
      try file.check(problem: name)
      if !opening.size.isEmpty { throw InputError("\(path): found --size for a measurement that says its own; leave it out") }
      return try scans(from: file)
    }
    let system = System(CompressiveSensing(phi: try readPhi(given)))
    let y = try readTable(path, names: ["y", "measurement"], allowingRow: true)
    let (side, rows) = (system.sensing.side, system.sensing.phi.rows)
    let size = opening.size.isEmpty && y.shape[0] == 1 ? [side] : opening.size
    guard (1...2).contains(size.count), size.allSatisfy({ (1...65_500).contains($0) }) else {
      throw InputError("\(path): found --size \(size); expected the image's height and width, 1 to 65500 pixels")
    }
    let grid = BlockGrid(height: size[0], width: size[size.count - 1], side: side)
    guard y.shape == [grid.count, rows] else {
      throw InputError(
        "\(path): found \(y.shape[0]) × \(y.shape[1]) numbers; expected \(grid.count) × \(rows), one row a block of \(side) × \(side) pixels"
          + (y.shape == [rows, grid.count] ? ": transpose it" : ""))
    }
    return Scans([Scan(name: fileTitle(path), system: system, measured: Measured(grid: grid, y: y))])
  }

  public static func scans(from file: MeasurementFile) throws -> Scans<Blocks> {
    let side = try file.number("side", in: 1...128)
    let rows = try file.real("measurement/0", nil, nil).shape[1]
    guard rows <= side * side else { throw file.damaged("found \(rows) measurements of a block; expected at most \(side * side)") }
    let phiSeed = file.attribute("phi_seed").flatMap { UInt64($0) }
    let phi =
      try phiSeed.map { .orthonormalRows(rows: rows, columns: side * side, seed: $0) }
      ?? Matrix(file.real("phi", rows, side * side))
    let system = System(CompressiveSensing(phi: phi), phiSeed: phiSeed)
    return Scans(
      try file.names.enumerated().map { k, name in
        let size = try file.real("size/\(k)", 3).doubles
        guard size.allSatisfy({ $0 >= 1 && $0 <= 1e9 && $0 == $0.rounded() }), [1, 3].contains(size[2]), size[0] * size[1] <= 4e8
        else { throw file.damaged("found size/\(k) of \(size); expected height, width and 1 or 3 planes") }
        let (height, width, planes) = (Int(size[0]), Int(size[1]), Int(size[2]))
        let grid = BlockGrid(height: height, width: width, side: side)
        return Scan(
          name: name, system: system,
          measured: Measured(grid: grid, planes: planes, y: try file.real("measurement/\(k)", planes * grid.count, rows)),
          groundTruth: try file.groundTruth(k, shape: planes == 1 ? [height, width] : [3, height, width]))
      })
  }
}

/// Φ from a file: the array `phi`, or the only one of two axes; its columns are the pixels of a square block.
public func readPhi(_ path: String) throws -> Matrix {
  try blockMatrix(readTable(path, names: ["phi", "Phi", "operator.phi"]), path)
}
