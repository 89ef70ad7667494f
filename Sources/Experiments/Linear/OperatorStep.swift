// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import Yams

/// One step of a described operator, such as a blur: it is made for the space of the arrays that reach it.
struct OperatorStep: Sendable {
  typealias Making = @Sendable (ArraySpace, Precision) throws -> ArrayOperator

  enum Kind: Sendable {
    case fourier
    /// The frequencies that are measured of a plane.
    case undersample(@Sendable (_ height: Int, _ width: Int) throws -> SamplingMask)
    case coils(@Sendable (_ height: Int, _ width: Int) throws -> CoilSensitivities)
    case other(Making)
  }

  let name: String
  /// `FILE:LINE`.
  let place: String
  let kind: Kind
  /// Files that it was read from.
  var files: [String] = []
  /// Numbers of a signal, where the step says it.
  var columns: Int?

  // MARK: Reading

  /// A list of steps, the first applied first; one step alone stands without a list.
  static func chain(_ node: Node, path: String) throws -> [OperatorStep] {
    let nodes = node.sequence.map { Array($0) } ?? [node]
    guard !nodes.isEmpty else { throw InputError("\(path): found a list of no steps; expected one at least, such as “identity”") }
    return try nodes.map { try step($0, path: path) }
  }

  private static func step(_ node: Node, path: String) throws -> OperatorStep {
    let line = node.mark.map { ":\($0.line)" } ?? ""
    let (key, value): (String?, Node)
    if let mapping = node.mapping {
      guard mapping.count == 1, let only = mapping.first else {
        throw InputError("\(path)\(line): found \(mapping.count) keys in one step; expected one, put “-” before each")
      }
      (key, value) = (only.key.string, only.value)
    } else {
      (key, value) = (node.string, .mapping(Node.Mapping([], Tag(.map), .any, node.mark)))
    }
    guard let name = key, let kind = kinds[name] else {
      let guess = key.flatMap { nearest($0, among: Array(kinds.keys)) }.map { ": did you mean \($0)?" } ?? ""
      throw InputError(
        "\(path)\(line): found the step “\(key ?? "…")”; expected one of \(kinds.keys.sorted().joined(separator: ", "))\(guess)")
    }
    let reader = try DescriptionReader(path: path, node: value, name: name, main: kind.main)
    return try kind.read(reader)
  }

  private struct Reading: Sendable {
    let main: String?
    let read: @Sendable (DescriptionReader) throws -> OperatorStep
    init(_ main: String? = nil, _ read: @escaping @Sendable (DescriptionReader) throws -> OperatorStep) {
      (self.main, self.read) = (main, read)
    }
  }

  /// A step that needs nothing but the arrays that reach it.
  private static func plain(
    _ reader: DescriptionReader, files: [String] = [], columns: Int? = nil, _ make: @escaping Making
  ) -> OperatorStep {
    OperatorStep(name: reader.name, place: reader.place, kind: .other(make), files: files, columns: columns)
  }

  private static let kinds: [String: Reading] = [
    "identity": Reading { reader in plain(reader) { space, _ in ArrayOperator(identity: space) } },
    "scale": Reading("factor") { reader in
      try reader.expect("factor")
      guard let factor = try reader.number("factor"), factor != 0 else {
        throw reader.error("found no factor for scale; expected a number other than 0")
      }
      return plain(reader) { space, _ in ArrayOperator(identity: space).scaled(by: factor) }
    },
    "blur": Reading(nil, blur), "downsample": Reading("factor", downsample), "mask": Reading("file", mask),
    "fourier": Reading { reader in
      try reader.expect()
      return OperatorStep(name: "fourier", place: reader.place, kind: .fourier)
    },
    "undersample": Reading("file", undersample), "coils": Reading("count", coils), "beams": Reading(nil, beams),
    "wavelet": Reading("filter", wavelet),
    "gradient": Reading { reader in
      try reader.expect()
      return plain(reader) { [place = reader.place] space, _ in
        let (h, w) = try images(space, place, "gradient")
        return ArrayOperator(Gradient2D(height: h, width: w), from: space.shape, to: space.shape + [2], bound: 8)
      }
    },
    "matrix": Reading("file", matrix), "blocks": Reading("ratio", blocks), "hadamard": Reading("rows", hadamard),
    "sum": Reading("of") { try several($0) { $0.dropFirst().reduce($0[0], +) } },
    "stack": Reading("of") { try several($0) { ArrayOperator(stacking: $0) } },
  ]

