// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// Deep ADMM-Net, Yang, Sun, Li & Xu (NIPS 2016): ADMM for compressive-sensing MRI with filters, penalties, curves and rates learned,
/// nothing shared between its stages,
///
///     C   c_l = d_l * x⁽ⁿ⁾
///     Z   z_l = S_l(c_l + β_l⁽ⁿ⁻¹⁾)
///     M   β_l⁽ⁿ⁾ = β_l⁽ⁿ⁻¹⁾ + η_l (c_l − z_l)
///     X   x⁽ⁿ⁺¹⁾ = argmin ½‖P F x − y‖² + Σ_l (ρ_l/2)‖h_l * x − (z_l − β_l⁽ⁿ⁾)‖²
///
/// from x⁽¹⁾ = X(y), which has a layer of its own. Measurements are k-space `[batch, h, w]` on the whole grid, estimates real images
/// `[batch, h, w]`. 952 S + 72 parameters for S stages with 8 filters of 3 × 3 and 101 knots.
public typealias ADMMNet = Unrolled<
  AdjointEncoder<RealMaskedFourier>, FilteredStart, Untied<ADMM<FilteredReconstruction, FilterAnalysis, MapShrinkage, MapUpdate>>,
  AsEstimated<ComplexTensor, Tensor>
>

extension Unrolled
where
  Encode == AdjointEncoder<RealMaskedFourier>, Start == FilteredStart, Output == AsEstimated<ComplexTensor, Tensor>,
  Stages == Untied<ADMM<FilteredReconstruction, FilterAnalysis, MapShrinkage, MapUpdate>>
{
  /// The initial values of the paper ("Init-Net"): H = D the cosine transform's atoms without the constant, ρ = 0.2, S the soft
  /// threshold at 0.05 on 101 knots over [−1, 1], η = 1.6.
  ///
  /// - Parameters: `stages` S ≥ 1; ``labelled(_:)`` has that of a published label. `penalty` ρ, `threshold` and `updateRate` η for
  ///   other starts.
  public init(
    mask: SamplingMask, stages: Int, filterSize: Int = 3, knots: Int = 101, penalty: Double = 0.2, threshold: Double = 0.05,
    updateRate: Double = 1.6, precision: Precision = .double
  ) {
    let atoms = FilterBank.cosineAtoms(size: filterSize, precision: precision)
    let maps = atoms.shape[0]
    func all(_ value: Double) -> Tensor { .filled(value, shape: [maps], precision: precision) }
    let bank = FilterBank(atoms: atoms)
    let reconstruction = FilteredReconstruction(bank: bank, penalties: all(penalty), mask: mask)
    let stage = ADMM(
      solve: reconstruction, analysis: FilterAnalysis(bank: bank),
      prior: MapShrinkage(softThreshold: threshold, maps: maps, knots: knots, precision: precision),
      update: MapUpdate(rates: all(updateRate)))
    let A = RealMaskedFourier(mask)
    self.init(
      encoder: FixedEncoder(A.H), start: FilteredStart(A, solve: reconstruction),
      schedule: Untied(Array(repeating: stage, count: stages)), output: AsEstimated())
  }

  /// S of a net that its authors call "stage `label`": they count neither the first stage nor the last.
  public static func labelled(_ label: Int) -> Int { label + 2 }
}
