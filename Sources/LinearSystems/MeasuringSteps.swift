// SPDX-License-Identifier: Apache-2.0
import Platform
import Operators
import Problems
import Tensors

// Steps that measure: k-space and coils, X-rays, matrices, sums and stacks of operators.

extension OperatorStep {
  // MARK: k-space

  @Sendable static func undersample(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("file", "order", "pattern", "ratio", "seed")
    let file = try reader.file("file")
    let values = try file.map { file in
      try reader.located("file") { try reader.source.table(file, names: ["mask", "mask_matrix", "Umask"]) }
    }
    let order = try reader.choice("order", FrequencyOrder.self) ?? .transform
    let pattern = try reader.choice("pattern", SamplingMask.Pattern.self) ?? .radial
    let ratio = try reader.number("ratio", 1e-6...1)
    let seed = UInt64(try reader.integer("seed", 0...Int.max) ?? 1)
    guard (values == nil) != (ratio == nil) else {
      throw reader.error(
        "found \(values == nil ? "neither" : "both") a mask and a ratio for undersample; expected one, such as {ratio: 0.25}")
    }
    let place = reader.place
    return OperatorStep(
      name: "undersample", place: place,
      kind: .undersample { h, w in
        do {
          if let values { return try SamplingMask(values: values, height: h, width: w, order: order, name: file ?? "the mask") }
          return try SamplingMask(pattern, height: h, width: w, ratio: ratio ?? 1, seed: seed)
        } catch let error as InputError { throw InputError("\(place): \(error)") }
      }, files: file.map { [$0] } ?? [])
  }

  @Sendable static func coils(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("count", "maps", "seed")
    let (count, file) = (try reader.integer("count", 1...256), try reader.file("maps"))
    let maps = try file.map { file in try reader.located("maps") { try reader.source.coilMaps(file) } }
    let seed = UInt64(try reader.integer("seed", 0...Int.max) ?? 1)
    guard (count == nil) != (maps == nil) else {
      throw reader.error("found \(count == nil ? "neither" : "both") a count and maps for coils; expected one, such as “coils: 8”")
    }
    let place = reader.place
    return OperatorStep(
      name: "coils", place: place,
      kind: .coils { h, w in
        guard let maps else { return .simulated(coils: count ?? 1, height: h, width: w, seed: seed) }
        guard [maps.height, maps.width] == [h, w] else {
          throw InputError(
            "\(place): found coil maps of \(maps.height) × \(maps.width) for images of \(h) × \(w); expected their extent")
        }
        return maps
      }, files: file.map { [$0] } ?? [])
  }

  // MARK: X-rays

  @Sendable static func beams(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect(
      "geometry", "views", "angles", "bins", "pixel-size", "bin-width", "source-distance", "detector-distance", "detector",
      "half-scan", "axis-offset", "angle-unit")
    var scan = CTScan()
    scan.pixelSize = try reader.number("pixel-size", 1e-9...1e9) ?? 1
    scan.geometry = try reader.choice("geometry") ?? scan.geometry
    scan.views = try reader.integer("views", 1...100_000) ?? scan.views
    scan.bins = try reader.integer("bins", 1...100_000)
    scan.binWidth = try reader.number("bin-width", 1e-9...1e9)
    scan.sourceDistance = try reader.number("source-distance", 0...1e9) ?? scan.sourceDistance
    scan.detectorDistance = try reader.number("detector-distance", 0...1e9) ?? scan.detectorDistance
    scan.detector = try reader.choice("detector") ?? scan.detector
    scan.halfScan = try reader.flag("half-scan")
    scan.axisOffset = try reader.number("axis-offset") ?? 0
    let file = try reader.file("angles")
    scan.angles = try file.map { file in try reader.located("angles") { try reader.source.angles(file) } }
    scan.angleUnit = try reader.choice("angle-unit")
    _ = try reader.located("angles") { try scan.radians() }
    return plainStep(reader, files: [file]) { [scan, place = reader.place] space, _ in
      let (h, w) = try images(space, place, "beams")
      guard !space.isComplex else { throw InputError("\(place): found complex images before beams; expected real ones") }
      let geometry: CTGeometry
      do { geometry = try scan.made(height: h, width: w) } catch { throw InputError("\(place): \(error)") }
      let to = space.shape.dropLast(2) + [geometry.angles.count, geometry.bins]
      return ArrayOperator(geometry.projector, from: space.shape, to: Array(to))
    }
  }

  // MARK: Matrices

  @Sendable static func matrix(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("file", "variable")
    guard let file = try reader.file("file") else {
      throw reader.error("found no file for matrix; expected one, such as “matrix: A.mat”")
    }
    let variable = try reader.text("variable")
    let matrix = try reader.located("file") { try reader.source.matrix(file, variable: variable) }
    return OperatorStep(
      name: "matrix", place: reader.place, kind: .other(matrix.making(place: reader.place)), files: [file], columns: matrix.columns)
  }

