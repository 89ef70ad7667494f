// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// g(c) = a Σ |cᵢ| + γ Σ ‖c_g‖₂ + ½ b ‖c‖₂², and infinity outside lower ≤ c ≤ upper: what sums of simple penalties come to.
///
/// |cᵢ| is the norm of `numbers` consecutive real numbers, 2 for complex ones. With b the map is that without it at t' = t / (1 + t b) and
/// r' = r / (1 + t b); then
///
///     prox(r) = π(h_{t'a}(r'))                    without groups: h shrinks, π projects onto the box
///     prox(r) = H_{t'γ}(max(h_{t'a}(r'), 0))      with groups, H shrinking them: a bound may only be c ≥ 0
///
/// Both are exact: on the line the minimum over an interval is the projection of the minimum, and groups follow what is inside them.
/// Sources: Combettes & Pesquet (2011); Jenatton, Mairal, Obozinski & Bach (2011), §3; Yu, On decomposing the proximal map (2013).
public struct SeparablePenalty: Penalty, Equatable {
  /// a.
  @noDerivative public var l1 = 0.0
  /// b.
  @noDerivative public var ridge = 0.0
  /// γ.
  @noDerivative public var group = 0.0
  /// Real numbers of a group.
  @noDerivative public var groupSize = 1
  /// Real numbers of one |cᵢ|.
  @noDerivative public var numbers = 1
  @noDerivative public var lower = -Double.infinity
  @noDerivative public var upper = Double.infinity

  public init() {}

  public var isBounded: Bool { lower > -.infinity || upper < .infinity }

  public func value(_ c: Tensor) -> Double {
    if isBounded && !c.doubles.allSatisfy({ $0 >= lower && $0 <= upper }) { return .infinity }
    var sum = 0.0
    if l1 > 0 { sum += numbers == 1 ? l1 * l1Norm(c) : GroupL1(weight: l1, groupSize: numbers).value(c) }
    if group > 0 { sum += GroupL1(weight: group, groupSize: groupSize).value(c) }
    if ridge > 0 { sum += 0.5 * ridge * c.inner(c) }
    return sum
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor {
    let scale = 1 / (1 + t * ridge)
    var x = ridge > 0 ? scale * r : r
    if l1 > 0 {
      x =
        numbers == 1
        ? softThreshold(x, threshold: t * scale * l1) : groupSoftThreshold(x, threshold: t * scale * l1, groupSize: numbers)
    }
    if isBounded { x = clamped(x, lower: lower, upper: upper) }
    if group > 0 { x = groupSoftThreshold(x, threshold: t * scale * group, groupSize: groupSize) }
    return x
  }

  /// The sum with another penalty; nil where its proximal map is not known in closed form.
  public func adding(_ other: SeparablePenalty) -> SeparablePenalty? {
    var sum = self
    sum.l1 += other.l1
    sum.ridge += other.ridge
    sum.lower = max(lower, other.lower)
    sum.upper = min(upper, other.upper)
    sum.numbers = max(numbers, other.numbers)
    if group > 0 && other.group > 0 && groupSize != other.groupSize { return nil }
    sum.group += other.group
    sum.groupSize = group > 0 ? groupSize : other.groupSize
    let isFree = !sum.isBounded || (sum.lower == 0 && sum.upper == .infinity)
    return sum.lower > sum.upper || (sum.group > 0 && !isFree) ? nil : sum
  }
}

// MARK: Duality

extension SeparablePenalty {
  /// g*(w) = sup ⟨w, c⟩ − g(c); infinity where it is not bounded.
  public func conjugate(_ w: Tensor) -> Double {
    let size = group > 0 ? groupSize : numbers
    let v = w.doubles
    var sum = 0.0
    if size == 1 {
      for value in v { sum += conjugate(ofNumber: value) }
      return sum
    }
    for start in stride(from: 0, to: v.count, by: size) {
      let excess = length(v[start..<start + size], scale: 1) - (group > 0 ? group : l1)
      if excess > 0 { sum += ridge > 0 ? 0.5 * excess * excess / ridge : excess > 1e-9 * max(group, l1) ? .infinity : 0 }
    }
    return sum
  }

  /// The largest s ≤ 1 with g*(s w) finite; 0 where that is the only one.
  public func feasibleScale(of w: Tensor) -> Double {
    if ridge > 0 { return 1 }
    let size = group > 0 ? groupSize : numbers
    let v = w.doubles
    var s = 1.0
    if size == 1 {
      for value in v where (value > 0 ? upper == .infinity : lower == -.infinity) && abs(value) * s > l1 { s = l1 / abs(value) }
      return s
    }
    let limit = group > 0 ? group : l1
    for start in stride(from: 0, to: v.count, by: size) {
      let part = v[start..<start + size]
      guard length(part, scale: s) > limit else { continue }
      var (least, most) = (0.0, s)
      for _ in 0..<60 {
        let middle = 0.5 * (least + most)
        if length(part, scale: middle) > limit { most = middle } else { least = middle }
      }
      s = least
    }
    return s
  }

  /// ‖h_a(s w_g)‖, of positive parts where c ≥ 0.
  private func length(_ part: ArraySlice<Double>, scale s: Double) -> Double {
    if group == 0 { return s * part.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    var sum = 0.0
    for start in stride(from: part.startIndex, to: part.endIndex, by: numbers) {
      let inner = part[start..<start + numbers]
      let norm = numbers == 1 ? abs(inner[start]) : inner.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let left = max(s * norm - l1, 0)
      if lower < 0 || inner[start] > 0 { sum += left * left }
    }
    return sum.squareRoot()
  }

  /// sup over lower ≤ c ≤ upper of w c − a |c| − ½ b c².
  private func conjugate(ofNumber w: Double) -> Double {
    let left = abs(w) > l1 * (1 + 1e-12) ? (w > 0 ? w - l1 : w + l1) : 0
    let free = left == 0 ? 0 : ridge > 0 ? left / ridge : left > 0 ? Double.infinity : -Double.infinity
    let c = min(max(free, lower), upper)
    return c.isInfinite ? .infinity : w * c - l1 * abs(c) - 0.5 * ridge * c * c
  }
}
