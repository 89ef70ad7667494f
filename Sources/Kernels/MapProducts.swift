// SPDX-License-Identifier: Apache-2.0

/// Stacks of maps, `batch` × `maps` runs of `size` numbers, with one number for each of the maps.
public struct MapStack: Sendable {
  public let batch: Int
  public let maps: Int
  public let size: Int

  public init(batch: Int, maps: Int, size: Int) { (self.batch, self.maps, self.size) = (batch, maps, size) }

  public var count: Int { batch * maps * size }
  /// Numbers that two passes over them find in the nearest cache.
  private static let cached = 1024

  /// y_l = factor_l x_l.
  public func scale<S: Scalar>(_ x: UnsafePointer<S>, by factors: UnsafePointer<S>, into y: UnsafeMutablePointer<S>) {
    let (x, factors, y) = (Shared(x), Shared(factors), SharedMutable(y))
    Parallel.forEach(batch * maps) { run in
      let at = run * size
      S.scale(factors.pointer[run % maps], x.pointer + at, y.pointer + at, size)
    }
  }

  /// y_l = a_l + factor_l x_l.
  public func add<S: Scalar>(
    _ a: UnsafePointer<S>, _ x: UnsafePointer<S>, by factors: UnsafePointer<S>, into y: UnsafeMutablePointer<S>
  ) {
    let (a, x, factors, y) = (Shared(a), Shared(x), Shared(factors), SharedMutable(y))
    Parallel.forEach(batch * maps) { run in
      for first in stride(from: 0, to: size, by: Self.cached) {
        let (at, count) = (run * size + first, min(Self.cached, size - first))
        (y.pointer + at).initialize(from: a.pointer + at, count: count)
        S.axpy(factors.pointer[run % maps], x.pointer + at, y.pointer + at, count)
      }
    }
  }

  /// ⟨a_l, b_l⟩ over all samples.
  public func products<S: Scalar>(_ a: UnsafePointer<S>, _ b: UnsafePointer<S>) -> [Double] {
    let (a, b) = (Shared(a), Shared(b))
    let parts = Parallel.map(batch * maps) { S.dot(a.pointer + $0 * size, b.pointer + $0 * size, size) }
    return sums(parts)
  }

  /// Of a number for each map of each sample, the sums over the samples.
  func sums(_ parts: [Double]) -> [Double] { (0..<maps).map { l in (0..<batch).reduce(0) { $0 + parts[$1 * maps + l] } } }

  /// Of some numbers for each map of each sample, the sums over the samples, map after map.
  func sums(_ parts: [[Double]]) -> [Double] {
    (0..<maps).flatMap { l in
      (1..<max(batch, 1)).reduce(into: parts[l]) { sum, b in
        for (i, value) in parts[b * maps + l].enumerated() { sum[i] += value }
      }
    }
  }

  /// out_l = S_l(a_l), a curve for each of the maps.
  ///
  /// - Parameter curve: the curve of map l; its values are at `values` + l · knots.
  public func apply<S: Scalar>(
    _ a: UnsafePointer<S>, values: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, curve: @Sendable (Int) -> PiecewiseCurve
  ) {
    let (a, values, out) = (Shared(a), Shared(values), SharedMutable(out))
    Parallel.forEach(batch * maps) { run in
      let (at, l) = (run * size, run % maps)
      let curve = curve(l)
      curve.apply(a.pointer + at, values.pointer + l * curve.knots, into: out.pointer + at, count: size)
    }
  }

  /// da, and Σ over samples of v ∂S/∂q, `maps` × knots, and of v ∂S/∂slope, `maps` × 2.
  public func pullback<S: Scalar>(
    _ a: UnsafePointer<S>, values: UnsafePointer<S>, _ v: UnsafePointer<S>, into da: UnsafeMutablePointer<S>,
    curve: @Sendable (Int) -> PiecewiseCurve
  ) -> (values: [Double], slopes: [Double]) {
    let (a, values, v, da) = (Shared(a), Shared(values), Shared(v), SharedMutable(da))
    let parts = Parallel.map(batch * maps) { run in
      let (at, l) = (run * size, run % maps)
      let curve = curve(l)
      var dq = [Double](repeating: 0, count: curve.knots)
      var ds = [0.0, 0.0]
      curve.pullback(
        a.pointer + at, values.pointer + l * curve.knots, v.pointer + at, into: da.pointer + at, addingTo: &dq, &ds, count: size)
      return (dq, ds)
    }
    return (sums(parts.map(\.0)), sums(parts.map(\.1)))
  }
}
