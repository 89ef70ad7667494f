// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors

/// Where the rays of a fan beam run: a point source on a circle around the image, cells opposite on an arc around the source or on a line.
///
/// At angle β the source is at R (−sin β, cos β). The ray of fan angle γ is the line x cos t + y sin t = R sin γ, t = β + γ; pixels as in
/// ``ParallelBeamGeometry``. Cell b is at γ = (b − (cells − 1)/2 − c) α on an arc, α = cellWidth / sourceToDetector, and at
/// tan γ = (b − (cells − 1)/2 − c) α on a line.
public struct FanBeamGeometry: Sendable, Equatable {
  public enum Detector: String, Sendable, CaseIterable, Codable {
    /// Cells of equal angles.
    case arc
    /// Cells of equal widths.
    case line
  }

  public var height: Int
  public var width: Int
  /// β, in radians.
  public var angles: [Double]
  public var cells: Int
  public var pixelSize: Double
  public var cellWidth: Double
  /// R.
  public var sourceToCentre: Double
  public var sourceToDetector: Double
  /// c, in cells.
  public var axisOffset: Double
  public var detector: Detector

  public init(
    height: Int, width: Int, angles: [Double], cells: Int, pixelSize: Double, cellWidth: Double, sourceToCentre: Double,
    sourceToDetector: Double, axisOffset: Double = 0, detector: Detector = .arc
  ) {
    let halfDiagonal = hypot(Double(height), Double(width)) / 2 * pixelSize
    precondition(
      height > 0 && width > 0 && cells > 0 && pixelSize > 0 && cellWidth > 0 && sourceToCentre > halfDiagonal
        && sourceToDetector > 0
        && angles.allSatisfy(\.isFinite),
      "FanBeamGeometry: a source at \(sourceToCentre) from the middle of an image whose corners are at \(halfDiagonal)")
    self.height = height
    self.width = width
    self.angles = angles
    self.cells = cells
    self.pixelSize = pixelSize
    self.cellWidth = cellWidth
    self.sourceToCentre = sourceToCentre
    self.sourceToDetector = sourceToDetector
    self.axisOffset = axisOffset
    self.detector = detector
  }

  /// α.
  public var spacing: Double { cellWidth / sourceToDetector }

  /// γ of cell b.
  public func fanAngle(_ b: Int) -> Double {
    let u = (Double(b) - Double(cells - 1) / 2 - axisOffset) * spacing
    return detector == .arc ? u : atan(u)
  }

  /// The largest |γ|.
  public var halfFan: Double { max(abs(fanAngle(0)), abs(fanAngle(cells - 1))) }
}

/// The X-ray transform of a fan beam by Joseph's method; see ``ParallelBeam``. Domain images `[…, height, width]`, codomain sinograms
/// `[…, views, cells]`. The adjoint is the transpose.
public struct FanBeam: LinearOperator {
  public let geometry: FanBeamGeometry
  private let projection: RayProjection

  public init(_ geometry: FanBeamGeometry) {
    self.geometry = geometry
    let rays = geometry.angles.flatMap { beta in
      (0..<geometry.cells).map { b in
        let gamma = geometry.fanAngle(b)
        return RayProjection.Ray(
          angle: (cos(beta + gamma), sin(beta + gamma)), distance: geometry.sourceToCentre * sin(gamma),
          pixelSize: geometry.pixelSize, height: geometry.height, width: geometry.width)
      }
    }
    projection = RayProjection(height: geometry.height, width: geometry.width, rays: rays)
  }

  private var codomain: [Int] { [geometry.angles.count, geometry.cells] }
  public func forward(_ x: Tensor) -> Tensor { projection.forward(x, codomain) }
  public func adjoint(_ y: Tensor) -> Tensor { projection.adjoint(y, codomain) }

  /// The upper bound ‖A‖₁ ‖A‖_∞, by a projection and an adjoint at every call.
  public var domainShape: [Int] { [geometry.height, geometry.width] }
  public var codomainShape: [Int] { [geometry.angles.count, geometry.cells] }
  public var lipschitz: Double {
    squaredNormBound(domain: [geometry.height, geometry.width], codomain: codomain, forward, adjoint)
  }
}

extension RayProjection {
  /// Numbers of the rays under a shape.
  fileprivate func forward(_ x: Tensor, _ shape: [Int]) -> Tensor {
    x.mapped(from: [height, width], to: shape) {
      forward($0, into: $1, batch: $2)
    } double: {
      forward($0, into: $1, batch: $2)
    }
  }
  fileprivate func adjoint(_ y: Tensor, _ shape: [Int]) -> Tensor {
    y.mapped(from: shape, to: [height, width]) {
      adjoint($0, into: $1, batch: $2)
    } double: {
      adjoint($0, into: $1, batch: $2)
    }
  }
}

