// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Platform
import Problems
import Synchronization
import Tensors

/// Optimal codes of many samples, each with a certificate: argmin_Z E(X, Z) to a duality gap of at most tolerance · max(1, E).
///
/// FISTA with restart comes near, feature-sign search ends exactly; a sample for which it does not (linearly dependent atoms)
/// goes on with FISTA until its certificate holds.
public struct OptimalCodes: Sendable {
  /// `[samples, m]`, double precision.
  public let codes: Tensor
  /// Each sample's duality gap: E(X, Z) − E* is not larger.
  public let gaps: [Double]
  /// Each sample's energy E(X, Z).
  public let energies: [Double]

  /// - Parameters: `patches` of shape `[samples, n]`. Samples iterate in groups as one matrix product, groups spread over the
  ///   threads; after every round those that hold a certificate leave, the others go on in new groups for twice as long. Results do
  ///   not depend on the number of threads.
  public init(_ problem: SparseCoding, patches: Tensor, tolerance: Double = 1e-6, maximumIterations: Int = 20_000) {
    let problem = problem.converted(to: .double)
    let patches = patches.converted(to: .double)
    let iteration = FISTA<Matrix>(problem, restart: .whenUphill)
    let search = FeatureSignSearch(problem)
    let width = problem.codeSize
    var codes = [Double](repeating: 0, count: patches.shape[0] * width)
    var gaps = [Double](repeating: .infinity, count: patches.shape[0])
    var energies = gaps
    var waiting = Array(0..<patches.shape[0])
    var (round, spent) = (50, 0)
    while !waiting.isEmpty && spent < maximumIterations {
      let steps = min(round, maximumIterations - spent)
      let groups = stride(from: 0, to: waiting.count, by: 50).map { Array(waiting[$0..<min($0 + 50, waiting.count)]) }
      let starts = groups.map { Tensor($0.flatMap { codes[$0 * width..<($0 + 1) * width] }, shape: [$0.count, width]) }
      let (stages, certain) = (Work.stages, patches.shape[0] - waiting.count)
      let solvedHere = Atomic<Int>(0)
      let solved = Parallel.map(groups.count) { i in
        let x = Tensor.stacked(groups[i].map(patches.row))
        let near = solve(iteration, measurement: x, from: starts[i], until: .iterations(steps)).estimate
        let found = search.minimisers(problem, near, measurement: x)
        let certificates = problem.certificates(found, measurement: x)
        let done = solvedHere.add(groups[i].count, ordering: .relaxed).newValue
        Work.report("optimal codes", certain + done, of: patches.shape[0], within: stages)
        return (found, certificates)
      }
      for (group, (found, certificates)) in zip(groups, solved) {
        let values = found.doubles
        for (i, sample) in group.enumerated() {
          codes.replaceSubrange(sample * width..<(sample + 1) * width, with: values[i * width..<(i + 1) * width])
          (gaps[sample], energies[sample]) = (certificates.gaps[i], certificates.energies[i])
        }
      }
      waiting = waiting.filter { gaps[$0] > tolerance * max(1, energies[$0]) }
      spent += steps
      round *= 2
    }
    self.codes = Tensor(codes, shape: [patches.shape[0], width])
    self.gaps = gaps
    self.energies = energies
  }
}

extension FeatureSignSearch {
  /// The rows of `starts`, each replaced by its minimiser where the search finds it.
  fileprivate func minimisers(_ problem: SparseCoding, _ starts: Tensor, measurement patches: Tensor) -> Tensor {
    let (correlations, near) = (problem.dictionary.adjoint(patches).doubles, starts.doubles)
    let m = problem.codeSize
    let found = (0..<starts.rowCount).flatMap { row in
      let start = Array(near[row * m..<(row + 1) * m])
      return minimiser(correlation: Array(correlations[row * m..<(row + 1) * m]), from: start) ?? start
    }
    return Tensor(found, shape: starts.shape)
  }
}