  /// The same matrix for every square block of an image.
  @Sendable static func blocks(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("ratio", "side", "seed", "phi")
    let (ratio, file) = (try reader.number("ratio", 1e-6...1), try reader.file("phi"))
    guard (ratio == nil) != (file == nil) else {
      throw reader.error(
        "found \(file == nil ? "neither" : "both") a ratio and phi for blocks; expected one, such as {ratio: 0.25}")
    }
    let side = try reader.integer("side", 2...128) ?? CompressiveSensing.blockSide
    let seed = UInt64(try reader.integer("seed", 0...Int.max) ?? Int(CompressiveSensing.standardSeed))
    let sensing =
      try file.map { file in
        CompressiveSensing(
          phi: try reader.located("phi") {
            try blockMatrix(reader.source.table(file, names: ["phi", "Phi", "operator.phi"]), file)
          })
      }
      ?? CompressiveSensing(ratio: ratio ?? 1, side: side, seed: seed)
    return plainStep(reader, files: [file]) { [place = reader.place] space, precision in
      let (h, w) = try images(space, place, "blocks")
      guard !space.isComplex else { throw InputError("\(place): found complex images before blocks; expected real ones") }
      let A = CompressiveSensing(phi: sensing.phi.converted(to: precision)).sampling(height: h, width: w)
      let to = space.shape.dropLast(2) + A.codomainShape
      return ArrayOperator(A, from: space.shape, to: Array(to), bound: A.lipschitz, solves: true)
    }
  }

  /// Rows of the Walsh–Hadamard transform of all pixels of an image: of all in their order, or drawn from a seed with the row of ones first.
  @Sendable static func hadamard(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("rows", "ratio", "seed")
    let (rows, ratio) = (try reader.integer("rows", 1...1 << 28), try reader.number("ratio", 1e-6...1))
    guard (rows == nil) != (ratio == nil) else {
      throw reader.error(
        "found \(rows == nil ? "neither" : "both") rows and a ratio for hadamard; expected one, such as {ratio: 0.25}")
    }
    let seed = UInt64(try reader.integer("seed", 0...Int.max) ?? 1)
    return plainStep(reader) { [place = reader.place] space, _ in
      let n = space.count
      guard n & (n - 1) == 0, !space.isComplex else {
        throw InputError("\(place): found arrays of shape \(space) before hadamard; expected real ones of a power of two numbers")
      }
      let count = rows ?? max(1, Int(((ratio ?? 1) * Double(n)).rounded()))
      guard count <= n else {
        throw InputError("\(place): found \(count) rows of a transform of \(n); expected no more than it has")
      }
      var order = Array(0..<n)
      if count < n {
        var generator = RandomGenerator(seed: seed)
        for i in 1..<count { order.swapAt(i, i + Int(generator.uniform() * Double(n - i))) }
      }
      let A = Hadamard(size: n, rows: Array(order.prefix(count)))
      return ArrayOperator(A, from: [n], to: [count], bound: 1, solves: true).reshaped(from: space.shape)
    }
  }

  // MARK: Several

  static func several(
    _ reader: DescriptionReader, _ join: @escaping @Sendable ([ArrayOperator]) -> ArrayOperator
  ) throws -> OperatorStep {
    guard let list = reader.value("of")?.sequence, list.count >= 2 else {
      throw reader.error("found no list of two operators or more for \(reader.name); expected one, each a list of steps")
    }
    let chains = try list.map { try chain($0, path: reader.path, source: reader.source) }
    let isSum = reader.name == "sum"
    return plainStep(reader, files: chains.flatMap { $0.flatMap(\.files) }) { [place = reader.place] space, precision in
      let parts = try chains.map { try made($0, on: space, precision) }
      guard let first = parts.first?.codomain,
        parts.allSatisfy({ isSum ? $0.codomain == first : $0.codomain.isComplex == first.isComplex })
      else {
        throw InputError(
          "\(place): found operators to \(parts.map { "\($0.codomain)" }.joined(separator: " and ")); expected "
            + (isSum ? "one shape for a sum" : "real or complex numbers from all of a stack"))
      }
      return join(parts)
    }
  }
}

/// Φ, checked: its columns are the pixels of a square block.
///
/// - Parameter path: what errors call it.
public func blockMatrix(_ entries: Tensor, _ path: String) throws -> Matrix {
  let (rows, columns) = (entries.shape[0], entries.shape[1])
  func root(_ n: Int) -> Int? { [Int(Double(n).squareRoot().rounded())].first { $0 * $0 == n } }
  guard let side = root(columns), rows <= columns else {
    throw InputError(
      "\(path): found a matrix of \(rows) × \(columns); expected as many columns as a square block has pixels, such as 1089, and no more rows"
        + (root(rows) != nil ? ": transpose it" : ""))
  }
  guard columns <= 128 * 128 else {
    throw InputError("\(path): found blocks of \(side) × \(side) pixels; expected at most 128 × 128")
  }
  try checkMagnitude(of: entries, path)
  return Matrix(entries)
}
