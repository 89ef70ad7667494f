// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import Experiments
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

/// LISTA as the peer's script has it: 100 pixels, 400 units, 7 iterations, 10 000 patches, batches of 500.
struct ListaBenchmark {
  let network: LISTA
  let patches: Tensor
  let codes: Tensor

  init() {
    let problem = SparseCoding(dictionary: Matrix.gaussian(rows: 100, columns: 400, seed: 1).withUnitColumns, alpha: 0.5)
    network = LISTA(unfolding: problem.converted(to: .single), iterations: 7)
    var generator = RandomGenerator(seed: 2)
    patches = .normal([10_000, 100], precision: .single, using: &generator)
    codes = .normal([10_000, 400], precision: .single, using: &generator)
  }

  func work(training: Bool) -> () throws -> Void {
    let (network, patches, codes) = (network, patches, codes)
    if !training {
      return {
        let z = network.predict(patches)
        precondition(z.shape == [10_000, 400])
      }
    }
    let trainer = Trainer<LISTA, SamplePairs>(
      recipe: Recipe(
        network: "lista", seed: 1,
        phases: [Recipe.Phase(steps: 20, batchSize: 500, chunkSize: 250, learningRate: .constant(rate: 1e-3))]),
      samples: SamplePairs(measurement: patches, groundTruth: codes),
      loss: { network, batch, _ in
        let depth = withoutDerivative(at: network.depth)
        let count = withoutDerivative(at: Double(batch.groundTruth.shape[0]))
        return 0.5 * squaredNorm(network(batch.measurement, stages: depth) - batch.groundTruth) / count
      })
    return { _ = try trainer.train(network) }
  }
}

/// ISTA-Net⁺ as the peer's script has it: 9 stages, 32 channels, 64 blocks of 33 × 33 pixels, 272 measurements a block.
struct BlockBenchmark {
  let phi: Matrix
  let network: ISTANetPlus<Tensor, Tensor>
  let blocks: Tensor

  init() {
    phi = Matrix.orthonormalRows(rows: 272, columns: 1089, seed: 1).converted(to: .single)
    network = ISTANetPlus(phi: phi, initial: phi.entries.transposed, seed: 2)
    var generator = RandomGenerator(seed: 3)
    blocks = Tensor.uniform([64, 1089], precision: .single, using: &generator)
  }

  func work(training: Bool, recomputing: Bool) -> () throws -> Void {
    let (phi, network, blocks) = (phi, network, blocks)
    if !training {
      return {
        let x = network.predict(phi.forward(blocks), samplesAtATime: 8)
        precondition(x.shape == [64, 1089])
      }
    }
    let trainer = Trainer<ISTANetPlus<Tensor, Tensor>, MeasuredRows>(
      recipe: Recipe(
        network: "ista-net-plus", seed: 1,
        phases: [Recipe.Phase(steps: 1, batchSize: 64, chunkSize: 4, learningRate: .constant(rate: 1e-4))]),
      samples: MeasuredRows(phi: phi, blocks: blocks),
      loss: Blocks.loss(.running, recomputing: recomputing).callable(for: ISTANetPlus<Tensor, Tensor>.self))
    return { _ = try trainer.train(network) }
  }

  /// Given blocks, measured in every batch anew.
  private struct MeasuredRows: TrainingSamples {
    let phi: Matrix
    let blocks: Tensor
    var count: Int { blocks.shape[0] }
    func batch(_ samples: [Int], using generator: inout RandomGenerator) -> SamplePairs.Batch {
      let rows = blocks.rows(at: samples)
      return SamplePairs.Batch(measurement: phi.forward(rows), groundTruth: rows)
    }
  }
}

/// Deep ADMM-Net as the peer's script has it: 17 stages, one image of 256 × 256 at 20 %, double precision.
struct ADMMNetBenchmark {
  let network: ADMMNet<RealMaskedFourier>
  let image: Tensor
  let kSpace: ComplexTensor

  init() {
    let mask = SamplingMask.pseudoRadial(height: 256, width: 256, lines: 55)
    network = ADMMNet(mask: mask, stages: 17)
    var generator = RandomGenerator(seed: 3)
    image = Tensor.uniform([1, 256, 256], using: &generator)
    kSpace = RealMaskedFourier(mask).forward(image)
  }

  func work(training: Bool) -> () throws -> Void {
    let (network, image, kSpace) = (network, image, kSpace)
    if !training {
      return {
        let x = network(kSpace)
        precondition(x.shape == [1, 256, 256])
      }
    }
    return {
      let (loss, gradient) = valueWithGradient(at: network) { meanNormalisedError($0(kSpace), image) }
      precondition(loss > 0 && gradient.start.solve.penalties.count == 8)
    }
  }
}

/// SCNet and SODAS-Net as the peer's script has them: 20 modules and 25 stages, 32 channels, 272 measurements a block of 33 × 33 pixels.
struct WholeImageBenchmark {
  let phi = Matrix.orthonormalRows(rows: 272, columns: 1089, seed: 1).converted(to: .single)

  private func sampling(blocks: Int) -> BlockSampling {
    BlockSampling(phi: phi, grid: BlockGrid(height: 33 * blocks, width: 33 * blocks, side: 33))
  }

  /// A step on four crops of 3 × 3 blocks, one to a piece of work: the mean square error.
  func training() -> () throws -> Void {
    let A = sampling(blocks: 3)
    let network = SCNet(scNet: A, seed: 2)
    var generator = RandomGenerator(seed: 3)
    let crops = Tensor.uniform([4, 99, 99], precision: .single, using: &generator)
    let trainer = Trainer<SCNet<BlockSampling>, SamplePairs>(
      recipe: Recipe(
        network: "scnet", seed: 1, phases: [Recipe.Phase(steps: 1, batchSize: 4, chunkSize: 1, learningRate: .constant(rate: 1e-4))]
      ),
      samples: SamplePairs(measurement: A.forward(crops), groundTruth: crops),
      loss: { network, batch, _ in
        meanSquaredDifference(network.run(batch.measurement, recording: false).estimate, batch.groundTruth)
      })
    return { _ = try trainer.train(network) }
  }

  /// 256 × 256 pixels, which fill 8 × 8 blocks, measured and reconstructed.
  func reconstruction(_ method: String) -> () throws -> Void {
    let A = sampling(blocks: 8)
    var generator = RandomGenerator(seed: 3)
    let image = Tensor.uniform([264, 264], precision: .single, using: &generator)
    if method == "scnet" {
      let network = SCNet(scNet: A, seed: 2)
      return { precondition(network.image(A.forward(image)).count == image.count) }
    }
    let network = SODASNet(sodasNet: A, seed: 2)
    return { precondition(network.image(A.forward(image)).count == image.count) }
  }
}
