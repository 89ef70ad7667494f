// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

@Suite struct ConvolutionPairTests {
  private static func numbers(_ count: Int, _ seed: Int) -> [Float] {
    (0..<count).map { Float(($0 &* 7919 &+ seed &* 104_729) % 1000) / 500 - 1 }
  }

  /// Two layers together give the bytes of one after the other, in place and not, whatever the threads: heights of one row of tiles and of
  /// many, and such as leave the last row of tiles short.
  @Test(arguments: [(1, 1), (5, 7), (6, 6), (17, 12), (48, 13), (97, 8), (100, 9), (151, 6)])
  func pairIsOneLayerAfterTheOther(height: Int, width: Int) throws {
    let channels = 32
    let x = Self.numbers(height * width * channels, 1)
    let first = ConvolutionPairs.Layer(
      weights: Self.numbers(9 * channels * channels, 2), bias: Self.numbers(channels, 3), outputChannels: channels)
    let second = ConvolutionPairs.Layer(weights: Self.numbers(9 * channels * channels, 4), bias: nil, outputChannels: channels)
    let layer = ChannelsLastConvolution(batch: 1, height: height, width: width, inputChannels: channels, outputChannels: channels)
    var (between, whole) = ([Float](repeating: 0, count: x.count), [Float](repeating: 0, count: x.count))
    layer.forward(x, first.weights, bias: first.bias!, rectified: true, into: &between)
    layer.forward(between, second.weights, into: &whole)
    let sums = zip(x, whole).map(+)
    let found = try [1, 2, 3, 7].map {
      try Parallel.with(threads: $0) {
        let pair = try #require(ConvolutionPairs(height: height, width: width, inputChannels: channels, first, second))
        var (written, added, inPlace) = ([Float](repeating: .nan, count: x.count), x, x)
        pair(x, into: &written, adding: false)
        pair(x, into: &added, adding: true)
        inPlace.withUnsafeMutableBufferPointer { pair($0.baseAddress!, into: $0.baseAddress!, adding: true) }
        return (written, added, inPlace)
      }
    }
    for (written, added, inPlace) in found { #expect(written == whole && added == sums && inPlace == sums) }
  }

  @Test func otherChannelsHaveNoPair() {
    let layer = ConvolutionPairs.Layer(weights: Self.numbers(27, 1), bias: nil, outputChannels: 3)
    #expect(ConvolutionPairs(height: 4, width: 4, inputChannels: 1, layer, layer) == nil)
  }
}
