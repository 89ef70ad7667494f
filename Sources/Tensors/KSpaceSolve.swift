// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import _Differentiation

/// The exact x-update of ADMM for real images measured in k-space, with filters h_l in the constraints:
///
///     x = argmin ½‖P F x − y‖² + Σ_l (ρ_l/2)‖h_l * x − u_l‖²
///       = Fᴴ diag(1/K) F (b + Σ_l ρ_l h_lᵀ u_l),     K = m + Σ_l ρ_l |ĥ_l|²
///
/// h_l * x is ``circularConvolution(_:_:)`` and ĥ_l its factor in k-space. Where K is 0, 1e-6 takes its place. One transform there and
/// one back; the filters act in the image.
///
/// Differentiated implicitly, with one more solve: for w = K⁻¹ v and e_l = u_l − h_l * x,
///
///     db = w,   du_l = ρ_l h_l * w,   dρ_l = ⟨h_l * w, e_l⟩,   dh_l = ρ_l (w ⋆ e_l − x ⋆ (h_l * w)).
///
/// - Parameters: `b` = Re Fᴴ P y, `[batch, h, w]`; `u`, `[batch, maps, h, w]`, or `.zero`; `filters`, `[maps, kh, kw]`; `penalties` ρ,
///   `[maps]`; `mask` m, the half `[h, ⌊w/2⌋ + 1]` of what PᴴP is for real images, the mean of the mask at k and at −k.
/// - Returns: `[batch, h, w]`. Source: Yang, Sun, Li & Xu (2016), eq. 8, the reconstruction layer X.
@differentiable(reverse,wrt: (b, u, filters, penalties))
public func kSpaceSolve(_ b: Tensor, pulledTo u: Tensor, filters: Tensor, penalties: Tensor, mask m: Tensor) -> Tensor {
  if b.isShapelessZero && u.isShapelessZero { return .zero }
  let inverse = inverseGain(filters, penalties, mask: m, width: (b.isShapelessZero ? u : b).width)
  return spectrallyFiltered(b + circularCorrelation(u, scaled(filters, penalties)), inverse)
}

@derivative(of: kSpaceSolve, wrt: (b, u, filters, penalties)) @usableFromInline
func _vjpKSpaceSolve(
  _ b: Tensor, pulledTo u: Tensor, filters: Tensor, penalties: Tensor, mask m: Tensor
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor, Tensor)) {
  if b.isShapelessZero && u.isShapelessZero { return (.zero, { _ in (.zero, .zero, .zero, .zero) }) }
  let inverse = inverseGain(filters, penalties, mask: m, width: (b.isShapelessZero ? u : b).width)
  let x = spectrallyFiltered(b + circularCorrelation(u, scaled(filters, penalties)), inverse)
  return (
    x,
    { v in
      if v.isShapelessZero { return (.zero, .zero, .zero, .zero) }
      let w = spectrallyFiltered(v, inverse)
      let d = circularSolvePullback(w, x, u, filters, penalties)
      return (w, u.isShapelessZero ? .zero : d.u, scaled(d.filters, penalties), d.penalties)
    }
  )
}

/// Fᴴ diag(factor) F x of real images `[batch, h, w]`, for a factor `[h, ⌊w/2⌋ + 1]` that is the same at k and −k. Not differentiable.
public func spectrallyFiltered(_ x: Tensor, _ factor: Tensor) -> Tensor {
  if x.isShapelessZero { return x }
  precondition(
    x.shape.count == 3 && factor.shape == [x.shape[1], x.shape[2] / 2 + 1],
    "kSpaceSolve: images of shape \(x.shape) for a half of k-space of shape \(factor.shape)")
  func run<S: Scalar>(_ x0: [S], _ factor: [S]) -> [S] {
    var x0 = x0
    x0.withUnsafeMutableBufferPointer { plane in
      factor.withUnsafeBufferPointer {
        guard !plane.isEmpty else { return }
        RealFourierTransform.filter(
          plane.baseAddress!, batch: x.shape[0], height: x.shape[1], width: x.shape[2], factor: $0.baseAddress!)
      }
    }
    return x0
  }
  return switch x.buffer {
  case .zero: x
  case .single(let v): Tensor(shape: x.shape, buffer: .single(run(v, factor.floats)))
  case .double(let v): Tensor(shape: x.shape, buffer: .double(run(v, factor.doubles)))
  }
}

