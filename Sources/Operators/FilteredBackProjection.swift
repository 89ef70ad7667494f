// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors

/// Filtered back-projection of a parallel beam: the inverse of the X-ray transform where views are many and see every line.
///
/// Every view is convolved with the ramp filter, then spread back over the image by linear interpolation between bins:
///
///     x(i, j) = Σ_v Δt_v q_v(x cos t_v + y sin t_v),      q_v = d Σ_b' h(b − b') w(b') y_v(b'),
///     h(0) = 1/(4 d²),  h(n) = −1/(π n d)² for odd n, 0 for even n
///
/// with the bin width d and Δt_v the part of half a turn that a view stands for, π/V of V even angles; angles may be any, beyond half a turn
/// too. w is 1; with a displaced detector over a full turn it shares a line between its two measurements, t and t + π, by sin² over what is
/// seen on both sides of the axis. ``ParallelBeamGeometry/missingData`` says what lacks where a line was not measured. Domain sinograms
/// `[…, views, bins]`, codomain images `[…, height, width]`. The adjoint is the transpose. Source: Ramachandran & Lakshminarayanan (1971); Kak & Slaney (1988), ch. 3.
public struct FilteredBackProjection: LinearOperator {
  public enum Window: String, Sendable, CaseIterable, Codable {
    /// The ramp itself (Ram-Lak).
    case ramp
    /// The ramp times cos²(π f / (2 f_max)): less noise, less sharp.
    case hann
  }

  public let geometry: ParallelBeamGeometry
  public let window: Window
  private let filter: RowFilter
  private let lines: LineResampling
  private let rows: DetectorRows

  public init(_ geometry: ParallelBeamGeometry, window: Window = .ramp) {
    self.geometry = geometry
    self.window = window
    let (p, d) = (geometry.pixelSize, geometry.binWidth)
    let (turn, isWeighted) = geometry.coverage
    let reach = geometry.reach
    let shares = isWeighted ? (0..<geometry.bins).map { reach.share(geometry.firstBin + Double($0) * d) } : nil
    let rows = DetectorRows(
      geometry.bins, weights: shares.map { Tensor($0, shape: [geometry.bins]) }, reach: reach, offset: geometry.axisOffset)
    self.rows = rows
    filter = RowFilter(ramp: rows.length, spacing: d, window: window, distance: Double.init)
    let views = zip(geometry.angles, turn.shares).map { t, weight in
      // Bin of pixel (i, j): (x cos t + y sin t) / d − first, linear in i and j.
      let alongRows = abs(cos(t)) >= abs(sin(t))  // steps of one pixel are then no shorter than those between lines
      let (perColumn, perRow) = (p * cos(t) / d, -p * sin(t) / d)
      let start =
        Double(rows.before) - geometry.firstBin / d - Double(geometry.width - 1) / 2 * perColumn - Double(geometry.height - 1) / 2
        * perRow
      return LineResampling.View(
        alongRows: alongRows, start: start, shift: alongRows ? perRow : perColumn, step: alongRows ? perColumn : perRow,
        weight: weight)
    }
    lines = LineResampling(
      height: geometry.height, width: geometry.width, elements: rows.length, views: views, positions: .ofPixels)
  }

  public func forward(_ y: Tensor) -> Tensor { lines.adjoint(filter(rows.widened(y))) }
  public func adjoint(_ x: Tensor) -> Tensor { rows.narrowed(filter(lines.forward(x))) }

  /// An upper bound: that of the filter times that of the back-projection, computed at every call.
  public var domainShape: [Int] { [geometry.angles.count, geometry.bins] }
  public var codomainShape: [Int] { [geometry.height, geometry.width] }
  public var lipschitz: Double { lines.squaredNormBound * filter.squaredNorm }
}

/// Rows convolved with an even kernel, without going around: its own transpose.
struct RowFilter: Sendable {
  private let length: Int
  private let padded: Int
  /// Real factors of the padded spectrum.
  private let gains: [Double]

  /// d h of the ramp, with its window.
  ///
  /// - Parameter distance: of two bins n apart in bins: n itself, or what curves have in its place.
  init(ramp length: Int, spacing d: Double, window: FilteredBackProjection.Window, distance: (Int) -> Double) {
    func kernel(_ n: Int) -> Double {
      if n == 0 { return 1 / (4 * d) }
      if n % 2 == 0 { return 0 }
      return -1 / (Double.pi * Double.pi * (distance(n) * distance(n)) * d)
    }
    self.length = length
    var padded = 2
    while padded < 2 * length { padded *= 2 }
    self.padded = padded
    var values = [Double](repeating: 0, count: 2 * padded)
    for n in 0..<length {
      values[2 * n] = kernel(n)
      if n > 0 { values[2 * (padded - n)] = kernel(n) }
    }
    let spectrum = fft(ComplexTensor(pairs: Tensor(values, shape: [1, padded, 2]))).pairs.doubles
    let root = Double(padded).squareRoot()  // the transform is unitary
    gains = (0..<padded).map { k in
      let cosine = cos(Double.pi * Double(min(k, padded - k)) / Double(padded))
      return root * spectrum[2 * k] * (window == .hann ? cosine * cosine : 1)
    }
  }

  /// At most the square of the largest factor.
  var squaredNorm: Double { gains.reduce(0) { max($0, $1 * $1) } }

  /// Of a tensor `[…, length]`.
  func callAsFunction(_ y: Tensor) -> Tensor {
    if y.isShapelessZero { return y }
    let (rows, v) = (y.count / length, y.doubles)
    // Two real rows are the parts of a complex one.
    let pairs = (rows + 1) / 2
    var values = [Double](repeating: 0, count: 2 * pairs * padded)
    for row in 0..<rows {
      for i in 0..<length { values[2 * (row / 2 * padded + i) + row % 2] = v[row * length + i] }
    }
    var spectrum = fft(ComplexTensor(pairs: Tensor(values, shape: [pairs, padded, 2]))).pairs.doubles
    for i in 0..<pairs * padded {
      spectrum[2 * i] *= gains[i % padded]
      spectrum[2 * i + 1] *= gains[i % padded]
    }
    let filtered = inverseFFT(ComplexTensor(pairs: Tensor(spectrum, shape: [pairs, padded, 2]))).pairs.doubles
    var out = v
    for row in 0..<rows {
      for i in 0..<length { out[row * length + i] = filtered[2 * (row / 2 * padded + i) + row % 2] }
    }
    return Tensor(out, shape: y.shape, precision: y.precision)
  }
}
