// SPDX-License-Identifier: Apache-2.0

/// Colours for numbers in [0, 1]; numbers outside take the nearest end, a NaN the lower.
public enum ColorMap: Sendable, CaseIterable {
  /// Black to white, one channel.
  case gray
  /// Blue over white to orange, for signed values with zero in the middle; told apart under every common colour blindness.
  case diverging

  var channels: Int { self == .gray ? 1 : 3 }

  /// The colour of `value`, one byte a channel.
  public func color(_ value: Double) -> [UInt8] {
    let value = value > 0 ? min(value, 1) : 0
    guard self == .diverging else { return [Self.byte(value * 255)] }
    let place = value * Double(Self.stops.count - 1)
    let i = min(Int(place), Self.stops.count - 2)
    let share = place - Double(i)
    return zip(Self.stops[i], Self.stops[i + 1]).map { Self.byte($0 + share * ($1 - $0)) }
  }

  private static let stops: [[Double]] = [[16, 62, 117], [78, 140, 196], [246, 246, 244], [232, 142, 80], [142, 48, 6]]

  private static func byte(_ value: Double) -> UInt8 { UInt8(value.rounded()) }
}
