// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors

/// Where the rays of a parallel beam run: a square of pixels turned in front of a straight detector.
///
/// Pixel (i, j) of `height` × `width` has its centre at x = (j − (width − 1)/2) p, y = ((height − 1)/2 − i) p with the pixel size p, row 0
/// at the top. The ray of bin b at angle t is the line x cos t + y sin t = s_b, s_b = (b − (bins − 1)/2 − c) d with the bin width d and
/// the axis of rotation c bins beside the middle of the detector.
public struct ParallelBeamGeometry: Sendable, Equatable {
  public var height: Int
  public var width: Int
  /// t, in radians.
  public var angles: [Double]
  public var bins: Int
  /// p, the unit of all lengths; projections are integrals over length in it.
  public var pixelSize: Double
  /// d.
  public var binWidth: Double
  /// c.
  public var axisOffset: Double

  public init(
    height: Int, width: Int, angles: [Double], bins: Int, pixelSize: Double = 1, binWidth: Double = 1, axisOffset: Double = 0
  ) {
    precondition(
      height > 0 && width > 0 && bins > 0 && pixelSize > 0 && binWidth > 0 && angles.allSatisfy(\.isFinite) && axisOffset.isFinite,
      "ParallelBeamGeometry: \(bins) bins of \(binWidth), \(height) × \(width) pixels of \(pixelSize)")
    self.height = height
    self.width = width
    self.angles = angles
    self.bins = bins
    self.pixelSize = pixelSize
    self.binWidth = binWidth
    self.axisOffset = axisOffset
  }

  /// `views` even angles j π / views, and an odd number of bins of one pixel that cover the diagonal: ⌈√2 side⌉ + 1, plus 1 when even.
  public init(side: Int, views: Int, pixelSize: Double = 1) {
    let bins = Int((2.0.squareRoot() * Double(side)).rounded(.up)) + 1
    self.init(
      height: side, width: side, angles: (0..<views).map { Double($0) * Double.pi / Double(views) }, bins: bins + (bins + 1) % 2,
      pixelSize: pixelSize, binWidth: pixelSize)
  }

  /// s of bin 0.
  var firstBin: Double { -(Double(bins - 1) / 2 + axisOffset) * binWidth }
}

/// The X-ray transform of a parallel beam: integrals along straight lines by Joseph's method, on every row (or column) that a ray crosses
/// linear interpolation between its two pixels times the length from line to line, p / max(|cos t|, |sin t|).
///
/// Domain images `[…, height, width]`, codomain sinograms `[…, views, bins]`, in either precision. The adjoint is the transpose.
/// Source: Joseph, IEEE Trans. Med. Imaging 1 (1982).
public struct ParallelBeam: LinearOperator {
  public let geometry: ParallelBeamGeometry
  private let lines: LineResampling

  public init(_ geometry: ParallelBeamGeometry) {
    self.geometry = geometry
    let (p, d) = (geometry.pixelSize, geometry.binWidth)
    let views = geometry.angles.map { t in
      let first = RayProjection.Ray(
        angle: (cos(t), sin(t)), distance: geometry.firstBin, pixelSize: p, height: geometry.height, width: geometry.width)
      return LineResampling.View(
        alongRows: first.alongRows, start: first.start, shift: first.shift,
        step: first.alongRows ? d / (p * cos(t)) : -d / (p * sin(t)), weight: first.weight)
    }
    lines = LineResampling(
      height: geometry.height, width: geometry.width, elements: geometry.bins, views: views, positions: .ofElements)
  }

  public func forward(_ x: Tensor) -> Tensor { lines.forward(x) }
  public func adjoint(_ y: Tensor) -> Tensor { lines.adjoint(y) }

  /// The upper bound ‖A‖₁ ‖A‖_∞, up to twice ‖A‖², by a projection and an adjoint at every call;
  /// ``powerIteration(_:startingAt:tolerance:maximumIterations:)`` gives the constant itself.
  public var domainShape: [Int] { [geometry.height, geometry.width] }
  public var codomainShape: [Int] { [geometry.angles.count, geometry.bins] }
  public var lipschitz: Double { lines.squaredNormBound }
}

extension LineResampling {
  /// Views `[…, views, elements]` of images `[…, height, width]`.
  func forward(_ x: Tensor) -> Tensor {
    x.mapped(from: [height, width], to: [views.count, elements]) {
      forward($0, into: $1, batch: $2)
    } double: {
      forward($0, into: $1, batch: $2)
    }
  }

  func adjoint(_ y: Tensor) -> Tensor {
    y.mapped(from: [views.count, elements], to: [height, width]) {
      adjoint($0, into: $1, batch: $2)
    } double: {
      adjoint($0, into: $1, batch: $2)
    }
  }

  /// ``squaredNormBound(domain:codomain:_:_:)`` of forward.
  var squaredNormBound: Double {
    Operators.squaredNormBound(domain: [height, width], codomain: [views.count, elements], forward, adjoint)
  }
}

/// ‖A‖₁ ‖A‖_∞ ≥ ‖A‖² of a matrix without negative entries: its largest row sum times its largest column sum.
func squaredNormBound(domain: [Int], codomain: [Int], _ forward: (Tensor) -> Tensor, _ adjoint: (Tensor) -> Tensor) -> Double {
  if codomain.contains(0) { return 0 }
  let rows = forward(.filled(1, shape: domain, precision: .single)).maximumMagnitude
  return rows * adjoint(.filled(1, shape: codomain, precision: .single)).maximumMagnitude
}
