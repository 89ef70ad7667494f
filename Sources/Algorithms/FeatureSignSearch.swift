// SPDX-License-Identifier: Apache-2.0
import Kernels
import Problems
import Tensors

/// Feature-sign search: the exact minimiser of E(X, Z) = ½‖X − W_d Z‖² + α‖Z‖₁ for one sample, in finitely many steps.
///
/// With the signs s of the non-zero coefficients 𝒜 known, E is quadratic and its minimiser is
///
///     Z_𝒜 = (W_𝒜ᵀW_𝒜)⁻¹ (W_𝒜ᵀX − α s)
///
/// The search moves towards it along a line, to the best among its end and the points where a coefficient changes sign (which
/// then leaves 𝒜), until the signs agree; then the coefficient that violates optimality most, |gᵢ| > α with g = W_dᵀ(W_d Z − X),
/// joins 𝒜 with the sign of −gᵢ. When none does, Z is optimal. E never rises. Source: Lee, Battle, Raina & Ng (2006), algorithm 1.
public struct FeatureSignSearch: Sendable {
  /// W_dᵀW_d, m × m.
  private let gram: [Double]
  private let alpha: Double
  private let codeSize: Int

  public init(_ problem: SparseCoding) {
    gram = problem.dictionary.converted(to: .double).gramEntries.doubles
    alpha = problem.alpha
    codeSize = problem.codeSize
  }

  /// The minimiser for B = W_dᵀX, `correlation`, searched from `start`, both of m values; nil when the chosen atoms are linearly
  /// dependent or `maximumSteps` do not suffice.
  public func minimiser(correlation: [Double], from start: [Double], maximumSteps: Int = 1000) -> [Double]? {
    var z = start
    var active = z.indices.filter { z[$0] != 0 }
    var signs = active.map { z[$0] > 0 ? 1.0 : -1.0 }
    for _ in 0..<maximumSteps {
      if !active.isEmpty {
        guard let target = minimiser(on: active, signs: signs, correlation) else { return nil }
        let agree = zip(target, signs).allSatisfy { $0 * $1 > 0 }
        if agree {
          for (i, value) in zip(active, target) { z[i] = value }
        } else {
          moveToBest(&z, active, signs, towards: target, correlation)
          active.removeAll { z[$0] == 0 }
          signs = active.map { z[$0] > 0 ? 1.0 : -1.0 }
          continue
        }
      }
      let gradient = gradient(z, active, correlation)
      var (worst, violation) = (-1, alpha * (1 + 1e-10))
      for i in 0..<codeSize where z[i] == 0 && abs(gradient[i]) > violation { (worst, violation) = (i, abs(gradient[i])) }
      guard worst >= 0 else { return z }
      active.append(worst)
      signs.append(gradient[worst] > 0 ? -1 : 1)
    }
    return nil
  }

  /// (W_𝒜ᵀW_𝒜)⁻¹ (B_𝒜 − α s), or nil when W_𝒜ᵀW_𝒜 is singular.
  private func minimiser(on active: [Int], signs: [Double], _ correlation: [Double]) -> [Double]? {
    let count = active.count
    var factor = [Double](repeating: 0, count: count * count)
    for (row, i) in active.enumerated() {
      for column in row..<count { factor[row * count + column] = gram[i * codeSize + active[column]] }
    }
    guard LinearAlgebra.cholesky(&factor, size: count) else { return nil }
    var solution = zip(active, signs).map { correlation[$0] - alpha * $1 }
    solution.withUnsafeMutableBufferPointer { LinearAlgebra.choleskySolve(factor, size: count, rows: 1, $0.baseAddress!) }
    return solution.allSatisfy(\.isFinite) ? solution : nil
  }

  /// Moves z on 𝒜 to the point of least energy among `target` and where the line to it meets a zero of a coefficient.
  private func moveToBest(
    _ z: inout [Double], _ active: [Int], _ signs: [Double], towards target: [Double], _ correlation: [Double]
  ) {
    let direction = zip(active, target).map { $1 - z[$0] }
    // E along the line: ½ a t² + b t + α‖z + t d‖₁ and a constant.
    var (a, b) = (0.0, 0.0)
    for (i, d) in zip(active, direction) where d != 0 {
      var (curvature, slope) = (0.0, -correlation[i])
      for (j, e) in zip(active, direction) {
        curvature += gram[i * codeSize + j] * e
        slope += gram[i * codeSize + j] * z[j]
      }
      a += d * curvature
      b += d * slope
    }
    var best = (energy: Double.infinity, t: 1.0)
    let crossings = zip(active, direction).compactMap { i, d in z[i] * d < 0 && abs(d) > abs(z[i]) ? -z[i] / d : nil }
    for t in crossings + [1] {
      let energy = 0.5 * a * t * t + b * t + alpha * zip(active, direction).reduce(0) { $0 + abs(z[$1.0] + t * $1.1) }
      if energy < best.energy { best = (energy, t) }
    }
    for (k, (i, d)) in zip(active, direction).enumerated() {
      let crossesHere = z[i] * d < 0 && -z[i] / d == best.t
      let joinsWronglySigned = z[i] == 0 && d * signs[k] <= 0  // by round-off alone
      z[i] = crossesHere || joinsWronglySigned ? 0 : z[i] + best.t * d
    }
  }

  /// W_dᵀ(W_d Z − X) = W_dᵀW_d Z − B.
  private func gradient(_ z: [Double], _ active: [Int], _ correlation: [Double]) -> [Double] {
    var gradient = correlation.map { -$0 }
    for i in active {
      let value = z[i]
      for j in 0..<codeSize { gradient[j] += value * gram[i * codeSize + j] }
    }
    return gradient
  }
}
