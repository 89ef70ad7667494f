// SPDX-License-Identifier: Apache-2.0
import Platform
import Operators
import Tensors

/// The patterns in use for compressive-sensing MRI. All are built around the middle of the grid and returned in the order of the
/// transform, frequency 0 at [0, 0]; the seed alone decides those that are drawn.
extension SamplingMask {
  // MARK: By name

  /// The patterns of which one is chosen by name, with the values that are usual.
  public enum Pattern: String, CaseIterable, Sendable {
    case radial
    case cartesian
    case random
  }

  /// - Throws: ``InputError`` for a ratio that the pattern cannot reach.
  public init(_ pattern: Pattern, height: Int, width: Int, ratio: Double, seed: UInt64) throws {
    switch pattern {
    case .radial: self = try .pseudoRadial(height: height, width: width, ratio: ratio)
    case .cartesian:
      let centre = max(1, Int((0.32 * ratio * Double(width)).rounded()))  // the share of fastMRI's masks
      self = try .cartesian(height: height, width: width, ratio: ratio, centreLines: centre, seed: seed)
    case .random: self = try .variableDensity(height: height, width: width, ratio: ratio, seed: seed)
    }
  }

  // MARK: Straight lines through frequency 0

  /// Lines through frequency 0 at the angles i π / lines, i = 0 … lines − 1, rounded to the grid:
  ///
  ///     angle ≤ π/4 or > 3π/4    (k, l) = (round(l tan angle), l)    for every column l
  ///     otherwise                (k, l) = (k, round(k cot angle))    for every row k
  ///
  /// Halves are rounded away from 0. In an even extent n the frequency −n/2 has no opposite and is left out, so that the mask is
  /// symmetric about frequency 0. For 256 × 256 these are, bit for bit, the public masks of Yang et al. (2016).
  public static func pseudoRadial(height: Int, width: Int, lines: Int) -> SamplingMask {
    precondition(lines > 0, "pseudoRadial: \(lines) lines")
    let (rows, columns) = ((height - 1) / 2, (width - 1) / 2)
    var drawn = [Bool](repeating: false, count: height * width)
    func mark(_ k: Int, _ l: Int) {
      if abs(k) <= rows, abs(l) <= columns { drawn[(k + height / 2) * width + l + width / 2] = true }
    }
    for i in 0..<lines {
      let angle = Double(i) * Double.pi / Double(lines)
      if angle <= Double.pi / 4 || angle > 3 * Double.pi / 4 {
        let slope = tan(angle)
        for l in -columns...columns { mark(Int((Double(l) * slope).rounded()), l) }
      } else {
        let slope = 1 / tan(angle)
        for k in -rows...rows { mark(k, Int((Double(k) * slope).rounded())) }
      }
    }
    return uncentred(SamplingMask(height: height, width: width, isSampled: drawn))
  }

  /// The public masks of 256 × 256: their nominal ratio is not the nearest to what they measure, so that the lines are a table.
  public static let publishedLines: [(ratio: Double, lines: Int)] = [(0.1, 27), (0.2, 55), (0.3, 85), (0.4, 117), (0.5, 152)]

  /// Lines through frequency 0 that measure a fraction `ratio` of the frequencies: a public mask where there is one, otherwise as many
  /// lines as come nearest to it.
  ///
  /// - Throws: ``InputError`` for a ratio that is not in (0, 1], or one that lines cannot reach.
  public static func pseudoRadial(height: Int, width: Int, ratio: Double) throws -> SamplingMask {
    let target = try frequencies(ratio, height: height, width: width)
    if height == 256, width == 256, let known = publishedLines.first(where: { abs($0.ratio - ratio) < 1e-9 }) {
      return pseudoRadial(height: height, width: width, lines: known.lines)
    }
    let most = (2 * ((height - 1) / 2) + 1) * (2 * ((width - 1) / 2) + 1)
    guard target <= most else {
      throw InputError(
        "found a sampling ratio of \(ratio); lines through frequency 0 reach at most "
          + "\(Double(most) / Double(height * width)) of \(height) × \(width): choose a lower one")
    }
    // The count rises with the lines but for a few points up and down: the crossing by bisection, then its neighbourhood.
    func mask(_ lines: Int) -> SamplingMask { pseudoRadial(height: height, width: width, lines: lines) }
    var (low, high) = (0, 1)
    while mask(high).count < target { (low, high) = (high, 2 * high) }
    while high - low > 1 {
      let middle = (low + high) / 2
      if mask(middle).count < target { low = middle } else { high = middle }
    }
    let candidates = (max(1, high - 6)...high + 6).map(mask)
    return candidates.min { abs($0.count - target) < abs($1.count - target) }!
  }

  // MARK: Whole columns

