// SPDX-License-Identifier: Apache-2.0
import Communication
import Algorithms
import Datasets
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Synchronization
import Tensors
import Training
import _Differentiation

/// What a network on whole images is trained by.
public enum WholeImageLoss: String, Sendable, CaseIterable, Codable {
  /// The mean over samples of log₁₀ of a sample's mean square error: no ratio drowns another.
  case logSquares = "log-squares"
  /// The mean of (x̂ − x)².
  case squares
  /// The mean of |x̂ − x|.
  case absolute
  /// No ground truth: each of two parts of the measurements is predicted from the other.
  case measurements

  /// True where the truth is compared with.
  public var needsGroundTruth: Bool { self != .measurements }
}

extension PairLoss.Criterion {
  /// - Throws: ``InputError`` for a loss that only networks on whole images have.
  init(_ loss: WholeImageLoss, for network: String) throws {
    switch loss {
    case .squares: self = .meanSquare
    case .logSquares: self = .logSquares
    case .absolute, .measurements:
      throw InputError("found --loss \(loss.rawValue) for \(network); expected squares or log-squares")
    }
  }
}

/// A crop and what is measured of it.
public struct WholeImageSample: Sendable {
  /// A, on the whole crop.
  public var A: BlockSampling
  /// y, `[1, blocks, M]`.
  public var measurement: Tensor
  /// x, `[1, side, side]`.
  public var groundTruth: Tensor
  /// For the loss without ground truth; nil for others.
  public var halves: Halves?

  /// Two parts of the measurements, and how their consistency is asked for on turned images.
  public struct Halves: Sendable {
    public var first: (A: BlockSampling, y: Tensor)
    public var second: (A: BlockSampling, y: Tensor)
    public var orientation: Orientation
    /// A', rows drawn anew.
    public var other: BlockSampling
  }
}

/// Crops of images, each measured by rows of an orthogonal matrix at a ratio of its own, or all by one Φ.
public struct WholeImageSamples: TrainingSamples {
  /// Φ of every sample.
  public enum Sampling: Sendable {
    /// At random M rows of an orthogonal matrix of side² × side², M / side² = largest · u^1.5 with u uniform in [0, 1].
    case anyRows(of: Matrix, largestRatio: Double)
    /// The same for all.
    case fixed(Matrix)

    /// N = side².
    var columns: Int {
      switch self {
      case .anyRows(let Q, _): Q.columns
      case .fixed(let phi): phi.columns
      }
    }
  }

  public let crops: BlockCrops
  public let sampling: Sampling
  public let grid: BlockGrid
  public let loss: WholeImageLoss
  /// Crops that count as an epoch.
  public let count: Int

  init(crops: BlockCrops, sampling: Sampling, loss: WholeImageLoss, count: Int) {
    self.crops = crops
    self.sampling = sampling
    self.loss = loss
    self.count = count
    grid = BlockGrid(height: crops.side, width: crops.side, side: Int(Double(sampling.columns).squareRoot().rounded()))
  }

  public func batch(_ samples: [Int], using generator: inout RandomGenerator) -> [WholeImageSample] {
    var batch: [WholeImageSample] = []
    for _ in samples { batch.append(sample(using: &generator)) }
    return batch
  }

  private func sample(using generator: inout RandomGenerator) -> WholeImageSample {
    let truth = crops.draw(1, using: &generator)
    let A = BlockSampling(phi: phi(using: &generator), grid: grid)
    let y = A.forward(truth)
    return WholeImageSample(
      A: A, measurement: y, groundTruth: truth, halves: loss == .measurements ? halves(A, y, using: &generator) : nil)
  }

  /// Φ of a sample; two rows at least where its measurements are to be split.
  private func phi(using generator: inout RandomGenerator) -> Matrix {
    switch sampling {
    case .fixed(let phi): return phi
    case .anyRows(let Q, let largestRatio):
      let ratio = largestRatio * pow(generator.uniform(), 1.5)
      let rows = max(loss == .measurements ? 2 : 1, Int((ratio * Double(Q.rows)).rounded()))
      return Q.selectingRows(Array(generator.permutation(of: Q.rows).prefix(rows)))
    }
  }

  /// The measurements in an order at random, cut at a place at random.
  private func halves(_ A: BlockSampling, _ y: Tensor, using generator: inout RandomGenerator) -> WholeImageSample.Halves {
    let M = A.phi.rows
    let order = generator.permutation(of: M)
    let cut = 1 + generator.index(below: max(M - 1, 1))
    func part(_ rows: [Int]) -> (BlockSampling, Tensor) {
      let columns = y.reshaped([y.rowCount, M]).transposed
      let values = columns.rows(at: rows).transposed
      return (BlockSampling(phi: A.phi.selectingRows(rows), grid: grid), values.reshaped([1, grid.count, rows.count]))
    }
    return WholeImageSample.Halves(
      first: part(Array(order[..<cut])), second: part(M > 1 ? Array(order[cut...]) : order),
      orientation: Orientation(index: generator.index(below: 8)), other: BlockSampling(phi: phi(using: &generator), grid: grid))
  }
}

