// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// Total-variation reconstruction by an augmented Lagrangian and alternating directions (TVAL3): images u of h × w from y = A u by
///
///     min TV(u) subject to A u = y,   or   min TV(u) + (μ/2)‖A u − y‖²,      both with u ≥ 0 if wanted.
///
/// With w = D u split off, multipliers ν of D u = w and λ of A u = y (no λ for the second problem), it lowers
///
///     L(u, w) = TV(w) − νᵀ(D u − w) + (β/2)‖D u − w‖² − λᵀ(A u − y) + (μ/2)‖A u − y‖²
///
///     p = −t d, or max(u − t d, 0) − u where u ≥ 0,   d = ∇ᵤL = Dᵀ(β(D u − w) − ν) + Aᵀ(μ(A u − y) − λ)
///     u ← u + α p                                t = ‖s‖² / (β‖D s‖² + μ‖A s‖²), the Barzilai–Borwein step of the last move s
///     w ← prox_{TV/β}(D u − ν/β)                 the shrinkage of each pixel's two differences
///
/// until ‖s‖ ≤ `innerTolerance` · ‖u‖ or for `maximumInnerIterations`; then
///
///     ν ← ν − β(D u − w),   λ ← λ − μ(A u − y),   β and μ rise by `continuationRate` to their final values.
///
/// α is the first of 1, 0.6, 0.6², … 0.6⁵ with L(u + α p) ≤ C + 1e-5 α dᵀp, C the running mean of the values of L since the
/// multipliers changed (Zhang & Hager); else the minimiser along p. L is a parabola in α, so the search needs no further product
/// with A. The original projects after the step and searches along the bent path; the straight one is feasible too and costs one
/// product.
///
/// As in the original the problem is rescaled: A to norm 1, each image so that its measurements span between 0.5 and 1.5. β, and μ
/// where A u = y is held exactly, are those of the rescaled problem; the minimiser does not depend on them.
///
/// Images are flattened row by row, `[batch, h · w]` from `[batch, m]` with one A: one product for all, but every image has its own
/// scale, step, line search and end.
///
/// The defaults are for images in [0, 1] in blocks of 33 × 33, each measured without noise by 1 to 50 % of orthonormal rows. They
/// were chosen by mean PSNR on a tenth of 400 training photographs (every tenth; scans on every 20th and 80th of all), test images
/// unseen:
///
/// - the boundary by 0.4 to 1.7 dB over the periodic one of the original; isotropic over anisotropic variation by 0.1 to 0.2 dB
///   from 10 % on, equal within 0.1 dB below; u ≥ 0 by 0.0 to 0.2 dB;
/// - β = 4, μ = 16 by what 300 iterations reach at 1 %, 3 dB more than β = 16, μ = 64; at 4 and 25 % the two, and all between, end
///   within 0.1 dB. A second inner iteration and a continuation from β = 1, μ = 4 change less than 0.03 dB;
/// - the tolerance, 3e-4, by less than 0.01 dB to a tenth of it, in half the iterations; 1e-3 costs up to 0.04 dB.
///
/// The tenth then has 17.56, 20.92, 23.64, 27.38, 32.28 dB at 1, 4, 10, 25, 50 %.
///
/// Sources: Li (2009), Rice University; Li, Yin, Jiang & Zhang (2013), Comput. Optim. Appl. 56.
public struct TVAL3<Op: LinearOperator>: Sendable where Op.Domain == Tensor, Op.Codomain == Tensor {
  /// What A u has to do with y.
  public enum DataTerm: String, Sendable, CaseIterable {
    /// A u = y: measurements without noise.
    case equality
    /// (μ/2)‖A u − y‖², μ of the problem as given.
    case leastSquares
  }

  public struct Reconstruction: Sendable {
    /// `[batch, h · w]`; `[h · w]` of one measurement `[m]`.
    public let estimate: Tensor
    /// Of each image.
    public let iterations: [Int]
    /// Whether each image met the tolerance. Images of measurements that are not finite are NaN and did not.
    public let converged: [Bool]
  }