  // MARK: Making

  /// The operator of a chain of steps; coils, Fourier transform and undersampling that follow one another are one operator.
  static func made(_ steps: [OperatorStep], on space: ArraySpace, _ precision: Precision) throws -> ArrayOperator {
    var whole = ArrayOperator(identity: space)
    var i = 0
    while i < steps.count {
      let (next, used) = try made(steps[i...], after: whole.codomain, precision)
      whole = i == 0 ? next : whole.then(next)
      i += used
    }
    return whole
  }

  private static func made(
    _ steps: ArraySlice<OperatorStep>, after space: ArraySpace, _ precision: Precision
  ) throws -> (ArrayOperator, used: Int) {
    let step = steps[steps.startIndex]
    let following = steps.dropFirst().prefix(2).map(\.kind)
    func size() throws -> (Int, Int) { try images(space, step.place, step.name) }
    switch step.kind {
    case .other(let make): return (try make(space, precision), 1)
    case .fourier:
      let (h, w) = try size()
      if case .undersample(let mask)? = following.first { return (sampled(space, try mask(h, w)), 2) }
      let whole = ArrayOperator(Fourier(axes: 2), from: space.shape, to: space.shape, isUnitary: true)
      return (space.isComplex ? whole : ArrayOperator(complexNumbersOf: space.shape).then(whole), 1)
    case .undersample(let mask):
      let (h, w) = try size()
      let weights = try mask(h, w).values
      let all = ArrayOperator(
        PixelWeights<ComplexTensor>(weights), from: space.shape, to: space.shape, bound: 1,
        support: support(weights.doubles, space), solves: true)
      guard space.isComplex else {
        throw InputError("\(step.place): found real images before undersample; expected k-space, put fourier before it")
      }
      return (all, 1)
    case .coils(let maps):
      let (h, w) = try size()
      guard space.shape.count == 2 else {
        throw InputError("\(step.place): found arrays of shape \(space) before coils; expected images, [height, width]")
      }
      let S = try maps(h, w).converted(to: precision)
      let coils = [S.coils, h, w]
      if case .fourier? = following.first, case .undersample(let mask)? = following.last {
        let mask = try mask(h, w)
        let A = SENSE(S, mask: mask)
        let support = support(mask.values.doubles, ArraySpace(coils, isComplex: true))
        return (
          space.isComplex
            ? ArrayOperator(A, from: space.shape, to: coils, bound: A.lipschitz, support: support)
            : ArrayOperator(OnReal(A), from: space.shape, to: coils, bound: A.lipschitz, support: support), 3
        )
      }
      return (
        space.isComplex
          ? ArrayOperator(S, from: space.shape, to: coils, bound: S.lipschitz)
          : ArrayOperator(OnReal(S), from: space.shape, to: coils, bound: S.lipschitz), 1
      )
    }
  }

  /// P F of real or complex images.
  private static func sampled(_ space: ArraySpace, _ mask: SamplingMask) -> ArrayOperator {
    let support = support(mask.values.doubles, ArraySpace(space.shape, isComplex: true))
    return space.isComplex
      ? ArrayOperator(MaskedFourier(mask), from: space.shape, to: space.shape, bound: 1, support: support, solves: true)
      : ArrayOperator(RealMaskedFourier(mask), from: space.shape, to: space.shape, bound: 1, support: support, solves: true)
  }

  /// 0 and 1 of a plane's places for all numbers of a space.
  static func support(_ plane: [Double], _ space: ArraySpace) -> [Double] {
    let of = plane.flatMap { space.isComplex ? [$0 == 0 ? 0 : 1, $0 == 0 ? 0 : 1] : [$0 == 0 ? 0.0 : 1] }
    return (0..<space.count / plane.count).flatMap { _ in of }
  }

