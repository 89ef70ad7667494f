// SPDX-License-Identifier: Apache-2.0

extension Tensor {
  /// Images `[…, h, w]` continued periodically by `rows` above and below and `columns` left and right. Not differentiable.
  public func periodicallyExtended(rows: Int, columns: Int) -> Tensor {
    precondition(rows >= 0 && columns >= 0, "extending \(shape) by \(rows) rows and \(columns) columns")
    return resampled(rows: rows, columns: columns)
  }

  /// Images `[…, h, w]` without `rows` above and below and `columns` left and right. Not differentiable.
  public func cropped(rows: Int, columns: Int) -> Tensor {
    precondition(
      rows >= 0 && columns >= 0
        && (isShapelessZero || shape.count >= 2 && shape.suffix(2).elementsEqual([2 * rows, 2 * columns], by: >=)),
      "cropping \(shape) by \(rows) rows and \(columns) columns a side")
    return resampled(rows: -rows, columns: -columns)
  }

  /// Pixel (i, j) of the result is pixel (i − rows, j − columns) of the periodic continuation.
  private func resampled(rows: Int, columns: Int) -> Tensor {
    if isShapelessZero { return self }
    precondition(shape.count >= 2, "a tensor of shape \(shape) holds no images")
    let (h, w) = (shape[shape.count - 2], shape[shape.count - 1])
    let (newHeight, newWidth) = (h + 2 * rows, w + 2 * columns)
    let images = shape.dropLast(2).reduce(1, *)
    let newShape = shape.dropLast(2) + [newHeight, newWidth]
    guard h > 0, w > 0, newHeight > 0, newWidth > 0 else { return .zeros(Array(newShape), precision: precision) }
    let column = (0..<newWidth).map { j in ((j - columns) % w + w) % w }
    func run<S>(_ v: [S]) -> [S] {
      [S](unsafeUninitializedCapacity: images * newHeight * newWidth) { out, filled in
        var at = 0
        for image in 0..<images {
          for i in 0..<newHeight {
            let line = (image * h + ((i - rows) % h + h) % h) * w
            for j in column {
              out.initializeElement(at: at, to: v[line + j])
              at += 1
            }
          }
        }
        filled = at
      }
    }
    switch buffer {
    case .zero: return self
    case .single(let v): return Tensor(shape: Array(newShape), buffer: .single(run(v)))
    case .double(let v): return Tensor(shape: Array(newShape), buffer: .double(run(v)))
    }
  }
}
