// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// Maps whose pixels lie `step` apart, each a map of its own: of maps `[batch, h, w, c]` the maps `[step² · batch, ⌈h/step⌉, ⌈w/step⌉, c]`,
///
///     y[(b, i, j), p, q] = x[b, step p + i, step q + j],   0 ≤ i, j < step,
///
/// i before j, zeros where x has no pixel. A convolution of them is a convolution of x whose taps lie `step` apart.
@differentiable(reverse,wrt: x)
public func phases(_ x: Tensor, step: Int) -> Tensor {
  if x.isShapelessZero || step == 1 { return x }
  precondition(x.shape.count == 4 && step > 0, "phases of \(x.shape) in steps of \(step); expected maps [batch, h, w, c]")
  let grid = PhaseGrid(height: x.shape[1], width: x.shape[2], channels: x.shape[3], step: step)
  let count = x.shape[0] * step * step
  return x.mapped(
    from: x.shape, to: [count, grid.rows, grid.columns, grid.channels], single: { x, y, _ in grid.split(x, into: y, count: count) },
    double: { x, y, _ in grid.split(x, into: y, count: count) })
}

/// The maps `[batch, height, width, c]` of their ``phases(_:step:)``, and the transpose of taking them.
@differentiable(reverse,wrt: x)
public func joinedPhases(_ x: Tensor, step: Int, height: Int, width: Int) -> Tensor {
  if x.isShapelessZero || step == 1 { return x }
  let grid = PhaseGrid(height: height, width: width, channels: x.width, step: step)
  precondition(
    step > 0 && x.shape.count == 4 && Array(x.shape[1...2]) == [grid.rows, grid.columns] && x.shape[0] % (step * step) == 0,
    "joinedPhases of \(x.shape) in steps of \(step) for maps of \(height) × \(width)")
  let count = x.shape[0] / (step * step)
  return x.mapped(
    from: x.shape, to: [count, height, width, grid.channels], single: { x, y, _ in grid.join(x, into: y, count: count) },
    double: { x, y, _ in grid.join(x, into: y, count: count) })
}

@derivative(of: phases, wrt: x) @usableFromInline
func _vjpPhases(_ x: Tensor, step: Int) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let shape = x.shape
  return (
    phases(x, step: step),
    { v in v.isShapelessZero || shape.isEmpty ? .zero : joinedPhases(v, step: step, height: shape[1], width: shape[2]) }
  )
}

@derivative(of: joinedPhases, wrt: x) @usableFromInline
func _vjpJoinedPhases(_ x: Tensor, step: Int, height: Int, width: Int) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (joinedPhases(x, step: step, height: height, width: width), { phases($0, step: step) })
}

/// Where the pixels of a map lie in its phases.
private struct PhaseGrid: Sendable {
  let height: Int
  let width: Int
  let channels: Int
  let step: Int
  var rows: Int { (height + step - 1) / step }
  var columns: Int { (width + step - 1) / step }

  /// `count` phases, spread over the threads.
  func split<S: Scalar>(_ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>, count: Int) {
    let (x, y) = (Shared(x), SharedMutable(y))
    Parallel.forEach(count * rows) { line in
      let (number, p) = line.quotientAndRemainder(dividingBy: rows)
      let (image, i, j) = (number / (step * step), number / step % step, number % step)
      let (row, out) = (step * p + i, y.pointer + line * columns * channels)
      let first = ((image * height + row) * width + j) * channels
      let filled = row < height ? max(0, (width - j + step - 1) / step) : 0
      if filled > 0 {
        StridedRows.copy(
          rows: filled, count: channels, from: x.pointer + first, step * channels, to: out, channels)
      }
      (out + filled * channels).initialize(repeating: 0, count: (columns - filled) * channels)
    }
  }

  /// `count` maps, spread over the threads.
  func join<S: Scalar>(_ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>, count: Int) {
    let (x, y) = (Shared(x), SharedMutable(y))
    Parallel.forEach(count * height) { line in
      let (number, row) = line.quotientAndRemainder(dividingBy: height)
      for j in 0..<min(step, width) {
        let phase = (number * step + row % step) * step + j
        StridedRows.copy(
          rows: (width - j + step - 1) / step, count: channels, from: x.pointer + (phase * rows + row / step) * columns * channels,
          channels, to: y.pointer + (line * width + j) * channels, step * channels)
      }
    }
  }
}
