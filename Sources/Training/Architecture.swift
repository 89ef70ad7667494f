// SPDX-License-Identifier: Apache-2.0
import Platform

/// What decides how many numbers a network learns and of which shapes. What a network has not is nil.
public struct Architecture: Sendable, Hashable, Codable {
  /// Stages.
  public var depth: Int?
  /// Channels of the convolutions.
  public var channels: Int?
  /// The extent of filters that may have several.
  public var filterSize: Int?
  /// Knots of learned curves.
  public var knots: Int?
  /// Learned curves have slopes of their own outside the knots.
  public var learnsSlopes: Bool?
  /// The data step, where there are several.
  public var gradient: String?

  public init(
    depth: Int? = nil, channels: Int? = nil, filterSize: Int? = nil, knots: Int? = nil, learnsSlopes: Bool? = nil,
    gradient: String? = nil
  ) {
    self.depth = depth
    self.channels = channels
    self.filterSize = filterSize
    self.knots = knots
    self.learnsSlopes = learnsSlopes
    self.gradient = gradient
  }

  /// The values there are, in words.
  public var values: [(name: String, value: String)] {
    let all: [(name: String, value: String?)] = [
      ("depth", depth.map { "\($0)" }), ("channels", channels.map { "\($0)" }), ("filter size", filterSize.map { "\($0)" }),
      ("knots", knots.map { "\($0)" }), ("learns slopes", learnsSlopes.map { "\($0)" }), ("gradient", gradient),
    ]
    return all.compactMap { name, value in value.map { (name, $0) } }
  }

  /// These values, and those of another where there is none.
  public func over(_ other: Architecture) -> Architecture {
    Architecture(
      depth: depth ?? other.depth, channels: channels ?? other.channels, filterSize: filterSize ?? other.filterSize,
      knots: knots ?? other.knots, learnsSlopes: learnsSlopes ?? other.learnsSlopes, gradient: gradient ?? other.gradient)
  }

  /// What the shapes of parameters say: the stages that there are, and the filters of the first.
  public init(of weights: Weights) {
    self.init(depth: weights.stageCount)
    if let filters = weights.shapeInFirstStage("analysis.1") ?? weights.shapeInFirstStage("first.weight"),
      filters.count == 4, filters == [filters[0], filters[0], 3, 3]
    {
      channels = filters[0]
    } else if let filters = weights.shapeInFirstStage("prior.analysis"), filters.count == 4, filters[2] == filters[3] {
      (channels, filterSize) = (filters[0], filters[2])
      learnsSlopes = weights.shapeInFirstStage("prior.slopes") != nil
    } else if let filters = weights.shape("prior.expansion.weight"), filters.count == 4 {
      channels = filters[0]
    } else if let filters = weights.shape("prior.0.weight"), filters.count == 4 {
      channels = filters[0]
    } else if let curves = weights.shapeInFirstStage("prior.values"), curves.count == 2 {
      knots = curves[1]
      filterSize = Int(Double(curves[0] + 1).squareRoot().rounded())  // size² − 1 filters
    }
  }

  /// What the notes of a recipe of before say, which are then no notes any more.
  init?(takenFrom notes: inout [String: String]) {
    func take(_ name: String) -> String? { notes.removeValue(forKey: name) }
    self.init(depth: take("depth").flatMap { Int($0) }, channels: take("channels").flatMap { Int($0) }, gradient: take("gradient"))
    if let iterations = take("iterations").flatMap({ Int($0) }) { depth = iterations + 1 }
    if self == Architecture() { return nil }
  }
}

extension Weights {
  /// Stages with parameters of their own, from the first on without a gap; nil where there is none.
  public var stageCount: Int? {
    let present = Set(parameters.compactMap { StageName($0.name)?.stage })
    var count = 0
    while present.contains(count) { count += 1 }
    return count > 0 ? count : nil
  }

  func shapeInFirstStage(_ name: String) -> [Int]? { shape("stages.0." + name) }

  func shape(_ name: String) -> [Int]? {
    parameters.first { String($0.name.map { $0 == "_" ? "." : $0 }) == name }?.value.shape
  }
}

/// The name of a stage's parameter: `stages.K.NAME`, or `stages_K_NAME` for want of dots in MATLAB's names.
struct StageName {
  let stage: Int
  private let separator: Character
  private let rest: Substring

  init?(_ name: String) {
    let stages = "stages"
    guard name.hasPrefix(stages), let separator = name.dropFirst(stages.count).first, separator == "." || separator == "_" else {
      return nil
    }
    let parts = name.dropFirst(stages.count + 1).split(separator: separator, maxSplits: 1)
    guard parts.count == 2, let stage = Int(parts[0]), stage >= 0 else { return nil }
    (self.stage, self.separator, rest) = (stage, separator, parts[1])
  }

  /// That of the same parameter of another stage.
  func name(at stage: Int) -> String { "stages\(separator)\(stage)\(separator)\(rest)" }
}
