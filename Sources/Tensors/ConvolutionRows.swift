// SPDX-License-Identifier: Apache-2.0
import Kernels

/// A 3 × 3 convolution layer over maps of one image that come from top to bottom, some rows at a time: what ``convolved(_:_:rectified:pieces:)``
/// makes of the whole maps, in single precision, with three rows of memory.
///
/// A row of the result is ready when the row below it has come.
public struct ConvolutionRows: Sendable {
  public let width: Int
  public let inputChannels: Int
  public let outputChannels: Int
  private let weight: [Float]
  private let bias: [Float]?
  private let rectified: Bool
  /// The rows from the one above the next row of the result on: at most two between calls.
  private var held: [Float] = []
  /// Rows that came, and rows of the result that were ready.
  private var (seen, made) = (0, 0)

  /// - Parameters: `weight`, `[out, in, 3, 3]`; `bias`, `[out]`, or `.zero` for none; `width`, pixels of a row.
  public init(_ weight: Tensor, bias: Tensor = .zero, rectified: Bool = false, width: Int) {
    precondition(
      weight.shape.count == 4 && weight.shape[2...] == [3, 3] && width > 0,
      "filters of shape \(weight.shape) on rows of \(width) pixels")
    self.width = width
    (outputChannels, inputChannels) = (weight.shape[0], weight.shape[1])
    self.weight = weight.floats
    self.bias = bias.isShapelessZero ? nil : bias.floats
    self.rectified = rectified
  }

  /// The rows of the result that `rows` make ready, `width · outputChannels` numbers each; with `isLast`, all that are left: below are
  /// zeros.
  public mutating func push(_ rows: ArraySlice<Float>, isLast: Bool) -> ArraySlice<Float> {
    let (length, outputLength) = (width * inputChannels, width * outputChannels)
    precondition(rows.count % length == 0, "\(rows.count) numbers in rows of \(length)")
    held += rows
    seen += rows.count / length
    let (count, ready) = (held.count / length, made..<max(made, isLast ? seen : seen - 1))
    if ready.isEmpty { return [] }
    var layer = ChannelsLastConvolution(
      batch: 1, height: count, width: width, inputChannels: inputChannels, outputChannels: outputChannels)
    layer.arithmetic = .current
    let result = [Float](unsafeUninitializedCapacity: count * outputLength) { out, filled in
      if let bias {
        layer.forward(held, weight, bias: bias, rectified: rectified, into: out.baseAddress!)
      } else {
        layer.forward(held, weight, rectified: rectified, into: out.baseAddress!)
      }
      filled = count * outputLength
    }
    let first = seen - count  // of the rows held
    made = ready.upperBound
    held.removeFirst((max(made - 1, 0) - first) * length)
    return result[(ready.lowerBound - first) * outputLength..<(ready.upperBound - first) * outputLength]
  }
}

/// Rows that wait for others: numbers in, in pieces as they come, and out in their order.
public struct RowQueue: Sendable {
  private var pieces: [ArraySlice<Float>] = []
  public private(set) var count = 0

  public init() {}

  public mutating func append(_ rows: ArraySlice<Float>) {
    if rows.isEmpty { return }
    pieces.append(rows)
    count += rows.count
  }

  /// The next `count` numbers.
  public mutating func take(_ count: Int) -> [Float] {
    taken(count) { $0.update(from: $1, count: $2) }
  }

  /// `b` added to as many of the next numbers.
  public mutating func take(adding b: ArraySlice<Float>) -> [Float] {
    b.withUnsafeBufferPointer { b in
      var place = 0
      return taken(b.count) { out, a, count in
        Float.add(a, b.baseAddress! + place, into: out, count: count)
        place += count
      }
    }
  }

  private mutating func taken(
    _ wanted: Int, _ body: (_ out: UnsafeMutablePointer<Float>, _ piece: UnsafePointer<Float>, _ count: Int) -> Void
  ) -> [Float] {
    precondition(wanted <= count, "\(wanted) numbers of \(count) that wait")
    var (place, used) = (0, 0)
    let result = [Float](unsafeUninitializedCapacity: wanted) { out, filled in
      while place < wanted {
        let piece = pieces[used]
        let length = min(piece.count, wanted - place)
        piece.withUnsafeBufferPointer { body(out.baseAddress! + place, $0.baseAddress!, length) }
        place += length
        if length == piece.count { used += 1 } else { pieces[used] = piece.dropFirst(length) }
      }
      filled = wanted
    }
    pieces.removeFirst(used)
    count -= wanted
    return result
  }
}
