// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// r ↦ (AᴴA)⁻¹ Aᴴ soft(A r, t), complex coefficients by their magnitudes: patches in bases of their own, shortened, and the mean of what they
/// say of a pixel.
///
/// It is the x̃ of the alternating minimisation of ‖α‖₁ / β + ½‖α − A x‖², t = 1/β. Where |coefficient| = t the derivative is taken as 0.
public struct PatchShrinkage<Image: ImageSpace>: PriorStep {
  @noDerivative public let A: PatchAnalysis<Image>
  /// t.
  @noDerivative public let threshold: Double

  /// - Precondition: every pixel is in a patch.
  public init(_ A: PatchAnalysis<Image>, threshold: Double) {
    precondition(A.multiplicity.allSatisfy { $0 > 0 }, "PatchShrinkage: pixels that are in no patch")
    (self.A, self.threshold) = (A, threshold)
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Image, recording: Bool) -> PriorOutput<Image> { PriorOutput(value: shrunk(r), recorded: 0) }

  @differentiable(reverse,wrt: (self, r))
  private func shrunk(_ r: Image) -> Image { A.solveNormalEquations(A.shrunk(r, threshold: threshold), penalty: 0) }

  @derivative(of: shrunk, wrt: (self, r))
  private func _vjpShrunk(_ r: Image) -> (value: Image, pullback: (Image) -> (TangentVector, Image)) {
    (
      shrunk(r),
      { v in
        if v.isShapelessZero || r.isShapelessZero { return (.zero, v) }
        let shrinkage = GroupShrinkage<Image>(groups: [.init(size: Image.parts, threshold: threshold)])
        let pull = pullback(at: A.forward(r)) { shrinkage($0, recording: false).value }
        return (.zero, A.adjoint(pull(A.forward(A.solveNormalEquations(v, penalty: 0)))))
      }
    )
  }
}
