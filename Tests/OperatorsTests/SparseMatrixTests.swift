// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct SparseMatrixTests {
  /// 7 × 5: ((7 i + 3 j) mod 11 − 5) / 8 where 4 divides 3 i + 5 j and it is not 0; row 5 is empty. Its starts, columns and values, and the numbers
  /// it is held to, are SciPy 1.17.1's `csr_matrix`, its products and `spsolve`, and NumPy 2.4.6's `linalg.norm`.
  private func small(_ precision: Precision = .double) -> SparseMatrix {
    SparseMatrix(
      columns: 5, rowStarts: [0, 2, 3, 4, 5, 7, 7, 8], columnIndices: [0, 4, 1, 2, 3, 0, 4, 2],
      values: Tensor([-0.625, -0.5, 0.625, 0.5, 0.375, 0.125, 0.25, -0.125], precision: precision))
  }

  /// A share of about one entry in `every`, independent N(0, 1), columns in no order and some of them twice.
  static func random(rows: Int, columns: Int, every: Int, precision: Precision = .double, seed: UInt64) -> SparseMatrix {
    var generator = RandomGenerator(seed: seed)
    var (starts, indices) = ([0], [Int32]())
    for _ in 0..<rows {
      for _ in 0..<Int.random(in: 0...2 * columns / every, using: &generator) {
        indices.append(.random(in: 0..<Int32(columns), using: &generator))
      }
      starts.append(indices.count)
    }
    let values = Tensor.normal([indices.count], precision: precision, using: &generator)
    return SparseMatrix(columns: columns, rowStarts: starts, columnIndices: indices, values: values)
  }

  @Test(arguments: Precision.allCases) func productsAreSciPys(precision: Precision) {
    let A = small(precision)
    #expect(A.rows == 7 && A.columns == 5 && A.entryCount == 8 && A.precision == precision)
    #expect(A.domainShape == [5] && A.codomainShape == [7])
    let x = Tensor([0.25, 0.5, 0.75, 1, 1.25], precision: precision)
    let y = Tensor([-1.5, -1, -0.5, 0, 0.5, 1, 1.5], precision: precision)
    // All of them binary fractions: exact.
    #expect(A.forward(x).doubles == [-0.78125, 0.3125, 0.375, 0.375, 0.34375, 0, -0.09375])
    #expect(A.adjoint(y).doubles == [1, -0.625, -0.4375, 0, 0.875])
    #expect(A.transposed.forward(y) == A.adjoint(y) && A.transposed.adjoint(x) == A.forward(x))
    #expect(abs(A.lipschitz - 0.7063063017371021) < (precision == .double ? 1e-9 : 1e-6))
    let solved = Tensor([-0.3665086887835703, 0.5614035087719298, 0.9795918367346939, 1.5609756097560976, 1.6935229067930488])
    expectClose(
      A.solveNormalEquations(x, penalty: 0.5).converted(to: .double), solved, relative: precision == .double ? 1e-12 : 1e-6)
  }

  @Test(arguments: 1...10) func isTheDenseMatrix(seed: Int) {
    let (rows, columns) = [(1, 1), (3, 70), (70, 3), (40, 60), (200, 300)][seed % 5]
    let A = Self.random(rows: rows, columns: columns, every: 1 + seed % 4, seed: UInt64(seed))
    let B = Matrix(A.dense, lipschitz: 1)
    var generator = RandomGenerator(seed: 7)
    for batch in [[], [1], [2, 3], [9], [0]] {
      let x = Tensor.normal(batch + [columns], using: &generator)
      let y = Tensor.normal(batch + [rows], using: &generator)
      #expect(A.forward(x).shape == batch + [rows] && A.adjoint(y).shape == batch + [columns])
      #expect((A.forward(x) - B.forward(x)).norm <= 1e-12 * max(B.forward(x).norm, 1e-300))
      #expect((A.adjoint(y) - B.adjoint(y)).norm <= 1e-12 * max(B.adjoint(y).norm, 1e-300))
    }
    #expect(A.adjointError(seed: UInt64(seed)) <= 1e-13)
    #expect(A.adjointError(domain: [4, columns], codomain: [4, rows], seed: UInt64(seed)) <= 1e-13)
    #expect(A.transposed.dense == A.dense.transposed)
  }

  /// Over several pieces of work, and by samples: the same bytes for any number of threads, in a batch or alone.
  @Test(arguments: Precision.allCases) func sameBytesForAnyThreads(precision: Precision) {
    let A = Self.random(rows: 3000, columns: 500, every: 20, precision: precision, seed: 3)
    var generator = RandomGenerator(seed: 4)
    let x = Tensor.normal([6, 500], precision: precision, using: &generator)
    let y = Tensor.normal([6, 3000], precision: precision, using: &generator)
    let one = Parallel.with(threads: 1) { (A.forward(x), A.adjoint(y)) }
    for threads in [2, 3, 8] {
      let several = Parallel.with(threads: threads) { (A.forward(x), A.adjoint(y)) }
      #expect(several.0 == one.0 && several.1 == one.1, "\(threads) threads")
    }
    #expect(A.forward(x.row(5)) == one.0.row(5) && A.adjoint(y.row(5)) == one.1.row(5))
  }

  @Test func singleIsDoubleRounded() {
    let A = Self.random(rows: 50, columns: 80, every: 5, seed: 5)
    let single = A.converted(to: .single)
    #expect(single.precision == .single && single.entryCount == A.entryCount)
    expectClose(single.dense.converted(to: .double), A.dense, relative: 1e-7)
    #expect(A.converted(to: .double).dense == A.dense)
    var generator = RandomGenerator(seed: 6)
    let x = Tensor.normal([80], using: &generator)
    expectClose(single.forward(x.converted(to: .single)).converted(to: .double), A.forward(x), relative: 1e-6)
  }

  /// The power iteration's norm is that of the eigenvalues; a known one is taken as it is.
  @Test(arguments: [1, 2, 3] as [UInt64]) func lipschitz(seed: UInt64) {
    let A = Self.random(rows: 30, columns: 45, every: 4, seed: seed)
    let exact = Matrix(A.dense).lipschitz
    #expect(abs(A.lipschitz - exact) <= 1e-6 * exact)
    #expect(A.converted(to: .single).lipschitz == A.lipschitz)
    let known = SparseMatrix(columns: 1, rowStarts: [0, 1], columnIndices: [0], values: Tensor([2]), lipschitz: 5)
    #expect(known.lipschitz == 5)
  }

  @Test func zeroAndEmptyOnes() {
    let A = SparseMatrix(columns: 3, rowStarts: [0, 0, 0], columnIndices: [], values: .zeros([0]))
    #expect(A.forward(Tensor([1, 2, 3])).doubles == [0, 0] && A.adjoint(Tensor([1, 2])).doubles == [0, 0, 0])
    #expect(A.lipschitz == 0)
    #expect(small().forward(.zero).isShapelessZero && small().adjoint(.zero).isShapelessZero)
  }

  @Test func derivativeIsTheAdjoint() {
    let A = small()
    let pullback = pullback(at: Tensor([1, 2, 3, 4, 5])) { x in A(x) }
    let gradient = pullback(Tensor([-1.5, -1, -0.5, 0, 0.5, 1, 1.5]))
    #expect(gradient.doubles == [1, -0.625, -0.4375, 0, 0.875])
  }
}

