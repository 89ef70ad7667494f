// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Two ``MixedConvolution``s with a rectifier between, y = second * max(first * x, 0), map by map: what is between stays in bfloat16, to
/// which the second rounds it anyway, and in a core's cache. The same bytes as the two after each other.
public struct MixedConvolutionPair: Sendable {
  private let first: TileKernels
  private let second: TileKernels
  private let layers: (first: ChannelsLastConvolution, second: ChannelsLastConvolution)

  /// Nil where a ``MixedConvolution`` is, and for the twin, which computes in single precision.
  public init?(
    _ first: ChannelsLastConvolution, _ second: ChannelsLastConvolution,
    by implementation: MixedConvolution.Implementation = .fastest
  ) {
    precondition(
      first.batch == second.batch && first.height == second.height && first.width == second.width
        && first.outputChannels == second.inputChannels,
      "a pair of convolutions: \(second) after \(first)")
    guard MixedConvolution(first) != nil, MixedConvolution(second) != nil, let one = TileKernels(first, implementation),
      let other = TileKernels(second, implementation)
    else { return nil }
    (self.first, self.second, layers) = (one, other, (first, second))
  }

  /// Numbers between the two, in bfloat16.
  public var middleCount: Int { layers.first.outputCount }

  /// y from x.
  ///
  /// - Parameter middle: takes what is between, for ``pullback(_:_:_:middle:_:dx:dw1:dw2:)``; nil where there is none.
  public func forward(
    _ x: UnsafePointer<Float>, _ w1: UnsafePointer<Float>, _ w2: UnsafePointer<Float>, middle: UnsafeMutablePointer<UInt16>?,
    into y: UnsafeMutablePointer<Float>
  ) {
    guard let middle else {
      return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: middleCount) {
        forward(x, w1, w2, middle: $0.baseAddress!, into: y)  // init saw to it that there are pixels
      }
    }
    first.withFilters(w1) { f1 in
      second.withFilters(w2) { f2 in
        let (x, f1, f2, middle, y) = (Shared(x), Shared(f1), Shared(f2), SharedMutable(middle), SharedMutable(y))
        let (first, second) = (first, second)
        @Sendable func one(_ bands: Range<Int>) {
          first.forward(ck_maps(x.pointer), f1.pointer, rectified: true, into: ck_maps(middle.pointer), bands)
        }
        @Sendable func other(_ bands: Range<Int>) {
          second.forward(ck_maps(middle.pointer), f2.pointer, into: ck_maps(y.pointer), bands)
        }
        if first.bands == 1, second.bands == 1 {
          RowPieces(rows: layers.first.batch, size: first.bandsOfPiece).forEach {
            for map in $0 {
              one(map..<map + 1)
              other(map..<map + 1)
            }
          }
        } else {
          RowPieces(rows: layers.first.batch * first.bands, size: first.bandsOfPiece).forEach(one)
          RowPieces(rows: layers.first.batch * second.bands, size: second.bandsOfPiece).forEach(other)
        }
      }
    }
  }

  /// The adjoints at a cotangent v: dx and, summed over the batch, those of the weights; on the calling thread.
  public func pullback(
    _ x: UnsafePointer<Float>, _ w1: UnsafePointer<Float>, _ w2: UnsafePointer<Float>, middle: UnsafePointer<UInt16>,
    _ v: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>, dw1: UnsafeMutablePointer<Float>, dw2: UnsafeMutablePointer<Float>
  ) {
    let batch = layers.first.batch
    let (inputs, between, outputs) = (layers.first.inputCount / batch, middleCount / batch, layers.second.outputCount / batch)
    first.withFilters(w1, ofAdjoint: true) { f1 in
      second.withFilters(w2, ofAdjoint: true) { f2 in
        first.summing(into: dw1) { dw1 in
          second.summing(into: dw2) { dw2 in
            withUnsafeTemporaryAllocation(of: UInt16.self, capacity: between) { cotangent in
              let cotangent = ck_maps(cotangent.baseAddress!)
              for map in 0..<batch {
                second.pullback(
                  ck_maps(middle + map * between), f2, ck_maps(v + map * outputs), dx: cotangent, xIsRectified: true, dw: dw2,
                  maps: 1)
                first.pullback(
                  ck_maps(x + map * inputs), f1, cotangent, dx: ck_maps(dx + map * inputs), dw: dw1, maps: 1)
              }
            }
          }
        }
      }
    }
  }
}

