// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Testing

/// sin(a (i + 1)²) for i < count: data any language can make again.
func chirp<S: Scalar>(_ count: Int, _ a: Double, as: S.Type = S.self) -> [S] {
  (0..<count).map { S(sin(a * Double(($0 + 1) * ($0 + 1)))) }
}

/// Held to a relative error in the ℓ2 norm; where `b` is all zeros, `a` must be.
func expectClose<S: Scalar>(
  _ a: [S], _ b: [S], tolerance: Double = tolerance(S.self), _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(a.count == b.count, sourceLocation: sourceLocation)
  guard a.count == b.count else { return }
  var (error, norm) = (0.0, 0.0)
  for (x, y) in zip(a, b) {
    error += (Double(x) - Double(y)) * (Double(x) - Double(y))
    norm += Double(y) * Double(y)
  }
  #expect(error.squareRoot() <= tolerance * norm.squareRoot(), "\(what) \(S.self)", sourceLocation: sourceLocation)
}

/// Held to the same bits, up to the sign of a zero.
func expectEqual<S: Scalar>(_ a: [S], _ b: [S], _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(a == b, "\(what) \(S.self)", sourceLocation: sourceLocation)
}

/// What an accelerated kernel may differ by from its plain twin.
func tolerance<S: Scalar>(_: S.Type) -> Double { S.self == Float.self ? 1e-5 : 1e-13 }

/// `count` numbers, not initialised to anything useful, written by `body`.
func written<S: Scalar>(_ count: Int, _ body: (UnsafeMutablePointer<S>) -> Void) -> [S] {
  var out = [S](repeating: .nan, count: max(count, 1))
  out.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
  return Array(out[..<count])
}

/// A copy of `values` changed in place by `body`.
func changed<S: Scalar>(_ values: [S], _ body: (UnsafeMutablePointer<S>) -> Void) -> [S] {
  var out = values + [0]
  out.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
  return Array(out.dropLast())
}

/// Runs `body(0) … body(count − 1)`, each on a thread of its own, all at once.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let group = DispatchGroup()
  for i in 0..<count {
    group.enter()
    let thread = Thread {
      body(i)
      group.leave()
    }
    thread.stackSize = 8 << 20
    thread.start()
  }
  group.wait()
}
