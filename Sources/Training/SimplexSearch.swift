// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The minimum of a function of a few numbers within a box, found from its values alone: points spread over the box, then Nelder and Mead's
/// simplex from the best of them, begun anew when it has shrunk, until the evaluations are used up or nothing improves.
///
/// The points are a Latin hypercube (McKay, Beckman & Conover 1979): each of n slices of every axis holds one. The simplex has the
/// coefficients of Gao & Han (2012) and is kept in the box by moving its points to the nearest within. A value that is not a number counts as
/// +∞. The same seed and function give the same result. No proof of convergence is known beyond one dimension: look at the value.
public struct SimplexSearch: Sendable {
  /// The box.
  public var bounds: [ClosedRange<Double>]
  /// Most evaluations of the function.
  public var evaluations: Int
  /// Of these, points spread over the box first.
  public var samples: Int
  /// From how many of the best samples a simplex begins; the best of them goes on with what evaluations are left.
  public var starts: Int
  /// The simplex begins anew when its largest side is below this part of the box's.
  public var tolerance: Double
  public var seed: UInt64

  public init(
    bounds: [ClosedRange<Double>], evaluations: Int, samples: Int? = nil, starts: Int = 1, tolerance: Double = 1e-8,
    seed: UInt64 = 1
  ) {
    precondition(!bounds.isEmpty && evaluations > 0, "a search over \(bounds.count) numbers with \(evaluations) evaluations")
    precondition(bounds.allSatisfy { $0.lowerBound.isFinite && $0.upperBound.isFinite }, "a box that is not finite: \(bounds)")
    self.bounds = bounds
    self.evaluations = evaluations
    self.samples = min(evaluations, max(1, samples ?? evaluations / 4))
    self.starts = max(1, starts)
    self.tolerance = tolerance
    self.seed = seed
  }

  public struct Minimum: Sendable, Equatable {
    public var point: [Double]
    /// The function there; +∞ when it was finite or −∞ nowhere.
    public var value: Double
    /// Evaluations that were used.
    public var evaluations: Int
  }

  /// A place in the unit cube and the value there.
  private typealias Vertex = (place: [Double], value: Double)

  /// - Parameter start: a point to try first, such as a good guess.
  public func minimise(from start: [Double]? = nil, _ f: ([Double]) throws -> Double) rethrows -> Minimum {
    precondition(start == nil || start!.count == bounds.count, "a start of \(start?.count ?? 0) numbers for \(bounds.count)")
    var used = 0
    func evaluate(_ place: [Double]) throws -> Vertex {
      used += 1
      let inside = place.map { min(max($0, 0), 1) }
      let value = try f(point(inside))
      return (inside, value.isNaN ? .infinity : value)
    }
    var tried: [Vertex] = []
    if let start { tried.append(try evaluate(zip(start, bounds).map(place))) }
    for place in hypercube() where used < evaluations { tried.append(try evaluate(place)) }
    let ranked = tried.sorted { $0.value < $1.value }
    var best = ranked[0]
    let first = min(starts, ranked.count)
    if first > 1 {
      let share = (evaluations - used) / (first + 1)
      for k in 0..<first {
        let found = try simplex(at: ranked[k], until: used + share, used: { used }, evaluate)
        if found.value < best.value { best = found }
      }
    }
    while used < evaluations {
      let found = try simplex(at: best, until: evaluations, used: { used }, evaluate)
      let gain = best.value - found.value
      if found.value < best.value { best = found }
      // −∞ cannot be improved, and of +∞ to +∞ the difference is no number.
      if !(gain > 1e-12 * abs(found.value)) { break }
    }
    return Minimum(point: point(best.place), value: best.value, evaluations: used)
  }

  private func point(_ place: [Double]) -> [Double] {
    zip(place, bounds).map { $1.lowerBound + $0 * ($1.upperBound - $1.lowerBound) }
  }

  private func place(_ x: Double, _ range: ClosedRange<Double>) -> Double {
    range.upperBound > range.lowerBound ? (x - range.lowerBound) / (range.upperBound - range.lowerBound) : 0
  }

  private func hypercube() -> [[Double]] {
    var generator = RandomGenerator(seed: seed)
    let axes = bounds.map { _ in
      (0..<samples).shuffled(using: &generator).map { (Double($0) + generator.uniform()) / Double(samples) }
    }
    return (0..<samples).map { i in axes.map { $0[i] } }
  }

  /// One simplex from a place, until it has shrunk or `limit` evaluations of the search are used.
  private func simplex(
    at start: Vertex, until limit: Int, used: () -> Int, _ evaluate: ([Double]) throws -> Vertex
  ) rethrows -> Vertex {
    let n = bounds.count
    let size = Double(max(n, 2))
    let (expansion, contraction, shrinkage) = (1 + 2 / size, 0.75 - 1 / (2 * size), 1 - 1 / size)
    let side = 0.1
    var vertices = [start]
    for axis in 0..<n {
      guard used() < limit else { return best(vertices) }
      var place = start.place
      place[axis] += place[axis] <= 1 - side ? side : -side
      vertices.append(try evaluate(place))
    }
    while used() < limit {
      vertices.sort { $0.value < $1.value }
      let (low, worst) = (vertices[0], vertices[n])
      let width = vertices.dropFirst().map { zip($0.place, low.place).map { abs($0 - $1) }.max()! }.max()!
      if width < tolerance { break }
      let centre = (0..<n).map { axis in vertices.dropLast().reduce(0) { $0 + $1.place[axis] } / Double(n) }
      func along(_ t: Double) -> [Double] { zip(centre, worst.place).map { $0 + t * ($0 - $1) } }
      let reflected = try evaluate(along(1))
      if reflected.value < low.value {
        guard used() < limit else { return reflected }
        let expanded = try evaluate(along(expansion))
        vertices[n] = expanded.value < reflected.value ? expanded : reflected
        continue
      }
      if reflected.value < vertices[n - 1].value {
        vertices[n] = reflected
        continue
      }
      guard used() < limit else { break }
      let isOutside = reflected.value < worst.value
      let contracted = try evaluate(along(isOutside ? contraction : -contraction))
      if contracted.value < min(reflected.value, worst.value) {
        vertices[n] = contracted
        continue
      }
      for i in 1...n where used() < limit {
        vertices[i] = try evaluate(zip(vertices[i].place, low.place).map { $1 + shrinkage * ($0 - $1) })
      }
    }
    return best(vertices)
  }

  private func best(_ vertices: [Vertex]) -> Vertex { vertices.min { $0.value < $1.value }! }
}
