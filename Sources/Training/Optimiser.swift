// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// A loss and its gradient at a model.
public struct LossGradient<Model: Parameterized> {
  public var loss: Double
  public var gradient: Model.TangentVector

  public init(loss: Double, gradient: Model.TangentVector) {
    self.loss = loss
    self.gradient = gradient
  }
}

/// What a step of an optimiser found.
public struct OptimiserStep: Sendable, Equatable {
  /// The loss before the step.
  public var loss: Double
  /// True when no step reduces the loss further; the model was left as it was.
  public var isConverged: Bool
}

/// What moves parameters against the gradient of a loss.
///
/// An optimiser is a value: a copy goes its own way. A frozen parameter, and one whose gradient is `.zero` because the loss did
/// not use it, keeps every bit.
public protocol Optimiser: Sendable {
  /// One step on `model`. `gradient` may be called more than once, at other models, by optimisers that search.
  mutating func step<Model: Parameterized>(
    _ model: inout Model, learningRate: Double, groups: ParameterGroups, gradient: (Model) throws -> LossGradient<Model>
  ) rethrows -> OptimiserStep

  /// All it remembers between steps.
  var state: [NamedParameter] { get }

  /// Takes up a remembered ``state``, exactly.
  ///
  /// - Throws: ``TrainingError/checkpoint(_:)`` when the state is not one of this optimiser on the parameters of `model`.
  mutating func restore<Model: Parameterized>(_ state: [NamedParameter], for model: Model, groups: ParameterGroups) throws
}

/// The choice of an optimiser and its settings, as a recipe writes it down.
public enum OptimiserChoice: Sendable, Hashable, Codable {
  case adam(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0)
  case sgd(momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0)
  case lbfgs(memory: Int = 5, scaling: LBFGS.Scaling = .identity)
  case muon(momentum: Double = 0.95, weightDecay: Double = 0)

  /// The optimiser, before its first step.
  public func makeOptimiser() -> any Optimiser {
    switch self {
    case .adam(let beta1, let beta2, let epsilon, let weightDecay):
      Adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
    case .sgd(let momentum, let nesterov, let weightDecay): SGD(momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
    case .lbfgs(let memory, let scaling):
      // A millionth of the loss of a network is not worth a pass over all samples.
      LBFGS(memory: memory, lossTolerance: scaling == .gradients ? 1e-6 : 0, scaling: scaling)
    case .muon(let momentum, let weightDecay): Muon(momentum: momentum, weightDecay: weightDecay)
    }
  }

  /// True for an optimiser that compares losses of several models and so needs the same samples every time.
  var searches: Bool {
    if case .lbfgs = self { true } else { false }
  }

  /// What is wrong with the settings, or nil.
  var fault: String? {
    switch self {
    case .adam(let beta1, let beta2, let epsilon, let weightDecay):
      (0..<1).contains(beta1) && (0..<1).contains(beta2) && epsilon >= 0 && epsilon.isFinite && weightDecay >= 0
        && weightDecay.isFinite
        ? nil : "Adam's beta1 \(beta1) and beta2 \(beta2) must be in [0, 1), epsilon \(epsilon) and weight decay \(weightDecay) ≥ 0"
    case .sgd(let momentum, let nesterov, let weightDecay):
      (0..<1).contains(momentum) && (!nesterov || momentum > 0) && weightDecay >= 0 && weightDecay.isFinite
        ? nil : "SGD's momentum \(momentum) must be in [0, 1), positive for Nesterov's, and its weight decay \(weightDecay) ≥ 0"
    case .lbfgs(let memory, _): memory >= 1 ? nil : "L-BFGS's memory is \(memory); it must be at least 1"
    case .muon(let momentum, let weightDecay):
      (0..<1).contains(momentum) && weightDecay >= 0 && weightDecay.isFinite
        ? nil : "Muon's momentum \(momentum) must be in [0, 1), its weight decay \(weightDecay) ≥ 0"
    }
  }
}

extension Parameterized {
  /// Shows the parameters to be moved: trainable and used. Projects each on its group's bound afterwards.
  mutating func moveParameters(
    _ gradient: inout TangentVector, groups: ParameterGroups,
    _ body: (_ name: String, _ group: ParameterGroup, _ value: inout Tensor, _ gradient: Tensor) -> Void
  ) {
    forEachParameter(&gradient) { name, value, gradient in
      let group = groups[name]
      guard group.isTrainable, !gradient.isShapelessZero else { return }
      body(name, group, &value, gradient)
      if let bound = group.lowerBound { value.raise(to: bound) }
    }
  }
}

extension Parameterized {
  /// - Throws: ``TrainingError/checkpoint(_:)`` unless the parameter `name` has the shape and the precision of `state`.
  func checkState(_ state: Tensor, of name: String) throws {
    var (copy, fits) = (self, false)
    copy.forEachParameter { found, value in
      if found == name, !state.isShapelessZero { fits = value.shape == state.shape && value.precision == state.precision }
    }
    guard fits else {
      throw TrainingError.checkpoint("the optimiser's state for \(name) does not fit the network; begin anew without resuming.")
    }
  }
}
