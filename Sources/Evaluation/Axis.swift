// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One axis of a plot.
public struct Axis: Sendable, Equatable {
  public enum Scale: Sendable, Equatable {
    case linear
    /// Base 10; values that are not positive have no place on it and are left out.
    case logarithmic
  }

  public var label: String
  public var scale: Scale
  /// The values at both ends; from the data where nil.
  public var range: ClosedRange<Double>?
  /// Ticks at whole numbers only: stages, iterations, epochs.
  public var wholeNumbers: Bool

  public init(_ label: String, scale: Scale = .linear, range: ClosedRange<Double>? = nil, wholeNumbers: Bool = false) {
    self.label = label
    self.scale = scale
    self.range = range
    self.wholeNumbers = wholeNumbers
  }

  /// A labelled place on an axis.
  public struct Tick: Sendable, Equatable {
    public var value: Double
    public var label: String
  }

  /// Where a value lies, before it is scaled to pixels; nil where the axis has no place for it.
  func position(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    if scale == .linear { return value }
    return value > 0 ? log10(value) : nil
  }

  /// The positions at both ends: the range given, or the data's with a little room, widened where it is a point.
  func extent(of values: some Sequence<Double>, room: Double) -> ClosedRange<Double> {
    if let range, let lower = position(range.lowerBound), let upper = position(range.upperBound), upper > lower,
      (upper - lower).isFinite
    {
      return lower...upper
    }
    var (lower, upper) = (Double.infinity, -Double.infinity)
    for value in values {
      guard let place = position(value) else { continue }
      lower = min(lower, place)
      upper = max(upper, place)
    }
    guard lower <= upper else { return 0...1 }
    lower = max(lower, -1e300)
    upper = min(upper, 1e300)
    let span = upper - lower
    if span <= max(abs(lower), abs(upper)) * 1e-12 {
      let half = scale == .logarithmic ? 0.5 : max(abs(lower) * 0.05, 0.5)
      return lower - half...upper + half
    }
    return lower - room * span...upper + room * span
  }

  /// Ticks over a range of positions, about `count` of them.
  func ticks(over extent: ClosedRange<Double>, count: Int) -> [Tick] {
    switch scale {
    case .linear: Self.linearTicks(extent, count: count, wholeNumbers: wholeNumbers)
    case .logarithmic: Self.logarithmicTicks(extent, count: count)
    }
  }

  /// Multiples of 1, 2 or 5 times a power of ten within `range`: the step is the smallest that gives at most `count` intervals
  /// over it.
  public static func linearTicks(_ range: ClosedRange<Double>, count: Int, wholeNumbers: Bool = false) -> [Tick] {
    let (lower, upper) = (range.lowerBound, range.upperBound)
    let raw = (upper / Double(max(count, 1)) - lower / Double(max(count, 1)))
    guard raw > 0, raw.isFinite, lower.isFinite, upper.isFinite else { return [] }
    var exponent = log10(raw).rounded(.down)
    let fraction = raw / pow(10, exponent)
    var mantissa = fraction <= 1 + 1e-9 ? 1.0 : (fraction <= 2 + 1e-9 ? 2 : (fraction <= 5 + 1e-9 ? 5 : 10))
    if wholeNumbers && exponent < 0 { (exponent, mantissa) = (0, 1) }
    if mantissa == 10 { (exponent, mantissa) = (exponent + 1, 1) }
    // A negative power of ten is not a binary fraction: dividing by its inverse gives the nearest number to every multiple.
    let (scale, inverse) = exponent < 0 ? (1, pow(10, -exponent)) : (pow(10, exponent), 1)
    guard inverse.isFinite, scale > 0 else { return [] }
    let step = mantissa * scale / inverse
    guard step > 0 else { return [] }
    let slack = 1e-9
    let (first, last) = ((lower / step - slack).rounded(.up), (upper / step + slack).rounded(.down))
    guard last >= first, last - first <= 100, max(abs(first), abs(last)) < 1e15 else { return [] }
    return (0...Int(last - first)).map { i in
      let value = (first + Double(i)) * mantissa * scale / inverse
      return Tick(value: value + 0, label: label(value, step: step, largest: max(abs(lower), abs(upper)), exponent: Int(exponent)))
    }
  }

  /// Powers of ten within a range, given by its exponents of ten, every n-th where there are many; 1, 2 and 5 times them where
  /// there are few.
  public static func logarithmicTicks(_ extent: ClosedRange<Double>, count: Int) -> [Tick] {
    let (lower, upper) = (extent.lowerBound, extent.upperBound)
    guard lower.isFinite, upper.isFinite, lower < upper else { return [] }
    let slack = 1e-9
    let (first, last) = ((lower - slack).rounded(.up), (upper + slack).rounded(.down))
    if last - first >= 2 {
      let stride = max(1, ((last - first) / Double(max(count, 1))).rounded(.up))
      let start = (first / stride).rounded(.up) * stride
      return Swift.stride(from: start, through: last, by: stride).map { powerTick(Int($0), range: first...last) }
    }
    var found: [Tick] = []
    for exponent in stride(from: lower.rounded(.down), through: upper.rounded(.down), by: 1) {
      for mantissa in [1.0, 2, 5] {
        let place = exponent + log10(mantissa)
        guard place >= lower - slack, place <= upper + slack else { continue }
        let value = mantissa * pow(10, exponent)
        found.append(Tick(value: value, label: plain(value) ?? scientific(value)))
      }
    }
    if found.count >= 2 { return found }
    let (bottom, top) = (pow(10, lower), pow(10, upper))
    return bottom < top && top.isFinite ? linearTicks(bottom...top, count: count).filter { $0.value > 0 } : found
  }

  private static func powerTick(_ exponent: Int, range: ClosedRange<Double>) -> Tick {
    let value = pow(10, Double(exponent))
    let short = range.lowerBound >= -3 && range.upperBound <= 4
    return Tick(value: value, label: short ? plain(value) ?? "" : "10" + superscript(exponent))
  }

  /// Digits without an exponent between 0.001 and 10 000.
  private static func plain(_ value: Double) -> String? {
    guard value >= 0.9e-3, value < 1e5 else { return nil }
    return fixed(value, max(0, Int((-log10(value)).rounded(.up))))
  }

  private static func label(_ value: Double, step: Double, largest: Double, exponent: Int) -> String {
    if largest >= 1e6 || step < 1e-5 {
      if abs(value) < step * 1e-6 { return "0" }
      let digits = max(0, min(15, Int(log10(abs(value)).rounded(.down)) - exponent))
      let parts = String(format: "%.\(digits)e", value).split(separator: "e")
      guard parts.count == 2, let power = Int(parts[1]) else { return fixed(value, 0) }
      return parts[0].replacingOccurrences(of: "-", with: "−") + "×10" + superscript(power)
    }
    return fixed(value, max(0, -exponent))
  }
}
