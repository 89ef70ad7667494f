// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import Evaluation
import Foundation
import Networks
import Operators
import Problems
import Tensors
import Training

/// The table `lista-1`: table 1 of Gregor & LeCun (2010), squared error between optimal and predicted code, and how many
/// iterations of FISTA reach each LISTA's error.
public struct LISTATable: Sendable {
  public static let units = [100, 400]
  public static let iterations = [1, 3, 7]
  /// Patches that are tested on.
  public var patches = 2000
  /// Where the test patches come from, in words.
  public var source: String
  public var images: [Tensor]

  public init(images: [Tensor], source: String) {
    self.images = images
    self.source = source
  }

  private static let published: [SparseMethod: [Int: Double]] = [
    .tanhEncoder: [100: 8.6, 400: 10.7], .doubleTanhEncoder: [100: 3.33, 400: 4.62], .shrinkageEncoder: [100: 3.29, 400: 4.82],
    .fista: [100: 21, 400: 22],
  ]
  private static let publishedLISTA: [Int: [Int: Double]] = [
    1: [100: 1.50, 400: 2.45], 3: [100: 0.98, 400: 2.12], 7: [100: 0.52, 400: 1.62],
  ]
  private static let publishedMatch: [Int: Double] = [100: 18, 400: 35]

  /// - Parameter weights: the weights of a method for m units and T iterations, or nil when there are none.
  public func run(weights: (SparseMethod, _ units: Int, _ iterations: Int) throws -> Weights?) throws -> ResultTable {
    var rows: [ResultTable.Row] = []
    var facts: [String] = []
    for units in Self.units {
      guard let dictionary = try dictionary(units, weights) else {
        rows += missing(units)
        continue
      }
      let training = SparseCodingTraining(units: units)
      let problem = training.problem(dictionary)
      let test = try training.coded(dictionary, images: images, count: patches, stream: 500)
      let zero = squaredNorm(test.codes) / Double(patches)
      facts.append(
        "m = \(units): mean ‖Z*‖² \(String(format: "%.2f", zero)), codes within a relative duality gap of \(String(format: "%.0e", test.largestGap))"
      )

      // FISTA's error after 1, 2, … iterations.
      let begin = Date()
      let curve = SparseMethod.fista.errors(problem, test, count: 200)
      let seconds = Date().timeIntervalSince(begin) / 200
      func add(
        _ method: SparseMethod, _ column: String, _ metric: Metric, _ published: Double?, _ measured: Double?, _ seconds: Double
      ) {
        rows.append(
          ResultTable.Row(
            method: method.rawValue, column: column, metric: metric, published: published, measured: measured, seconds: seconds,
            why: reason(metric, published, measured)))
      }
      for method in Self.networks {
        for T in method == .lista ? Self.iterations : [0] {
          let published = method == .lista ? Self.publishedLISTA[T]?[units] : Self.published[method]?[units]
          let column = method == .lista ? "m = \(units), T = \(T)" : "m = \(units)"
          guard let weights = try weights(method, units, T) else {
            rows.append(unmeasured(method, column, published))
            continue
          }
          let own = try weights.matrix("dictionary", file: "\(method.rawValue)-\(units)")
          guard own.entries.shape == dictionary.entries.shape,
            (own.entries - dictionary.entries).norm < 1e-6 * dictionary.entries.norm
          else {
            throw RecipeError(
              "\(method.rawValue), m = \(units): found weights of another dictionary than LISTA's; train them together")
          }
          let network = try weights.filled(training.network(method, dictionary: dictionary, iterations: T)!)
          let (error, time) = try measure(network, test)
          add(method, column, .codeError, published, error, time)
          if method == .lista {
            let match = curve.firstIndex { $0 <= error }.map { Double($0 + 1) }
            add(
              .fista, "m = \(units), iterations to LISTA-\(T)", .iterations, T == 1 ? Self.publishedMatch[units] : nil, match,
              seconds * (match ?? 200))
          }
        }
      }
      add(.fista, "m = \(units), 1 iteration", .codeError, Self.published[.fista]?[units], curve[0], seconds)
    }
    return ResultTable(
      table: "lista-1", rows: rows, data: "\(patches) patches of 10 × 10 from \(source); \(facts.joined(separator: "; "))",
      protocol:
        "mean ‖Z* − Z‖² over held-out patches of unit variance, α = 0.5; T iterations apply S T times; the paper's scaling of its patches "
        + "is not known, so that ratios and the order are what compares")
  }

  private static let networks: [SparseMethod] = [.tanhEncoder, .doubleTanhEncoder, .shrinkageEncoder, .lista]

  /// The dictionary that the networks of m units share, from the first weights there are.
  private func dictionary(_ units: Int, _ weights: (SparseMethod, Int, Int) throws -> Weights?) throws -> Matrix? {
    for method in Self.networks {
      for T in method == .lista ? Self.iterations : [0] {
        if let found = try weights(method, units, T) { return try found.matrix("dictionary", file: "\(method.rawValue)-\(units)") }
      }
    }
    return nil
  }

  /// The rows of m units when no weights at all are there.
  private func missing(_ units: Int) -> [ResultTable.Row] {
    Self.networks.flatMap { method in
      (method == .lista ? Self.iterations : [0]).map { T in
        unmeasured(
          method, method == .lista ? "m = \(units), T = \(T)" : "m = \(units)",
          method == .lista ? Self.publishedLISTA[T]?[units] : Self.published[method]?[units])
      }
    }
  }

  private func unmeasured(_ method: SparseMethod, _ column: String, _ published: Double?) -> ResultTable.Row {
    ResultTable.Row(
      method: method.rawValue, column: column, metric: .codeError, published: published, measured: nil, seconds: 0,
      why: "no weights ship for it; --train makes them")
  }

  /// The paper's scale of errors is its own: only a lack of iterations needs a word.
  private func reason(_ metric: Metric, _ published: Double?, _ measured: Double?) -> String? {
    guard let measured else { return "FISTA did not reach it in 200 iterations" }
    guard let published, metric.fallsShort(measured: measured, published: published) else { return nil }
    return metric == .codeError
      ? "another dictionary than the paper's, whose scale of patches is not known" : "another dictionary than the paper's"
  }

  private func measure<Network: TensorNetwork>(_ network: Network, _ test: CodedPatches) throws -> (error: Double, seconds: Double)
  {
    let x = test.patches.converted(to: .single)
    let begin = Date()
    let z = network.predict(x)
    let seconds = Date().timeIntervalSince(begin)
    return (try codeError(z.converted(to: .double), test.codes), seconds)
  }
}
