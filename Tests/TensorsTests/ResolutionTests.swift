// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing
import _Differentiation

/// What changes the sides and the channels of maps, against PyTorch 2.13, float64, with w(s, a, b) = sin(a·arange + b) in the shape s and
/// maps permuted from channels last to channels first and back.
@Suite struct ResolutionTests {
  /// x = torch.round(2 * w((2, 4, 6, 2), 0.8, 0.1)), which has ties; y = F.max_pool2d(x, 2); the cotangent is 1, 2, 3, …
  @Test(arguments: [Precision.single, .double]) func poolingIsPyTorchs(precision: Precision) {
    let x = wave([2, 4, 6, 2], 0.8, 0.1, scale: 2).map { $0.rounded(.toNearestOrEven) }.converted(to: precision)
    let (y, pullback) = valueWithPullback(at: x, of: maximumPooled)
    #expect(y.shape == [2, 2, 3, 2] && y.doubles.enumerated().allSatisfy { $1 == ($0 == 12 ? 1 : 2) })
    let dx = pullback(Tensor((1...24).map(Double.init), shape: y.shape, precision: precision))
    #expect(
      dx.doubles == [
        0, 2, 1, 0, 0, 0, 0, 0, 0, 6, 5, 0, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 12, 11, 0, 0, 0, 0, 0, 0,
        10,
        9, 0, 0, 0, 0, 0, 13, 14, 0, 0, 0, 0, 0, 0, 17, 18, 0, 0, 0, 0, 0, 0, 15, 16, 0, 0, 0, 0, 0, 0, 19, 20, 0, 0, 0, 0, 0, 0,
        23, 24,
        0, 0, 0, 0, 0, 0, 21, 22, 0, 0, 0, 0, 0, 0,
      ])
    let holed = x.map { $0 == 2 ? .nan : $0 }
    #expect(maximumPooled(holed).doubles.filter(\.isNaN).count == 23)
  }

  /// x = w((2, 2, 3, 3), 1.1, 0.4), weight = w((3, 2, 2, 2), 0.7, 1), bias = w((2,), 0.9, 2); F.conv_transpose2d(x, weight, bias, stride=2);
  /// the cotangent is cos(0.3·arange).
  @Test func transposedConvolutionIsPyTorchs() {
    let (x, weight, bias) = (wave([2, 2, 3, 3], 1.1, 0.4), wave([3, 2, 2, 2], 0.7, 1), wave([2], 0.9, 2))
    let (y, pullback) = valueWithPullback(at: x, weight, bias) { transposedConvolved($0, $1, adding: $2) }
    #expect(y.shape == [2, 4, 6, 2])
    let (dx, dw, db) = pullback(cosines(like: y))
    #expect(dx.shape == x.shape && dw.shape == weight.shape)
    let expected: [(Tensor, [Double])] = [
      (
        sampled(y, [0, 1, 2, 50, 95]),
        [1.36307492464, 0.360918279955, 2.31258968155, 2.28888248984, -0.452000232748, 12.3619311759102]
      ),
      (sampled(dx, [0, 1, 2, 35]), [0.56178187866, 0.332947481585, -0.045336466553, 0.473308864072, 2.52344671058625]),
      (
        sampled(dw, [0, 1, 5, 23]),
        [-0.0994430340086, -0.0359146361697, 0.00222180416666, -0.0606942348707, 0.46372865957668]
      ),
      (db, [0.121420743585, -0.848993215539]),
    ]
    for (found, figures) in expected { expectClose(found, Tensor(figures), relative: 1e-10) }
  }

  /// Single precision against double, over more than one piece of work.
  @Test func precisionsOfTheTransposedConvolutionAgree() {
    let (x, weight, bias) = (wave([2, 50, 33, 6], 1.1, 0.4), wave([6, 16, 2, 2], 0.7, 1), wave([16], 0.9, 2))
    let (y, pullback) = valueWithPullback(at: x, weight, bias) { transposedConvolved($0, $1, adding: $2) }
    let (single, pullbackSingle) = valueWithPullback(
      at: x.converted(to: .single), weight.converted(to: .single), bias.converted(to: .single)
    ) { transposedConvolved($0, $1, adding: $2) }
    expectClose(single.converted(to: .double), y, relative: 1e-5)
    let v = wave(y.shape, 0.37, 0.1, offset: 0.5)
    let (d, s) = (pullback(v), pullbackSingle(v.converted(to: .single)))
    expectClose(s.0.converted(to: .double), d.0, relative: 1e-5)
    expectClose(s.1.converted(to: .double), d.1, relative: 1e-4)
    expectClose(s.2.converted(to: .double), d.2, relative: 1e-4)
  }

  @Test func channelsAreJoinedInOrder() {
    let (a, b) = (Tensor([1, 2, 3, 4], shape: [1, 2, 1, 2]), Tensor([10, 20], shape: [1, 2, 1, 1]))
    let (y, pullback) = valueWithPullback(at: a, b, of: joinedChannels)
    #expect(y.shape == [1, 2, 1, 3] && y.doubles == [1, 2, 10, 3, 4, 20])
    let (da, db) = pullback(y)
    #expect(da == a && db == b && da.shape == a.shape && db.shape == b.shape)
  }

  @Test func imagesArePaddedBelowAndToTheRight() {
    let x = Tensor([1, 2, 3, 4], shape: [2, 1, 2])
    let (y, pullback) = valueWithPullback(at: x) { padded($0, height: 2, width: 3) }
    #expect(y.shape == [2, 2, 3] && y.doubles == [1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0])
    #expect(pullback(Tensor((0..<12).map(Double.init), shape: [2, 2, 3])).doubles == [0, 1, 6, 7])
    let (z, back) = valueWithPullback(at: y) { cropped($0, height: 1, width: 2) }
    #expect(z == x && back(x) == y)
    #expect(padded(x, height: 1, width: 2) == x && padded(.zero, height: 3, width: 3).isShapelessZero)
  }

  @Test func gradients() {
    let x = wave([2, 4, 6, 3], 1.7, 0.3)
    let (weight, bias) = (wave([3, 2, 2, 2], 0.7, 1), wave([2], 0.9, 2))
    expectGradient(at: x) { squaredNorm(maximumPooled($0)) }
    expectGradient(at: x) { squaredNorm(transposedConvolved($0, weight, adding: bias)) }
    expectGradient(at: weight) { squaredNorm(transposedConvolved(x, $0, adding: bias)) }
    expectGradient(at: bias) { squaredNorm(transposedConvolved(x, weight, adding: $0)) }
    expectGradient(at: x) { squaredNorm(joinedChannels($0, $0 .* $0)) }
  }
}
