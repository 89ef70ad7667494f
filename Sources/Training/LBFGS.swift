// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// L-BFGS (Liu & Nocedal, 1989) with a strong Wolfe line search; for a loss that is the same function at every step.
///
/// The inverse Hessian is that of the last `memory` pairs s = w⁺ − w, y = ∇f(w⁺) − ∇f(w), begun from (sᵀy / yᵀy) I (Nocedal &
/// Wright, algorithms 7.4 and 7.5) or a diagonal matrix, see ``Scaling``. The learning rate is the first step length tried; 1 is Newton's. Before there is a pair it
/// is multiplied by min(1, 1 / ‖g‖₁). All is computed in double precision on one vector of the trainable parameters, whose groups
/// may only say whether they are trainable.
public struct LBFGS: Optimiser {
  /// Pairs remembered.
  public let memory: Int
  /// c₂ of the search: the slope left at an accepted step, relative to that at its start.
  public let curvature: Double
  /// The loss counts as minimal when no element of the gradient is larger.
  public let gradientTolerance: Double
  /// The loss counts as minimal when a step lowers it by no more than this share of it.
  public let lossTolerance: Double
  public let scaling: Scaling
  private var pairs: [Pair] = []
  /// The accepted point of the last search with its loss and gradient: where the next step begins without evaluating again.
  private var last: (point: Tensor, loss: Double, gradient: Tensor)?

  /// The sum of the squares of every derivative at accepted points; nil without them.
  private var squares: Tensor?

  /// The inverse Hessian that the pairs correct, H₀ = γ diag(d) with γ = sᵀy / (yᵀ diag(d) y) of the newest pair.
  public enum Scaling: String, Sendable, Hashable, Codable {
    /// d = 1.
    case identity
    /// dᵢ = 1 / (rᵢ + max r / 100), rᵢ the root of the sum of the squares of ∂f/∂wᵢ at all accepted points, as in AdaGrad (Duchi,
    /// Hazan & Singer, 2011): for parameters of several kinds, whose derivatives differ by orders.
    case gradients
  }

  private struct Pair: Sendable {
    var s: Tensor
    var y: Tensor
    var product: Double  // sᵀy
  }

  public init(
    memory: Int = 5, curvature: Double = 0.9, gradientTolerance: Double = 0, lossTolerance: Double = 0, scaling: Scaling = .identity
  ) {
    precondition(memory > 0, "LBFGS: memory \(memory)")
    precondition(curvature > 1e-4 && curvature < 1, "LBFGS: curvature \(curvature) is not in (1e-4, 1)")
    self.memory = memory
    self.curvature = curvature
    self.gradientTolerance = gradientTolerance
    self.lossTolerance = lossTolerance
    self.scaling = scaling
  }

  public mutating func step<Model: Parameterized>(
    _ model: inout Model, learningRate: Double, groups: ParameterGroups, gradient: (Model) throws -> LossGradient<Model>
  ) rethrows -> OptimiserStep {
    let point = FlatParameters.values(of: model, groups: groups)
    let (loss, g) = try begin(at: point, model, groups, gradient)
    if !(g.maximumMagnitude > gradientTolerance) || !loss.isFinite { return OptimiserStep(loss: loss, isConverged: loss.isFinite) }

    while true {
      var direction = descentDirection(g)
      if !(g.inner(direction) < 0) {
        pairs = []
        direction = -1 * g
      }
      let first = pairs.isEmpty ? learningRate * min(1, 1 / l1Norm(g)) : learningRate
      let start = WolfeSearch.Trial(
        step: 0, value: loss, slope: g.inner(direction), payload: (model: model, point: point, gradient: g))
      let found = try WolfeSearch(c2: curvature).search(from: start, first: first) { step in
        var trial = model
        FlatParameters.write(point + step * direction, to: &trial, groups: groups)
        let result = try gradient(trial)
        let slopes = FlatParameters.gradient(result.gradient, of: trial, groups: groups)
        // Single-precision parameters were rounded: the point is where the loss was evaluated.
        let at = FlatParameters.values(of: trial, groups: groups)
        return .init(step: step, value: result.loss, slope: slopes.inner(direction), payload: (trial, at, slopes))
      }
      // Where rounding hides the decrease, the gradient at least must shrink: the search cannot go round in circles.
      let shrinks = found.map { $0.value < loss || ($0.value == loss && $0.payload.gradient.norm < g.norm) }
      if let found, shrinks == true {
        remember(s: found.payload.point - point, y: found.payload.gradient - g)
        model = found.payload.model
        arrive(at: found.payload.point, found.value, found.payload.gradient)
        let standsStill = lossTolerance > 0 && loss - found.value <= lossTolerance * loss.magnitude
        return OptimiserStep(loss: loss, isConverged: standsStill)
      }
      if pairs.isEmpty { return OptimiserStep(loss: loss, isConverged: true) }
      pairs = []  // once more, along the steepest descent
    }
  }

