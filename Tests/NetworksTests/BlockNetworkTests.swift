// SPDX-License-Identifier: Apache-2.0
// That untrained networks are their algorithms and that gradients are right is held in ChecksTests.
import Algorithms
import Foundation
import Networks
import Operators
import Tensors
import TestSupport
import Testing
import _Differentiation

/// Blocks of 5 × 5, 9 measurements.
private struct TinyBlocks {
  let phi: Matrix
  let initial: Tensor
  let y: Tensor

  init(_ precision: Precision = .double, blocks: Int = 3) {
    phi = Matrix.orthonormalRows(rows: 9, columns: 25, seed: 31).converted(to: precision)
    var generator = RandomGenerator(seed: 32)
    initial = phi.entries.transposed + 0.05 * Tensor.normal([25, 9], precision: precision, using: &generator)
    y = phi.forward(.uniform([blocks, 25], precision: precision, using: &generator))
  }
}

@Suite struct BlockNetworkTests {
  /// 19 010 and 37 442 a stage; 171 090 and 336 978 are the public weights', which have nine.
  @Test func parameterCounts() {
    let tiny = TinyBlocks(.single)
    #expect(ISTANet(phi: tiny.phi, initial: tiny.initial, depth: 1, seed: 1).parameterCount == 19_010)
    #expect(ISTANet(phi: tiny.phi, initial: tiny.initial, seed: 1).parameterCount == 171_090)
    #expect(ISTANetPlus(phi: tiny.phi, initial: tiny.initial, seed: 1).parameterCount == 336_978)
    #expect(ISTANetPlus(phi: tiny.phi, initial: tiny.initial, depth: 7, seed: 1).parameterCount == 262_094)
    let three = ISTANet(phi: tiny.phi, initial: tiny.initial, depth: 2, channels: 3, seed: 1)
    #expect(three.parameterCount == 2 * (2 * 27 + 2 * 81 + 2))
    // M → N → M → N with a bias after each.
    for (M, side) in [(4, 3), (10, 5)] {
      let N = side * side
      #expect(ReconNet(measurements: M, side: side, seed: 1).parameterCount == N * M + N + 22_914)
      #expect(StackedAutoEncoder(measurements: M, side: side, seed: 1).parameterCount == 3 * N * M + 2 * N + M)
    }
    #expect(ReconNet(measurements: 10, seed: 1).parameterCount == 1089 * 10 + 1089 + 22_914)
  }

  @Test func parameterNamesAreThoseOfTheFiles() {
    let tiny = TinyBlocks(.single)
    let own = ["stepSize", "threshold", "analysis.0", "analysis.1", "synthesis.0", "synthesis.1"]
    let names = ISTANet(phi: tiny.phi, initial: tiny.initial, depth: 2, channels: 2, seed: 1).parameters.map(\.name)
    #expect(names.sorted() == [0, 1].flatMap { k in own.map { "stages.\(k).\($0)" } }.sorted())
    let plus = ISTANetPlus(phi: tiny.phi, initial: tiny.initial, depth: 1, channels: 2, seed: 1).parameters.map(\.name)
    #expect(plus.sorted() == (own + ["expansion", "reduction"]).map { "stages.0.\($0)" }.sorted())
    let fit = Tensor([0.5, 0, 0, 0.5, -1, 0.2, 0.3, 0], shape: [4, 2])
    let started = ReconNet(measurements: 2, side: 2, initial: fit, precision: .double, seed: 1)
    let y = Tensor([1, 0.5, 0.2, 0.9], shape: [2, 2])
    #expect((started(y, stages: 1) - relu(linear(y, fit))).maximumMagnitude <= 0.05)
    let recon = ReconNet(measurements: 2, side: 2, seed: 1).parameters.map(\.name)
    #expect(recon == ["dense.weight", "dense.bias"] + (0..<6).flatMap { ["layers.\($0).weight", "layers.\($0).bias"] })
    let encoder = StackedAutoEncoder(measurements: 2, side: 2, seed: 1).parameters.map(\.name)
    #expect(encoder == (0..<3).flatMap { ["layers.\($0).weight", "layers.\($0).bias"] })
  }

  /// With two channels, r as max(r, 0) and max(−r, 0), ISTA-Net before training is ISTA on the pixels, ρ = 0.5 and θ = 0.001.
  @Test func twoChannelsBeginAsISTA() {
    let tiny = TinyBlocks()
    let network = ISTANet(phi: tiny.phi, initial: tiny.initial, depth: 3, channels: 2, seed: 4)
    var x = linear(tiny.y, tiny.initial)
    for k in 1...3 {
      let r = x - 0.5 * linear(linear(x, tiny.phi.entries) - tiny.y, tiny.phi.entries.transposed)
      x = r.map { ($0 > 0 ? 1 : -1) * max(abs($0) - 0.001, 0) }
      expectClose(network(tiny.y, stages: k), x, relative: 1e-12)
    }
  }

