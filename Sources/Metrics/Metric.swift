// SPDX-License-Identifier: Apache-2.0
import Platform

/// A figure of merit; the raw value is its name in JSON.
public enum Metric: String, Sendable, CaseIterable, Codable {
  case psnr
  case ssim
  case nmse
  case nmseDecibel = "nmse_db"
  case rmse
  case codeError = "code_error"
  /// A number of iterations.
  case iterations
  case seconds

  /// Name and unit for people.
  public var title: String {
    switch self {
    case .psnr: "PSNR [dB]"
    case .ssim: "SSIM"
    case .nmse: "NMSE"
    case .nmseDecibel: "NMSE [dB]"
    case .rmse: "RMSE"
    case .codeError: "Code error"
    case .iterations: "Iterations"
    case .seconds: "Time [s]"
    }
  }

  /// True for quality, false for errors and times.
  public var higherIsBetter: Bool { self == .psnr || self == .ssim }

  /// Digits after the point that the papers print.
  public var decimals: Int {
    switch self {
    case .psnr, .nmseDecibel: 2
    case .ssim, .nmse, .rmse: 4
    case .codeError, .seconds: 3
    case .iterations: 0
    }
  }

  /// By how much `measured` is worse than `published`, in the metric's own units; negative when it is better.
  public func shortfall(measured: Double, published: Double) -> Double {
    higherIsBetter ? published - measured : measured - published
  }

  /// Worse than published by over 0.5 dB for metrics in decibels, by over 10 % of the published figure for the others.
  public func fallsShort(measured: Double, published: Double) -> Bool {
    let allowed = self == .psnr || self == .nmseDecibel ? 0.5 : 0.1 * abs(published)
    return !(shortfall(measured: measured, published: published) <= allowed)
  }

  /// The value with the metric's digits; an en dash for none.
  public func text(_ value: Double?) -> String { value.map { fixed($0, decimals) } ?? "–" }
}

/// A decimal number with a fixed number of digits and a true minus sign; "∞" and "–" where there is no number.
package func fixed(_ value: Double, _ decimals: Int) -> String {
  if value.isNaN { return "–" }
  if value.isInfinite { return value > 0 ? "∞" : "−∞" }
  if abs(value) >= 1e15 { return scientific(value) }
  let text = formatted("%.\(decimals)f", value)
  guard text.hasPrefix("-") else { return text }
  let digits = text.dropFirst()
  return digits.contains { $0 != "0" && $0 != "." } ? "−" + digits : String(digits)
}

/// A number as a mantissa and a power of ten, `1.2×10⁻⁵`.
package func scientific(_ value: Double) -> String {
  let parts = formatted("%.1e", value).split(separator: "e")
  guard parts.count == 2, let exponent = Int(parts[1]) else { return fixed(value, 1) }
  var mantissa = parts[0].hasPrefix("-") ? "−" + parts[0].dropFirst() : String(parts[0])
  if mantissa.hasSuffix(".0") { mantissa.removeLast(2) }
  return mantissa + "×10" + superscript(exponent)
}

package func superscript(_ exponent: Int) -> String {
  let digits: [Character: Character] = [
    "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
  ]
  return String(String(exponent).compactMap { digits[$0] })
}

/// A duration to three digits: `340 µs`, `12.3 ms`, `4.21 s`; from a minute on `3 min 05 s`, `2 h 10 min`.
package func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
  if seconds == 0 { return "0 s" }
  for (unit, scale) in [("µs", 1e6), ("ms", 1e3), ("s", 1.0)] {
    let value = seconds * scale
    if unit == "s" ? value >= 59.95 : value >= 999.5 { continue }
    return fixed(value, value < 9.995 ? 2 : (value < 99.95 ? 1 : 0)) + " " + unit
  }
  let whole = Int(seconds.rounded())
  let two = { (n: Int) in n < 10 ? "0\(n)" : "\(n)" }
  if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
  return "\(whole / 3600) h \(two(whole % 3600 / 60)) min"
}

/// A difference with its sign: `+0.04`, `−1.20`, `0.00`.
package func signed(_ value: Double, _ decimals: Int) -> String {
  let text = fixed(value, decimals)
  return value > 0 && text.contains { $0.isNumber && $0 != "0" } ? "+" + text : text
}
