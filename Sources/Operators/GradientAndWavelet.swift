// SPDX-License-Identifier: Apache-2.0
import Tensors

/// D x = (∇x, Ψ x): the periodic gradient and an orthonormal wavelet transform of real images `[…, h, w]`, side by side,
/// `[…, h, w, 3]`. Source: Yang, Zhang & Yin (2010), RecPF.
public struct GradientAndWavelet: LinearOperator {
  public let gradient: Gradient2D
  public let wavelet: OrthonormalWavelet<Tensor>

  public init(_ wavelet: OrthonormalWavelet<Tensor>) {
    self.wavelet = wavelet
    gradient = Gradient2D(height: wavelet.height, width: wavelet.width, boundary: .periodic)
  }

  public func forward(_ x: Tensor) -> Tensor {
    if x.isShapelessZero { return x }
    let (g, w) = (gradient.forward(x), wavelet.forward(x))
    func merged<S: FloatingPoint>(_ g: [S], _ w: [S]) -> [S] {
      var out = [S](repeating: 0, count: 3 * w.count)
      for i in w.indices { (out[3 * i], out[3 * i + 1], out[3 * i + 2]) = (g[2 * i], g[2 * i + 1], w[i]) }
      return out
    }
    return x.precision == .single
      ? Tensor(merged(g.floats, w.floats), shape: x.shape + [3]) : Tensor(merged(g.doubles, w.doubles), shape: x.shape + [3])
  }

  public func adjoint(_ y: Tensor) -> Tensor {
    if y.isShapelessZero { return y }
    precondition(y.shape.last == 3, "GradientAndWavelet: \(y.shape); expected a last axis of 3")
    let shape = Array(y.shape.dropLast())
    let v = y.doubles
    var (g, w) = ([Double](repeating: 0, count: 2 * v.count / 3), [Double](repeating: 0, count: v.count / 3))
    for i in w.indices { (g[2 * i], g[2 * i + 1], w[i]) = (v[3 * i], v[3 * i + 1], v[3 * i + 2]) }
    return gradient.adjoint(Tensor(g, shape: shape + [2], precision: y.precision))
      + wavelet.adjoint(Tensor(w, shape: shape, precision: y.precision))
  }

  public var domainShape: [Int] { gradient.domainShape }
  public var codomainShape: [Int] { [wavelet.height, wavelet.width, 3] }
  public var lipschitz: Double { gradient.lipschitz + 1 }

  /// |D̂|² on the first `columns` of the grid of the Fourier transform.
  public func gain(columns: Int) -> [Double] { gradient.gain(columns: columns).map { $0 + 1 } }
}
