// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct TensorConvolutionTests {
  static let extents: [(x: [Int], w: [Int])] = [
    ([1, 1, 1, 1], [1, 1, 1, 1]), ([2, 1, 1, 1], [3, 1, 3, 3]), ([2, 3, 5, 4], [2, 3, 3, 3]), ([1, 2, 6, 1], [4, 2, 5, 3]),
    ([3, 4, 3, 7], [1, 4, 1, 1]),
  ]

  @Test(arguments: extents) func gradients(extents: (x: [Int], w: [Int])) {
    var generator = RandomGenerator(seed: 3)
    let x = Tensor.normal(extents.x, using: &generator)
    let w = Tensor.normal(extents.w, using: &generator)
    let b = Tensor.normal([extents.w[0]], using: &generator)
    let scale = Tensor.normal([extents.x[0], extents.w[0], extents.x[2], extents.x[3]], using: &generator)
    expectGradient(at: x) { squaredNorm(scale .* conv2d($0, w)) }
    expectGradient(at: w) { squaredNorm(scale .* conv2d(x, $0)) }
    expectGradient(at: x) { squaredNorm(scale .* conv2d($0, w, bias: b)) }
    expectGradient(at: w) { squaredNorm(scale .* conv2d(x, $0, bias: b)) }
    expectGradient(at: b) { squaredNorm(scale .* conv2d(x, w, bias: $0)) }
  }

  /// What is made in one pass is the threshold of what is made in two, in either arithmetic, and so are the gradients.
  @Test(arguments: [0.3, 0, -0.1], [Precision.single, .double]) func aThresholdedPairIsTheThresholdOfAPair(
    threshold: Double, precision: Precision
  ) {
    var generator = RandomGenerator(seed: 7)
    let x = Tensor.normal([2, 9, 7, 32], precision: precision, using: &generator)
    let v = Tensor.normal([2, 9, 7, 32], precision: precision, using: &generator)
    let (first, second) = (
      0.1 * Tensor.normal([32, 32, 3, 3], precision: precision, using: &generator),
      0.1 * Tensor.normal([32, 32, 3, 3], precision: precision, using: &generator)
    )
    for arithmetic in [Arithmetic.single, .mixed] {
      Arithmetic.$current.withValue(arithmetic) {
        let one = valueWithPullback(at: x, first, second) { convolved($0, $1, rectifiedAnd: $2, softThreshold: threshold) }
        let slope = pullback(at: threshold) { convolved(x, first, rectifiedAnd: second, softThreshold: $0) }(v)
        let pair = convolved(x, first, rectifiedAnd: second)
        let twoPasses = valueWithPullback(at: x, first, second) {
          softThreshold(convolved($0, $1, rectifiedAnd: $2), threshold: threshold)
        }
        #expect(one.value == softThreshold(pair, threshold: threshold))
        let (gradients, expected) = (one.pullback(v), twoPasses.pullback(v))
        #expect(gradients.0 == expected.0 && gradients.1 == expected.1 && gradients.2 == expected.2)
        #expect(slope == pullback(at: threshold) { softThreshold(pair, threshold: $0) }(v))
        #expect(slope != 0)
      }
    }
  }

  /// Single precision against double, values and gradients.
  @Test func precisionsAgree() {
    var generator = RandomGenerator(seed: 4)
    let x = Tensor.normal([2, 32, 9, 7], using: &generator)
    let w = Tensor.normal([32, 32, 3, 3], using: &generator)
    let b = Tensor.normal([32], using: &generator)
    let v = Tensor.normal([2, 32, 9, 7], using: &generator)
    let (double, pullback) = valueWithPullback(at: x, w, b, of: { conv2d($0, $1, bias: $2) })
    let (single, pullbackSingle) = valueWithPullback(
      at: x.converted(to: .single), w.converted(to: .single), b.converted(to: .single), of: { conv2d($0, $1, bias: $2) })
    expectClose(single.converted(to: .double), double, relative: 1e-5)
    let (gradients, gradientsSingle) = (pullback(v), pullbackSingle(v.converted(to: .single)))
    expectClose(gradientsSingle.0.converted(to: .double), gradients.0, relative: 1e-5)
    expectClose(gradientsSingle.1.converted(to: .double), gradients.1, relative: 1e-5)
    expectClose(gradientsSingle.2.converted(to: .double), gradients.2, relative: 1e-5)
  }

  /// A one-pixel kernel at the centre is the identity; off the centre it shifts, zeros coming in.
  @Test func shifts() {
    let x = Tensor((1...6).map(Double.init), shape: [1, 1, 2, 3])
    func kernel(_ at: Int) -> Tensor { Tensor((0..<9).map { $0 == at ? 1 : 0 }, shape: [1, 1, 3, 3], precision: .double) }
    #expect(conv2d(x, kernel(4)).doubles == x.doubles)
    #expect(conv2d(x, kernel(5)).doubles == [2, 3, 0, 5, 6, 0])
    #expect(conv2d(x, kernel(1)).doubles == [0, 0, 0, 1, 2, 3])
    #expect(conv2d(x, kernel(4), bias: Tensor([10], precision: .double)).doubles == [11, 12, 13, 14, 15, 16])
  }

  @Test func zeroHasNoShape() {
    let (x, w, b) = (chirp([2, 2, 3, 3], 0.3), chirp([3, 2, 3, 3], 0.7), chirp([3], 1))
    #expect(conv2d(.zero, w).isShapelessZero && conv2d(x, .zero).isShapelessZero)
    let (dx, dw, db) = valueWithPullback(at: x, w, b, of: { conv2d($0, $1, bias: $2) }).pullback(.zero)
    #expect(dx.isShapelessZero && dw.isShapelessZero && db.isShapelessZero)
    let two = valueWithPullback(at: x, w, of: { conv2d($0, $1) }).pullback(.zero)
    #expect(two.0.isShapelessZero && two.1.isShapelessZero)
    let noInput = valueWithPullback(at: Tensor.zero, w, of: { conv2d($0, $1) }).pullback(chirp([2, 3, 3, 3], 1))
    #expect(noInput.0.isShapelessZero && noInput.1.isShapelessZero)
    // A bias of `.zero` is none.
    #expect(conv2d(x, w, bias: .zero) == conv2d(x, w))
    #expect(valueWithPullback(at: x, of: { relu($0) }).pullback(.zero).isShapelessZero)
    #expect(relu(.zero).isShapelessZero)
    #expect(valueWithPullback(at: Tensor.zero, of: { relu($0) }).pullback(x).isShapelessZero)
  }

  @Test func emptyBatch() {
    let y = conv2d(.zeros([0, 2, 3, 3]), chirp([3, 2, 3, 3], 0.7))
    #expect(y.shape == [0, 3, 3, 3])
  }

  @Test(arguments: Precision.allCases) func rectifier(precision: Precision) {
    let x = Tensor([-2, -0.5, 0, 0.5, 3], precision: precision)
    let (y, pullback) = valueWithPullback(at: x, of: { relu($0) })
    #expect(y.doubles == [0, 0, 0, 0.5, 3])
    #expect(pullback(Tensor([1, 2, 3, 4, 5], precision: precision)).doubles == [0, 0, 0, 4, 5])
    expectGradient(at: Tensor([-2, -0.5, 0.25, 0.5, 3], precision: .double)) { squaredNorm(relu($0)) }
  }

  @Test func periodicExtension() {
    let x = Tensor((1...6).map(Double.init), shape: [2, 3])
    let extended = x.periodicallyExtended(rows: 1, columns: 2)
    #expect(extended.shape == [4, 7])
    #expect(
      extended.doubles == [5, 6, 4, 5, 6, 4, 5, 2, 3, 1, 2, 3, 1, 2, 5, 6, 4, 5, 6, 4, 5, 2, 3, 1, 2, 3, 1, 2].map(Double.init))
    #expect(extended.cropped(rows: 1, columns: 2) == x)
    #expect(Tensor.zero.periodicallyExtended(rows: 1, columns: 1).isShapelessZero)
    // Further than the image is wide.
    #expect(
      Tensor([1, 2], shape: [1, 2], precision: .single).periodicallyExtended(rows: 0, columns: 3).doubles == [
        2, 1, 2, 1, 2, 1, 2, 1,
      ])
  }
}
