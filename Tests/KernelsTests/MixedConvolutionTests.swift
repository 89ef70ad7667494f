// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Testing

/// Convolutions in mixed precision against their definition, computed here in double precision, and their implementations against each
/// other.
@Suite struct MixedConvolutionTests {
  static let layers: [ChannelsLastConvolution] = [
    .init(batch: 2, height: 33, width: 33, inputChannels: 32, outputChannels: 32),
    .init(batch: 1, height: 1, width: 1, inputChannels: 32, outputChannels: 32),
    .init(batch: 3, height: 5, width: 6, inputChannels: 32, outputChannels: 32),
    .init(batch: 1, height: 4, width: 19, inputChannels: 64, outputChannels: 32),
    .init(batch: 1, height: 1, width: 40, inputChannels: 32, outputChannels: 32),
    .init(batch: 1, height: 40, width: 1, inputChannels: 32, outputChannels: 64),
    .init(batch: 2, height: 7, width: 15, inputChannels: 32, outputChannels: 32),
    .init(batch: 1, height: 9, width: 2, inputChannels: 32, outputChannels: 96),
    .init(batch: 1, height: 2, width: 3, inputChannels: 128, outputChannels: 160),
    .init(batch: 1, height: 11, width: 32, inputChannels: 64, outputChannels: 64),
  ]
  #if DEBUG
    static let largeLayers: [ChannelsLastConvolution] = []
    static let largestLayers: [ChannelsLastConvolution] = []
  #else
    static let largeLayers: [ChannelsLastConvolution] = [
      .init(batch: 1, height: 99, width: 99, inputChannels: 32, outputChannels: 32),
      .init(batch: 1, height: 6, width: 1000, inputChannels: 32, outputChannels: 32),
    ]
    /// More than the tiles' second cache holds. The twin's sums over so many pixels, in single precision, are off by 1.3e-5 themselves.
    static let largestLayers: [ChannelsLastConvolution] = [
      .init(batch: 1, height: 161, width: 163, inputChannels: 32, outputChannels: 32)
    ]
  #endif

  // MARK: Rounding

  /// Between neighbours a and b of bfloat16, found by their bits, everything nearer to a becomes a, the middle the one whose last bit
  /// is 0.
  @Test func roundingIsToTheNearestAndTiesToEven() {
    for pattern in Swift.stride(from: UInt32(0), through: 0x7f7f, by: 1) {
      let (low, high) = (pattern << 16, (pattern + 1) << 16)
      let even = pattern % 2 == 0 ? low : high
      for sign in [UInt32(0), 0x8000_0000] {
        let bits = [low, low + 1, low + 0x7fff, low + 0x8000, low + 0x8001, low + 0xffff].map { $0 | sign }
        let expected = [low, low, low, even, high, high].map { $0 | sign }
        #expect(rounded(bits.map { Float(bitPattern: $0) }).map(\.bitPattern) == expected)
      }
    }
  }

  @Test func roundingKeepsWhatIsNoNumber() {
    #expect(rounded([.infinity, -.infinity]) == [.infinity, -.infinity])
    #expect(rounded([.greatestFiniteMagnitude, -.greatestFiniteMagnitude]) == [.infinity, -.infinity])
    #expect(rounded([0x1.fep127]) == [0x1.fep127], "the largest of bfloat16")
    let smallest = Float(bitPattern: 0x0001_0000)
    #expect(rounded([.leastNonzeroMagnitude, smallest, -smallest]) == [0, smallest, -smallest], "subnormal numbers")
    #expect(rounded([-0.0]).map(\.bitPattern) == [0x8000_0000])
    for bits in [UInt32(0x7fc0_0000), 0x7f80_0001, 0x7fff_ffff, 0xffc0_1234, 0xff80_8000] as [UInt32] {
      let value = rounded([Float(bitPattern: bits)])[0]
      #expect(value.isNaN && !value.isSignalingNaN && value.bitPattern & 0xffff == 0)
    }
  }

  /// Integers up to 256 have 8 significant bits; beyond, every second one, in ties to even.
  @Test func roundingInPlace() {
    let values = changed([1, 256, 257, 259, -255] as [Float]) { MixedConvolution.round($0, into: $0, count: 5) }
    #expect(values == [1, 256, 256, 260, -255])
  }

  // MARK: Convolutions

  @Test(arguments: layers) func theTwinIsTheDefinition(layer: ChannelsLastConvolution) throws { try check(layer, .twin) }

  @Test(arguments: layers) func emulatedTilesAreTheDefinition(layer: ChannelsLastConvolution) throws {
    try check(layer, .emulatedTiles)
  }

  @Test(arguments: layers + largeLayers) func emulatedTilesAreTheTwin(layer: ChannelsLastConvolution) throws {
    try compare(layer, .emulatedTiles)
  }

