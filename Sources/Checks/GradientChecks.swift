// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Problems
import ProximalMaps
import Tensors
import _Differentiation

/// Every differentiable operation and every network against central differences in double precision, 20 random directions each,
/// relative error ≤ 1e-6; and gradients that must equal each other.
public func gradientChecks() -> [CheckItem] {
  operationGradients() + networkGradients() + channelsLastGradients() + imageNetworkGradients() + wholeImageGradients()
    + kSpaceGradients() + tomographyGradients()
    + gradientIdentities()
}

private func operationGradients() -> [CheckItem] {
  var generator = RandomGenerator(seed: 21)
  func normal(_ shape: [Int]) -> Tensor { .normal(shape, using: &generator) }
  let (x, c) = (normal([4, 6]), normal([4, 6]))
  let (W, square, wide) = (normal([5, 6]), normal([6, 6]), normal([4, 5]))
  let vector = normal([6])
  let positive = vector.map { abs($0) * 0.3 + 0.1 }
  var gradients = GradientItems()
  let disjoint = Disjoint(
    L1(weight: 0.4), ofWidth: 2, Translated(Dilated(GroupL1(weight: 0.3, groupSize: 2), scale: 1.5), by: channels(c, 0..<4)))
  gradients.input("squaredNorm", at: x) { squaredNorm($0) }
  gradients.input("penalties of disjoint parts, translated and dilated", at: x) { innerProduct(disjoint.prox($0, step: 0.6), c) }
  gradients.add(
    "those in their weights", parameterGradientError(disjoint, seed: 23) { innerProduct($0.prox(x, step: 0.6), c) })
  gradients.input("innerProduct", at: x) { innerProduct($0, c) }
  gradients.input("+ and −", at: x) { squaredNorm($0 + c) + squaredNorm(c - $0) }
  gradients.input("element-wise product", at: x) { innerProduct($0 .* $0, c) }
  gradients.input("sum", at: x) { sum($0 .* c) }
  gradients.input("l1Norm", at: x) { l1Norm($0) }
  gradients.input("linear in x", at: x) { innerProduct(linear($0, W), wide) }
  gradients.input("linear in W", at: W) { innerProduct(linear(x, $0), wide) + squaredNorm(linear(x, $0)) }
  gradients.input("linear adding, in x", at: x) { squaredNorm(linear($0, W, adding: wide)) }
  gradients.input("linear adding, in b", at: wide) { squaredNorm(linear(x, W, adding: $0)) }
  gradients.input("linearTransposed in x", at: wide) { squaredNorm(linearTransposed($0, W)) }
  gradients.input("linearTransposed in W", at: W) { squaredNorm(linearTransposed(wide, $0)) }
  let tall = Matrix(normal([7, 6]))
  gradients.input("regularisedInverse", at: x) { squaredNorm(tall.regularisedInverse($0, penalty: 0.7)) }
  gradients.input("regularisedInverse in its penalty", at: Tensor([0.7], shape: [1])) {
    innerProduct(tall.regularisedInverse(x, penalty: sum($0)), c)
  }
  gradients.input("softThreshold", at: x) { innerProduct(softThreshold($0, threshold: 0.3), c) }
  gradients.input("softThreshold, negative threshold", at: x) { innerProduct(softThreshold($0, threshold: -0.3), c) }
  gradients.input("softThreshold in its threshold", at: Tensor([0.4], shape: [1])) {
    innerProduct(softThreshold(x, threshold: sum($0)), c)
  }
  gradients.input("softThreshold by component", at: x) { innerProduct(softThreshold($0, thresholds: positive), c) }
  gradients.input("softThreshold by component, in thresholds", at: positive) { innerProduct(softThreshold(x, thresholds: $0), c) }
  gradients.input("supportSelectingThreshold", at: x) {
    innerProduct(supportSelectingThreshold($0, threshold: 0.4, fraction: 0.34), c)
  }
  gradients.input("supportSelectingThreshold in its threshold", at: Tensor([0.4], shape: [1])) {
    innerProduct(supportSelectingThreshold(x, threshold: sum($0), fraction: 0.34), c)
  }
  gradients.input("hardThreshold", at: x) { innerProduct(hardThreshold($0, threshold: 0.4), c) }
  gradients.input("groupSoftThreshold", at: x) { innerProduct(groupSoftThreshold($0, threshold: 0.5, groupSize: 3), c) }
  gradients.input("groupSoftThreshold in its threshold", at: Tensor([0.5], shape: [1])) {
    innerProduct(groupSoftThreshold(x, threshold: sum($0), groupSize: 3), c)
  }
  gradients.input("clamped", at: x) { innerProduct(clamped($0, lower: -0.5, upper: 0.8), c) }
  gradients.input("relu", at: x) { innerProduct(relu($0), c) }
  gradients.input("tanh", at: x) { innerProduct(tanh($0), c) }
  gradients.input("scaledColumns", at: x) { squaredNorm(scaledColumns($0, vector)) }
  gradients.input("scaledColumns in the scale", at: vector) { squaredNorm(scaledColumns(x, $0)) }
  gradients.input("addedColumns in the vector", at: vector) { squaredNorm(addedColumns(x, $0)) }
  let curve = PiecewiseLinearShrinkage(softThreshold: 0.3, knots: 11)
  gradients.input("piecewiseLinear", at: x) { innerProduct(piecewiseLinear($0, values: curve.values, first: -1, spacing: 0.2), c) }
  gradients.input("piecewiseLinear in its values", at: curve.values) {
    innerProduct(piecewiseLinear(x, values: $0, first: -1, spacing: 0.2), c)
  }
  let indices = [1, 0, 5, 3]
  let four = normal([4])
  gradients.input("selected", at: x) { squaredNorm(selected($0, at: indices)) }
  gradients.input("replacing", at: x) { innerProduct(replacing($0, at: indices, with: four) .* $0, c) }
  gradients.input("replacing in the values", at: four) { squaredNorm(replacing(x, at: indices, with: $0)) }
  gradients.input("addingRows", at: x) { squaredNorm(addingRows($0, of: square, at: indices, scaledBy: four)) }
  gradients.input("addingRows in the matrix", at: square) { squaredNorm(addingRows(x, of: $0, at: indices, scaledBy: four)) }
  gradients.input("addingRows in the scales", at: four) { squaredNorm(addingRows(x, of: square, at: indices, scaledBy: $0)) }
  let A = Matrix(W)
  gradients.input("operator and its adjoint", at: x) { squaredNorm(A.H(A($0) - wide)) }
  let update = RegularisedLeastSquares(A, Identity<Tensor>(), solver: CholeskySolver(A), penalty: 0.7)
  gradients.input("regularised least squares in y", at: wide) { squaredNorm(update($0, pulledTo: c)) }
  gradients.input("regularised least squares in c", at: c) { squaredNorm(update(wide, pulledTo: $0)) }
  return gradients.items
}