  public let A: Op
  /// D with its boundary.
  public let D: Gradient2D
  public var totalVariation = TotalVariation.isotropic
  public var dataTerm = DataTerm.equality
  /// u ≥ 0.
  public var isNonNegative = true
  /// μ.
  public var dataPenalty = 16.0
  /// β.
  public var gradientPenalty = 4.0
  /// μ at the start; nil: its final value.
  public var initialDataPenalty: Double?
  /// β at the start; nil: its final value.
  public var initialGradientPenalty: Double?
  /// The factor of μ and β at each change of the multipliers.
  public var continuationRate = 2.0
  /// An image ends when ‖u − u_before‖ ≤ tolerance · ‖u‖ between two changes of the multipliers, with μ and β final.
  public var tolerance = 3e-4
  public var innerTolerance = 3e-4
  public var maximumIterations = 500
  public var maximumInnerIterations = 1

  /// - Parameter A: `[…, height · width]` to `[…, m]`, in the precision of the measurements to come.
  public init(_ A: Op, height: Int, width: Int, boundary: Gradient2D.Boundary = .neumann) {
    self.A = A
    D = Gradient2D(height: height, width: width, boundary: boundary)
  }

  /// The images of measurements `[batch, m]`, or the one of `[m]`. Groups of 16 are spread over the threads; results do not depend
  /// on their number.
  public func reconstruct(_ measurement: Tensor) -> Reconstruction {
    precondition(
      dataPenalty > 0 && gradientPenalty > 0 && initialDataPenalty ?? 1 > 0 && initialGradientPenalty ?? 1 > 0
        && continuationRate > 1, "TVAL3: penalties must be positive, the continuation rate above 1")
    precondition(
      measurement.shape.count == 1 || measurement.shape.count == 2 && measurement.shape[0] > 0,
      "TVAL3: measurements of shape \(measurement.shape); expected [m] or [batch, m]")
    let y = measurement.reshaped([measurement.rowCount, measurement.width])
    let size = 16
    let groups = Parallel.map((y.shape[0] + size - 1) / size) { i in
      reconstructGroup(y.rows(i * size..<min((i + 1) * size, y.shape[0])))
    }
    let estimate = Tensor.concatenated(groups.map(\.estimate))
    return Reconstruction(
      estimate: measurement.shape.count == 1 ? estimate.row(0) : estimate, iterations: groups.flatMap(\.iterations),
      converged: groups.flatMap(\.converged))
  }

  private func reconstructGroup(_ y: Tensor) -> Reconstruction {
    let count = y.shape[0]
    var estimates = [Tensor?](repeating: nil, count: count)
    var iterations = [Int](repeating: 0, count: count)
    var converged = [Bool](repeating: false, count: count)
    let finite = (0..<count).filter { y.row($0).isFinite }
    var images = start(y.choosing(finite), finite)
    for k in 1...max(maximumIterations, 1) {
      if images.index.isEmpty { break }
      let ended = iterate(&images)
      for i in images.index { iterations[i] = k }
      guard ended.contains(true) || k >= maximumIterations else { continue }
      for (row, i) in images.index.enumerated() where ended[row] || k >= maximumIterations {
        estimates[i] = (1 / images.scale[row]) * images.u.row(row)
        converged[i] = ended[row]
      }
      images = images.choosing(ended.indices.filter { !ended[$0] })
    }
    let lost = Tensor.filled(.nan, shape: [D.height * D.width], precision: y.precision)
    return Reconstruction(estimate: .stacked(estimates.map { $0 ?? lost }), iterations: iterations, converged: converged)
  }

  /// The images of a group that still move.
  private struct Images {
    /// Their places in the group.
    var index: [Int]
    /// u, D u, A u − y.
    var u, Du, residual: Tensor
    /// w, ν, λ.
    var w, nu, lambda: Tensor
    /// u when the multipliers changed last.
    var before: Tensor
    /// The factor of the rescaled image; μ, β and their final values.
    var scale, mu, beta, finalMu: [Double]
    /// t; C and the weight Q of its mean, 0 before the first value; iterations since the multipliers changed.
    var step, reference, weight: [Double]
    var inner: [Int]

