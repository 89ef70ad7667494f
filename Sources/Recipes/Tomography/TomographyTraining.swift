// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

/// The networks for tomography, by their names in files and on pages.
public enum TomographyNetwork: String, CaseIterable, Sendable, Codable {
  case istaNetPlus = "ista-net-plus"
  case fistaNet = "fista-net"
  case fbpConvNet = "fbpconvnet"
}

/// The gradient steps x − μ (P x − Q b) that networks for tomography may take.
public enum GradientKind: String, CaseIterable, Sendable {
  /// The regularised Newton step (AᵀA + λR)⁻¹ (AᵀA x − Aᵀ b + λR x), the gradient of ½‖A x − b‖² + ½λ xᵀR x.
  case newton
  /// The same with − λR x, as in the authors' program.
  case opposite = "newton-opposite"
  /// Aᵀ(A x − b) / ‖A‖².
  case adjoint
  /// W̃ᵀ(A x − b): ``regularisedWeight(of:regularisation:)``, of X-rays filtered back-projection.
  case weight
}

/// What is reconstructed from what: images `[…, height, width]`, an operator, an initial image, the step that networks take; in single
/// precision.
public struct TomographySystem: Sendable {
  /// `ct`, `emt` or `eit`.
  public let problem: ProblemKind
  public let height: Int
  public let width: Int
  /// Shape of a measurement.
  public let measurementShape: [Int]
  /// Images to measurements.
  public let A: AnyOperator
  /// What a measurement in its own units is multiplied by to be in those of A.
  public let unit: Double
  /// Where X-rays run; nil without any.
  public let geometry: CTGeometry?
  /// ‖A‖², or a little more.
  public let lipschitz: Double
  /// The pixels that are measured; nil: all.
  public let pixels: PixelDisc?
  /// The step that networks take, one of ``GradientKind``.
  public private(set) var gradient: GradientChoice
  public private(set) var gradientKind: GradientKind
  private let gradients: [GradientKind: GradientChoice]

  /// Coils or electrodes: rows of unit norm on the pixels of a disc, the initial image with the Laplacian, Newton steps.
  ///
  /// - Parameter initialMap: ``ImpedanceTomography/initialMap(weight:)``.
  public init(_ problem: ProblemKind, A matrix: Matrix, pixels disc: PixelDisc, initialMap: Matrix) {
    let A = Composition(matrix.converted(to: .single), disc)
    let initial = Composition(disc.H, initialMap.converted(to: .single))
    (self.problem, height, width, measurementShape, pixels) = (problem, disc.side, disc.side, [matrix.rows], disc)
    self.A = AnyOperator(A)
    (unit, geometry, lipschitz) = (1, nil, matrix.lipschitz)
    let weight = Composition(disc.H, Matrix(regularisedWeight(of: matrix).entries.transposed.converted(to: .single)))
    gradientKind = .newton
    gradients = [
      .newton: GradientChoice(newton: A, initial: initial),
      .opposite: GradientChoice(newton: A, initial: initial, isGradient: false),
      .adjoint: GradientChoice(A, back: Scaled(1 / matrix.lipschitz, A.H), initial: initial),
      .weight: GradientChoice(A, back: weight, initial: initial),
    ]
    gradient = gradients[gradientKind]!
  }

  /// Of sets for training and tests.
  public init(_ data: TomographyData) {
    self.init(data.settings.problem, A: data.A, pixels: data.pixels, initialMap: data.initialMap)
  }

  /// X-rays: filtered back-projection is the initial image and, after A, the step.
  ///
  /// - Parameter model: of the projector of `geometry`.
  public init(_ model: SparseViewCT<AnyOperator>, _ geometry: CTGeometry) {
    let back = Scaled(1 / model.A.factor, geometry.backProjection())
    (unit, self.geometry) = (model.A.factor, geometry)
    (problem, height, width, pixels) = (.ct, geometry.height, geometry.width, nil)
    measurementShape = [geometry.angles.count, geometry.bins]
    A = AnyOperator(model.A)
    lipschitz = 1.01  // the norm that A was divided by is known to less than that
    gradientKind = .weight
    gradients = [
      .weight: GradientChoice(model.A, back: back, initial: back),
      .adjoint: GradientChoice(model.A, back: model.A.H, initial: back),
    ]
    gradient = gradients[gradientKind]!
  }

  /// The same with another step.
  ///
  /// - Throws: ``RecipeError`` for one that there is not: Newton steps through an image of X-rays.
  public func with(_ kind: GradientKind) throws -> TomographySystem {
    guard let choice = gradients[kind] else {
      throw RecipeError(
        "found gradient \(kind.rawValue) for \(problem.rawValue); expected one of "
          + gradients.keys.map(\.rawValue).sorted().joined(separator: ", "))
    }
    var system = self
    (system.gradient, system.gradientKind) = (choice, kind)
    return system
  }

