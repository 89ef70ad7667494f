// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct PseudoInverseTests {
  /// The four conditions of Penrose (1955), for wide, square and tall matrices and for one of rank 2.
  @Test(arguments: [(4, 7), (5, 5), (7, 4), (6, 5)]) func conditions(rows: Int, columns: Int) {
    var A = Matrix.gaussian(rows: rows, columns: columns, seed: 1)
    if (rows, columns) == (6, 5) {
      let (left, right) = (Matrix.gaussian(rows: 6, columns: 2, seed: 2), Matrix.gaussian(rows: 2, columns: 5, seed: 3))
      A = Matrix(linear(left.entries, right.entries.transposed))
    }
    let X = A.pseudoInverse
    func product(_ a: Tensor, _ b: Tensor) -> Tensor { linear(a, b.transposed) }
    let (AX, XA) = (product(A.entries, X.entries), product(X.entries, A.entries))
    expectClose(product(AX, A.entries), A.entries, relative: 1e-11)
    expectClose(product(XA, X.entries), X.entries, relative: 1e-11)
    expectClose(AX.transposed, AX, relative: 1e-11)
    expectClose(XA.transposed, XA, relative: 1e-11)
    #expect(A.converted(to: .single).pseudoInverse.precision == .single)
  }
}
