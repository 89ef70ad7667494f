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

/// What is reconstructed from what: images `[…, height, width]`, an operator, an initial image, the step that networks take; in single
/// precision.
public struct TomographySystem: Sendable {
  public let height: Int
  public let width: Int
  /// Images to measurements.
  public let A: AnyOperator
  public let gradient: GradientChoice

  /// Coils or electrodes: rows of unit norm on the pixels of a disc, the initial image with the Laplacian, Newton steps.
  public init(_ data: TomographyData) {
    let disc = data.pixels
    let A = Composition(data.A.converted(to: .single), disc)
    let initial = Composition(disc.H, data.initialMap.converted(to: .single))
    (height, width) = (disc.side, disc.side)
    self.A = AnyOperator(A)
    gradient = GradientChoice(newton: A, initial: initial)
  }

  /// Few views of a parallel beam: filtered back-projection is the initial image and, after A, the step.
  public init(_ problem: SparseViewCT<ParallelBeam>) {
    let geometry = problem.projector.geometry
    let back = Scaled(1 / problem.A.factor, FilteredBackProjection(geometry))
    (height, width) = (geometry.height, geometry.width)
    A = AnyOperator(problem.A)
    gradient = GradientChoice(problem.A, back: back, initial: back)
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
/// the third term of unfolded networks, the last of FISTA-Net alone. A network with buffers is validated with the
/// statistics of 64 training measurements in them, and ends with those of 512. Source: Xiang, Dong & Yang (2021), eq. 23, with the
/// weights and the ℓ1 term of its authors' program.
public struct TomographyTraining: NetworkTraining, Sendable {
  public let network: TomographyNetwork
  public let system: TomographySystem
  public var seed: UInt64
  /// Measurements beside images.
  private let samples: SamplePairs
  private let validation: SamplePairs

  /// - Parameters: `samples`, `validation`: measurements beside images, in single precision.
  public init(
    _ network: TomographyNetwork, system: TomographySystem, samples: SamplePairs, validation: SamplePairs, seed: UInt64
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
      network, system: TomographySystem(data), samples: pairs(.training), validation: pairs(.validation), seed: seed)
  }

  public var operators: [NamedParameter] { [] }

  /// Batches of 16, rate 1e-3 after a warm-up, falling to 1e-5 along a cosine, gradients clipped to norm 1, averaged weights.
  ///
  /// Every sample is a piece of work for a core, but for FBPConvNet, which normalises whole batches.
  public func recipe(steps: Int, batchSize: Int = 16, notes: [String: String] = [:]) -> Recipe {
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
    let (validation, samples) = (validation, samples)
    @Sendable func calibrated(_ network: Network, _ count: Int) -> Network {
      network.calibrated(on: samples.measurement.rows(0..<min(count, samples.count)))
    }
    let trainer = Trainer<Network, SamplePairs>(
      recipe: recipe, samples: samples, operators: operators,
      validation: { network, stages in
        let found = calibrated(network, 64).predict(validation.measurement, stages: stages ?? network.depth, samplesAtATime: 1)
        return meanSquaredDifference(found, validation.groundTruth)
      },
      loss: { network, batch, _ in
        let output = network.run(batch.measurement, recording: true)
        let error = output.estimate - batch.groundTruth
        return meanSquaredDifference(output.estimate, batch.groundTruth) + 0.1 * meanMagnitude(error) + 0.01 * output.penalty
      })
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? calibrated(result.model, 512) : nil
  }
}