  @Test(
    .enabled(if: MixedConvolution.isAccelerated, "the processor has no matrix tiles"),
    arguments: layers + largeLayers)
  func tilesAreTheTwin(layer: ChannelsLastConvolution) throws { try compare(layer, .tiles) }

  @Test(.enabled(if: MixedConvolution.isAccelerated, "the processor has no matrix tiles"), arguments: layers + largestLayers)
  func tilesAreTheDefinition(layer: ChannelsLastConvolution) throws { try check(layer, .tiles) }

  /// A sample's results do not depend on the others, and the same call gives the same bytes.
  @Test(arguments: MixedConvolution.Implementation.allCases)
  func samplesAreIndependent(implementation: MixedConvolution.Implementation) throws {
    let three = ChannelsLastConvolution(batch: 3, height: 19, width: 17, inputChannels: 32, outputChannels: 32)
    var one = three
    one.batch = 1
    let (data, all) = (Data(three), try run(three, Data(three), implementation))
    let again = try run(three, data, implementation)
    #expect(all.y == again.y && all.dx == again.dx && all.dw == again.dw && all.db == again.db)
    for b in 0..<3 {
      let alone = try run(one, data.sample(b, of: three), implementation)
      #expect(Array(all.y[b * one.outputCount..<(b + 1) * one.outputCount]) == alone.y)
      #expect(Array(all.dx[b * one.inputCount..<(b + 1) * one.inputCount]) == alone.dx)
    }
  }

  /// The rectifier keeps a NaN, and only pixels beside it become one.
  @Test(arguments: [MixedConvolution.Implementation.tiles, .emulatedTiles])
  func notANumberStaysWhereItIs(implementation: MixedConvolution.Implementation) throws {
    let layer = ChannelsLastConvolution(batch: 1, height: 7, width: 9, inputChannels: 32, outputChannels: 32)
    var data = Data(layer)
    let (row, column) = (2, 8)
    data.x[(row * 9 + column) * 32 + 5] = .nan
    let y = try run(layer, data, implementation).y
    for p in 0..<63 {
      let isNear = abs(p / 9 - row) <= 1 && abs(p % 9 - column) <= 1
      #expect(y[p * 32..<(p + 1) * 32].allSatisfy { $0.isNaN == isNear }, "pixel \(p)")
    }
  }

  // MARK: Pairs