  /// The untrained network.
  ///
  /// - Parameters: `depth`, stages of an unfolded network; `channels`, 32 unless given, 16 at the finest resolution of FBPConvNet.
  public func network(_ network: TomographyNetwork, depth: Int = 7, channels: Int? = nil, seed: UInt64) -> any TensorNetwork {
    switch network {
    case .istaNetPlus:
      TomographicISTANetPlus(
        tomographic: gradient, height: height, width: width, depth: depth, channels: channels ?? 32, seed: seed)
    case .fistaNet: FISTANet(gradient, depth: depth, channels: channels ?? 32, seed: seed)
    case .fbpConvNet:
      FBPConvNet(
        initial: gradient.initial,
        .init(channels: channels ?? FBPConvNet.Configuration.small.channels, poolings: 3, isResidual: false), seed: seed)
    }
  }
}

/// How networks for tomography are trained: Adam on
///
///     mean (x̂ − x)² + 0.1 mean |x̂ − x| + 0.01 Σ_k mean (F̃(F(d_k)) − d_k)² + 0.001 Σ_k mean |soft(F(d_k), θ_k)|
///
/// the third term of unfolded networks, the last of FISTA-Net alone. A network with buffers is validated with the statistics of 64 training
/// measurements in them, and ends with those of 512. Source: Xiang, Dong & Yang (2021), eq. 23, with the weights and the ℓ1 term of its authors' program.
public struct TomographyTraining: NetworkTraining, Sendable {
  public let network: TomographyNetwork
  public private(set) var system: TomographySystem
  public var seed: UInt64
  private let samples: TomographySamples
  private let validation: SamplePairs

  /// - Parameters: `samples`, `validation`, in single precision.
  public init(
    _ network: TomographyNetwork, system: TomographySystem, samples: TomographySamples, validation: SamplePairs, seed: UInt64
  ) throws {
    guard samples.count > 0, validation.count > 0 else {
      throw RecipeError("found \(samples.count) training and \(validation.count) validation samples; expected some of both")
    }
    self.network = network
    self.system = system
    self.samples = samples
    self.validation = validation
    self.seed = seed
  }

  /// On the training and validation parts of a set.
  public init(_ network: TomographyNetwork, _ data: TomographyData, seed: UInt64) throws {
    func pairs(_ part: TomographyData.Part) -> SamplePairs {
      SamplePairs(measurement: data[part].measurement, groundTruth: data.pixels.adjoint(data[part].groundTruth))
    }
    try self.init(
      network, system: TomographySystem(data), samples: .measured(pairs(.training)), validation: pairs(.validation), seed: seed)
  }

  /// The same with another step of the networks.
  public func with(_ gradient: GradientKind) throws -> TomographyTraining {
    var training = self
    training.system = try system.with(gradient)
    return training
  }

  public var operators: [NamedParameter] { [] }

  /// Samples that it trains on.
  public var count: Int { samples.count }

  /// Batches of 16, rate 1e-3 after a warm-up, falling to 1e-5 along a cosine, gradients clipped to norm 1, averaged weights.
  ///
  /// Every sample is a piece of work for a core, but for FBPConvNet, which normalises whole batches.
  public func recipe(steps: Int, batchSize: Int = 16, notes: [String: String] = [:]) -> Recipe {
    let notes = [
      "problem": system.problem.rawValue, "gradient": system.gradientKind.rawValue, "height": "\(system.height)",
      "width": "\(system.width)",
    ].merging(notes) { $1 }
    let batchSize = min(batchSize, samples.count)
    return Recipe(
      network: network.rawValue, seed: seed,
      phases: [
        Recipe.Phase(
          "training", steps: steps, batchSize: batchSize, chunkSize: network == .fbpConvNet ? batchSize : 1,
          learningRate: .warmUp(steps: min(100, max(1, steps / 10)), then: .cosine(rate: 1e-3, final: 1e-5, steps: steps)),
          clipNorm: 1,
          averaging: 0.999)
      ], validationInterval: min(250, max(1, steps / 10)), notes: notes)
  }

  public func train<Network: TensorNetwork>(
    _ network: Network, recipe: Recipe, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> Network? {
    let (validation, samples, system) = (validation, samples, system)
    let shown = validation.measurement.rows(0..<min(StageFigures.samples, validation.count))
    @Sendable func followed(_ network: Network) throws -> [TrainingFigure] {
      // One whose statistics come at the end says nothing before.
      network.buffers.isEmpty ? try StageFigures(network, system: system, measurement: shown).followed() : []
    }
    @Sendable func calibrated(_ network: Network, _ count: Int) -> Network {
      guard !network.buffers.isEmpty else { return network }
      var generator = RandomGenerator(seed: recipe.seed, stream: 21)
      return network.calibrated(on: samples.batch(Array(0..<min(count, samples.count)), using: &generator).measurement)
    }
    let trainer = Trainer<Network, TomographySamples>(
      recipe: recipe, samples: samples, operators: operators,
      validation: { network, stages in
        let found = calibrated(network, 64).predict(validation.measurement, stages: stages ?? network.depth, samplesAtATime: 1)
        return meanSquaredDifference(found, validation.groundTruth)
      }, figures: followed,
      loss: { network, batch, _ in
        let output = network.run(batch.measurement, recording: true)
        let error = output.estimate - batch.groundTruth
        return meanSquaredDifference(output.estimate, batch.groundTruth) + 0.1 * meanMagnitude(error) + 0.01 * output.penalty
      })
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? calibrated(result.model, 512) : nil
  }
}
