// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training

/// The table `alista`: NMSE in dB after 16 stages on the noiseless synthetic benchmark, 250 × 500, 10 % non-zeros.
enum ALISTATable {
  /// Figures read off the literature's plots (Liu et al. 2019, fig. 1; Chen et al. 2018, fig. 2); none is printed as a number.
  private static let published = ["lista": -35.0, "lista-cpss": -63, "alista": -79]

  static let table = PublishedTable(
    "alista", "NMSE in dB after 16 stages on the synthetic benchmark of sparse recovery",
    source: "Chen, Liu, Wang & Yin, NeurIPS 2018, fig. 2; Liu, Chen, Wang & Yin, ICLR 2019, fig. 1"
  ) { request in
    let benchmark = try Recovery(.init(), seed: request.seed ?? Recovery.standardSeed)
    let networks = Recovery.methods.filter(\.isTrained)
    if request.trains { try train(networks, benchmark, request) }
    let test = benchmark.testSamples()
    let scans = try benchmark.scans(of: test.groundTruth, named: "benchmark")
    var rows = try classical(benchmark.problem, test.measurement, test.groundTruth, column: "16 stages")
    for method in networks {
      guard request.library.has(method, for: benchmark.system) else {
        rows.append(row(method.name, "16 stages", nil, 0, why: "no weights ship for it; --train makes them"))
        continue
      }
      var options = SolverOptions<Recovery.Knobs>()
      options.knobs.precision = .single
      let mean = try Runner(method, options: options, library: request.library).evaluation(scans, seed: benchmark.seed).mean
      rows.append(row(method.name, "16 stages", mean.nmseDecibel, mean.seconds ?? 0))
    }
    var data = "1 000 samples of the synthetic benchmark, seed \(benchmark.seed); A and samples are the package's own"
    var others: [(column: String, A: Matrix, x: Tensor)] = []
    if let matrix = request.data("/sparse-coding/dictionary.npy"), let codes = request.data("/sparse-coding/test_codes.npy") {
      let (A, x) = (try readMatrix(matrix), try readTable(codes).transposed.converted(to: .double))
      rows += try classical(A, x)
      others.append(("public, 16 stages", A, x))
      data += "; “public” columns: the matrix and test codes that accompany ALISTA, its authors' 1 000 samples"
    }
    if let path = request.data("/sparse-coding/hyperlista/A_sc.mat") {
      let A = try readMatrix(path)
      others.append(
        ("HyperLISTA's matrix, 16 stages", A, Recovery(SparseRecovery(A: A), seed: benchmark.seed).testSamples().groundTruth))
      data += "; “HyperLISTA's matrix”: its authors', with 1 000 samples of the benchmark's distribution, seed \(benchmark.seed)"
    }
    rows += try transferred(to: others, benchmark, request.library)
    if request.quick { data += "; the networks are the quick version, trained in minutes" }
    return ResultTable(
      table: request.table, rows: rows, data: data,
      protocol:
        "noiseless; 16 stages from 0; nmse_db = 10 log10(Σ‖x − x*‖² / Σ‖x*‖²) over all samples; ISTA and FISTA with step 1/L, "
        + "L = 1.001‖A‖², best λ of 0.1, 0.2, 0.4; published networks: read off plots")
  }

  private static func train(_ networks: [Method<Recovery>], _ benchmark: Recovery, _ request: TableRequest) throws {
    for method in networks {
      request.report("\(method.name): training\(request.quick ? ", the quick version" : "")")
      let path = request.library.file(of: method, for: benchmark.system)
      var options = TrainingOptions()
      options.quick = request.quick
      let resuming = method.name == "hyperlista" ? nil : try interruptedTraining(of: path)
      try request.train(benchmark.training(TrainingRequest(method, options: options, resuming: resuming)), to: path)
    }
  }