@Suite struct ReshapedTests {
  private let A = Matrix.gaussian(rows: 6, columns: 12, seed: 1)

  @Test func isTheOperatorOnTheSameNumbers() {
    let B = Reshaped(A, domain: [3, 4], codomain: [2, 3])
    #expect(B.domainShape == [3, 4] && B.codomainShape == [2, 3] && B.lipschitz == A.lipschitz)
    var generator = RandomGenerator(seed: 2)
    for batch in [[], [5], [2, 1]] {
      let x = Tensor.normal(batch + [3, 4], using: &generator)
      let y = Tensor.normal(batch + [2, 3], using: &generator)
      #expect(B.forward(x) == A.forward(x.reshaped(batch + [12])).reshaped(batch + [2, 3]))
      #expect(B.adjoint(y) == A.adjoint(y.reshaped(batch + [6])).reshaped(batch + [3, 4]))
      let solved = B.solveNormalEquations(x, penalty: 0.3)
      #expect(solved == A.solveNormalEquations(x.reshaped(batch + [12]), penalty: 0.3).reshaped(batch + [3, 4]))
    }
    #expect(B.forward(.zero).isShapelessZero && B.adjoint(.zero).isShapelessZero)
    expectAdjoint(B, domain: [2, 3, 4], codomain: [2, 2, 3], seed: 3)
  }

  /// Images of one channel, measurements as they are.
  @Test func extentsThatAreNotGivenAreTheOperators() {
    let B = Reshaped(SparseMatrixTests.random(rows: 20, columns: 12, every: 3, seed: 4), domain: [1, 3, 4])
    #expect(B.domainShape == [1, 3, 4] && B.codomainShape == [20] && B.forward(.zeros([2, 1, 3, 4])).shape == [2, 20])
    #expect(B.adjointError(seed: 5) <= 1e-13)
  }
}
