// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Problems
import Tensors
import Training

/// X-ray images of one size from few views: the geometry, the projector of norm 1 with its noise, the system that is reconstructed.
public struct CTProblem: Sendable {
  public let geometry: CTGeometry
  public let model: SparseViewCT<AnyOperator<Tensor, Tensor>>
  public let system: TomographySystem

  /// - Parameter photons: of a ray that meets nothing, with `electronic` noise of that many photons; nil: no noise.
  public init(_ geometry: CTGeometry, photons: Double?, electronic: Double = 0) throws {
    if let photons, !(photons > 0 && photons <= 1e15) {
      throw RecipeError("found --photons \(photons); expected more than 0, at most 1e15")
    }
    guard electronic >= 0, electronic.isFinite else { throw RecipeError("found --electronic \(electronic); expected 0 or more") }
    self.geometry = geometry
    model = SparseViewCT(
      geometry.projector, imageShape: [geometry.height, geometry.width],
      noise: photons.map { SparseViewCT.Noise(photons: $0, electronic: electronic, attenuation: CTImage.attenuation) })
    system = TomographySystem(model, geometry)
  }

  /// Measurements of images `[n, height, width]`, an own stream of noise for each; images are spread over the threads.
  public func measured(_ images: Tensor, seed: UInt64) -> Tensor {
    Tensor.concatenatedGroups(count: images.shape[0], size: 1) {
      model.simulate(images.rows($0), seed: seed, stream: UInt64($0.lowerBound))
    }
  }
}

/// Images that are turned and measured afresh, photons and all, whenever they are trained on.
public struct CTSamples: TrainingSamples {
  /// `[n, height, width]`, in single precision.
  public let images: Tensor
  public let model: SparseViewCT<AnyOperator<Tensor, Tensor>>

  public init(_ images: [CTImage], _ model: SparseViewCT<AnyOperator<Tensor, Tensor>>) {
    self.images = Tensor.stacked(images.map { $0.value.converted(to: .single) })
    self.model = model
  }

  public var count: Int { images.shape[0] }

  public func batch(_ samples: [Int], using generator: inout RandomGenerator) -> SamplePairs.Batch {
    let drawn = samples.map { i in (index: i, turn: Int(generator.next() >> 61), seed: generator.next()) }
    let chosen = Parallel.map(drawn.count) { k in
      let (i, turn, seed) = drawn[k]
      let image = images.rows(i..<i + 1).turned(turn)
      return (image, model.simulate(image, seed: seed))
    }
    return SamplePairs.Batch(measurement: .concatenated(chosen.map(\.1)), groundTruth: .concatenated(chosen.map(\.0)))
  }
}

/// What networks for tomography are trained on: measurements beside images, or images measured afresh.
public enum TomographySamples: TrainingSamples {
  case measured(SamplePairs)
  case projected(CTSamples)

  public var count: Int {
    switch self {
    case .measured(let pairs): pairs.count
    case .projected(let images): images.count
    }
  }

  public func batch(_ samples: [Int], using generator: inout RandomGenerator) -> SamplePairs.Batch {
    switch self {
    case .measured(let pairs): pairs.batch(samples, using: &generator)
    case .projected(let images): images.batch(samples, using: &generator)
    }
  }
}

extension TomographyTraining {
  /// On images of one size, measured as `problem` does; the validation images once, with the noise of `seed`.
  public init(_ network: TomographyNetwork, _ problem: CTProblem, images: [CTImage], validation: [CTImage], seed: UInt64) throws {
    let size = [problem.geometry.height, problem.geometry.width]
    for image in images + validation where image.value.shape != size {
      throw RecipeError(
        "\(image.name): found \(image.value.shape[0]) × \(image.value.shape[1]) pixels; expected \(size[0]) × \(size[1]), as all images"
      )
    }
    guard !images.isEmpty, !validation.isEmpty else {
      throw RecipeError("found \(images.count) training and \(validation.count) validation images; expected some of both")
    }
    let held = Tensor.stacked(validation.map { $0.value.converted(to: .single) })
    try self.init(
      network, system: problem.system, samples: .projected(CTSamples(images, problem.model)),
      validation: SamplePairs(measurement: problem.measured(held, seed: seed), groundTruth: held), seed: seed)
  }
}