  /// The extent of the images that reach a step.
  static func images(_ space: ArraySpace, _ place: String, _ name: String) throws -> (height: Int, width: Int) {
    guard let image = space.image else {
      throw InputError(
        "\(place): found vectors of \(space.count) numbers before \(name); expected images, give a shape of two extents")
    }
    return image
  }
}

// MARK: Steps of images

extension OperatorStep {
  fileprivate static func plainStep(_ reader: DescriptionReader, files: [String?] = [], _ make: @escaping Making) -> OperatorStep {
    OperatorStep(name: reader.name, place: reader.place, kind: .other(make), files: files.compactMap { $0 })
  }

  /// Convolution with a kernel, Gaussian or from a file, as scipy.ndimage.convolve has it; the image goes on periodically, or is 0 outside.
  @Sendable fileprivate static func blur(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("sigma", "size", "kernel", "boundary")
    enum Boundary: String, CaseIterable { case periodic, zero }
    let boundary = try reader.choice("boundary", Boundary.self) ?? .periodic
    let file = try reader.file("kernel")
    let kernel: Tensor
    if let file {
      kernel = try reader.located("kernel") { try readTable(file, names: ["kernel", "psf"]) }
    } else {
      guard let sigma = try reader.number("sigma", 1e-3...1e3) else {
        throw reader.error("found neither sigma nor kernel for blur; expected one, such as {sigma: 1.6}")
      }
      let size = try reader.integer("size", 1...2047) ?? 2 * Int((4 * sigma).rounded(.up)) + 1
      guard size % 2 == 1 else { throw reader.error("found size \(size) for blur; expected an odd one", at: "size") }
      let taps = (-(size / 2)...size / 2).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
      let sum = taps.reduce(0, +)
      kernel = Tensor(taps.flatMap { a in taps.map { a * $0 / (sum * sum) } }, shape: [size, size])
    }
    guard kernel.shape.allSatisfy({ $0 % 2 == 1 && $0 <= 2047 }), kernel.maximumMagnitude > 0 else {
      throw reader.error(
        "found a kernel of shape \(kernel.shape); expected odd extents of at most 2047, not all zeros", at: "kernel")
    }
    let turned = Tensor(kernel.doubles.reversed(), shape: [1] + kernel.shape)
    return plainStep(reader, files: [file]) { [place = reader.place] space, precision in
      let (h, w) = try images(space, place, "blur")
      guard boundary == .zero || (kernel.shape[0] <= h && kernel.shape[1] <= w) else {
        throw InputError("\(place): found a kernel of \(kernel.shape) for images of \(h) × \(w); expected a smaller one")
      }
      func periodic<Space: ImageSpace>(_: Space.Type) -> ArrayOperator? {
        PeriodicFilter<Space>(kernel: kernel, height: h, width: w).map {
          ArrayOperator($0, from: space.shape, to: space.shape, bound: $0.lipschitz, solves: true)
        }
      }
      if boundary == .periodic, let filter = space.isComplex ? periodic(ComplexTensor.self) : periodic(Tensor.self) {
        return filter
      }
      let A = Convolution2D(
        kernels: turned.converted(to: precision), height: h, width: w, boundary: boundary == .zero ? .zero : .circular)
      let maps = space.shape.dropLast(2) + [1, h, w]  // one of them
      let whole =
        (space.isComplex
        ? ArrayOperator(OnParts(A), from: space.shape, to: Array(maps), bound: A.lipschitz)
        : ArrayOperator(A, from: space.shape, to: Array(maps), bound: A.lipschitz)).reshaped(to: space.shape)
      guard boundary == .periodic, !space.isComplex else { return whole }
      let gain = powerSpectrum(kernel, height: h, width: w)
      return ArrayOperator(
        from: space, to: space, bound: A.lipschitz,
        solve: { b, penalty in b.spectrallyFiltered(by: gain.map { 1 / ($0 + penalty) }, height: h, width: w) },
        forward: whole.forward, adjoint: whole.adjoint)
    }
  }