  /// Two layers with a rectifier between are the two after each other, byte by byte: maps of one band and of several, on tiles and on
  /// emulated ones.
  @Test(
    arguments: [(2, 33, 33, 32, 32, 32), (1, 1, 1, 32, 32, 32), (3, 5, 18, 32, 64, 32), (1, 60, 41, 64, 32, 96)],
    [MixedConvolution.Implementation.emulatedTiles, .tiles])
  func pairsAreTheTwoLayers(
    _ shape: (batch: Int, height: Int, width: Int, inputs: Int, between: Int, outputs: Int), by who: MixedConvolution.Implementation
  ) throws {
    let first = ChannelsLastConvolution(
      batch: shape.batch, height: shape.height, width: shape.width, inputChannels: shape.inputs, outputChannels: shape.between)
    let second = ChannelsLastConvolution(
      batch: shape.batch, height: shape.height, width: shape.width, inputChannels: shape.between, outputChannels: shape.outputs)
    let (x, w1, w2): ([Float], [Float], [Float]) = (
      chirp(first.inputCount, 0.3), chirp(first.weightCount, 0.7), chirp(second.weightCount, 0.9)
    )
    let v: [Float] = chirp(second.outputCount, 0.11)
    let (one, other) = (try #require(MixedConvolution(first)), try #require(MixedConvolution(second)))
    let pair = try #require(MixedConvolutionPair(first, second, by: who))

    let between = written(first.outputCount) { one.forward(x, w1, rectified: true, into: $0, by: who) }
    let y = written(second.outputCount) { other.forward(between, w2, into: $0, by: who) }
    var kept = [UInt16](repeating: 0x7fff, count: pair.keptCount)
    #expect(written(second.outputCount) { pair.forward(x, w1, w2, kept: &kept, into: $0) } == y)
    #expect(written(second.outputCount) { pair.forward(x, w1, w2, kept: nil, into: $0) } == y)

    var (dx, dw1, dw2, between1): ([Float], [Float], [Float], [Float]) = ([], [], [], [])
    dw2 = written(second.weightCount) { dw2 in
      between1 = written(first.outputCount) { other.pullback(between, w2, rectified: nil, v, dx: $0, dw: dw2, by: who) }
    }
    dw1 = written(first.weightCount) { dw1 in
      dx = written(first.inputCount) { one.pullback(x, w1, rectified: between, between1, dx: $0, dw: dw1, by: who) }
    }
    var fused: (dx: [Float], dw1: [Float], dw2: [Float]) = ([], [], [])
    fused.dw2 = written(second.weightCount) { dw2 in
      fused.dw1 = written(first.weightCount) { dw1 in
        fused.dx = written(first.inputCount) { pair.pullback(w1, w2, kept: kept, v, dx: $0, dw1: dw1, dw2: dw2) }
      }
    }
    #expect(fused.dx == dx && fused.dw1 == dw1 && fused.dw2 == dw2)
  }

  /// Channels that tiles do not take, and the twin.
  @Test func pairsThatHaveNoKernels() {
    let thin = ChannelsLastConvolution(batch: 1, height: 3, width: 4, inputChannels: 1, outputChannels: 32)
    let wide = ChannelsLastConvolution(batch: 1, height: 3, width: 4, inputChannels: 32, outputChannels: 32)
    #expect(MixedConvolutionPair(thin, wide, by: .tiles) == nil)
    #expect(MixedConvolutionPair(wide, wide, by: .twin) == nil)
  }

  // MARK: The layer's arithmetic

  /// The layer computes what `MixedConvolution` does, in pieces too; its default does not.
  @Test func arithmeticIsTheLayers() throws {
    var layer = ChannelsLastConvolution(batch: 3, height: 9, width: 10, inputChannels: 32, outputChannels: 64)
    let data = Data(layer)
    let (single, expected) = (results(layer, data), try run(layer, data, .fastest))
    #expect(single.y != expected.y)
    layer.arithmetic = .mixed
    let mixed = results(layer, data)
    #expect(mixed.y == expected.y && mixed.dx == expected.dx && mixed.dw == expected.dw && mixed.db == expected.db)
    layer.pieces = 2
    let pieces = results(layer, data)
    #expect(pieces.y == expected.y && pieces.dx == expected.dx)
    expectClose(pieces.dw, expected.dw)
    expectClose(pieces.db, expected.db)
  }

  /// Other channels and double precision are computed as ever.
  @Test func theRestIsAsEver() {
    for (i, o) in [(16, 32), (32, 16), (1, 32), (32, 1), (3, 5)] {
      let layer = ChannelsLastConvolution(batch: 1, height: 5, width: 6, inputChannels: i, outputChannels: o)
      var mixed = layer
      mixed.arithmetic = .mixed
      #expect(MixedConvolution(mixed) == nil)
      let data = Data(layer)
      #expect(results(mixed, data).y == results(layer, data).y && results(mixed, data).dw == results(layer, data).dw)
    }
    let layer = ChannelsLastConvolution(batch: 1, height: 5, width: 6, inputChannels: 32, outputChannels: 32)
    var mixed = layer
    mixed.arithmetic = .mixed
    let (x, w): ([Double], [Double]) = (chirp(layer.inputCount, 0.3), chirp(layer.weightCount, 0.7))
    expectEqual(
      written(layer.outputCount) { mixed.forward(x, w, into: $0) }, written(layer.outputCount) { layer.forward(x, w, into: $0) })
    mixed.height = 0
    #expect(MixedConvolution(mixed) == nil)
  }
}

// MARK: What is computed, and by what

extension MixedConvolutionTests {
  private struct Data {
    var x: [Float]
    var w: [Float]
    var v: [Float]
    var bias: [Float]
    init(_ layer: ChannelsLastConvolution) {
      (x, w) = (chirp(layer.inputCount, 0.3), chirp(layer.weightCount, 0.7))
      (v, bias) = (chirp(layer.outputCount, 0.11), chirp(layer.outputChannels, 1.3))
    }
    func sample(_ b: Int, of layer: ChannelsLastConvolution) -> Data {
      let (i, o) = (layer.inputCount / layer.batch, layer.outputCount / layer.batch)
      var one = self
      one.x = Array(x[b * i..<(b + 1) * i])
      one.v = Array(v[b * o..<(b + 1) * o])
      return one
    }
  }
  private typealias Results = (y: [Float], dx: [Float], dw: [Float], db: [Float])

  private func rounded(_ x: [Float]) -> [Float] { written(x.count) { MixedConvolution.round(x, into: $0, count: x.count) } }

