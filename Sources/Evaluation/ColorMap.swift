// SPDX-License-Identifier: Apache-2.0

/// Colours for numbers in [0, 1]; numbers outside take the nearest end, a NaN the lower.
public enum ColorMap: Sendable, CaseIterable {
  /// Black to white, one channel.
  case gray
  /// Blue over white to orange, for signed values with zero in the middle; told apart under every common colour blindness.
  case diverging
  /// Black over purple and orange to pale yellow, of rising lightness, for magnitudes: Matplotlib's inferno (CC0) at nine places.
  case magnitude

  var channels: Int { self == .gray ? 1 : 3 }

  /// The colour of `value`, one byte a channel.
  public func color(_ value: Double) -> [UInt8] {
    let value = value > 0 ? min(value, 1) : 0
    let stops: [[Double]]
    switch self {
    case .gray: return [Self.byte(value * 255)]
    case .diverging: stops = Self.divergingStops
    case .magnitude: stops = Self.magnitudeStops
    }
    let place = value * Double(stops.count - 1)
    let i = min(Int(place), stops.count - 2)
    let share = place - Double(i)
    return zip(stops[i], stops[i + 1]).map { Self.byte($0 + share * ($1 - $0)) }
  }

  private static let divergingStops: [[Double]] = [
    [16, 62, 117], [78, 140, 196], [246, 246, 244], [232, 142, 80], [142, 48, 6],
  ]
  private static let magnitudeStops: [[Double]] = [
    [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10], [249, 201, 50],
    [252, 255, 164],
  ]

  private static func byte(_ value: Double) -> UInt8 { UInt8(value.rounded()) }
}
