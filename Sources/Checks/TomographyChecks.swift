// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import ProximalMaps
import Tensors
import _Differentiation

/// A tiny instance of tomography: two images of 6 × 6 seen by a parallel beam from five sides.
private struct TinyTomography {
  let A: Scaled<ParallelBeam>
  let gradient: DataGradient<Tensor, Tensor>
  let images: Tensor
  let sinograms: Tensor

  init() {
    let beam = ParallelBeam(ParallelBeamGeometry(side: 6, views: 5))
    A = Scaled(1 / beam.lipschitz.squareRoot(), beam)
    gradient = DataGradient(A, back: A.H, initial: A.H)
    var generator = RandomGenerator(seed: 51)
    images = .uniform([2, 6, 6], using: &generator)
    sinograms = A.forward(images)
  }

  func network(hasMomentum: Bool = true) -> FISTANet<Tensor, Tensor> {
    FISTANet(gradient, height: 6, width: 6, depth: 4, channels: 3, hasMomentum: hasMomentum, precision: .double, seed: 52)
  }
}

/// FISTA-Net's iteration with other parts is what it is named after.
func tomographyEquivalenceChecks() -> [CheckItem] {
  let tiny = TinyTomography()
  let (A, b, start) = (tiny.A, tiny.sinograms, tiny.A.adjoint(tiny.sinograms))

  // Without momentum: the stages one after another as ISTA's.
  let network = tiny.network(hasMomentum: false).disturbed(seed: 53)
  var x = start
  var worst = 0.0
  let trace = network.trace(b)
  for k in 0..<4 {
    let (step, threshold) = (network.schedule.stepSize.value(k), network.schedule.threshold.value(k))
    let stage = ProximalGradient(
      data: GradientStep(A, stepSize: step), prior: network.schedule.prior.with(threshold: threshold),
      momentum: NoMomentum<Tensor>())
    x = stage.estimate(stage.step(stage.initialState(x), measurement: b, recording: false))
    worst = max(worst, relativeDifference(trace[k], x))
  }

  // With a soft threshold in the place of the learned map: FISTA for ‖·‖₁ over non-negative images, its momentum the schedule's.
  let schedule = FISTANetSchedule(AnyOperator(A.gram), prior: NonNegativeSoftThreshold(threshold: 0))
  let unfolded = Unrolled(
    encoder: FixedEncoder(AnyOperator(A.H)), start: FixedStart(AnyOperator(A.H)), schedule: schedule,
    output: AsEstimated<Tensor, Tensor>(), depth: 50)
  var (previous, v, difference) = (start, start, 0.0)
  for (k, estimate) in unfolded.trace(b).enumerated() {
    let r = v - schedule.stepSize.value(k) * A.adjoint(A.forward(v) - b)
    let threshold = schedule.threshold.value(k)
    let next = r.map { max($0 - threshold, 0) }
    v = next + schedule.momentumWeight(k) * (next - previous)
    previous = next
    difference = max(difference, relativeDifference(estimate, next))
  }
  let weights = (0..<50).map { schedule.momentumWeight($0) }
  let isOrdered = weights[0] == 0 && zip(weights, weights.dropFirst()).allSatisfy { $0 < $1 } && weights[49] < 1
  return [
    CheckItem("FISTA-Net without momentum is its ISTA", error: trace.count == 4 ? worst : .infinity, tolerance: 1e-12),
    CheckItem("FISTA-Net with a soft threshold is FISTA", error: isOrdered ? difference : .infinity, tolerance: 1e-12),
  ]
}

