// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Problems
import Tensors

/// Optimal codes of many samples, each with a certificate: argmin_Z E(X, Z) by FISTA with restart, until every sample's duality
/// gap is at most tolerance · max(1, E).
public struct OptimalCodes: Sendable {
  /// `[samples, m]`, double precision.
  public let codes: Tensor
  /// Each sample's duality gap: E(X, Z) − E* is not larger.
  public let gaps: [Double]
  /// Each sample's energy E(X, Z).
  public let energies: [Double]

  /// - Parameters: `patches` of shape `[samples, n]`; the work is cut into groups of samples that iterate together as one matrix
  ///   product, spread over the threads; results do not depend on their number.
  public init(_ problem: SparseCoding, patches: Tensor, tolerance: Double = 1e-6, maximumIterations: Int = 20_000) {
    let problem = problem.converted(to: .double)
    let patches = patches.converted(to: .double)
    let iteration = FISTA<Matrix>(problem, restart: .whenUphill)
    let count = patches.shape[0]
    let group = 50
    let solved = Parallel.map((count + group - 1) / group) { i in
      let x = patches.rows(i * group..<min((i + 1) * group, count))
      func isCertified(_ codes: Tensor) -> Bool {
        let (gaps, energies) = problem.certificates(codes, measurement: x)
        return zip(gaps, energies).allSatisfy { $0 <= tolerance * max(1, $1) }
      }
      let codes = solve(
        iteration, measurement: x, until: StoppingRule { $0.iterations % 20 == 0 && isCertified($0.estimate) },
        .iterations(maximumIterations)
      ).estimate
      return (codes, problem.certificates(codes, measurement: x))
    }
    codes = Tensor.concatenated(solved.map(\.0))
    gaps = solved.flatMap(\.1.gaps)
    energies = solved.flatMap(\.1.energies)
  }
}
