// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Networks
import Operators
import Problems
import Tensors
import Training

/// The table `alista`: NMSE in dB after 16 stages on the noiseless synthetic benchmark, 250 × 500, 10 % non-zeros.
public struct ALISTATable: Sendable {
  public var training: SparseRecoveryTraining
  /// Public data to measure the classical methods on as well: a matrix and codes, one a row.
  public var publicData: (A: Matrix, codes: Tensor)?
  /// The public matrix that accompanies HyperLISTA, to measure its three numbers on as well.
  public var hyperMatrix: Matrix?

  public init(
    training: SparseRecoveryTraining = SparseRecoveryTraining(), publicData: (A: Matrix, codes: Tensor)? = nil,
    hyperMatrix: Matrix? = nil
  ) {
    self.training = training
    self.publicData = publicData
    self.hyperMatrix = hyperMatrix
  }

  /// Figures read off the literature's plots (Liu et al. 2019, fig. 1; Chen et al. 2018, fig. 2); none is printed as a number.
  static let published: [SparseMethod: Double] = [.lista: -35, .listaCPSS: -63, .alista: -79]
  public static let methods: [SparseMethod] = [.lista, .listaCP, .listaSS, .listaCPSS, .tilista, .alista, .stepLISTA, .hyperLISTA]

  /// - Parameter weights: the weights of a method, or nil when there are none.
  public func run(weights: (SparseMethod) throws -> Weights?) throws -> ResultTable {
    let test = training.testSamples()
    var rows = try classical(training.problem, test.measurement, test.groundTruth, column: "16 stages")
    for method in Self.methods {
      guard let weights = try weights(method) else {
        rows.append(row(method, "16 stages", nil, 0, why: "no weights ship for it; --train makes them"))
        continue
      }
      let A = try weights.matrix("A", file: method.rawValue)
      guard relative(A, training.problem.A) < 1e-6 else {
        throw RecipeError("\(method.rawValue): found weights of another matrix A; expected the benchmark's, train them anew")
      }
      let network = try weights.filled(training.network(method)!)
      let begin = Date()
      let x = predict(network, test.measurement.converted(to: .single)).converted(to: .double)
      let seconds = Date().timeIntervalSince(begin)
      rows.append(row(method, "16 stages", try nmseDecibel(x, test.groundTruth), seconds))
    }
    var data = "1 000 samples of the synthetic benchmark, seed \(training.seed); A and samples are the package's own"
    if let publicData {
      rows += try classical(publicData.A, publicData.codes)
      data += "; “public” columns: the matrix and test codes that accompany ALISTA, its authors' 1 000 samples"
    }
    if hyperMatrix != nil {
      data += "; “HyperLISTA's matrix”: its authors', with 1 000 samples of the benchmark's distribution, seed \(training.seed)"
    }
    if let weights = try weights(.hyperLISTA) { rows += try transferred(weights) }
    return ResultTable(
      table: "alista", rows: rows, data: data,
      protocol:
        "noiseless; 16 stages from 0; nmse_db = 10 log10(Σ‖x − x*‖² / Σ‖x*‖²) over all samples; ISTA and FISTA with step 1/L, "
        + "L = 1.001‖A‖², best λ of 0.1, 0.2, 0.4; published networks: read off plots")
  }

  /// HyperLISTA's three numbers as they were tuned for the benchmark's own matrix, on the public matrices.
  private func transferred(_ weights: Weights) throws -> [ResultTable.Row] {
    func measured(_ A: Matrix, _ y: Tensor, _ x: Tensor, column: String) throws -> ResultTable.Row {
      let other = SparseRecoveryTraining(problem: SparseRecovery(A: A), depth: training.depth, seed: training.seed)
      let network = try weights.filled(other.network(.hyperLISTA)!)
      let begin = Date()
      let estimate = predict(network, y.converted(to: .single)).converted(to: .double)
      return row(.hyperLISTA, column, try nmseDecibel(estimate, x), Date().timeIntervalSince(begin))
    }
    var rows: [ResultTable.Row] = []
    if let publicData {
      let x = publicData.codes.converted(to: .double)
      rows.append(try measured(publicData.A, publicData.A.forward(x), x, column: "public, 16 stages"))
    }
    if let hyperMatrix {
      let test = SparseRecoveryTraining(problem: SparseRecovery(A: hyperMatrix), seed: training.seed).testSamples()
      rows.append(try measured(hyperMatrix, test.measurement, test.groundTruth, column: "HyperLISTA's matrix, 16 stages"))
    }
    return rows
  }

  private func predict<Network: TensorNetwork>(_ network: Network, _ y: Tensor) -> Tensor { network.predict(y) }

