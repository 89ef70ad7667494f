// SPDX-License-Identifier: Apache-2.0

/// Convolution as a matrix product with the patches of the input, one sample at a time, in either precision.
enum PatchConvolution {
  static func forward<S: Scalar>(
    _ shape: ConvolutionShape, batch: Int, _ x: UnsafePointer<S>, _ w: UnsafePointer<S>, bias: UnsafePointer<S>?,
    into y: UnsafeMutablePointer<S>
  ) {
    let plane = shape.outputHeight * shape.outputWidth
    withPatches(of: shape) { (patches: UnsafeMutablePointer<S>, rows: Int) in
      for b in 0..<batch {
        let out = y + b * shape.outputCount
        if let bias {
          for o in 0..<shape.outputChannels { (out + o * plane).update(repeating: bias[o], count: plane) }
        } else if rows == 0 {
          out.update(repeating: 0, count: shape.outputCount)
        }
        guard rows > 0 else { continue }
        gather(shape, x + b * shape.inputCount, into: patches)
        S.gemm(
          transposeA: false, transposeB: false, m: shape.outputChannels, n: plane, k: rows, alpha: 1, w, patches,
          beta: bias == nil ? 0 : 1, out)
      }
    }
  }

  static func backwardData<S: Scalar>(
    _ shape: ConvolutionShape, batch: Int, _ v: UnsafePointer<S>, _ w: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>
  ) {
    let plane = shape.outputHeight * shape.outputWidth
    dx.update(repeating: 0, count: batch * shape.inputCount)
    guard !shape.isEmpty else { return }
    withPatches(of: shape) { (patches: UnsafeMutablePointer<S>, rows: Int) in
      for b in 0..<batch {
        S.gemm(
          transposeA: true, transposeB: false, m: rows, n: plane, k: shape.outputChannels, alpha: 1, w, v + b * shape.outputCount,
          beta: 0, patches)
        scatter(shape, patches, addingTo: dx + b * shape.inputCount)
      }
    }
  }

  static func backwardWeights<S: Scalar>(
    _ shape: ConvolutionShape, batch: Int, _ x: UnsafePointer<S>, _ v: UnsafePointer<S>, into dw: UnsafeMutablePointer<S>
  ) {
    let plane = shape.outputHeight * shape.outputWidth
    dw.update(repeating: 0, count: shape.weightCount)
    guard !shape.isEmpty else { return }
    withPatches(of: shape) { (patches: UnsafeMutablePointer<S>, rows: Int) in
      for b in 0..<batch {
        gather(shape, x + b * shape.inputCount, into: patches)
        S.gemm(
          transposeA: false, transposeB: true, m: shape.outputChannels, n: rows, k: plane, alpha: 1, v + b * shape.outputCount,
          patches, beta: 1, dw)
      }
    }
  }

  /// Scratch for one sample's patches, `[in · kernelHeight · kernelWidth, outputHeight · outputWidth]`, and its number of rows.
  private static func withPatches<S: Scalar>(of shape: ConvolutionShape, _ body: (UnsafeMutablePointer<S>, Int) -> Void) {
    let rows = shape.isEmpty ? 0 : shape.inputChannels * shape.kernelHeight * shape.kernelWidth
    let patches = UnsafeMutablePointer<S>.allocate(capacity: max(1, rows * shape.outputHeight * shape.outputWidth))
    defer { patches.deallocate() }
    body(patches, rows)
  }

  /// patches[(c, k, l), (i, j)] = x[c, i + k − paddingHeight, j + l − paddingWidth], 0 outside.
  private static func gather<S: Scalar>(_ s: ConvolutionShape, _ x: UnsafePointer<S>, into patches: UnsafeMutablePointer<S>) {
    var row = patches
    forEachRun(s) { image, first, columns in
      row.update(repeating: 0, count: s.outputWidth)
      if let image, !columns.isEmpty {
        (row + columns.lowerBound).update(from: x + image + first + columns.lowerBound, count: columns.count)
      }
      row += s.outputWidth
    }
  }

