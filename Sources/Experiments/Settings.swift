// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation

extension Settings {
  /// The usual values with those in the place of them that `given` has: of the same names, null where nothing is said.
  ///
  /// - Throws: ``InputError`` for a value of another kind.
  public init(over given: some Encodable) throws {
    let members = Self.merged(try Self.members(of: Self()), try Self.members(of: given))
    self = try Self.decoded(members)
  }

  /// The usual values with those of a JSON object in the place of them.
  init?(json: String) {
    guard let given = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
      let found = try? Self.decoded(Self.merged(Self.members(of: Self()), given))
    else { return nil }
    self = found
  }

  /// The same with other values.
  public func with(_ given: [String: String]) throws -> Self {
    try Self.decoded(Self.merged(Self.members(of: self), given))
  }

  private static func merged(_ usual: [String: Any], _ given: [String: Any]) -> [String: Any] {
    usual.merging(given.filter { !($0.value is NSNull) && ($0.value as? [Any])?.isEmpty != true }) { usual, given in
      if let usual = usual as? [String: Any], let given = given as? [String: Any] { merged(usual, given) } else { given }
    }
  }

  /// The names of values that are not the usual ones.
  func changed() throws -> [String] {
    let (own, usual) = (try Self.members(of: self), try Self.members(of: Self()))
    return own.keys.filter { "\(own[$0] ?? "")" != "\(usual[$0] ?? "")" }
  }

  static func members(of value: some Encodable) throws -> [String: Any] {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try JSONSerialization.jsonObject(with: encoder.encode(value)) as? [String: Any] ?? [:]
  }

  /// Numbers that are not finite pass: who uses them says what was expected.
  private static func decoded(_ members: [String: Any]) throws -> Self {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do { return try decoder.decode(Self.self, from: JSONSerialization.data(withJSONObject: members)) } catch {
      throw InputError("found settings of another kind than expected: \(error)")
    }
  }
}

/// A setting as the command line spells it: `noiseSnr` is `--noise-snr`.
public func optionName(_ setting: String) -> String {
  "--" + setting.map { $0.isUppercase ? "-" + $0.lowercased() : String($0) }.joined()
}

/// - Throws: ``InputError`` for a signal-to-noise ratio that is none.
func checkDecibel(_ noiseSnr: Double?) throws {
  if let noiseSnr, !(abs(noiseSnr) <= 300) { throw InputError("found --noise-snr \(noiseSnr); expected -300 to 300 dB") }
}
