// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// One of the eight flips and turns of a square: images `[…, h, w]` to `[…, h, w]`, or to `[…, w, h]` where it transposes. Orthogonal: the
/// adjoint is the inverse.
public struct Orientation: LinearOperator, Hashable, CaseIterable {
  /// Rows and columns change places, before anything is flipped.
  public let transposes: Bool
  /// The rows come in reverse order.
  public let flipsRows: Bool
  /// The columns come in reverse order.
  public let flipsColumns: Bool

  public init(transposes: Bool, flipsRows: Bool, flipsColumns: Bool) {
    self.transposes = transposes
    self.flipsRows = flipsRows
    self.flipsColumns = flipsColumns
  }

  /// Orientation `index` of eight; 0 leaves images as they are.
  public init(index: Int) {
    precondition((0..<8).contains(index), "orientation \(index) of 8")
    self.init(transposes: index & 1 != 0, flipsRows: index & 2 != 0, flipsColumns: index & 4 != 0)
  }

  public static let allCases: [Orientation] = (0..<8).map(Orientation.init(index:))

  public var domainShape: [Int] { [] }
  public var codomainShape: [Int] { [] }
  public var lipschitz: Double { 1 }

  public func forward(_ images: Tensor) -> Tensor {
    turned(images) { i, j, h, w in
      let (r, c) = (flipsRows ? h - 1 - i : i, flipsColumns ? w - 1 - j : j)
      return transposes ? (c, r) : (r, c)
    }
  }

  public func adjoint(_ images: Tensor) -> Tensor {
    turned(images) { i, j, h, w in
      let (r, c) = transposes ? (j, i) : (i, j)
      // The extents before: those of the images here.
      let (rows, columns) = transposes ? (w, h) : (h, w)
      return (flipsRows ? rows - 1 - r : r, flipsColumns ? columns - 1 - c : c)
    }
  }

  /// Pixel (i, j) of a result of h × w is the pixel that `source` names.
  private func turned(_ images: Tensor, _ source: (_ i: Int, _ j: Int, _ h: Int, _ w: Int) -> (Int, Int)) -> Tensor {
    if images.isShapelessZero { return images }
    precondition(images.shape.count >= 2, "images of shape \(images.shape); expected […, h, w]")
    let (rows, columns) = (images.shape[images.shape.count - 2], images.width)
    let (h, w) = transposes ? (columns, rows) : (rows, columns)
    var places: [Int] = []
    places.reserveCapacity(h * w)
    for i in 0..<h {
      for j in 0..<w {
        let (r, c) = source(i, j, h, w)
        places.append(r * columns + c)
      }
    }
    let shape = Array(images.shape.dropLast(2)) + [h, w]
    func gathered<S: Scalar>(_ x: [S]) -> [S] {
      stride(from: 0, to: x.count, by: max(h * w, 1)).flatMap { begin in places.map { x[begin + $0] } }
    }
    switch images.precision {
    case .single: return Tensor(gathered(images.floats), shape: shape)
    case .double: return Tensor(gathered(images.doubles), shape: shape)
    }
  }
}
