// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The 3 × 3 convolution layer with zeros outside on channels-last maps `[batch, height, width, channel]`, weights `[out, in, 3, 3]`:
///
/// y[p, o] = b[o] + Σ_c,t w[o, c, t] x[p + t, c], t over the nine taps; with `rectified`, max(y, 0).
///
/// Here a pixel's channels are one or more vectors. In single precision 32 → 32 and other suitable channel counts run through
/// Winograd's F(6 × 6, 3 × 3) or F(4 × 4, 3 × 3), whichever takes fewer multiplications for the size of the maps: a fifth to a quarter of
/// the definition's, and some ten times its rounding (1e-6 relative); 1 → 32 and 32 → 1 have kernels of their own. A few channels, such as
/// the two of complex numbers or the three of a colour, on one side are filled up with zeros to a vector's. Everything else goes through
/// ``Convolution``. Large maps and batches in pieces are spread over idle threads; results of a sample do not depend on the rest
/// of the batch, nor on the threads.
public struct ChannelsLastConvolution: Hashable, Sendable {
  public var batch: Int
  public var height: Int
  public var width: Int
  public var inputChannels: Int
  public var outputChannels: Int
  /// The batch is cut into this many pieces, spread over the threads. What is summed over the batch is summed by pieces, in order.
  public var pieces: Int
  public var arithmetic = Arithmetic.single

  public init(batch: Int, height: Int, width: Int, inputChannels: Int, outputChannels: Int, pieces: Int = 1) {
    precondition(
      min(batch, height, width, inputChannels, outputChannels) >= 0,
      "convolution: \(batch) maps of \(height) × \(width), \(inputChannels) to \(outputChannels) channels")
    self.batch = batch
    self.height = height
    self.width = width
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.pieces = max(1, min(pieces, batch))
  }

  public var inputCount: Int { batch * height * width * inputChannels }
  public var outputCount: Int { batch * height * width * outputChannels }
  public var weightCount: Int { 9 * inputChannels * outputChannels }

  /// How it is computed in single precision.
  public enum Path: String, Sendable { case winograd, expand, collapse, filled, library }

  public var path: Path {
    let unit = Int(ck_convolution_channels())
    func fits(_ channels: Int) -> Bool { channels > 0 && channels % unit == 0 }
    guard batch > 0, height > 0, width > 0 else { return .library }
    if inputChannels == 1, fits(outputChannels) { return .expand }
    if outputChannels == 1, fits(inputChannels) { return .collapse }
    if fits(inputChannels) && fits(outputChannels) { return .winograd }
    func isFew(_ channels: Int) -> Bool { channels > 0 && channels < unit }
    return isFew(inputChannels) && fits(outputChannels) || isFew(outputChannels) && fits(inputChannels) ? .filled : .library
  }

