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

@derivative(of: images(_:shape:), wrt: maps) @usableFromInline
func _vjpImages<Space: ImageSpace>(_ maps: Tensor, shape: [Int]) -> (value: Space, pullback: (Space) -> Tensor) {
  let mapsShape = maps.shape
  return (images(maps, shape: shape), { $0.isShapelessZero ? .zero : $0.numbers.reshaped(mapsShape) })
}

// MARK: Parts as samples

/// The parts of images as real planes `[parts · batch, height, width]`: all real parts, then all imaginary ones. Images may lie flattened,
/// row by row.
@differentiable(reverse)
public func planes<Space: ImageSpace>(_ x: Space, height: Int, width: Int) -> Tensor {
  if x.isShapelessZero { return .zero }
  let parts = x.separateParts
  let all = parts.count == 1 ? parts[0] : .concatenated(parts)
  return all.reshaped([all.count / (height * width), height, width])
}

@derivative(of: planes) @usableFromInline
func _vjpPlanes<Space: ImageSpace>(_ x: Space, height: Int, width: Int) -> (value: Tensor, pullback: (Tensor) -> Space) {
  let shape = x.shape
  return (planes(x, height: height, width: width), { images(ofPlanes: $0, shape: shape) })
}

/// Images of an extent in pixels from their ``planes(_:height:width:)``.
@differentiable(reverse,wrt: planes)
public func images<Space: ImageSpace>(ofPlanes planes: Tensor, shape: [Int]) -> Space {
  if planes.isShapelessZero { return .zero }
  let count = planes.shape[0] / Space.parts
  return Space(
    separateParts: (0..<Space.parts).map {
      (Space.parts == 1 ? planes : planes.rows($0 * count..<($0 + 1) * count)).reshaped(shape)
    })
}

@derivative(of: images(ofPlanes:shape:), wrt: planes) @usableFromInline
func _vjpImagesOfPlanes<Space: ImageSpace>(
  ofPlanes planes: Tensor, shape: [Int]
) -> (value: Space, pullback: (Space) -> Tensor) {
  let (height, width) = planes.isShapelessZero ? (0, 0) : (planes.shape[1], planes.shape[2])
  return (
    images(ofPlanes: planes, shape: shape), { v in Operators.planes(v, height: height, width: width) }
  )
}
