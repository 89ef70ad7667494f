// SPDX-License-Identifier: Apache-2.0
import Networks
import Operators
import Tensors
import Training
import _Differentiation

/// A parallel beam and its adjoint as the peer's script has them: 512 × 512 pixels, 60 views of 729 bins.
func projectionBenchmark() -> () throws -> Void {
  let angles = (0..<60).map { Double($0) * Double.pi / 60 }
  let A = ParallelBeam(ParallelBeamGeometry(height: 512, width: 512, angles: angles, bins: 729))
  var generator = RandomGenerator(seed: 1)
  let x = Tensor.uniform([512, 512], precision: .single, using: &generator)
  return {
    let back = A.adjoint(A.forward(x))
    precondition(back.shape == [512, 512])
  }
}

/// FISTA-Net as the peer's script has it: 7 stages, 32 channels, 64 images of 64 × 64, 28 measurements of the pixels of a disc.
struct FISTANetBenchmark {
  let network: FISTANet<Tensor, Tensor>
  let images: Tensor
  let measurements: Tensor

  init() {
    let disc = PixelDisc(side: 64)
    let rows = Matrix.gaussian(rows: 28, columns: disc.count, seed: 1).withUnitRows.converted(to: .single)
    let A = Composition(rows, disc)
    network = FISTANet(DataGradient(A, back: Scaled(1.0 / 7, A.H), initial: Scaled(0, A.H)), height: 64, width: 64, seed: 2)
    var generator = RandomGenerator(seed: 3)
    images = .uniform([64, 64, 64], precision: .single, using: &generator)
    measurements = A.forward(images)
  }

  func work(training: Bool) -> () throws -> Void {
    let (network, images, measurements) = (network, images, measurements)
    if !training {
      return {
        let x = network.predict(measurements, samplesAtATime: 1)
        precondition(x.shape == [64, 64, 64])
      }
    }
    let trainer = Trainer<FISTANet<Tensor, Tensor>, SamplePairs>(
      recipe: Recipe(
        network: "fista-net", seed: 1,
        phases: [Recipe.Phase(steps: 1, batchSize: 64, chunkSize: 1, learningRate: .constant(rate: 1e-4))]),
      samples: SamplePairs(measurement: measurements, groundTruth: images),
      loss: { network, batch, _ in
        let output = network.run(batch.measurement, recording: true)
        return meanSquaredDifference(output.estimate, batch.groundTruth) + 0.01 * output.recorded
      })
    return { _ = try trainer.train(network) }
  }
}
