// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Networks
import Operators
import Tensors
import Training
import _Differentiation

/// Images and their k-space, some of them a step, in eight orientations.
public struct MRISamples<Space: FourierSpace>: TrainingSamples {
  /// `[images, h, w]`, in the precision of the network.
  public let images: Space
  public let mask: SamplingMask
  /// Every image as it is, or in one of eight orientations drawn afresh.
  public let turns: Bool

  public var count: Int { images.sampleCount }

  public func batch(_ samples: [Int], using generator: inout RandomGenerator) -> Pairs<ComplexTensor, Space> {
    let chosen = samples.map { i in
      let image = images.rows(i..<i + 1)
      return turns ? image.turned(Int(generator.next() >> 61)) : image
    }
    let truth = Space.concatenated(chosen)
    return Pairs(measurement: Space.sampling(mask).forward(truth), groundTruth: truth)
  }
}

/// How networks for compressive-sensing MRI are trained: by Adam, Deep ADMM-Net then by L-BFGS on all images at once.
///
/// The loss of Deep ADMM-Net is the mean of ‖x̂ − x‖₂ / ‖x‖₂ over images (Yang, Sun, Li & Xu 2016, eq. 13), that of ISTA-Net the mean
/// of |x̂ − x|².
public struct MRITraining<Space: FourierSpace>: NetworkTraining, Sendable {
  public typealias Measurement = ComplexTensor
  public typealias Signal = Space

  public let method: MRIMethod
  public let mask: SamplingMask
  /// The nominal ratio and the pattern, for the reader of the weights.
  public let sampling: MRISampling
  public var seed: UInt64
  /// True to recompute the stages in the backward pass.
  public var recomputes: Bool
  private let images: Space
  private let validationImages: Space

  /// - Parameters: `images` and `validation`, of the mask's size, magnitudes in [0, 1].
  public init(
    _ method: MRIMethod, sampling: MRISampling, mask: SamplingMask, images: [Space], validation: [Space], seed: UInt64
  ) throws {
    guard !images.isEmpty, !validation.isEmpty else {
      throw RecipeError("found \(images.count) training and \(validation.count) validation images; expected some of both")
    }
    for image in images + validation where image.shape != [mask.height, mask.width] {
      throw RecipeError(
        "found an image of \(image.shape.map(String.init).joined(separator: " × ")); expected \(mask.height) × \(mask.width), the size of the mask"
      )
    }
    self.method = method
    self.mask = mask
    self.sampling = sampling
    self.seed = seed
    recomputes = false
    func stacked(_ images: [Space]) -> Space {
      Space(numbers: .stacked(images.map(\.numbers)), shape: [images.count] + images[0].shape).converted(to: method.precision)
    }
    (self.images, validationImages) = (stacked(images), stacked(validation))
  }

  /// The mask.
  public var operators: [NamedParameter] { [NamedParameter(name: "mask", value: mask.values.converted(to: .single))] }

  public func network(_ shape: MRIArchitecture) -> (any Network<ComplexTensor, Space>)? {
    method.network(mask: mask, shape, seed: seed)
  }

  /// Adam at 1e-3 falling to 1e-5 along a cosine, batches of 4, averaged weights. Deep ADMM-Net begins so, ten of these steps for each
  /// of the `steps` that follow: L-BFGS with memory 5 over all images.
  public func recipe(_ shape: MRIArchitecture, steps: Int) -> Recipe {
    func adam(_ name: String, steps: Int) -> Recipe.Phase {
      Recipe.Phase(
        name, steps: steps, batchSize: min(4, images.sampleCount), chunkSize: 1,
        learningRate: .warmUp(steps: 100, then: .cosine(rate: 1e-3, final: 1e-5, steps: steps)), clipNorm: 1, averaging: 0.999)
    }
    let phases =
      method == .admmNet
      ? [
        adam("adam", steps: 10 * steps),
        Recipe.Phase(
          "l-bfgs", steps: steps, batchSize: nil, chunkSize: 1, optimiser: .lbfgs(memory: 5, scaling: .gradients),
          learningRate: .constant(rate: 1)),
      ] : [adam("training", steps: steps)]
    return Recipe(
      network: method.rawValue, seed: seed, phases: phases,
      validationInterval: method == .admmNet ? 10 : min(250, max(1, steps / 10)),
      notes: [
        "problem": ProblemKind.mri.rawValue, "mask": sampling.name, "ratio": sampling.ratio.map { "\($0)" } ?? "\(mask.ratio)",
        "height": "\(mask.height)", "width": "\(mask.width)", "depth": "\(shape.depth)", "channels": "\(shape.channels)",
        "images": "\(images.sampleCount)",
      ])
  }

  /// Steps of a training.
  public static func steps(_ method: MRIMethod, _ budget: TrainingBudget) -> Int {
    switch method {
    case .admmNet: budget == .quick ? 10 : 100
    default: budget == .quick ? 100 : 10_000
    }
  }

  public func train<N: Network<ComplexTensor, Space>>(
    _ network: N, recipe: Recipe, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> N? {
    let held = Space.sampling(mask).forward(validationImages)
    let validationImages = validationImages
    let isNormalised = method == .admmNet
    let trainer = Trainer<N, MRISamples<Space>>(
      recipe: recipe, samples: MRISamples(images: images, mask: mask, turns: method != .admmNet), operators: operators,
      validation: { network, stages in
        let found = network.predict(held, stages: stages ?? network.depth, samplesAtATime: 1)
        return Self.error(found, validationImages, normalised: isNormalised)
      }, loss: Self.loss(normalised: isNormalised, recomputing: recomputes))
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? result.model : nil
  }

  static func loss<N: Network<ComplexTensor, Space>>(
    normalised: Bool, recomputing: Bool
  ) -> @Sendable @differentiable(reverse) (N, @noDerivative Pairs<ComplexTensor, Space>, _ depth: @noDerivative Int?) -> Double {
    let recomputation = Recomputation(everyStage: recomputing)
    return { network, batch, _ in
      let output = network.run(batch.measurement, recording: false, recomputing: recomputation)
      return error(output.estimate, batch.groundTruth, normalised: normalised)
    }
  }

  /// Real and imaginary parts count alike.
  @differentiable(reverse,wrt: x)
  private static func error(_ x: Space, _ truth: Space, normalised: Bool) -> Double {
    let shape = withoutDerivative(at: truth.shape)
    let (height, width) = (shape[shape.count - 2], shape[shape.count - 1])
    let found = planes(x, height: height, width: width)
    let wanted = withoutDerivative(at: planes(truth, height: height, width: width))
    return normalised ? meanNormalisedError(found, wanted) : meanSquaredDifference(found, wanted)
  }
}

extension ImageSpace {
  /// Square images `[1, n, n]` in one of eight orientations; others of two axes only mirrored.
  func turned(_ orientation: Int) -> Self {
    let isSquare = shape[shape.count - 2] == shape[shape.count - 1]
    let turn = Orientation(
      transposes: orientation & 4 != 0 && isSquare, flipsRows: orientation & 1 != 0, flipsColumns: orientation & 2 != 0)
    return Self(separateParts: separateParts.map { turn.forward($0) })
  }
}