/// Layers with a bias, the networks and the filters of tomography.
func tomographyGradients() -> [CheckItem] {
  var generator = RandomGenerator(seed: 54)
  func normal(_ shape: [Int]) -> Tensor { .normal(shape, using: &generator) }
  let (maps, weight, bias, cotangent) = (normal([2, 4, 5, 3]), normal([2, 3, 3, 3]), normal([2]), normal([2, 4, 5, 2]))
  var gradients = GradientItems()
  gradients.input("convolved in its bias", at: bias) {
    innerProduct(convolved(maps, weight, adding: $0, rectified: true), cotangent)
  }
  gradients.input("convolved with a bias in x", at: maps) {
    innerProduct(convolved($0, weight, adding: bias, rectified: true), cotangent)
  }
  gradients.input("meanMagnitude", at: maps) { meanMagnitude($0) }
  let (image, direction) = (normal([2, 5, 6]), normal([2, 5, 6]))
  let variation = TotalVariationPenalty(height: 5, width: 6, lower: -1, iterations: 12)
  gradients.input("total variation's map", at: image) { innerProduct(variation.prox($0, step: 0.3), direction) }
  gradients.input("total variation's map in its step", at: Tensor([0.3])) {
    innerProduct(variation.prox(image, step: innerProduct($0, Tensor([1]))), direction)
  }

  let (gain, offset, scales) = (normal([3]), normal([3]), normal([2, 4, 5, 3]))
  gradients.input("batch normalisation", at: maps) {
    innerProduct(batchNormalised($0, weight: gain, bias: offset, rectified: true), scales)
  }
  gradients.input("batch normalisation in its weight", at: gain) {
    innerProduct(batchNormalised(maps, weight: $0, bias: offset), scales)
  }
  gradients.input("batch normalisation in its bias", at: offset) {
    innerProduct(batchNormalised(maps, weight: gain, bias: $0, rectified: true), scales)
  }
  gradients.input("normalisation by given statistics", at: maps) {
    innerProduct(
      normalised($0, mean: offset, variance: gain .* gain, weight: gain, bias: offset, rectified: true), scales)
  }
  let (even, half, filters) = (normal([2, 4, 6, 3]), normal([2, 2, 3, 3]), normal([3, 2, 2, 2]))
  gradients.input("maximum pooling", at: even) { innerProduct(maximumPooled($0), half) }
  gradients.input("transposed convolution", at: half) { squaredNorm(transposedConvolved($0, filters, adding: bias)) }
  gradients.input("transposed convolution in its weight", at: filters) { squaredNorm(transposedConvolved(half, $0, adding: bias)) }
  gradients.input("transposed convolution in its bias", at: bias) { squaredNorm(transposedConvolved(half, filters, adding: $0)) }
  gradients.input("joined channels", at: maps) { squaredNorm(joinedChannels($0, scales) .* joinedChannels(scales, $0)) }
  gradients.input("padded and cropped images", at: image) {
    squaredNorm(cropped(padded($0, height: 7, width: 9), height: 4, width: 8))
  }

  let tiny = TinyTomography()
  func network<Network: TensorNetwork>(_ name: String, _ network: Network, _ b: Tensor, _ x: Tensor) {
    let error = parameterGradientError(network.disturbed(seed: 56), seed: 57) { net in
      let output = net.run(b, recording: true)
      return meanSquaredDifference(output.estimate, x) + 0.1 * meanMagnitude(output.estimate - x) + 0.5 * output.recorded
    }
    gradients.add("\(name)", error)
  }
  network("FISTA-Net", tiny.network(), tiny.sinograms, tiny.images)
  let filtered = FilteredBackProjection(ParallelBeamGeometry(side: 6, views: 5))
  network(
    "FISTA-Net on filtered back-projection",
    FISTANet(
      DataGradient(tiny.A, back: Scaled(0.1, filtered), initial: filtered), height: 6, width: 6, depth: 3, channels: 2,
      precision: .double, seed: 58),
    tiny.sinograms, tiny.images)
  network(
    "FISTA-Net on Newton steps",
    FISTANet(
      DataGradient(newton: tiny.A, initial: Scaled(0.1, filtered), isGradient: false), height: 6, width: 6, depth: 3, channels: 2,
      precision: .double,
      seed: 58), tiny.sinograms, tiny.images)
  for residual in [false, true] {
    let net = FBPConvNet(
      initial: AnyOperator(tiny.A.H), .init(channels: 3, poolings: 2, isResidual: residual), precision: .double, seed: 60)
    network("FBPConvNet, \(residual ? "added to the initial image" : "rectified")", net, tiny.sinograms, tiny.images)
    let calibrated = net.disturbed(seed: 62).calibrated(on: tiny.sinograms)
    let error = parameterGradientError(calibrated, seed: 61) { meanSquaredDifference($0(tiny.sinograms, stages: 1), tiny.images) }
    gradients.add("FBPConvNet, \(residual ? "added" : "rectified"), calibrated", error)
  }
  return gradients.items
}
