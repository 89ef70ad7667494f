// SPDX-License-Identifier: Apache-2.0
import Kernels

extension Tensor {
  /// What a function on buffers makes of a batch `[…, from]`: `[…, to]`; it is given the input, the output, which
  /// is not initialised, and the size of the batch.
  public func mapped(
    from: [Int], to: [Int], single: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void,
    double: (UnsafePointer<Double>, UnsafeMutablePointer<Double>, Int) -> Void
  ) -> Tensor {
    if isShapelessZero { return self }
    precondition(shape.suffix(from.count) == from[...], "a tensor of shape \(shape); expected […] + \(from)")
    let batch = shape.dropLast(from.count).reduce(1, *)
    let total = batch * to.reduce(1, *)
    func made<S: Scalar>(_ x: [S], _ body: (UnsafePointer<S>, UnsafeMutablePointer<S>, Int) -> Void) -> [S] {
      [S](unsafeUninitializedCapacity: total) { out, filled in
        guard total > 0, let target = out.baseAddress else { return }
        x.withUnsafeBufferPointer { body($0.baseAddress ?? UnsafePointer(target), target, batch) }  // an empty input is not read
        filled = total
      }
    }
    let shape = Array(shape.dropLast(from.count) + to)
    return precision == .single ? Tensor(made(floats, single), shape: shape) : Tensor(made(doubles, double), shape: shape)
  }
}
