// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Problems
import Tensors
import _Differentiation

// ISTA-Net, ISTA-Net⁺, FISTA-Net and Deep ADMM-Net are one type each: here on blocks, on k-space of one coil and of eight, and on X-rays.

/// Something that images are measured by, with two of them.
private struct Instance<Measurement: Batched, Signal: ImageSpace>: Sendable {
  let name: String
  let A: AnyOperator<Signal, Measurement>
  let images: Signal
  let (height, width): (Int, Int)

  init(_ name: String, _ A: any LinearOperator<Signal, Measurement>, _ images: Signal, height: Int, width: Int) {
    (self.name, self.A, self.images, self.height, self.width) = (name, AnyOperator(A), images, height, width)
  }

  var measurement: Measurement { A.forward(images) }
  var gradient: DataGradient<Measurement, Signal> { DataGradient(A) }

  func istaNet(depth: Int, channels: Int = 4) -> ISTANet<Measurement, Signal> {
    ISTANet(gradient, height: height, width: width, depth: depth, channels: channels, precision: .double, seed: 141)
  }
  func istaNetPlus(depth: Int) -> ISTANetPlus<Measurement, Signal> {
    ISTANetPlus(gradient, height: height, width: width, depth: depth, channels: 4, precision: .double, seed: 142)
  }
  func fistaNet(depth: Int) -> FISTANet<Measurement, Signal> {
    FISTANet(gradient, height: height, width: width, depth: depth, channels: 3, precision: .double, seed: 143)
  }

  func admmNet(stages: Int) -> ADMMNet<AnyOperator<Signal, Measurement>> {
    ADMMNet(admmNet: A, height: height, width: width, stages: stages, knots: 11)
  }

  func modl(depth: Int) -> MoDL<AnyOperator<Signal, Measurement>> {
    MoDL(modl: A, height: height, width: width, depth: depth, channels: 3, layers: 3, precision: .double, seed: 148)
  }

  private static var denoiser: FFDNet { FFDNet(layers: 3, channels: 4, precision: .double, seed: 149) }
  private static var levels: NoiseSchedule { NoiseSchedule(from: 0.2, to: 0.05, count: 4) }

  func plugAndPlayNet() -> PlugAndPlayNet<AnyOperator<Signal, Measurement>> {
    PlugAndPlayNet(plugAndPlay: A, Self.denoiser, Self.levels, weight: 0.003, height: height, width: width)
  }

  /// The network before training against half-quadratic splitting with the same denoiser and levels, every stage.
  func plugAndPlayEquivalence() -> CheckItem {
    let (network, y) = (plugAndPlayNet(), measurement)
    let stages = Untied<PlugAndPlaySplitting<AnyOperator<Signal, Measurement>>>(
      A, Self.denoiser, Self.levels, weight: 0.003, solver: network.schedule.solver, height: height, width: width)
    var worst = 0.0
    let unfolded = network.trace(y)
    _ = solve(stages, measurement: y, from: A.adjoint(y)) { k, state in
      if k > 0 { worst = max(worst, relativeDifference(unfolded[k - 1], state.x)) }
    }
    return CheckItem("unfolded plug and play before training is plug and play, \(name)", error: worst, tolerance: 1e-12)
  }

  /// With the identity as transform ISTA-Net is ISTA, without a correction ISTA-Net⁺ is gradient descent and MoDL the proximal-point iteration.
  func equivalences() -> [CheckItem] {
    let (y, step, threshold, parts) = (measurement, 0.9 / A.lipschitz, 0.02, Signal.parts)
    // The identity through a rectifier: δ and −δ of every part, subtracted again.
    func delta(_ outputs: Int, _ inputs: Int, _ value: (_ output: Int, _ input: Int) -> Double) -> Tensor {
      Tensor(
        (0..<outputs).flatMap { o in (0..<inputs).flatMap { i in (0..<9).map { $0 == 4 ? value(o, i) : 0 } } },
        shape: [outputs, inputs, 3, 3])
    }
    func sign(_ o: Int, _ i: Int) -> Double { o % parts == i % parts ? ((o < parts) == (i < parts) ? 1 : -1) : 0 }
    var ista = istaNet(depth: 50, channels: 2 * parts)
    ista.updateParameters { name, value in
      switch name.split(separator: ".", maxSplits: 2).last ?? "" {
      case "stepSize": Tensor([step], shape: [])
      case "threshold": Tensor([threshold], shape: [])
      case "analysis.0": delta(2 * parts, parts, sign)
      case "analysis.1": delta(2 * parts, 2 * parts, sign)
      case "synthesis.0": delta(2 * parts, 2 * parts) { $0 == $1 ? 1 : 0 }
      default: delta(parts, 2 * parts, sign)
      }
    }
    var plus = istaNetPlus(depth: 50)
    plus.updateParameters { name, value in
      name.hasSuffix("reduction") ? .zeros(value.shape) : name.hasSuffix("stepSize") ? Tensor([step], shape: []) : value
    }
    var modl = modl(depth: 50)
    modl.updateParameters { name, value in name.hasPrefix("prior.2") ? .zeros(value.shape) : value }
    func item(
      _ name: String, _ network: some Network<Measurement, Signal>, from start: Signal? = nil, tolerance: Double = 1e-12,
      _ next: (Signal) -> Signal
    ) -> CheckItem {
      var (x, worst) = (start ?? A.adjoint(y), 0.0)
      for estimate in network.trace(y) {
        x = next(x)
        worst = max(worst, relativeDifference(estimate, x))
      }
      return CheckItem("\(name), \(self.name)", error: network.depth == 50 ? worst : .infinity, tolerance: tolerance)
    }
    func descended(_ x: Signal) -> Signal { x - step * A.adjoint(A.forward(x) - y) }
    // (AᴴA + λ)⁻¹(Aᴴ y + λ x) = x − (AᴴA + λ)⁻¹ Aᴴ(A x − y)
    func solved(_ b: Signal) -> Signal { A.solveNormalEquations(b, penalty: 0.05) }
    return [
      item("ISTA-Net with the identity as transform is ISTA", ista) { x in
        // On real and imaginary parts each.
        let r = descended(x)
        return Signal(numbers: r.numbers.map { $0 > 0 ? max($0 - threshold, 0) : min($0 + threshold, 0) }, shape: r.shape)
      }, item("ISTA-Net⁺ without a correction is gradient descent", plus, descended),
      item(
        "MoDL without its network is the proximal-point iteration", modl, from: solved(A.adjoint(y)),
        tolerance: A.solvesDirectly ? 1e-12 : 1e-9
      ) { x in
        x - solved(A.adjoint(A.forward(x) - y))
      }, plugAndPlayEquivalence(),
    ]
  }

