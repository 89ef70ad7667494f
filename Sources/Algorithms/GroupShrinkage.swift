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

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Image, recording: Bool) -> PriorOutput<Image> { PriorOutput(value: shrunk(r), recorded: 0) }

  @differentiable(reverse,wrt: (self, r))
  private func shrunk(_ r: Image) -> Image {
    if r.isShapelessZero { return r }
    let numbers = r.numbers
    return switch numbers.precision {
    case .single: Image(numbers: Tensor(map(numbers.floats, along: nil, shape: r.shape)), shape: r.shape)
    case .double: Image(numbers: Tensor(map(numbers.doubles, along: nil, shape: r.shape)), shape: r.shape)
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
          case .single: Tensor(map(numbers.floats, along: other.floats, shape: r.shape))
          case .double: Tensor(map(numbers.doubles, along: other.doubles, shape: r.shape))
          }
        return (.zero, Image(numbers: pulled, shape: r.shape))
      }
    )
  }

  /// r_g ↦ max(1 − t/n, 0) r_g for n = ‖r_g‖; or the derivative of that on v, (1 − t/n) v_g + t ⟨r_g, v_g⟩ r_g / n³ where n > t, else 0.
  private func map<S: Scalar>(_ r: [S], along v: [S]?, shape: [Int]) -> [S] {
    let pixel = groups.reduce(0) { $0 + $1.size }
    let plane = planes == 1 ? r.count : shape.suffix(2).reduce(1, *) * Image.parts
    precondition(
      plane > 0 && plane % pixel == 0 && r.count % (plane * planes) == 0 && v?.count ?? r.count == r.count,
      "GroupShrinkage: groups of \(groups.map(\.size)) in numbers of shape \(shape)")
    return [S](unsafeUninitializedCapacity: r.count) { out, filled in
      r.withUnsafeBufferPointer { r in
        (v ?? []).withUnsafeBufferPointer { other in
          let v = v == nil ? nil : other.baseAddress!
          for begin in stride(from: 0, to: r.count, by: plane) {
            if begin / plane % planes < planesKept {
              (out.baseAddress! + begin).initialize(from: (v ?? r.baseAddress!) + begin, count: plane)
              continue
            }
            var first = begin
            for group in groups {
              shorten(
                r.baseAddress! + first, v.map { $0 + first }, out.baseAddress! + first, size: group.size, every: pixel,
                count: plane / pixel, S(group.threshold))
              first += group.size
            }
          }
        }
      }
      filled = r.count
    }
  }
}

/// `count` groups of `size` numbers, `every` so many apart.
@_specialize(where S == Float)
@_specialize(where S == Double)
private func shorten<S: Scalar>(
  _ r: UnsafePointer<S>, _ v: UnsafePointer<S>?, _ out: UnsafeMutablePointer<S>, size: Int, every: Int, count: Int, _ t: S
) {
  for group in 0..<count {
    let at = group * every
    var square: S = 0
    for i in at..<at + size { square += r[i] * r[i] }
    let norm = square.squareRoot()
    let isLong = norm > t
    let factor: S = isLong ? 1 - t / norm : 0
    guard let v else {
      for i in at..<at + size { out[i] = factor * r[i] }
      continue
    }
    var product: S = 0
    for i in at..<at + size { product += r[i] * v[i] }
    let along: S = isLong ? t * product / (square * norm) : 0
    for i in at..<at + size { out[i] = factor * v[i] + along * r[i] }
  }
}
