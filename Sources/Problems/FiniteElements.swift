// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// The forward problem of electrical impedance tomography, ∇·(σ ∇u) = 0 on the unit disc, by finite elements: u linear and σ constant in
/// each triangle, currents through points of the boundary.
///
/// The stiffness K_ij = Σ_T σ_T ∫_T ∇φ_i · ∇φ_j has a band of about two nodes a ring in the order of reverse Cuthill–McKee; one
/// factorisation of a conductivity gives all drives. Voltages between electrodes that carry no current converge as h²; u itself does
/// not at a driven electrode, where it has a logarithmic pole. Sources: Cuthill & McKee (1969); Braess, Finite Elements, II.
public struct FiniteElementModel: Sendable {
  public let mesh: DiscMesh
  public let electrodes: AdjacentElectrodes
  /// Voltages of ``AdjacentElectrodes/pairs`` at conductivity 1.
  public private(set) var homogeneousVoltages: [Double] = []

  /// Half the width of the band of K.
  public let bandwidth: Int
  /// Places in the band of the six pairs of nodes of every triangle; −1: with the grounded node.
  private let places: [Int32]
  /// Their entries at conductivity 1.
  private let stiffness: [Double]
  /// Rows of K of the electrodes; nil: the grounded node.
  private let electrodeRows: [Int?]

  /// - Parameter mesh: with a boundary node at every electrode: 6 rings is a multiple of their number.
  public init(mesh: DiscMesh, electrodes: AdjacentElectrodes = AdjacentElectrodes()) {
    self.mesh = mesh
    self.electrodes = electrodes
    let order = reverseCuthillMcKee(mesh)
    let unknowns = mesh.nodes.count - 1  // the last node is grounded: u is known up to a constant
    var row = [Int](repeating: 0, count: mesh.nodes.count)
    for (i, node) in order.enumerated() { row[node] = i }
    var bandwidth = 0
    for t in mesh.triangles {
      let rows = [row[t.x], row[t.y], row[t.z]].filter { $0 < unknowns }
      if let first = rows.min(), let last = rows.max() { bandwidth = max(bandwidth, last - first) }
    }
    var places: [Int32] = []
    var stiffness: [Double] = []
    for t in mesh.triangles.indices {
      let n = mesh.triangles[t]
      // ∇φ of a corner is the opposite side turned by a right angle, over twice the area.
      let sides = [
        mesh.nodes[n.z] - mesh.nodes[n.y], mesh.nodes[n.x] - mesh.nodes[n.z], mesh.nodes[n.y] - mesh.nodes[n.x],
      ]
      let area = mesh.area(t)
      for a in 0..<3 {
        for b in a..<3 {
          let (i, j) = (min(row[n[a]], row[n[b]]), max(row[n[a]], row[n[b]]))
          places.append(j < unknowns ? Int32(i * (bandwidth + 1) + j - i) : -1)
          stiffness.append((sides[a] * sides[b]).sum() / (4 * area))
        }
      }
    }
    self.bandwidth = bandwidth
    self.places = places
    self.stiffness = stiffness
    electrodeRows = (0..<electrodes.count).map { k in
      let i = row[mesh.boundaryNode(k, of: electrodes.count)]
      return i < unknowns ? i : nil
    }
    homogeneousVoltages = voltages(conductivity: Array(repeating: 1, count: mesh.triangles.count))
  }

  // MARK: Conductivity

  /// `value` at the centroid of every triangle.
  public func conductivity(_ value: (SIMD2<Double>) -> Double) -> [Double] {
    mesh.triangles.indices.map { value(mesh.centroid($0)) }
  }

  /// The value of the pixel of an image `[n, n]` of the square [−1, 1]² that holds the centroid of every triangle.
  public func conductivity(image: Tensor) -> [Double] {
    precondition(
      image.shape.count == 2 && image.shape[0] == image.shape[1], "a conductivity of shape \(image.shape); expected [n, n]")
    let (n, values) = (image.shape[0], image.doubles)
    return conductivity { z in
      let (i, j) = (Int(Double(n) * (1 - z.y) / 2), Int(Double(n) * (1 + z.x) / 2))
      return values[min(i, n - 1) * n + min(j, n - 1)]
    }
  }