  /// ρ = 0.5, θ = 0.01, filters of variance 2 / (9 (in + out)), as in public training code. The variance of n draws has a relative
  /// deviation of √(2/n); five of them are allowed.
  @Test func initialValues() {
    let tiny = TinyBlocks(.single)
    for parameter in ISTANetPlus(phi: tiny.phi, initial: tiny.initial, depth: 2, seed: 4).parameters {
      let value = parameter.value
      switch parameter.name.split(separator: ".").last! {
      case "stepSize": #expect(value.doubles == [0.5])
      case "threshold": #expect(value.doubles == [0.01])
      default:
        let (count, expected) = (Double(value.count), 2 / Double(9 * (value.shape[0] + value.shape[1])))
        #expect(abs(squaredNorm(value) / count / expected - 1) < 5 * (2 / count).squareRoot(), "\(parameter.name)")
        #expect(abs(sum(value) / count) < 5 * (expected / count).squareRoot(), "\(parameter.name)")
      }
    }
    let (a, b) = (ReconNet(measurements: 2, side: 3, seed: 1).parameters, ReconNet(measurements: 2, side: 3, seed: 2).parameters)
    #expect(a == ReconNet(measurements: 2, side: 3, seed: 1).parameters && a != b)
  }

  // MARK: The formula on maps [batch, channel, height, width]

