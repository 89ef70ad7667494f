// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Tensors

/// Terms that share one K, on signals of a shape: g(K x) and the proximal map of g on the range of K.
public struct PriorBlock<Signal: ImageSpace>: Sendable {
  /// K.
  public let analysis: AnalysisMap<Signal>
  /// g.
  public let penalty: SeparablePenalty

  public init(analysis: AnalysisMap<Signal>, penalty: SeparablePenalty) {
    self.analysis = analysis
    self.penalty = penalty
  }

  /// One term; its λ must be chosen.
  public init(_ term: PriorTerm, on layout: SignalLayout) throws {
    guard let weight = term.weight else {
      throw InputError("prior \"\(term)\": its weight is to be chosen first; give a number in the place of auto")
    }
    let parts = Signal.parts
    var penalty = SeparablePenalty()
    var analysis = AnalysisMap<Signal>(.identity, on: layout)
    penalty.numbers = parts
    func realOnly() throws {
      guard parts == 1 else {
        throw InputError(
          "prior \"\(term)\" bounds real numbers, the signals are complex: expected a prior of magnitudes, such as l1")
      }
    }
    switch term.kind {
    case .l1: penalty.l1 = weight
    case .elasticNet(let ridge): (penalty.l1, penalty.ridge) = (weight, ridge)
    case .ridge: penalty.ridge = weight
    case .group(let size):
      guard layout.count % size == 0 else {
        throw InputError(
          "prior \"\(term)\": groups of \(size) in signals of \(layout.count) numbers; expected a size that divides them")
      }
      (penalty.group, penalty.groupSize) = (weight, size * parts)
    case .box(let lower, let upper):
      try realOnly()
      (penalty.lower, penalty.upper) = (lower, upper)
    case .nonnegative:
      try realOnly()
      penalty.lower = 0
    case .totalVariation(let kind):
      analysis = AnalysisMap(.gradient(Gradient2D(height: layout.height, width: layout.width)), on: layout)
      if kind == .isotropic {
        (penalty.group, penalty.groupSize) = (weight, 2 * parts)
      } else {
        penalty.l1 = weight
      }
    case .wavelet(let filter, let levels):
      analysis = try AnalysisMap.wavelet(filter, levels: levels, on: layout)
      penalty.l1 = weight
    }
    self.init(analysis: analysis, penalty: penalty)
  }

  /// The fewest blocks of a list of terms: those on the signal itself share one where the map of their sum is known.
  public static func blocks(of terms: [PriorTerm], on layout: SignalLayout) throws -> [PriorBlock] {
    var blocks: [PriorBlock] = []
    for term in terms {
      let block = try PriorBlock(term, on: layout)
      if case .identity = block.analysis.kind {
        let shared = blocks.indices.first { i in
          guard case .identity = blocks[i].analysis.kind else { return false }
          return blocks[i].penalty.adding(block.penalty) != nil
        }
        if let i = shared, let sum = blocks[i].penalty.adding(block.penalty) {
          blocks[i] = PriorBlock(analysis: block.analysis, penalty: sum)
          continue
        }
      }
      blocks.append(block)
    }
    // ½ b‖x‖² = ½ b‖K x‖² of a tight K: a ridge alone goes there.
    if let alone = blocks.firstIndex(where: { $0.isRidge }),
      let other = blocks.indices.first(where: { $0 != alone && blocks[$0].analysis.isTight })
    {
      var penalty = blocks[other].penalty
      penalty.ridge += blocks[alone].penalty.ridge
      blocks[other] = PriorBlock(analysis: blocks[other].analysis, penalty: penalty)
      blocks.remove(at: alone)
    }
    let bounds = blocks.map(\.penalty)
    if let lower = bounds.map(\.lower).max(), let upper = bounds.map(\.upper).min(), lower > upper {
      throw InputError("bounds that exclude each other, at least \(lower) and at most \(upper): expected a value that meets all")
    }
    return blocks
  }

  private var isRidge: Bool {
    guard case .identity = analysis.kind else { return false }
    return penalty.l1 == 0 && penalty.group == 0 && !penalty.isBounded
  }

  /// g(K x).
  public func value(_ x: Signal) -> Double { x.isShapelessZero ? zeroValue : penalty.value(analysis.forward(x)) }
  private var zeroValue: Double { penalty.lower <= 0 && penalty.upper >= 0 ? 0 : .infinity }
}
