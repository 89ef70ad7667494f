// SPDX-License-Identifier: Apache-2.0
import CKernels

/// A curve through values q at uniform knots first + i · spacing, straight lines between them and of slopes of their own outside.
public struct PiecewiseCurve: Sendable {
  public let knots: Int
  public let first: Double
  public let spacing: Double
  /// The slope left of the first knot and right of the last.
  public let outer: (left: Double, right: Double)

  /// The largest number of knots.
  public static let mostKnots = Int(CK_MOST_KNOTS)

  public init(knots: Int, first: Double, spacing: Double, outer: (left: Double, right: Double) = (1, 1)) {
    precondition((2...Self.mostKnots).contains(knots) && spacing > 0, "a curve of \(knots) knots \(spacing) apart")
    self.knots = knots
    self.first = first
    self.spacing = spacing
    self.outer = outer
  }

  /// out = S(a); a NaN stays one.
  public func apply<S: Scalar>(_ a: UnsafePointer<S>, _ q: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, count: Int) {
    S.piecewise(a, q, out, count, knots, first, spacing, S(outer.left), S(outer.right))
  }

  /// da = v S′(a); adds Σ v ∂S/∂q to `dq`, Σ v ∂S/∂slope to the two of `ds`. At a knot the slope is that of the piece to its right.
  public func pullback<S: Scalar>(
    _ a: UnsafePointer<S>, _ q: UnsafePointer<S>, _ v: UnsafePointer<S>, into da: UnsafeMutablePointer<S>,
    addingTo dq: UnsafeMutablePointer<Double>, _ ds: UnsafeMutablePointer<Double>, count: Int
  ) {
    S.piecewisePullback(a, q, v, da, dq, ds, count, knots, first, spacing, S(outer.left), S(outer.right))
  }
}

extension Reference {
  /// ``PiecewiseCurve/apply(_:_:into:count:)``, from the definition.
  public static func piecewise<S: Scalar>(
    _ curve: PiecewiseCurve, _ a: UnsafePointer<S>, _ q: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, count: Int
  ) {
    let last = curve.first + curve.spacing * Double(curve.knots - 1)
    for i in 0..<count {
      let x = Double(a[i])
      if x < curve.first {
        out[i] = S(Double(q[0]) + curve.outer.left * (x - curve.first))
      } else if x > last {
        out[i] = S(Double(q[curve.knots - 1]) + curve.outer.right * (x - last))
      } else if x.isNaN {
        out[i] = a[i]
      } else {
        let k = min(Int((x - curve.first) / curve.spacing), curve.knots - 2)
        let w = (x - curve.first) / curve.spacing - Double(k)
        out[i] = S((1 - w) * Double(q[k]) + w * Double(q[k + 1]))
      }
    }
  }
}