  /// The adjoint of ``gather(_:_:into:)``.
  private static func scatter<S: Scalar>(_ s: ConvolutionShape, _ patches: UnsafePointer<S>, addingTo x: UnsafeMutablePointer<S>) {
    var row = patches
    forEachRun(s) { image, first, columns in
      if let image, !columns.isEmpty {
        S.axpy(1, row + columns.lowerBound, x + image + first + columns.lowerBound, columns.count)
      }
      row += s.outputWidth
    }
  }

  /// Every row of output pixels of every (c, k, l): where its image row starts (nil outside), the shift l − paddingWidth, and the
  /// output columns that see the image.
  private static func forEachRun(_ s: ConvolutionShape, _ body: (_ image: Int?, _ shift: Int, _ columns: Range<Int>) -> Void) {
    for c in 0..<s.inputChannels {
      for k in 0..<s.kernelHeight {
        for l in 0..<s.kernelWidth {
          let shift = l - s.paddingWidth
          let first = min(max(0, -shift), s.outputWidth)
          let columns = first..<max(first, min(s.outputWidth, s.width - shift))
          for i in 0..<s.outputHeight {
            let line = i + k - s.paddingHeight
            body(line >= 0 && line < s.height ? (c * s.height + line) * s.width : nil, shift, columns)
          }
        }
      }
    }
  }
}

extension Reference {
  /// Convolution by the definition; see ``Convolution``.
  public static func convolution<S: Scalar>(
    _ s: ConvolutionShape, batch: Int, _ x: UnsafePointer<S>, _ w: UnsafePointer<S>, bias: UnsafePointer<S>?,
    into y: UnsafeMutablePointer<S>
  ) {
    let plane = s.outputHeight * s.outputWidth
    for b in 0..<batch {
      for o in 0..<s.outputChannels {
        (y + (b * s.outputChannels + o) * plane).update(repeating: bias?[o] ?? 0, count: plane)
      }
    }
    forEachProduct(s, batch: batch) { x0, w0, y0 in y[y0] += w[w0] * x[x0] }
  }

  public static func convolutionBackwardData<S: Scalar>(
    _ s: ConvolutionShape, batch: Int, _ v: UnsafePointer<S>, _ w: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>
  ) {
    dx.update(repeating: 0, count: batch * s.inputCount)
    forEachProduct(s, batch: batch) { x0, w0, y0 in dx[x0] += w[w0] * v[y0] }
  }

  public static func convolutionBackwardWeights<S: Scalar>(
    _ s: ConvolutionShape, batch: Int, _ x: UnsafePointer<S>, _ v: UnsafePointer<S>, into dw: UnsafeMutablePointer<S>
  ) {
    dw.update(repeating: 0, count: s.weightCount)
    forEachProduct(s, batch: batch) { x0, w0, y0 in dw[w0] += x[x0] * v[y0] }
  }

  public static func convolutionBackwardBias<S: Scalar>(
    _ s: ConvolutionShape, batch: Int, _ v: UnsafePointer<S>, into db: UnsafeMutablePointer<S>
  ) {
    let plane = s.outputHeight * s.outputWidth
    for o in 0..<s.outputChannels {
      db[o] = 0
      for b in 0..<batch { for i in 0..<plane { db[o] += v[(b * s.outputChannels + o) * plane + i] } }
    }
  }

  /// The positions (in x, in w, in y) of every product of the sum that defines the convolution.
  private static func forEachProduct(_ s: ConvolutionShape, batch: Int, _ body: (Int, Int, Int) -> Void) {
    for b in 0..<batch {
      for o in 0..<s.outputChannels {
        for c in 0..<s.inputChannels {
          for i in 0..<s.outputHeight {
            for j in 0..<s.outputWidth {
              for k in 0..<s.kernelHeight {
                for l in 0..<s.kernelWidth {
                  let (row, column) = (i + k - s.paddingHeight, j + l - s.paddingWidth)
                  guard row >= 0, row < s.height, column >= 0, column < s.width else { continue }
                  body(
                    ((b * s.inputChannels + c) * s.height + row) * s.width + column,
                    ((o * s.inputChannels + c) * s.kernelHeight + k) * s.kernelWidth + l,
                    ((b * s.outputChannels + o) * s.outputHeight + i) * s.outputWidth + j)
                }
              }
            }
          }
        }
      }
    }
  }
}