/// A tiny instance every network is checked on.
private struct Tiny {
  let problem: SparseCoding
  let measurement: Tensor
  let target: Tensor
  init() {
    problem = SparseCoding(dictionary: Matrix.gaussian(rows: 6, columns: 9, seed: 31).withUnitColumns, alpha: 0.15)
    var generator = RandomGenerator(seed: 32)
    measurement = .normal([3, 6], using: &generator)
    target = .normal([3, 9], using: &generator)
  }
  @differentiable(reverse)
  func loss(_ estimate: Tensor) -> Double { 0.5 * squaredNorm(estimate - target) }
}

private func networkGradients() -> [CheckItem] {
  let tiny = Tiny()
  let y = tiny.measurement
  var items: [CheckItem] = []
  func network<E, S, T, O>(_ name: String, _ network: Unrolled<E, S, T, O>)
  where E.Measurement == Tensor, T.Stage.Signal == Tensor, O.Estimate == Tensor {
    let model = network.disturbed()
    items.append(
      CheckItem(
        "gradient of \(name)",
        error: parameterGradientError(model, seed: 34) { net in
          let residual = net(y) - tiny.target
          return 0.5 * squaredNorm(residual)
        }, tolerance: 1e-6))
  }
  network("LISTA", LISTA(unfolding: tiny.problem, iterations: 3))
  network("LISTA, untied", UntiedLISTA(unfolding: tiny.problem, depth: 4))
  network("LISTA-SS", LISTASS(unfolding: tiny.problem, depth: 4))
  network("LISTA-CP", LISTACP(unfolding: tiny.problem, depth: 4))
  network("LISTA-CPSS", LISTACPSS(unfolding: tiny.problem, depth: 4))
  network("TiLISTA", TiLISTA(unfolding: tiny.problem, depth: 4))
  network("ALISTA", ALISTA(unfolding: tiny.problem, depth: 4))
  network("Step-LISTA", StepLISTA(unfolding: tiny.problem, depth: 4))
  network("HyperLISTA", HyperLISTA(unfolding: tiny.problem, depth: 4))
  network("unfolded coordinate descent", UnfoldedCoordinateDescent(unfolding: tiny.problem, depth: 6))
  network("unfolded FISTA with restart", UnfoldedFISTA(unfolding: tiny.problem, depth: 8, restart: .whenUphill))
  network("unfolded ADMM, splitting I", UnfoldedADMM(unfolding: tiny.problem, depth: 4, penalty: 0.5))
  func encoder<E: TensorNetwork>(_ name: String, _ encoder: E) {
    let error = parameterGradientError(encoder.disturbed(), seed: 35) { tiny.loss($0(y, stages: 1)) }
    items.append(CheckItem("gradient of \(name)", error: error, tolerance: 1e-6))
  }
  encoder("the tanh encoder", TanhEncoder(tiny.problem))
  encoder("the double tanh encoder", DoubleTanhEncoder(tiny.problem))
  encoder("the shrinkage encoder", ShrinkageEncoder(tiny.problem))
  return items
}

