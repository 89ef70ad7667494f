// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import LinearSystems
import Networks
import Problems
import Tensors
import Training

extension Denoising {
  /// On crops in eight orientations, a level of its own for every sample, uniform up to the highest: the mean square error, by Adam with a rate
  /// that falls along a cosine and averaged weights. The recipe is our own.
  public func training(_ request: TrainingRequest<Denoising>) throws -> Training {
    let (setup, options) = (request.setup, request.options)
    try request.refuse(("sigma", self.setup.sigma != nil))
    guard setup.highestSigma > 0, setup.highestSigma <= 255 else {
      throw InputError("found --highest-sigma \(setup.highestSigma); expected more than 0 and at most 255 levels")
    }
    let (side, highest) = (setup.crop, setup.highestSigma / 255)
    let (crops, held) = try crops(of: setup.images, validation: setup.validationImages, side: side)
    let samples = DrawnPairs<Tensor, Tensor>(count: 20_000) { samples, generator in
      let truth = crops.draw(samples.count, using: &generator)
      let levels = samples.map { _ in highest * generator.uniform() }
      return Pairs(measurement: Self.noisy(truth, levels: levels, using: &generator), groundTruth: truth)
    }
    var own = RandomGenerator(seed: seed &+ 3)
    let validated = Self.noisy(held, levels: (0..<32).map { highest * (Double($0) + 0.5) / 32 }, using: &own)
    var training = try PairTraining(
      samples, loss: PairLoss(), validation: Pairs(measurement: validated, groundTruth: held))
    training.samplesAtATime = 8
    let figures = Self.publishedSigmas.filter { $0 <= setup.highestSigma }.map { sigma in
      (sigma, Self.noisy(held, levels: [Double](repeating: sigma / 255, count: 32), using: &own))
    }
    training.figures = { network in
      figures.map { sigma, noisy in
        TrainingFigure("psnr at \(Int(sigma))", meanPSNR(network.predict(noisy, samplesAtATime: 8), held))
      }
    }
    let steps = options.steps(samples: samples.count, batch: 16, otherwise: options.quick ? 500 : 20_000)
    let recipe = Recipe(
      network: request.method.name, seed: seed, architecture: request.architecture,
      phases: [Recipe.adam(steps: steps, batchSize: 16, warmUp: min(200, max(1, steps / 10)))],
      validationInterval: min(1000, max(1, steps / 10)),
      notes: ["problem": Self.name, "crop": "\(side)", "highest_sigma": "\(setup.highestSigma)"])
    let untrained = try request.untrained(NoisyImages(height: side, width: side, sigma: 0), seed: seed)
    return try Training(training, untrained, recipe)
  }

  /// Images `[batch, h, w]` with noise of a level each, beside it: `[batch, h, w, 2]`.
  static func noisy(_ images: Tensor, levels: [Double], using generator: inout RandomGenerator) -> Tensor {
    Tensor.concatenated(
      levels.enumerated().map { i, level in
        let image = images.rows(i..<i + 1)
        let noise = Tensor.normal(image.shape, precision: image.precision, using: &generator)
        return besideConstant(image + level * noise, level)
      })
  }
}
