// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import Evaluation
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import Training

/// Image compressive sensing on photographs: every block measured, then reconstructed by the linear start, by TVAL3 and, where their
/// weights ship, by ISTA-Net⁺ and by SCNet, which sees the image as a whole.
public struct BlockDemo: Sendable {
  public struct Photograph: Sendable {
    public let name: String
    /// Y, rounded to 8 bits.
    public let image: Tensor
    /// The same methods in the same order for every photograph; estimates are clipped to [0, 1].
    public let comparison: Comparison
    public var reconstructions: [Comparison.Entry] { comparison.entries }
  }

  /// A stage of the network on the first photograph.
  public struct Stage: Sendable {
    /// x⁽ᵏ⁾, clipped to [0, 1].
    public let estimate: Tensor
    public let psnr: Double
  }

  /// A network that is shown.
  public struct Network: Sendable {
    public let name: String
    public let weights: String
    public let stages: Int
    public let parameterCount: Int
  }

  /// What the demo found.
  public struct Outcome: Sendable {
    public let sensing: CompressiveSensing
    /// The first is shown, all are scored.
    public let photographs: [Photograph]
    /// x⁽⁰⁾, x⁽¹⁾, … of ISTA-Net⁺; empty without its weights.
    public let stages: [Stage]
    /// The networks shown, in order.
    public let networks: [Network]
    /// Files of weights that were not there.
    public let missing: [String]
    public let seconds: Double
  }

  public var ratio = 0.25
  /// Photographs that are scored, at most; one more at least is needed to fit a linear start where no weights hold one.
  public var count = 5
  /// Blocks that it is fitted to.
  public var fittedBlocks = 20_000
  public var library: ModelLibrary

  public init(library: ModelLibrary = .standard) { self.library = library }

  /// The names of the methods as the page has them.
  public static let linearStart = "Linear start"
  public static let totalVariation = "TVAL3"
  public static let network = "ISTA-Net⁺"
  public static let wholeImageNetwork = "SCNet"

  /// - Parameters: `images`, at least two; `report` is told what is being done.
  public func run(images: ImageFolder, report: (String) -> Void = { _ in }) throws -> Outcome {
    let begin = Date()
    guard images.entries.count >= 2 else {
      throw InputError("\(images.path): found \(images.entries.count) image; expected at least 2")
    }
    let experiment = try Blocks(ratio: ratio)
    let system = try experiment.system()
    let sensing = system.sensing
    let shown = images.entries.prefix(min(count, images.entries.count - 1))
    var solvers: [(name: String, solver: Solver<Blocks>)] = []
    var missing: [String] = []
    for (name, method) in [(Self.network, "ista-net-plus"), (Self.wholeImageNetwork, "scnet")] {
      guard let method = Blocks.method(method) else { continue }
      guard library.has(method, for: system) else {
        missing.append(library.file(of: method, for: system))
        report("found no weights of \(name) at \(missing.last ?? ""), which is left out")
        continue
      }
      solvers.append((name, try Solver(method, system, library: library)))
    }
    // Q_init of the weights, or a fit over the photographs that are not shown.
    let others = images.entries.dropFirst(shown.count).map(\.image)
    let initial =
      try solvers.first { $0.name == Self.network }?.solver.weights.flatMap { try Weights(contentsOf: $0).initial }
      ?? sensing.leastSquaresStart(
        moment: BlockCrops(others, side: sensing.side).secondMoment(count: fittedBlocks, seed: Blocks.standardSeed))
    let start = Matrix(initial.converted(to: .single), lipschitz: squaredNorm(initial))
    guard let classical = Blocks.method("tval3") else { preconditionFailure("no TVAL3") }
    let tval3 = try Solver(classical, system, library: library)

    var photographs: [Photograph] = []
    var stages: [Stage] = []
    for (i, entry) in shown.enumerated() {
      let photograph = entry.image.map { ($0 * 255).rounded() / 255 }
      let measured = try experiment.scan([photograph], named: entry.name, number: i).measured
      report("\(entry.name): \(measured.y.count) measurements of \(photograph.count) pixels")
      func reconstructed(_ method: String, by solve: (Blocks.Measured) throws -> Tensor) throws -> Comparison.Entry {
        if i == 0 {  // what only the first call does is not timed
          let side = sensing.side
          _ = try solve(Blocks.Measured(grid: BlockGrid(height: side, width: side, side: side), y: measured.y.rows(0..<1)))
        }
        let clock = Date()
        let image = try solve(measured)
        let seconds = Date().timeIntervalSince(clock)
        let estimate = clamped(image.converted(to: .double), lower: 0, upper: 1)
        var scores = try Scores.ofImage(estimate, photograph, clip: true)
        scores.seconds = seconds
        report(String(format: "  \(method): %.2f dB in %.2f s", scores.psnr ?? .nan, seconds))
        return Comparison.Entry(method: method, source: "", estimate: estimate, scores: scores)
      }
      var found = [
        try reconstructed(Self.linearStart) { $0.grid.assemble(start.forward($0.y.converted(to: .single))) },
        try reconstructed(Self.totalVariation) { try tval3.solve($0).display },
      ]
      for (name, solver) in solvers { found.append(try reconstructed(name) { try solver.solve($0).display }) }
      if i == 0, let network = solvers.first(where: { $0.name == Self.network })?.solver {
        let y = measured.y.converted(to: .single)
        stages = try ([start.forward(y)] + Blocks.trace(network, y)).map { blocks in
          let estimate = clamped(measured.grid.assemble(blocks).converted(to: .double), lower: 0, upper: 1)
          return Stage(estimate: estimate, psnr: try psnr(estimate, photograph))
        }
      }
      photographs.append(
        Photograph(
          name: entry.name, image: photograph, comparison: Comparison(name: entry.name, truth: photograph, entries: found)))
    }
    return Outcome(
      sensing: sensing, photographs: photographs, stages: stages,
      networks: solvers.map {
        Network(
          name: $0.name, weights: $0.solver.weights ?? "", stages: $0.solver.depth, parameterCount: $0.solver.parameterCount)
      }, missing: missing, seconds: Date().timeIntervalSince(begin))
  }
}

extension BlockDemo.Outcome {
  /// Means over the photographs, one for each method.
  public var means: [Scores] {
    photographs[0].reconstructions.indices.map { j in
      func mean(_ score: (Scores) -> Double?) -> Double {
        photographs.reduce(0) { $0 + (score($1.reconstructions[j].scores) ?? .nan) } / Double(photographs.count)
      }
      return Scores(psnr: mean(\.psnr), ssim: mean(\.ssim), seconds: mean(\.seconds))
    }
  }

  public var json: JSONValue {
    func scores(_ methods: [(name: String, scores: Scores)]) -> JSONValue {
      .array(
        methods.map {
          .object([
            "method": .string($0.name), "psnr": .number($0.scores.psnr ?? .nan), "ssim": .number($0.scores.ssim ?? .nan),
            "seconds": .number($0.scores.seconds ?? .nan),
          ])
        })
    }
    return .object([
      "ratio": .number(sensing.ratio), "weights": .array(networks.map { .string($0.weights) }),
      "images": .array(
        photographs.map { photograph in
          .object([
            "name": .string(photograph.name), "methods": scores(photograph.reconstructions.map { ($0.method, $0.scores) }),
          ])
        }), "mean": scores(zip(photographs[0].reconstructions, means).map { ($0.method, $1) }),
      "stages_psnr": .array(stages.map { .number($0.psnr) }), "seconds": .number(seconds),
    ])
  }
}