    func choosing(_ rows: [Int]) -> Images {
      func pick<T>(_ v: [T]) -> [T] { rows.map { v[$0] } }
      return Images(
        index: pick(index), u: u.choosing(rows), Du: Du.choosing(rows), residual: residual.choosing(rows), w: w.choosing(rows),
        nu: nu.choosing(rows), lambda: lambda.choosing(rows), before: before.choosing(rows), scale: pick(scale), mu: pick(mu),
        beta: pick(beta), finalMu: pick(finalMu), step: pick(step), reference: pick(reference), weight: pick(weight),
        inner: pick(inner))
    }
  }

  /// A / ‖A‖.
  private var normalised: Scaled<Op> { Scaled(A.lipschitz > 0 ? 1 / A.lipschitz.squareRoot() : 1, A) }

  /// u = Aᵀy, without its negative part where u ≥ 0, and no multipliers.
  private func start(_ y: Tensor, _ index: [Int]) -> Images {
    let A = normalised
    let scale = (0..<y.rowCount).map { row in
      let values = y.row(row).doubles
      let span = A.factor * (max(values.max() ?? 0, 0) - min(values.min() ?? 0, 0))
      return span < 1e-30 ? 1 : min(max(0.5 / span, 1), 1.5 / span)  // TVAL3's two limits of the span
    }
    let scaled = y.scalingRows(scale.map { $0 * A.factor })
    let ofProblem = scale.map { dataTerm == .equality ? 1 : 1 / ($0 * A.factor * A.factor) }
    let mu = ofProblem.map { $0 * min(initialDataPenalty ?? dataPenalty, dataPenalty) }
    let beta = scale.map { _ in min(initialGradientPenalty ?? gradientPenalty, gradientPenalty) }
    var u = A.adjoint(scaled)
    if isNonNegative { u = clamped(u, lower: 0, upper: .infinity) }
    let Du = D.forward(u)
    let zero = Tensor.zeros(Du.shape, precision: u.precision)
    let none = scale.map { _ in 0.0 }
    return Images(
      index: index, u: u, Du: Du, residual: A.forward(u) - scaled, w: shrunk(Du, zero, beta), nu: zero,
      lambda: .zeros(y.shape, precision: y.precision), before: u, scale: scale, mu: mu, beta: beta,
      finalMu: ofProblem.map { $0 * dataPenalty }, step: zip(mu, beta).map { 1 / ($0 + $1 * max(D.lipschitz, 1)) }, reference: none,
      weight: none, inner: none.map { _ in 0 })
  }

  /// w = prox_{TV/β}(D u − ν/β) = prox_TV(β D u − ν) / β.
  private func shrunk(_ Du: Tensor, _ nu: Tensor, _ beta: [Double]) -> Tensor {
    let v = Du.scalingRows(beta) - nu
    let w = totalVariation == .isotropic ? groupSoftThreshold(v, threshold: 1, groupSize: 2) : softThreshold(v, threshold: 1)
    return w.scalingRows(beta.map { 1 / $0 })
  }

