// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import Testing
import Training
import _Differentiation

@Suite struct LearningRateTests {
  /// Rates of torch.optim.lr_scheduler (PyTorch 2.13.0) from lr = 0.1 over the first steps.
  static let torch: [(LearningRate, [Double])] = [
    // StepLR(3, 0.5)
    (.stepDecay(rate: 0.1, factor: 0.5, every: 3), [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025]),
    // ExponentialLR(0.9)
    (.exponential(rate: 0.1, factor: 0.9), [0.1, 0.09, 0.081, 0.0729, 0.06561, 0.059049, 0.0531441, 0.04782969]),
    // CosineAnnealingLR(7, eta_min=0.01)
    (
      .cosine(rate: 0.1, final: 0.01, steps: 7),
      [
        0.1, 0.09554359905560886, 0.08305704108364301, 0.06501344202803415, 0.04498655797196586, 0.026942958916356993,
        0.014456400944391143, 0.01,
      ]
    ),
    // CosineAnnealingWarmRestarts(4, eta_min=0.01), the same formula begun anew
    (
      .restarts(rate: 0.1, final: 0.01, every: 4),
      [0.1, 0.08681980515339464, 0.055, 0.023180194846605364, 0.1, 0.08681980515339464, 0.055, 0.023180194846605364]
    ),
    // LinearLR(start_factor=0.25, end_factor=1, total_iters=3)
    (.warmUp(steps: 4, then: .constant(rate: 0.1)), [0.025, 0.05, 0.075, 0.1, 0.1, 0.1]),
  ]

  @Test(arguments: torch.indices) func ratesArePyTorchs(i: Int) {
    let (schedule, expected) = Self.torch[i]
    for (step, rate) in expected.enumerated() { #expect(abs(schedule(step) - rate) < 1e-15, "step \(step)") }
  }

  @Test func piecesHoldFromTheirStepOn() {
    let schedule = LearningRate.piecewise(pieces: [.init(from: 0, rate: 3), .init(from: 10, rate: 2), .init(from: 11, rate: 1)])
    #expect([0, 9, 10, 11, 500].map { schedule($0) } == [3, 3, 2, 1, 1])
  }

  @Test func cosineStaysAtItsEnd() { #expect(LearningRate.cosine(rate: 1, final: 0.25, steps: 5)(9) == 0.25) }
}

@Suite struct ParameterGroupTests {
  @Test(arguments: [
    ("stages.3.*", "stages.3.stepSize", true), ("stages.3.*", "stages.30.stepSize", false),
    ("*.stepSize", "stages.3.stepSize", true),
    ("*.stepSize", "stages.3.stepSizes", false), ("*", "", true), ("", "a", false), ("a*b*c", "aXbYbZc", true),
    ("a*b*c", "aXbYbZ", false), ("**a", "bba", true), ("abc", "abc", true), ("abc*", "abc", true), ("é*", "éa", true),
  ]) func patterns(pattern: String, name: String, fits: Bool) {
    #expect(NamePattern(pattern).matches(name) == fits)
  }

  @Test func patternsOfManyStarsAreFast() {
    #expect(!NamePattern(String(repeating: "a*", count: 200) + "b").matches(String(repeating: "a", count: 2000)))
  }

  @Test func theFirstFittingGroupCounts() {
    let groups: ParameterGroups = [ParameterGroup("stages.3.*", learningRateFactor: 2), .frozen("*")]
    #expect(groups["stages.3.w"].learningRateFactor == 2 && groups["stages.3.w"].isTrainable && !groups["output"].isTrainable)
    #expect(([] as ParameterGroups)["anything"] == ParameterGroup("*"))
  }

  @Test func clippingScalesTheTrainableGradientOnly() {
    let network = TinyNetwork()
    var found = TinyNetwork.gradient(at: network)
    let encoder = found.gradient.encoder
    let before = network.clipGradient(&found.gradient, toNorm: 0.25, groups: [.frozen("encoder")])
    #expect(abs(network.gradientNorm(found.gradient, groups: [.frozen("encoder")]) - 0.25) < 1e-15 && before > 0.25)
    #expect(found.gradient.encoder.isIdentical(to: encoder))
    let kept = found.gradient.decoder
    network.clipGradient(&found.gradient, toNorm: 100)
    #expect(found.gradient.decoder.isIdentical(to: kept))
    // ‖g‖ at the start, by PyTorch 2.13.0 (see TorchReference).
    #expect(abs(network.gradientNorm(TinyNetwork.gradient(at: network).gradient) - 2.25334285302644) < 1e-13)
  }

  @Test func averagesFollowTheRecursion() {
    var average = WeightAverage(of: Unknowns(w: Tensor([1.0])), decay: 0.3)
    for k in 1...3 { average.add(Unknowns(w: Tensor([1 + Double(k)])), step: k) }
    // a ← d a + (1 − d) w from 1 with w = 2, 3, 4 and d = 2/11, 3/12 and 0.3, below 4/13.
    let expected = 0.3 * (0.25 * (2.0 / 11 + 9.0 / 11 * 2) + 0.75 * 3) + 0.7 * 4
    #expect(abs(average.model.w[flat: 0] - expected) < 1e-15)
    // What does not change keeps its bits, the sign of zero too.
    var still = WeightAverage(of: Unknowns(w: Tensor([-0.2 * 3, -0.0])), decay: 0.9)
    still.add(still.model, step: 1)
    #expect(still.model.w.isIdentical(to: Tensor([-0.2 * 3, -0.0])))
  }
}

@Suite struct PositiveTests {
  // scipy.special: log1p(exp(r)) by numpy.logaddexp(0, r); slope by scipy.special.expit(r).
  @Test(arguments: [
    (-800.0, 0.0, 0.0), (-40, 4.248354255291589e-18, 4.248354255291589e-18), (0, 0.6931471805599453, 0.5),
    (2, 2.1269280110429727, 0.8807970779778823), (700, 700, 1),
  ]) func softplusAndItsSlope(r: Double, value: Double, slope: Double) {
    let (found, g) = valueWithGradient(at: Positive(raw: r)) { $0.value }
    #expect(abs(found - value) <= 1e-15 * value && abs(g.raw - slope) <= 1e-15 * slope)
  }

  @Test(arguments: [1e-300, 1e-9, 0.05, 1, 30, 1e6]) func startsAtItsValue(value: Double) {
    #expect(abs(Positive(value).value - value) <= 1e-12 * value)
  }

  @Test func staysPositiveUnderTraining() {
    var (network, optimiser) = (StagedNetwork(depth: 1), Adam())
    for _ in 0..<300 {  // downhill for ever: ∂loss/∂raw = softplus′(raw) > 0
      _ = optimiser.step(&network, learningRate: 0.1, groups: []) { network in
        let (loss, pullback) = valueWithPullback(at: network) { $0.stages[0].threshold.value }
        return LossGradient(loss: loss, gradient: pullback(1))
      }
      #expect(network.stages[0].threshold.value > 0)
    }
    #expect(network.stages[0].threshold.value < 0.001)
    #expect(network.parameters.map(\.name) == ["stages.0.filter", "stages.0.mixing", "stages.0.threshold.raw"])
  }
}
