// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// The unitary discrete Fourier transform along the last axis, X[k] = 1/√n Σⱼ x[j] exp(−2πi j k / n); frequency 0 first.
///
/// - Parameter x: `[…, n]`, any n ≥ 1, or `.zero`.
/// - Returns: a tensor of `x`'s shape and precision. It is an isometry: its adjoint, hence its pullback, is ``inverseFFT(_:)``.
@differentiable(reverse)
public func fft(_ x: ComplexTensor) -> ComplexTensor { fourier(x, axes: 1, inverse: false) }

@derivative(of: fft) @usableFromInline
func _vjpFFT(_ x: ComplexTensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor) {
  (fft(x), { inverseFFT($0) })
}

/// The inverse, and adjoint, of ``fft(_:)``: x[j] = 1/√n Σₖ X[k] exp(2πi j k / n).
@differentiable(reverse)
public func inverseFFT(_ x: ComplexTensor) -> ComplexTensor { fourier(x, axes: 1, inverse: true) }

@derivative(of: inverseFFT) @usableFromInline
func _vjpInverseFFT(_ x: ComplexTensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor) {
  (inverseFFT(x), { fft($0) })
}

/// The unitary two-dimensional Fourier transform along the last two axes,
/// X[k, l] = 1/√(h w) Σᵢⱼ x[i, j] exp(−2πi (i k / h + j l / w)); frequency 0 first.
///
/// - Parameter x: `[…, h, w]`, any extents ≥ 1, or `.zero`.
/// - Returns: a tensor of `x`'s shape and precision. Its pullback is ``inverseFFT2(_:)``.
@differentiable(reverse)
public func fft2(_ x: ComplexTensor) -> ComplexTensor { fourier(x, axes: 2, inverse: false) }

@derivative(of: fft2) @usableFromInline
func _vjpFFT2(_ x: ComplexTensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor) {
  (fft2(x), { inverseFFT2($0) })
}

/// The inverse, and adjoint, of ``fft2(_:)``.
@differentiable(reverse)
public func inverseFFT2(_ x: ComplexTensor) -> ComplexTensor { fourier(x, axes: 2, inverse: true) }

@derivative(of: inverseFFT2) @usableFromInline
func _vjpInverseFFT2(_ x: ComplexTensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor) {
  (inverseFFT2(x), { fft2($0) })
}

private func fourier(_ x: ComplexTensor, axes: Int, inverse: Bool) -> ComplexTensor {
  if x.isShapelessZero { return x }
  precondition(x.shape.count >= axes, "fft\(axes == 2 ? "2" : ""): a tensor of shape \(x.shape) has not \(axes) axes to transform")
  let extents = Array(x.shape.suffix(axes))
  let batch = x.shape.dropLast(axes).reduce(1, *)
  func run<S: Scalar>(_ pairs: [S]) -> [S] {
    var pairs = pairs
    pairs.withUnsafeMutableBufferPointer {
      if let numbers = $0.baseAddress { FourierTransform.transform(numbers, batch: batch, shape: extents, inverse: inverse) }
    }
    return pairs
  }
  switch x.pairs.buffer {
  case .zero: return x
  case .single(let v): return ComplexTensor(pairs: Tensor(shape: x.pairs.shape, buffer: .single(run(v))))
  case .double(let v): return ComplexTensor(pairs: Tensor(shape: x.pairs.shape, buffer: .double(run(v))))
  }
}