  /// Loss and gradient at `point`, from the last search when it ended here; otherwise the memory belongs elsewhere and is dropped.
  private mutating func begin<Model: Parameterized>(
    at point: Tensor, _ model: Model, _ groups: ParameterGroups, _ gradient: (Model) throws -> LossGradient<Model>
  ) rethrows -> (loss: Double, gradient: Tensor) {
    if let last, last.point.isIdentical(to: point) { return (last.loss, last.gradient) }
    (pairs, squares) = ([], nil)
    let found = try gradient(model)
    let flat = FlatParameters.gradient(found.gradient, of: model, groups: groups)
    arrive(at: point, found.loss, flat)
    return (found.loss, flat)
  }

  /// Takes `point` for accepted.
  private mutating func arrive(at point: Tensor, _ loss: Double, _ gradient: Tensor) {
    last = (point, loss, gradient)
    guard scaling == .gradients, gradient.isFinite else { return }
    let square = gradient .* gradient
    squares = squares.map { $0 + square } ?? square
  }

  /// H₀ q, of the newest pair.
  private func scaled(_ q: Tensor, by newest: Pair) -> Tensor {
    guard let squares else { return newest.product / newest.y.inner(newest.y) * q }
    let floor = squares.maximumMagnitude.squareRoot() / 100
    let d = Tensor(squares.doubles.map { 1 / ($0.squareRoot() + floor) }, shape: squares.shape)
    return newest.product / newest.y.inner(d .* newest.y) * (d .* q)
  }

  /// −H g by the two-loop recursion.
  private func descentDirection(_ g: Tensor) -> Tensor {
    var q = -1 * g
    var weights: [Double] = []
    for pair in pairs.reversed() {
      let weight = pair.s.inner(q) / pair.product
      q.accumulate(pair.y, scale: -weight)
      weights.append(weight)
    }
    if let newest = pairs.last { q = scaled(q, by: newest) }
    for (pair, weight) in zip(pairs, weights.reversed()) {
      q.accumulate(pair.s, scale: weight - pair.y.inner(q) / pair.product)
    }
    return q
  }

  /// Keeps the pair when it has positive curvature beyond rounding.
  private mutating func remember(s: Tensor, y: Tensor) {
    let product = s.inner(y)
    guard product > .ulpOfOne * y.inner(y) else { return }
    if pairs.count == memory { pairs.removeFirst() }
    pairs.append(Pair(s: s, y: y, product: product))
  }

  /// `point`, `loss` and `gradient` of the last search, `squares` where they scale, and `s.K`, `y.K` for the pairs, oldest first.
  public var state: [NamedParameter] {
    guard let last else { return [] }
    var state = [
      NamedParameter(name: "point", value: last.point), NamedParameter(name: "loss", value: Tensor([last.loss], shape: [])),
      NamedParameter(name: "gradient", value: last.gradient),
    ]
    if let squares { state.append(NamedParameter(name: "squares", value: squares)) }
    for (k, pair) in pairs.enumerated() {
      state.append(NamedParameter(name: "s.\(k)", value: pair.s))
      state.append(NamedParameter(name: "y.\(k)", value: pair.y))
    }
    return state
  }

  public mutating func restore<Model: Parameterized>(_ state: [NamedParameter], for model: Model, groups: ParameterGroups) throws {
    let fault = TrainingError.checkpoint(
      "the state of L-BFGS is incomplete or does not fit the network; begin anew without resuming.")
    func find(_ name: String) -> Tensor? { state.first { $0.name == name }?.value }
    if state.isEmpty {
      (pairs, last, squares) = ([], nil, nil)
      return
    }
    let squares = find("squares")
    let others = squares == nil ? 3 : 4
    guard let point = find("point"), let loss = find("loss"), let gradient = find("gradient"), (state.count - others) % 2 == 0,
      (squares != nil) == (scaling == .gradients)
    else { throw fault }
    let (depth, length) = ((state.count - others) / 2, FlatParameters.values(of: model, groups: groups).count)
    func isVector(_ t: Tensor) -> Bool { t.shape == [length] && t.precision == .double }
    guard isVector(point), isVector(gradient), loss.count == 1, depth <= memory, squares.map(isVector) ?? true else {
      throw fault
    }
    pairs = try (0..<depth).map { k in
      guard let s = find("s.\(k)"), let y = find("y.\(k)"), isVector(s), isVector(y) else { throw fault }
      return Pair(s: s, y: y, product: s.inner(y))
    }
    last = (point, loss[flat: 0], gradient)
    self.squares = squares
  }
}
