// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// Arrays of real or of complex images, seen as real numbers: an operator that treats both parts of a complex number alike runs on
/// them as they lie.
public protocol ImageSpace: Batched {
  /// Real numbers a pixel has: 1 or 2.
  static var parts: Int { get }
  var isShapelessZero: Bool { get }
  /// Extents in pixels, `[…, h, w]`.
  var shape: [Int] { get }
  /// The numbers, the parts of a pixel side by side.
  var numbers: Tensor { get }
  /// Numbers as images of an extent in pixels.
  init(numbers: Tensor, shape: [Int])
  /// The parts apart: the array itself, or the real and the imaginary one.
  var separateParts: [Tensor] { get }
  init(separateParts: [Tensor])
}

extension Tensor: ImageSpace {
  public static var parts: Int { 1 }
  public var numbers: Tensor { self }
  public init(numbers: Tensor, shape: [Int]) { self = numbers.reshaped(shape) }
  public var separateParts: [Tensor] { [self] }
  public init(separateParts: [Tensor]) { self = separateParts[0] }
}

extension ComplexTensor: ImageSpace {
  public static var parts: Int { 2 }
  public var numbers: Tensor { pairs }
  public init(numbers: Tensor, shape: [Int]) { self.init(pairs: numbers.reshaped(shape + [2])) }
  public var separateParts: [Tensor] { [real, imaginary] }
  public init(separateParts: [Tensor]) { self.init(real: separateParts[0], imaginary: separateParts[1]) }
}

// MARK: As maps of convolutional networks

/// Images as maps `[batch, height, width, parts]`: a real image is one channel, a complex one two. An image may lie flattened, row by row.
@differentiable(reverse)
public func channelsLast<Space: ImageSpace>(_ x: Space, height: Int, width: Int) -> Tensor {
  if x.isShapelessZero { return .zero }
  let numbers = x.numbers
  return numbers.reshaped([numbers.count / (height * width * Space.parts), height, width, Space.parts])
}

@derivative(of: channelsLast) @usableFromInline
func _vjpChannelsLast<Space: ImageSpace>(
  _ x: Space, height: Int, width: Int
) -> (value: Tensor, pullback: (Tensor) -> Space) {
  let shape = x.shape
  return (channelsLast(x, height: height, width: width), { $0.isShapelessZero ? .zero : Space(numbers: $0, shape: shape) })
}

/// Maps as images of an extent in pixels: the inverse of ``channelsLast(_:height:width:)``.
@differentiable(reverse,wrt: maps)
public func images<Space: ImageSpace>(_ maps: Tensor, shape: [Int]) -> Space {
  maps.isShapelessZero ? .zero : Space(numbers: maps, shape: shape)
}

@derivative(of: images, wrt: maps) @usableFromInline
func _vjpImages<Space: ImageSpace>(_ maps: Tensor, shape: [Int]) -> (value: Space, pullback: (Space) -> Tensor) {
  let mapsShape = maps.shape
  return (images(maps, shape: shape), { $0.isShapelessZero ? .zero : $0.numbers.reshaped(mapsShape) })
}

// MARK: Parts as samples

/// The real parts of a batch `[batch, …]` and then the imaginary ones, `[2 · batch, …]`; a real batch as it is.
@differentiable(reverse)
public func stackedParts<Space: ImageSpace>(_ x: Space) -> Tensor {
  x.isShapelessZero ? .zero : .concatenated(x.separateParts)
}

@derivative(of: stackedParts) @usableFromInline
func _vjpStackedParts<Space: ImageSpace>(_ x: Space) -> (value: Tensor, pullback: (Tensor) -> Space) {
  (stackedParts(x), { imagesOfParts($0) })
}

/// The batch whose ``stackedParts(_:)`` these are.
@differentiable(reverse)
public func imagesOfParts<Space: ImageSpace>(_ parts: Tensor) -> Space {
  if parts.isShapelessZero { return .zero }
  precondition(
    parts.shape.first.map { $0 % Space.parts == 0 } == true, "imagesOfParts: \(parts.shape) is no stack of \(Space.parts) parts")
  let batch = parts.shape[0] / Space.parts
  return Space(separateParts: (0..<Space.parts).map { parts.rows($0 * batch..<($0 + 1) * batch) })
}

@derivative(of: imagesOfParts) @usableFromInline
func _vjpImagesOfParts<Space: ImageSpace>(_ parts: Tensor) -> (value: Space, pullback: (Space) -> Tensor) {
  (imagesOfParts(parts), { stackedParts($0) })
}
