// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Tensors
import Testing

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
