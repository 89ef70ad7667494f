// SPDX-License-Identifier: Apache-2.0
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
enum LISTATable {
  private static let units = [100, 400]
  /// Networks with their iterations, and figures printed for m = 100 and 400.
  private static let networks: [(method: String, iterations: Int?, published: [Int: Double])] = [
    ("tanh-encoder", nil, [100: 8.6, 400: 10.7]), ("double-tanh-encoder", nil, [100: 3.33, 400: 4.62]),
    ("shrinkage-encoder", nil, [100: 3.29, 400: 4.82]), ("lista", 1, [100: 1.50, 400: 2.45]), ("lista", 3, [100: 0.98, 400: 2.12]),
    ("lista", 7, [100: 0.52, 400: 1.62]),
  ]
  private static let publishedFISTA: [Int: Double] = [100: 21, 400: 22]
  private static let publishedMatch: [Int: Double] = [100: 18, 400: 35]
  /// Patches that are tested on.
  private static let patches = 2000

  static let table = PublishedTable(
    "lista-1", "Squared error between optimal and predicted code of image patches", source: "Gregor & LeCun, ICML 2010, table 1"
  ) { request in
    if request.trains { try train(request) }
    let (folder, source) = try testImages(request)
    let images = try ImageFolder(folder, maximumSide: 640).entries.map(\.image)
    var rows: [ResultTable.Row] = []
    var facts: [String] = []
    for units in units {
      func add(
        _ method: String, _ column: String, _ metric: Metric, _ published: Double?, _ measured: Double?, _ seconds: Double,
        _ why: String?
      ) {
        rows.append(
          ResultTable.Row(
            method: method, column: column, metric: metric, published: published, measured: measured, seconds: seconds, why: why))
      }
      let present = networks.map { entry in
        let path = file(entry.method, entry.iterations, units, request.library)
        return (entry: entry, path: FileManager.default.fileExists(atPath: path) ? path : nil)
      }
      // The dictionary that the networks of m units share, from the first weights there are.
      guard let first = present.compactMap(\.path).first else {
        for (entry, _) in present {
          add(entry.method, column(units, entry.iterations), .codeError, entry.published[units], nil, 0, missing)
        }
        continue
      }
      let dictionary = try Weights(contentsOf: first).matrix("dictionary", file: first)
      var system = LassoSystem(dictionary: dictionary, alpha: PatchCoding.alpha)
      let recipes = CodingExperiment.Recipes(units: units)
      let test = try recipes.coded(dictionary, images: images, count: patches, stream: 500)
      facts.append(
        "m = \(units): mean ‖Z*‖² \(String(format: "%.2f", squaredNorm(test.codes) / Double(patches))), codes within a relative duality gap of "
          + String(format: "%.0e", test.largestGap))
      // FISTA's error after 1, 2, … iterations.
      let begin = Date()
      let curve = LassoIteration.fista.errors(system.problem, measurement: test.patches, truth: test.codes, count: 200)
      let seconds = Date().timeIntervalSince(begin) / 200
      system.precision = .single
      for (entry, path) in present {
        let (column, published) = (column(units, entry.iterations), entry.published[units])
        guard let path, let method = PatchCoding.method(entry.method) else {
          add(entry.method, column, .codeError, published, nil, 0, missing)
          continue
        }
        var options = SolverOptions<PatchCoding.Knobs>()
        (options.weights, options.knobs.precision) = (path, .single)
        let solver = try Solver(method, system, options: options, library: request.library)
        guard let network = solver.network as? any TensorNetwork else { continue }
        let begin = Date()
        let z = network.predict(test.patches.converted(to: .single), stages: solver.depth)
        let time = Date().timeIntervalSince(begin)
        let error = try codeError(z.converted(to: .double), test.codes)
        add(entry.method, column, .codeError, published, error, time, reason(.codeError, published, error))
        if let T = entry.iterations {
          let match = curve.firstIndex { $0 <= error }.map { Double($0 + 1) }
          let printed = T == 1 ? publishedMatch[units] : nil
          add(
            "fista", "m = \(units), iterations to LISTA-\(T)", .iterations, printed, match, seconds * (match ?? 200),
            reason(.iterations, printed, match))
        }
      }
      add(
        "fista", "m = \(units), 1 iteration", .codeError, publishedFISTA[units], curve[0], seconds,
        reason(.codeError, publishedFISTA[units], curve[0]))
    }
    return ResultTable(
      table: request.table, rows: rows, data: "\(patches) patches of 10 × 10 from \(source); \(facts.joined(separator: "; "))",
      protocol:
        "mean ‖Z* − Z‖² over held-out patches of unit variance, α = 0.5; T iterations apply S T times; the paper's scaling of its patches "
        + "is not known, so that ratios and the order are what compares"
        + (request.quick ? "; the networks are the quick version, trained in minutes" : ""))
  }

  private static let missing = "no weights ship for it; --train makes them"

  private static func column(_ units: Int, _ iterations: Int?) -> String {
    "m = \(units)" + (iterations.map { ", T = \($0)" } ?? "")
  }

  private static func file(_ method: String, _ iterations: Int?, _ units: Int, _ library: ModelLibrary) -> String {
    library.file("sparse-coding/\(method)\(iterations.map { "-\($0)" } ?? "")-\(units)")
  }

  /// The images that were named, or BSD68, or photographs that a Debian package ships.
  private static func testImages(_ request: TableRequest) throws -> (folder: String, source: String) {
    if let images = request.images { return (images, "the images of \((images as NSString).lastPathComponent)") }
    if let folder = request.data("/natural/bsd68") { return (folder, "BSD68, which training never saw") }
    return (try PackagedData.photographs(), "the photographs of Debian's mate-backgrounds, which training never saw")
  }

  /// The paper's scale of errors is its own: only a lack of iterations needs a word.
  private static func reason(_ metric: Metric, _ published: Double?, _ measured: Double?) -> String? {
    guard let measured else { return "FISTA did not reach it in 200 iterations" }
    guard let published, metric.fallsShort(measured: measured, published: published) else { return nil }
    return metric == .codeError
      ? "another dictionary than the paper's, whose scale of patches is not known" : "another dictionary than the paper's"
  }

  private static func train(_ request: TableRequest) throws {
    let (images, sources) = try request.trainingImages(["/natural/train400"])
    for units in units {
      let recipes = CodingExperiment.Recipes(
        units: units, budget: request.quick ? .quick : .full, seed: request.seed ?? PatchCoding.standardSeed)
      let known = file("lista", 1, units, request.library)
      let dictionary =
        !request.quick && FileManager.default.fileExists(atPath: known)
        ? try Weights(contentsOf: known).matrix("dictionary", file: known) : nil
      let experiment = try CodingExperiment(recipes, images: images, dictionary: dictionary, report: request.report)
      for (name, iterations, _) in networks {
        guard let method = PatchCoding.method(name) else { continue }
        request.report("\(name), \(column(units, iterations)): training")
        var options = TrainingOptions()
        (options.depth, options.quick) = (iterations.map { $0 + 1 }, request.quick)
        try request.train(
          experiment.training(TrainingRequest(method, options: options)), on: sources,
          to: file(name, iterations, units, request.library))
      }
    }
  }
}