/// The kernels of one layer on tiles, those of the processor or emulated.
struct TileKernels: Sendable {
  private let tiles: ck_tiles
  private let layer: (height: Int64, width: Int64, inputs: Int64, outputs: Int64)

  /// Nil for the twin.
  init?(_ layer: ChannelsLastConvolution, _ implementation: MixedConvolution.Implementation) {
    switch implementation {
    case .tiles: tiles = CK_TILES
    case .emulatedTiles: tiles = CK_EMULATED_TILES
    case .twin: return nil
    }
    self.layer = (Int64(layer.height), Int64(layer.width), Int64(layer.inputChannels), Int64(layer.outputChannels))
  }

  /// Bands of rows of a map.
  var bands: Int { Int(ck_mixed_bands(tiles, layer.height, layer.width, layer.inputs)) }

  /// Some fifth of a millisecond of work, whatever the threads.
  var bandsOfPiece: Int {
    max(1, (8 << 20) * bands / Int(layer.height * layer.width * layer.inputs * layer.outputs))
  }

  private var weightCount: Int { Int(9 * layer.inputs * layer.outputs) }

  func withFilters(_ weights: UnsafePointer<Float>, ofAdjoint: Bool = false, _ body: (UnsafePointer<UInt16>) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 2 * weightCount, alignment: 64) { bytes in
      let filters = bytes.bindMemory(to: UInt16.self).baseAddress!
      ck_mixed_filters(tiles, weights, layer.inputs, layer.outputs, ofAdjoint ? 1 : 0, filters)
      body(filters)
    }
  }

  /// Weights that are sums over what `body` does.
  func summing(into weights: UnsafeMutablePointer<Float>, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 4 * weightCount, alignment: 64) { bytes in
      let sums = bytes.bindMemory(to: Float.self)
      sums.initialize(repeating: 0)
      body(sums.baseAddress!)
      ck_mixed_weights(tiles, sums.baseAddress!, layer.inputs, layer.outputs, weights)
    }
  }

  func forward(
    _ x: ck_maps, _ filters: UnsafePointer<UInt16>, bias: UnsafePointer<Float>? = nil, rectified: Bool = false, into y: ck_maps,
    _ bands: Range<Int>
  ) {
    ck_convolve3x3_mixed(
      tiles, x, filters, bias, y, layer.height, layer.width, layer.inputs, layer.outputs, rectified ? 1 : 0,
      Int64(bands.lowerBound),
      Int64(bands.upperBound))
  }

  func pullback(
    _ x: ck_maps, _ filters: UnsafePointer<UInt16>, rectified y: UnsafePointer<Float>? = nil, _ v: ck_maps, dx: ck_maps,
    xIsRectified: Bool = false, dw: UnsafeMutablePointer<Float>, db: UnsafeMutablePointer<Double>? = nil, maps: Int
  ) {
    ck_convolve3x3_mixed_pullback(
      tiles, x, filters, y, v, dx, xIsRectified ? 1 : 0, dw, db, Int64(maps), layer.height, layer.width, layer.inputs, layer.outputs
    )
  }
}

extension ck_maps {
  init(_ numbers: UnsafePointer<Float>) { self.init(data: UnsafeMutableRawPointer(mutating: numbers), rounded: 0) }
  init(_ numbers: UnsafePointer<UInt16>) { self.init(data: UnsafeMutableRawPointer(mutating: numbers), rounded: 1) }
}
