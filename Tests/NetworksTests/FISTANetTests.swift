// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct FISTANetTests {
  private let identity = DataGradient(Identity<Tensor>(), back: Identity<Tensor>(), initial: Identity<Tensor>())

  /// The published counts: FISTA-Net 74 599, the ISTA-Net⁺ it was compared with 262 094.
  @Test func parameterCounts() {
    let network = FISTANet(identity, height: 8, width: 8, seed: 1)
    #expect(network.parameterCount == 74_599 && network.depth == 7)
    #expect(
      network.parameters.filter { $0.value.count == 1 }.map(\.name).sorted() == [
        "momentum.offset", "momentum.slope", "prior.reduction.bias", "stepSize.offset", "stepSize.slope", "threshold.offset",
        "threshold.slope",
      ])
    #expect(ISTANetPlus(identity, height: 8, width: 8, depth: 7, seed: 1).parameterCount == 262_094)
  }

  /// The initial values of the six numbers at k = 0 … 6: softplus(−0.2 k + 0.1) from 0.744 to 0.287, softplus(−0.5 k − 2) from 0.127 to
  /// 0.0067, momentum 0, 0.288, …, 0.773 by the published formulas.
  @Test func initialSchedule() {
    let schedule = FISTANet(identity, height: 8, width: 8, seed: 1).schedule
    for (found, expected) in [
      (schedule.stepSize.value(0), 0.744), (schedule.stepSize.value(6), 0.2873), (schedule.threshold.value(0), 0.127),
      (schedule.threshold.value(6), 0.0067), (schedule.momentumWeight(0), 0), (schedule.momentumWeight(1), 0.288),
      (schedule.momentumWeight(6), 0.773),
    ] { #expect(abs(found - expected) <= 6e-4, "\(found), \(expected)") }
  }

  /// Whatever training does to the six numbers: steps and thresholds are positive and fall, momentum rises from 0 and stays below 1.
  @Test func constraintsHold() {
    var generator = RandomGenerator(seed: 2)
    for _ in 0..<200 {
      var network = FISTANet(identity, height: 8, width: 8, channels: 2, seed: 1)
      network.updateParameters { name, value in
        value.count == 1 ? Tensor([8 * (generator.uniform() - 0.5)], shape: value.shape, precision: value.precision) : value
      }
      let schedule = network.schedule
      for k in 0..<20 {
        #expect(schedule.stepSize.value(k) > 0 && schedule.threshold.value(k) > 0)
        #expect(schedule.stepSize.value(k + 1) <= schedule.stepSize.value(k))
        #expect((0..<1).contains(schedule.momentumWeight(k)) && schedule.momentumWeight(k) <= schedule.momentumWeight(k + 1))
      }
    }
  }

  /// Images are not negative, and a batch is its samples one by one.
  @Test func batches() {
    let beam = ParallelBeam(ParallelBeamGeometry(side: 12, views: 5))
    let A = Scaled(1 / beam.lipschitz.squareRoot(), beam)
    let network = FISTANet(DataGradient(A, back: A.H, initial: A.H), height: 12, width: 12, depth: 3, seed: 3)
    var generator = RandomGenerator(seed: 4)
    let b = A.forward(.uniform([3, 12, 12], precision: .single, using: &generator))
    let all = network(b)
    #expect(all.shape == [3, 12, 12] && all.floats.allSatisfy { $0 >= 0 })
    for i in 0..<3 { #expect(network(b.rows(i..<i + 1)) == all.rows(i..<i + 1)) }
  }
}

/// The proximal map and one stage on two images of 3 × 4, two channels, two layers in F and in F̃, against PyTorch 2.13.0 (CPU, torch.float64):
///
///     w = lambda s, k: torch.sin(0.7 * torch.arange(1, prod(s) + 1) ** 2 + k).reshape(s)
///     p = [(w((o, i, 3, 3), k) / (9 * i) ** 0.5, w((o,), k + 0.5) / 10) for k, (i, o) in enumerate([(1, 2)] + 4 * [(2, 2)] + [(2, 1)])]
///     c = lambda x, k: conv2d(x, *p[k], padding=1)
///     def prior(r, t):
///         d = c(r.reshape(-1, 1, 3, 4), 0); f = c(relu(c(d, 1)), 2); s = f.sign() * relu(f.abs() - t); G = lambda s: c(relu(c(s, 3)), 4)
///         return relu(r + c(G(s), 5).reshape(r.shape)), ((G(f) - d) ** 2).mean() + 0.1 * s.abs().mean()
@Suite struct FISTANetStageTests {
  private typealias Prior = OnImages<LearnedProximalMap, Tensor>

  private static func prior(_ precision: Precision = .double) -> Prior {
    var k = 0.0
    func layer(_ inputs: Int, _ outputs: Int) -> ConvolutionLayer {
      defer { k += 1 }
      let scale = 1 / Double(9 * inputs).squareRoot()
      return ConvolutionLayer(
        weight: scale * chirp([outputs, inputs, 3, 3], 0.7, k, precision: precision),
        bias: 0.1 * chirp([outputs], 0.7, k + 0.5, precision: precision))
    }
    let expansion = layer(1, 2)
    let (analysis, synthesis) = (ConvolutionChain([layer(2, 2), layer(2, 2)]), ConvolutionChain([layer(2, 2), layer(2, 2)]))
    let map = LearnedProximalMap(
      expansion: expansion, analysis: analysis, synthesis: synthesis, reduction: layer(2, 1), threshold: 0.05, sparsityWeight: 0.1)
    return OnImages(map, height: 3, width: 4)
  }

  /// x, penalty = prior(r, t) with r = w((2, 12), 20), t = 0.05, and the gradient of (x ** 2).sum() + penalty with respect to G, t and r.
  @Test func proximalMap() {
    let value = [
      0.9892946419800749, 0.0, 0.9136854446667056, 0.0, 0.0, 0.9350847571039727, 0.0, 0.9191307416316259, 0.9725619638115018,
      0.8764762016438097, 0.0, 0.9660087874306791, 0.08368516028481493, 0.12311704494268068, 0.9976102407744916, 0.0,
      0.7021517322323455, 0.9890076028604375, 0.5834421462829422, 0.0, 0.9190900715025204, 0.6038826546415739, 0.6747172503320967,
      0.7805070725613578,
    ]
    for (precision, tolerance) in [(Precision.double, 1e-12), (.single, 1e-5)] {
      let found = Self.prior(precision)(chirp([2, 12], 0.7, 20, precision: precision), recording: true)
      expectClose(found.value, Tensor(value, shape: [2, 12], precision: precision), relative: tolerance)
      #expect(abs(found.recorded / 0.11687590111433355 - 1) <= tolerance)
    }
    let (dPrior, dr) = gradient(at: Self.prior(), chirp([2, 12], 0.7, 20)) { prior, r in
      let output = prior(r, recording: true)
      return squaredNorm(output.value) + output.recorded
    }
    let dG = [
      -1.3561116505948698, -2.0036027205146296, -1.3897538412749209, -1.810290549285869, -2.59796467168381, -1.8481256396632846,
      -1.1278152428389814, -1.329043196486131, -1.2165307089686763, 1.237678864590476, 1.6177168453490882, 1.1788163752382086,
      1.5567162245491026, 2.07181887076447, 1.6537563226854968, 0.8731469484438006, 1.173332248304153, 1.0043716769312527,
    ]
    let expectedR = [
      1.9893431772230488, -0.0023056668354055148, 1.854959621575761, -0.007224563165413297, -0.059808339500329495,
      1.8666312941655927, -0.024392204254868453, 1.8137585004609365, 1.991304612909592, 1.7944746456096832, -0.01153672732696317,
      1.9451889163621676, 0.128375520969528, 0.24740623135440123, 2.0350141202509686, -0.010767180830885724, 1.3990093228841394,
      2.0066165789027486, 1.1219799471670144, -0.029088095278652987, 1.8652714976448375, 1.2190998688407402, 1.34656725195483,
      1.586245413206495,
    ]
    expectClose(dPrior.prior.reduction.weight, Tensor(dG, shape: [1, 2, 3, 3]), relative: 1e-12)
    expectClose(dr, Tensor(expectedR, shape: [2, 12]), relative: 1e-12)
    #expect(abs(dPrior.prior.threshold / -0.8341381963702932 - 1) <= 1e-12)
  }

  /// Stage k = 2 of the published six numbers, (w, c) = (−0.2, 0.1), (−0.5, −2), (0.5, 0), the gradient to softplus⁻¹(|w|) and c:
  ///
  ///     m, t, h = [softplus(sign(w) * softplus(raw) * 2 + c) …];  rho = (h − softplus(0)) / h
  ///     P, x, v, q = w((12, 12), 30) / 4, w((2, 12), 31), w((2, 12), 32), w((2, 12), 33)
  ///     n, penalty = prior(v − m * (v @ P.T − q), t);  u = n + rho * (n − x)
  ///     ((u ** 2).sum() + (n ** 2).sum() + penalty).backward()
  @Test func stage() {
    typealias Schedule = FISTANetSchedule<Matrix, Prior>
    typealias State = Schedule.Stage.State
    let P = Matrix(0.25 * chirp([12, 12], 0.7, 30))
    let (x, v, q) = (chirp([2, 12], 0.7, 31), chirp([2, 12], 0.7, 32), chirp([2, 12], 0.7, 33))
    let schedule = Schedule(P, prior: Self.prior())
    let found = schedule.stage(2).step(State(x: x, v: v, recorded: 0, t: 1), measurement: q, recording: true)
    let expectedX = [
      2.07300577781368, 0.0, 1.159145981395792, 0.0, 0.0, 1.1322041946901242, 0.0, 1.5208596514717507, 1.4289459322802747,
      1.60057542403597, 0.0, 1.0760381650894126, 0.13178702747027435, 0.34892360309549453, 1.2269128331896533, 0.0,
      2.059408592963839, 1.2364900463220039, 1.0407755727113568, 0.0, 1.1158410625864876, 0.4535097011497588, 0.8510712409802259,
      1.4552276073329988,
    ]
    let expectedV = [
      2.9195260170655013, -0.32445459640613256, 1.8899826709964063, 0.46167224042056093, 0.4632736806833275, 1.8281476757484343,
      -0.294499534991798, 2.0543473733042545, 2.2271730011524657, 2.1429138616424415, -0.2423377849463055, 1.6532492279158473,
      0.6649057701250668, 0.982205416772549, 1.8041570092208636, -0.13353459370589785, 2.6859167618651054, 1.7314524822762396,
      1.1463125972058585, -0.008344513996201598, 1.455383052570147, 1.039853604418552, 1.5994256901913464, 1.852787644078875,
    ]
    expectClose(found.x, Tensor(expectedX, shape: [2, 12]), relative: 1e-12)
    expectClose(found.v, Tensor(expectedV, shape: [2, 12]), relative: 1e-12)
    #expect(abs(found.recorded / 0.3018866683811302 - 1) <= 1e-12)

    let (dSchedule, dx, dv) = gradient(at: schedule, x, v) { schedule, x, v in
      let s = schedule.stage(2).step(State(x: x, v: v, recorded: 0, t: 1), measurement: q, recording: true)
      return squaredNorm(s.v) + squaredNorm(s.x) + s.recorded
    }
    let numbers = [dSchedule.stepSize, dSchedule.threshold, dSchedule.momentum].flatMap { [$0.slope, $0.offset] }
    let expectedNumbers = [
      -21.219384722270085, 58.53001841895069, 0.4120167065935646, -0.5235690108569223, 18.144547012724317, -6.820688579961839,
    ]
    let dD = [
      1.4279429514891253, -0.37940421886131626, 0.3406117168829528, 0.8576972377461687, -1.2840960292556487, 0.41139321032140386,
      -0.408649147876346, 2.433548348331069, -0.3043409198660546, 0.815212478536631, -0.600396633248291, 0.1422456815691533,
      -2.1507469079591646, -2.063584747696578, 0.8768740018340169, 0.704139793686068, 2.64647210438781, -0.6585095750373977,
    ]
    let expectedDX = [
      -2.757166304068115, 0.30641113495202604, -1.7848775812526125, -0.43599787683708996, -0.43751025833486334, -1.726481333261206,
      0.2781219244825441, -1.9401016882249118, -2.103316194551338, -2.0237428463746636, 0.22886097638823272, -1.561309279928206,
      -0.6279292508624231, -0.927583334749811, -1.7038248277273256, 0.12610851214930874, -2.536548449323192, -1.6351635208325794,
      -1.0825642410686862, 0.007880461650167796, -1.3744467727304295, -0.9820256104956241, -1.5104789589403855, -1.749751031841348,
    ]
    let expectedDV = [
      12.867213176114637, 0.6870304635027589, 9.787546802465886, -1.8655020660093593, -3.116795902502686, 8.86026485083591,
      -2.4479869246099044, 14.291162948655444, 10.52242855306374, 10.415063442202104, -6.621087315846016, 5.430258272664289,
      -1.0631293549909124, 2.0406060706322715, 7.716943553125818, -2.530237383525605, 12.848772888735297, 9.966129828205048,
      8.062875425962314, 0.3497962231952378, 9.963836352881831, 6.592679276029394, 4.988323676485553, 8.427589919938212,
    ]
    expectClose(Tensor(numbers), Tensor(expectedNumbers), relative: 1e-12)
    expectClose(dSchedule.prior.prior.expansion.weight, Tensor(dD, shape: [2, 1, 3, 3]), relative: 1e-12)
    expectClose(dx, Tensor(expectedDX, shape: [2, 12]), relative: 1e-12)
    expectClose(dv, Tensor(expectedDV, shape: [2, 12]), relative: 1e-12)
  }
}
