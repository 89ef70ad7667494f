// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Problems
import Tensors
import _Differentiation

/// A tiny instance of networks on whole images: 2 × 3 blocks of 3 × 3 pixels, 4 measurements each, and an image of 6 × 9 from a part of its
/// k-space. The rows of Φ are not orthonormal, nor is the mask symmetric, so that Aᴴ y is not where gradient descent ends.
private struct TinyImages {
  let A = BlockSampling(
    phi: .gaussian(rows: 4, columns: 9, variance: 1 / 36, seed: 101), grid: BlockGrid(height: 6, width: 9, side: 3))
  let mask = SamplingMask(height: 6, width: 9, isSampled: (0..<54).map { $0 % 5 < 2 || $0 < 3 })
  let images: Tensor

  init() {
    var generator = RandomGenerator(seed: 102)
    images = .uniform([2, 6, 9], using: &generator)
  }

  func scNet(depth: Int) -> SCNet<BlockSampling> { SCNet(scNet: A, depth: depth, channels: 4, precision: .double, seed: 103) }
  func sodasNet(depth: Int) -> SODASNet<BlockSampling> {
    SODASNet(sodasNet: A, depth: depth, channels: 4, precision: .double, seed: 103)
  }
}

/// Without a body, networks with memory are gradient descent: ≤ 1e-13 relative for every depth from 1 to 50.
func wholeImageEquivalenceChecks() -> [CheckItem] {
  let tiny = TinyImages()
  let y = tiny.A.forward(tiny.images)
  func item<Op: LinearOperator>(
    _ name: String, _ A: Op, step: Double, from start: Tensor, _ y: Op.Codomain, _ network: some Network<Op.Codomain, Tensor>,
    last: (Tensor) -> Tensor = { $0 }
  ) -> CheckItem where Op.Domain == Tensor {
    let descent = ProximalGradient(
      data: GradientStep(A, stepSize: step), prior: SoftThreshold(threshold: 0), momentum: NoMomentum())
    var iterates: [Tensor] = []
    _ = solve(descent, measurement: y, from: start, until: .iterations(50)) { _, s in iterates.append(descent.estimate(s)) }
    let worst = (1...50).map { relativeDifference(network(y, stages: $0), last(iterates[$0 - 1])) }.max()!
    return CheckItem(name, error: worst, tolerance: 1e-13)
  }
  func bodiless<Model: Parameterized>(_ network: Model, step: Double) -> Model {
    var network = network
    network.updateParameters { name, value in
      if name.hasSuffix("second.weight") || name.hasSuffix("synthesis.1") { return .zeros(value.shape) }
      return name.hasSuffix("stepSize") ? Tensor([step], shape: []) : value
    }
    return network
  }
  // SCNet's end is one more step of the same.
  let start = tiny.A.adjoint(y)
  let kSpace = RealMaskedFourier(tiny.mask)
  let k = kSpace.forward(tiny.images)
  let fourier = SCNet(scNet: kSpace, depth: 50, channels: 4, precision: .double, seed: 104)
  return [
    item(
      "SCNet without bodies is gradient descent", tiny.A, step: 1, from: start, y,
      bodiless(tiny.scNet(depth: 50), step: 1)
    ) { $0 - tiny.A.adjoint(tiny.A.forward($0) - y) },
    item(
      "SODAS-Net without bodies is gradient descent", tiny.A, step: 0.3, from: start, y,
      bodiless(tiny.sodasNet(depth: 50), step: 0.3)),
    item(
      "SCNet from k-space without bodies is gradient descent", kSpace, step: 1, from: kSpace.adjoint(k), k,
      bodiless(fourier, step: 1)
    ) { $0 - kSpace.adjoint(kSpace.forward($0) - k) },
  ]
}

/// Operations on channels, and networks on whole images in their parameters and in the measurement.
func wholeImageGradients() -> [CheckItem] {
  var generator = RandomGenerator(seed: 105)
  func normal(_ shape: [Int]) -> Tensor { .normal(shape, using: &generator) }
  let (maps, image, cotangent) = (normal([2, 4, 5, 3]), normal([2, 4, 5]), normal([2, 4, 5, 3]))
  var gradients = GradientItems()
  gradients.input("firstChannel", at: maps) { squaredNorm(firstChannel($0)) }
  gradients.input("replacingFirstChannel in the maps", at: maps) {
    innerProduct(replacingFirstChannel(of: $0 .* $0, with: image), cotangent)
  }
  gradients.input("replacingFirstChannel in the channel", at: image) { squaredNorm(replacingFirstChannel(of: maps, with: $0)) }
  gradients.input("besideConstant", at: image) { squaredNorm(besideConstant($0, 0.3) .* besideConstant($0, 0.3)) }
  gradients.input("meanSoftThreshold", at: maps) { innerProduct(meanSoftThreshold($0, scale: 0.7), cotangent) }
  gradients.input("meanSoftThreshold in its scale", at: Tensor([0.7], shape: [1])) {
    innerProduct(meanSoftThreshold(maps, scale: sum($0)), cotangent)
  }
  gradients.input("meanAbsoluteDifference", at: maps) { meanAbsoluteDifference($0, cotangent) }

  let tiny = TinyImages()
  func network<N: Network>(_ name: String, _ y: N.Measurement, _ network: N) where N.Signal == Tensor {
    let model = network.disturbed(seed: 107)
    let error = parameterGradientError(model, seed: 108) { net in
      meanSquaredDifference(net.run(y, recording: false).estimate, tiny.images)
    }
    gradients.add("\(name)", error)
    let recomputed = parameterGradientError(model, seed: 108) { net in
      meanSquaredDifference(net.run(y, recording: false, recomputing: .stages(every: 1)).estimate, tiny.images)
    }
    gradients.add("\(name), its stages recomputed", recomputed)
  }
  let y = tiny.A.forward(tiny.images)
  network("SCNet", y, tiny.scNet(depth: 3))
  network("SODAS-Net", y, tiny.sodasNet(depth: 3))
  let (scNet, sodasNet) = (tiny.scNet(depth: 3).disturbed(seed: 107), tiny.sodasNet(depth: 3).disturbed(seed: 107))
  gradients.input("SCNet in the measurement", at: y) { meanSquaredDifference(scNet($0), tiny.images) }
  gradients.input("SODAS-Net in the measurement", at: y) { meanSquaredDifference(sodasNet($0), tiny.images) }
  let A = RealMaskedFourier(tiny.mask)
  network(
    "SCNet from k-space", A.forward(tiny.images), SCNet(scNet: A, depth: 3, channels: 4, precision: .double, seed: 109))

  // The operator of a network as an input: the gradient in its parameters goes through.
  let small = tiny.scNet(depth: 2).disturbed(seed: 110)
  let other = BlockSampling(phi: .orthonormalRows(rows: 6, columns: 9, seed: 111), grid: BlockGrid(height: 6, width: 6, side: 3))
  let truth = Tensor.uniform([1, 6, 6], using: &generator)
  let measurement = other.forward(truth)
  let error = parameterGradientError(small, seed: 112) { net in
    meanSquaredDifference(net.with(other).run(measurement, recording: false).estimate, truth)
  }
  gradients.add("SCNet with another operator", error)
  return gradients.items
}
