// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct ComplexTests {
  private let x = ComplexTensor(pairs: chirp([2, 3, 2], 0.3))
  private let W = ComplexTensor(pairs: chirp([2, 3, 2], 0.7))

  /// NumPy 2.4.6: x Wᵀ, x[:, :2] conj(W) and x W element by element, of pairs sin(0.3 (i + 1)²) and sin(0.7 (i + 1)²), both 2 × 3.
  @Test func equalsNumPys() {
    let linearValues = [
      -1.9392893191561016, 1.284269624755525, 0.6064410343758212, 0.7625157017490111, 0.45859992076687583, 1.833755909663822,
      0.6845033782790605, -0.3653656201996741,
    ]
    expectClose(linear(x, W).pairs, Tensor(linearValues, shape: [2, 2, 2]), relative: 1e-13)
    let adjointValues = [
      -0.1153310269635901, -0.06407164810955879, -1.6141558049115659, -0.17588435931671514, -0.43802257736647027,
      -1.1650022192176135,
      -0.24940192410853967, 0.22594543052031552, -1.1981000205452783, 1.257465698530727, -1.1554439234724452, -0.31637713991685046,
    ]
    let left = ComplexTensor(pairs: Tensor(x.pairs.reshaped([2, 6]).transposed.rows(0..<4).transposed.doubles, shape: [2, 2, 2]))
    expectClose(linearAdjoint(left, W).pairs, Tensor(adjointValues, shape: [2, 3, 2]), relative: 1e-13)
    let products = [
      -0.12184270521378911, 0.6994318317401109, -0.9682362767655239, -0.4352302732113208, -0.8492103371767884, 1.020068066226735,
      -0.035077809715746304, 0.7044734606976413, 0.6531029427264874, -0.7214587328884269, 0.0664782452683194, -0.34838034800888845,
    ]
    expectClose((x .* W).pairs, Tensor(products, shape: [2, 3, 2]), relative: 1e-13)
    for (a, b) in [(x, W)] {
      let (a1, b1) = (a.converted(to: .single), b.converted(to: .single))
      expectClose((a1 .* b1).pairs, (a .* b).pairs.converted(to: .single), relative: 1e-6)
      expectClose(linear(a1, b1).pairs, linear(a, b).pairs.converted(to: .single), relative: 1e-6)
    }
  }

  /// PyTorch 2.13.0's autograd of Re⟨v, x Wᵀ⟩, v = pairs sin(0.11 (i + 1)²), 2 × 2.
  @Test func gradientsEqualPyTorchs() {
    let (_, pullback) = valueWithPullback(at: x, W, of: { x, W in linear(x, W) })
    let (dx, dW) = pullback(ComplexTensor(pairs: chirp([2, 2, 2], 0.11)))
    let expectedX = [
      1.1428837854168306, -0.12218444597821243, 0.47089076370048805, -0.38427359882485407, 0.2851554234624982, -0.5246502385641818,
      0.30382986407125234, 0.14509209485891006, 1.135185189203413, 1.0678658446939897, -0.334508336795202, 0.977933053416747,
    ]
    let expectedW = [
      0.5015825762610306, -0.7249184099788103, 0.061587335721573044, 1.2085698867152375, -0.17627146361829688, 1.4955789371341612,
      0.7392937020352732, 0.359202331822423, -0.7231369416630474, -0.025114681384670545, 0.10438256198068441, 0.5156574192474581,
    ]
    expectClose(dx.pairs, Tensor(expectedX, shape: [2, 3, 2]), relative: 1e-13)
    expectClose(dW.pairs, Tensor(expectedW, shape: [2, 3, 2]), relative: 1e-13)
  }

  @Test func gradients() {
    let (a, b, M) = (complexNormal([4, 3], seed: 1), complexNormal([4, 3], seed: 2), complexNormal([5, 3], seed: 3))
    let tall = complexNormal([4, 5], seed: 4)
    expectGradient(at: a.pairs) { p in squaredNorm(ComplexTensor(pairs: p) .* b) }
    expectGradient(at: b.pairs) { p in squaredNorm(a .* ComplexTensor(pairs: p)) }
    expectGradient(at: a.pairs) { p in squaredNorm(ComplexTensor(pairs: p) .* conjugate(ComplexTensor(pairs: p)) .* b) }
    expectGradient(at: a.pairs) { p in squaredNorm(linear(ComplexTensor(pairs: p), M)) }
    expectGradient(at: M.pairs) { p in squaredNorm(linear(a, ComplexTensor(pairs: p))) }
    expectGradient(at: tall.pairs) { p in squaredNorm(linearAdjoint(ComplexTensor(pairs: p), M)) }
    expectGradient(at: M.pairs) { p in squaredNorm(linearAdjoint(tall, ComplexTensor(pairs: p))) }
    // Each argument at once, on a batch of rank 3.
    let batch = complexNormal([2, 2, 3], seed: 5)
    expectGradient(at: M.pairs) { p in innerProduct(linear(batch, ComplexTensor(pairs: p)), linear(batch, ComplexTensor(pairs: p)))
    }
  }

  /// Re⟨x Wᵀ, y⟩ = Re⟨x, y conj(W)⟩.
  @Test(arguments: [(1, 1), (15, 17), (16, 3)]) func adjoint(m: Int, n: Int) {
    let (W, x, y) = (complexNormal([m, n], seed: 1), complexNormal([3, n], seed: 2), complexNormal([3, m], seed: 3))
    let forward = linear(x, W)
    #expect(abs(forward.inner(y) - x.inner(linearAdjoint(y, W))) <= 1e-13 * forward.norm * y.norm)
  }

  @Test func zeroHasNoShape() {
    #expect((x .* .zero).isShapelessZero && (.zero .* x).isShapelessZero && conjugate(.zero).isShapelessZero)
    #expect(linear(.zero, W).isShapelessZero && linear(x, .zero).isShapelessZero && linearAdjoint(.zero, W).isShapelessZero)
    let products = valueWithPullback(at: x, W, of: { a, b in a .* b }).pullback(.zero)
    #expect(products.0.isShapelessZero && products.1.isShapelessZero)
    let matrices = valueWithPullback(at: x, W, of: { a, b in linear(a, b) }).pullback(.zero)
    #expect(matrices.0.isShapelessZero && matrices.1.isShapelessZero)
    let adjoints = valueWithPullback(at: ComplexTensor(pairs: chirp([4, 2, 2], 0.3)), W, of: { a, b in linearAdjoint(a, b) })
    let (dy, dW) = adjoints.pullback(.zero)
    #expect(dy.isShapelessZero && dW.isShapelessZero)
    // A zero argument has a zero gradient and leaves the other's alone.
    let mixed = valueWithPullback(at: ComplexTensor.zero, W, of: { a, b in linear(a, b) }).pullback(
      ComplexTensor(pairs: chirp([2, 2, 2], 1)))
    #expect(mixed.1.isShapelessZero && mixed.0.shape == [2, 3])
    #expect(valueWithPullback(at: x, of: { conjugate($0) }).pullback(.zero).isShapelessZero)
  }
}

extension ComplexTensor {
  fileprivate func converted(to precision: Precision) -> ComplexTensor { ComplexTensor(pairs: pairs.converted(to: precision)) }
}