/// Gradients that must be the same number.
private func gradientIdentities() -> [CheckItem] {
  let tiny = Tiny()
  let y = tiny.measurement.row(0)
  let target = tiny.target.row(0)
  let network = LISTACP(unfolding: tiny.problem, depth: 30).disturbed(by: 0.001)
  let adaptive = gradient(at: network) { net in squaredNorm(net.adaptive(y, tolerance: 5e-2).estimate - target) }
  let depth = network.adaptive(y, tolerance: 5e-2).depth
  let fixed = gradient(at: network.truncated(to: depth)) { net in squaredNorm(net(y) - target) }
  let full = gradient(at: network) { net in squaredNorm(net(y) - target) }
  let saved = gradient(at: network) { net in
    squaredNorm(net.run(y, recording: false, recomputing: .stages(every: 4)).estimate - target)
  }
  return [
    CheckItem(
      "gradient at data-dependent depth \(depth) of 30 against the fixed depth", error: distance(adaptive, fixed, network),
      tolerance: depth > 1 && depth < 30 ? 1e-13 : -1),
    CheckItem("gradient with recomputed stages against the plain one", error: distance(saved, full, network), tolerance: 1e-13),
  ]
}

private func distance<Model: Parameterized>(_ a: Model.TangentVector, _ b: Model.TangentVector, _ model: Model) -> Double {
  let (x, y) = (model.flat(a), model.flat(b))
  let difference = zip(x, y).reduce(0) { $0 + squaredNorm($1.0 - $1.1) }
  return (difference / max(y.reduce(0) { $0 + squaredNorm($1) }, 1e-300)).squareRoot()
}
