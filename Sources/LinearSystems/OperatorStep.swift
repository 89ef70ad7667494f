// SPDX-License-Identifier: Apache-2.0
import Platform
import Operators
import Problems
import Tensors

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
  static func chain(_ node: DescriptionNode, path: String, source: any DescriptionSource) throws -> [OperatorStep] {
    let nodes = node.sequence ?? [node]
    guard !nodes.isEmpty else { throw InputError("\(path): found a list of no steps; expected one at least, such as “identity”") }
    return try nodes.map { try step($0, path: path, source: source) }
  }

  private static func step(_ node: DescriptionNode, path: String, source: any DescriptionSource) throws -> OperatorStep {
    let line = node.line.map { ":\($0)" } ?? ""
    let (key, value): (String?, DescriptionNode)
    if let mapping = node.mapping {
      guard mapping.count == 1, let only = mapping.first else {
        throw InputError("\(path)\(line): found \(mapping.count) keys in one step; expected one, put “-” before each")
      }
      (key, value) = (only.key, only.value)
    } else {
      (key, value) = (node.scalar?.text, DescriptionNode(.mapping([]), line: node.line))
    }
    guard let name = key, let kind = kinds[name] else {
      let guess = key.flatMap { nearest($0, among: Array(kinds.keys)) }.map { ": did you mean \($0)?" } ?? ""
      throw InputError(
        "\(path)\(line): found the step “\(key ?? "…")”; expected one of \(kinds.keys.sorted().joined(separator: ", "))\(guess)")
    }
    let reader = try DescriptionReader(path: path, node: value, name: name, main: kind.main, source: source)
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
        return ArrayOperator(onEachPart: Gradient2D(height: h, width: w), of: space, to: space.shape + [2], bound: 8)
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
        return (ArrayOperator(complex: A, of: space, to: coils, bound: A.lipschitz, support: support), 3)
      }
      return (ArrayOperator(complex: S, of: space, to: coils, bound: S.lipschitz), 1)
    }
  }

  /// P F of real or complex images.
  private static func sampled(_ space: ArraySpace, _ mask: SamplingMask) -> ArrayOperator {
    let support = support(mask.values.doubles, ArraySpace(space.shape, isComplex: true))
    return ArrayOperator(complex: MaskedFourier(mask), of: space, to: space.shape, bound: 1, support: support, solves: true)
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