  /// y from x; `bias` has a number for every channel of y, or is nil for zeros.
  public func forward<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, bias: UnsafePointer<S>? = nil, rectified: Bool = false,
    into y: UnsafeMutablePointer<S>
  ) {
    // The library's branches call code of one precision, which the compiler can specialise.
    guard let x1 = single(x), let w1 = single(weights), let y1 = single(y) else {
      return libraryPieces(double(x), double(weights), bias: bias.map { double($0) }, rectified: rectified, into: double(y))
    }
    let bias1 = bias.flatMap { single($0) }
    if arithmetic == .mixed, let mixed = MixedConvolution(self) {
      return mixed.forward(x1, w1, bias: bias1, rectified: rectified, into: y1)
    }
    switch path {
    case .winograd: return winograd(x1, w1, bias: bias1, rectified ? CK_RECTIFIED : CK_STORED, into: y1)
    case .expand: expand(x1, w1, bias: bias1, flipped: false, channels: outputChannels, into: y1)
    case .collapse:
      collapse(x1, w1, flipped: false, channels: inputChannels, into: y1)
      if let bias1 { Float.addRows(bias1, y1, batch * height * width, 1) }
    case .filled: return filledForward(x1, w1, bias: bias1, rectified: rectified, into: y1)
    case .library: return libraryPieces(x1, w1, bias: bias1, rectified: rectified, into: y1)
    }
    if rectified { Float.relu(y1, y1, outputCount) }
  }

  /// The same soft-thresholded, sign(y) max(|y| − θ, 0), as ``Scalar/softThreshold`` does it.
  public func forward<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, softThreshold threshold: S, into y: UnsafeMutablePointer<S>
  ) {
    if case .winograd = path, arithmetic == .single, threshold >= 0, let x = single(x), let weights = single(weights),
      let y = single(y)
    {
      winograd(x, weights, bias: nil, CK_THRESHOLDED, threshold: Float(threshold), into: y)
    } else {
      forward(x, weights, into: y)
      ElementPieces.write(y, y, outputCount) { S.softThreshold($0, threshold, $1, $2) }
    }
  }

  /// Tiles of a band: half a millisecond of work, whatever the threads.
  private func winograd(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, _ finish: ck_finish,
    threshold: Float = 0, into y: UnsafeMutablePointer<Float>
  ) {
    var layer = layer
    let filters = ck_convolution_filters(&layer, weights)!
    defer { ck_release_filters(&layer, filters) }
    let (x, shared, bias, y, plan) = (Shared(x), Shared(UnsafePointer(filters)), bias.map { Shared($0) }, SharedMutable(y), layer)
    let tiles = batch * Int(ck_convolution_tiles(&layer))
    RowPieces(rows: tiles, size: max(1, 216 * 1024 / (inputChannels * outputChannels))).forEach {
      var layer = plan
      ck_convolve3x3(
        &layer, x.pointer, shared.pointer, bias?.pointer, y.pointer, finish, threshold, Int64($0.lowerBound), Int64($0.upperBound))
    }
  }

  private func expand(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, flipped: Bool, channels: Int,
    into y: UnsafeMutablePointer<Float>
  ) {
    let (x, weights, bias, y) = (Shared(x), Shared(weights), bias.map { Shared($0) }, SharedMutable(y))
    RowPieces(rows: batch * height, size: rowsOfBand(channels)).forEach {
      ck_expand3x3(
        x.pointer, weights.pointer, bias?.pointer, y.pointer, Int64(height), Int64(width), Int64(channels), flipped ? 1 : 0,
        Int64($0.lowerBound), Int64($0.upperBound))
    }
  }

  private func collapse(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, flipped: Bool, channels: Int, into y: UnsafeMutablePointer<Float>
  ) {
    let (x, weights, y) = (Shared(x), Shared(weights), SharedMutable(y))
    RowPieces(rows: batch * height, size: rowsOfBand(channels)).forEach {
      ck_collapse3x3(
        x.pointer, weights.pointer, y.pointer, Int64(height), Int64(width), Int64(channels), flipped ? 1 : 0, Int64($0.lowerBound),
        Int64($0.upperBound))
    }
  }

  private func rowsOfBand(_ channels: Int) -> Int { max(1, (1 << 20) / (width * channels)) }

  private var layer: ck_convolution {
    ck_convolution_of(Int64(height), Int64(width), Int64(inputChannels), Int64(outputChannels))
  }

  /// The adjoints at a cotangent v: dx and, summed over the batch, dw and, unless nil, db.
  ///
  /// - Parameter y: what `forward` gave when `rectified`, else nil; where it is not positive v is taken as 0.
  public func pullback<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, rectified y: UnsafePointer<S>?, _ v: UnsafePointer<S>,
    dx: UnsafeMutablePointer<S>, dw: UnsafeMutablePointer<S>, db: UnsafeMutablePointer<S>? = nil
  ) {
    if pieces > 1 { return pullbackOfPieces(x, weights, rectified: y, v, dx: dx, dw: dw, db: db) }
    if let x1 = single(x), let w1 = single(weights), let v1 = single(v), let dx1 = single(dx), let dw1 = single(dw),
      path == .winograd
    {
      let (y1, db1) = (y.flatMap { single($0) }, db.flatMap { single($0) })
      if arithmetic == .mixed, let mixed = MixedConvolution(self) {
        return mixed.pullback(x1, w1, rectified: y1, v1, dx: dx1, dw: dw1, db: db1)
      }
      var layer = layer
      ck_convolve3x3_pullback(&layer, x1, w1, y1, v1, dx1, dw1, db1, Int64(batch))
      return
    }
    guard let y else { return linearPullback(x, weights, v, dx: dx, dw: dw, db: db) }
    withUnsafeTemporaryAllocation(of: S.self, capacity: outputCount) { masked in
      guard let masked = masked.baseAddress else { return linearPullback(x, weights, v, dx: dx, dw: dw, db: db) }
      S.reluPullback(y, v, masked, outputCount)
      linearPullback(x, weights, masked, dx: dx, dw: dw, db: db)
    }
  }

  /// Piece `i` of the batch and its first sample.
  private func piece(_ i: Int) -> (layer: Self, first: Int) {
    let (first, end) = (i * batch / pieces, (i + 1) * batch / pieces)
    var piece = self
    (piece.batch, piece.pieces) = (end - first, 1)
    return (piece, first)
  }

  private var pixelCount: Int { height * width }

  private func pullbackOfPieces<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, rectified y: UnsafePointer<S>?, _ v: UnsafePointer<S>,
    dx: UnsafeMutablePointer<S>, dw: UnsafeMutablePointer<S>, db: UnsafeMutablePointer<S>?
  ) {
    let (shared, mask, cotangent, filters, adjoint) = (
      Shared(x), y.map { Shared($0) }, Shared(v), Shared(weights), SharedMutable(dx)
    )
    let isBiased = db != nil
    let parts = Parallel.map(pieces) { i -> (dw: [S], db: [S]) in
      let (piece, first) = piece(i)
      let (from, to) = (first * pixelCount * inputChannels, first * pixelCount * outputChannels)
      var (dw, db) = ([S](repeating: 0, count: weightCount), [S](repeating: 0, count: outputChannels))
      db.withUnsafeMutableBufferPointer { db in
        piece.pullback(
          shared.pointer + from, filters.pointer, rectified: mask.map { $0.pointer + to }, cotangent.pointer + to,
          dx: adjoint.pointer + from, dw: &dw, db: isBiased ? db.baseAddress : nil)
      }
      return (dw, db)
    }
    for (i, part) in parts.enumerated() {
      if i == 0 {
        dw.initialize(from: part.dw, count: weightCount)
        db?.initialize(from: part.db, count: outputChannels)
      } else {
        S.axpy(1, part.dw, dw, weightCount)
        if let db { S.axpy(1, part.db, db, outputChannels) }
      }
    }
  }

  private func linearPullback<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, _ v: UnsafePointer<S>, dx: UnsafeMutablePointer<S>,
    dw: UnsafeMutablePointer<S>, db: UnsafeMutablePointer<S>?
  ) {
    if let db {
      db.initialize(repeating: 0, count: outputChannels)
      S.sumRows(v, db, batch * height * width, outputChannels)
    }
    guard let x1 = single(x), let w1 = single(weights), let v1 = single(v), let dx1 = single(dx), let dw1 = single(dw) else {
      return libraryPullback(double(x), double(weights), double(v), dx: double(dx), dw: double(dw))
    }
    let (b, h, w) = (Int64(batch), Int64(height), Int64(width))
    switch path {
    case .expand:
      collapse(v1, w1, flipped: true, channels: outputChannels, into: dx1)
      ck_correlate3x3(x1, v1, dw1, b, h, w, Int64(outputChannels), 0)
    case .collapse:
      expand(v1, w1, bias: nil, flipped: true, channels: inputChannels, into: dx1)
      ck_correlate3x3(v1, x1, dw1, b, h, w, Int64(inputChannels), 1)
    case .filled: filledPullback(x1, w1, v1, dx: dx1, dw: dw1)
    case .winograd, .library: libraryPullback(x1, w1, v1, dx: dx1, dw: dw1)
    }
  }
}