  // MARK: Voltages

  /// V(d, k) of every drive d and measurement k, `[drive][measurement]`; where they share an electrode, a number that depends on the mesh.
  ///
  /// - Parameter conductivity: positive, one number a triangle.
  public func voltageTable(conductivity: [Double]) -> [[Double]] {
    let (n, count) = (mesh.nodes.count - 1, electrodes.count)
    var band = [Double](repeating: 0, count: n * (bandwidth + 1))
    assemble(conductivity, into: &band)
    let isDefinite = LinearAlgebra.bandedCholesky(&band, size: n, bandwidth: bandwidth)
    precondition(isDefinite, "a conductivity that is not positive")
    var potentials = [Double](repeating: 0, count: count * n)
    for d in 0..<count {
      if let source = electrodeRows[d] { potentials[d * n + source] = 1 }
      if let sink = electrodeRows[(d + 1) % count] { potentials[d * n + sink] = -1 }
    }
    LinearAlgebra.bandedCholeskySolve(band, size: n, bandwidth: bandwidth, rows: count, &potentials)
    return (0..<count).map { d in
      let atElectrodes = electrodeRows.map { $0.map { potentials[d * n + $0] } ?? 0 }
      return (0..<count).map { k in atElectrodes[k] - atElectrodes[(k + 1) % count] }
    }
  }

  /// V of ``AdjacentElectrodes/pairs``, for a unit current.
  public func voltages(conductivity: [Double]) -> [Double] {
    let table = voltageTable(conductivity: conductivity)
    return electrodes.pairs.map { table[$0.drive][$0.measurement] }
  }

  /// Measurements in the units of a linear model of rows of unit norm, (V − V₀) / (contrast · ‖row‖): A x for the conductivity
  /// 1 + contrast · x and a small contrast.
  ///
  /// - Parameter rowNorms: ``ImpedanceTomography/rowNorms`` of ``SensitivityModel/eit104``.
  public func measurement(conductivity: [Double], contrast: Double, rowNorms: [Double]) -> [Double] {
    let change = zip(voltages(conductivity: conductivity), homogeneousVoltages).map { $0 - $1 }
    precondition(rowNorms.count == change.count, "\(rowNorms.count) norms of rows for \(change.count) voltages")
    return zip(change, rowNorms).map { $0 / (contrast * $1) }
  }

  private func assemble(_ conductivity: [Double], into band: inout [Double]) {
    precondition(
      conductivity.count == mesh.triangles.count, "\(conductivity.count) conductivities for \(mesh.triangles.count) triangles")
    band.withUnsafeMutableBufferPointer { band in
      places.withUnsafeBufferPointer { places in
        stiffness.withUnsafeBufferPointer { stiffness in
          conductivity.withUnsafeBufferPointer { conductivity in
            for t in 0..<conductivity.count {
              for e in 6 * t..<6 * t + 6 where places[e] >= 0 { band[Int(places[e])] += conductivity[t] * stiffness[e] }
            }
          }
        }
      }
    }
  }
}

/// Nodes in an order that keeps neighbours near each other: breadth first from a boundary node, those of few neighbours first, reversed.
private func reverseCuthillMcKee(_ mesh: DiscMesh) -> [Int] {
  var neighbours = [[Int]](repeating: [], count: mesh.nodes.count)
  for t in mesh.triangles {
    for (a, b) in [(t.x, t.y), (t.y, t.z), (t.z, t.x)] {
      if !neighbours[a].contains(b) { neighbours[a].append(b) }
      if !neighbours[b].contains(a) { neighbours[b].append(a) }
    }
  }
  var order = [mesh.boundary.lowerBound]
  var isTaken = [Bool](repeating: false, count: mesh.nodes.count)
  isTaken[order[0]] = true
  var next = 0
  while next < order.count {
    let open = neighbours[order[next]].filter { !isTaken[$0] }
    for node in open.sorted(by: { (neighbours[$0].count, $0) < (neighbours[$1].count, $1) }) {
      isTaken[node] = true
      order.append(node)
    }
    next += 1
  }
  return order.reversed()
}
