// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Testing

@Suite struct LinearAlgebraTests {
  static let extents = [
    (0, 3, 2), (3, 0, 2), (3, 2, 0), (1, 1, 1), (1, 17, 15), (16, 1, 17), (15, 16, 17), (33, 5, 1), (1, 1003, 3), (3, 7, 1003),
  ]

  /// A processor with AVX2 is given no kernels of before it, unless the environment says so, or the library has no others.
  @Test func kernelsAreTheProcessors() {
    guard InstructionSet.best != .baseline, ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil else { return }
    #expect(!["Prescott", "Core2", "Nehalem", "Barcelona"].contains(BLAS.kernels), "\(BLAS.kernels)")
  }

  @Test(arguments: extents) func matrixProducts(m: Int, n: Int, k: Int) {
    func check<S: Scalar>(_: S.Type) {
      let (a, b, c): ([S], [S], [S]) = (chirp(m * k, 0.3), chirp(k * n, 0.7), chirp(m * n, 0.11))
      for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        for (alpha, beta) in [(1, 0), (1, 1), (-0.5, 0.25)] as [(S, S)] {
          // With beta = 0 what is in C does not matter, not even NaN.
          let start = beta == 0 ? [S](repeating: .nan, count: m * n) : c
          expectClose(
            changed(start) { S.gemm(transposeA: ta, transposeB: tb, m: m, n: n, k: k, alpha: alpha, a, b, beta: beta, $0) },
            changed(start) { Reference.gemm(transposeA: ta, transposeB: tb, m: m, n: n, k: k, alpha: alpha, a, b, beta: beta, $0) },
            "\(m) × \(n) × \(k) \(ta) \(tb)")
        }
      }
      let (z, y): ([S], [S]) = (chirp(2 * m * k, 0.3), chirp(2 * k * n, 0.7))
      for fa in MatrixForm.allCases {
        for fb in MatrixForm.allCases {
          expectClose(
            written(2 * m * n) { ComplexKernels.gemm(fa, fb, m: m, n: n, k: k, z, y, $0) },
            written(2 * m * n) { Reference.complexGemm(fa, fb, m: m, n: n, k: k, z, y, $0) }, "complex \(fa) \(fb)")
        }
      }
    }
    check(Float.self)
    check(Double.self)
  }

  /// A Aᵀ + 1 with A = sin(0.3 (i + 1)²), n × n.
  static func positive(_ n: Int) -> [Double] {
    let a: [Double] = chirp(n * n, 0.3)
    var s = [Double](repeating: 0, count: n * n)
    for i in 0..<n { s[i * n + i] = 1 }
    if n > 0 { Reference.gemm(transposeA: false, transposeB: true, m: n, n: n, k: n, alpha: 1, a, a, beta: 1, &s) }
    return s
  }

  @Test(arguments: [1, 2, 15, 16, 17, 64]) func choleskyIsTheDefinition(n: Int) {
    let s = Self.positive(n)
    var r = s
    #expect(LinearAlgebra.cholesky(&r, size: n))
    for i in 0..<n { for j in 0..<i { r[i * n + j] = 0 } }
    expectClose(
      written(n * n) { Reference.gemm(transposeA: true, transposeB: false, m: n, n: n, k: n, alpha: 1, r, r, beta: 0, $0) }, s)
    // Three right-hand sides of known solution.
    func solve<T: Scalar>(_: T.Type, tolerance: Double) {
      let x: [T] = chirp(3 * n, 0.7)
      var b = written(3 * n) {
        Reference.gemm(transposeA: false, transposeB: false, m: 3, n: n, k: n, alpha: 1, x, s.map { T($0) }, beta: 0, $0)
      }
      LinearAlgebra.choleskySolve(r.map { T($0) }, size: n, rows: 3, &b)
      expectClose(b, x, tolerance: tolerance)
    }
    solve(Double.self, tolerance: 1e-12)
    solve(Float.self, tolerance: 1e-4)
  }

  @Test(arguments: [1, 2, 15, 16, 17, 64]) func eigenvectorsAreTheDefinition(n: Int) {
    let s = Self.positive(n)
    let (values, vectors) = LinearAlgebra.symmetricEigen(s, size: n)
    #expect(values == values.sorted())
    // V S = diag(λ) V and V Vᵀ = 1.
    let left = written(n * n) {
      Reference.gemm(transposeA: false, transposeB: false, m: n, n: n, k: n, alpha: 1, vectors, s, beta: 0, $0)
    }
    expectClose(left, (0..<n * n).map { values[$0 / n] * vectors[$0] }, tolerance: 1e-12)
    let product = written(n * n) {
      Reference.gemm(transposeA: false, transposeB: true, m: n, n: n, k: n, alpha: 1, vectors, vectors, beta: 0, $0)
    }
    expectClose(product, (0..<n * n).map { $0 / n == $0 % n ? 1 : 0 }, tolerance: 1e-12)
  }

  /// A Aᴴ + 1 with A = sin(0.3 (i + 1)²) as pairs, n × n, for every size; three of them at once with the middle one scaled.
  @Test(arguments: [1, 2, 8, 17, 64]) func hermitianEigenvectorsAreTheDefinition(n: Int) {
    let a: [Double] = chirp(2 * n * n, 0.3)
    var s = written(2 * n * n) { Reference.complexGemm(.plain, .adjoint, m: n, n: n, k: n, a, a, $0) }
    for i in 0..<n { s[2 * (i * n + i)] += 1 }
    let (values, vectors) = LinearAlgebra.hermitianEigen(s, size: n)
    #expect(values == values.sorted())
    // A vᵢ = λᵢ vᵢ for eigenvectors as rows: V Aᵀ = diag(λ) V, and V Vᴴ = 1.
    let left = written(2 * n * n) { Reference.complexGemm(.plain, .transposed, m: n, n: n, k: n, vectors, s, $0) }
    expectClose(left, vectors.indices.map { values[$0 / (2 * n)] * vectors[$0] }, tolerance: 1e-12)
    let product = written(2 * n * n) { Reference.complexGemm(.plain, .adjoint, m: n, n: n, k: n, vectors, vectors, $0) }
    expectClose(product, product.indices.map { $0 % 2 == 0 && $0 / 2 / n == $0 / 2 % n ? 1 : 0 }, tolerance: 1e-12)
    let three = LinearAlgebra.hermitianEigen(s + s.map { 2 * $0 } + s, size: n, count: 3)
    expectClose(three.values, values + values.map { 2 * $0 } + values, tolerance: 1e-13)
    #expect(Array(three.vectors.prefix(2 * n * n)) == vectors)
  }

  /// numpy.linalg.eigvalsh (NumPy 2.4.6) of A Aᴴ + 1, A = sin(0.3 (i + 1)²) as pairs, 3 × 3.
  @Test func hermitianEigenvaluesEqualNumPys() {
    let a: [Double] = chirp(18, 0.3)
    var s = written(18) { Reference.complexGemm(.plain, .adjoint, m: 3, n: 3, k: 3, a, a, $0) }
    for i in 0..<3 { s[8 * i] += 1 }
    expectClose(LinearAlgebra.hermitianEigen(s, size: 3).values, [1.2643338145919214, 2.852204870752206, 10.376541234275475])
  }

  /// scipy.linalg.cholesky (SciPy 1.17.1) and numpy.linalg.eigvalsh (NumPy 2.4.6) of A Aᵀ + 1, A = sin(0.3 (i + 1)²), 4 × 4.
  @Test func equalsSciPys() {
    var r = Self.positive(4)
    #expect(LinearAlgebra.cholesky(&r, size: 4))
    for i in 0..<4 { for j in 0..<i { r[i * 4 + j] = 0 } }
    expectClose(
      r,
      [
        1.7694706949371979, -0.3490399498669257, -0.4851130287293009, -0.31654159114622815, 0.0, 1.8850474264649921,
        -0.514236100316531,
        -0.5222830287219445, 0.0, 0.0, 1.8685334729609786, -0.6486513595571782, 0.0, 0.0, 0.0, 1.7196900237405264,
      ])
    let values = LinearAlgebra.symmetricEigen(Self.positive(4), size: 4).values
    expectClose(values, [1.3749105702798814, 3.827224726209741, 4.585934066422821, 4.76044112606619])
  }

  @Test func indefiniteMatrixIsRefused() {
    var a = [1.0, 2, 2, 1]
    #expect(!LinearAlgebra.cholesky(&a, size: 2))
  }

  /// OpenBLAS on eight threads at once gives the bits it gives alone, whichever build of it is installed.
  @Test func blasOnManyThreadsGivesTheSameBits() {
    let sizes = [17, 64, 131, 200]
    let alone = sizes.map(Self.everything)
    onThreads(8) { thread in
      for round in 0..<12 {
        let i = (thread + round) % sizes.count
        let same = Self.everything(sizes[i]) == alone[i]
        #expect(same, "size \(sizes[i])")
      }
    }
  }

  /// Small products, thousands of times: where a build without locks goes wrong about once in 10 000 calls.
  @Test func smallProductsOnManyThreadsGiveTheSameBits() {
    let n = 33
    let (a, b): ([Float], [Float]) = (chirp(n * n, 0.3), chirp(n * n, 0.7))
    let (y, z): ([Double], [Double]) = (chirp(2 * 9 * 9, 0.3), chirp(2 * 9 * 9, 0.7))
    @Sendable func products() -> ([Float], [Double]) {
      (
        written(n * n) { Float.gemm(transposeA: false, transposeB: true, m: n, n: n, k: n, alpha: 1, a, b, beta: 0, $0) },
        written(2 * 9 * 9) { ComplexKernels.gemm(.plain, .adjoint, m: 9, n: 9, k: 9, y, z, $0) }
      )
    }
    let alone = products()
    onThreads(8) { _ in
      var wrong = 0
      for _ in 0..<4000 where products() != alone { wrong += 1 }
      #expect(wrong == 0)
    }
  }

  /// Products, factors, solutions and eigenvalues, as bit patterns.
  private static func everything(_ n: Int) -> [UInt64] {
    let (a, b): ([Double], [Double]) = (chirp(n * n, 0.3), chirp(n * n, 0.7))
    let (x, y): ([Float], [Float]) = (a.map(Float.init), b.map(Float.init))
    var s = [Double](repeating: 0, count: n * n)
    for i in 0..<n { s[i * n + i] = 1 }
    Double.gemm(transposeA: false, transposeB: true, m: n, n: n, k: n, alpha: 1, a, a, beta: 1, &s)
    let eigen = LinearAlgebra.symmetricEigen(s, size: n)
    var r = s
    _ = LinearAlgebra.cholesky(&r, size: n)
    let solved = changed(Array(b[..<(3 * n)])) { LinearAlgebra.choleskySolve(r, size: n, rows: 3, $0) }
    let single = written(n * n) { Float.gemm(transposeA: false, transposeB: false, m: n, n: n, k: n, alpha: 1, x, y, beta: 0, $0) }
    let vector = written(n) { Float.gemm(transposeA: false, transposeB: true, m: 1, n: n, k: n, alpha: 1, x, y, beta: 0, $0) }
    let half = n / 2
    let complex = written(2 * half * half) { ComplexKernels.gemm(.plain, .adjoint, m: half, n: half, k: half, a, b, $0) }
    return (s + eigen.values + eigen.vectors + r + solved + complex).map(\.bitPattern)
      + (single + vector).map { UInt64($0.bitPattern) }
  }
}
