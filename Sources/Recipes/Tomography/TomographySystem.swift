// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Problems
import Tensors

/// The networks for tomography, by their names in files and on pages.
public enum TomographyNetwork: String, CaseIterable, Sendable, Codable {
  case istaNetPlus = "ista-net-plus"
  case fistaNet = "fista-net"
  case fbpConvNet = "fbpconvnet"
}

/// The gradient steps x − μ (P x − Q b) that networks for tomography may take.
public enum GradientKind: String, CaseIterable, Sendable {
  /// The regularised Newton step (AᵀA + λR)⁻¹ (AᵀA x − Aᵀ b + λR x), the gradient of ½‖A x − b‖² + ½λ xᵀR x.
  case newton
  /// The same with − λR x, as in the authors' program.
  case opposite = "newton-opposite"
  /// Aᵀ(A x − b) / ‖A‖².
  case adjoint
  /// W̃ᵀ(A x − b): ``regularisedWeight(of:regularisation:)``, of X-rays filtered back-projection.
  case weight
}

/// What is reconstructed from what: images `[…, height, width]`, an operator, an initial image, the step that networks take; in single
/// precision.
public struct TomographySystem: Sendable {
  /// `ct`, `emt` or `eit`.
  public let problem: ProblemKind
  public let height: Int
  public let width: Int
  /// Shape of a measurement.
  public let measurementShape: [Int]
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

  /// Coils or electrodes: rows of unit norm on the pixels of a disc, the initial image with the Laplacian, Newton steps.
  ///
  /// - Parameters: `initialMap`, ``ImpedanceTomography/initialMap(weight:)``; `usualMaximum`, as the property.
  public init(
    _ problem: ProblemKind, A matrix: Matrix, pixels disc: PixelDisc, initialMap: Matrix, usualMaximum: Double? = nil
  ) {
    let A = Composition(matrix.converted(to: .single), disc)
    let initial = Composition(disc.H, initialMap.converted(to: .single))
    (self.problem, height, width, measurementShape, pixels) = (problem, disc.side, disc.side, [matrix.rows], disc)
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

  /// Of sets for training and tests.
  public init(_ data: TomographyData) {
    self.init(data.settings.problem, A: data.A, pixels: data.pixels, initialMap: data.initialMap)
  }

  /// X-rays: filtered back-projection is the initial image and, after A, the step.
  ///
  /// - Parameter model: of the projector of `geometry`.
  public init(_ model: SparseViewCT<AnyOperator<Tensor, Tensor>>, _ geometry: CTGeometry) {
    let back = Scaled(1 / model.A.factor, geometry.backProjection())
    (unit, self.geometry) = (model.A.factor, geometry)
    (problem, height, width, pixels) = (.ct, geometry.height, geometry.width, nil)
    usualMaximum = nil
    measurementShape = [geometry.angles.count, geometry.bins]
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
  /// - Throws: ``RecipeError`` for one that there is not: Newton steps through an image of X-rays.
  public func with(_ kind: GradientKind) throws -> TomographySystem {
    guard gradientKinds.contains(kind) else {
      throw RecipeError(
        "found gradient \(kind.rawValue) for \(problem.rawValue); expected one of "
          + gradientKinds.map(\.rawValue).sorted().joined(separator: ", "))
    }
    var system = self
    (system.gradient, system.gradientKind) = (choice(kind), kind)
    return system
  }

  /// ‖A x − b‖ / ‖b‖.
  func residual(_ x: Tensor, _ b: Tensor) -> Double { (A.forward(x) - b).norm / max(b.norm, .leastNormalMagnitude) }

  /// The untrained network.
  ///
  /// - Parameters: `depth`, stages of an unfolded network; `channels`, 32 unless given, 16 at the finest resolution of FBPConvNet.
  public func network(_ network: TomographyNetwork, depth: Int = 7, channels: Int? = nil, seed: UInt64) -> any TensorNetwork {
    switch network {
    case .istaNetPlus:
      ISTANetPlus(gradient, height: height, width: width, depth: depth, channels: channels ?? 32, seed: seed)
    case .fistaNet: FISTANet(gradient, height: height, width: width, depth: depth, channels: channels ?? 32, seed: seed)
    case .fbpConvNet:
      FBPConvNet(
        initial: gradient.initial,
        .init(channels: channels ?? FBPConvNet.Configuration.small.channels, poolings: 3, isResidual: false), seed: seed)
    }
  }
}
