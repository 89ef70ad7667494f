// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Tensors
import _Differentiation

/// A tiny instance of compressive-sensing MRI: two images of 8 × 7 and a mask that holds a frequency with its opposite.
private struct TinyScan {
  let mask: SamplingMask
  let images: Tensor
  let measurement: ComplexTensor

  init() {
    let (h, w) = (8, 7)
    var generator = RandomGenerator(seed: 71)
    var isSampled = [Bool](repeating: false, count: h * w)
    for k in 0..<h {
      for l in 0..<w where Tensor.uniform([1], using: &generator)[flat: 0] < 0.3 || k + l == 0 {
        isSampled[k * w + l] = true
        isSampled[(h - k) % h * w + (w - l) % w] = true
      }
    }
    mask = SamplingMask(height: h, width: w, isSampled: isSampled)
    images = .uniform([2, h, w], using: &generator)
    measurement = RealMaskedFourier(mask).forward(images)
  }

  /// Deep ADMM-Net as it is before training, its threshold on a knot.
  func admmNet(stages: Int) -> ADMMNet<RealMaskedFourier> { ADMMNet(mask: mask, stages: stages, threshold: 0.04) }

  /// The correlation kernels whose convolutions the cosine atoms are.
  var atoms: Tensor {
    let atoms = FilterBank.cosineAtoms()
    return Tensor((0..<8).flatMap { Array(atoms.rows($0..<$0 + 1).doubles.reversed()) }, shape: [8, 3, 3])
  }
}

/// Deep ADMM-Net before training is ADMM with its filters and a soft threshold, for every depth from 1 to 50.
func kSpaceEquivalenceChecks() -> [CheckItem] {
  let tiny = TinyScan()
  let (A, D) = (RealMaskedFourier(tiny.mask), Convolution2D(kernels: tiny.atoms, height: 8, width: 7, boundary: .circular))
  let update = RegularisedLeastSquares(A, D, solver: ConjugateGradientSolver(A, D, tolerance: 1e-15), penalty: 0.2)
  let admm = ADMM(solve: update, prior: SoftThreshold(threshold: 0.04), updateRate: 1.6)
  var iterates: [Tensor] = []
  // The network's first x is the algorithm's first iterate.
  _ = solve(admm, measurement: tiny.measurement, until: .iterations(51)) { _, s in iterates.append(admm.estimate(s)) }
  let stages = tiny.admmNet(stages: 50).trace(tiny.measurement)
  let worst = zip(stages, iterates.dropFirst()).reduce(0) { max($0, relativeDifference($1.0, $1.1)) }

  // z = x: with the identity as D both splittings are the same iteration.
  let solver = OperatorSolver(RealMaskedFourier(tiny.mask))
  let identity = RegularisedLeastSquares(A, Identity<Tensor>(), solver: solver, penalty: 0.3)
  let first = ADMM(solve: identity, prior: SoftThreshold(threshold: 0.02))
  let second = ADMM(
    solve: identity, prior: InnerGradientDescent(Identity<Tensor>(), shrinkage: SoftThreshold(threshold: 0.02)))
  let difference = relativeDifference(
    solve(second, measurement: tiny.measurement, until: .iterations(100)).estimate,
    solve(first, measurement: tiny.measurement, until: .iterations(100)).estimate)
  return [
    CheckItem("untrained Deep ADMM-Net is ADMM", error: stages.count == 50 ? worst : .infinity, tolerance: 1e-12),
    CheckItem("ADMM in k-space: splitting II is splitting I for D = 1", error: difference, tolerance: 1e-12),
  ]
}

