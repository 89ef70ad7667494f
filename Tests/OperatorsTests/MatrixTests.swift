// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct MatrixTests {
  private let A = Matrix(Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]))

  @Test func valuesByHand() {
    #expect(A.forward(Tensor([1, 0, -1])).doubles == [-2, -2])
    #expect(A.adjoint(Tensor([1, -1])).doubles == [-3, -3, -3])
    #expect(A.forward(Tensor([1, 0, -1, 0, 1, 0], shape: [2, 3])).doubles == [-2, -2, 2, 5])
    #expect(A.column(1).doubles == [2, 5])
    // numpy.linalg.norm([[1,2,3],[4,5,6]], 2)**2
    #expect(abs(A.lipschitz - 90.40267252625394) < 1e-9)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func adjoints(seed: UInt64) {
    let B = Matrix.gaussian(rows: 3, columns: 4, seed: seed)
    expectAdjoint(Composition(A, B), domain: [4], codomain: [2], seed: seed)
    expectAdjoint(
      Stacked(A, Matrix.gaussian(rows: 4, columns: 3, seed: seed)), domain: [3], codomain: [6], seed: seed)
    expectAdjoint(Stacked(A, A), domain: [5, 3], codomain: [5, 4], seed: seed)
    expectAdjoint(Sum(A, Scaled(-2, A)), domain: [3], codomain: [2], seed: seed)
    expectAdjoint(A.gram, domain: [3], codomain: [3], seed: seed)
    expectAdjoint(A.H, domain: [2], codomain: [3], seed: seed)
  }

  @Test func zeroPassesThrough() {
    #expect(A.forward(.zero).isShapelessZero && A.adjoint(.zero).isShapelessZero)
    #expect(Stacked(A, A).forward(.zero).isShapelessZero)
    #expect(Stacked(A, A).adjoint(.zero).isShapelessZero)
  }

  @Test func boundsAreBounds() {
    var generator = RandomGenerator(seed: 9)
    let B = Matrix.gaussian(rows: 3, columns: 4, seed: 8)
    func norm<Op: LinearOperator>(_ op: Op, _ n: Int) -> Double where Op.Domain == Tensor {
      powerIteration(op, startingAt: .normal([n], using: &generator)).last!
    }
    #expect(norm(Composition(A, B), 4) <= Composition(A, B).lipschitz * (1 + 1e-12))
    #expect(norm(Stacked(A, A), 3) <= Stacked(A, A).lipschitz * (1 + 1e-12))
    #expect(norm(Sum(A, A), 3) <= Sum(A, A).lipschitz * (1 + 1e-12))
    #expect(abs(norm(A.gram, 3) / A.gram.lipschitz - 1) < 1e-9)
    #expect(abs(norm(Scaled(3, A), 3) / Scaled(3, A).lipschitz - 1) < 1e-9)
    #expect(powerIteration(Matrix(.zeros([2, 2])), startingAt: Tensor([1, 1])).last == 0)
  }
}