  /// One step of u and of w, and of the multipliers of those images whose u moves no more; which images are done.
  private func iterate(_ s: inout Images) -> [Bool] {
    let A = normalised
    let (mu, beta, rows) = (s.mu, s.beta, s.index.indices)
    let gap = s.Du - s.w
    let d = D.adjoint(gap.scalingRows(beta) - s.nu) + A.adjoint(s.residual.scalingRows(mu) - s.lambda)
    var p = d.scalingRows(s.step.map { -$0 })
    if isNonNegative { p = clamped(s.u + p, lower: 0, upper: .infinity) - s.u }
    let (Dp, Ap) = (D.forward(p), A.forward(p))

    let lagrangian = lagrangian(s, gap)
    let (slope, length) = (d.innerByRows(p), p.innerByRows(p))
    let curvature = zip(zip(mu, Ap.innerByRows(Ap)), zip(beta, Dp.innerByRows(Dp))).map { $0.0 * $0.1 + $1.0 * $1.1 }
    var factor = [Double](repeating: 1, count: rows.count)
    for i in rows {
      if s.weight[i] == 0 { (s.reference[i], s.weight[i]) = (lagrangian[i], 1) }
      factor[i] = Self.lineSearch(from: lagrangian[i], below: s.reference[i], slope: slope[i], curvature: curvature[i])
      let reached = lagrangian[i] + factor[i] * slope[i] + 0.5 * factor[i] * factor[i] * curvature[i]
      let weight = 0.9995 * s.weight[i] + 1
      s.reference[i] = (0.9995 * s.weight[i] * s.reference[i] + reached) / weight
      s.weight[i] = weight
      if curvature[i] > 0 { s.step[i] = length[i] / curvature[i] }
    }
    s.u = s.u.adding(p, byRows: factor)
    s.Du = s.Du.adding(Dp, byRows: factor)
    s.residual = s.residual.adding(Ap, byRows: factor)
    s.w = shrunk(s.Du, s.nu, beta)

    let sizes = s.u.innerByRows(s.u).map { $0.squareRoot() }
    var changes = [Bool](repeating: false, count: rows.count)
    for i in rows {
      s.inner[i] += 1
      changes[i] = factor[i] * length[i].squareRoot() <= innerTolerance * sizes[i] || s.inner[i] >= maximumInnerIterations
    }
    guard changes.contains(true) else { return changes }
    return changeMultipliers(&s, where: changes, sizes)
  }

  private func changeMultipliers(_ s: inout Images, where changes: [Bool], _ sizes: [Double]) -> [Bool] {
    s.nu = s.nu.adding(s.Du - s.w, byRows: zip(changes, s.beta).map { $0 ? -$1 : 0 })
    if dataTerm == .equality { s.lambda = s.lambda.adding(s.residual, byRows: zip(changes, s.mu).map { $0 ? -$1 : 0 }) }
    let moved = s.u - s.before
    let distances = moved.innerByRows(moved).map { $0.squareRoot() }
    s.before = s.before.adding(moved, byRows: changes.map { $0 ? 1 : 0 })
    return changes.indices.map { i in
      guard changes[i] else { return false }
      let isFinal = s.mu[i] >= s.finalMu[i] && s.beta[i] >= gradientPenalty
      s.mu[i] = min(s.mu[i] * continuationRate, s.finalMu[i])
      s.beta[i] = min(s.beta[i] * continuationRate, gradientPenalty)
      (s.weight[i], s.inner[i]) = (0, 0)
      return isFinal && distances[i] <= tolerance * sizes[i]
    }
  }

  /// L(u, w) of every image, `gap` being D u − w.
  private func lagrangian(_ s: Images, _ gap: Tensor) -> [Double] {
    let variation = s.w.totalVariationByRows(totalVariation)
    let (square, linear) = (gap.innerByRows(gap), s.nu.innerByRows(gap))
    let (dataSquare, dataLinear) = (s.residual.innerByRows(s.residual), s.lambda.innerByRows(s.residual))
    return s.index.indices.map { i in
      variation[i] - linear[i] + 0.5 * s.beta[i] * square[i] - dataLinear[i] + 0.5 * s.mu[i] * dataSquare[i]
    }
  }

  /// α for L(u + α p) = value + α slope + α²/2 curvature.
  private static func lineSearch(from value: Double, below reference: Double, slope: Double, curvature: Double) -> Double {
    var factor = 1.0
    for _ in 0...5 {
      if value + factor * slope + 0.5 * factor * factor * curvature <= reference + 1e-5 * factor * slope { return factor }
      factor *= 0.6
    }
    return curvature > 0 ? min(max(-slope / curvature, 0), 1) : 0
  }
}