/// How networks on whole images are trained: crops of 3 × 3 blocks in eight orientations, a ratio and rows of Φ at random for every sample,
/// Adam with a rate that falls along a cosine, averaged weights.
///
/// The loss without ground truth is that of SCNet: with the measurements in two parts a and b, x₁ = x(y_a) and x₂ = x(y_b),
///
///     |A_b x₁ − y_b| + |A_a x₂ − y_a| + 0.1 (|x(A' T x₁) − T x₁| + |x(A' T x₂) − T x₂|)
///
/// means of absolute values, T a flip or turn and A' rows at random. The recipe is our own.
public struct WholeImageTraining: NetworkTraining, Sendable {
  /// Φ of every sample; nil: rows at random.
  public let fixed: Blocks.System?
  public let loss: WholeImageLoss
  /// True to recompute the stages in the backward pass.
  public var recomputes = false
  /// The weight of consistency on turned images in the loss without ground truth.
  public var turnedWeight = 0.1
  private let samples: WholeImageSamples
  private let held: [HeldImages]

  /// Images kept aside, measured at a ratio.
  private struct HeldImages: Sendable {
    let name: String
    let A: BlockSampling
    let measurement: Tensor
    let groundTruth: Tensor
  }

  /// Ratios that are validated.
  public static let validatedRatios = [0.10, 0.25, 0.50]
  /// Blocks a side of a crop.
  public static let blocksAside = 3

  /// - Parameters: `fixed`, Φ for all samples; nil for rows at random; `images`, gray, of which every tenth is kept aside;
  ///   `validationCount`, crops of 4 × 4 blocks of them.
  /// - Throws: ``InputError`` when no image holds a crop.
  public init(
    fixed: Blocks.System? = nil, loss: WholeImageLoss = .logSquares, images: [Tensor], side: Int = CompressiveSensing.blockSide,
    seed: UInt64, validationCount: Int = 32
  ) throws {
    self.fixed = fixed
    self.loss = loss
    let side = fixed?.sensing.side ?? side
    let (used, kept) = splitForValidation(images)
    let crops = try BlockCrops(used, side: Self.blocksAside * side)
    let sampling: WholeImageSamples.Sampling
    if let fixed {
      sampling = .fixed(fixed.sensing.phi.converted(to: .single))
    } else {
      let Q = Matrix.orthonormalRows(rows: side * side, columns: side * side, seed: seed &+ 3)
      sampling = .anyRows(of: Q.converted(to: .single), largestRatio: 0.5)
    }
    samples = WholeImageSamples(crops: crops, sampling: sampling, loss: loss, count: 4 * Blocks.epoch / 9)
    // Another matrix than that of the training.
    let test = fixed.map { [$0.sensing] } ?? Self.validatedRatios.map { CompressiveSensing(ratio: $0, side: side, seed: seed &+ 4) }
    let extent = 4 * side
    let large = kept.filter { $0.shape.allSatisfy { $0 >= extent } }
    let usable = large.isEmpty ? kept.filter { $0.shape.allSatisfy { $0 >= crops.side } } : large
    let width = large.isEmpty ? crops.side : extent
    let truth = try BlockCrops(usable.isEmpty ? used : usable, side: width).draw(validationCount, seed: seed &+ 2)
      .reshaped([validationCount, width, width])
    held = test.map { sensing in
      let A = BlockSampling(phi: sensing.phi.converted(to: .single), grid: BlockGrid(height: width, width: width, side: side))
      return HeldImages(
        name: "psnr at \(Int((100 * sensing.ratio).rounded())) %", A: A, measurement: A.forward(truth), groundTruth: truth)
    }
  }

  public var operators: [NamedParameter] { fixed?.operators ?? [] }
  /// Side of a block.
  var side: Int { held[0].A.grid.side }
  /// What images kept aside are first measured by.
  var validatedSensing: CompressiveSensing { CompressiveSensing(phi: held[0].A.phi) }

