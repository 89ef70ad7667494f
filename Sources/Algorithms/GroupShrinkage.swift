// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors
import _Differentiation

/// Every group of numbers of an image shortened by its threshold, r_g ↦ max(1 − t_g/‖r_g‖₂, 0) r_g: the proximal map of Σ t_g ‖r_g‖₂.
///
/// The numbers of a pixel, of complex images both parts, are groups of the given sizes side by side; so are those of the next pixel.
/// The thresholds are given, not learned. Where ‖r_g‖ = t_g the derivative is taken as 0.
public struct GroupShrinkage<Image: ImageSpace>: PriorStep {
  public struct Group: Sendable {
    /// Real numbers in the group.
    public let size: Int
    /// t.
    public let threshold: Double
    public init(size: Int, threshold: Double) { (self.size, self.threshold) = (size, threshold) }
  }

  @noDerivative public let groups: [Group]
  /// Planes `[…, planes, h, w]` of which the first `planesKept` are left as they are.
  @noDerivative public let planes: Int
  @noDerivative public let planesKept: Int

  public init(groups: [Group], planes: Int = 1, planesKept: Int = 0) {
    precondition(!groups.isEmpty && groups.allSatisfy { $0.size > 0 } && planesKept <= planes, "GroupShrinkage: no groups")
    self.groups = groups
    self.planes = planes
    self.planesKept = planesKept
  }

  @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Image, recording: Bool) -> PriorOutput<Image> { PriorOutput(value: shrunk(r), penalty: 0) }

  @differentiable(reverse,wrt: (self, r))
  private func shrunk(_ r: Image) -> Image {
    if r.isShapelessZero { return r }
    let numbers = r.numbers
    return switch numbers.precision {
    case .single: Image(numbers: Tensor(map(numbers.floats, numbers.floats, shape: r.shape, by: Self.shorten)), shape: r.shape)
    case .double: Image(numbers: Tensor(map(numbers.doubles, numbers.doubles, shape: r.shape, by: Self.shorten)), shape: r.shape)
    }
  }

  @derivative(of: shrunk, wrt: (self, r))
  private func _vjpShrunk(_ r: Image) -> (value: Image, pullback: (Image) -> (TangentVector, Image)) {
    (
      shrunk(r),
      { v in
        if v.isShapelessZero || r.isShapelessZero { return (.zero, v) }
        let (numbers, other) = (r.numbers, v.numbers)
        let pulled =
          switch numbers.precision {
          case .single: Tensor(map(numbers.floats, other.floats, shape: r.shape, by: Self.derivative))
          case .double: Tensor(map(numbers.doubles, other.doubles, shape: r.shape, by: Self.derivative))
          }
        return (.zero, Image(numbers: pulled, shape: r.shape))
      }
    )
  }

  private typealias GroupMap<S> = (_ r: UnsafePointer<S>, _ v: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, Int, S) -> Void

  /// r_g ↦ max(1 − t/‖r_g‖, 0) r_g.
  private static func shorten<S: Scalar>(
    _ r: UnsafePointer<S>, _ v: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ size: Int, _ t: S
  ) {
    var square: S = 0
    for i in 0..<size { square += r[i] * r[i] }
    let norm = square.squareRoot()
    let factor = norm > t ? 1 - t / norm : 0
    for i in 0..<size { out[i] = factor * r[i] }
  }

  /// (1 − t/n) v_g + t ⟨r_g, v_g⟩ r_g / n³ for n = ‖r_g‖ > t, else 0.
  private static func derivative<S: Scalar>(
    _ r: UnsafePointer<S>, _ v: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ size: Int, _ t: S
  ) {
    var (square, product): (S, S) = (0, 0)
    for i in 0..<size {
      square += r[i] * r[i]
      product += r[i] * v[i]
    }
    let norm = square.squareRoot()
    let isLong = norm > t
    let (factor, along): (S, S) = isLong ? (1 - t / norm, t * product / (square * norm)) : (0, 0)
    for i in 0..<size { out[i] = factor * v[i] + along * r[i] }
  }

  /// A map of groups on all of them, in pieces of planes over the threads.
  private func map<S: Scalar>(_ r: [S], _ v: [S], shape: [Int], by body: GroupMap<S>) -> [S] {
    let pixel = groups.reduce(0) { $0 + $1.size }
    let plane = planes == 1 ? r.count : shape.suffix(2).reduce(1, *) * Image.parts
    precondition(
      plane > 0 && plane % pixel == 0 && r.count % (plane * planes) == 0 && v.count == r.count,
      "GroupShrinkage: groups of \(groups.map(\.size)) in numbers of shape \(shape)")
    let thresholds = groups.map { (size: $0.size, threshold: S($0.threshold)) }
    return [S](unsafeUninitializedCapacity: r.count) { out, filled in
      r.withUnsafeBufferPointer { r in
        v.withUnsafeBufferPointer { v in
          for begin in stride(from: 0, to: r.count, by: plane) {
            var at = begin
            if begin / plane % planes < planesKept {
              (out.baseAddress! + at).initialize(from: v.baseAddress! + at, count: plane)
              continue
            }
            while at < begin + plane {
              for group in thresholds {
                body(r.baseAddress! + at, v.baseAddress! + at, out.baseAddress! + at, group.size, group.threshold)
                at += group.size
              }
            }
          }
        }
      }
      filled = r.count
    }
  }
}