  /// Whole columns: `centreLines` around frequency 0 and random ones up to the ratio, drawn one after the other with chances that
  /// go as (1 − |l| / (⌊width / 2⌋ + 1))^power in the distance |l| from frequency 0; power 0 makes all equal. A column is a line of a
  /// 2-D acquisition, read out from end to end.
  ///
  /// Source: Lustig, Donoho & Pauly (2007), section "variable density".
  /// - Throws: ``InputError`` for a ratio that is not in (0, 1] or below the centre's, and for a centre wider than the image.
  public static func cartesian(
    height: Int, width: Int, ratio: Double, centreLines: Int, power: Double = 0, seed: UInt64
  ) throws -> SamplingMask {
    let target = try frequencies(ratio, height: 1, width: width)
    guard centreLines >= 0, centreLines <= width else {
      throw InputError("found \(centreLines) lines in the centre of \(width); expected 0 … \(width): choose another number")
    }
    let centre = centreRange(centreLines, of: width)
    let columns = try drawn(target, of: width, seed: seed) { column in
      if centre.contains(column) { return nil }
      return pow(1 - Double(abs(column - width / 2)) / Double(width / 2 + 1), power)
    }
    return whole(columns: columns, height: height)
  }

  /// Every `acceleration`-th column, frequency 0 among them, and `calibrationLines` around it: the pattern of parallel imaging
  /// (Griswold et al., 2002), whose full centre gives the coils' sensitivities.
  public static func uniformCartesian(height: Int, width: Int, acceleration: Int, calibrationLines: Int) -> SamplingMask {
    precondition(acceleration >= 1, "uniformCartesian: an acceleration of \(acceleration)")
    let centre = centreRange(calibrationLines, of: width)
    let columns = (0..<width).map { ($0 - width / 2) % acceleration == 0 || centre.contains($0) }
    return whole(columns: columns, height: height)
  }

  // MARK: Single frequencies

  /// Random frequencies: all within `centreRadius` of frequency 0, others drawn one after the other with chances that go as
  /// (1 − r / r_max)^power. r is the distance from frequency 0 in units of half the extents, r² = (2 k / height)² + (2 l / width)²,
  /// and r_max that of a point just beyond the corner. The count is exactly the ratio's, rounded. The phase encodings of a 3-D
  /// acquisition.
  ///
  /// Source: Lustig, Donoho & Pauly (2007), section "variable density".
  /// - Throws: ``InputError`` for a ratio that is not in (0, 1] or below the centre's.
  public static func variableDensity(
    height: Int, width: Int, ratio: Double, centreRadius: Double = 0.06, power: Double = 5, seed: UInt64
  ) throws -> SamplingMask {
    let target = try frequencies(ratio, height: height, width: width)
    func distance(_ k: Int, _ l: Int) -> Double {
      let (u, v) = (2 * Double(k) / Double(height), 2 * Double(l) / Double(width))
      return (u * u + v * v).squareRoot()
    }
    let farthest = distance(height / 2 + 1, width / 2 + 1)
    let isSampled = try drawn(target, of: height * width, seed: seed) { i in
      let r = distance(i / width - height / 2, i % width - width / 2)
      return r <= centreRadius ? nil : pow(1 - r / farthest, power)
    }
    return uncentred(SamplingMask(height: height, width: width, isSampled: isSampled))
  }

  // MARK: Parts

  /// A ratio's number of frequencies, at least 1.
  private static func frequencies(_ ratio: Double, height: Int, width: Int) throws -> Int {
    guard ratio > 0, ratio <= 1 else { throw InputError("found a sampling ratio of \(ratio); expected one in (0, 1]") }
    return max(1, Int((ratio * Double(height * width)).rounded()))
  }

  /// `count` neighbours around frequency 0 of a centred axis; of an even count, one more before it than after.
  private static func centreRange(_ count: Int, of extent: Int) -> Range<Int> {
    precondition(count >= 0 && count <= extent, "\(count) lines in the centre of \(extent)")
    let first = extent / 2 - count / 2
    return first..<first + count
  }

  private static func whole(columns: [Bool], height: Int) -> SamplingMask {
    let rows = (0..<height).flatMap { _ in columns }
    return uncentred(SamplingMask(height: height, width: columns.count, isSampled: rows))
  }

  /// `count` of the places 0 ..< total: those without a weight, and others drawn without replacement with chances that go as their
  /// weights: the largest of uᵢ^(1 / wᵢ), uᵢ uniform (Efraimidis & Spirakis, 2006).
  private static func drawn(_ count: Int, of total: Int, seed: UInt64, weight: (Int) -> Double?) throws -> [Bool] {
    var generator = RandomGenerator(seed: seed)
    var isDrawn = [Bool](repeating: true, count: total)
    var keys: [(key: Double, place: Int)] = []
    for place in 0..<total {
      guard let weight = weight(place) else { continue }
      isDrawn[place] = false
      keys.append((log(1 - generator.uniform()) / weight, place))
    }
    let certain = total - keys.count
    guard certain <= count else {
      throw InputError(
        "found a full centre of \(certain) for a sampling ratio that gives \(count) of \(total); "
          + "expected the centre within the ratio: make it smaller, or the ratio larger")
    }
    keys.sort { ($0.key, $1.place) > ($1.key, $0.place) }
    for (_, place) in keys.prefix(count - certain) { isDrawn[place] = true }
    return isDrawn
  }
}