/// Filtered back-projection of a fan beam over any range of angles that sees every line through the image, in either sense of turning.
///
///     x(p) = Σ_β Δβ q_β(γ_p) / L²,      q_β = (R cos γ · w(β, γ) · y_β) * g
///
/// with L the distance from the source to the pixel, γ_p its fan angle and Δβ what part of the turn a view stands for; g(n α) = α h(n)
/// (n α / sin n α)², h the ramp's numbers. w shares a line among its measurements, (β, γ) and (β + π + 2γ, −γ), and is smooth over a view:
/// over a full turn ½, with a displaced detector sin² over what is seen on both sides; over half a turn and the fan or more
/// e(β) / (e(β) + e(β + π + 2γ)), e rising from both ends of the range by sin². Views beyond a full turn are averaged. On a line the ramp is
/// the plain one, of cells as wide as they are at the middle of the image, and R/U² takes the place of 1/L², U the distance along the central
/// ray. The adjoint is the transpose. ``FanBeamGeometry/missingData`` says what lacks where a line was not measured.
/// Sources: Kak & Slaney (1988), ch. 3.4; Parker, Med. Phys. 9 (1982); Silver, Med. Phys. 27 (2000); Wang, Med. Phys. 29 (2002).
public struct FanBackProjection: LinearOperator {
  public let geometry: FanBeamGeometry
  private let filter: RowFilter
  /// Weighted by w(β, γ) times the cosine, `[views, cells]`.
  private let rows: DetectorRows
  private let sampling: PixelSampling

  public init(_ geometry: FanBeamGeometry, window: FilteredBackProjection.Window = .ramp) {
    self.geometry = geometry
    let (R, turn, reach) = (geometry.sourceToCentre, geometry.turn, geometry.reach)
    let isArc = geometry.detector == .arc
    let a = isArc ? geometry.spacing : geometry.spacing * R  // cells' angle, or their width at the isocentre
    let gammas = (0..<geometry.cells).map(geometry.fanAngle)
    let weights = zip(geometry.angles, turn.shares).flatMap { beta, step in
      gammas.map { geometry.share(beta, $0, turn, reach) * step * cos($0) * R }
    }
    rows = DetectorRows(
      geometry.cells, weights: Tensor(weights, shape: [geometry.angles.count, geometry.cells]), reach: reach,
      offset: geometry.axisOffset)
    filter = RowFilter(ramp: rows.length, spacing: a, window: window) { n in isArc ? sin(Double(n) * a) / a : Double(n) }
    sampling = PixelSampling(geometry, rows)
  }

  public func forward(_ y: Tensor) -> Tensor { sampling.images(filter(rows.widened(y))) }
  public func adjoint(_ x: Tensor) -> Tensor { rows.narrowed(filter(sampling.views(x))) }

  /// An upper bound by the norms of the three factors, computed at every call.
  public var domainShape: [Int] { [geometry.angles.count, geometry.cells] }
  public var codomainShape: [Int] { [geometry.height, geometry.width] }
  public var lipschitz: Double {
    let domain = [sampling.views, sampling.cells]
    let spread = squaredNormBound(domain: domain, codomain: [sampling.height, sampling.width], sampling.images, sampling.views)
    return filter.squaredNorm * rows.largestWeight * rows.largestWeight * spread
  }
}

extension PixelSampling {
  /// The place of every pixel among the cells of every view; weights 1/L² of an arc, R/U² of a line, U the distance along the central ray.
  fileprivate init(_ geometry: FanBeamGeometry, _ rows: DetectorRows) {
    let (h, w, R, p) = (geometry.height, geometry.width, geometry.sourceToCentre, geometry.pixelSize)
    let axis = Double(geometry.cells - 1) / 2 + geometry.axisOffset + Double(rows.before)
    let found = Parallel.map(geometry.angles.count) { v -> (positions: [Double], weights: [Double]) in
      let (c, s) = (cos(geometry.angles[v]), sin(geometry.angles[v]))
      var (positions, weights) = ([Double](), [Double]())
      positions.reserveCapacity(h * w)
      weights.reserveCapacity(h * w)
      for i in 0..<h {
        let y = (Double(h - 1) / 2 - Double(i)) * p
        for j in 0..<w {
          let x = (Double(j) - Double(w - 1) / 2) * p
          // Across the central ray and along it from the source.
          let (across, along) = (x * c + y * s, R - (y * c - x * s))
          let u = geometry.detector == .arc ? atan2(across, along) : across / along
          positions.append(u / geometry.spacing + axis)
          weights.append(geometry.detector == .arc ? 1 / (across * across + along * along) : R / (along * along))
        }
      }
      return (positions, weights)
    }
    self.init(
      height: h, width: w, views: geometry.angles.count, cells: rows.length, positions: found.flatMap(\.positions),
      weights: found.flatMap(\.weights))
  }

  /// Images `[…, height, width]` of views `[…, views, cells]`.
  fileprivate func images(_ q: Tensor) -> Tensor {
    q.mapped(from: [views, cells], to: [height, width]) {
      forward($0, into: $1, batch: $2)
    } double: {
      forward($0, into: $1, batch: $2)
    }
  }

  fileprivate func views(_ x: Tensor) -> Tensor {
    x.mapped(from: [height, width], to: [views, cells]) {
      adjoint($0, into: $1, batch: $2)
    } double: {
      adjoint($0, into: $1, batch: $2)
    }
  }
}
