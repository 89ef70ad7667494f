// SPDX-License-Identifier: Apache-2.0
import Kernels

extension Tensor {
  /// Work on `count` rows in groups of `size`, spread over the threads, each result written to its place: results joined along the
  /// first axis. Every group gives as many rows as it was given.
  public static func concatenatedGroups(count: Int, size: Int, _ body: @Sendable (Range<Int>) -> Tensor) -> Tensor {
    precondition(count > 0 && size > 0, "\(count) rows in groups of \(size)")
    let groups = (count + size - 1) / size
    @Sendable func range(_ i: Int) -> Range<Int> { i * size..<min((i + 1) * size, count) }
    let heads = Parallel.map(min(groups, Parallel.threads)) { body(range($0)) }  // say what shape and precision the results have
    let first = heads[0]
    let stride = first.shape.dropFirst().reduce(1, *)
    let shape = [count] + first.shape.dropFirst()
    func gather<S: Scalar>(_ values: @Sendable (Tensor) -> [S]) -> [S] {
      [S](unsafeUninitializedCapacity: count * stride) { out, filled in
        let place = Place(out.baseAddress!)
        Parallel.forEach(groups) { i in
          let result = i < heads.count ? heads[i] : body(range(i))
          precondition(
            result.shape == [range(i).count] + shape.dropFirst(), "a group of \(range(i).count) rows gave \(result.shape)")
          let values = values(result)
          (place.pointer + i * size * stride).initialize(from: values, count: values.count)
        }
        filled = count * stride
      }
    }
    switch first.precision {
    case .single: return Tensor(gather { $0.floats }, shape: shape)
    case .double: return Tensor(gather { $0.doubles }, shape: shape)
    }
  }
}

/// Where results are written; every thread has its own part.
private struct Place<S>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<S>
  init(_ pointer: UnsafeMutablePointer<S>) { self.pointer = pointer }
}