  /// |K̂|² of a kernel on the half of the Fourier grid that says all of real images, `[h, ⌊w/2⌋ + 1]`.
  private static func powerSpectrum(_ kernel: Tensor, height: Int, width: Int) -> [Double] {
    var plane = [Double](repeating: 0, count: height * width)
    let values = kernel.doubles
    for i in 0..<kernel.shape[0] {
      for j in 0..<kernel.shape[1] { plane[i * width + j] = values[i * kernel.shape[1] + j] }
    }
    let spectrum = fft2(complex(Tensor(plane, shape: [height, width]))).pairs.doubles
    return (0..<height).flatMap { i in
      (0...width / 2).map { j in
        let (re, im) = (spectrum[2 * (i * width + j)], spectrum[2 * (i * width + j) + 1])
        return Double(height * width) * (re * re + im * im)
      }
    }
  }

  @Sendable fileprivate static func downsample(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("factor")
    guard let factor = try reader.integer("factor", 1...64) else {
      throw reader.error("found no factor for downsample; expected one, such as “downsample: 2”")
    }
    return plainStep(reader) { [place = reader.place] space, _ in
      let (h, w) = try images(space, place, "downsample")
      let A = Decimation(height: h, width: w, factor: factor)
      let to = space.shape.dropLast(2) + A.codomainShape
      return space.isComplex
        ? ArrayOperator(OnParts(A), from: space.shape, to: Array(to), bound: 1, solves: true)
        : ArrayOperator(A, from: space.shape, to: Array(to), bound: 1, solves: true)
    }
  }

  /// Pixels that are seen: a picture or an array of 0 and 1, or a share of the pixels drawn from a seed; of any extent where it is drawn.
  @Sendable fileprivate static func mask(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("file", "keep", "seed")
    let file = try reader.file("file")
    let given: Tensor? = try file.map { file in
      try reader.located("file") {
        let found = try NamedImage(file)
        guard let values = found.value.real else { throw InputError("\(file): found complex numbers; expected 0 and 1") }
        return values.map { $0 >= 0.5 ? 1 : 0 }
      }
    }
    let keep = try reader.number("keep", 1e-6...1)
    let seed = UInt64(try reader.integer("seed", 0...Int.max) ?? 1)
    guard (given == nil) != (keep == nil) else {
      throw reader.error(
        "found \(given == nil ? "neither" : "both") a file and a share for mask; expected one, such as {keep: 0.2}")
    }
    return plainStep(reader, files: [file]) { [place = reader.place] space, _ in
      let (h, w) = try images(space, place, "mask")
      var plane: Tensor
      if let given {
        plane = given
      } else {
        var generator = RandomGenerator(seed: seed)
        plane = Tensor.uniform([h, w], using: &generator).map { $0 < keep ?? 1 ? 1 : 0 }
      }
      guard plane.shape == [h, w] else {
        throw InputError("\(place): found a mask of \(plane.shape) for images of \(h) × \(w); expected one of their extent")
      }
      let support = support(plane.doubles, space)
      return space.isComplex
        ? ArrayOperator(
          PixelWeights<ComplexTensor>(plane), from: space.shape, to: space.shape, bound: 1, support: support, solves: true)
        : ArrayOperator(PixelWeights<Tensor>(plane), from: space.shape, to: space.shape, bound: 1, support: support, solves: true)
    }
  }

