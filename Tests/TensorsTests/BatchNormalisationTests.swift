// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Tensors
import TestSupport
import Testing
import _Differentiation

/// The elements at these places, and the norm after them.
func sampled(_ x: Tensor, _ places: [Int]) -> Tensor { Tensor(places.map { x[flat: $0] } + [x.norm]) }

/// cos(0.3 i) in `x`'s shape.
func cosines(like x: Tensor) -> Tensor { wave(x.shape, 0.3, .pi / 2) }

@Suite struct BatchNormalisationTests {
  let x = wave([2, 3, 4, 3], 1.1, 0.4)
  let weight = wave([3], 0.7, 1, scale: 0.5, offset: 1)
  let bias = wave([3], 0.9, 2, scale: 0.3)
  let places = [0, 1, 2, 50, 71]

  /// PyTorch 2.13, float64, with w(s, a, b) = sin(a·arange + b) in the shape s:
  ///
  ///     x = w((2, 3, 4, 3), 1.1, 0.4); weight = 0.5 * w((3,), 0.7, 1) + 1; bias = 0.3 * w((3,), 0.9, 2)
  ///     y = F.relu(F.batch_norm(x.permute(0, 3, 1, 2), None, None, weight, bias, True)).permute(0, 2, 3, 1)
  ///     (y * torch.cos(0.3 * torch.arange(72)).reshape(y.shape)).sum().backward()
  @Test func trainingIsPyTorchs() {
    let (y, pullback) = valueWithPullback(at: x, weight, bias) { batchNormalised($0, weight: $1, bias: $2, rectified: true) }
    let (dx, dw, db) = pullback(cosines(like: y))
    let expected: [(Tensor, [Double])] = [
      (sampled(y, places), [1.02386048928, 1.96390394893, 0.842338851175, 0, 0, 8.81852782568149]),
      (sampled(dx, places), [1.99080107609, 1.8069283207, 1.52444637069, -0.0240261181673, -0.111342770343, 8.77843174956114]),
      (dw, [0.701966606945, 0.842292688742, 0.711168342044]), (db, [0.380211754852, -0.107658896581, 1.2824423369]),
    ]
    for (found, figures) in expected { expectClose(found, Tensor(figures), relative: 1e-10) }
  }

  /// The same without a rectifier, with given statistics: F.batch_norm(x, mean, variance, weight, bias, False) with
  /// mean = w((3,), 0.5, 0.1), variance = w((3,), 0.6, 0.2) + 1.5.
  @Test func inferenceIsPyTorchs() {
    let (mean, variance) = (wave([3], 0.5, 0.1), wave([3], 0.6, 0.2, offset: 1.5))
    let (y, pullback) = valueWithPullback(at: x, weight, bias) {
      normalised($0, mean: mean, variance: variance, weight: $1, bias: $2)
    }
    let (dx, dw, db) = pullback(cosines(like: y))
    let expected: [(Tensor, [Double])] = [
      (
        sampled(y, places),
        [0.58845935123, 0.506589460594, -0.502354006705, -1.71381309487, -0.905994480912, 7.85078590907763]
      ),
      (
        sampled(dx, places),
        [1.09007788462, 0.959667091623, 0.700319474973, -0.644615633526, -0.653802195469, 5.87917844537529]
      ),
      (dw, [-0.219487931965, -0.207552510701, 0.154076622399]), (db, [1.35686014336, 0.763921363329, 0.102743763065]),
    ]
    for (found, figures) in expected { expectClose(found, Tensor(figures), relative: 1e-10) }
  }

  @Test func resultsHaveTheChosenMoments() {
    let y = batchNormalised(x, weight: .filled(1, shape: [3]), bias: .zeros([3]), epsilon: 0)
    let found = ChannelStatistics(of: y)
    #expect(found.count == 24)
    for c in 0..<3 { #expect(abs(found.mean[c]) <= 1e-14 && abs(found.variance[c] - 1) <= 1e-13) }
    let observer = StatisticsObserver()
    _ = batchNormalised(x, weight: weight, bias: bias, observer: observer)
    #expect(observer.statistics == [ChannelStatistics(of: x)])
  }

  @Test(arguments: [false, true]) func gradients(rectified: Bool) {
    let v = cosines(like: x)
    expectGradient(at: x) { squaredNorm(v .* batchNormalised($0, weight: weight, bias: bias, rectified: rectified)) }
    expectGradient(at: weight) { squaredNorm(v .* batchNormalised(x, weight: $0, bias: bias, rectified: rectified)) }
    expectGradient(at: bias) { squaredNorm(v .* batchNormalised(x, weight: weight, bias: $0, rectified: rectified)) }
    let (mean, variance) = (wave([3], 0.5, 0.1), wave([3], 0.6, 0.2, offset: 1.5))
    expectGradient(at: x) {
      squaredNorm(v .* normalised($0, mean: mean, variance: variance, weight: weight, bias: bias, rectified: rectified))
    }
  }

  /// Single precision against double for the channel counts of vectors and of what is left over, over more than one piece of work.
  @Test(arguments: [1, 5, 16, 19, 48]) func precisionsAgree(channels: Int) {
    let x = wave([3, 40, 33, channels], 1.3, 0.2, scale: 2, offset: 3)
    let (w, b) = (wave([channels], 0.8, 1), wave([channels], 0.4, 0))
    let v = cosines(like: x)
    let (y, pullback) = valueWithPullback(at: x, w, b) { batchNormalised($0, weight: $1, bias: $2, rectified: true) }
    let (single, pullbackSingle) = valueWithPullback(
      at: x.converted(to: .single), w.converted(to: .single), b.converted(to: .single)
    ) { batchNormalised($0, weight: $1, bias: $2, rectified: true) }
    expectClose(single.converted(to: .double), y, relative: 1e-5)
    let (d, s) = (pullback(v), pullbackSingle(v.converted(to: .single)))
    expectClose(s.0.converted(to: .double), d.0, relative: 2e-4)  // a rectifier that is 0 to rounding may fall on either side
    expectClose(s.1.converted(to: .double), d.1, relative: 1e-4)
    expectClose(s.2.converted(to: .double), d.2, relative: 1e-4)
  }

  @Test func zeroHasNoShape() {
    #expect(batchNormalised(.zero, weight: weight, bias: bias).isShapelessZero)
    let (dx, dw, db) = valueWithPullback(at: x, weight, bias) { batchNormalised($0, weight: $1, bias: $2) }.pullback(.zero)
    #expect(dx.isShapelessZero && dw.isShapelessZero && db.isShapelessZero)
  }
}
