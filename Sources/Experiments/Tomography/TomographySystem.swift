// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Networks
import Operators
import Problems
import Tensors

/// The gradient steps x − μ (P x − Q b) that networks for tomography may take.
public enum GradientKind: String, CaseIterable, Codable, Sendable {
  /// The regularised Newton step (AᵀA + λR)⁻¹ (AᵀA x − Aᵀ b + λR x), the gradient of ½‖A x − b‖² + ½λ xᵀR x.
  case newton
  /// The same with − λR x, as in the authors' program.
  case opposite = "newton-opposite"
  /// Aᵀ(A x − b) / ‖A‖².
  case adjoint
  /// W̃ᵀ(A x − b): ``regularisedWeight(of:regularisation:)``, of X-rays filtered back-projection.
  case weight
}

/// What is reconstructed from what: images `[…, height, width]`, an operator with its noise, an initial image, the step that networks take;
/// in single precision.
public struct TomographySystem: Model {
  public typealias Signal = Tensor
  public typealias Measurement = Tensor
  public let height: Int
  public let width: Int
  /// Images to measurements.
  public let A: AnyOperator<Tensor, Tensor>
  /// What a measurement in its own units is multiplied by to be in those of A.
  public let unit: Double
  /// Where X-rays run; nil without any.
  public let geometry: CTGeometry?
  /// ‖A‖², or a little more.
  public let lipschitz: Double
  /// The pixels that are measured; nil: all.
  public let pixels: PixelDisc?
  /// Where contrasts have no scale that networks could know: the largest value of the initial image of what networks are given. Nil: they are
  /// given measurements as they are.
  public let usualMaximum: Double?
  /// The step that networks take, one of ``GradientKind``.
  public private(set) var gradient: DataGradient<Tensor, Tensor>
  public private(set) var gradientKind: GradientKind
  /// The steps there are, and what makes one of them.
  private let gradientKinds: [GradientKind]
  private let choice: @Sendable (GradientKind) -> DataGradient<Tensor, Tensor>
  /// Images measured with noise.
  private let measuring: @Sendable (Tensor, inout RandomGenerator) -> Tensor

  public func measure(_ x: Tensor, using generator: inout RandomGenerator) -> Tensor { measuring(x, &generator) }
  public var initial: any LinearOperator<Tensor, Tensor> { gradient.initial }

  /// Coils or electrodes: rows of unit norm on the pixels of a disc, the initial image with the Laplacian, Newton steps.
  ///
  /// - Parameters: `initialMap`, ``ImpedanceTomography/initialMap(weight:)`` unless given; `usualMaximum`, as the property.
  public init(_ problem: ImpedanceTomography, initialMap: Matrix? = nil, usualMaximum: Double? = nil) {
    let (matrix, disc) = (problem.A, problem.pixels)
    let initialMap = initialMap ?? problem.initialMap()
    measuring = { x, generator in
      problem.measure(disc.forward(x.converted(to: .double)), using: &generator).converted(to: .single)
    }
    let A = Composition(matrix.converted(to: .single), disc)
    let initial = Composition(disc.H, initialMap.converted(to: .single))
    (height, width, pixels) = (disc.side, disc.side, disc)
    self.A = AnyOperator(A)
    (unit, geometry, lipschitz) = (1, nil, matrix.lipschitz)
    self.usualMaximum = usualMaximum
    gradientKinds = GradientKind.allCases
    choice = { kind in
      switch kind {
      case .newton: DataGradient(newton: A, initial: initial)
      case .opposite: DataGradient(newton: A, initial: initial, isGradient: false)
      case .adjoint: DataGradient(A, back: Scaled(1 / matrix.lipschitz, A.H), initial: initial)
      case .weight:
        DataGradient(
          A, back: Composition(disc.H, Matrix(regularisedWeight(of: matrix).entries.transposed.converted(to: .single))),
          initial: initial)
      }
    }
    gradientKind = .weight
    gradient = choice(.weight)
  }

  /// X-rays: filtered back-projection is the initial image and, after A, the step.
  ///
  /// - Parameter model: of the projector of `geometry`.
  public init(_ model: SparseViewCT<AnyOperator<Tensor, Tensor>>, _ geometry: CTGeometry) {
    let back = Scaled(1 / model.A.factor, geometry.backProjection())
    (unit, self.geometry) = (model.A.factor, geometry)
    (height, width, pixels) = (geometry.height, geometry.width, nil)
    usualMaximum = nil
    measuring = { model.measure($0, using: &$1) }
    A = AnyOperator(model.A)
    lipschitz = 1.01  // the norm that A was divided by is known to less than that
    gradientKinds = [.adjoint, .weight]
    choice = { kind in
      kind == .adjoint
        ? DataGradient(model.A, back: model.A.H, initial: back) : DataGradient(model.A, back: back, initial: back)
    }
    gradientKind = .weight
    gradient = choice(.weight)
  }

  /// The same with another step.
  ///
  /// - Throws: ``InputError`` for one that there is not: Newton steps through an image of X-rays.
  public func with(_ kind: GradientKind) throws -> TomographySystem {
    guard gradientKinds.contains(kind) else {
      throw InputError(
        "found gradient \(kind.rawValue); expected one of "
          + gradientKinds.map(\.rawValue).sorted().joined(separator: ", "))
    }
    var system = self
    (system.gradient, system.gradientKind) = (choice(kind), kind)
    return system
  }

  /// X-rays run through images, or numbers stand for voltages around a disc.
  public var isOnDisc: Bool { pixels != nil }

  /// ‖A x − b‖ / ‖b‖.
  func residual(_ x: Tensor, _ b: Tensor) -> Double { (A.forward(x) - b).norm / max(b.norm, .leastNormalMagnitude) }
}
