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

  /// At least 3 : 1 against the surface in both schemes; at least 7 apart by CIEDE2000, in normal sight and under simulated
  /// protanopia, deuteranopia and tritanopia (Machado, Oliveira & Fernandes 2009).
  static let seriesColors: [(light: UInt32, dark: UInt32)] = [
    (0x2A7FC9, 0x64AAE8), (0xCC4E0D, 0xF0894C), (0x0B7F5C, 0x3FC39B), (0x7A2F86, 0xB568C4), (0x5C4500, 0xF0D27A),
    (0x586472, 0xC3CCD6),
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