/// The exact solves in k-space against conjugate gradients, and the residuals of ADMM.
func kSpaceTheoryChecks() -> [CheckItem] {
  let tiny = TinyScan()
  let (A, complexA) = (RealMaskedFourier(tiny.mask), MaskedFourier(tiny.mask))
  var generator = RandomGenerator(seed: 72)
  var items: [CheckItem] = []

  let D = Gradient2D(height: 8, width: 7, boundary: .periodic)
  let c = Tensor.normal([2, 8, 7, 2], using: &generator)
  let exact = RegularisedLeastSquares(A, D, solver: KSpaceSolver<Tensor>(tiny.mask, D), penalty: 0.4)
  let iterative = RegularisedLeastSquares(A, D, solver: ConjugateGradientSolver(A, D), penalty: 0.4)
  items.append(
    CheckItem(
      "x-update in k-space against conjugate gradients",
      error: relativeDifference(exact(tiny.measurement, pulledTo: c), iterative(tiny.measurement, pulledTo: c)), tolerance: 1e-10))

  let complexC = ComplexTensor(pairs: .normal([2, 8, 7, 2, 2], using: &generator))
  let complexY = complexA.forward(ComplexTensor(pairs: .normal([2, 8, 7, 2], using: &generator)))
  let complexExact = RegularisedLeastSquares(complexA, OnParts(D), solver: KSpaceSolver<ComplexTensor>(tiny.mask, D), penalty: 0.4)
  let complexIterative = RegularisedLeastSquares(
    complexA, OnParts(D), solver: ConjugateGradientSolver(complexA, OnParts(D)), penalty: 0.4)
  items.append(
    CheckItem(
      "x-update in k-space, complex, against conjugate gradients",
      error: relativeDifference(complexExact(complexY, pulledTo: complexC), complexIterative(complexY, pulledTo: complexC)),
      tolerance: 1e-10))

  let filters = Tensor.normal([3, 3, 5], using: &generator)
  let penalties = Tensor([0.3, 0.1, 0.7])
  let u = Tensor.normal([2, 3, 8, 7], using: &generator)
  let b = A.adjoint(tiny.measurement)
  let x = kSpaceSolve(b, pulledTo: u, filters: filters, penalties: penalties, mask: tiny.mask.symmetricHalf)
  let found = conjugateGradient(
    { A.gram.forward($0) + circularCorrelation(mapsScaled(circularConvolution($0, filters), by: penalties), filters) },
    b + circularCorrelation(mapsScaled(u, by: penalties), filters), tolerance: 1e-13)
  items.append(
    CheckItem("x-update with filters against conjugate gradients", error: relativeDifference(x, found.x), tolerance: 1e-10))

  let tv = KSpaceTV<Tensor>(totalVariation: 0.02, mask: tiny.mask, penalty: 0.2)
  var residual = 0.0
  _ = solve(tv, measurement: tiny.measurement, until: .iterations(3000)) { k, s in
    if k == 3000 {
      let (primal, dual) = tv.residuals(s)
      residual = max(primal, dual)
    }
  }
  items.append(CheckItem("total variation in k-space: residuals after 3 000 iterations", error: residual, tolerance: 1e-10))
  return items
}