  /// Of the parameters, with what stages record and with the constraint on the truth.
  func gradients() -> [CheckItem] {
    let y = measurement
    func item<N: Network<Measurement, Signal>>(_ name: String, _ network: N) -> CheckItem {
      let model = network.disturbed(seed: 144)
      let error = parameterGradientError(model, seed: 145) { net in
        let output = net.run(y, recording: true)
        return squaredNorm(output.estimate - images) + 0.5 * output.recorded + 0.3 * net.asymmetry(images)
      }
      let recomputed = parameterGradientError(model, directions: 3, seed: 145) { net in
        squaredNorm(net.run(y, recording: false, recomputing: .stages(every: 1)).estimate - images)
      }
      return CheckItem("gradient of \(name), \(self.name)", error: max(error, recomputed), tolerance: 1e-6)
    }
    return [
      item("ISTA-Net", istaNet(depth: 3)), item("ISTA-Net⁺", istaNetPlus(depth: 3)), item("FISTA-Net", fistaNet(depth: 3)),
      item("Deep ADMM-Net", admmNet(stages: 2)), item("MoDL", modl(depth: 3)),
      item("unfolded plug and play", plugAndPlayNet()),
    ]
  }
}

private struct Instances {
  let blocks: Instance<Tensor, Tensor>
  let kSpace: Instance<ComplexTensor, Tensor>
  let complexKSpace: Instance<ComplexTensor, ComplexTensor>
  let coils: Instance<ComplexTensor, ComplexTensor>
  let rays: Instance<Tensor, Tensor>

  init() {
    var generator = RandomGenerator(seed: 146)
    let phi = Matrix.orthonormalRows(rows: 9, columns: 25, seed: 147)
    blocks = Instance("blocks", phi, .uniform([4, 25], using: &generator), height: 5, width: 5)
    let mask = SamplingMask(height: 8, width: 7, isSampled: (0..<56).map { $0 == 0 || generator.uniform() < 0.5 })
    kSpace = Instance("k-space", RealMaskedFourier(mask), .uniform([2, 8, 7], using: &generator), height: 8, width: 7)
    let images = ComplexTensor(pairs: .normal([2, 8, 7, 2], using: &generator))
    complexKSpace = Instance("k-space of complex images", MaskedFourier(mask), images, height: 8, width: 7)
    let maps = CoilSensitivities(maps: ComplexTensor(pairs: .normal([8, 8, 7, 2], using: &generator)))
    coils = Instance("eight coils", SENSE(maps, mask: mask), images, height: 8, width: 7)
    let beam = ParallelBeam(ParallelBeamGeometry(side: 6, views: 5))
    rays = Instance(
      "X-rays", Scaled(1 / beam.lipschitz.squareRoot(), beam), .uniform([2, 6, 6], using: &generator), height: 6, width: 6)
  }

  /// Deep ADMM-Net from k-space has an exact solve by transforms, for other operators conjugate gradients: the same network.
  func exactSolves() -> [CheckItem] {
    func item<Signal: ImageSpace, Op: LinearOperator<Signal, ComplexTensor>>(
      _ instance: Instance<ComplexTensor, Signal>, _: Op.Type
    ) -> CheckItem {
      let name = "Deep ADMM-Net by conjugate gradients is that by transforms, \(instance.name)"
      guard let fourier = instance.A.A as? Op else { return CheckItem(name, error: .infinity, tolerance: 0) }
      let (general, y) = (instance.admmNet(stages: 4), instance.measurement)
      let exact = ADMMNet(admmNet: fourier, height: instance.height, width: instance.width, stages: 4, knots: 11)
      return CheckItem(name, error: relativeDifference(general(y, stages: 4), exact(y, stages: 4)), tolerance: 1e-9)
    }
    return [item(kSpace, RealMaskedFourier.self), item(complexKSpace, MaskedFourier.self)]
  }
}

/// ≤ 1e-12 relative for every depth from 1 to 50; 1e-9 where conjugate gradients solve to 1e-12.
func imageNetworkEquivalenceChecks() -> [CheckItem] {
  let all = Instances()
  return all.blocks.equivalences() + all.kSpace.equivalences() + all.complexKSpace.equivalences() + all.coils.equivalences()
    + all.rays.equivalences() + all.exactSolves()
}

func imageNetworkGradients() -> [CheckItem] {
  let all = Instances()
  return all.blocks.gradients() + all.kSpace.gradients() + all.complexKSpace.gradients() + all.coils.gradients()
    + all.rays.gradients()
}
