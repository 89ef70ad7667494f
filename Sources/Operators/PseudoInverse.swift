// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

extension Matrix {
  /// A⁺, the Moore–Penrose inverse, n × m: A⁺y is the shortest of the x with the least ‖A x − y‖.
  ///
  /// From the eigenvectors of A Aᵀ or AᵀA, whichever is smaller, in double precision; eigenvalues below 1e-12 of the largest count as 0,
  /// that is, singular values below 1e-6.
  public var pseudoInverse: Matrix {
    let values = entries.converted(to: .double)
    let isWide = rows <= columns
    let wide = isWide ? values : values.transposed
    let size = wide.shape[0]
    let (spectrum, vectors) = LinearAlgebra.symmetricEigen(linear(wide, wide).doubles, size: size)
    let least = 1e-12 * (spectrum.last ?? 0)
    var scaled = vectors
    for i in 0..<size {
      let factor = spectrum[i] > max(least, 0) ? 1 / spectrum[i] : 0
      for j in i * size..<(i + 1) * size { scaled[j] *= factor }
    }
    // (A Aᵀ)⁺ = Vᵀ diag(1/λ) V with eigenvectors as rows of V; A⁺ = Aᵀ (A Aᵀ)⁺.
    let V = Tensor(vectors, shape: [size, size]).transposed
    let inverseGram = linear(V, Tensor(scaled, shape: [size, size]).transposed)
    let inverse = linear(wide.transposed, inverseGram)
    return Matrix((isWide ? inverse : inverse.transposed).converted(to: precision))
  }
}
