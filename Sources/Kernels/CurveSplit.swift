// SPDX-License-Identifier: Apache-2.0

// The layers Z and M of Deep ADMM-Net on maps, with a curve S_l and a rate for each:
//
//     z_l = S_l(c_l + b_l),   next_l = b_l + rate_l (c_l − z_l),   pull_l = z_l − next_l
//
// Some thousand numbers go through all of it while the nearest caches hold them: from memory each array is read or written once.

private let atATime = 4096

extension MapStack {
  /// - Parameter curve: the curve of map l; its values are at `values` + l · knots.
  public func curveSplit<S: Scalar>(
    _ c: UnsafePointer<S>, _ b: UnsafePointer<S>, values: UnsafePointer<S>, rates: UnsafePointer<S>, z: UnsafeMutablePointer<S>,
    next: UnsafeMutablePointer<S>, pull: UnsafeMutablePointer<S>, curve: @Sendable (Int) -> PiecewiseCurve
  ) {
    let (c, b, values, rates) = (Shared(c), Shared(b), Shared(values), Shared(rates))
    let (z, next, pull) = (SharedMutable(z), SharedMutable(next), SharedMutable(pull))
    Parallel.forEach(batch * maps) { run in
      let l = run % maps
      let curve = curve(l)
      withAlignedScratch(S.self, count: atATime) { r in
        forEachPiece(of: run) { at, count in
          let (c, b, z) = (c.pointer + at, b.pointer + at, z.pointer + at)
          S.add(c, b, r, count)
          curve.apply(r, values.pointer + l * curve.knots, into: z, count: count)
          S.multiplierStep(rates.pointer[l], b, c, z, next.pointer + at, pull.pointer + at, count)
        }
      }
    }
  }

  /// The cotangents dc and db of dz, dnext and dpull, dz nil where it is 0, and those of the curves' values, `maps` × knots, and rates.
  ///
  /// With t = dnext − dpull and r = c + b: dr = S′(r) (dz + dpull − rate t), db = t + dr, dc = rate t + dr, drate = ⟨t, c − z⟩.
  public func curveSplitPullback<S: Scalar>(
    _ c: UnsafePointer<S>, _ b: UnsafePointer<S>, _ z: UnsafePointer<S>, values: UnsafePointer<S>, rates: UnsafePointer<S>,
    dz: UnsafePointer<S>?, dnext: UnsafePointer<S>, dpull: UnsafePointer<S>, dc: UnsafeMutablePointer<S>,
    db: UnsafeMutablePointer<S>, curve: @Sendable (Int) -> PiecewiseCurve
  ) -> (values: [Double], rates: [Double]) {
    let (c, b, z, values, rates) = (Shared(c), Shared(b), Shared(z), Shared(values), Shared(rates))
    let (dz, dnext, dpull, dc, db) = (dz.map { Shared($0) }, Shared(dnext), Shared(dpull), SharedMutable(dc), SharedMutable(db))
    let found = Parallel.map(batch * maps) { run -> (values: [Double], rate: Double) in
      let l = run % maps
      let curve = curve(l)
      var sums = (values: [Double](repeating: 0, count: curve.knots), rate: 0.0)
      var slopes = [0.0, 0.0]
      withAlignedScratch(S.self, count: 3 * atATime) { r in
        let (cotangent, dr) = (r + atATime, r + 2 * atATime)
        forEachPiece(of: run) { at, count in
          let (c, dc, db) = (c.pointer + at, dc.pointer + at, db.pointer + at)
          sums.rate += S.multiplierStepPullback(
            rates.pointer[l], dnext.pointer + at, dpull.pointer + at, c, z.pointer + at, db, dc, cotangent, count)
          if let dz { S.axpy(1, dz.pointer + at, cotangent, count) }
          S.add(c, b.pointer + at, r, count)
          curve.pullback(
            r, values.pointer + l * curve.knots, cotangent, into: dr, addingTo: &sums.values, &slopes, count: count)
          S.axpy(1, dr, db, count)
          S.axpy(1, dr, dc, count)
        }
      }
      return sums
    }
    return (sums(found.map(\.values)), sums(found.map(\.rate)))
  }

  private func forEachPiece(of run: Int, _ body: (_ at: Int, _ count: Int) -> Void) {
    for first in stride(from: 0, to: size, by: atATime) { body(run * size + first, min(atATime, size - first)) }
  }
}
