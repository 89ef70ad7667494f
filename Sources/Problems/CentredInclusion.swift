// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform

/// Boundary voltages in closed form: the unit disc of conductivity 1 with a centred disc of conductivity s and radius R in it.
///
/// A unit current in at the angle α and out at β gives, on the boundary,
///
///     u(θ) = Σ_{n ≥ 1} (cos n(θ − α) − cos n(θ − β)) m_n / (π n),   m_n = (1 − μ R²ⁿ) / (1 + μ R²ⁿ),   μ = (s − 1) / (s + 1)
///
/// m_n = 1 is the homogeneous disc, ln(|sin((θ − β)/2)| / |sin((θ − α)/2)|) / π; what is left converges as R²ⁿ. Source: Isaacson (1986).
public struct CentredInclusion: Sendable {
  /// s.
  public let conductivity: Double
  /// R.
  public let radius: Double
  /// (m_n − 1) / (π n), n = 1, 2, …, until it is below 1e-18 of the first.
  private let coefficients: [Double]

  public init(conductivity: Double, radius: Double) {
    precondition(
      conductivity > 0 && radius > 0 && radius < 1, "a centred disc of conductivity \(conductivity) and radius \(radius)")
    self.conductivity = conductivity
    self.radius = radius
    let mu = (conductivity - 1) / (conductivity + 1)
    let last = max(1, Int((log(1e-18) / (2 * log(radius))).rounded(.up)))
    coefficients = (1...last).map { n in
      let power = pow(radius, Double(2 * n))
      return -2 * mu * power / ((1 + mu * power) * Double.pi * Double(n))
    }
  }

  /// V(d, k) of the homogeneous disc; the pair shares no electrode.
  public static func homogeneousVoltage(_ pair: AdjacentElectrodes.Pair, of electrodes: AdjacentElectrodes) -> Double {
    let (drive, k) = (pair.drive, pair.measurement)
    let shared = (k - drive + electrodes.count + 1) % electrodes.count
    precondition(shared > 2, "drive \(drive) and measurement \(k) of \(electrodes.count) electrodes share one")
    func chord(_ i: Int, _ j: Int) -> Double { abs(sin((electrodes.angle(i) - electrodes.angle(j)) / 2)) }
    return log(chord(k, drive + 1) * chord(k + 1, drive) / (chord(k, drive) * chord(k + 1, drive + 1))) / Double.pi
  }

  /// V(d, k) less that of the homogeneous disc.
  public func voltageChange(_ pair: AdjacentElectrodes.Pair, of electrodes: AdjacentElectrodes) -> Double {
    let (drive, k) = (electrodes.angle(pair.drive), electrodes.angle(pair.measurement))
    let step = electrodes.angle(1)
    // The four differences of angles are of three lengths: cos n φ, φ = θ_k − θ_d and one step either way.
    var sum = 0.0
    for (i, c) in coefficients.enumerated().reversed() {
      let n = Double(i + 1)
      sum += c * (2 * cos(n * (k - drive)) - cos(n * (k - drive - step)) - cos(n * (k - drive + step)))
    }
    return sum
  }

  /// V(d, k); the pair shares no electrode.
  public func voltage(_ pair: AdjacentElectrodes.Pair, of electrodes: AdjacentElectrodes) -> Double {
    Self.homogeneousVoltage(pair, of: electrodes) + voltageChange(pair, of: electrodes)
  }
}
