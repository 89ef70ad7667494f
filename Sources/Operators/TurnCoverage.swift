// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// What part of a turn views cover, in any order and either sense, and how much of it each stands for.
struct TurnCoverage: Sendable {
  /// The angle that every view stands for, half of the gaps beside it; radians, in the order of the views.
  let shares: [Double]
  /// Views go all around; else they end at the largest gap.
  let isClosed: Bool
  /// The first angle of an open range, half a usual gap before its first view, and how far it goes.
  let start: Double
  let length: Double
  /// A gap that nine tenths of all do not exceed; the largest; and the largest but for the end of an open range.
  let usualGap: Double
  let largestGap: Double
  let largestInnerGap: Double

  /// - Parameters: `angles` in radians; `period`, after which they are the same again; `factor`, by how much the largest gap of an open range
  ///   exceeds the usual one.
  init(_ angles: [Double], period: Double, openBeyond factor: Double) {
    func reduced(_ angle: Double) -> Double {
      let rest = angle.remainder(dividingBy: period)
      return rest < 0 ? rest + period : rest
    }
    let places = angles.map(reduced)
    let count = places.count
    guard count > 1 else {
      shares = places.map { _ in period }
      (isClosed, start, length) = (true, places.first ?? 0, period)
      (usualGap, largestGap, largestInnerGap) = (period, period, period)
      return
    }
    let order = places.indices.sorted { (places[$0], $0) < (places[$1], $1) }
    let gaps = order.indices.map { i in
      i + 1 < count ? places[order[i + 1]] - places[order[i]] : places[order[0]] + period - places[order[i]]
    }
    let sorted = gaps.sorted()
    let usual = sorted[9 * (count - 1) / 10]
    let end = gaps.indices.max { gaps[$0] < gaps[$1] }!
    let isClosed = gaps[end] <= factor * usual + 1e-9
    var shares = [Double](repeating: 0, count: count)
    for i in order.indices {
      let before = (i + count - 1) % count
      let gap = { (k: Int) in !isClosed && k == end ? min(usual, gaps[k]) : gaps[k] }
      shares[order[i]] = (gap(before) + gap(i)) / 2
    }
    (self.shares, self.isClosed) = (shares, isClosed)
    start = reduced(places[order[(end + 1) % count]] - usual / 2)
    length = isClosed ? period : period - gaps[end] + usual
    (usualGap, largestGap) = (usual, gaps[end])
    largestInnerGap = isClosed ? gaps[end] : sorted[count - 2]
  }

  /// Where an angle lies after the start of the range, up to 2π.
  func position(_ angle: Double) -> Double {
    let rest = (angle - start).remainder(dividingBy: 2 * Double.pi)
    return rest < 0 ? rest + 2 * Double.pi : rest
  }

  /// A gap this many times the usual one is a lack of data, less an uneven or lost view.
  static let lack = 4.0
}

/// How far a detector reaches on both sides of the axis, in one measure.
struct DetectorReach: Sendable {
  /// Of the first element, counted away from the axis, and of the last.
  let first: Double
  let last: Double
  /// Rays farther out meet no pixel, and those up to here fill the circle in the image.
  let diagonal: Double
  let inscribed: Double
  /// Between two elements.
  let step: Double

  var shorter: Double { min(first, last) }
  var longer: Double { max(first, last) }
  /// Rays are measured on one side alone that meet the image.
  var isDisplaced: Bool { shorter < diagonal && longer - shorter > step / 2 }
  /// What is measured on both sides fills the circle in the image.
  var fillsCircle: Bool { shorter >= inscribed }

  /// The share of a ray at `place` and of its second measurement at −`place`, which sum to 1: sin² over what both sides reach.
  /// Source: Wang, Med. Phys. 29 (2002).
  func share(_ place: Double) -> Double {
    guard isDisplaced else { return 0.5 }
    let along = last >= first ? place : -place
    guard shorter > 0 else { return along > 0 ? 1 : 0 }
    return 0.5 * (1 + sin(Double.pi / 2 * min(max(along / shorter, -1), 1)))
  }
}

