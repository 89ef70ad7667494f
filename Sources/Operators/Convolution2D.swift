// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One image seen through a bank of kernels: y[m, i, j] = Σ_k,l K[m, k, l] x[i + k − (kh − 1)/2, j + l − (kw − 1)/2], a
/// cross-correlation as in ``conv2d(_:_:)``. The adjoint correlates every map with its kernel turned by half a turn and adds up.
///
/// Domain `[…, h, w]`, codomain `[…, maps, h, w]`, both in the precision of the kernels.
public struct Convolution2D: LinearOperator {
  /// What the image is beyond its edge.
  public enum Boundary: String, Sendable, CaseIterable {
    case zero
    case circular
  }

  /// `[maps, kh, kw]`, kh and kw odd.
  public let kernels: Tensor
  public let height: Int
  public let width: Int
  public let boundary: Boundary
  /// max over frequencies of Σₘ |K̂ₘ|²: ‖A‖² with a circular boundary, where that is the image's own Fourier grid. With zeros
  /// outside, an upper bound: the image, padded by a kernel, is part of a circular one.
  public let lipschitz: Double
  /// K turned by half a turn, as the weights of one output map.
  private let turned: Tensor

  public init(kernels: Tensor, height: Int, width: Int, boundary: Boundary) {
    precondition(
      kernels.shape.count == 3 && kernels.shape[1] % 2 == 1 && kernels.shape[2] % 2 == 1 && kernels.shape[0] > 0,
      "Convolution2D: kernels of shape \(kernels.shape); expected [maps, kh, kw] with kh and kw odd")
    precondition(height > 0 && width > 0, "Convolution2D: images of \(height) × \(width)")
    self.kernels = kernels
    self.height = height
    self.width = width
    self.boundary = boundary
    let (maps, size) = (kernels.shape[0], kernels.shape[1] * kernels.shape[2])
    let values = kernels.doubles
    let halfTurned = (0..<maps).flatMap { values[$0 * size..<($0 + 1) * size].reversed() }
    turned = Tensor(halfTurned, shape: [1] + kernels.shape, precision: kernels.precision)
    let margin = boundary == .zero ? (kernels.shape[1] - 1, kernels.shape[2] - 1) : (0, 0)
    lipschitz = Self.largestGain(kernels, height: height + margin.0, width: width + margin.1)
  }

  public var domainShape: [Int] { [height, width] }
  public var codomainShape: [Int] { [kernels.shape[0], height, width] }
  public func forward(_ x: Tensor) -> Tensor {
    if x.isShapelessZero { return x }
    precondition(
      x.shape.suffix(2) == [height, width], "Convolution2D: an image of shape \(x.shape); expected […, \(height), \(width)]")
    let (maps, kh, kw) = (kernels.shape[0], kernels.shape[1], kernels.shape[2])
    let images = x.reshaped([x.shape.dropLast(2).reduce(1, *), 1, height, width])
    return correlated(images, kernels.reshaped([maps, 1, kh, kw])).reshaped(x.shape.dropLast(2) + [maps, height, width])
  }

  public func adjoint(_ y: Tensor) -> Tensor {
    if y.isShapelessZero { return y }
    let expected = [kernels.shape[0], height, width]
    precondition(y.shape.suffix(3) == expected[...], "Convolution2D: maps of shape \(y.shape); expected them to end in \(expected)")
    let stacks = y.reshaped([y.shape.dropLast(3).reduce(1, *)] + expected)
    return correlated(stacks, turned).reshaped(y.shape.dropLast(3) + [height, width])
  }

  private func correlated(_ x: Tensor, _ weights: Tensor) -> Tensor {
    if boundary == .zero { return conv2d(x, weights) }
    let (rows, columns) = (kernels.shape[1] / 2, kernels.shape[2] / 2)
    return conv2d(x.periodicallyExtended(rows: rows, columns: columns), weights).cropped(rows: rows, columns: columns)
  }

  /// max over the Fourier grid of an h × w image of Σₘ |K̂ₘ|², kernels longer than the image wrapped around.
  private static func largestGain(_ kernels: Tensor, height: Int, width: Int) -> Double {
    let (maps, kh, kw) = (kernels.shape[0], kernels.shape[1], kernels.shape[2])
    let values = kernels.doubles
    var placed = [Double](repeating: 0, count: maps * height * width)
    for m in 0..<maps {
      for k in 0..<kh {
        for l in 0..<kw { placed[(m * height + k % height) * width + l % width] += values[(m * kh + k) * kw + l] }
      }
    }
    let spectrum = fft2(complex(Tensor(placed, shape: [maps, height, width]))).pairs.doubles
    let plane = 2 * height * width
    var largest = 0.0
    for i in stride(from: 0, to: plane, by: 2) {
      var gain = 0.0
      for m in 0..<maps {
        let (re, im) = (spectrum[m * plane + i], spectrum[m * plane + i + 1])
        gain += re * re + im * im
      }
      largest = max(largest, gain)
    }
    return largest * Double(height * width)  // the transform is unitary
  }
}
