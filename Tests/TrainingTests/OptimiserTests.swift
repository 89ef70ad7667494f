// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

@Suite struct OptimiserTests {
  /// The parameters of the tiny network after `steps` steps.
  func trained(
    _ choice: OptimiserChoice, rate: Double, steps: Int = 20, groups: ParameterGroups = [], clip: Double? = nil
  ) -> [Double] {
    var (network, optimiser) = (TinyNetwork(), choice.makeOptimiser())
    for _ in 0..<steps {
      _ = optimiser.step(&network, learningRate: rate, groups: groups) { network in
        var found = TinyNetwork.gradient(at: network)
        if let clip { network.clipGradient(&found.gradient, toNorm: clip) }
        return found
      }
    }
    return network.flat
  }

  func expectEqual(_ a: [Double], _ b: [Double], tolerance: Double = 1e-12, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(a.count == b.count, sourceLocation: sourceLocation)
    let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 0
    #expect(difference <= tolerance, "largest difference \(difference)", sourceLocation: sourceLocation)
  }

  @Test func adamIsPyTorchs() {
    expectEqual(trained(.adam(), rate: 0.01), TorchReference.adam)
    expectEqual(trained(.adam(beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1), rate: 0.02), TorchReference.adamW)
  }

  @Test func gradientDescentIsPyTorchs() {
    expectEqual(trained(.sgd(), rate: 0.05), TorchReference.sgd)
    expectEqual(trained(.sgd(momentum: 0.9, weightDecay: 0.01), rate: 0.03), TorchReference.momentum)
    expectEqual(trained(.sgd(momentum: 0.9, nesterov: true, weightDecay: 0.01), rate: 0.03), TorchReference.nesterov)
  }

  @Test func groupsAndClippingArePyTorchs() {
    let groups: ParameterGroups = [ParameterGroup("enc*", learningRateFactor: 0.1), .frozen("thresh*")]
    expectEqual(trained(.adam(), rate: 0.01, groups: groups), TorchReference.groups)
    expectEqual(trained(.sgd(), rate: 0.05, clip: 0.5), TorchReference.clipped)
  }

  @Test func lbfgsIsPyTorchsWhereFirstStepsAreTaken() {
    expectEqual(trained(.lbfgs(memory: 5), rate: 1, steps: 7), TorchReference.lbfgs7)
  }

  @Test func decayOfAGroupReplacesTheOptimisers() {
    let whole = trained(.adam(weightDecay: 0.3), rate: 0.01)
    expectEqual(trained(.adam(weightDecay: 7), rate: 0.01, groups: [ParameterGroup("*", weightDecay: 0.3)]), whole, tolerance: 0)
  }

  @Test(arguments: [
    OptimiserChoice.adam(weightDecay: 0.1), .sgd(weightDecay: 0.1), .sgd(momentum: 0.9, weightDecay: 0.1), .lbfgs(memory: 5),
    .muon(weightDecay: 0.1),
  ])
  func frozenAndUnusedKeepEveryBit(choice: OptimiserChoice) {
    // −0 and a subnormal number would not survive being added to.
    var network = TinyNetwork()
    network.encoder = Tensor([-0.0, Double.leastNonzeroMagnitude, 1] + Array(repeating: 0.1, count: 9), shape: [4, 3])
    let before = network.parameters
    var optimiser = choice.makeOptimiser()
    for _ in 0..<3 {
      _ = optimiser.step(&network, learningRate: 0.1, groups: [.frozen("encoder")]) { network in
        var found = TinyNetwork.gradient(at: network)
        found.gradient.threshold = 0  // as if the loss had not used it
        return found
      }
    }
    let after = network.parameters
    #expect(after[0].value.isIdentical(to: before[0].value) && after[1].value.isIdentical(to: before[1].value))
    #expect(!after[2].value.isIdentical(to: before[2].value))

    // Unused rather than frozen: a gradient without shape.
    let decoder = network.decoder
    _ = optimiser.step(&network, learningRate: 0.1, groups: []) { network in
      var found = TinyNetwork.gradient(at: network)
      found.gradient.decoder = .zero
      return found
    }
    #expect(choice == .lbfgs(memory: 5) || network.decoder.isIdentical(to: decoder))
  }

  @Test func boundsAreProjectedOn() {
    var (network, optimiser) = (TinyNetwork(), SGD())
    for _ in 0..<5 {
      _ = optimiser.step(
        &network, learningRate: 0.3, groups: [ParameterGroup("*", lowerBound: 0.05)], gradient: TinyNetwork.gradient)
      #expect(network.flat.min() == 0.05)
    }
  }

  @Test(
    arguments: [OptimiserChoice.adam(), .sgd(momentum: 0.9), .lbfgs(memory: 3), .lbfgs(memory: 3, scaling: .gradients)],
    [Precision.single, .double])
  func stateIsRestoredExactly(choice: OptimiserChoice, precision: Precision) throws {
    var (network, optimiser) = (Unknowns(w: wave([6], 0.7, 0.3, precision: precision)), choice.makeOptimiser())
    func gradient(_ u: Unknowns) -> LossGradient<Unknowns> {
      let (loss, pullback) = valueWithPullback(at: u) { squaredNorm($0.w .* $0.w) + squaredNorm($0.w) }
      return LossGradient(loss: loss, gradient: pullback(1))
    }
    func advance(_ u: inout Unknowns, _ optimiser: inout any Optimiser) {
      for _ in 0..<4 { _ = optimiser.step(&u, learningRate: 0.05, groups: [], gradient: gradient) }
    }
    advance(&network, &optimiser)
    var (copy, restored) = (network, choice.makeOptimiser())
    try restored.restore(optimiser.state, for: network, groups: [])
    #expect(areIdentical(restored.state, optimiser.state))
    advance(&network, &optimiser)
    advance(&copy, &restored)
    #expect(copy.w.isIdentical(to: network.w) && areIdentical(restored.state, optimiser.state))
  }

  @Test(arguments: [OptimiserChoice.adam(), .sgd(), .sgd(momentum: 0.9), .lbfgs(memory: 1), .muon()])
  func foreignStateIsRefused(choice: OptimiserChoice) {
    var optimiser = choice.makeOptimiser()
    for name in ["mean.w", "velocity", "s.0", "point", "step.w", "nonsense", ""] {
      #expect(throws: TrainingError.self) {
        try optimiser.restore([NamedParameter(name: name, value: Tensor([1.5, 2]))], for: Unknowns(w: Tensor([1.0])), groups: [])
      }
    }
  }
}