  public func train<N: TensorNetwork>(
    _ network: N, recipe: Recipe, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> N? {
    guard let wholeImage = network as? any WholeImageNetwork else {
      preconditionFailure("\(recipe.network) is no network on whole images")
    }
    return try trained(wholeImage, recipe, resuming, checkpoints, monitors, stop).flatMap { $0 as? N }
  }

  private func trained<Network: WholeImageNetwork>(
    _ network: Network, _ recipe: Recipe, _ resuming: Checkpoint?, _ checkpoints: CheckpointPolicy?,
    _ monitors: [any TrainingMonitor], _ stop: StopRequest?
  ) throws -> Network? {
    // The figures are asked for right after the error, of the same weights.
    let found = Mutex<[Double]>([])
    let trainer = Trainer<Network, WholeImageSamples>(
      recipe: recipe, samples: samples, operators: operators,
      validation: { network, _ in
        let decibels = self.validationPSNR(of: network)
        guard World.isFirst else { return 0 }
        found.withLock { $0 = decibels }
        return -decibels.reduce(0, +) / Double(decibels.count) / 10
      },
      figures: { _ in zip(self.held, found.withLock { $0 }).map { TrainingFigure($0.name, $1) } }, loss: loss(for: Network.self))
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? result.model : nil
  }

  /// Mean PSNR in dB of the images kept aside, at every ratio that is validated; no clipping. Several processes share the images out, and the
  /// first has the figures, NaN elsewhere.
  public func validationPSNR(of network: any WholeImageNetwork) -> [Double] {
    func figure(_ held: HeldImages) -> Double {
      func decibel<N: WholeImageNetwork>(_ network: N) -> Double {
        network.sharedPrediction(held.measurement, stages: network.depth, samplesAtATime: 1).map {
          meanPSNR($0, held.groundTruth)
        } ?? .nan
      }
      return decibel(network.with(held.A))
    }
    return held.map(figure)
  }

  /// That of the linear start Aᵀ y.
  public func validationPSNROfLinearStart() -> [Double] {
    held.map { meanPSNR($0.A.adjoint($0.measurement), $0.groundTruth) }
  }

  /// The mean loss of a batch.
  func loss<Network: WholeImageNetwork>(
    for _: Network.Type
  ) -> @Sendable @differentiable(reverse) (Network, @noDerivative [WholeImageSample], _ depth: @noDerivative Int?) -> Double {
    let (kind, recomputes, turnedWeight) = (loss, recomputes, turnedWeight)
    return { network, batch, _ in
      var sum = 0.0
      for i in 0..<withoutDerivative(at: batch.count) {
        if kind == .measurements {
          sum += lossWithoutTruth(network, batch[i].halves!, turnedWeight: turnedWeight, recomputing: recomputes)
        } else {
          sum += difference(
            estimate(network, batch[i].A, batch[i].measurement, recomputing: recomputes), batch[i].groundTruth, kind)
        }
      }
      return sum / withoutDerivative(at: Double(batch.count))
    }
  }
}

@differentiable(reverse,wrt: network) @differentiable(reverse,wrt: (network, y))
private func estimate<Network: WholeImageNetwork>(
  _ network: Network, _ A: BlockSampling, _ y: Tensor, recomputing: Bool
) -> Tensor {
  network.with(A).run(y, recording: false, recomputing: withoutDerivative(at: Recomputation(everyStage: recomputing))).estimate
}

@differentiable(reverse,wrt: x)
private func difference(_ x: Tensor, _ truth: Tensor, _ kind: WholeImageLoss) -> Double {
  switch kind {
  case .squares: return meanSquaredDifference(x, truth)
  case .absolute, .measurements: return meanAbsoluteDifference(x, truth)
  case .logSquares: return meanLogSquare(x, truth)
  }
}

@differentiable(reverse,wrt: network)
private func lossWithoutTruth<Network: WholeImageNetwork>(
  _ network: Network, _ halves: WholeImageSample.Halves, turnedWeight: Double, recomputing: Bool
) -> Double {
  let x1 = estimate(network, halves.first.A, halves.first.y, recomputing: recomputing)
  let x2 = estimate(network, halves.second.A, halves.second.y, recomputing: recomputing)
  let (t1, t2) = (halves.orientation(x1), halves.orientation(x2))
  let again1 = estimate(network, halves.other, halves.other(t1), recomputing: recomputing)
  let again2 = estimate(network, halves.other, halves.other(t2), recomputing: recomputing)
  let other = meanAbsoluteDifference(halves.second.A(x1), halves.second.y)
  let one = meanAbsoluteDifference(halves.first.A(x2), halves.first.y)
  return other + one + turnedWeight * (meanAbsoluteDifference(again1, t1) + meanAbsoluteDifference(again2, t2))
}

extension RandomGenerator {
  /// 0 ..< count in an order at random.
  fileprivate mutating func permutation(of count: Int) -> [Int] { (0..<count).shuffled(using: &self) }
}
