// SPDX-License-Identifier: Apache-2.0
import Kernels

/// Rows of maps of one image that come from top to bottom, of which those are held that are still needed. In single precision.
public struct RowWindow: Sendable {
  /// Pixels of a row.
  public let width: Int
  public let channels: Int
  /// The index of the first row held, and that of the row after the last.
  public private(set) var first = 0
  public private(set) var end = 0
  private var values: [Float] = []

  public init(width: Int, channels: Int) { (self.width, self.channels) = (width, channels) }

  /// Numbers of a row.
  public var rowLength: Int { width * channels }

  /// Appends `count` rows that `body` writes.
  public mutating func append(rows count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    grow(to: end + count)
    let place = (end - first) * rowLength
    values.withUnsafeMutableBufferPointer { if count > 0 { body($0.baseAddress! + place) } }
    end += count
  }

  /// Appends rows that lie one after another.
  public mutating func append(_ rows: ArraySlice<Float>) {
    precondition(rows.count % rowLength == 0, "\(rows.count) numbers in rows of \(rowLength)")
    append(rows: rows.count / rowLength) { out in
      rows.withUnsafeBufferPointer { out.update(from: $0.baseAddress!, count: $0.count) }
    }
  }

  /// Rows before `row` are needed no more.
  public mutating func drop(before row: Int) {
    let count = min(max(row - first, 0), end - first)
    if count == 0 { return }
    let (left, gone) = ((end - first - count) * rowLength, count * rowLength)
    values.withUnsafeMutableBufferPointer { values in
      if left > 0 { values.baseAddress!.update(from: values.baseAddress! + gone, count: left) }
    }
    first += count
  }

  /// The rows of `range`.
  public func withRows<Result>(_ range: Range<Int>, _ body: (UnsafePointer<Float>) -> Result) -> Result {
    precondition(first <= range.lowerBound && range.upperBound <= end, "rows \(range) of \(first)..<\(end)")
    return values.withUnsafeBufferPointer { body($0.baseAddress! + (range.lowerBound - first) * rowLength) }
  }

  /// Room for rows up to `row`, none of them initialised: what is there already stays.
  fileprivate mutating func grow(to row: Int) {
    let count = (row - first) * rowLength
    if count > values.count { values += [Float](repeating: 0, count: count - values.count) }
  }

  /// Rows from `begin` on written by `body`, which may write over the row at `begin` where it is held: it is put back.
  fileprivate mutating func write(from begin: Int, to written: Int, ready: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    grow(to: written)
    let (length, place) = (rowLength, (begin - first) * rowLength)
    values.withUnsafeMutableBufferPointer { values in
      let row = values.baseAddress! + place
      let kept = begin < end ? Array(UnsafeBufferPointer(start: row, count: length)) : []
      body(row)
      if !kept.isEmpty { row.update(from: kept, count: length) }
    }
    end = ready
  }
}

/// A 3 × 3 convolution layer over maps of one image whose rows come from top to bottom: what ``convolved(_:_:rectified:pieces:)`` makes of the
/// whole maps, in single precision. A row of the result is ready when the row below it has come.
public struct RowLayer: Sendable {
  public let inputChannels: Int
  public let outputChannels: Int
  private let weight: [Float]
  private let bias: [Float]?
  private let rectified: Bool
  fileprivate var layer: ConvolutionPairs.Layer {
    ConvolutionPairs.Layer(weights: weight, bias: bias, outputChannels: outputChannels)
  }

  /// - Parameters: `weight`, `[out, in, 3, 3]`; `bias`, `[out]`, or `.zero` for none.
  public init(_ weight: Tensor, bias: Tensor = .zero, rectified: Bool = false) {
    precondition(weight.shape.count == 4 && weight.shape[2...] == [3, 3], "filters of shape \(weight.shape)")
    (outputChannels, inputChannels) = (weight.shape[0], weight.shape[1])
    self.weight = weight.floats
    self.bias = bias.isShapelessZero ? nil : bias.floats
    self.rectified = rectified
  }

  /// The layer on `count` rows, zeros above and below them.
  public func callAsFunction(_ rows: UnsafePointer<Float>, count: Int, width: Int, into out: UnsafeMutablePointer<Float>) {
    var layer = ChannelsLastConvolution(
      batch: 1, height: count, width: width, inputChannels: inputChannels, outputChannels: outputChannels)
    layer.arithmetic = .current
    if let bias {
      layer.forward(rows, weight, bias: bias, rectified: rectified, into: out)
    } else {
      layer.forward(rows, weight, rectified: rectified, into: out)
    }
  }

