// SPDX-License-Identifier: Apache-2.0

/// Parameters chosen by name; `*` stands for any text: `"stages.3.*"`, `"*.stepSize"`, `"*"`.
public struct NamePattern: Sendable, Hashable, Codable, ExpressibleByStringLiteral, CustomStringConvertible {
  public var text: String

  public init(_ text: String) { self.text = text }
  public init(stringLiteral text: String) { self.text = text }
  public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  public var description: String { text }

  /// True when the whole of `name` fits the pattern.
  public func matches(_ name: String) -> Bool {
    let (p, n) = (Array(text.utf8), Array(name.utf8))
    var (i, j) = (0, 0)
    var retry: (star: Int, name: Int)?  // where to go on, one byte further, when what follows the last star does not fit
    while j < n.count {
      if i < p.count, p[i] == UInt8(ascii: "*") {
        retry = (i, j)
        i += 1
      } else if i < p.count, p[i] == n[j] {
        i += 1
        j += 1
      } else if let (star, from) = retry {
        retry = (star, from + 1)
        (i, j) = (star + 1, from + 1)
      } else {
        return false
      }
    }
    return p[i...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}

/// How the parameters of some names are trained.
public struct ParameterGroup: Sendable, Hashable, Codable {
  /// Names of the members; one fitting pattern is enough.
  public var names: [NamePattern]
  /// A frozen parameter keeps its bits.
  public var isTrainable: Bool
  /// Multiplies the learning rate.
  public var learningRateFactor: Double
  /// In place of the optimiser's own weight decay.
  public var weightDecay: Double?
  /// After every step, elements below it are set to it. See `Positive` for a scalar that stays positive without projection.
  public var lowerBound: Double?

  public init(
    _ names: NamePattern..., isTrainable: Bool = true, learningRateFactor: Double = 1, weightDecay: Double? = nil,
    lowerBound: Double? = nil
  ) {
    self.names = names
    self.isTrainable = isTrainable
    self.learningRateFactor = learningRateFactor
    self.weightDecay = weightDecay
    self.lowerBound = lowerBound
  }

  /// Parameters that training leaves alone.
  public static func frozen(_ names: NamePattern...) -> ParameterGroup {
    var group = ParameterGroup(isTrainable: false)
    group.names = names
    return group
  }
}

/// A partition of the parameters: a parameter belongs to the first group with a fitting name.
///
/// Those that fit none are trained with the optimiser's own settings. Only stage 3 is trained by
/// `[ParameterGroup("stages.3.*"), .frozen("*")]`.
public struct ParameterGroups: Sendable, Hashable, Codable, ExpressibleByArrayLiteral {
  public var groups: [ParameterGroup]

  public init(_ groups: [ParameterGroup] = []) { self.groups = groups }
  public init(arrayLiteral groups: ParameterGroup...) { self.groups = groups }
  public init(from decoder: any Decoder) throws { groups = try [ParameterGroup](from: decoder) }
  public func encode(to encoder: any Encoder) throws { try groups.encode(to: encoder) }

  /// The group of the parameter `name`.
  public subscript(name: String) -> ParameterGroup {
    groups.first { $0.names.contains { $0.matches(name) } } ?? ParameterGroup("*")
  }
}
