// SPDX-License-Identifier: Apache-2.0
import CUnfoldNet
import Foundation
import Synchronization

/// Calls of ``ownFunction`` that go well, and what it writes.
let callsLeft = Atomic<Int>(.max)
let written = Atomic<Int>(0)

struct OwnSpaces { var (input, output): (Int, Int) }

/// The first numbers of its input, 0 behind them; or numbers that are none. Without a context, 36 both ways.
func ownFunction(
  context: UnsafeMutableRawPointer?, adjoint: Int32, single: Int32, input: UnsafeRawPointer?, output: UnsafeMutableRawPointer?
) -> Int32 {
  if callsLeft.subtract(1, ordering: .relaxed).newValue < 0 { return 1 }
  let spaces = context?.assumingMemoryBound(to: OwnSpaces.self).pointee ?? OwnSpaces(input: 36, output: 36)
  let (n, m) = adjoint == 0 ? (spaces.input, spaces.output) : (spaces.output, spaces.input)
  guard let input, let output else { return 1 }
  if single != 0 {
    fill(input.assumingMemoryBound(to: Float.self), n, output.assumingMemoryBound(to: Float.self), m)
  } else {
    fill(input.assumingMemoryBound(to: Double.self), n, output.assumingMemoryBound(to: Double.self), m)
  }
  return 0
}

private func fill<S: BinaryFloatingPoint>(_ x: UnsafePointer<S>, _ n: Int, _ y: UnsafeMutablePointer<S>, _ m: Int) {
  let odd: S? = [nil, S.nan, S.infinity, S(1e30)][written.load(ordering: .relaxed)]
  for i in 0..<m { y[i] = odd ?? (i < n ? x[i] : 0) }
}

func ownProgress(context: UnsafeMutableRawPointer?, _: Int64, _: Int64, _: Double, _: Double) -> Int32 {
  guard let left = context?.assumingMemoryBound(to: Int.self) else { return 0 }
  left.pointee -= 1
  return left.pointee < 0 ? 1 : 0
}

/// Stops a call that takes longer than a second.
final class Watch: @unchecked Sendable {
  private let operation = Atomic<Int64>(0)
  private let since = Atomic<Int>(0)

  private var now: Int { Int(DispatchTime.now().uptimeNanoseconds) }
  var current: Int64 { operation.load(ordering: .relaxed) }
  func enter(_ op: Int64) {
    since.store(now, ordering: .relaxed)
    operation.store(op, ordering: .relaxed)
  }
  func leave() { operation.store(0, ordering: .relaxed) }

  func start() {
    Thread.detachNewThread { [self] in
      while true {
        usleep(50_000)
        if current > 0, now - since.load(ordering: .relaxed) > 1_000_000_000 { unf_operator_stop(current) }
      }
    }
  }
}
