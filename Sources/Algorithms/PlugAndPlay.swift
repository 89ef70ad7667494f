// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Operators
import Platform
import Tensors

/// Proximal gradient with a denoiser: x⁽ᵏ⁺¹⁾ = D_σ(x⁽ᵏ⁾ − ρ Aᴴ(A x⁽ᵏ⁾ − y)).
public typealias PlugAndPlayGradient<Op: LinearOperator> = ProximalGradient<
  GradientStep<Op>, DenoiserPrior<Op.Domain>, NoMomentum<Op.Domain>
> where Op.Domain: ImageSpace

/// Half-quadratic splitting with a denoiser, the data first: x⁽ᵏ⁺¹⁾ = D_σ((AᴴA + ρ)⁻¹(Aᴴ y + ρ x⁽ᵏ⁾)).
///
/// Source: Zhang, Zuo, Gu & Zhang, "Learning deep CNN denoiser prior for image restoration", CVPR 2017 (IRCNN).
public typealias PlugAndPlaySplitting<Op: LinearOperator> = ProximalGradient<
  ProximalStep<Op>, DenoiserPrior<Op.Domain>, NoMomentum<Op.Domain>
> where Op.Domain: ImageSpace

extension ProximalGradient {
  /// ‖D(v) − D(w)‖ / ‖v − w‖ of the denoiser at what the data make of an estimate and of the one before it, from which this step made it:
  /// D(w) is the estimate. Below 1 the denoiser is a contraction on them. Plug and play converges where a denoiser is one everywhere, or
  /// D − 1 is one and the data strongly convex. 0 where v = w.
  ///
  /// Source: Ryu, Liu, Wang, Chen, Wang & Yin, "Plug-and-play methods provably converge with properly trained denoisers", ICML 2019.
  public func denoiserRatio<Image>(at x: Data.Signal, madeFrom previous: Data.Signal, measurement y: Data.Measurement) -> Double
  where Prior == DenoiserPrior<Image>, Data.Signal == Image {
    let (v, w) = (data(x, measurement: y), data(previous, measurement: y))
    let distance = (v - w).norm
    return distance == 0 ? 0 : (prior(v, recording: false).value - x).norm / distance
  }
}

/// The levels σ_k that a denoiser in an algorithm is given, stage by stage, on the scale of the images.
public struct NoiseSchedule: Sendable, Hashable {
  public let levels: [Double]

  public init(_ levels: [Double]) {
    precondition(!levels.isEmpty && levels.allSatisfy { $0 >= 0 && $0.isFinite }, "noise levels \(levels)")
    self.levels = levels
  }

  /// σ_k = first · (last / first)^(k / (count − 1)).
  public init(from first: Double, to last: Double, count: Int) {
    precondition(first > 0 && last > 0 && count > 0, "\(count) noise levels from \(first) to \(last)")
    self.init(Self.logarithmic(first, last, count))
  }

  /// Of BM3D-MRI (Eksioglu, J. Math. Imaging Vis. 56, 2016), for images up to `peak`: 20 levels from 200 / 255 to 1 / 255, repeated 1 to 10
  /// times, both in even steps of the logarithm, repeats cut to whole numbers; 70 stages.
  public static func decoupled(peak: Double = 1) -> NoiseSchedule {
    let repeats = logarithmic(1, 10, 20).map { Int($0 + 1e-9) }
    let levels = logarithmic(200 * peak / 255, peak / 255, 20)
    return NoiseSchedule(zip(levels, repeats).flatMap { Array(repeating: $0, count: $1) })
  }

  /// Of DPIR (Zhang et al., 2022), for images up to 1: from 49 / 255 to σ_n, which is the noise's but 1 / 255 at least, and the weight
  /// 0.23 σ_n² of ρ_k = weight / σ_k².
  public static func dpir(noise: Double, count: Int) -> (levels: NoiseSchedule, weight: Double) {
    let last = max(noise, 1.0 / 255)
    return (NoiseSchedule(from: max(49.0 / 255, last), to: last, count: count), 0.23 * last * last)
  }

  /// From `first` to `last`, each time by the same factor.
  static func logarithmic(_ first: Double, _ last: Double, _ count: Int) -> [Double] {
    (0..<count).map { k in first * pow(last / first, Double(k) / Double(max(count - 1, 1))) }
  }
}

extension Untied {
  /// - Parameters: `stepSize`, ρ by σ_k; 1 / (1 + weight / σ_k²) where A Aᴴ = 1 is the step of ``PlugAndPlaySplitting``, and 1 puts what was
  ///   measured in its place; `height`, `width`, of the images.
  public init<Op: LinearOperator>(
    _ A: Op, _ denoiser: any Denoiser, _ schedule: NoiseSchedule, stepSize: (Double) -> Double, height: Int, width: Int
  ) where Stage == PlugAndPlayGradient<Op> {
    self.init(
      schedule.levels.map { sigma in
        ProximalGradient(
          data: GradientStep(A, stepSize: stepSize(sigma)),
          prior: DenoiserPrior(denoiser, sigma: sigma, height: height, width: width), momentum: NoMomentum())
      })
  }

  /// ρ_k = weight / σ_k². Of noise of level σ_n in y weight is λ σ_n², λ = 0.23 (DPIR; Zhang, Li, Zuo, Zhang, Van Gool & Timofte, IEEE Trans.
  /// Pattern Anal. Mach. Intell. 44, 2022) or 1/3 (IRCNN).
  ///
  /// - Parameters: `height`, `width`, of the images.
  public init<Op: LinearOperator>(
    _ A: Op, _ denoiser: any Denoiser, _ schedule: NoiseSchedule, weight: Double, solver: OperatorSolver<Op>? = nil, height: Int,
    width: Int
  ) where Stage == PlugAndPlaySplitting<Op> {
    self.init(
      schedule.levels.map { sigma in
        ProximalGradient(
          data: ProximalStep(A, solver: solver, penalty: weight / (sigma * sigma)),
          prior: DenoiserPrior(denoiser, sigma: sigma, height: height, width: width), momentum: NoMomentum())
      })
  }
}