  private func results(
    _ layer: ChannelsLastConvolution, rectified: Bool = true, forward: (UnsafeMutablePointer<Float>) -> Void,
    pullback: (UnsafePointer<Float>?, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) -> Results {
    let y = written(layer.outputCount, forward)
    var (dx, dw): ([Float], [Float]) = ([], [])
    let db: [Float] = written(layer.outputChannels) { db in
      dw = written(layer.weightCount) { dw in
        dx = written(layer.inputCount) { dx in
          y.withUnsafeBufferPointer { pullback(rectified ? $0.baseAddress : nil, dx, dw, db) }
        }
      }
    }
    return (y, dx, dw, db)
  }

  private func results(_ layer: ChannelsLastConvolution, _ data: Data) -> Results {
    results(
      layer, forward: { layer.forward(data.x, data.w, bias: data.bias, rectified: true, into: $0) },
      pullback: { layer.pullback(data.x, data.w, rectified: $0, data.v, dx: $1, dw: $2, db: $3) })
  }

  /// - Parameter mask: what the pullback takes for the result of the rectifier, when it is not the implementation's own.
  private func run(
    _ layer: ChannelsLastConvolution, _ data: Data, _ who: MixedConvolution.Implementation, rectified: Bool = true,
    isBiased: Bool = true, mask: [Float]? = nil
  ) throws -> Results {
    let mixed = try #require(MixedConvolution(layer))
    return data.bias.withUnsafeBufferPointer { bias in
      results(
        layer, rectified: rectified,
        forward: {
          mixed.forward(data.x, data.w, bias: isBiased ? bias.baseAddress : nil, rectified: rectified, into: $0, by: who)
        },
        pullback: { y, dx, dw, db in
          if let mask, rectified {
            mixed.pullback(data.x, data.w, rectified: mask, data.v, dx: dx, dw: dw, db: db, by: who)
          } else {
            mixed.pullback(data.x, data.w, rectified: y, data.v, dx: dx, dw: dw, db: db, by: who)
          }
        })
    }
  }

  private func check(_ layer: ChannelsLastConvolution, _ who: MixedConvolution.Implementation) throws {
    let data = Data(layer)
    for (rectified, isBiased) in [(false, false), (true, true)] {
      let got = try run(layer, data, who, rectified: rectified, isBiased: isBiased)
      let expected = definition(layer, data, rectified: rectified, isBiased: isBiased, mask: got.y)
      let what = "\(layer), rectified \(rectified), bias \(isBiased)"
      expectClose(got.y.map { Double($0) }, expected.y, tolerance: 1e-5, "y of \(what)")
      expectClose(got.dx.map { Double($0) }, expected.dx, tolerance: 1e-5, "dx of \(what)")
      expectClose(got.dw.map { Double($0) }, expected.dw, tolerance: 1e-5, "dw of \(what)")
      expectClose(got.db.map { Double($0) }, expected.db, tolerance: 1e-5, "db of \(what)")
    }
  }

  private func compare(_ layer: ChannelsLastConvolution, _ who: MixedConvolution.Implementation) throws {
    let data = Data(layer)
    for rectified in [false, true] {
      let twin = try run(layer, data, .twin, rectified: rectified)
      let tiles = try run(layer, data, who, rectified: rectified, mask: twin.y)
      expectClose(tiles.y, twin.y, "y of \(layer)")
      expectClose(tiles.dx, twin.dx, "dx of \(layer)")
      expectClose(tiles.dw, twin.dw, "dw of \(layer)")
      expectClose(tiles.db, twin.db, "db of \(layer)")
    }
  }

  /// The equations of `MixedConvolution` in double precision.
  private func definition(
    _ layer: ChannelsLastConvolution, _ data: Data, rectified: Bool, isBiased: Bool, mask: [Float]
  ) -> (y: [Double], dx: [Double], dw: [Double], db: [Double]) {
    let m = rectified ? zip(data.v, mask).map { $1 > 0 ? $0 : 0 } : data.v
    let (x, w, v) = (rounded(data.x).map { Double($0) }, rounded(data.w).map { Double($0) }, rounded(m).map { Double($0) })
    let (height, width, inputs, outputs) = (layer.height, layer.width, layer.inputChannels, layer.outputChannels)
    var y = [Double](repeating: 0, count: layer.outputCount)
    var dx = [Double](repeating: 0, count: layer.inputCount)
    var dw = [Double](repeating: 0, count: layer.weightCount)
    var db = [Double](repeating: 0, count: outputs)
    for p in 0..<layer.batch * height * width {
      let (i, j) = (p / width % height, p % width)
      for o in 0..<outputs {
        var sum = isBiased ? Double(data.bias[o]) : 0
        let cotangent = v[p * outputs + o]
        for t in 0..<9 where (0..<height).contains(i + t / 3 - 1) && (0..<width).contains(j + t % 3 - 1) {
          let q = p + (t / 3 - 1) * width + t % 3 - 1
          for c in 0..<inputs {
            let (weight, value) = ((o * inputs + c) * 9 + t, q * inputs + c)
            sum += w[weight] * x[value]
            dx[value] += w[weight] * cotangent
            dw[weight] += x[value] * cotangent
          }
        }
        y[p * outputs + o] = rectified ? max(sum, 0) : sum
        db[o] += Double(m[p * outputs + o])
      }
    }
    return (y, dx, dw, db)
  }
}