/// Operations in k-space, and networks on it.
func kSpaceGradients() -> [CheckItem] {
  let tiny = TinyScan()
  var generator = RandomGenerator(seed: 73)
  func normal(_ shape: [Int]) -> Tensor { .normal(shape, using: &generator) }
  let (image, maps, filters) = (normal([2, 8, 7]), normal([2, 3, 8, 7]), normal([3, 3, 5]))
  let (c, cMaps, penalties) = (normal([2, 8, 7]), normal([2, 3, 8, 7]), Tensor([0.3, 0.1, 0.7]))
  let half = tiny.mask.symmetricHalf
  var gradients = GradientItems()
  gradients.input("circularConvolution in x", at: image) { innerProduct(circularConvolution($0, filters), cMaps) }
  gradients.input("circularConvolution in its filters", at: filters) { innerProduct(circularConvolution(image, $0), cMaps) }
  gradients.input("circularCorrelation in its maps", at: maps) { innerProduct(circularCorrelation($0, filters), c) }
  gradients.input("circularCorrelation in its filters", at: filters) { innerProduct(circularCorrelation(maps, $0), c) }
  gradients.input("kSpaceSolve in b", at: image) {
    innerProduct(kSpaceSolve($0, pulledTo: maps, filters: filters, penalties: penalties, mask: half), c)
  }
  gradients.input("kSpaceSolve in u", at: maps) {
    innerProduct(kSpaceSolve(image, pulledTo: $0, filters: filters, penalties: penalties, mask: half), c)
  }
  gradients.input("kSpaceSolve in its filters", at: filters) {
    innerProduct(kSpaceSolve(image, pulledTo: maps, filters: $0, penalties: penalties, mask: half), c)
  }
  gradients.input("kSpaceSolve in its penalties", at: penalties) {
    innerProduct(kSpaceSolve(image, pulledTo: maps, filters: filters, penalties: $0, mask: half), c)
  }
  gradients.input("kSpaceSolve in its filters, without maps", at: filters) {
    innerProduct(kSpaceSolve(image, pulledTo: .zero, filters: $0, penalties: penalties, mask: half), c)
  }
  gradients.input("mapsAdded in its factors", at: penalties) { innerProduct(mapsAdded(maps, cMaps, by: $0), cMaps) }
  let (values, slopes) = (normal([3, 11]), normal([3, 2]))
  gradients.input("piecewiseLinear on maps", at: maps) {
    innerProduct(piecewiseLinear(maps: $0, values: values, slopes: slopes, first: -1, spacing: 0.2), cMaps)
  }
  gradients.input("piecewiseLinear on maps in its values", at: values) {
    innerProduct(piecewiseLinear(maps: maps, values: $0, slopes: slopes, first: -1, spacing: 0.2), cMaps)
  }
  gradients.input("piecewiseLinear on maps in its slopes", at: slopes) {
    innerProduct(piecewiseLinear(maps: maps, values: values, slopes: $0, first: -1, spacing: 0.2), cMaps)
  }
  func split(_ c: Tensor, _ multiplier: Tensor, _ values: Tensor, _ rates: Tensor) -> Double {
    let next = curveSplit(c, multiplier: multiplier, values: values, first: -1, spacing: 0.2, rates: rates)
    return innerProduct(next.z, cMaps) + innerProduct(next.multiplier, maps) + 0.5 * innerProduct(next.pull, next.z)
  }
  gradients.input("curveSplit", at: maps) { split($0, cMaps, values, penalties) }
  gradients.input("curveSplit in its multiplier", at: cMaps) { split(maps, $0, values, penalties) }
  gradients.input("curveSplit in its values", at: values) { split(maps, cMaps, $0, penalties) }
  gradients.input("curveSplit in its rates", at: penalties) { split(maps, cMaps, values, $0) }
  gradients.input("meanNormalisedError", at: image) { meanNormalisedError($0, c) }
  let shrinkage = GroupShrinkage<Tensor>(groups: [.init(size: 2, threshold: 0.5), .init(size: 5, threshold: 1.5)])
  gradients.input("GroupShrinkage", at: image) { innerProduct(shrinkage($0, recording: false).value, c) }

  func network<N: Network>(_ name: String, _ network: N, target: N.Signal, y: N.Measurement) {
    let error = parameterGradientError(network.disturbed(), seed: 75) { squaredNorm($0.run(y, recording: false).estimate - target) }
    let recomputed = parameterGradientError(network.disturbed(), directions: 2, seed: 76) {
      squaredNorm($0.run(y, recording: false, recomputing: .stages(every: 1)).estimate - target)
    }
    gradients.add("\(name)", max(error, recomputed))
  }
  let (mask, y) = (tiny.mask, tiny.measurement)
  network("Deep ADMM-Net", ADMMNet(mask: mask, stages: 3, knots: 11), target: tiny.images, y: y)
  network(
    "ADMM-CSNet", ADMMCSNet(admmCSNet: RealMaskedFourier(mask), stages: 3, maps: 4, filterSize: 3, seed: 77), target: tiny.images,
    y: y)
  network(
    "ADMM-CSNet, complex",
    ADMMCSNet(admmCSNet: MaskedFourier(mask), stages: 3, maps: 4, filterSize: 3, learnsSlopes: true, seed: 77),
    target: ComplexTensor(pairs: normal([2, 8, 7, 2])), y: y)
  return gradients.items
}