  private func relative(_ a: Matrix, _ b: Matrix) -> Double {
    a.entries.shape == b.entries.shape ? (a.entries - b.entries).norm / b.entries.norm : .infinity
  }

  /// ISTA and FISTA at their best λ.
  private func classical(_ problem: SparseRecovery, _ y: Tensor, _ x: Tensor, column: String) throws -> [ResultTable.Row] {
    try [SparseMethod.ista, .fista].map { method in
      var best = (value: Double.infinity, seconds: 0.0)
      for lambda in [0.1, 0.2, 0.4] {
        let begin = Date()
        let last = parallelIterates(method, problem.lasso(lambda: lambda), y, counts: [16])[0]
        let seconds = Date().timeIntervalSince(begin)
        let value = try nmseDecibel(last, x)
        if value < best.value { best = (value, seconds) }
      }
      return row(method, column, best.value, best.seconds)
    }
  }

  /// What an independent program measured on the public matrix and codes, in dB: λ, then ISTA at k = 16, 100, 1000, FISTA at 8, 16, 32.
  static let reference: [(lambda: Double, ista: [Double], fista: [Double])] = [
    (0.4, [-5.76, -7.39, -7.39], [-5.63, -7.57, -7.36]),
    (0.2, [-6.19, -11.70, -11.80], [-5.80, -10.87, -11.82]),
    (0.1, [-5.26, -15.22, -16.80], [-4.93, -10.07, -17.53]),
    (0.05, [-4.29, -12.89, -22.17], [-4.08, -7.28, -18.79]),
    (0.01, [-3.22, -5.22, -30.77], [-3.16, -3.97, -6.41]),
  ]

  /// ISTA and FISTA on the public matrix and codes, against ``reference``.
  private func classical(_ A: Matrix, _ codes: Tensor) throws -> [ResultTable.Row] {
    let problem = SparseRecovery(A: A)
    let x = codes.converted(to: .double)
    let y = A.forward(x)
    var rows: [ResultTable.Row] = []
    for (lambda, ista, fista) in Self.reference {
      for (method, counts, expected) in [(SparseMethod.ista, [16, 100, 1000], ista), (.fista, [8, 16, 32], fista)] {
        let begin = Date()
        let found = parallelIterates(method, problem.lasso(lambda: lambda), y, counts: counts)
        let seconds = Date().timeIntervalSince(begin)
        for (i, count) in counts.enumerated() {
          rows.append(
            ResultTable.Row(
              method: method.rawValue, column: "public, λ \(lambda), k \(count)", metric: .nmseDecibel, published: expected[i],
              measured: try nmseDecibel(found[i], x), seconds: seconds))
        }
      }
    }
    return rows
  }

  /// The iterates at `counts`, samples spread over the threads.
  private func parallelIterates(_ method: SparseMethod, _ problem: SparseCoding, _ y: Tensor, counts: [Int]) -> [Tensor] {
    let size = 50
    let all = Tensor.concatenatedGroups(count: y.shape[0], size: size) { rows in
      let iterates = method.iterates(problem, measurement: y.rows(rows), count: counts.max()!)
      return interleaved(counts.map { iterates[$0 - 1] })
    }
    return (0..<counts.count).map { i in
      let width = problem.codeSize
      let wide = all.doubles
      var values: [Double] = []
      values.reserveCapacity(y.shape[0] * width)
      for row in 0..<y.shape[0] {
        let start = (row * counts.count + i) * width
        values += wide[start..<start + width]
      }
      return Tensor(values, shape: [y.shape[0], width])
    }
  }

  private func row(_ method: SparseMethod, _ column: String, _ value: Double?, _ seconds: Double, why: String? = nil)
    -> ResultTable.Row
  {
    let published = Self.published[method]
    var reason = why
    if reason == nil, let value, let published, value > published + 0.5 {
      reason = "a shorter training than the literature's"
    }
    if method == .stepLISTA, reason == nil {
      reason = "aims at the LASSO minimiser at λ = \(SparseRecoveryTraining.stepLambda), whose bias it keeps"
    }
    return ResultTable.Row(
      method: method.rawValue, column: column, metric: .nmseDecibel, published: published, measured: value, seconds: seconds,
      why: reason)
  }
}

/// Tensors `[rows, m]` as one `[rows, count · m]`, row by row.
private func interleaved(_ parts: [Tensor]) -> Tensor {
  let (rows, width) = (parts[0].shape[0], parts[0].shape[1])
  let values = parts.map(\.doubles)
  var result: [Double] = []
  result.reserveCapacity(rows * width * parts.count)
  for row in 0..<rows { for v in values { result += v[row * width..<(row + 1) * width] } }
  return Tensor(result, shape: [rows, width * parts.count])
}
