// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Two ``MixedConvolution``s with a rectifier between, y = second * max(first * x, 0), map by map: x and what is between are rounded once, as
/// tiles read them, and stay so for the pullback. The same bytes as the two after each other.
public struct MixedConvolutionPair: Sendable {
  private let first: TileKernels
  private let second: TileKernels
  private let batch: Int
  /// Numbers of a map of x, of what is between and of y.
  private let counts: (x: Int, between: Int, y: Int)

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
    (self.first, self.second, batch) = (one, other, first.batch)
    counts = (first.inputCount / batch, first.outputCount / batch, second.outputCount / batch)
  }

  /// Numbers in bfloat16 that the pullback needs.
  public var keptCount: Int { batch * (first.lineCount + second.lineCount) }

  /// y from x.
  ///
  /// - Parameter kept: takes ``keptCount`` numbers for ``pullback(_:_:kept:_:dx:dw1:dw2:)``; nil where there is none.
  public func forward(
    _ x: UnsafePointer<Float>, _ w1: UnsafePointer<Float>, _ w2: UnsafePointer<Float>, kept: UnsafeMutablePointer<UInt16>?,
    into y: UnsafeMutablePointer<Float>
  ) {
    first.withFilters(w1) { f1 in
      second.withFilters(w2) { f2 in
        let (x, f1, f2, kept, y) = (Shared(x), Shared(f1), Shared(f2), kept.map { SharedMutable($0) }, SharedMutable(y))
        let lines = first.lineCount + second.lineCount
        RowPieces(rows: batch, size: first.bands > 1 ? 1 : first.bandsOfPiece).forEach { maps in
          func run(_ lines: (Int) -> UnsafeMutablePointer<UInt16>) {
            for map in maps {
              forward(x.pointer + map * counts.x, f1, f2, lines(map), y.pointer + map * counts.y)
            }
          }
          if let kept { return run { kept.pointer + $0 * lines } }
          withAlignedScratch(UInt16.self, count: lines) { scratch in run { _ in scratch } }
        }
      }
    }
  }

  /// One map, whose bands are spread over idle threads.
  private func forward(
    _ x: UnsafePointer<Float>, _ f1: Shared<UInt16>, _ f2: Shared<UInt16>, _ lines: UnsafeMutablePointer<UInt16>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let (inputs, between, y) = (SharedMutable(lines), SharedMutable(lines + first.lineCount), SharedMutable(y))
    first.round(x, into: inputs.pointer)
    RowPieces(rows: first.bands, size: first.bandsOfPiece).forEach {
      first.forward(ck_maps(inputs.pointer), f1.pointer, rectified: true, into: ck_maps(between.pointer), $0)
    }
    RowPieces(rows: second.bands, size: second.bandsOfPiece).forEach {
      second.forward(ck_maps(between.pointer), f2.pointer, into: ck_maps(y.pointer), $0)
    }
  }

  /// The adjoints at a cotangent v: dx and, summed over the batch, those of the weights; on the calling thread.
  public func pullback(
    _ w1: UnsafePointer<Float>, _ w2: UnsafePointer<Float>, kept: UnsafePointer<UInt16>, _ v: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, dw1: UnsafeMutablePointer<Float>, dw2: UnsafeMutablePointer<Float>
  ) {
    first.withFilters(w1, ofAdjoint: true) { f1 in
      second.withFilters(w2, ofAdjoint: true) { f2 in
        first.summing(into: dw1) { dw1 in
          second.summing(into: dw2) { dw2 in
            withAlignedScratch(UInt16.self, count: second.lineCount) {
              let cotangent = ck_maps($0)
              for map in 0..<batch {
                let inputs = kept + map * (first.lineCount + second.lineCount)
                second.pullback(
                  ck_maps(inputs + first.lineCount), f2, ck_maps(v + map * counts.y), dx: cotangent, xIsRectified: true, dw: dw2,
                  maps: 1)
                first.pullback(ck_maps(inputs), f1, cotangent, dx: ck_maps(dx + map * counts.x), dw: dw1, maps: 1)
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

  /// Numbers of a map of inputs as tiles read it.
  var lineCount: Int { Int(ck_mixed_line_count(tiles, layer.height, layer.width, layer.inputs)) }

  /// A map of inputs as tiles read it.
  func round(_ x: UnsafePointer<Float>, into lines: UnsafeMutablePointer<UInt16>) {
    ck_mixed_round(tiles, x, layer.height, layer.width, layer.inputs, lines, 1)
  }

  private var weightCount: Int { Int(9 * layer.inputs * layer.outputs) }

  func withFilters(_ weights: UnsafePointer<Float>, ofAdjoint: Bool = false, _ body: (UnsafePointer<UInt16>) -> Void) {
    withAlignedScratch(UInt16.self, count: weightCount) { filters in
      ck_mixed_filters(tiles, weights, layer.inputs, layer.outputs, ofAdjoint ? 1 : 0, filters)
      body(filters)
    }
  }

  /// Weights that are sums over what `body` does.
  func summing(into weights: UnsafeMutablePointer<Float>, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    withAlignedScratch(Float.self, count: weightCount) { sums in
      sums.update(repeating: 0, count: weightCount)
      body(sums)
      ck_mixed_weights(tiles, sums, layer.inputs, layer.outputs, weights)
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
