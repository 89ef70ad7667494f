// SPDX-License-Identifier: Apache-2.0
// ISTA and LISTA are one iteration. Untrained, the network is the algorithm; trained, it needs fewer stages.
import Algorithms
import Foundation
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

// The model: E(X, Z) = ½‖X − W_d Z‖² + α‖Z‖₁, 25 pixels, 50 atoms.
let problem = SparseCoding(dictionary: Matrix.gaussian(rows: 25, columns: 50, seed: 1).withUnitColumns, alpha: 0.2)

/// Synthetic patches, each a few atoms and a little noise, with their certified optimal codes Z*.
func samples(_ count: Int, seed: UInt64) -> (patches: Tensor, codes: Tensor) {
  var generator = RandomGenerator(seed: seed)
  let active = Tensor.uniform([count, 50], using: &generator).map { $0 < 0.1 ? 1 : 0 }
  let codes = active .* Tensor.normal([count, 50], using: &generator)
  let patches = problem.dictionary.forward(codes) + 0.05 * Tensor.normal([count, 25], using: &generator)
  return (patches, OptimalCodes(problem, patches: patches).codes)
}

let (training, test) = (samples(4_000, seed: 2), samples(500, seed: 3))

/// Mean ‖Z* − Z‖² over the test patches.
func error(_ codes: Tensor) -> String { String(format: "%.3f", squaredNorm(codes - test.codes) / 500) }

// The algorithm, run; and the network, the same algorithm unfolded. T = 3 in the paper's counting is 4 stages.
let ista = solve(ISTA(problem), measurement: test.patches, until: .iterations(4)).estimate
let fista = solve(FISTA(problem), measurement: test.patches, until: .iterations(4)).estimate
let network = LISTA(unfolding: problem, iterations: 3)
let difference = (network(test.patches) - ista).norm / ista.norm
print("untrained LISTA against ISTA, relative difference: \(difference)")
precondition(difference < 1e-12)

// Training, in single precision: ½‖Z* − f(X)‖², Adam, batches of 64.
let steps = 3_000
let trainer = Trainer<LISTA, SamplePairs>(
  recipe: Recipe(
    network: "lista", seed: 4,
    phases: [
      Recipe.Phase(steps: steps, batchSize: 64, chunkSize: 32, learningRate: .cosine(rate: 2e-3, final: 1e-5, steps: steps))
    ]),
  samples: SamplePairs(
    measurement: training.patches.converted(to: .single), groundTruth: training.codes.converted(to: .single)),
  loss: { network, batch, _ in
    let count = withoutDerivative(at: Double(batch.groundTruth.shape[0]))
    return 0.5 * squaredNorm(network(batch.measurement) - batch.groundTruth) / count
  })
let trained = try trainer.train(LISTA(unfolding: problem.converted(to: .single), iterations: 3)).model

print("mean squared code error on \(test.codes.shape[0]) test patches, 4 iterations or stages each:")
print("  zero code  \(error(.zero))")
print("  ISTA       \(error(ista))")
print("  FISTA      \(error(fista))")
print("  LISTA      \(error(trained.predict(test.patches.converted(to: .single)).converted(to: .double)))")