// MARK: Few channels, filled up with zeros

extension ChannelsLastConvolution {
  private var filled: Self {
    let unit = Int(ck_convolution_channels())
    var filled = self
    (filled.inputChannels, filled.outputChannels) = (max(inputChannels, unit), max(outputChannels, unit))
    return filled
  }

  private func filledForward(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, rectified: Bool,
    into y: UnsafeMutablePointer<Float>
  ) {
    let (filled, pixels) = (filled, batch * height * width)
    filled.withFilters(weights, of: self) { weights in
      if inputChannels < filled.inputChannels {
        Self.withRows(x, pixels, inputChannels, to: filled.inputChannels) {
          filled.winograd($0, weights, bias: bias, rectified ? CK_RECTIFIED : CK_STORED, into: y)
        }
      } else {
        withAlignedScratch(Float.self, count: filled.outputCount) { wide in
          filled.winograd(x, weights, bias: nil, CK_STORED, into: wide)
          ChannelCopies.resize(wide, filled.outputChannels, into: y, outputChannels, rows: pixels)
        }
        if let bias { Float.addRows(bias, y, pixels, outputChannels) }
        if rectified { Float.relu(y, y, outputCount) }
      }
    }
  }

  private func filledPullback(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ v: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>,
    dw: UnsafeMutablePointer<Float>
  ) {
    let (filled, pixels) = (filled, batch * height * width)
    var layer = filled.layer
    filled.withFilters(weights, of: self) { weights in
      withAlignedScratch(Float.self, count: filled.weightCount) { wideWeights in
        if inputChannels < filled.inputChannels {
          Self.withRows(x, pixels, inputChannels, to: filled.inputChannels) { wide in
            withAlignedScratch(Float.self, count: filled.inputCount) { adjoint in
              ck_convolve3x3_pullback(&layer, wide, weights, nil, v, adjoint, wideWeights, nil, Int64(batch))
              ChannelCopies.resize(adjoint, filled.inputChannels, into: dx, inputChannels, rows: pixels)
            }
          }
        } else {
          Self.withRows(v, pixels, outputChannels, to: filled.outputChannels) {
            ck_convolve3x3_pullback(&layer, x, weights, nil, $0, dx, wideWeights, nil, Int64(batch))
          }
        }
        for o in 0..<outputChannels {
          let (narrow, wide) = (9 * inputChannels, 9 * filled.inputChannels)
          (dw + o * narrow).update(from: wideWeights + o * wide, count: narrow)
        }
      }
    }
  }

