// SPDX-License-Identifier: Apache-2.0
import Communication
import Evaluation
import FileFormats
import Foundation
import Kernels
import Platform
import Synchronization
import Tensors

/// A method run on many scans, those of one system with one solver; scans are spread over the threads.
public struct Runner<E: Experiment>: Sendable {
  public let method: Method<E>
  public var options: SolverOptions<E.Knobs>
  public var library: ModelLibrary
  /// Estimates are clipped to [0, 1] before they are scored; nil: as the method's authors do.
  public var clip: Bool?
  private let solvers = Pool<Int, Solver<E>>()

  public init(
    _ method: Method<E>, options: SolverOptions<E.Knobs> = .init(), clip: Bool? = nil, library: ModelLibrary = .standard
  ) {
    self.method = method
    self.options = options
    self.clip = clip
    self.library = library
  }

  public var clips: Bool { clip ?? method.clips ?? E.scoring.clip ?? false }

  /// What became of a scan.
  public struct Outcome: Sendable {
    public let solver: SolverSummary
    public let reconstruction: Reconstruction
    /// Where the truth is known.
    public let scores: Scores?
    public let seconds: Double
  }

  public func run(_ scan: Scan<E>) throws -> Outcome {
    let solver = try solvers.value(scan.systemNumber) {
      try Solver(method, scan.system, options: options, library: library)
    }.value
    let begin = Date()
    let found = try solver.solve(scan.measured)
    let seconds = Date().timeIntervalSince(begin)
    let truth = found.value.isFinite ? scan.groundTruth : nil
    return Outcome(
      solver: SolverSummary(solver), reconstruction: found,
      scores: try truth.map { try E.scores(found, $0, of: scan, clip: clips) }, seconds: seconds)
  }

  /// Every scan reconstructed, in their order: they are read one after another and reconstructed side by side, as many as there are threads
  /// held at once. Those before the first that fails reach `body`, whatever the number of threads.
  ///
  /// Several processes share the scans out; `body` is called on the first, whose errors all throw.
  public func forEach(_ scans: Scans<E>, _ body: (_ index: Int, Outcome) throws -> Void) throws {
    for window in Parallel.windows(scans.count, of: World.count) {
      let prepared = window.map { index in World.isOwn(index - window.lowerBound) ? Result { try scans[index] } : nil }
      let found = World.map(window.count) { i in
        guard let scan = prepared[i] else { preconditionFailure("a scan of another process") }
        return try Work.within(method.name, window.lowerBound, of: scans.count) { try run(scan.get()) }
      }
      try World.onFirst {
        for (index, outcome) in zip(window, found ?? []) {
          try body(index, outcome.get())
          Work.report(method.name, index + 1, of: scans.count)
        }
      }
    }
  }

  /// The scores of every scan, and their mean. A scan is read and measured when its turn comes. Several processes share the scans out, and all
  /// have the report.
  ///
  /// - Throws: ``InputError`` for estimates that are not finite, and for scans whose truth is not known.
  public func evaluation(_ scans: Scans<E>, seed: UInt64) throws -> EvaluationReport {
    let done = Atomic<Int>(0)
    let outcomes = World.map(scans.count, everywhere: true) { index in
      let outcome = try Work.within(method.name, done.load(ordering: .relaxed), of: scans.count) { try run(scans[index]) }
      guard outcome.reconstruction.value.isFinite else {
        throw InputError(
          "\(method.name): found NaN or infinity in \(scans.names[index]); expected finite numbers, check the weights")
      }
      guard var scores = outcome.scores else {
        throw InputError("found \(scans.names[index]) measured without its image; expected both to score")
      }
      scores.seconds = outcome.seconds
      Work.report(method.name, done.add(1, ordering: .relaxed).newValue, of: scans.count)
      return ScoredScan(scores: scores, solver: outcome.solver)
    }
    let scored = try (outcomes ?? []).map { try $0.get() }
    guard let solver = scored.first?.solver else { throw InputError("found nothing to evaluate on; expected one image at least") }
    var scoring = E.scoring
    if scoring.clip != nil { scoring.clip = clips }
    var report = try EvaluationReport(
      method: method.name, problem: .object([JSONMember("name", .string(E.name))] + scans.facts + solver.facts), protocol: scoring,
      images: zip(scans.names, scored).map { EvaluationReport.ImageScore(name: $0, scores: $1.scores) },
      nmseDecibel: scored.count == 1 ? scored[0].scores.nmseDecibel : nil, parameters: solver.parameterCount,
      weights: solver.weights,
      seed: seed)
    report.remarks = scans.remarks + solver.remarks
    return report
  }
}

/// The answer of `reconstruct`: what was written, with scores where the measurement keeps the ground truth.
public struct ReconstructionReport: Report, Sendable {
  private let problem: String
  private let method: String
  private let begin = Date()
  private var seconds = 0.0
  private var depth = 0
  public private(set) var weights: String?
  public var remarks: [String]
  private var iterations: Int?
  private var converged: Bool?
  private var files: [(name: String, scores: Scores?, found: Reconstruction)] = []

  public init(problem: String, method: String, remarks: [String] = []) {
    (self.problem, self.method, self.remarks) = (problem, method, remarks)
  }

  public mutating func add<E>(_ outcome: Runner<E>.Outcome, file: String) {
    seconds = Date().timeIntervalSince(begin)
    let (solver, found) = (outcome.solver, outcome.reconstruction)
    (depth, weights) = (solver.depth, solver.weights)
    if files.isEmpty { remarks += solver.remarks }
    iterations = found.iterations.map { max($0, iterations ?? 0) }
    converged = found.converged.map { $0 && converged ?? true }
    files.append((file, outcome.scores, found))
  }

  public var json: JSONValue {
    .object([
      "method": .string(method), "problem": .string(problem),
      "outputs": .array(
        files.map { file in
          .object(
            [JSONMember("file", .string(file.name))] + (file.scores?.members ?? [])
              + [("objective", file.found.objective), ("residual", file.found.residual)].compactMap { name, value in
                value.map { JSONMember(name, .number($0)) }
              } + (file.found.ending.map { [JSONMember("ending", .string($0))] } ?? []) + file.found.facts)
        }), "depth": .integer(depth), "iterations": iterations.map(JSONValue.integer), "converged": converged.map(JSONValue.bool),
      "seconds": .number(seconds), "weights": weights.map(JSONValue.string) ?? .null,
      "remarks": remarks.isEmpty ? nil : .array(remarks.map(JSONValue.string)),
    ])
  }

  public var text: String {
    let work = iterations.map { ", \($0) iterations\(converged.map { $0 ? ", converged" : ", not converged" } ?? "")" } ?? ""
    let lines = files.map { file in
      ([file.name] + (file.scores?.figures ?? [])
        + (file.found.objective.map { [String(format: "objective %.9g", $0)] } ?? [])
        + (file.found.residual.map { [String(format: "‖A x − b‖ %.4f ‖b‖", $0)] } ?? [])
        + (file.found.ending.map { [$0] } ?? []) + file.found.remarks).joined(separator: "  ")
    }
    return (["\(method)\(work): \(String(format: "%.3g", seconds)) s"] + lines).joined(separator: "\n")
  }
}
