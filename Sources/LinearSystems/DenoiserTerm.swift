// SPDX-License-Identifier: Apache-2.0
import WeightFiles
import Denoisers
import Networks
import Training

/// A denoiser in the place of a prior by its name, which is also its text:
///
/// | text | denoiser, of images in [0, 1] |
/// |---|---|
/// | `denoiser:bm3d[:PROFILE]` | ``BM3D`` |
/// | `denoiser:tv[:WEIGHT]` | ``TotalVariationDenoiser``, weight 10 |
/// | `denoiser:dilated-cnn` | ``DilatedCNN`` |
/// | `denoiser:ffdnet` | ``FFDNet`` |
public enum DenoiserTerm: Sendable, Hashable, CustomStringConvertible {
  case bm3d(BM3DProfile)
  case totalVariation(weight: Double)
  case network(DenoisingNetworkKind)

  public static let spellings = ["denoiser:bm3d[:PROFILE]", "denoiser:tv[:WEIGHT]", "denoiser:dilated-cnn", "denoiser:ffdnet"]

  /// Whether a text is for a denoiser at all.
  public static func names(_ text: String) -> Bool { text.hasPrefix("denoiser:") || text == "denoiser" }

  public init(parsing text: String) throws {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    func fail(_ what: String, _ expected: String) -> InputError { InputError("prior \"\(text)\": \(what); expected \(expected)") }
    let own = parts.count == 3 ? parts[2] : nil
    guard parts.count >= 2, parts.count <= 3, parts[0] == "denoiser" else {
      throw fail("not one denoiser", "one of \(Self.spellings.joined(separator: ", "))")
    }
    switch parts[1] {
    case "bm3d":
      guard let profile = BM3DProfile(rawValue: own ?? BM3DProfile.automatic.rawValue) else {
        throw fail("a profile \"\(own ?? "")\"", "one of \(BM3DProfile.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      self = .bm3d(profile)
    case "tv":
      guard let weight = Double(own ?? "10"), weight > 0, weight.isFinite else {
        throw fail("a weight of \"\(own ?? "")\"", "a number above 0")
      }
      self = .totalVariation(weight: weight)
    default:
      guard own == nil, let kind = DenoisingNetworkKind(rawValue: parts[1]) else {
        throw fail("there is no \"\(parts[1...].joined(separator: ":"))\"", "one of \(Self.spellings.joined(separator: ", "))")
      }
      self = .network(kind)
    }
  }

  public var description: String {
    switch self {
    case .bm3d(let profile): "denoiser:bm3d" + (profile == .automatic ? "" : ":\(profile.rawValue)")
    case .totalVariation(let weight): "denoiser:tv" + (weight == 10 ? "" : ":\(weight)")
    case .network(let kind): "denoiser:\(kind.rawValue)"
    }
  }

  /// - Parameter network: a network with its weights.
  public func denoiser(network: (DenoisingNetworkKind) throws -> any DenoisingNetwork) throws -> any Denoiser {
    switch self {
    case .bm3d(let profile): return BM3D(profile)
    case .totalVariation(let weight): return TotalVariationDenoiser(weight: weight)
    case .network(let kind): return try network(kind)
    }
  }
}

extension Denoiser {
  /// Refuses images too small for a method that stands on this denoiser.
  package func check(height: Int, width: Int, for method: String, instead: String) throws {
    guard min(height, width) >= smallestExtent else {
      throw InputError(
        "found images of \(height) × \(width) for \(method); expected at least \(smallestExtent) × \(smallestExtent) pixels, or \(instead)"
      )
    }
  }
}
