// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Kernels
import Networks
import Operators
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

/// A small network with filled weights against PyTorch 2.13, float64. With w(s, a, b) = sin(a·arange + b) in the shape s:
///
///     def block(i, o): return nn.Sequential(*[m for c in (i, o) for m in
///         (nn.Conv2d(c, o, 3, padding=1, bias=False), nn.BatchNorm2d(o, momentum=None), nn.ReLU())])
///     class Net(nn.Module):
///         def __init__(self, c, p, residual):
///             super().__init__(); n = [c << k for k in range(p + 1)]; self.p, self.residual = p, residual
///             self.enc = nn.ModuleList(block(1 if k == 0 else n[k - 1], n[k]) for k in range(p)); self.mid = block(n[p - 1], n[p])
///             self.dec = nn.ModuleList(nn.ModuleList([nn.ConvTranspose2d(n[k + 1], n[k], 2, 2), block(2 * n[k], n[k])])
///                                      for k in reversed(range(p))); self.out = nn.Conv2d(c, 1, 1)
///         def forward(self, x):
///             u = 1 << self.p; h, w = x.shape[1:]; y, skips = F.pad(x, (0, -w % u, 0, -h % u))[:, None], []
///             for e in self.enc: skips.append(e(y)); y = F.max_pool2d(skips[-1], 2)
///             y = self.mid(y)
///             for (up, b), s in zip(self.dec, reversed(skips)): y = b(torch.cat([up(y), s], 1))
///             y = self.out(y)[:, 0, :h, :w]; return x + y if self.residual else y.relu()
///     net = Net(2, 2, residual)
///     for k, p in enumerate(net.parameters()): p.data = 0.5 * w(p.shape, 0.7, k) + 0.8 * (p.dim() == 1)
///     b, x = w((3, 6, 7), 0.9, 0.2), w((3, 6, 7), 1.3, 0.5)
///     loss = ((net(b) - x) ** 2).mean(); loss.backward()
///     [(p.grad.flatten() * torch.cos(torch.arange(p.numel()))).sum() for p in net.parameters()]
///     net.eval(); net(w((2, 6, 7), 1.7, 0.3))
@Suite struct FBPConvNetTests {
  private struct Expected: Sendable {
    let isResidual: Bool
    let loss: Double
    /// At 0, 11, 40, 77 and 125, flattened.
    let estimate: [Double]
    /// ⟨gradient, cos i⟩ of every parameter.
    let gradients: [Double]
    /// After training, at 0, 11, 40 and 77, and the norm.
    let trained: [Double]
  }

  private static let expected = [
    Expected(
      isResidual: false, loss: 1.21955421098575,
      estimate: [0.832462796445, 0.934086848669, 1.17061681978, 0.797051097255, 1.12254372057],
      gradients: [
        0.0233867683438, 0.0159880484332, -0.0183482673329, -0.0126132784926, 0.0856393630968, -0.0303749764352, -0.0169268165012,
        -0.000960855464551, 0.00172627896001, 0.000767656663601, 0.0066897149707, -0.00376904752952, -3.35348169841e-06,
        0.000268698545793, -0.000236103811875, 0.000542237395022, 0.00290349917772, 0.0124753647396, -0.00410226017387,
        -0.000140970263432, -0.00583054474509, 0.00394321263851, 0.000148478282976, -0.0177811104494, 0.00481326596389,
        0.00432718260374, -0.050386020801, -0.0143732265747, -0.339722796469, 0.113827677343, -0.0987038286515, -0.030460402762,
        0.120457986257, 0.323403968514, 3.70322108093, 1.65544503379,
      ],
      trained: [0.736213602165, 0.786033727436, 0.966465408694, 0.897615071047, 7.71484518859928]),
    Expected(
      isResidual: true, loss: 1.7048266679399,
      estimate: [1.03113212724, 0.309016199776, 0.173185052322, 1.17257466415, 0.73558089777],
      gradients: [
        0.055761159747, 0.0495390282608, -0.0561215678724, -0.0287097563154, 0.141279931953, -0.068747012211, -0.0389929130219,
        -0.00160959416015, 0.00358901749334, 0.00205741596906, 0.0124921073961, -0.00600946064545, -6.44281598826e-06,
        0.000482734048415, -0.000423798595486, 0.00116443566065, 0.017244705416, 0.0350320064723, -0.0227935925394,
        -0.000688070394077, -0.01653307341, 0.0112931024913, -0.00159579917943, -0.0195656871739, 0.00929307122352,
        0.000987295879017, -0.0319299175199, -0.00999885619407, -0.174383836595, 0.119656636776, -0.105997713331, -0.0217623909307,
        0.109641358419, 0.320102363825, 3.59638009031, 1.6549030984,
      ],
      trained: [1.03173380883, 0.935910937099, 0.238713487704, 0.218254091591, 10.1328099268009]),
  ]