  /// x⁽ᵏ⁾ of the paper from a network's parameters: sums of products, `conv2d`, and the soft threshold as it is written.
  private func formula(_ parameters: [NamedParameter], _ tiny: TinyBlocks, depth: Int, plus: Bool) -> Tensor {
    let p = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.value) })
    let phi = tiny.phi.entries
    var x = linear(tiny.y, tiny.initial)
    for k in 0..<depth {
      func w(_ name: String) -> Tensor { p["stages.\(k).\(name)"]! }
      func pair(_ maps: Tensor, _ name: String) -> Tensor { conv2d(relu(conv2d(maps, w(name + ".0"))), w(name + ".1")) }
      let theta = w("threshold")[flat: 0]
      func soft(_ v: Tensor) -> Tensor { v.map { ($0 > 0 ? 1 : $0 < 0 ? -1 : 0) * max(abs($0) - theta, 0) } }
      let r = x - w("stepSize")[flat: 0] * linear(linear(x, phi) - tiny.y, phi.transposed)
      let maps = r.reshaped([r.shape[0], 1, 5, 5])
      if plus {
        x = (maps + conv2d(pair(soft(pair(conv2d(maps, w("expansion")), "analysis")), "synthesis"), w("reduction"))).reshaped(
          r.shape)
      } else {
        x = pair(soft(pair(maps, "analysis")), "synthesis").reshaped(r.shape)
      }
    }
    return x
  }

  /// The network with steps, thresholds and filters off their initial values, so that each counts.
  private func disturbed<Network: TensorNetwork>(_ network: Network, threshold: Double) -> Network {
    var result = network
    var generator = RandomGenerator(seed: 33)
    result.updateParameters { name, value in
      if name.hasSuffix("threshold") { return Tensor([threshold], shape: []) }
      let stage = Double(name.split(separator: ".")[1])!
      if name.hasSuffix("stepSize") { return Tensor([0.4 + 0.3 * stage], shape: []) }
      // No filter stays 0: where F(r) is 0 up to rounding, a negative threshold makes two numbers of it.
      return 1.5 * value + 0.05 * Tensor.normal(value.shape, precision: value.precision, using: &generator)
    }
    return result
  }

  /// Thresholds of both signs: negative ones, which public weights have, expand.
  @Test(arguments: [0.05, -0.05], [(channels: 4, depth: 3), (channels: 32, depth: 2)])
  func networksAreTheFormula(threshold: Double, size: (channels: Int, depth: Int)) {
    for (precision, tolerance) in [(Precision.double, 1e-12), (.single, 1e-5)] {
      let tiny = TinyBlocks(precision)
      func compare(_ network: some TensorNetwork, plus: Bool) {
        let network = disturbed(network, threshold: threshold)
        for stages in 1...size.depth {
          expectClose(
            network(tiny.y, stages: stages), formula(network.parameters, tiny, depth: stages, plus: plus), relative: tolerance)
        }
      }
      compare(ISTANet(phi: tiny.phi, initial: tiny.initial, depth: size.depth, channels: size.channels, seed: 2), plus: false)
      compare(ISTANetPlus(phi: tiny.phi, initial: tiny.initial, depth: size.depth, channels: size.channels, seed: 2), plus: true)
    }
  }

  /// What the stages leave for the loss: Σ mean (F̃(F(r)) − r)² on the network's own r, and the same on given blocks.
  @Test func constraintIsTheFormula() {
    let tiny = TinyBlocks()
    let network = disturbed(ISTANetPlus(phi: tiny.phi, initial: tiny.initial, depth: 2, channels: 4, seed: 2), threshold: 0.05)
    let p = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.value) })
    func defect(_ signal: Tensor, _ k: Int) -> Double {
      func pair(_ maps: Tensor, _ name: String) -> Tensor {
        conv2d(relu(conv2d(maps, p["stages.\(k).\(name).0"]!)), p["stages.\(k).\(name).1"]!)
      }
      let maps = conv2d(signal.reshaped([signal.shape[0], 1, 5, 5]), p["stages.\(k).expansion"]!)
      return squaredNorm(pair(pair(maps, "analysis"), "synthesis") - maps) / Double(maps.count)
    }
    var running = 0.0
    for k in 0..<2 {
      let x = k == 0 ? linear(tiny.y, tiny.initial) : network(tiny.y, stages: k)
      let phi = tiny.phi.entries
      running += defect(x - (0.4 + 0.3 * Double(k)) * linear(linear(x, phi) - tiny.y, phi.transposed), k)
    }
    let output = network.run(tiny.y, recording: true)
    #expect(abs(output.recorded - running) <= 1e-12 * running)
    expectClose(output.estimate, network(tiny.y), relative: 1e-15)
    #expect(network.run(tiny.y, recording: false).recorded == 0)
    let truth = linear(tiny.y, tiny.initial)
    let onTruth = defect(truth, 0) + defect(truth, 1)
    #expect(abs(network.asymmetry(truth) - onTruth) <= 1e-12 * onTruth, "\(network.asymmetry(truth)) for \(onTruth)")
    func generic<N: TensorNetwork>(_ n: N) -> Double { n.asymmetry(truth) }
    #expect(abs(generic(network) - onTruth) <= 1e-12 * onTruth, "\(generic(network)) for \(onTruth)")
    #expect(StackedAutoEncoder(measurements: 9, side: 5, precision: .double, seed: 1).asymmetry(truth) == 0)
  }

  /// One block and many, in groups or not.
  @Test func blocksDoNotMix() {
    let tiny = TinyBlocks(.single, blocks: 7)
    let network = ISTANet(phi: tiny.phi, initial: tiny.initial, depth: 2, channels: 32, seed: 2)
    let all = network(tiny.y)
    for i in 0..<7 { expectClose(network(tiny.y.rows(i..<i + 1)), all.rows(i..<i + 1), relative: 1e-5) }
    expectClose(network.predict(tiny.y, samplesAtATime: 2), all, relative: 1e-5)
  }

  /// The gradient with recomputed stages, with and without what stages record, is the plain one.
  @Test func checkpointedGradientIsThePlainOne() {
    let tiny = TinyBlocks()
    let target = linear(tiny.y, tiny.initial)
    func compare<Network: TensorNetwork>(
      _ network: Network, _ checkpointed: @differentiable(reverse) (Network) -> NetworkOutput<Tensor>, _ line: Comment
    ) {
      let plain = gradient(at: network) { net in
        let output = net.run(tiny.y, recording: true)
        return squaredNorm(output.estimate - target) + 0.3 * output.recorded
      }
      let saved = gradient(at: network) { net in
        let output = checkpointed(net)
        return squaredNorm(output.estimate - target) + 0.3 * output.recorded
      }
      func flat(_ gradient: Network.TangentVector) -> [Tensor] {
        var (gradient, network, found) = (gradient, network, [Tensor]())
        network.forEachParameter(&gradient) { _, _, value in found.append(value) }
        return found
      }
      let (a, b) = (flat(saved), flat(plain))
      #expect(b.allSatisfy { $0.norm > 0 }, line)
      for (x, y) in zip(a, b) { #expect((x - y).norm <= 1e-13 * y.norm, line) }
    }
    let net = disturbed(ISTANet(phi: tiny.phi, initial: tiny.initial, depth: 5, channels: 3, seed: 2), threshold: 0.02)
    compare(net, { $0.run(tiny.y, recording: true, recomputing: .stages(every: 2)) }, "ISTA-Net")
    let plus = disturbed(ISTANetPlus(phi: tiny.phi, initial: tiny.initial, depth: 4, channels: 3, seed: 2), threshold: 0.02)
    compare(plus, { $0.run(tiny.y, recording: true, recomputing: .stages(every: 1)) }, "ISTA-Net⁺")
  }

  // MARK: Against PyTorch

  /// Every parameter of n numbers is sin(0.7 (i+1)²) / √fan-in for i < n, biases / 10; y is sin(0.3 (i+1)²).
  private func seeded<Network: TensorNetwork>(_ network: Network, scaled: Bool) -> Network {
    var result = network
    result.updateParameters { name, value in
      let fan = value.shape.count > 1 ? Double(value.count / value.shape[0]) : 100
      return (scaled ? 1 / fan.squareRoot() : 1) * chirp(value.shape, 0.7, precision: value.precision)
    }
    return result
  }
  private func measurement(_ rows: Int, _ columns: Int, _ precision: Precision) -> Tensor {
    chirp([rows, columns], 0.3, precision: precision)
  }

  /// Expected, by PyTorch 2.13.0 (CPU, torch.float64), for four measurements of two blocks of 5 × 5:
  ///
  ///     x = (y @ W.T + b).reshape(2, 1, 5, 5)
  ///     for l in range(6): x = conv2d(x, w[l], b[l], padding=w[l].shape[-1] // 2);  x = relu(x) if l < 5 else x
  @Test func reconNetEqualsPyTorch() {
    let expected = [
      0.10573873628588998, 0.11668008085728195, 0.0962252760902525, 0.11245851702247925, 0.08038011638572981, 0.118241804568184,
      0.13468365922914255, 0.10613617806843825, 0.14027617961409541, 0.10569965720761607, 0.1264188168536729, 0.14948257089818742,
      0.13418868043456028, 0.1560689111206145, 0.12321249263004809, 0.07956274717938665, 0.10146610861269136, 0.06602945873807178,
      0.10827410257836331, 0.08222950436091565, 0.08433195232515843, 0.10841711182068187, 0.06506932702788829, 0.0918874673156452,
      0.07108968776576914, 0.09962504455618723, 0.1179648884184638, 0.0935692079535019, 0.11429410837299284, 0.08047679715341494,
      0.11846207782161927, 0.133298509500324, 0.10620765277959755, 0.144334073384231, 0.10145192978698467, 0.12347429351236315,
      0.14297009785119968, 0.12927420227944314, 0.15540639999781902, 0.12630308709137206, 0.07680331929924147, 0.09889960177239031,
      0.06059839283369656, 0.1042529944035647, 0.08126956053910203, 0.0866959760925567, 0.11066936818898628, 0.061747959829118654,
      0.09447525385842696, 0.07156761063948368,
    ]
    for (precision, tolerance) in [(Precision.double, 1e-12), (.single, 1e-5)] {
      let network = seeded(ReconNet(measurements: 4, side: 5, precision: precision, seed: 1), scaled: true)
      let found = network(measurement(2, 4, precision), stages: 1)
      expectClose(found, Tensor(expected, shape: [2, 25], precision: precision), relative: tolerance)
    }
  }

  /// Expected, by PyTorch 2.13.0 (CPU, torch.float64), parameters without the √fan-in:
  ///
  ///     x = tanh(y @ W0.T + b0);  x = tanh(x @ W1.T + b1);  x = x @ W2.T + b2
  @Test func stackedAutoEncoderEqualsPyTorch() {
    let expected = [
      1.5862536750080594, -0.6139313947759211, -0.8436954068559245, -0.018325949740991, -0.06982605821168741, 0.4456747786729842,
      -1.4281424591313694, 0.9902433220680338, 1.6092784222587015, 1.6208713514689084, -0.621848168751725, -0.8909921956342322,
      0.0006910366136390067, -0.05551556737216834, 0.45407124585599823, -1.4791072722364402, 1.0091276736366783, 1.6607597456570429,
    ]
    for (precision, tolerance) in [(Precision.double, 1e-12), (.single, 1e-5)] {
      let network = seeded(StackedAutoEncoder(measurements: 2, side: 3, precision: precision, seed: 1), scaled: false)
      let found = network(measurement(2, 2, precision), stages: 1)
      expectClose(found, Tensor(expected, shape: [2, 9], precision: precision), relative: tolerance)
    }
  }
}
