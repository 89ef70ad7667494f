// SPDX-License-Identifier: Apache-2.0

/// The layers Z and M of Deep ADMM-Net on maps,
///
///     z_l = S_l(c_l + b_l),   next_l = b_l + rate_l (c_l − z_l),   pull_l = z_l − next_l
///
/// with a curve S_l and a rate for each. Some thousand numbers go through all of it while the nearest caches hold them: from memory each
/// array is read or written once.
public struct CurveSplit: Sendable {
  public let stack: MapStack
  /// The curve of map l; its values are l · knots behind the first.
  let curve: @Sendable (Int) -> PiecewiseCurve
  private static let cached = 4096

  public init(_ stack: MapStack, curve: @escaping @Sendable (Int) -> PiecewiseCurve) { (self.stack, self.curve) = (stack, curve) }

  public func forward<S: Scalar>(
    _ c: UnsafePointer<S>, _ b: UnsafePointer<S>, values: UnsafePointer<S>, rates: UnsafePointer<S>,
    z: UnsafeMutablePointer<S>, next: UnsafeMutablePointer<S>, pull: UnsafeMutablePointer<S>
  ) {
    let (c, b, values, rates) = (Shared(c), Shared(b), Shared(values), Shared(rates))
    let (z, next, pull) = (SharedMutable(z), SharedMutable(next), SharedMutable(pull))
    Parallel.forEach(stack.batch * stack.maps) { run in
      let (curve, q, rate) = parts(run, values.pointer, rates.pointer)
      withAlignedScratch(S.self, count: Self.cached) { r in
        forEachPiece(of: run) { at, count in
          let (c, b, z) = (c.pointer + at, b.pointer + at, z.pointer + at)
          S.add(c, b, r, count)
          curve.apply(r, q, into: z, count: count)
          S.multiplierStep(rate, b, c, z, next.pointer + at, pull.pointer + at, count)
        }
      }
    }
  }

  /// The cotangents dc and db of dz, dnext and dpull, dz nil where it is 0, and those of the curves' values, `maps` × knots, and rates.
  ///
  /// With t = dnext − dpull and r = c + b: dr = S′(r) (dz + dpull − rate t), db = t + dr, dc = rate t + dr, drate = ⟨t, c − z⟩.
  public func pullback<S: Scalar>(
    _ c: UnsafePointer<S>, _ b: UnsafePointer<S>, _ z: UnsafePointer<S>, values: UnsafePointer<S>, rates: UnsafePointer<S>,
    dz: UnsafePointer<S>?, dnext: UnsafePointer<S>, dpull: UnsafePointer<S>, dc: UnsafeMutablePointer<S>,
    db: UnsafeMutablePointer<S>
  ) -> (values: [Double], rates: [Double]) {
    let (c, b, z, values, rates) = (Shared(c), Shared(b), Shared(z), Shared(values), Shared(rates))
    let (dz, dnext, dpull, dc, db) = (dz.map { Shared($0) }, Shared(dnext), Shared(dpull), SharedMutable(dc), SharedMutable(db))
    let found = Parallel.map(stack.batch * stack.maps) { run -> (values: [Double], rate: Double) in
      let (curve, q, rate) = parts(run, values.pointer, rates.pointer)
      var sums = (values: [Double](repeating: 0, count: curve.knots), rate: 0.0)
      var slopes = [0.0, 0.0]
      withAlignedScratch(S.self, count: 3 * Self.cached) { r in
        let (cotangent, dr) = (r + Self.cached, r + 2 * Self.cached)
        forEachPiece(of: run) { at, count in
          let (c, dc, db) = (c.pointer + at, dc.pointer + at, db.pointer + at)
          sums.rate += S.multiplierStepPullback(
            rate, dnext.pointer + at, dpull.pointer + at, c, z.pointer + at, db, dc, cotangent, count)
          if let dz { S.axpy(1, dz.pointer + at, cotangent, count) }
          S.add(c, b.pointer + at, r, count)
          curve.pullback(r, q, cotangent, into: dr, addingTo: &sums.values, &slopes, count: count)
          S.axpy(1, dr, db, count)
          S.axpy(1, dr, dc, count)
        }
      }
      return sums
    }
    return (stack.sums(found.map(\.values)).flatMap { $0 }, stack.sums(found.map { [$0.rate] }).map { $0[0] })
  }

  private func parts<S: Scalar>(
    _ run: Int, _ values: UnsafePointer<S>, _ rates: UnsafePointer<S>
  ) -> (PiecewiseCurve, UnsafePointer<S>, S) {
    let l = run % stack.maps
    let curve = curve(l)
    return (curve, values + l * curve.knots, rates[l])
  }

  private func forEachPiece(of run: Int, _ body: (_ at: Int, _ count: Int) -> Void) {
    for first in stride(from: 0, to: stack.size, by: Self.cached) {
      body(run * stack.size + first, min(Self.cached, stack.size - first))
    }
  }
}
