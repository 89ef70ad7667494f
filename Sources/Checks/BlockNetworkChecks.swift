// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Problems
import Tensors
import _Differentiation

/// A tiny instance of block compressive sensing: blocks of 5 × 5, 9 measurements.
private struct TinyBlocks {
  let phi = Matrix.orthonormalRows(rows: 9, columns: 25, seed: 91)
  let measurement: Tensor
  let blocks: Tensor

  init() {
    var generator = RandomGenerator(seed: 92)
    blocks = .uniform([4, 25], using: &generator)
    measurement = phi.forward(blocks)
  }

  var istaNet: ISTANet { ISTANet(phi: phi, initial: phi.entries.transposed, depth: 3, channels: 4, seed: 93) }
  var istaNetPlus: ISTANetPlus { ISTANetPlus(phi: phi, initial: phi.entries.transposed, depth: 3, channels: 4, seed: 93) }
}

/// ISTA-Net whose transform is the identity is ISTA, ISTA-Net⁺ without a correction is gradient descent: ≤ 1e-13 relative for every
/// depth from 1 to 50.
func blockEquivalenceChecks() -> [CheckItem] {
  let tiny = TinyBlocks()
  let start = linear(tiny.measurement, tiny.phi.entries.transposed)
  func item<Stage: Iteration, Network: TensorNetwork>(_ name: String, _ algorithm: Stage, _ network: Network) -> CheckItem
  where Stage.Signal == Tensor, Stage.Measurement == Tensor {
    var iterates: [Tensor] = []
    _ = solve(algorithm, measurement: tiny.measurement, from: start, until: .iterations(50)) { _, s in
      iterates.append(algorithm.estimate(s))
    }
    let worst = (1...50).map { relativeDifference(network(tiny.measurement, stages: $0), iterates[$0 - 1]) }.max()!
    return CheckItem(name, error: worst, tolerance: 1e-13)
  }
  // The identity through a rectifier: δ and −δ, subtracted again.
  func delta(_ values: [[Double]]) -> Tensor {
    Tensor(values.flatMap { $0.flatMap { [0, 0, 0, 0, $0, 0, 0, 0, 0] } }, shape: [values.count, values[0].count, 3, 3])
  }
  var ista = ISTANet(phi: tiny.phi, initial: tiny.phi.entries.transposed, depth: 50, channels: 2, seed: 1)
  ista.updateParameters { name, value in
    switch name.split(separator: ".", maxSplits: 2).last! {
    case "stepSize": Tensor([0.9], shape: [])
    case "threshold": Tensor([0.02], shape: [])
    case "analysis.0": delta([[1], [-1]])
    case "analysis.1": delta([[1, -1], [-1, 1]])
    case "synthesis.0": delta([[1, 0], [0, 1]])
    default: delta([[1, -1]])
    }
  }
  var plus = ISTANetPlus(phi: tiny.phi, initial: tiny.phi.entries.transposed, depth: 50, channels: 2, seed: 1)
  plus.updateParameters { name, value in
    name.hasSuffix("reduction") ? .zeros(value.shape) : name.hasSuffix("stepSize") ? Tensor([0.9], shape: []) : value
  }
  let descent = GradientStep(tiny.phi, stepSize: 0.9)
  return [
    item(
      "ISTA-Net with the identity as transform is ISTA",
      ProximalGradient(data: descent, prior: SoftThreshold(threshold: 0.02), momentum: NoMomentum()), ista),
    item(
      "ISTA-Net⁺ without a correction is gradient descent",
      ProximalGradient(data: descent, prior: SoftThreshold(threshold: 0), momentum: NoMomentum()), plus),
  ]
}

/// Convolutions on channels-last maps, and networks on image blocks with both forms of the constraint.
func blockGradients() -> [CheckItem] {
  var generator = RandomGenerator(seed: 94)
  func normal(_ shape: [Int]) -> Tensor { .normal(shape, using: &generator) }
  let (maps, weight, cotangent) = (normal([2, 4, 5, 3]), normal([2, 3, 3, 3]), normal([2, 4, 5, 2]))
  var items: [CheckItem] = []
  func item(_ name: String, at x: Tensor, _ f: @differentiable(reverse) (Tensor) -> Double) {
    items.append(CheckItem("gradient of \(name)", error: inputGradientError(at: x, seed: 95, f), tolerance: 1e-6))
  }
  item("convolved in x", at: maps) { innerProduct(convolved($0, weight), cotangent) }
  item("convolved in its weights", at: weight) { innerProduct(convolved(maps, $0), cotangent) }
  item("convolved and rectified in x", at: maps) { innerProduct(convolved($0, weight, rectified: true), cotangent) }
  item("convolved and rectified in its weights", at: weight) { innerProduct(convolved(maps, $0, rectified: true), cotangent) }
  item("meanSquaredDifference", at: cotangent) { meanSquaredDifference($0, reshaped(2 * $0 .* $0, [2, 4, 5, 2])) }

  let tiny = TinyBlocks()
  func network<Network: TensorNetwork>(_ name: String, _ network: Network) {
    let model = disturbed(network, seed: 96)
    func check(_ form: String, _ loss: @differentiable(reverse) (Network) -> Double) {
      items.append(CheckItem("gradient of \(name)\(form)", error: parameterGradientError(model, seed: 97, loss), tolerance: 1e-6))
    }
    let (y, x) = (tiny.measurement, tiny.blocks)
    check("") { net in meanSquaredDifference(net.run(y, recording: false).estimate, x) }
    check(" with the constraint on its iterates") { net in
      let output = net.run(y, recording: true)
      return meanSquaredDifference(output.estimate, x) + 0.5 * output.penalty
    }
    check(" with the constraint on true blocks") { net in
      meanSquaredDifference(net.run(y, recording: false).estimate, x) + 0.5 * net.asymmetry(x)
    }
  }
  network("ISTA-Net", tiny.istaNet)
  network("ISTA-Net⁺", tiny.istaNetPlus)
  return items
}