/// What is filtered: rows of a detector, weighted, with as many elements of 0 on its shorter side as the longer has, since the filtered rows
/// are not 0 there.
struct DetectorRows: Sendable {
  /// Of the numbers of a sinogram, or of one row of it; nil: 1.
  private let weights: Tensor?
  private let count: Int
  /// Elements of 0 before the first and in all.
  let before: Int
  let length: Int

  /// - Parameter offset: of the axis from the middle of the detector, in elements.
  init(_ count: Int, weights: Tensor?, reach: DetectorReach, offset: Double) {
    (self.weights, self.count) = (weights, count)
    let added = reach.isDisplaced && reach.shorter > 0 ? Int((2 * abs(offset)).rounded(.up)) + 1 : 0
    before = reach.first < reach.last ? added : 0
    length = count + added
  }

  var largestWeight: Double { weights?.maximumMagnitude ?? 1 }

  /// `[…, count]` to `[…, length]`.
  func widened(_ y: Tensor) -> Tensor {
    if y.isShapelessZero { return y }
    let y = weighted(y)
    return length == count ? y : moved(y, from: count, to: length, by: before)
  }

  /// The transpose.
  func narrowed(_ q: Tensor) -> Tensor {
    if q.isShapelessZero { return q }
    return weighted(length == count ? q : moved(q, from: length, to: count, by: -before))
  }

  private func weighted(_ y: Tensor) -> Tensor {
    guard let weights else { return y }
    let rows = y.reshaped([y.count / weights.count, weights.count])
    return scaledColumns(rows, weights.reshaped([weights.count]).converted(to: y.precision)).reshaped(y.shape)
  }

  private func moved(_ y: Tensor, from old: Int, to new: Int, by shift: Int) -> Tensor {
    let values = y.doubles
    var out = [Double](repeating: 0, count: values.count / old * new)
    for row in 0..<values.count / old {
      for i in max(0, -shift)..<min(old, new - shift) { out[row * new + i + shift] = values[row * old + i] }
    }
    return Tensor(out, shape: y.shape.dropLast() + [new], precision: y.precision)
  }
}

/// Data that filtered back-projection lacks: what was found, and what it expects.
public struct MissingData: Sendable, Equatable, CustomStringConvertible {
  public let found: String
  public let expected: String
  public var description: String { "found \(found); expected \(expected)" }

  static func degrees(_ angle: Double) -> String {
    let tenths = (angle * 1800 / .pi).rounded()
    return tenths.remainder(dividingBy: 10) == 0 ? "\(Int(tenths / 10))°" : "\(tenths / 10)°"
  }

  /// A detector that sees one side of the axis alone, or more of one side without a full turn; nil for others.
  init?(_ reach: DetectorReach, isFullTurn: Bool, found: Double) {
    guard reach.isDisplaced else { return nil }
    if reach.shorter <= 0 {
      (self.found, expected) = ("a detector beside the axis", "one that the axis is in front of")
      return
    }
    guard !isFullTurn, !reach.fillsCircle else { return nil }
    self.found = "a displaced detector over \(Self.degrees(found))"
    expected = "a full turn, or a detector that sees the image on both sides of the axis"
  }

  init(found: String, expected: String) { (self.found, self.expected) = (found, expected) }
}

extension ParallelBeamGeometry {
  var reach: DetectorReach {
    let diagonal = (Double(height * height + width * width)).squareRoot() / 2 * pixelSize
    return DetectorReach(
      first: -firstBin, last: firstBin + Double(bins - 1) * binWidth, diagonal: diagonal,
      inscribed: Double(min(height, width)) / 2 * pixelSize - binWidth, step: binWidth)
  }

  /// Of half a turn, after which the same lines are seen; with a displaced detector of a full turn.
  var coverage: (turn: TurnCoverage, isWeighted: Bool) {
    let full = TurnCoverage(angles, period: 2 * Double.pi, openBeyond: TurnCoverage.lack)
    if reach.isDisplaced, full.isClosed, angles.count > 1 { return (full, true) }
    return (TurnCoverage(angles, period: Double.pi, openBeyond: TurnCoverage.lack), false)
  }

