// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// Every second pixel of every second row of images `[batch, h, w]`, four sub-images beside a constant: maps `[batch, ⌈h/2⌉, ⌈w/2⌉, 5]` of
/// (0, 0), (1, 0), (0, 1), (1, 1), rows first, and `value`. An odd extent's last row or column is taken twice.
@differentiable(reverse)
public func subImages(_ x: Tensor, beside value: Double) -> Tensor {
  if x.isShapelessZero { return x }
  precondition(x.shape.count == 3, "subImages of \(x.shape); expected [batch, h, w]")
  return gathered(x, SubImagePlaces(height: x.shape[1], width: x.shape[2]).split(x.shape[0]), otherwise: value)
}

@derivative(of: subImages(_:beside:)) @usableFromInline
func _vjpSubImages(_ x: Tensor, beside value: Double) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Double)) {
  (
    subImages(x, beside: value),
    { v in
      if v.isShapelessZero || x.isShapelessZero { return (.zero, 0) }
      let sum = v.doubles.enumerated().reduce(0.0) { $1.offset % 5 == 4 ? $0 + $1.element : $0 }
      return (scattered(v, SubImagePlaces(height: x.shape[1], width: x.shape[2]).split(x.shape[0]), x.shape), sum)
    }
  )
}

/// The same of maps `[batch, h, w, 2]`, images beside a value of every pixel, of which the first of each square of 2 × 2 is taken.
@differentiable(reverse)
public func subImages(besideLevels x: Tensor) -> Tensor {
  if x.isShapelessZero { return x }
  precondition(x.shape.count == 4 && x.width == 2, "subImages of \(x.shape); expected [batch, h, w, 2]")
  return gathered(x, SubImagePlaces(height: x.shape[1], width: x.shape[2]).split(x.shape[0], hasLevels: true), otherwise: 0)
}

@derivative(of: subImages(besideLevels:)) @usableFromInline
func _vjpSubImages(besideLevels x: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (
    subImages(besideLevels: x),
    { v in
      if v.isShapelessZero || x.isShapelessZero { return .zero }
      return scattered(v, SubImagePlaces(height: x.shape[1], width: x.shape[2]).split(x.shape[0], hasLevels: true), x.shape)
    }
  )
}

/// The images `[batch, height, width]` of four sub-images, maps `[batch, ⌈h/2⌉, ⌈w/2⌉, 4]`: undoes ``subImages(_:beside:)``.
@differentiable(reverse,wrt: x)
public func joinedSubImages(_ x: Tensor, height: Int, width: Int) -> Tensor {
  if x.isShapelessZero { return x }
  precondition(
    x.shape == [x.shape[0], (height + 1) / 2, (width + 1) / 2, 4],
    "joinedSubImages of \(x.shape) for images of \(height) × \(width)")
  return gathered(x, SubImagePlaces(height: height, width: width).joined(x.shape[0]), otherwise: 0)
}

@derivative(of: joinedSubImages, wrt: x) @usableFromInline
func _vjpJoinedSubImages(_ x: Tensor, height: Int, width: Int) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (
    joinedSubImages(x, height: height, width: width),
    { v in
      if v.isShapelessZero || x.isShapelessZero { return .zero }
      return scattered(v, SubImagePlaces(height: height, width: width).joined(x.shape[0]), x.shape)
    }
  )
}

/// Where the numbers of one array lie in another.
private struct Places {
  let shape: [Int]
  /// −1: nowhere.
  let indices: [Int]
}

private struct SubImagePlaces {
  let height: Int
  let width: Int
  private var rows: Int { (height + 1) / 2 }
  private var columns: Int { (width + 1) / 2 }

  /// Of maps of five channels in images, or in images beside levels.
  func split(_ batch: Int, hasLevels: Bool = false) -> Places {
    let channels = hasLevels ? 2 : 1
    var indices: [Int] = []
    indices.reserveCapacity(5 * batch * rows * columns)
    for image in 0..<batch {
      for i in 0..<rows {
        for j in 0..<columns {
          for k in 0..<4 {
            let (row, column) = (min(2 * i + k % 2, height - 1), min(2 * j + k / 2, width - 1))
            indices.append(channels * ((image * height + row) * width + column))
          }
          indices.append(hasLevels ? 2 * ((image * height + 2 * i) * width + 2 * j) + 1 : -1)
        }
      }
    }
    return Places(shape: [batch, rows, columns, 5], indices: indices)
  }

  /// Of images in maps of four channels.
  func joined(_ batch: Int) -> Places {
    var indices: [Int] = []
    indices.reserveCapacity(batch * height * width)
    for image in 0..<batch {
      for i in 0..<height {
        for j in 0..<width {
          indices.append(4 * ((image * rows + i / 2) * columns + j / 2) + i % 2 + 2 * (j % 2))
        }
      }
    }
    return Places(shape: [batch, height, width], indices: indices)
  }
}

private func gathered(_ x: Tensor, _ places: Places, otherwise value: Double) -> Tensor {
  switch x.buffer {
  case .zero: x
  case .single(let v):
    Tensor(shape: places.shape, buffer: .single(places.indices.map { $0 < 0 ? Float(value) : v[$0] }))
  case .double(let v): Tensor(shape: places.shape, buffer: .double(places.indices.map { $0 < 0 ? value : v[$0] }))
  }
}

/// The transpose of ``gathered(_:_:otherwise:)``.
private func scattered(_ v: Tensor, _ places: Places, _ shape: [Int]) -> Tensor {
  func sums<S: Scalar>(_ v: [S]) -> [S] {
    var sums = [S](repeating: 0, count: shape.reduce(1, *))
    for (i, place) in places.indices.enumerated() where place >= 0 { sums[place] += v[i] }
    return sums
  }
  return switch v.buffer {
  case .zero: v
  case .single(let values): Tensor(shape: shape, buffer: .single(sums(values)))
  case .double(let values): Tensor(shape: shape, buffer: .double(sums(values)))
  }
}
