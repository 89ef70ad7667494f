// SPDX-License-Identifier: Apache-2.0
// An operator of one's own: two functions. FISTA and a network that learns its steps and thresholds follow from it.
import Algorithms
import Foundation
import Networks
import Operators
import Tensors
import Training
import _Differentiation

/// y[i] = Σ_j x[stride · i + j] / width for j = 0 … width − 1: windows of a signal, averaged. `[…, n]` to `[…, outputs]`.
struct WindowMean: LinearOperator {
  let n, width, stride: Int
  var outputs: Int { (n - width) / stride + 1 }

  func forward(_ x: Tensor) -> Tensor {
    if x.isShapelessZero { return x }
    let v = x.doubles
    var y: [Double] = []
    for row in 0..<x.rowCount {
      for i in 0..<outputs {
        let first = row * n + i * stride
        y.append(v[first..<first + width].reduce(0, +) / Double(width))
      }
    }
    return Tensor(y, shape: x.shape.dropLast() + [outputs], precision: x.precision)
  }

  func adjoint(_ y: Tensor) -> Tensor {
    if y.isShapelessZero { return y }
    let v = y.doubles
    var x = [Double](repeating: 0, count: y.rowCount * n)
    for row in 0..<y.rowCount {
      for i in 0..<outputs {
        for j in 0..<width { x[row * n + i * stride + j] += v[row * outputs + i] / Double(width) }
      }
    }
    return Tensor(x, shape: y.shape.dropLast() + [n], precision: y.precision)
  }

  var domainShape: [Int] { [n] }
  var codomainShape: [Int] { [outputs] }
  /// No row and no column sums to more than this: ‖A‖² ≤ ‖A‖₁ ‖A‖_∞.
  var lipschitz: Double { (Double(width) / Double(stride)).rounded(.up) / Double(width) }
}

let A = WindowMean(n: 64, width: 4, stride: 1)
var generator = RandomGenerator(seed: 1)
let (u, v) = (Tensor.normal([64], using: &generator), Tensor.normal([A.outputs], using: &generator))
print("adjoint: ⟨A u, v⟩ − ⟨u, Aᵀ v⟩ = \(A.forward(u).inner(v) - u.inner(A.adjoint(v)))")
print("‖A‖² = \(powerIteration(A, startingAt: u).last!), bound \(A.lipschitz)")

/// Signals with a few spikes, and their measurements.
func samples(_ count: Int, seed: UInt64) -> SamplePairs {
  var generator = RandomGenerator(seed: seed)
  let active = Tensor.uniform([count, 64], using: &generator).map { $0 < 0.05 ? 1 : 0 }
  let x = active .* Tensor.normal([count, 64], using: &generator)
  return SamplePairs(measurement: A.forward(x), groundTruth: x)
}
let (training, test) = (samples(1_000, seed: 2), samples(300, seed: 3))

// The iteration, stated once; the solver runs it, the network has twelve of them with their own steps and thresholds.
let fista = FISTA<WindowMean>(
  data: GradientStep(A, stepSize: 1 / A.lipschitz), prior: SoftThreshold(threshold: 0.01), momentum: NesterovMomentum())
let solution = solve(fista, measurement: test.measurement, until: .iterations(12)).estimate
let network = SparseRecoveryNetwork<Untied<FISTA<WindowMean>>>(
  encoder: AsMeasured(), start: ZeroStart(), schedule: Untied(Array(repeating: fista, count: 12)), output: AsEstimated())
print("untrained network against FISTA: \((network(test.measurement) - solution).norm)")

let trainer = Trainer<SparseRecoveryNetwork<Untied<FISTA<WindowMean>>>, SamplePairs>(
  recipe: Recipe(
    network: "window-mean", seed: 4,
    phases: [Recipe.Phase(steps: 1_000, batchSize: 50, learningRate: .constant(rate: 1e-2))]),
  samples: training, loss: { network, batch, _ in squaredNorm(network(batch.measurement) - batch.groundTruth) / 50 })
let trained = try trainer.train(network).model
func error(_ x: Tensor) -> String {
  String(format: "%.4f", squaredNorm(x - test.groundTruth) / squaredNorm(test.groundTruth))
}
print("‖x − x*‖² / ‖x*‖² after 12 stages: FISTA \(error(solution)), network \(error(trained(test.measurement)))")
print("learned numbers: \(trained.parameterCount), a step and a threshold per stage")
