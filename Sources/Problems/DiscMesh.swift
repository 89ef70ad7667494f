// SPDX-License-Identifier: Apache-2.0
import Platform

/// Triangles over the unit disc, between concentric rings: ring j has 6j nodes at even angles, the first at angle 0, and 6(2j − 1) triangles
/// lie between it and the ring inside.
///
/// One ring has exactly the given inner radius, so that a centred disc of that radius is made of whole triangles; rings are evenly spaced
/// inside it and outside. Polygons are inscribed in circles. No randomness: equal arguments give equal meshes.
public struct DiscMesh: Sendable, Equatable {
  /// Number of rings, the middle not counted.
  public let rings: Int
  /// Rings up to the inner radius.
  public let innerRings: Int
  public let innerRadius: Double
  /// The middle, then the rings outwards, each counter-clockwise; 1 + 3 rings (rings + 1).
  public let nodes: [SIMD2<Double>]
  /// Nodes of each triangle, counter-clockwise, from the middle outwards; 6 rings².
  public let triangles: [SIMD3<Int>]

  /// A mesh of `rings` rings, about innerRadius · rings of them inside.
  public init(rings: Int, innerRadius: Double = 0.5) {
    let inside = (innerRadius * Double(rings)).rounded()
    self.init(rings: rings, innerRings: min(max(Int(inside.isFinite ? inside : 0), 1), max(rings - 1, 1)), innerRadius: innerRadius)
  }

  private init(rings m: Int, innerRings inner: Int, innerRadius: Double) {
    precondition(m >= 2 && innerRadius > 0 && innerRadius < 1, "a mesh of \(m) rings, one at radius \(innerRadius)")
    rings = m
    innerRings = inner
    self.innerRadius = innerRadius
    var nodes = [SIMD2(0.0, 0)]
    for j in 1...m {
      let radius =
        j <= inner
        ? innerRadius * Double(j) / Double(inner) : innerRadius + (1 - innerRadius) * Double(j - inner) / Double(m - inner)
      nodes += (0..<6 * j).map { i in
        let angle = Double.pi * Double(i) / Double(3 * j)
        return SIMD2(radius * cos(angle), radius * sin(angle))
      }
    }
    self.nodes = nodes
    var triangles: [SIMD3<Int>] = []
    triangles.reserveCapacity(6 * m * m)
    for j in 1...m {
      // In a sixth of the ring, j edges outside face j − 1 inside.
      func outer(_ i: Int) -> Int { Self.firstNode(ofRing: j) + i % (6 * j) }
      func inner(_ i: Int) -> Int { j == 1 ? 0 : Self.firstNode(ofRing: j - 1) + i % (6 * (j - 1)) }
      for sixth in 0..<6 {
        let (a, b) = (sixth * j, sixth * (j - 1))
        for i in 0..<j {
          triangles.append(SIMD3(outer(a + i), outer(a + i + 1), inner(b + i)))
          if i < j - 1 { triangles.append(SIMD3(inner(b + i), outer(a + i + 1), inner(b + i + 1))) }
        }
      }
    }
    self.triangles = triangles
  }

  private static func firstNode(ofRing j: Int) -> Int { 1 + 3 * j * (j - 1) }

  /// Twice as many rings inside the inner radius and outside: sides half as long.
  public var refined: DiscMesh { DiscMesh(rings: 2 * rings, innerRings: 2 * innerRings, innerRadius: innerRadius) }

  /// Nodes on the unit circle.
  public var boundary: Range<Int> { Self.firstNode(ofRing: rings)..<nodes.count }

  /// The boundary node at the angle 2πk/count, which there is when 6 rings is a multiple of count.
  public func boundaryNode(_ k: Int, of count: Int) -> Int {
    precondition(boundary.count % count == 0, "\(boundary.count) boundary nodes for \(count) electrodes; expected a multiple")
    return boundary.lowerBound + (k % count) * (boundary.count / count)
  }

  public func area(_ triangle: Int) -> Double {
    let t = triangles[triangle]
    let (a, b) = (nodes[t.y] - nodes[t.x], nodes[t.z] - nodes[t.x])
    return 0.5 * (a.x * b.y - a.y * b.x)
  }

  public func centroid(_ triangle: Int) -> SIMD2<Double> {
    let t = triangles[triangle]
    return (nodes[t.x] + nodes[t.y] + nodes[t.z]) / 3
  }
}