  @Sendable fileprivate static func wavelet(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("filter", "levels")
    let filter = try reader.text("filter").map { name in
      guard let filter = WaveletFilter(name: name) else {
        throw reader.error(
          "found the filter “\(name)”; expected \(WaveletFilter.allCases.map(\.name).joined(separator: ", "))", at: "filter")
      }
      return filter
    }
    let levels = try reader.integer("levels", 1...16)
    return plainStep(reader) { [place = reader.place] space, _ in
      let (h, w) = try images(space, place, "wavelet")
      let deepest = OrthonormalWavelet<Tensor>.deepest(height: h, width: w)
      guard (1...max(deepest, 1)).contains(levels ?? 1), deepest > 0 else {
        throw InputError("\(place): found \(levels ?? 1) levels of wavelets for \(h) × \(w); expected extents that halve so often")
      }
      func made<Space: ImageSpace>(_: Space.Type) -> ArrayOperator {
        ArrayOperator(
          OrthonormalWavelet<Space>(height: h, width: w, filter: filter ?? .daubechies4, levels: levels ?? min(deepest, 4)),
          from: space.shape, to: space.shape, isUnitary: true)
      }
      return space.isComplex ? made(ComplexTensor.self) : made(Tensor.self)
    }
  }

  // MARK: k-space

  @Sendable fileprivate static func undersample(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("file", "order", "pattern", "ratio", "seed")
    enum Pattern: String, CaseIterable { case radial, cartesian, random }
    let file = try reader.file("file")
    let values = try file.map { file in try reader.located("file") { try readTable(file, names: ["mask", "mask_matrix", "Umask"]) }
    }
    let order = try reader.choice("order", FrequencyOrder.self) ?? .transform
    let pattern = try reader.choice("pattern", Pattern.self) ?? .radial
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
          return try KSpace.mask(pattern.rawValue, ratio: ratio ?? 1, height: h, width: w, seed: seed)
        } catch let error as InputError { throw InputError("\(place): \(error)") }
      }, files: file.map { [$0] } ?? [])
  }

  @Sendable fileprivate static func coils(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("count", "maps", "seed")
    let (count, file) = (try reader.integer("count", 1...256), try reader.file("maps"))
    let maps = try file.map { file in try reader.located("maps") { try CoilSensitivities(file: file) } }
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

  @Sendable fileprivate static func beams(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect(
      "geometry", "views", "angles", "bins", "pixel-size", "bin-width", "source-distance", "detector-distance", "detector",
      "half-scan", "axis-offset")
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
    scan.angles = try file.map { file in
      try reader.located("angles") {
        guard let found = try readArrays(file).first?.value.real, found.shape.count(where: { $0 > 1 }) <= 1 else {
          throw InputError("\(file): found no one row of real numbers; expected angles in radians")
        }
        return found.doubles
      }
    }
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

  @Sendable fileprivate static func matrix(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("file", "variable")
    guard let file = try reader.file("file") else {
      throw reader.error("found no file for matrix; expected one, such as “matrix: A.mat”")
    }
    let variable = try reader.text("variable")
    let matrix = try reader.located("file") { try OperatorMatrix(file: file, variable: variable) }
    return OperatorStep(
      name: "matrix", place: reader.place, kind: .other(matrix.making(place: reader.place)), files: [file], columns: matrix.columns)
  }

  /// The same matrix for every square block of an image.
  @Sendable fileprivate static func blocks(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("ratio", "side", "seed", "phi")
    let (ratio, file) = (try reader.number("ratio", 1e-6...1), try reader.file("phi"))
    guard (ratio == nil) != (file == nil) else {
      throw reader.error(
        "found \(file == nil ? "neither" : "both") a ratio and phi for blocks; expected one, such as {ratio: 0.25}")
    }
    let side = try reader.integer("side", 2...128) ?? CompressiveSensing.blockSide
    let seed = UInt64(try reader.integer("seed", 0...Int.max) ?? Int(Blocks.standardSeed))
    let sensing =
      try file.map { file in CompressiveSensing(phi: try reader.located("phi") { try readPhi(file) }) }
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
  @Sendable fileprivate static func hadamard(_ reader: DescriptionReader) throws -> OperatorStep {
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

  fileprivate static func several(
    _ reader: DescriptionReader, _ join: @escaping @Sendable ([ArrayOperator]) -> ArrayOperator
  ) throws -> OperatorStep {
    guard let list = reader.value("of")?.sequence, list.count >= 2 else {
      throw reader.error("found no list of two operators or more for \(reader.name); expected one, each a list of steps")
    }
    let chains = try list.map { try chain($0, path: reader.path) }
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
