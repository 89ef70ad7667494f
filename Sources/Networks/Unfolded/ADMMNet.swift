// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// Deep ADMM-Net, Yang, Sun, Li & Xu (NIPS 2016): ADMM with filters, penalties, curves and rates learned, nothing shared between its
/// stages,
///
///     C   c_l = d_l * x⁽ⁿ⁾
///     Z   z_l = S_l(c_l + β_l⁽ⁿ⁻¹⁾)
///     M   β_l⁽ⁿ⁾ = β_l⁽ⁿ⁻¹⁾ + η_l (c_l − z_l)
///     X   x⁽ⁿ⁺¹⁾ = argmin ½‖A x − y‖² + Σ_l (ρ_l/2)‖h_l * x − (z_l − β_l⁽ⁿ⁾)‖²
///
/// from x⁽¹⁾ = X(y), which has a layer of its own. A = P F for real images as published, or any operator on images, of complex ones the
/// filters act on both parts. 952 S + 72 parameters for S stages with 8 filters of 3 × 3 and 101 knots.
public typealias ADMMNet<Op: LinearOperator> = Unrolled<
  AdjointEncoder<Op>, FilteredStart<Op>,
  Untied<ADMM<FilteredReconstruction<Op>, FilterAnalysis<Op.Domain>, CurveSplit>>,
  AsEstimated<Op.Codomain, Op.Domain>
> where Op.Domain: ImageSpace

extension Unrolled {
  /// The initial values of the paper ("Init-Net"): H = D the cosine transform's atoms without the constant, ρ = 0.2, S the soft
  /// threshold at 0.05 on 101 knots over [−1, 1], η = 1.6.
  ///
  /// - Parameters: `height`, `width`, of the images; `stages` S ≥ 1, ``admmNetStages(labelled:)`` has that of a published label; `penalty` ρ,
  ///   `threshold` and `updateRate` η for other starts.
  public init<Op: LinearOperator>(
    admmNet A: Op, height: Int, width: Int, stages: Int, filterSize: Int = 3, knots: Int = 101, penalty: Double = 0.2,
    threshold: Double = 0.05, updateRate: Double = 1.6, precision: Precision = .double
  ) where Self == ADMMNet<Op> {
    let atoms = FilterBank.cosineAtoms(size: filterSize, precision: precision)
    let maps = atoms.shape[0]
    func all(_ value: Double) -> Tensor { .filled(value, shape: [maps], precision: precision) }
    let bank = FilterBank(atoms: atoms)
    let reconstruction = FilteredReconstruction(A, bank: bank, penalties: all(penalty), height: height, width: width)
    let stage = ADMM(
      solve: reconstruction, analysis: FilterAnalysis<Op.Domain>(bank: bank, height: height, width: width),
      split: CurveSplit(softThreshold: threshold, knots: knots, rates: all(updateRate)))
    self.init(
      encoder: FixedEncoder(A.H), start: FilteredStart(solve: reconstruction),
      schedule: Untied(Array(repeating: stage, count: stages)), output: AsEstimated())
  }

  /// The published network, for real images from k-space.
  public init(
    mask: SamplingMask, stages: Int, filterSize: Int = 3, knots: Int = 101, penalty: Double = 0.2, threshold: Double = 0.05,
    updateRate: Double = 1.6, precision: Precision = .double
  ) where Self == ADMMNet<RealMaskedFourier> {
    self.init(
      admmNet: RealMaskedFourier(mask), height: mask.height, width: mask.width, stages: stages, filterSize: filterSize,
      knots: knots,
      penalty: penalty, threshold: threshold, updateRate: updateRate, precision: precision)
  }
}

/// S of a Deep ADMM-Net that its authors call "stage `label`": they count neither the first stage nor the last.
public func admmNetStages(labelled label: Int) -> Int { label + 2 }
