// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Two 3 × 3 convolution layers with a rectifier between on the channels-last maps `[height, width, channel]` of one image, the second as
/// soon as the first has made the rows that it needs:
///
///     y = second(max(first(x), 0)),  or  y += second(max(first(x), 0)), also in place of x
///
/// In single precision through Winograd's transform. The numbers are those of two ``ChannelsLastConvolution``s, bit for bit, and do not depend
/// on the threads; what is between the layers is held for some rows alone, and stays in the cache.
public struct ConvolutionPairs: Sendable {
  /// Weights `[out, in, 3, 3]`, and a number for every channel of the output, or none.
  public struct Layer: Sendable {
    public let weights: [Float]
    public let bias: [Float]?
    public let outputChannels: Int

    public init(weights: [Float], bias: [Float]?, outputChannels: Int) {
      self.weights = weights
      self.bias = bias
      self.outputChannels = outputChannels
    }
  }

  private let height: Int
  private let width: Int
  private let inputChannels: Int
  private let (first, second): (Layer, Layer)

  /// Nil for channels that Winograd's transform is not for.
  public init?(height: Int, width: Int, inputChannels: Int, _ first: Layer, _ second: Layer) {
    let layers = [(inputChannels, first.outputChannels), (first.outputChannels, second.outputChannels)].map {
      ChannelsLastConvolution(batch: 1, height: height, width: width, inputChannels: $0.0, outputChannels: $0.1)
    }
    guard layers.allSatisfy({ $0.path == .winograd }) else { return nil }
    (self.height, self.width, self.inputChannels, self.first, self.second) = (height, width, inputChannels, first, second)
  }

  /// Rows of tiles between a layer and the next.
  private static let rowsAtATime = 4

  /// Writes y, or adds to what is there; then x and y may be one.
  public func callAsFunction(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, adding: Bool) {
    let one = Transformed(first, inputChannels: inputChannels, height: height, width: width)
    let two = Transformed(second, inputChannels: first.outputChannels, height: height, width: width)
    defer {
      one.filters.deallocate()
      two.filters.deallocate()
    }
    let rows = one.rows
    let pieces = max(1, min(Parallel.threads, rows / (2 * Self.rowsAtATime)))
    let cuts = (0...pieces).map { $0 * rows / pieces }
    let (x, y) = (Shared(x), SharedMutable(y))
    // What both sides of a cut need of the first layer, before either changes x.
    let length = width * first.outputChannels
    let seams = Parallel.map(pieces - 1) { i in
      let cut = cuts[i + 1]
      return Seam(firstRow: cut - 1, values: one.made(cut - 1..<cut + 1, x.pointer, length: length))
    }
    Parallel.forEach(pieces) { i in
      work(
        one, two, cuts[i]..<cuts[i + 1], before: i > 0 ? seams[i - 1] : nil, after: i < pieces - 1 ? seams[i] : nil, x.pointer,
        y.pointer, adding)
    }
  }

  /// Two rows of tiles of the first layer at a cut.
  private struct Seam: Sendable {
    let firstRow: Int
    let values: [Float]
  }

  /// The rows of tiles `piece` of y.
  private func work(
    _ one: Transformed, _ two: Transformed, _ piece: Range<Int>, before: Seam?, after: Seam?, _ x: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>, _ adding: Bool
  ) {
    let step = Self.rowsAtATime
    // Numbers of a row of tiles.
    let middle = CK_TILE * width * first.outputChannels
    let between = UnsafeMutablePointer<Float>.allocate(capacity: (step + 2) * middle)
    defer { between.deallocate() }
    // Rows of tiles `held` of the first layer lie in `between`.
    var held = piece.lowerBound..<piece.lowerBound
    if let before {
      between.update(from: before.values, count: before.values.count)
      held = before.firstRow..<before.firstRow + 2
    }
    for begin in stride(from: piece.lowerBound, to: piece.upperBound, by: step) {
      let end = min(begin + step, piece.upperBound)
      let needed = min(end + 1, one.rows)
      let kept = max(begin - 1, held.lowerBound)
      if kept > held.lowerBound {
        between.update(from: between + (kept - held.lowerBound) * middle, count: (held.upperBound - kept) * middle)
        held = kept..<held.upperBound
      }
      let own = after.map { min(needed, $0.firstRow) } ?? needed
      if own > held.upperBound {
        one(held.upperBound..<own, x, into: between - held.lowerBound * middle, CK_RECTIFIED)
        held = held.lowerBound..<own
      }
      if let after, needed > held.upperBound {
        let from = held.upperBound - after.firstRow
        let count = min(after.values.count - from * middle, (needed - held.upperBound) * middle)
        after.values.withUnsafeBufferPointer {
          (between + (held.upperBound - held.lowerBound) * middle).update(from: $0.baseAddress! + from * middle, count: count)
        }
        held = held.lowerBound..<needed
      }
      two(begin..<end, UnsafePointer(between) - held.lowerBound * middle, into: y, adding ? CK_ADDED : CK_STORED)
    }
  }

  /// A layer with its filters under Winograd's transform.
  private struct Transformed: @unchecked Sendable {
    private let layer: ck_convolution
    private let bias: [Float]?
    let filters: UnsafeMutablePointer<Float>
    let rows: Int
    let tilesOfARow: Int

    init(_ weights: Layer, inputChannels: Int, height: Int, width: Int) {
      var layer = ck_convolution_of(Int64(height), Int64(width), Int64(inputChannels), Int64(weights.outputChannels))
      let bytes = 4 * Int(ck_convolution_filter_count(&layer))
      filters = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64).assumingMemoryBound(to: Float.self)
      ck_convolution_filters_into(&layer, weights.weights, filters)
      tilesOfARow = (width + CK_TILE - 1) / CK_TILE
      rows = (height + CK_TILE - 1) / CK_TILE
      self.layer = layer
      bias = weights.bias
    }

    /// Rows of tiles of y, where x and y begin with the image's first row.
    func callAsFunction(_ range: Range<Int>, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, _ finish: ck_finish) {
      var layer = layer
      let tiles = (Int64(range.lowerBound * tilesOfARow), Int64(range.upperBound * tilesOfARow))
      if let bias {
        ck_convolve3x3(&layer, x, filters, bias, y, finish, 0, tiles.0, tiles.1)
      } else {
        ck_convolve3x3(&layer, x, filters, nil, y, finish, 0, tiles.0, tiles.1)
      }
    }

    /// Rectified rows of tiles on their own.
    func made(_ range: Range<Int>, _ x: UnsafePointer<Float>, length: Int) -> [Float] {
      let numbers = CK_TILE * length
      return [Float](unsafeUninitializedCapacity: range.count * numbers) { out, filled in
        self(range, x, into: out.baseAddress! - range.lowerBound * numbers, CK_RECTIFIED)
        filled = range.count * numbers
      }
    }
  }
}