  /// Appends to `result` the rows that `source` makes ready; with `isLast`, all that are left: below are zeros. Of `source` the rows from
  /// `result.end − 1` on are needed, before and after.
  public func append(to result: inout RowWindow, of source: RowWindow, isLast: Bool) {
    let (begin, ready) = (max(result.end - 1, 0), isLast ? source.end : source.end - 1)
    guard ready > result.end else { return }
    let range = begin..<source.end
    result.write(from: begin, to: source.end, ready: ready) { out in
      source.withRows(range) { self($0, count: range.count, width: source.width, into: out) }
    }
  }

  /// The rows from `made` on that `source` makes ready, with the same rows of `other` added.
  public func rows(from made: Int, of source: RowWindow, adding other: RowWindow? = nil, isLast: Bool) -> ArraySlice<Float> {
    let (begin, ready) = (max(made - 1, 0), isLast ? source.end : source.end - 1)
    guard ready > made else { return [] }
    let (range, length) = (begin..<source.end, source.width * outputChannels)
    return [Float](unsafeUninitializedCapacity: range.count * length) { out, filled in
      source.withRows(range) { self($0, count: range.count, width: source.width, into: out.baseAddress!) }
      if let other {
        let rows = out.baseAddress! + (made - begin) * length
        other.withRows(made..<ready) { Float.add(rows, $0, rows, (ready - made) * length) }
      }
      filled = range.count * length
    }[(made - begin) * length..<(ready - begin) * length]
  }
}

/// Two layers, the first of them rectified, on the maps of a whole image: y = second(first(x)), or y += second(first(x)).
public struct RowLayerPair: Sendable {
  private let (first, second): (RowLayer, RowLayer)
  private let height: Int
  private let width: Int
  private let together: ConvolutionPairs?

  public init(_ first: RowLayer, _ second: RowLayer, height: Int, width: Int) {
    (self.first, self.second, self.height, self.width) = (first, second, height, width)
    together =
      Arithmetic.current == .single
      ? ConvolutionPairs(height: height, width: width, inputChannels: first.inputChannels, first.layer, second.layer) : nil
  }

  /// Writes y.
  public func callAsFunction(_ x: [Float], into y: inout [Float]) {
    y.withUnsafeMutableBufferPointer { y in
      if let together { return together(x, into: y.baseAddress!, adding: false) }
      second(made(x, by: first), count: height, width: width, into: y.baseAddress!)
    }
  }

  /// Adds to y.
  public func callAsFunction(_ x: [Float], addingTo y: inout [Float]) {
    y.withUnsafeMutableBufferPointer { y in
      if let together { return together(x, into: y.baseAddress!, adding: true) }
      add(x, to: y)
    }
  }

  /// Adds to x itself.
  public func callAsFunction(addingTo x: inout [Float]) {
    x.withUnsafeMutableBufferPointer { x in
      if let together { return together(x.baseAddress!, into: x.baseAddress!, adding: true) }
      add(Array(x), to: x)
    }
  }

  private func add(_ x: [Float], to y: UnsafeMutableBufferPointer<Float>) {
    let correction = made(made(x, by: first), by: second)
    Float.add(y.baseAddress!, correction, y.baseAddress!, y.count)
  }

  private func made(_ x: [Float], by layer: RowLayer) -> [Float] {
    [Float](unsafeUninitializedCapacity: height * width * layer.outputChannels) { out, filled in
      layer(x, count: height, width: width, into: out.baseAddress!)
      filled = out.count
    }
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
    [Float](unsafeUninitializedCapacity: count) { out, filled in
      if count > 0 { take(count, into: out.baseAddress!) }
      filled = count
    }
  }

  /// The next `wanted` numbers, written to `out`.
  public mutating func take(_ wanted: Int, into out: UnsafeMutablePointer<Float>) {
    precondition(wanted <= count, "\(wanted) numbers of \(count) that wait")
    var (place, used) = (0, 0)
    while place < wanted {
      let piece = pieces[used]
      let length = min(piece.count, wanted - place)
      piece.withUnsafeBufferPointer { (out + place).initialize(from: $0.baseAddress!, count: length) }
      place += length
      if length == piece.count { used += 1 } else { pieces[used] = piece.dropFirst(length) }
    }
    pieces.removeFirst(used)
    count -= wanted
  }
}
