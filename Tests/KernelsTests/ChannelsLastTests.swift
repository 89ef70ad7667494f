// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

/// Channels-last 3 × 3 convolutions against the definition on channels-first maps, under every instruction set.
@Suite struct ChannelsLastTests {
  static let layers: [ChannelsLastConvolution] = [
    .init(batch: 2, height: 33, width: 33, inputChannels: 32, outputChannels: 32),
    .init(batch: 3, height: 5, width: 6, inputChannels: 32, outputChannels: 32),
    .init(batch: 1, height: 1, width: 1, inputChannels: 32, outputChannels: 32),
    // The last tiles of a row and of a column are of 2, 3, 4 or 6 pixels, of the same or of others.
    .init(batch: 3, height: 14, width: 8, inputChannels: 32, outputChannels: 32),
    .init(batch: 2, height: 16, width: 10, inputChannels: 32, outputChannels: 32),
    .init(batch: 2, height: 15, width: 10, inputChannels: 32, outputChannels: 32),
    .init(batch: 2, height: 12, width: 13, inputChannels: 32, outputChannels: 32),
    .init(batch: 2, height: 11, width: 12, inputChannels: 32, outputChannels: 32),
    .init(batch: 1, height: 4, width: 19, inputChannels: 64, outputChannels: 32),
    .init(batch: 1, height: 9, width: 2, inputChannels: 32, outputChannels: 96),
    .init(batch: 2, height: 7, width: 9, inputChannels: 1, outputChannels: 32),
    .init(batch: 2, height: 1, width: 5, inputChannels: 1, outputChannels: 64),
    .init(batch: 2, height: 9, width: 7, inputChannels: 32, outputChannels: 1),
    .init(batch: 1, height: 13, width: 17, inputChannels: 32, outputChannels: 1),
    .init(batch: 2, height: 6, width: 5, inputChannels: 3, outputChannels: 5),
    .init(batch: 2, height: 6, width: 7, inputChannels: 16, outputChannels: 32),
    .init(batch: 1, height: 5, width: 6, inputChannels: 1, outputChannels: 16),
    .init(batch: 3, height: 9, width: 6, inputChannels: 16, outputChannels: 1),
    .init(batch: 1, height: 2, width: 3, inputChannels: 128, outputChannels: 160),
    .init(batch: 5, height: 7, width: 9, inputChannels: 16, outputChannels: 16, pieces: 3),
    .init(batch: 4, height: 7, width: 9, inputChannels: 1, outputChannels: 32, pieces: 2),
    .init(batch: 3, height: 5, width: 4, inputChannels: 2, outputChannels: 3, pieces: 9),
    .init(batch: 2, height: 9, width: 7, inputChannels: 2, outputChannels: 64),
    .init(batch: 2, height: 9, width: 7, inputChannels: 64, outputChannels: 2),
    .init(batch: 3, height: 13, width: 6, inputChannels: 3, outputChannels: 32, pieces: 2),
    .init(batch: 3, height: 6, width: 13, inputChannels: 32, outputChannels: 3, pieces: 2),
    .init(batch: 0, height: 6, width: 5, inputChannels: 32, outputChannels: 32),
    .init(batch: 1, height: 0, width: 5, inputChannels: 1, outputChannels: 32),
  ]

  @Test(arguments: ElementwiseTests.levels, layers)
  func singlePrecisionIsTheDefinition(level: InstructionSet, layer: ChannelsLastConvolution) {
    InstructionSet.with(level) { check(Float.self, layer) }
  }
  @Test(arguments: layers) func doublePrecisionIsTheDefinition(layer: ChannelsLastConvolution) { check(Double.self, layer) }

  /// 16 and 32 channels never go through the library: its layouts would be converted at every call.
  @Test(arguments: ElementwiseTests.levels) func suitableChannelsAreFast(level: InstructionSet) {
    InstructionSet.with(level) {
      #expect(Self.layers[0].path == .winograd && Self.layers[10].path == .expand && Self.layers[12].path == .collapse)
      #expect(Self.layers[15].path == .winograd && Self.layers[16].path == .expand && Self.layers[17].path == .collapse)
      #expect(Self.layers[22...25].allSatisfy { $0.path == .filled })
    }
  }

  /// A sample's result does not depend on the others, and the rectifier keeps a NaN.
  @Test func samplesAreIndependent() {
    let (one, three) = (
      Self.layers[0], ChannelsLastConvolution(batch: 3, height: 33, width: 33, inputChannels: 32, outputChannels: 32)
    )
    var x: [Float] = chirp(three.inputCount, 0.3)
    let w: [Float] = chirp(three.weightCount, 0.7)
    let all = written(three.outputCount) { three.forward(x, w, rectified: true, into: $0) }
    let alone = written(one.outputCount) { one.forward(x, w, rectified: true, into: $0) }
    #expect(Array(all[..<alone.count]) == alone)
    x[40] = .nan
    #expect(written(one.outputCount) { one.forward(x, w, rectified: true, into: $0) }.contains { $0.isNaN })
  }