  private static func withRows(
    _ x: UnsafePointer<Float>, _ rows: Int, _ channels: Int, to width: Int, _ body: (UnsafePointer<Float>) -> Void
  ) {
    withAlignedScratch(Float.self, count: rows * width) {
      ChannelCopies.resize(x, channels, into: $0, width, rows: rows)
      body($0)
    }
  }

  /// The filters of `narrow`, with zeros for the channels it has not.
  private func withFilters(_ weights: UnsafePointer<Float>, of narrow: Self, _ body: (UnsafePointer<Float>) -> Void) {
    withAlignedScratch(Float.self, count: weightCount) { filters in
      filters.update(repeating: 0, count: weightCount)
      let (from, to) = (9 * narrow.inputChannels, 9 * inputChannels)
      for o in 0..<narrow.outputChannels { (filters + o * to).update(from: weights + o * from, count: from) }
      body(filters)
    }
  }
}

// MARK: Through channels-first maps

extension ChannelsLastConvolution {
  private var channelsFirst: ConvolutionShape {
    ConvolutionShape(
      inputChannels: inputChannels, outputChannels: outputChannels, height: height, width: width, kernelHeight: 3, kernelWidth: 3)
  }

  func libraryPieces<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, bias: UnsafePointer<S>?, rectified: Bool, into y: UnsafeMutablePointer<S>
  ) {
    let (x, weights, bias, y) = (Shared(x), Shared(weights), bias.map { Shared($0) }, SharedMutable(y))
    Parallel.forEach(pieces) { i in
      let (piece, first) = piece(i)
      piece.libraryForward(
        x.pointer + first * pixelCount * inputChannels, weights.pointer, bias: bias?.pointer, rectified: rectified,
        into: y.pointer + first * pixelCount * outputChannels)
    }
  }

  private func libraryForward<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, bias: UnsafePointer<S>?, rectified: Bool, into y: UnsafeMutablePointer<S>
  ) {
    let maps = firstFromLast(x, channels: inputChannels)
    var result = [S](repeating: 0, count: outputCount)
    result.withUnsafeMutableBufferPointer { result in
      guard let out = result.baseAddress, outputCount > 0 else { return }
      Convolution.forward(channelsFirst, batch: batch, maps, weights, bias: bias, into: out)
      if rectified { S.relu(out, out, outputCount) }
    }
    lastFromFirst(result, channels: outputChannels, into: y)
  }

  func libraryPullback<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, _ v: UnsafePointer<S>, dx: UnsafeMutablePointer<S>,
    dw: UnsafeMutablePointer<S>
  ) {
    let cotangent = firstFromLast(v, channels: outputChannels)
    Convolution.backwardWeights(channelsFirst, batch: batch, firstFromLast(x, channels: inputChannels), cotangent, into: dw)
    var result = [S](repeating: 0, count: inputCount)
    result.withUnsafeMutableBufferPointer { result in
      guard let out = result.baseAddress, inputCount > 0 else { return }
      Convolution.backwardData(channelsFirst, batch: batch, cotangent, weights, into: out)
    }
    lastFromFirst(result, channels: inputChannels, into: dx)
  }

  private func firstFromLast<S: Scalar>(_ x: UnsafePointer<S>, channels: Int) -> [S] {
    let pixels = height * width
    return [S](unsafeUninitializedCapacity: batch * pixels * channels) { out, filled in
      for i in stride(from: 0, to: out.count, by: max(1, pixels * channels)) {
        S.transpose(x + i, out.baseAddress! + i, pixels, channels)
      }
      filled = batch * pixels * channels
    }
  }

  private func lastFromFirst<S: Scalar>(_ x: [S], channels: Int, into out: UnsafeMutablePointer<S>) {
    let pixels = height * width
    x.withUnsafeBufferPointer { x in
      for i in stride(from: 0, to: x.count, by: max(1, pixels * channels)) {
        S.transpose(x.baseAddress! + i, out + i, channels, pixels)
      }
    }
  }
}
