// SPDX-License-Identifier: Apache-2.0
// The constructs of differentiable Swift that the package relies on, each small and alone, so that a new toolchain says at once
// which of them it broke. Expected values are derivatives in closed form, given beside each.
import Tensors
import Testing
import _Differentiation

private protocol Part: Differentiable {
  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Double) -> Double
}

private struct Scale: Part {
  var factor: Double
  @noDerivative let offset: Double
  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Double) -> Double { factor * x + offset }
}

private struct Frozen<P: Part>: Part {
  @noDerivative let part: P
  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Double) -> Double { part(x) }
}

private struct Pair<First: Part, Second: Part>: Part {
  var first: First
  var second: Second
  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Double) -> Double { second(first(x)) }
}

private struct Chain<P: Part>: Differentiable {
  var parts: [P]

  /// Stops as soon as the value exceeds `limit`: the depth depends on the data.
  @differentiable(reverse,wrt: (self, x))
  func until(_ limit: Double, _ x: Double) -> Double {
    var v = x
    var k = 0
    while k < withoutDerivative(at: parts.count) {
      v = parts[k](v)
      k += 1
      if v > limit { break }
    }
    return v
  }

  @differentiable(reverse,wrt: (self, x))
  func recording(_ x: Double) -> [Double] {
    var trace: [Double] = []
    var v = x
    for k in 0..<withoutDerivative(at: parts.count) {
      v = parts[k](v)
      trace.append(v)
    }
    return trace
  }
}

private enum Choice { case double, square }

@differentiable(reverse)
private func branch(_ x: Double, _ choice: Choice) -> Double {
  switch choice {
  case .double: return 2 * x
  case .square: return x * x
  }
}

@differentiable(reverse)
private func guarded(_ x: Double) -> Double {
  guard x > 0 else { return -3 * x }
  return x * x
}

@differentiable(reverse)
private func recursive(_ x: Double, _ n: Int) -> Double { n == 0 ? 1 : x * recursive(x, n - 1) }

@differentiable(reverse)
private func throughTuple(_ x: Double) -> Double {
  let (a, b) = (x * x, 3 * x)
  return a * b
}

@differentiable(reverse)
private func grown(_ x: Double) -> Double {
  var v = x
  grow(&v)
  return v
}

@differentiable(reverse)
private func grow(_ v: inout Double) { v = v * v * v }

private protocol Mapping {
  func forward(_ x: Tensor) -> Tensor
  func adjoint(_ y: Tensor) -> Tensor
}
extension Mapping {
  func callAsFunction(_ x: Tensor) -> Tensor { forward(x) }
  @derivative(of: callAsFunction, wrt: x)
  func vjp(_ x: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) { (forward(x), { self.adjoint($0) }) }
}
private struct Halving: Mapping {
  func forward(_ x: Tensor) -> Tensor { 0.5 * x }
  func adjoint(_ y: Tensor) -> Tensor { 0.5 * y }
}

@Suite struct DifferentiationCanaryTests {
  @Test func genericPartsAndNoDerivativeFields() {
    let pair = Pair(first: Scale(factor: 2, offset: 1), second: Frozen(part: Scale(factor: 5, offset: 0)))
    let g = gradient(at: pair, 3) { p, x in p(x) }  // 5 (2·3 + 1): d/dfactor = 5·3, d/dx = 10
    #expect(g.0.first.factor == 15)
    #expect(g.1 == 10)
  }

  @Test func depthThatDependsOnTheData() {
    let chain = Chain(parts: (0..<6).map { _ in Scale(factor: 2, offset: 0) })
    let g = gradient(at: chain, 1) { c, x in c.until(7, x) }  // stops at 8 = 2³ x
    #expect(g.1 == 8)
    #expect(g.0.parts.base.prefix(3).map(\.factor) == [4, 4, 4])
    #expect(g.0.parts.base.dropFirst(3).allSatisfy { $0.factor == 0 })
  }

  @Test func arraysGrownInALoop() {
    let chain = Chain(parts: (0..<3).map { _ in Scale(factor: 2, offset: 0) })
    let d = gradient(at: 1.0) { x in
      let trace = chain.recording(x)
      return trace[0] + trace[2]
    }
    #expect(d == 10)  // 2 + 8
  }

  @Test func branchesGuardsAndRecursion() {
    #expect(gradient(at: 3) { branch($0, .double) } == 2)
    #expect(gradient(at: 3) { branch($0, .square) } == 6)
    #expect(gradient(at: -2) { guarded($0) } == -3)
    #expect(gradient(at: 2) { guarded($0) } == 4)
    #expect(gradient(at: 2) { recursive($0, 5) } == 80)  // 5 x⁴
  }

  @Test func tuplesAndInout() {
    #expect(gradient(at: 2) { throughTuple($0) } == 36)  // 9 x²
    #expect(gradient(at: 2) { grown($0) } == 12)  // 3 x²
  }

  @Test func aDerivativeRegisteredOnAProtocolExtension() {
    let g = gradient(at: Tensor([1, -2])) { x in squaredNorm(Halving()(x)) }  // x/2
    #expect(g.doubles == [0.5, -1])
  }

  @Test func theShapelessZeroPassesThroughEveryPullback() {
    // The first output is unused: its pullback receives .zero.
    let g = gradient(at: Tensor([1, 2])) { x in
      let unused = softThreshold(tanh(2 * x) .* x - x, threshold: 0.1)
      _ = unused
      return squaredNorm(x)
    }
    #expect(g.doubles == [2, 4])
    let pullback = valueWithPullback(at: Tensor([1, 2]), Tensor([1, 0, 0, 1], shape: [2, 2]), of: { linear($0, $1) }).pullback
    #expect(pullback(.zero).0.isShapelessZero && pullback(.zero).1.isShapelessZero)
  }

  @Test func aPullbackCalledTwice() {
    let (_, pullback) = valueWithPullback(at: Tensor([3]), of: { 2 * $0 })
    #expect(pullback(Tensor([1])).doubles == [2] && pullback(Tensor([5])).doubles == [10])
  }
}
