// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors

/// The data step of a network, x − ρ (P x − Q y) from x⁽⁰⁾ = X y: the gradient of ½‖A x − y‖², or what is taken in its place.
public struct DataGradient<Measurement: VectorSpace, Signal: VectorSpace>: Sendable {
  /// P, signals to signals.
  public let normal: AnyOperator<Signal, Signal>
  /// Q, measurements to signals.
  public let back: AnyOperator<Measurement, Signal>
  /// X, measurements to the initial signal.
  public let initial: AnyOperator<Measurement, Signal>

  /// P = B A, Q = B: B = Aᴴ for the gradient itself, filtered back-projection or a matrix W̃ᵀ for a near-inverse. X = Aᴴ unless given.
  public init(
    _ A: any LinearOperator<Signal, Measurement>, back B: (any LinearOperator<Measurement, Signal>)? = nil,
    initial X: (any LinearOperator<Measurement, Signal>)? = nil
  ) {
    let A = AnyOperator(A)
    back = AnyOperator(B ?? A.H)
    initial = AnyOperator(X ?? A.H)
    normal = B == nil ? AnyOperator(Gram(A)) : AnyOperator(Composition(back, A))
  }

  /// The regularised Newton step H (AᴴA x ± λR x − Aᴴ y), H = (AᴴA + λR)⁻¹, by X = H Aᴴ alone: with the sign of a true gradient
  /// P = 1 and Q = X; with the other, which the program of FISTA-Net's authors has, P = 2 X A − 1 and Q = X.
  public init(
    newton A: any LinearOperator<Signal, Measurement>, initial X: any LinearOperator<Measurement, Signal>, isGradient: Bool = true
  ) {
    let X = AnyOperator(X)
    let opposite = Sum(Scaled(2, Composition(X, AnyOperator(A))), Scaled(-1, Identity<Signal>()))
    normal = isGradient ? AnyOperator(Identity<Signal>()) : AnyOperator(opposite)
    (back, initial) = (X, X)
  }
}

extension DataGradient where Measurement == Tensor, Signal == Tensor {
  /// Blocks of an image from their measurements by Φ, x⁽⁰⁾ = Q_init y.
  ///
  /// - Parameters: `phi`, Φ, M × side²; `initial`, Q_init, side² × M; both of the precision a network computes in.
  public init(phi: Matrix, initial: Tensor) {
    precondition(
      initial.shape == [phi.columns, phi.rows], "Q_init of shape \(initial.shape) for Φ of \(phi.rows) × \(phi.columns)")
    self.init(phi, initial: Matrix(initial, lipschitz: squaredNorm(initial)))
  }
}
