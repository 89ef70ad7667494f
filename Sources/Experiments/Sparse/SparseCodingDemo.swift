// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import Evaluation
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import Training

/// The main job on real photographs, from nothing to a picture: learn a dictionary, solve for optimal codes, train LISTA at T = 1, 3
/// and 7, and compare it with ISTA and FISTA on images it never saw.
public struct SparseCodingDemo: Sendable {
  public static let depths = [1, 3, 7]

  /// What the demo found.
  public struct Outcome: Sendable {
    public let dictionary: Matrix
    /// Mean ‖Z* − Z‖² after 1, 2, … iterations.
    public let ista: [Double]
    public let fista: [Double]
    /// For each T: the error of LISTA and the iterations of FISTA that reach it (nil: more than were run).
    public let lista: [(iterations: Int, error: Double, fistaIterations: Int?)]
    /// Mean ‖Z*‖²: the error of the zero code.
    public let zeroError: Double
    public let largestGap: Double
    /// One row a patch: original, optimal code, ISTA, FISTA, LISTA-3; ISTA and FISTA with as many iterations as LISTA has stages.
    public let patches: [[Tensor]]
    /// A test image and its reconstructions at the same cost: name, image, PSNR in dB.
    public let image: [(name: String, image: Tensor, psnr: Double?)]
    public let imageName: String
    public let trainingImages: Int
    public let testImages: Int
    public let seconds: Double
  }

  public var seed: UInt64
  public init(seed: UInt64 = 2010) { self.seed = seed }

  /// - Parameters: `folder` of at least four images, the last three by name for testing; `report` is told what is being done.
  public func run(
    images: ImageFolder, monitors: () -> [any TrainingMonitor] = { [] }, report: (String) -> Void = { _ in }
  ) throws -> Outcome {
    let begin = Date()
    guard images.entries.count >= 4 else {
      throw InputError("\(images.path): found \(images.entries.count) images; expected at least 4, three of them to test on")
    }
    let (used, held) = (images.entries.dropLast(3), images.entries.suffix(3))
    var recipes = CodingExperiment.Recipes(units: 100, budget: .quick, seed: seed)
    recipes.trainingPatches = 12_000
    recipes.patches = Patches()  // every patch of the photographs is coded, smooth ones too
    let experiment = try CodingExperiment(recipes, images: used.map(\.image), report: report)
    let dictionary = experiment.dictionary
    let problem = SparseCoding(dictionary: dictionary, alpha: PatchCoding.alpha)
    let test = try recipes.coded(dictionary, images: held.map(\.image), count: 1000, stream: 3)
    func curve(_ iteration: LassoIteration) -> [Double] {
      iteration.errors(problem, measurement: test.patches, truth: test.codes, count: 60)
    }

    let fista = curve(.fista)
    var networks: [(iterations: Int, network: LISTA)] = []
    for T in Self.depths {
      report("training LISTA with T = \(T)")
      guard let trained = try experiment.trainedLISTA(iterations: T, monitors: monitors()) else {
        throw InputError("the training was stopped before its end")
      }
      networks.append((T, trained))
    }
    let lista = networks.map { T, network in
      let z = network.predict(test.patches.converted(to: .single)).converted(to: .double)
      let error = squaredNorm(z - test.codes) / Double(test.patches.shape[0])
      return (iterations: T, error: error, fistaIterations: fista.firstIndex { $0 <= error }.map { $0 + 1 })
    }
    let three = networks[1].network
    let entry = held[held.startIndex]
    return Outcome(
      dictionary: dictionary, ista: curve(.ista), fista: fista, lista: lista,
      zeroError: squaredNorm(test.codes) / Double(test.patches.shape[0]), largestGap: test.largestGap,
      patches: patchRows(problem, test, three), image: try reconstructions(problem, entry.image, three), imageName: entry.name,
      trainingImages: used.count, testImages: held.count, seconds: Date().timeIntervalSince(begin))
  }

  /// The first eight test patches as each method sees them, at the cost of four stages.
  private func patchRows(_ problem: SparseCoding, _ test: CodedPatches, _ lista: LISTA) -> [[Tensor]] {
    let x = test.patches.rows(0..<8)
    let codes = codesAtEqualCost(problem, x, lista)
    let views = [x, problem.dictionary.forward(test.codes.rows(0..<8))] + codes.map { problem.dictionary.forward($0) }
    return (0..<8).map { i in views.map { $0.row(i).reshaped([10, 10]) } }
  }

  /// Codes by ISTA, FISTA and LISTA, each of as many stages.
  private func codesAtEqualCost(_ problem: SparseCoding, _ x: Tensor, _ lista: LISTA) -> [Tensor] {
    let stages = lista.depth
    return [
      LassoIteration.ista.iterates(problem, measurement: x, count: stages)[stages - 1],
      LassoIteration.fista.iterates(problem, measurement: x, count: stages)[stages - 1],
      lista.predict(x.converted(to: .single)).converted(to: .double),
    ]
  }

  private func reconstructions(
    _ problem: SparseCoding, _ image: Tensor, _ lista: LISTA
  ) throws -> [(name: String, image: Tensor, psnr: Double?)] {
    let crop = centre(image, side: 240)
    let grid = try PatchGrid(crop)
    let optimal = OptimalCodes(problem, patches: grid.patches, tolerance: 1e-4).codes
    let codes = codesAtEqualCost(problem, grid.patches, lista)
    var views: [(name: String, image: Tensor, psnr: Double?)] = [("Original", crop, nil)]
    let stages = lista.depth
    let named = [
      ("Optimal code", optimal), ("ISTA, \(stages) iterations", codes[0]), ("FISTA, \(stages) iterations", codes[1]),
      ("LISTA, \(stages) stages", codes[2]),
    ]
    for (name, code) in named {
      let estimate = clamped(grid.assemble(problem.dictionary.forward(code)), lower: 0, upper: 1)
      views.append((name, estimate, try psnr(estimate, crop)))
    }
    return views
  }

  private func centre(_ image: Tensor, side: Int) -> Tensor {
    let (height, width) = (image.shape[0], image.shape[1])
    let (h, w) = (min(side, height), min(side, width))
    let (top, left) = ((height - h) / 2, (width - w) / 2)
    let pixels = image.doubles
    var values: [Double] = []
    for i in top..<top + h { values += pixels[i * width + left..<i * width + left + w] }
    return Tensor(values, shape: [h, w])
  }
}
