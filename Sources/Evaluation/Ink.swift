// SPDX-License-Identifier: Apache-2.0

/// Light or dark surroundings.
public enum ColorScheme: String, Sendable, CaseIterable { case light, dark }

/// A colour by its purpose; the scheme decides which it is.
enum Ink: Hashable {
  case surface
  case text
  case secondary
  case grid
  case axis
  case reference
  /// One of the series' colours, in order; after the last they begin again.
  case series(Int)

  /// Distinct under protanopia, deuteranopia and tritanopia, and at least 3 : 1 against the surface, in both schemes.
  static let seriesColors: [(light: UInt32, dark: UInt32)] = [
    (0x1F6FB4, 0x64AAE8), (0xCC4E0D, 0xF0894C), (0x0B7F5C, 0x3FC39B), (0x93408A, 0xD48BCB), (0x9A6F00, 0xDDB043), (0x586472, 0x9DA9B8),
  ]

  /// 0xRRGGBB.
  func color(_ scheme: ColorScheme) -> UInt32 {
    let pair: (light: UInt32, dark: UInt32) =
      switch self {
      case .surface: (0xFFFFFF, 0x1A1C20)
      case .text: (0x1B1E23, 0xECEEF1)
      case .secondary: (0x5A626D, 0xA4ACB8)
      case .grid: (0xE9EBEE, 0x2B2F36)
      case .axis: (0xB4BAC2, 0x555C67)
      case .reference: (0x6D7580, 0x9099A6)
      case .series(let i): Self.seriesColors[i % Self.seriesColors.count]
      }
    return scheme == .light ? pair.light : pair.dark
  }

  /// `#rrggbb`.
  func hexadecimal(_ scheme: ColorScheme) -> String {
    let digits = String(color(scheme), radix: 16)
    return "#" + String(repeating: "0", count: 6 - digits.count) + digits
  }

  /// The end of its class names in a style sheet.
  var name: String {
    switch self {
    case .surface: "surface"
    case .text: "text"
    case .secondary: "secondary"
    case .grid: "grid"
    case .axis: "axis"
    case .reference: "reference"
    case .series(let i): "series-\(i % Self.seriesColors.count + 1)"
    }
  }

  static let all: [Ink] = [.surface, .text, .secondary, .grid, .axis, .reference] + seriesColors.indices.map { .series($0) }
}
