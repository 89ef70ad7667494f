// SPDX-License-Identifier: Apache-2.0

/// The transposed convolution by 2 × 2 filters with stride 2 on channels-last maps, weights `[in, out, 2, 2]`:
///
/// y[b, 2i + k, 2j + l, o] = bias[o] + Σ_c w[c, o, k, l] x[b, i, j, c].
///
/// Filters do not overlap: a matrix product and a shuffle. Lines of the maps are cut into pieces by size alone, spread over the threads.
public struct TransposedConvolution: Sendable {
  /// Lines of the input, of all samples.
  public let lines: Int
  public let width: Int
  public let inputChannels: Int
  public let outputChannels: Int

  public init(batch: Int, height: Int, width: Int, inputChannels: Int, outputChannels: Int) {
    (lines, self.width) = (batch * height, width)
    (self.inputChannels, self.outputChannels) = (inputChannels, outputChannels)
  }

  public var inputCount: Int { lines * width * inputChannels }
  public var outputCount: Int { 4 * lines * width * outputChannels }
  public var weightCount: Int { 4 * inputChannels * outputChannels }

  /// Outputs of a pixel, (k, l, o).
  private var columns: Int { 4 * outputChannels }
  private var pieces: RowPieces { RowPieces(rows: lines, width: width * columns) }

  public func forward<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, bias: UnsafePointer<S>, into y: UnsafeMutablePointer<S>
  ) {
    // Both branches call code of one precision, which the compiler can specialise.
    if let x = single(x), let weights = single(weights), let bias = single(bias), let y = single(y) {
      products(x, weights, bias, into: y)
    } else {
      products(double(x), double(weights), double(bias), into: double(y))
    }
  }

  /// The adjoints at a cotangent v: dx and, summed over pixels and samples, dw and db, which must be initialised.
  public func pullback<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, _ v: UnsafePointer<S>, dx: UnsafeMutablePointer<S>,
    dw: UnsafeMutablePointer<S>, db: UnsafeMutablePointer<S>
  ) {
    if let x = single(x), let weights = single(weights), let v = single(v), let dx = single(dx), let dw = single(dw),
      let db = single(db)
    {
      adjoints(x, weights, v, dx: dx, dw: dw, db: db)
    } else {
      adjoints(double(x), double(weights), double(v), dx: double(dx), dw: double(dw), db: double(db))
    }
  }

  private func products<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, _ bias: UnsafePointer<S>, into y: UnsafeMutablePointer<S>
  ) {
    let (x, bias, y, matrix) = (Shared(x), Shared(bias), SharedMutable(y), arranged(weights))
    pieces.forEach { lines in
      let pixels = lines.count * width
      let target = y.pointer + lines.lowerBound * width * columns
      withUnsafeTemporaryAllocation(of: S.self, capacity: max(1, pixels * columns)) { product in
        S.gemm(
          transposeA: false, transposeB: false, m: pixels, n: columns, k: inputChannels, alpha: 1,
          x.pointer + lines.lowerBound * width * inputChannels, matrix, beta: 0, product.baseAddress!)
        shuffle(product.baseAddress!, lines.count, into: target)
      }
      S.addRows(bias.pointer, target, 4 * pixels, outputChannels)
    }
  }

  private func adjoints<S: Scalar>(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, _ v: UnsafePointer<S>, dx: UnsafeMutablePointer<S>,
    dw: UnsafeMutablePointer<S>, db: UnsafeMutablePointer<S>
  ) {
    let (x, v, dx, matrix) = (Shared(x), Shared(v), SharedMutable(dx), arranged(weights))
    let parts = pieces.map { lines -> (dw: [S], db: [S]) in
      let (pixels, first) = (lines.count * width, lines.lowerBound * width)
      var dw = [S](repeating: 0, count: max(1, weightCount))
      var db = [S](repeating: 0, count: max(1, outputChannels))
      withUnsafeTemporaryAllocation(of: S.self, capacity: max(1, pixels * columns)) { cotangent in
        let cotangent = cotangent.baseAddress!
        gather(v.pointer + first * columns, lines.count, into: cotangent)
        S.gemm(
          transposeA: false, transposeB: true, m: pixels, n: inputChannels, k: columns, alpha: 1, cotangent, matrix, beta: 0,
          dx.pointer + first * inputChannels)
        S.gemm(
          transposeA: true, transposeB: false, m: inputChannels, n: columns, k: pixels, alpha: 1,
          x.pointer + first * inputChannels, cotangent, beta: 0, &dw)
      }
      S.sumRows(v.pointer + first * columns, &db, 4 * pixels, outputChannels)
      return (dw, db)
    }
    var sum = [S](repeating: 0, count: weightCount)
    for part in parts {
      for at in 0..<weightCount { sum[at] += part.dw[at] }
      for o in 0..<outputChannels { db[o] += part.db[o] }
    }
    for at in 0..<weightCount {
      let (c, column) = (at / columns, at % columns)
      dw[(c * outputChannels + column % outputChannels) * 4 + column / outputChannels] += sum[at]
    }
  }

  /// From pixels of (k, l, o) to lines: the outputs (l, o) of a pixel lie beside those of the next.
  private func shuffle<S: Scalar>(_ product: UnsafePointer<S>, _ lines: Int, into y: UnsafeMutablePointer<S>) {
    let run = 2 * outputChannels
    for i in 0..<lines {
      for k in 0..<2 {
        for j in 0..<width {
          copy(product + (i * width + j) * columns + k * run, to: y + ((2 * i + k) * width + j) * run, count: run)
        }
      }
    }
  }

  private func gather<S: Scalar>(_ v: UnsafePointer<S>, _ lines: Int, into cotangent: UnsafeMutablePointer<S>) {
    let run = 2 * outputChannels
    for i in 0..<lines {
      for k in 0..<2 {
        for j in 0..<width {
          copy(v + ((2 * i + k) * width + j) * run, to: cotangent + (i * width + j) * columns + k * run, count: run)
        }
      }
    }
  }

  private func copy<S: Scalar>(_ from: UnsafePointer<S>, to: UnsafeMutablePointer<S>, count: Int) {
    UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: count * MemoryLayout<S>.stride)
  }

  /// `[in, out, 2, 2]` as the matrix `[in, (k, l, out)]`.
  private func arranged<S: Scalar>(_ weights: UnsafePointer<S>) -> [S] {
    (0..<weightCount).map { at in
      let (c, column) = (at / columns, at % columns)
      return weights[(c * outputChannels + column % outputChannels) * 4 + column / outputChannels]
    } + [0]
  }
}