  /// Pieces give the bits of the whole batch, but for the sums over samples.
  @Test func piecesAreTheWhole() {
    let whole = ChannelsLastConvolution(batch: 5, height: 9, width: 10, inputChannels: 32, outputChannels: 16)
    var cut = whole
    cut.pieces = 4
    let (x, w, v): ([Float], [Float], [Float]) = (
      chirp(whole.inputCount, 0.3), chirp(whole.weightCount, 0.7), chirp(whole.outputCount, 0.2)
    )
    func run(_ layer: ChannelsLastConvolution) -> (y: [Float], dx: [Float], dw: [Float]) {
      let y = written(layer.outputCount) { layer.forward(x, w, into: $0) }
      var dx: [Float] = []
      let dw = written(w.count) { dw in dx = written(x.count) { layer.pullback(x, w, rectified: nil, v, dx: $0, dw: dw) } }
      return (y, dx, dw)
    }
    let (one, several) = (run(whole), run(cut))
    expectEqual(one.y, several.y)
    expectEqual(one.dx, several.dx)
    expectClose(one.dw, several.dw)
  }

  private func check<S: Scalar>(_: S.Type, _ layer: ChannelsLastConvolution) {
    let shape = ConvolutionShape(
      inputChannels: layer.inputChannels, outputChannels: layer.outputChannels, height: layer.height, width: layer.width,
      kernelHeight: 3, kernelWidth: 3)
    let pixels = layer.height * layer.width
    func first(_ x: [S], _ channels: Int) -> [S] {
      var out = x
      for b in 0..<layer.batch {
        for c in 0..<channels {
          for p in 0..<pixels { out[(b * channels + c) * pixels + p] = x[(b * pixels + p) * channels + c] }
        }
      }
      return out
    }
    let (x, w): ([S], [S]) = (chirp(layer.inputCount, 0.3), chirp(layer.weightCount, 0.7))
    let v: [S] = chirp(layer.outputCount, 0.11)
    let (x1, v1) = (first(x, layer.inputChannels), first(v, layer.outputChannels))
    let bias: [S] = chirp(layer.outputChannels, 1.3)
    let plain: [S] = written(layer.outputCount) { layer.forward(x, w, into: $0) }
    for threshold: S in [0, 0.7, -0.2] {
      expectEqual(
        written(layer.outputCount) { layer.forward(x, w, softThreshold: threshold, into: $0) },
        written(layer.outputCount) { Reference.softThreshold(plain, threshold, into: $0, count: plain.count) }.map {
          $0 as S
        }, "thresholded by \(threshold) \(layer)")
    }
    for (rectified, isBiased) in [(false, false), (true, false), (false, true), (true, true)] {
      let y: [S] = written(layer.outputCount) { y in
        bias.withUnsafeBufferPointer {
          layer.forward(x, w, bias: isBiased ? $0.baseAddress : nil, rectified: rectified, into: y)
        }
      }
      var expected: [S] = written(y.count) { y in
        bias.withUnsafeBufferPointer {
          Reference.convolution(shape, batch: layer.batch, x1, w, bias: isBiased ? $0.baseAddress : nil, into: y)
        }
      }
      if rectified { expected = expected.map { max($0, 0) } }
      expectClose(first(y, layer.outputChannels), expected, "forward \(layer)")

      let masked = rectified ? zip(v1, first(y, layer.outputChannels)).map { $1 > 0 ? $0 : 0 } : v1
      var dx: [S] = []
      var db = [S](repeating: .nan, count: layer.outputChannels)
      let dw: [S] = written(w.count) { dw in
        dx = written(x.count) { dx in
          db.withUnsafeMutableBufferPointer {
            layer.pullback(x, w, rectified: rectified ? y : nil, v, dx: dx, dw: dw, db: isBiased ? $0.baseAddress : nil)
          }
        }
      }
      if isBiased, layer.inputCount > 0 {
        var sums = [S](repeating: 0, count: layer.outputChannels)
        for (i, value) in masked.enumerated() { sums[i / pixels % layer.outputChannels] += value }
        expectClose(db, sums, "db \(layer)")
      }
      expectClose(
        first(dx, layer.inputChannels),
        written(x.count) { Reference.convolutionBackwardData(shape, batch: layer.batch, masked, w, into: $0) }, "dx \(layer)")
      expectClose(
        dw, written(w.count) { Reference.convolutionBackwardWeights(shape, batch: layer.batch, x1, masked, into: $0) },
        "dw \(layer)")
    }
  }
}
