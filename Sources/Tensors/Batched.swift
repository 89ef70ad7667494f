// SPDX-License-Identifier: Apache-2.0
import Kernels

/// A space whose elements are batches: samples along the first axis.
public protocol Batched: VectorSpace {
  /// Samples of the batch; a vector on its own is one.
  var sampleCount: Int { get }
  /// Samples `range`. Not differentiable.
  func rows(_ range: Range<Int>) -> Self
  /// The samples at `places`, in that order. Not differentiable.
  func rows(at places: [Int]) -> Self
  /// Batches joined to one.
  static func concatenated(_ parts: [Self]) -> Self
  /// The same numbers in another precision.
  func converted(to precision: Precision) -> Self
  /// No NaN and no infinity.
  var isFinite: Bool { get }
  /// Work on `count` samples in groups of `size`, spread over the threads: results joined to one batch. Every group gives as many samples
  /// as it was given.
  static func concatenatedGroups(count: Int, size: Int, _ body: @Sendable (Range<Int>) -> Self) -> Self
}

extension Tensor: Batched {
  public var sampleCount: Int { shape.count > 1 ? shape[0] : 1 }
}

extension ComplexTensor: Batched {
  public var sampleCount: Int { shape.count > 1 ? shape[0] : 1 }
  public func rows(_ range: Range<Int>) -> ComplexTensor { ComplexTensor(pairs: pairs.rows(range)) }
  public func rows(at places: [Int]) -> ComplexTensor { ComplexTensor(pairs: pairs.rows(at: places)) }
  public static func concatenated(_ parts: [ComplexTensor]) -> ComplexTensor {
    ComplexTensor(pairs: .concatenated(parts.map(\.pairs)))
  }
  public func converted(to precision: Precision) -> ComplexTensor { ComplexTensor(pairs: pairs.converted(to: precision)) }
  public var isFinite: Bool { pairs.isFinite }
  public static func concatenatedGroups(
    count: Int, size: Int, _ body: @Sendable (Range<Int>) -> ComplexTensor
  ) -> ComplexTensor {
    ComplexTensor(pairs: .concatenatedGroups(count: count, size: size) { body($0).pairs })
  }
}
