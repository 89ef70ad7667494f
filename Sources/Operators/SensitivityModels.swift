// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// Point electrodes e_k = exp(2πi k/count) around the unit disc, adjacent drive and adjacent measurement: drive d injects a unit current
/// at e_d and takes it out at e_{d+1}, measurement k is the potential at e_k less that at e_{k+1}.
public struct AdjacentElectrodes: Sendable, Equatable {
  public struct Pair: Sendable, Equatable {
    public let drive: Int
    public let measurement: Int

    public init(drive: Int, measurement: Int) { (self.drive, self.measurement) = (drive, measurement) }
  }

  public let count: Int

  public init(count: Int = 16) {
    precondition(count >= 4, "\(count) electrodes; at least 4 have a pair that shares none")
    self.count = count
  }

  /// The pairs that share no electrode, each once since V(d, k) = V(k, d): d < k, by d and then by k; count (count − 3) / 2.
  public var pairs: [Pair] {
    (0..<count).flatMap { d in
      (d + 2..<max(count, d + 2)).filter { d != 0 || $0 != count - 1 }.map { Pair(drive: d, measurement: $0) }
    }
  }

  /// Angle of electrode k, of any whole k.
  public func angle(_ k: Int) -> Double { 2 * Double.pi * Double(k) / Double(count) }

  public func position(_ k: Int) -> SIMD2<Double> { SIMD2(cos(angle(k)), sin(angle(k))) }
}

/// Sensitivities in closed form, measurements b = A x linear in the contrast x of the pixels.
public enum SensitivityModel: String, CaseIterable, Sendable {
  /// Electromagnetic tomography, 8 coils, 28 pairs.
  ///
  /// Coil i stands at c_i, radius 1.2 and angle 2πi/8, two opposite line currents 0.15 t_i and −0.15 t_i from there, t_i tangential and
  /// of unit length: A_i(z) = ln|z − c_i + 0.15 t_i| − ln|z − c_i − 0.15 t_i|. Linearised eddy currents give
  /// S[(i, j), p] = A_i(z_p) A_j(z_p), i < j. The geometry is a choice of this package.
  case emt28 = "emt-28"
  /// Electrical impedance tomography, 16 point electrodes on the unit disc, 104 pairs, background conductivity 1.
  ///
  /// Drive d has the potential u_d(z) = (1/π)(ln|z − e_{d+1}| − ln|z − e_d|); J[(d, k), p] = −∇u_d(z_p) · ∇u_k(z_p) times the area of a
  /// pixel: the change of V(d, k) by a small conductivity in the pixel. Source: Calderón (1980); Geselowitz (1971).
  case eit104 = "eit-104"

  /// Rows of the matrix.
  public var measurements: Int { self == .emt28 ? 28 : 104 }

  /// The matrix in its own units, `[measurements, pixels.count]`.
  public func sensitivity(on pixels: PixelDisc) -> Matrix {
    let rows = self == .emt28 ? Self.coilRows(pixels) : Self.electrodeRows(pixels)
    return Matrix(Tensor(rows, shape: [measurements, pixels.count]))
  }

  private static func coilRows(_ pixels: PixelDisc) -> [Double] {
    let coils = 8
    let centres = pixels.centres
    let fields = (0..<coils).map { i in
      let angle = 2 * Double.pi * Double(i) / Double(coils)
      let (centre, half) = (1.2 * SIMD2(cos(angle), sin(angle)), 0.15 * SIMD2(-sin(angle), cos(angle)))
      return centres.map { z in 0.5 * log((z - centre + half).squaredLength / (z - centre - half).squaredLength) }
    }
    return (0..<coils).flatMap { i in (i + 1..<coils).flatMap { j in zip(fields[i], fields[j]).map { $0 * $1 } } }
  }

  private static func electrodeRows(_ pixels: PixelDisc) -> [Double] {
    let electrodes = AdjacentElectrodes()
    let centres = pixels.centres
    let area = 4 / Double(pixels.side * pixels.side)
    let fields = (0..<electrodes.count).map { d in
      let (a, b) = (electrodes.position(d), electrodes.position(d + 1))
      return centres.map { z in ((z - b) / (z - b).squaredLength - (z - a) / (z - a).squaredLength) / Double.pi }
    }
    return electrodes.pairs.flatMap { pair in
      zip(fields[pair.drive], fields[pair.measurement]).map { -area * ($0 * $1).sum() }
    }
  }
}

extension SIMD2<Double> {
  fileprivate var squaredLength: Double { (self * self).sum() }
}

extension Matrix {
  /// ℓ2 norms of the rows.
  public var rowNorms: [Double] {
    let v = entries.doubles
    return (0..<rows).map { i in v[i * columns..<(i + 1) * columns].reduce(0) { $0 + $1 * $1 }.squareRoot() }
  }

  /// The same matrix with every row scaled to unit ℓ2 norm; a zero row stays.
  public var withUnitRows: Matrix {
    var v = entries.doubles
    for (i, norm) in rowNorms.enumerated() where norm > 0 { for j in 0..<columns { v[i * columns + j] /= norm } }
    return Matrix(Tensor(v, shape: entries.shape, precision: precision))
  }
}
