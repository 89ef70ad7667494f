// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Testing

@Suite struct BandedCholeskyTests {
  /// a[i, i] = 10 + i, a[i, i + k] = sin(i + 3k), zero beyond the band: diagonally dominant.
  private func band(_ n: Int, _ width: Int) -> [Double] {
    (0..<n).flatMap { i in
      (0...width).map { k in k == 0 ? Double(10 + i) : i + k < n ? sin(Double(i + 3 * k)) : .nan }
    }
  }

  /// a x = b with a multiplied out here, and the dense factorisation.
  @Test(arguments: [(1, 0), (1, 3), (7, 0), (9, 2), (40, 5), (6, 5)]) func solves(n: Int, width: Int) {
    let a = band(n, width)
    var dense = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      for k in 0...width where i + k < n {
        dense[i * n + i + k] = a[i * (width + 1) + k]
        dense[(i + k) * n + i] = a[i * (width + 1) + k]
      }
    }
    let x = (0..<2 * n).map { cos(0.7 * Double($0)) }
    var b = (0..<2).flatMap { s in
      (0..<n).map { i in (0..<n).reduce(0.0) { $0 + dense[i * n + $1] * x[s * n + $1] } }
    }
    var other = b
    var factor = a
    #expect(LinearAlgebra.bandedCholesky(&factor, size: n, bandwidth: width))
    LinearAlgebra.bandedCholeskySolve(factor, size: n, bandwidth: width, rows: 2, &b)
    for (found, expected) in zip(b, x) { #expect(abs(found - expected) < 1e-13) }
    #expect(LinearAlgebra.cholesky(&dense, size: n))
    other.withUnsafeMutableBufferPointer { LinearAlgebra.choleskySolve(dense, size: n, rows: 2, $0.baseAddress!) }
    for (found, expected) in zip(b, other) { #expect(abs(found - expected) < 1e-13) }
  }

  @Test func indefiniteIsSaid() {
    var a = [1.0, 2, 1, 0]  // [[1, 2], [2, 1]], eigenvalues 3 and −1
    #expect(!LinearAlgebra.bandedCholesky(&a, size: 2, bandwidth: 1))
  }
}
