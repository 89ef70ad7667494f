// SPDX-License-Identifier: Apache-2.0

/// argmin over lower ≤ x of ½‖x − r‖² + λ Σ ‖(∇x)ᵢ‖₂ for images `[height, width]`, ∇ forward differences that are 0 across the edges, by
/// fast projected gradients on the dual p:
///
///     x = max(r − λ ∇ᵀ q, lower);   p⁺ = π(q + ∇x / (8 λ));   q = p⁺ + ((t − 1)/t⁺)(p⁺ − p),   t⁺ = (1 + √(1 + 4t²))/2
///
/// with π the projection of every pixel's two numbers onto the unit disc. Source: Beck & Teboulle, IEEE Trans. Image Process. 18 (2009).
public struct TotalVariationMap: Sendable {
  public let height: Int
  public let width: Int
  public let lower: Double
  public let iterations: Int

  public init(height: Int, width: Int, lower: Double, iterations: Int) {
    precondition(height > 0 && width > 0 && iterations > 0, "TotalVariationMap: \(iterations) iterations on \(height) × \(width)")
    self.height = height
    self.width = width
    self.lower = lower
    self.iterations = iterations
  }

  /// One image is a piece of work.
  public func apply<S: Scalar>(_ r: UnsafePointer<S>, lambda: Double, into x: UnsafeMutablePointer<S>, batch: Int) {
    let (r, x) = (Shared(r), SharedMutable(x))
    Parallel.forEach(batch) { i in
      let (source, target) = (r.pointer + i * height * width, x.pointer + i * height * width)
      if let source = single(source), let target = single(target) {
        run(source, Float(lambda), Float(lower), target)
      } else {
        run(double(source), lambda, lower, double(target))
      }
    }
  }

  private func run<S: Scalar>(_ r: UnsafePointer<S>, _ lambda: S, _ lower: S, _ x: UnsafeMutablePointer<S>) {
    guard lambda > 0 else {
      for i in 0..<height * width { x[i] = max(r[i], lower) }
      return
    }
    let count = height * width
    // Across, down; of the iteration before, and extrapolated.
    withUnsafeTemporaryAllocation(of: S.self, capacity: 4 * count) { buffer in
      buffer.initialize(repeating: 0)
      let p = buffer.baseAddress!
      let (across, down, qAcross, qDown) = (p, p + count, p + 2 * count, p + 3 * count)
      var t = 1.0
      for _ in 0..<iterations {
        primal(r, lambda, lower, qAcross, qDown, x)
        let next = (1 + (1 + 4 * t * t).squareRoot()) / 2
        dual(x, 1 / (8 * lambda), S((t - 1) / next), across, down, qAcross, qDown)
        t = next
      }
      primal(r, lambda, lower, across, down, x)
    }
  }

  /// x = max(r − λ ∇ᵀ p, lower).
  @inline(__always)
  private func primal<S: Scalar>(
    _ r: UnsafePointer<S>, _ lambda: S, _ lower: S, _ across: UnsafePointer<S>, _ down: UnsafePointer<S>,
    _ x: UnsafeMutablePointer<S>
  ) {
    for i in 0..<height {
      let row = i * width
      // Differences that ∇ does not form are 0 in p, so that only what lies before the image needs care.
      x[row] = max(r[row] + lambda * (across[row] + down[row] - (i > 0 ? down[row - width] : 0)), lower)
      if i == 0 {
        for k in row + 1..<max(row + width, row + 1) {
          let divergence: S = across[k] - across[k - 1] + down[k]
          x[k] = max(r[k] + lambda * divergence, lower)
        }
      } else {
        for k in row + 1..<max(row + width, row + 1) {
          let divergence: S = across[k] - across[k - 1] + down[k] - down[k - width]
          x[k] = max(r[k] + lambda * divergence, lower)
        }
      }
    }
  }

  /// p⁺ and q from x; q is read and written.
  @inline(__always)
  private func dual<S: Scalar>(
    _ x: UnsafePointer<S>, _ step: S, _ momentum: S, _ across: UnsafeMutablePointer<S>, _ down: UnsafeMutablePointer<S>,
    _ qAcross: UnsafeMutablePointer<S>, _ qDown: UnsafeMutablePointer<S>
  ) {
    @inline(__always) func update(_ k: Int, _ dx: S, _ dy: S) {
      let (a, b) = (qAcross[k] + step * dx, qDown[k] + step * dy)
      let length: S = a * a + b * b
      let scale: S = length > 1 ? 1 / length.squareRoot() : 1
      let (newA, newB) = (a * scale, b * scale)
      qAcross[k] = newA + momentum * (newA - across[k])
      qDown[k] = newB + momentum * (newB - down[k])
      (across[k], down[k]) = (newA, newB)
    }
    for i in 0..<height {
      let row = i * width
      let last = row + width - 1
      if i + 1 < height {
        for k in row..<last { update(k, x[k + 1] - x[k], x[k + width] - x[k]) }
        update(last, 0, x[last + width] - x[last])
      } else {
        for k in row..<last { update(k, x[k + 1] - x[k], 0) }
      }
    }
  }
}
