// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform

/// One term λ g(K x) of an objective by its name, which is also its text:
///
/// | text | term | K |
/// |---|---|---|
/// | `l1:λ` | λ ‖x‖₁ | identity |
/// | `elastic-net:λ₁:λ₂` | λ₁ ‖x‖₁ + ½ λ₂ ‖x‖₂² | identity |
/// | `group:λ:size` | λ Σ ‖x_g‖₂ over consecutive groups of `size` numbers | identity |
/// | `box:lower:upper` | 0 for lower ≤ x ≤ upper, else infinity; `-inf` and `inf` leave a side open | identity |
/// | `nonnegative` | 0 for x ≥ 0, else infinity | identity |
/// | `ridge:λ` | ½ λ ‖x‖₂² | identity |
/// | `tv:λ` | λ Σ ‖(∇x)ᵢ‖₂, differences across the edges 0 | gradient |
/// | `tv-anisotropic:λ` | λ Σ ‖(∇x)ᵢ‖₁ | gradient |
/// | `wavelet:FILTER:λ[:levels]` | λ ‖Ψ x‖₁, all coefficients, those of the low pass too | wavelets |
///
/// λ may be `auto`, to be chosen from the measurement. Of complex signals magnitudes count, where real ones have absolute values. Images of
/// several channels have the terms of images on every channel. What the terms are on signals of a shape says ``PriorBlock``.
public struct PriorTerm: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case l1
    /// λ₂ is here, λ₁ the term's weight.
    case elasticNet(ridge: Double)
    case group(size: Int)
    case box(lower: Double, upper: Double)
    case nonnegative
    case ridge
    case totalVariation(TotalVariation)
    /// Levels nil: 4, or fewer where the filter would outgrow the image.
    case wavelet(WaveletFilter, levels: Int?)
  }

  public let kind: Kind
  /// λ; nil: to be chosen. Bounds have none and 1 stands here.
  public var weight: Double?

  /// λ must not be negative; bounds take no weight.
  public init(_ kind: Kind, weight: Double?) {
    precondition(weight.map { $0 >= 0 && $0.isFinite } ?? true, "a prior of weight \(weight ?? .nan)")
    self.kind = kind
    self.weight = Self.hasWeight(kind) ? weight : 1
  }

  /// Whether λ is to be chosen.
  public var isAutomatic: Bool { weight == nil }
  /// Whether there is a λ: of bounds there is none.
  public var hasWeight: Bool { Self.hasWeight(kind) }
  /// The same term with another λ.
  public func with(weight: Double) -> PriorTerm { PriorTerm(kind, weight: weight) }

  private static func hasWeight(_ kind: Kind) -> Bool {
    switch kind {
    case .box, .nonnegative: false
    default: true
    }
  }
}

// MARK: As text

extension PriorTerm: CustomStringConvertible {
  public var description: String {
    let λ = weight.map(Self.text) ?? "auto"
    return switch kind {
    case .l1: "l1:\(λ)"
    case .elasticNet(let ridge): "elastic-net:\(λ):\(Self.text(ridge))"
    case .group(let size): "group:\(λ):\(size)"
    case .box(let lower, let upper): "box:\(Self.text(lower)):\(Self.text(upper))"
    case .nonnegative: "nonnegative"
    case .ridge: "ridge:\(λ)"
    case .totalVariation(let kind): (kind == .isotropic ? "tv:" : "tv-anisotropic:") + λ
    case .wavelet(let filter, let levels): "wavelet:\(filter.name):\(λ)" + (levels.map { ":\($0)" } ?? "")
    }
  }

  private static func text(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e6 ? String(Int(value)) : String(value)
  }

  /// How every prior is spelled, for a page of help.
  public static let spellings = [
    "l1:WEIGHT", "elastic-net:WEIGHT:RIDGE", "group:WEIGHT:SIZE", "box:LOWER:UPPER", "nonnegative", "ridge:WEIGHT", "tv:WEIGHT",
    "tv-anisotropic:WEIGHT", "wavelet:FILTER:WEIGHT[:LEVELS]",
  ]

  /// The term of a text such as `tv:0.05`.
  public init(parsing text: String) throws {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let name = parts[0]
    guard let form = Self.spellings.first(where: { $0.split(separator: ":")[0] == name }) else {
      throw InputError("prior \"\(text)\": there is no \"\(name)\"; expected one of \(Self.spellings.joined(separator: ", "))")
    }
    func fail(_ what: String) -> InputError { InputError("prior \"\(text)\": \(what); expected \(form)") }
    let most = form.split(separator: ":").count
    let least = form.hasSuffix("]") ? most - 1 : most
    guard (least...most).contains(parts.count) else { throw fail("\(parts.count - 1) numbers after the name") }

    func weight(_ i: Int) throws -> Double? {
      if parts[i] == "auto" { return nil }
      guard let value = Double(parts[i]), value.isFinite, value >= 0 else {
        throw fail("a weight of \"\(parts[i])\", neither a number from 0 on nor auto")
      }
      return value
    }
    func whole(_ i: Int, _ what: String) throws -> Int {
      guard let value = Int(parts[i]), value >= 1 else { throw fail("\(what) \"\(parts[i])\", no whole number from 1 on") }
      return value
    }
    switch name {
    case "l1": self.init(.l1, weight: try weight(1))
    case "ridge": self.init(.ridge, weight: try weight(1))
    case "tv": self.init(.totalVariation(.isotropic), weight: try weight(1))
    case "tv-anisotropic": self.init(.totalVariation(.anisotropic), weight: try weight(1))
    case "nonnegative": self.init(.nonnegative, weight: 1)
    case "group": self.init(.group(size: try whole(2, "a size of")), weight: try weight(1))
    case "elastic-net":
      guard let ridge = Double(parts[2]), ridge.isFinite, ridge >= 0 else {
        throw fail("a ridge of \"\(parts[2])\", no number from 0 on")
      }
      self.init(.elasticNet(ridge: ridge), weight: try weight(1))
    case "box":
      guard let lower = Double(parts[1]), let upper = Double(parts[2]), lower <= upper, lower < .infinity, upper > -.infinity else {
        throw fail("bounds \"\(parts[1])\" and \"\(parts[2])\", not two numbers in rising order")
      }
      self.init(.box(lower: lower, upper: upper), weight: 1)
    default:
      guard let filter = WaveletFilter(name: parts[1]) else {
        throw fail("a filter \"\(parts[1])\", none of \(WaveletFilter.allCases.map(\.name).joined(separator: ", "))")
      }
      self.init(.wavelet(filter, levels: parts.count == 4 ? try whole(3, "levels") : nil), weight: try weight(2))
    }
  }
}