  private static let identity = AnyOperator(Identity<Tensor>())

  private static func filled(isResidual: Bool, precision: Precision = .double) -> FBPConvNet {
    var network = FBPConvNet(
      initial: identity, .init(channels: 2, poolings: 2, isResidual: isResidual), precision: precision, seed: 1)
    var k = -1.0
    network.updateParameters { _, value in
      k += 1
      return wave(value.shape, 0.7, k, scale: 0.5, offset: value.shape.count == 1 ? 0.8 : 0).converted(to: precision)
    }
    return network
  }

  /// The published count of the small one; the original's by PyTorch.
  @Test func parameterCounts() {
    let small = FBPConvNet(initial: Self.identity, seed: 1)
    #expect(small.parameterCount == 482_449 && small.depth == 1)
    #expect(small.buffers.count == 28 && small.buffers.reduce(0) { $0 + $1.value.count } == 1408)
    if isOptimised { #expect(FBPConvNet(initial: Self.identity, .original, seed: 1).parameterCount == 31_036_481) }
  }

  @Test(arguments: [0, 1]) func trainingIsPyTorchs(_ index: Int) {
    let expected = Self.expected[index]
    let network = Self.filled(isResidual: expected.isResidual)
    let (b, x) = (wave([3, 6, 7], 0.9, 0.2), wave([3, 6, 7], 1.3, 0.5))
    let estimate = network.run(b, recording: true).estimate
    expectClose(Tensor([0, 11, 40, 77, 125].map { estimate[flat: $0] }), Tensor(expected.estimate), relative: 1e-10)
    let (loss, pullback) = valueWithPullback(at: network) {
      meanSquaredDifference($0.run(b, recording: true).estimate, x)
    }
    #expect(abs(loss - expected.loss) <= 1e-12 * expected.loss)
    var (copy, gradient, products) = (network, pullback(1), [Double]())
    copy.forEachParameter(&gradient) { _, value, gradient in
      products.append((0..<value.count).reduce(0) { $0 + gradient[flat: $1] * cos(Double($1)) })
    }
    #expect(products.count == expected.gradients.count)
    for (found, figure) in zip(products, expected.gradients) { #expect(abs(found - figure) <= 1e-9 * abs(figure) + 1e-14) }
  }

  @Test(arguments: [0, 1]) func inferenceIsPyTorchs(_ index: Int) {
    let expected = Self.expected[index]
    let network = Self.filled(isResidual: expected.isResidual).calibrated(on: wave([3, 6, 7], 0.9, 0.2))
    let y = wave([2, 6, 7], 1.7, 0.3)
    let estimate = network(y, stages: 1)
    #expect(network.run(y, recording: false).estimate == estimate)
    let found = [0, 11, 40, 77].map { estimate[flat: $0] } + [estimate.norm]
    expectClose(Tensor(found), Tensor(expected.trained), relative: 1e-10)
    // A trained network takes samples one by one.
    #expect((network(y.rows(1..<2), stages: 1) - estimate.rows(1..<2)).norm <= 1e-12 * estimate.norm)
  }

  /// Statistics are means over batches of 16: those of two of them.
  @Test func calibrationIsTheMeanOverBatches() {
    let network = Self.filled(isResidual: false)
    let y = wave([32, 4, 4], 0.9, 0.2, offset: 0.1)
    let (all, first, second) = (
      network.calibrated(on: y), network.calibrated(on: y.rows(0..<16)), network.calibrated(on: y.rows(16..<32))
    )
    for (a, (b, c)) in zip(all.buffers, zip(first.buffers, second.buffers)) {
      expectClose(a.value, 0.5 * (b.value + c.value), relative: 1e-14)
    }
    #expect(all.parameters == network.parameters && all.buffers != network.buffers)
  }

  /// Sides that are not divisible, and the bytes of one thread from two, for values, gradients and statistics.
  @Test(arguments: [[5, 24, 24], [2, 37, 19], [1, 7, 1]]) func threadsDoNotMatter(shape: [Int]) {
    var generator = RandomGenerator(seed: 5)
    let b = Tensor.normal(shape, precision: .single, using: &generator)
    let network = FBPConvNet(initial: Self.identity, seed: 3)
    func results() -> [Tensor] {
      let (estimate, pullback) = valueWithPullback(at: network) { $0.run(b, recording: true).estimate }
      var (copy, gradient, all) = (network, pullback(estimate - b), [estimate])
      copy.forEachParameter(&gradient) { _, _, gradient in all.append(gradient) }
      let trained = network.calibrated(on: b)
      return all + trained.buffers.map(\.value) + [trained.predict(b, samplesAtATime: 1)]
    }
    let (one, two) = (Parallel.with(threads: 1, results), Parallel.with(threads: 2, results))
    #expect(one.count == two.count && one[0].shape == shape)
    for (a, b) in zip(one, two) { #expect(a.shape == b.shape && a.floats.map(\.bitPattern) == b.floats.map(\.bitPattern)) }
  }

  @Test func precisionsAgree() {
    let b = wave([3, 6, 7], 0.9, 0.2)
    let (single, double) = (Self.filled(isResidual: true, precision: .single), Self.filled(isResidual: true))
    let found = single.run(b.converted(to: .single), recording: true).estimate
    expectClose(found.converted(to: .double), double.run(b, recording: true).estimate, relative: 1e-4)
  }

  /// Q makes the initial image, and its adjoint takes the cotangent of the measurement.
  @Test func measurementsAreMadeImages() {
    let beam = ParallelBeam(ParallelBeamGeometry(side: 6, views: 5))
    let Q = Scaled(0.1, beam.H)
    var network = FBPConvNet(
      initial: AnyOperator(Q), .init(channels: 2, poolings: 1, isResidual: true), precision: .double, seed: 4)
    let b = beam.forward(wave([2, 6, 6], 0.9, 0.2))
    expectGradient(at: b) { squaredNorm(network.run($0, recording: true).estimate) }
    network.updateParameters { name, value in name.hasPrefix("output") ? 0 * value : value }
    #expect(network(b, stages: 1) == Q.forward(b))
  }

  /// Buffers stand in the file beside the parameters; what does not belong is refused.
  @Test func weightsHoldBuffers() throws {
    let folder = try Folder()
    let path = folder.file("w.safetensors")
    let network = Self.filled(isResidual: false).calibrated(on: wave([3, 6, 7], 0.9, 0.2))
    try Weights.save(network, to: path)
    let untrained = FBPConvNet(
      initial: Self.identity, .init(channels: 2, poolings: 2, isResidual: false), precision: .double, seed: 9)
    let loaded = try Weights.load(path, into: untrained)
    #expect(loaded.parameters == network.parameters && loaded.buffers == network.buffers)
    #expect(loaded.buffers.first?.name == "encoder.0.0.normalisation.mean" && untrained.buffers != network.buffers)
    #expect(!network.parameters.contains { $0.name.hasSuffix("mean") })

    func refused(_ change: (inout [NamedParameter]) -> Void) -> String {
      var weights = network.parametersAndBuffers
      change(&weights)
      return refusal { try Weights(parameters: weights).filled(network) }
    }
    #expect(refused { $0.removeLast() }.contains("buffer decoder.1.1.normalisation.variance, of shape [2], is missing"))
    #expect(refused { $0[$0.count - 1].value = .zeros([3]) }.contains("has shape [3], expected [2]"))
    #expect(refused { $0.append(NamedParameter(name: "mean", value: .zeros([2]))) }.contains("mean, of shape [2], is no parameter"))
    #expect(refused { _ in } == "")
  }

  /// Training leaves buffers alone, averaged weights too, and a checkpoint brings them back.
  @Test func trainingAndCheckpointsKeepBuffers() throws {
    let folder = try Folder()
    let path = folder.file("run.checkpoint")
    let samples = SamplePairs(measurement: wave([4, 6, 7], 0.9, 0.2), groundTruth: wave([4, 6, 7], 1.3, 0.5))
    let network = Self.filled(isResidual: true).calibrated(on: samples.measurement)
    let trainer = Trainer<FBPConvNet, SamplePairs>(
      recipe: Recipe(
        network: "fbpconvnet", seed: 1,
        phases: [
          Recipe.Phase(
            steps: 3, batchSize: 4, chunkSize: 4, optimiser: .adam(weightDecay: 0.1), learningRate: .constant(rate: 0.01),
            clipNorm: 1, averaging: 0.5)
        ]), samples: samples,
      loss: { network, batch, _ in
        meanSquaredDifference(network.run(batch.measurement, recording: true).estimate, batch.groundTruth)
      })
    let trained = try trainer.train(network, checkpoints: CheckpointPolicy(path: path)).model
    #expect(trained.buffers == network.buffers && trained.parameters != network.parameters)
    let resumed = try trainer.train(Self.filled(isResidual: true), resuming: Checkpoint(contentsOf: path)).model
    #expect(resumed.buffers == network.buffers && resumed.parameters == trained.parameters)
  }
}
