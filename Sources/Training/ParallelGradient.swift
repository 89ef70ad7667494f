// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors
import _Differentiation

/// A number of samples cut into chunks of one size; the last may be smaller.
public struct Chunks: Sendable {
  public let sampleCount: Int
  public let size: Int

  public init(sampleCount: Int, size: Int) {
    precondition(sampleCount > 0 && size > 0, "Chunks: \(sampleCount) samples in chunks of \(size)")
    self.sampleCount = sampleCount
    self.size = size
  }

  public var count: Int { (sampleCount + size - 1) / size }
  /// The samples of chunk `i`.
  public subscript(i: Int) -> Range<Int> { i * size..<min((i + 1) * size, sampleCount) }
  /// The share of chunk `i` in a mean over all samples.
  public func weight(_ i: Int) -> Double { Double(self[i].count) / Double(sampleCount) }
}

/// The mean loss over a batch and its gradient, the chunks of the batch spread over the cores.
///
/// - Parameters:
///   - chunks: how the batch is cut. The cut alone decides the result: sums are taken over a binary tree of the chunks, and so one thread and
///     many give the same bytes.
///   - batch: the samples of a chunk, on any thread.
///   - loss: the mean loss over a chunk's samples.
/// - Returns: Σᵢ wᵢ lossᵢ with wᵢ = ``Chunks/weight(_:)``, and its gradient.
public func parallelGradient<Model: Parameterized, Batch: Sendable>(
  of model: Model, over chunks: Chunks, batch: @Sendable (_ chunk: Int) -> Batch,
  loss: @Sendable @differentiable(reverse) (Model, @noDerivative Batch) -> Double
) -> LossGradient<Model> {
  var isStopping = false
  return parallelSum(of: model, over: chunks, isStopping: &isStopping) { i in
    let samples = batch(i)
    let (value, pullback) = valueWithPullback(at: model) { loss($0, samples) }
    let weight = chunks.weight(i)
    return LossGradient(loss: weight * value, gradient: pullback(weight))
  }
}