  /// HyperLISTA's three numbers as they were tuned for the benchmark's own matrix, on other matrices.
  private static func transferred(
    to others: [(column: String, A: Matrix, x: Tensor)], _ benchmark: Recovery, _ library: ModelLibrary
  ) throws -> [ResultTable.Row] {
    guard let method = Recovery.method("hyperlista"), let made = method.network, library.has(method, for: benchmark.system) else {
      return []
    }
    let path = library.file(of: method, for: benchmark.system)
    let weights = try Weights(contentsOf: path)
    return try others.map { column, A, x in
      var system = LassoSystem(A: A, lambda: Recovery.startLambda)
      system.precision = .single
      let network = try weights.filled(made.make(system, made.architecture, weights, 0), file: path)
      let begin = Date()
      let estimate = (network as? any TensorNetwork)?.predict(A.forward(x).converted(to: .single)).converted(to: .double)
      return row(
        method.name, column, try estimate.map { try nmseDecibel($0, x) }, Date().timeIntervalSince(begin))
    }
  }

  /// ISTA and FISTA at their best λ.
  private static func classical(_ problem: SparseRecovery, _ y: Tensor, _ x: Tensor, column: String) throws -> [ResultTable.Row] {
    try [LassoIteration.ista, .fista].map { method in
      var best = (value: Double.infinity, seconds: 0.0)
      for lambda in [0.1, 0.2, 0.4] {
        let begin = Date()
        let last = iterates(method, problem.lasso(lambda: lambda), y, counts: [16])[0]
        let seconds = Date().timeIntervalSince(begin)
        let value = try nmseDecibel(last, x)
        if value < best.value { best = (value, seconds) }
      }
      return row(method.name, column, best.value, best.seconds)
    }
  }

  /// What an independent program measured on the public matrix and codes, in dB: λ, then ISTA at k = 16, 100, 1000, FISTA at 8, 16, 32.
  private static let reference: [(lambda: Double, ista: [Double], fista: [Double])] = [
    (0.4, [-5.76, -7.39, -7.39], [-5.63, -7.57, -7.36]),
    (0.2, [-6.19, -11.70, -11.80], [-5.80, -10.87, -11.82]),
    (0.1, [-5.26, -15.22, -16.80], [-4.93, -10.07, -17.53]),
    (0.05, [-4.29, -12.89, -22.17], [-4.08, -7.28, -18.79]),
    (0.01, [-3.22, -5.22, -30.77], [-3.16, -3.97, -6.41]),
  ]

  /// ISTA and FISTA on the public matrix and codes, against ``reference``.
  private static func classical(_ A: Matrix, _ x: Tensor) throws -> [ResultTable.Row] {
    let problem = SparseRecovery(A: A)
    let y = A.forward(x)
    var rows: [ResultTable.Row] = []
    for (lambda, ista, fista) in Self.reference {
      for (method, counts, expected) in [(LassoIteration.ista, [16, 100, 1000], ista), (.fista, [8, 16, 32], fista)] {
        let begin = Date()
        let found = iterates(method, problem.lasso(lambda: lambda), y, counts: counts)
        let seconds = Date().timeIntervalSince(begin)
        for (i, count) in counts.enumerated() {
          rows.append(
            ResultTable.Row(
              method: method.name, column: "public, λ \(lambda), k \(count)", metric: .nmseDecibel, published: expected[i],
              measured: try nmseDecibel(found[i], x), seconds: seconds))
        }
      }
    }
    return rows
  }

  /// The iterates at `counts`, samples spread over the threads.
  private static func iterates(_ method: LassoIteration, _ problem: SparseCoding, _ y: Tensor, counts: [Int]) -> [Tensor] {
    let groups = RowPieces(rows: y.shape[0], size: 50).map { rows in
      let iterates = method.iterates(problem, measurement: y.rows(rows), count: counts.max() ?? 1)
      return counts.map { iterates[$0 - 1] }
    }
    return counts.indices.map { i in .concatenated(groups.map { $0[i] }) }
  }

  private static func row(_ method: String, _ column: String, _ value: Double?, _ seconds: Double, why: String? = nil)
    -> ResultTable.Row
  {
    let published = Self.published[method]
    var reason = why
    if reason == nil, let value, let published, value > published + 0.5 {
      reason = "a shorter training than the literature's"
    }
    if method == "step-lista", reason == nil {
      reason = "aims at the LASSO minimiser at λ = \(Recovery.stepLambda), whose bias it keeps"
    }
    return ResultTable.Row(
      method: method, column: column, metric: .nmseDecibel, published: published, measured: value, seconds: seconds, why: reason)
  }
}