/// 1 / K on the half of k-space, or on all of it with the whole mask, in the precision of the filters.
///
/// Σ_l ρ_l |ĥ_l|² is the transform of the autocorrelation r = Σ_l ρ_l h_l ⋆ h_l, a few numbers around the origin.
public func inverseGain(_ filters: Tensor, _ penalties: Tensor, mask m: Tensor, width: Int) -> Tensor {
  let (maps, kh, kw) = (filters.shape[0], filters.shape[1], filters.shape[2])
  precondition(penalties.shape == [maps], "kSpaceSolve: penalties of shape \(penalties.shape) for \(maps) filters")
  let mask = m.doubles
  let (h, columns, span) = (m.shape[0], m.shape[1], 2 * kh - 1)
  let r = autocorrelation(filters, penalties)
  let waves = (0..<kw).map { b in
    (0..<columns).map { l in
      let angle = 2 * Double.pi * Double(b * l % width) / Double(width)
      return (cos: cos(angle), sin: sin(angle))
    }
  }
  let rows = RowPieces(rows: h, size: rowsAtATime).map { band -> [Double] in
    band.flatMap { i -> [Double] in
      var gain = Array(mask[i * columns..<(i + 1) * columns])
      for b in 0..<kw {
        var (re, im) = (0.0, 0.0)  // Σ_a r(a, b) exp(−2πi a k / h)
        for a in 0..<span {
          let angle = 2 * Double.pi * Double((a - kh + 1) * i % h) / Double(h)
          re += r[a * kw + b] * cos(angle)
          im -= r[a * kw + b] * sin(angle)
        }
        let twice: Double = b == 0 ? 1 : 2
        if b == 0 { im = 0 }
        add(waves[b], twice * re, twice * im, to: &gain)
      }
      return gain.map { 1 / ($0 > 0 || $0 < 0 ? $0 : 1e-6) }
    }
  }
  let inverse = rows.flatMap { $0 }
  return Tensor(inverse, shape: [h, columns], precision: filters.precision)
}

/// r at a = 1 − kh … kh − 1 and b = 0 … kw − 1; r(−a, −b) = r(a, b).
private func autocorrelation(_ filters: Tensor, _ penalties: Tensor) -> [Double] {
  let (maps, kh, kw) = (filters.shape[0], filters.shape[1], filters.shape[2])
  let (k, rho) = (filters.doubles, penalties.doubles)
  var r = [Double](repeating: 0, count: (2 * kh - 1) * kw)
  for l in 0..<maps {
    for i in 0..<kh {
      for j in 0..<kw {
        let value = rho[l] * k[(l * kh + i) * kw + j]
        for p in 0..<kh {
          for q in j..<kw { r[(p - i + kh - 1) * kw + q - j] += value * k[(l * kh + p) * kw + q] }
        }
      }
    }
  }
  return r
}

/// Rows of k-space that a thread does at a time.
private let rowsAtATime = 32

/// gain_l += re cos_l + im sin_l.
private func add(_ wave: [(cos: Double, sin: Double)], _ re: Double, _ im: Double, to gain: inout [Double]) {
  for l in gain.indices { gain[l] += re * wave[l].cos + im * wave[l].sin }
}

/// ρ_l h_l.
private func scaled(_ filters: Tensor, _ penalties: Tensor) -> Tensor {
  let (maps, kh, kw) = (filters.shape[0], filters.shape[1], filters.shape[2])
  return mapsScaled(filters.reshaped([1, maps, kh, kw]), by: penalties).reshaped(filters.shape)
}
