// SPDX-License-Identifier: Apache-2.0
import Testing
import Training

@Suite struct SimplexSearchTests {
  private func distance(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).map { abs($0 - $1) }.max()! }

  /// A quadratic with a minimum in closed form, its axes mixed and its curvatures a hundredfold apart.
  @Test func quadratic() {
    func f(_ x: [Double]) -> Double {
      let (u, v, w) = (x[0] - 0.3, x[1] + 1.2, x[2] - 2)
      return u * u + 10 * (v + u) * (v + u) + 100 * (w - u) * (w - u) - 7
    }
    let search = SimplexSearch(bounds: [-5...5, -5...5, -5...5], evaluations: 600)
    let found = search.minimise(f)
    #expect(abs(found.value + 7) < 1e-10 && distance(found.point, [0.3, -1.2, 2]) < 1e-4, "\(found)")
    #expect(found.evaluations <= 600 && search.minimise(f) == found)
  }

  /// Rosenbrock's valley (1960), whose minimum is 0 at (1, …, 1).
  @Test(arguments: [(2, 500), (4, 3000)]) func rosenbrock(dimension: Int, evaluations: Int) {
    func f(_ x: [Double]) -> Double {
      (0..<dimension - 1).reduce(0) { sum, i in
        let (a, b) = (x[i + 1] - x[i] * x[i], 1 - x[i])
        return sum + 100 * a * a + b * b
      }
    }
    let box = Array(repeating: -3.0...3.0, count: dimension)
    let start = (0..<dimension).map { $0 % 2 == 0 ? -1.2 : 1 }
    let found = SimplexSearch(bounds: box, evaluations: evaluations, samples: 10, tolerance: 1e-10).minimise(from: start, f)
    #expect(found.value < 1e-10 && distance(found.point, Array(repeating: 1, count: dimension)) < 1e-4, "\(found)")
  }

  /// Two valleys: from the best sample alone a simplex may go down the wrong one; the samples find the right one.
  @Test func lowerOfTwoValleys() {
    func f(_ x: [Double]) -> Double { min((x[0] - 8) * (x[0] - 8) + 1, 20 * (x[0] - 2) * (x[0] - 2)) + x[1] * x[1] }
    let found = SimplexSearch(bounds: [0...10, -1...1], evaluations: 300, samples: 60, starts: 3).minimise(f)
    #expect(found.value < 1e-8 && distance(found.point, [2, 0]) < 1e-4, "\(found)")
  }

  /// The minimum at a corner of the box, in one dimension, and of a box without extent in an axis.
  @Test func edges() {
    let corner = SimplexSearch(bounds: [1...3, -2...4], evaluations: 300).minimise { $0[0] + $0[1] }
    #expect(abs(corner.value + 1) < 1e-9, "\(corner)")
    let line = SimplexSearch(bounds: [-4...4], evaluations: 100).minimise { ($0[0] - 1) * ($0[0] - 1) }
    #expect(abs(line.point[0] - 1) < 1e-4, "\(line)")
    let flat = SimplexSearch(bounds: [2...2, 0...1], evaluations: 200).minimise(from: [2, 0.5]) {
      ($0[1] - 0.25) * ($0[1] - 0.25) + $0[0]
    }
    #expect(flat.point[0] == 2 && abs(flat.point[1] - 0.25) < 1e-4, "\(flat)")
  }

  /// Values that are not numbers, infinite ones, and a budget of which no point is left.
  @Test func oddValues() {
    func f(_ x: [Double]) -> Double {
      if x[0] < 0 { return .nan }
      return x[1] < 0 ? .infinity : (x[0] - 0.5) * (x[0] - 0.5) + (x[1] - 0.01) * (x[1] - 0.01)
    }
    let found = SimplexSearch(bounds: [-1...1, -1...1], evaluations: 400).minimise(f)
    #expect(distance(found.point, [0.5, 0.01]) < 1e-4, "\(found)")
    let never = SimplexSearch(bounds: [0...1, 0...1], evaluations: 50).minimise { _ in .nan }
    #expect(never.value == .infinity && never.evaluations <= 50)
    let deep = SimplexSearch(bounds: [0...1, 0...1], evaluations: 50).minimise { $0[0] < 0.5 ? -.infinity : 0 }
    #expect(deep.value == -.infinity && deep.point[0] < 0.5)
    for evaluations in 1...12 {
      var calls = 0
      let short = SimplexSearch(bounds: [0...1, 0...1, 0...1], evaluations: evaluations, starts: 2).minimise { x in
        calls += 1
        return x.reduce(0, +)
      }
      #expect(calls <= evaluations && short.evaluations == calls)
    }
  }

  /// Every point lies in the box; another seed takes other points.
  @Test func staysInTheBox() {
    var places: [[Double]] = []
    let box = [1.0...2.0, -3.0...(-1.0)]
    _ = SimplexSearch(bounds: box, evaluations: 100, seed: 1).minimise { x in
      places.append(x)
      return x[0] - x[1]
    }
    #expect(places.allSatisfy { zip($0, box).allSatisfy { $1.contains($0) } })
    var others: [[Double]] = []
    _ = SimplexSearch(bounds: box, evaluations: 100, seed: 2).minimise { x in
      others.append(x)
      return x[0] - x[1]
    }
    #expect(others[0] != places[0])
  }

  private struct Refusal: Error {}

  @Test func errorsPass() {
    #expect(throws: Refusal.self) {
      try SimplexSearch(bounds: [0...1], evaluations: 5).minimise { _ in throw Refusal() }
    }
  }
}
