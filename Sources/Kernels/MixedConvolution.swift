// SPDX-License-Identifier: Apache-2.0
import CKernels

/// A ``ChannelsLastConvolution`` in mixed precision: factors in bfloat16, sums in single precision. Arrays hold single precision.
///
/// y[p, o] = b[o] + Σ_c,t bf(w[o, c, t]) bf(x[p + t, c]); rectified, max(y, 0). bf rounds to the nearest of bfloat16's numbers, which have
/// 8 significant bits and the range of single precision, ties to even. Products are exact.
///
/// The pullback is that of the map without bf, at bf(x) and bf(w); the cotangent is rounded where it enters a product. With
/// m = v where y > 0, else 0 (m = v unless rectified):
///
/// dx[q, c] = Σ_o,t bf(w[o, c, t]) bf(m[q − t, o]),  dw[o, c, t] = Σ_p bf(m[p, o]) bf(x[p + t, c]),  db[o] = Σ_p m[p, o].
///
/// What the tiles of a processor take as zeros, subnormal factors and sums, the twin does not.
public struct MixedConvolution: Sendable {
  /// Who computes it.
  public enum Implementation: String, CaseIterable, Sendable {
    /// The processor's matrix tiles, x86-64's AMX; their emulation on a processor without.
    case tiles
    /// The same kernels on tiles emulated in C, for tests.
    case emulatedTiles
    /// The single-precision convolution of rounded numbers.
    case twin

    /// The fastest on this processor.
    public static var fastest: Self { MixedConvolution.isAccelerated ? .tiles : .twin }
  }

  /// Whether the processor and the system have tiles for bfloat16.
  public static var isAccelerated: Bool { ck_has_bfloat16_tiles() != 0 }

  /// out = bf(x); `out` may be `x`. Beyond the range it is infinite, a NaN stays one.
  public static func round(_ x: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, count: Int) {
    ck_round_bfloat16(x, out, Int64(count))
  }

  private let layer: ChannelsLastConvolution

  /// Nil where `layer` has no pixels, or channels that are not multiples of 32.
  public init?(_ layer: ChannelsLastConvolution) {
    let unit = Int(ck_mixed_channels())
    guard layer.path == .winograd, layer.inputChannels % unit == 0, layer.outputChannels % unit == 0 else { return nil }
    var single = layer
    single.arithmetic = .single
    self.layer = single
  }

  /// y from x, bands of rows spread over idle threads; `bias` has a number for every channel of y, or is nil for zeros.
  public func forward(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil, rectified: Bool = false,
    into y: UnsafeMutablePointer<Float>, by implementation: Implementation = .fastest
  ) {
    guard let kernels = TileKernels(layer, implementation) else {
      return withRounded(x, layer.inputCount) { x in
        withRounded(weights, layer.weightCount) { layer.forward(x, $0, bias: bias, rectified: rectified, into: y) }
      }
    }
    kernels.withFilters(weights) { filters in
      let (x, filters, bias, y) = (Shared(x), Shared(filters), bias.map { Shared($0) }, SharedMutable(y))
      RowPieces(rows: layer.batch * kernels.bands, size: kernels.bandsOfPiece).forEach {
        kernels.forward(
          ck_maps(x.pointer), filters.pointer, bias: bias?.pointer, rectified: rectified, into: ck_maps(y.pointer), $0)
      }
    }
  }

  /// The adjoints at a cotangent v: dx and, summed over the batch, dw and, unless nil, db; on the calling thread.
  ///
  /// - Parameter y: what ``forward(_:_:bias:rectified:into:by:)`` gave when `rectified`, else nil; where it is not positive v is taken
  ///   as 0.
  public func pullback(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, rectified y: UnsafePointer<Float>?, _ v: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, dw: UnsafeMutablePointer<Float>, db: UnsafeMutablePointer<Float>? = nil,
    by implementation: Implementation = .fastest
  ) {
    guard let kernels = TileKernels(layer, implementation) else {
      return twinPullback(x, weights, rectified: y, v, dx: dx, dw: dw, db: db)
    }
    var sums = [Double](repeating: 0, count: db == nil ? 0 : layer.outputChannels)
    kernels.withFilters(weights, ofAdjoint: true) { filters in
      kernels.summing(into: dw) { dw in
        sums.withUnsafeMutableBufferPointer {
          kernels.pullback(
            ck_maps(x), filters, rectified: y, ck_maps(v), dx: ck_maps(dx), dw: dw, db: db == nil ? nil : $0.baseAddress,
            maps: layer.batch)
        }
      }
    }
    if let db { for o in sums.indices { db[o] = Float(sums[o]) } }
  }

  private func twinPullback(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, rectified y: UnsafePointer<Float>?, _ v: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, dw: UnsafeMutablePointer<Float>, db: UnsafeMutablePointer<Float>?
  ) {
    let count = layer.outputCount
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { buffer in
      let masked = buffer.baseAddress!  // init saw to it that there are pixels
      if let y { Float.reluPullback(y, v, masked, count) } else { masked.initialize(from: v, count: count) }
      if let db {
        db.initialize(repeating: 0, count: layer.outputChannels)
        Float.sumRows(masked, db, count / layer.outputChannels, layer.outputChannels)
      }
      Self.round(masked, into: masked, count: count)
      withRounded(x, layer.inputCount) { x in
        withRounded(weights, layer.weightCount) { layer.pullback(x, $0, rectified: nil, masked, dx: dx, dw: dw) }
      }
    }
  }

  private func withRounded(_ x: UnsafePointer<Float>, _ count: Int, _ body: (UnsafePointer<Float>) -> Void) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { rounded in
      Self.round(x, into: rounded.baseAddress!, count: count)
      body(rounded.baseAddress!)
    }
  }
}