  /// What filtered back-projection lacks; nil where every line through the image was measured.
  public var missingData: MissingData? {
    let (turn, isWeighted) = coverage
    let full = TurnCoverage(angles, period: 2 * Double.pi, openBeyond: TurnCoverage.lack)
    if let missing = MissingData(reach, isFullTurn: isWeighted, found: full.length) { return missing }
    guard !turn.isClosed else { return nil }
    return MissingData(
      found: "parallel beams over \(MissingData.degrees(turn.length)), a gap of \(MissingData.degrees(turn.largestGap))",
      expected: "angles over half a turn without a gap")
  }

  /// How far from the axis rays are, where they leave out a part of the circle in the image; nil: all of it is seen.
  public var truncation: (rays: Double, image: Double)? {
    let reach = reach
    return reach.longer < reach.inscribed ? (reach.longer, reach.inscribed) : nil
  }
}

extension FanBeamGeometry {
  /// In fan angles.
  var reach: DetectorReach {
    let half = (diagonal: hypot(Double(height), Double(width)) / 2, inscribed: Double(min(height, width)) / 2)
    let cell = spacing * sourceToCentre
    return DetectorReach(
      first: -fanAngle(0), last: fanAngle(cells - 1), diagonal: asin(min(half.diagonal * pixelSize / sourceToCentre, 1)),
      inscribed: asin(max(half.inscribed * pixelSize - cell, 0) / sourceToCentre), step: spacing)
  }

  var turn: TurnCoverage {
    // Every open range that is long enough has weights of its own; a displaced detector needs all around.
    TurnCoverage(angles, period: 2 * Double.pi, openBeyond: reach.isDisplaced ? TurnCoverage.lack : 1.5)
  }

  /// What filtered back-projection lacks; nil where every line through the image was measured.
  public var missingData: MissingData? {
    let (turn, reach) = (turn, reach)
    if let missing = MissingData(reach, isFullTurn: turn.isClosed, found: turn.length) { return missing }
    if turn.largestInnerGap > TurnCoverage.lack * turn.usualGap + 1e-9 {
      return MissingData(
        found: "a gap of \(MissingData.degrees(turn.largestInnerGap)) among the angles",
        expected: "gaps of about \(MissingData.degrees(turn.usualGap)), as most are")
    }
    guard !turn.isClosed else { return nil }
    let needed = Double.pi + 2 * min(reach.isDisplaced ? reach.shorter : reach.longer, reach.diagonal)
    guard turn.length < needed - turn.usualGap else { return nil }
    return MissingData(
      found: "a fan over \(MissingData.degrees(turn.length))",
      expected: "half a turn and the fan, \(MissingData.degrees(needed)), or more")
  }

  /// The share of a view's ray at a fan angle, which with its second measurement, (β + π + 2γ, −γ), sums to 1.
  func share(_ beta: Double, _ gamma: Double, _ turn: TurnCoverage, _ reach: DetectorReach) -> Double {
    if turn.isClosed { return reach.share(gamma) }
    let opposite = turn.position(beta + Double.pi + 2 * gamma)
    guard opposite < turn.length, -gamma >= -reach.first - spacing / 2, -gamma <= reach.last + spacing / 2 else { return 1 }
    // Weights rise from both ends of the range by sin².
    let rise = max((turn.length - Double.pi) / 2, 1e-3)
    func weight(_ place: Double) -> Double {
      let s = sin(Double.pi / 2 * min(max(min(place, turn.length - place), 1e-9) / rise, 1))
      return s * s
    }
    let own = weight(turn.position(beta))
    return own / (own + weight(opposite))
  }

  public var truncation: (rays: Double, image: Double)? {
    let reach = reach
    return reach.longer < reach.inscribed
      ? (sourceToCentre * sin(reach.longer), sourceToCentre * sin(reach.inscribed)) : nil
  }
}
