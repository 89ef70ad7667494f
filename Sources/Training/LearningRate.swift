// SPDX-License-Identifier: Apache-2.0
import Platform

/// The learning rate as a function of the step, counted from 0 within a phase.
public indirect enum LearningRate: Sendable, Hashable, Codable {
  /// `rate` at every step.
  case constant(rate: Double)
  /// `rate · factor^⌊step / every⌋`.
  case stepDecay(rate: Double, factor: Double, every: Int)
  /// `rate · factor^step`.
  case exponential(rate: Double, factor: Double)
  /// From `rate` to `final` along half a cosine: `final + (rate − final)(1 + cos(π step / steps)) / 2`, then `final`.
  case cosine(rate: Double, final: Double = 0, steps: Int)
  /// The cosine begun anew every `every` steps, for losses with many shallow minima. Source: Loshchilov & Hutter (2017), warm restarts.
  case restarts(rate: Double, final: Double = 0, every: Int)
  /// The rate of the last piece that has begun; the first begins at step 0.
  case piecewise(pieces: [Piece])
  /// `then`, over the first `steps` steps multiplied by `(step + 1) / steps`.
  case warmUp(steps: Int, then: LearningRate)

  /// A rate that holds from a step on.
  public struct Piece: Sendable, Hashable, Codable {
    public var from: Int
    public var rate: Double

    public init(from: Int, rate: Double) {
      self.from = from
      self.rate = rate
    }
  }

  /// The rate at `step`.
  public func callAsFunction(_ step: Int) -> Double {
    switch self {
    case .constant(let rate): rate
    case .stepDecay(let rate, let factor, let every): rate * pow(factor, Double(step / every))
    case .exponential(let rate, let factor): rate * pow(factor, Double(step))
    case .cosine(let rate, let final, let steps):
      step >= steps ? final : final + (rate - final) * (1 + cos(.pi * Double(step) / Double(steps))) / 2
    case .restarts(let rate, let final, let every): Self.cosine(rate: rate, final: final, steps: every)(step % every)
    case .piecewise(let pieces): (pieces.last { $0.from <= step } ?? pieces[0]).rate
    case .warmUp(let steps, let then): then(step) * min(1, Double(step + 1) / Double(steps))
    }
  }

  /// The same course with every rate multiplied by `factor`.
  public func scaled(by factor: Double) -> LearningRate {
    switch self {
    case .constant(let rate): .constant(rate: factor * rate)
    case .stepDecay(let rate, let decay, let every): .stepDecay(rate: factor * rate, factor: decay, every: every)
    case .exponential(let rate, let decay): .exponential(rate: factor * rate, factor: decay)
    case .cosine(let rate, let final, let steps): .cosine(rate: factor * rate, final: factor * final, steps: steps)
    case .restarts(let rate, let final, let every): .restarts(rate: factor * rate, final: factor * final, every: every)
    case .piecewise(let pieces): .piecewise(pieces: pieces.map { Piece(from: $0.from, rate: factor * $0.rate) })
    case .warmUp(let steps, let then): .warmUp(steps: steps, then: then.scaled(by: factor))
    }
  }

  /// What is wrong with it, or nil: rates are finite and not negative, counts of steps positive, pieces in order.
  var fault: String? {
    func check(_ rates: [Double], _ counts: [Int] = []) -> String? {
      if let rate = rates.first(where: { !($0 >= 0 && $0 < .infinity) }) {
        return "a learning rate or factor is \(rate); it must be ≥ 0"
      }
      if let count = counts.first(where: { $0 < 1 }) { return "a learning-rate schedule has \(count) steps; it must be at least 1" }
      return nil
    }
    switch self {
    case .constant(let rate): return check([rate])
    case .stepDecay(let rate, let factor, let every): return check([rate, factor], [every])
    case .exponential(let rate, let factor): return check([rate, factor])
    case .cosine(let rate, let final, let steps), .restarts(let rate, let final, let steps): return check([rate, final], [steps])
    case .piecewise(let pieces):
      guard pieces.first?.from == 0, zip(pieces, pieces.dropFirst()).allSatisfy({ $0.from < $1.from }) else {
        return "the pieces of the learning rate must begin at step 0 and be in order"
      }
      return check(pieces.map(\.rate))
    case .warmUp(let steps, let then): return check([], [steps]) ?? then.fault
    }
  }
}
