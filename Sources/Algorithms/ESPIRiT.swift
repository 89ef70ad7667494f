// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors

/// k-space that coil maps cannot be estimated from: what was found, what was expected, what to do, in one line.
public struct CalibrationError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Coil maps from the fully sampled centre of k-space, by ESPIRiT.
///
/// Every patch a ∈ ℂ^(coils · k · k) of the coils' k-space lies in the span of few: with the singular vectors of all patches of the
/// centre above a threshold as columns of V, a = V Vᴴ a. Averaged over the k² patches that cover a frequency, that is a convolution
/// between the coils, y = T ∗ y, in the image domain a coils × coils matrix a pixel,
///
///     T̂(x) S(x) = S(x),    T̂(x)_cc' = 1/k² Σ_u,u' (V Vᴴ)_(c,u),(c',u') exp(−2πi ⟨u' − u, x⟩ / n):
///
/// the maps are its eigenvector of eigenvalue 1, where the image has signal. They have unit root sum of squares and a phase of their
/// own choice, the same for all coils. Where the object is cut by the edge of the image, the periodic continuation of the maps jumps, which
/// a few frequencies cannot: within about 8 pixels of such an edge the maps are off by several per cent.
///
/// Source: Uecker, Lai, Murphy, Virtue, Elad, Pauly, Vasanawala & Lustig (2014).
public struct ESPIRiT: Sendable, Equatable {
  /// What makes the phase of the maps, which the data leave open, smooth.
  public enum PhaseReference: String, Sendable, CaseIterable {
    /// The first coil's map is real and not negative.
    case firstCoil
    /// That of the coils' first principal component in the centre is: a combination with signal everywhere, where a single coil has
    /// regions without, and there a phase of noise.
    case virtualCoil
  }

  /// What was estimated.
  public struct Estimate: Sendable {
    /// S_c, `[coils, h, w]`, in the precision of k-space; 0 where the eigenvalue is below the crop.
    public let maps: ComplexTensor
    /// The largest eigenvalue of every pixel, `[h, w]` in double precision: 1 where there is signal and the model holds.
    public let eigenvalues: Tensor
    /// Singular vectors kept.
    public let rank: Int
  }

  /// Rows and columns around frequency 0 that are used; at most as many as there are.
  public var calibrationRows: Int
  public var calibrationColumns: Int
  /// k, the side of a patch.
  public var kernelSide: Int
  /// Singular values kept, relative to the largest.
  public var threshold: Double
  /// The least eigenvalue of a pixel with signal.
  public var crop: Double
  public var reference: PhaseReference

  public init(
    calibrationRows: Int = 24, calibrationColumns: Int = 24, kernelSide: Int = 6, threshold: Double = 1e-3, crop: Double = 0.8,
    reference: PhaseReference = .virtualCoil
  ) {
    self.calibrationRows = calibrationRows
    self.calibrationColumns = calibrationColumns
    self.kernelSide = kernelSide
    self.threshold = threshold
    self.crop = crop
    self.reference = reference
  }

  /// The maps of k-space `[coils, h, w]`, frequency 0 at [0, 0], whose centre is fully sampled.
  ///
  /// - Throws: ``CalibrationError`` for k-space that is no such array, has no signal, numbers that are not finite or gaps in its centre,
  ///   and for a centre smaller than a patch.
  public func estimate(_ kSpace: ComplexTensor) throws -> Estimate {
    let centre = try calibrationCentre(kSpace)
    let (coils, h, w) = (kSpace.shape[0], kSpace.shape[1], kSpace.shape[2])
    let (projection, rank) = signalProjection(centre)
    let kernels = convolution(projection, coils: coils)
    let reference: [Double] =
      switch reference {
      case .firstCoil: (0..<2 * coils).map { $0 == 0 ? 1 : 0 }
      case .virtualCoil: Array(centre.coilCovariance.suffix(2 * coils))
      }
    let rows = Parallel.map(h) { row in mapsOfRow(row, kernels, reference, coils: coils, height: h, width: w) }
    var maps = [Double](repeating: 0, count: 2 * coils * h * w)
    for (i, row) in rows.enumerated() {
      for c in 0..<coils {
        maps.replaceSubrange(2 * (c * h + i) * w..<2 * (c * h + i + 1) * w, with: row.maps[2 * c * w..<2 * (c + 1) * w])
      }
    }
    return Estimate(
      maps: ComplexTensor(pairs: Tensor(maps, shape: [coils, h, w, 2], precision: kSpace.precision)),
      eigenvalues: Tensor(rows.flatMap(\.values), shape: [h, w]), rank: rank)
  }

  // MARK: The centre of k-space

  /// The coils' samples around frequency 0, `[coils, rows, columns]` as pairs.
  private struct Centre {
    var samples: [Double]
    let coils: Int
    let rows: Int
    let columns: Int

    /// Eigenvectors of the coils' covariance Σ y yᴴ over the centre, as rows; the last is the first principal component.
    var coilCovariance: [Double] {
      let size = rows * columns
      let gram = [Double](unsafeUninitializedCapacity: 2 * coils * coils) { out, filled in
        ComplexKernels.gemm(.plain, .adjoint, m: coils, n: coils, k: size, samples, samples, out.baseAddress!)
        filled = out.count
      }
      return LinearAlgebra.hermitianEigen(gram, size: coils).vectors
    }
  }

  private func calibrationCentre(_ kSpace: ComplexTensor) throws -> Centre {
    guard kSpace.shape.count == 3, !kSpace.shape.contains(0) else {
      throw CalibrationError("found k-space of shape \(kSpace.shape); expected [coils, h, w]: give one slice of all coils")
    }
    let (coils, h, w) = (kSpace.shape[0], kSpace.shape[1], kSpace.shape[2])
    let (rows, columns) = (min(calibrationRows, h), min(calibrationColumns, w))
    guard kernelSide >= 1, kernelSide <= min(rows, columns) else {
      throw CalibrationError(
        "found a centre of \(rows) × \(columns) for patches of \(kernelSide) × \(kernelSide); expected it no smaller: "
          + "choose a larger centre or smaller patches")
    }
    let values = kSpace.pairs.doubles
    var samples: [Double] = []
    samples.reserveCapacity(2 * coils * rows * columns)
    for c in 0..<coils {
      for i in 0..<rows {
        for j in 0..<columns {
          let (k, l) = ((i - rows / 2 + h) % h, (j - columns / 2 + w) % w)
          let place = 2 * ((c * h + k) * w + l)
          samples += values[place...place + 1]
        }
      }
    }
    guard samples.allSatisfy(\.isFinite) else {
      throw CalibrationError("found NaN or infinite samples in the centre of k-space; expected finite ones: check the measurement")
    }
    let size = 2 * rows * columns
    let missing = stride(from: 0, to: size, by: 2).count { i in
      stride(from: i, to: samples.count, by: size).allSatisfy { samples[$0] == 0 && samples[$0 + 1] == 0 }
    }
    guard missing == 0 else {
      throw CalibrationError(
        "found \(missing) of \(rows) × \(columns) frequencies in the centre without a sample; expected all: "
          + "choose a smaller centre, or check that frequency 0 is at [0, 0]")
    }
    return Centre(samples: samples, coils: coils, rows: rows, columns: columns)
  }

  // MARK: The kernels

  /// V Vᴴ, (coils · k²)² numbers, and the rank.
  private func signalProjection(_ centre: Centre) -> (projection: [Double], rank: Int) {
    let (k, rows, columns) = (kernelSide, centre.rows, centre.columns)
    let size = centre.coils * k * k
    let count = (rows - k + 1) * (columns - k + 1)
    // Patches as rows.
    let patches = [Double](unsafeUninitializedCapacity: 2 * count * size) { out, filled in
      var next = 0
      for i in 0...rows - k {
        for j in 0...columns - k {
          for c in 0..<centre.coils {
            for u in 0..<k {
              let first = 2 * ((c * rows + i + u) * columns + j)
              for place in first..<first + 2 * k {
                out.initializeElement(at: next, to: centre.samples[place])
                next += 1
              }
            }
          }
        }
      }
      filled = next
    }
    // Σ a aᴴ is the conjugate of the rows' gram Aᴴ A.
    var gram = [Double](unsafeUninitializedCapacity: 2 * size * size) { out, filled in
      ComplexKernels.gemm(.adjoint, .plain, m: size, n: size, k: count, patches, patches, out.baseAddress!)
      filled = out.count
    }
    for i in stride(from: 1, to: gram.count, by: 2) { gram[i] = -gram[i] }
    let (values, vectors) = LinearAlgebra.hermitianEigen(gram, size: size)
    let least = threshold * threshold * values[size - 1]
    let rank = max(1, values.count { $0 >= least })
    // Eigenvectors are rows: V Vᴴ = Σ v vᴴ = Rᵀ conj(R) for the last `rank` rows R, the conjugate of Rᴴ R.
    let kept = Array(vectors.suffix(2 * rank * size))
    var projection = [Double](unsafeUninitializedCapacity: 2 * size * size) { out, filled in
      ComplexKernels.gemm(.adjoint, .plain, m: size, n: size, k: rank, kept, kept, out.baseAddress!)
      filled = out.count
    }
    for i in stride(from: 1, to: projection.count, by: 2) { projection[i] = -projection[i] }
    return (projection, rank)
  }

  /// T for c ≤ c', one plane of (2 k − 1)² differences d = u' − u each, pair by pair of coils.
  private func convolution(_ projection: [Double], coils: Int) -> [Double] {
    let (k, span) = (kernelSide, 2 * kernelSide - 1)
    let size = coils * k * k
    let scale = 1 / Double(k * k)
    var kernels = [Double](repeating: 0, count: coils * (coils + 1) * span * span)
    projection.withUnsafeBufferPointer { projection in
      kernels.withUnsafeMutableBufferPointer { kernels in
        var pair = 0
        for c in 0..<coils {
          for other in c..<coils {
            for u in 0..<k * k {
              for v in 0..<k * k {
                let (rows, columns) = (v / k - u / k + k - 1, v % k - u % k + k - 1)
                let source = 2 * ((c * k * k + u) * size + other * k * k + v)
                let target = 2 * ((pair * span + rows) * span + columns)
                kernels[target] += scale * projection[source]
                kernels[target + 1] += scale * projection[source + 1]
              }
            }
            pair += 1
          }
        }
      }
    }
    return kernels
  }

  // MARK: Pixels

  /// Maps `[coils, width]` as pairs and largest eigenvalues of one row of pixels.
  private func mapsOfRow(
    _ row: Int, _ kernels: [Double], _ reference: [Double], coils: Int, height: Int, width: Int
  ) -> (maps: [Double], values: [Double]) {
    let (k, span) = (kernelSide, 2 * kernelSide - 1)
    let pairs = coils * (coils + 1) / 2
    // The transform along the columns at this row, then along the row: T̂ of a pair of coils at every pixel of it.
    let turns = (0..<span).map { d in
      let angle = -2 * Double.pi * Double((d - k + 1) * row % height) / Double(height)
      return (cos(angle), sin(angle))
    }
    var lines = [Double](repeating: 0, count: 2 * pairs * width)
    let root = Double(width).squareRoot()  // the transform is unitary, T̂ is a plain sum
    lines.withUnsafeMutableBufferPointer { lines in
      kernels.withUnsafeBufferPointer { kernels in
        for pair in 0..<pairs {
          for d in 0..<span {
            let (c, s) = turns[d]
            for e in 0..<span {
              let source = 2 * ((pair * span + d) * span + e)
              let target = 2 * (pair * width + ((e - k + 1) % width + width) % width)
              lines[target] += root * (kernels[source] * c - kernels[source + 1] * s)
              lines[target + 1] += root * (kernels[source] * s + kernels[source + 1] * c)
            }
          }
        }
      }
      FourierTransform.transform(lines.baseAddress!, batch: pairs, shape: [width], inverse: false)
    }
    var matrices = [Double](repeating: 0, count: 2 * width * coils * coils)
    var pair = 0
    for c in 0..<coils {
      for other in c..<coils {
        for j in 0..<width {
          let target = 2 * ((j * coils + c) * coils + other)
          (matrices[target], matrices[target + 1]) = (lines[2 * (pair * width + j)], lines[2 * (pair * width + j) + 1])
        }
        pair += 1
      }
    }
    let (values, vectors) = LinearAlgebra.hermitianEigen(matrices, size: coils, count: width)
    var maps = [Double](repeating: 0, count: 2 * coils * width)
    for j in 0..<width where values[(j + 1) * coils - 1] >= crop {
      let first = 2 * ((j + 1) * coils - 1) * coils  // the last eigenvector of the pixel
      var (re, im) = (0.0, 0.0)  // ⟨reference, v⟩, to be made real and positive
      for c in 0..<coils {
        let (vr, vi, rr, ri) = (vectors[first + 2 * c], vectors[first + 2 * c + 1], reference[2 * c], reference[2 * c + 1])
        re += rr * vr + ri * vi
        im += rr * vi - ri * vr
      }
      let magnitude = (re * re + im * im).squareRoot()
      let (turnRe, turnIm) = magnitude > 0 ? (re / magnitude, -im / magnitude) : (1, 0)
      for c in 0..<coils {
        let (vr, vi) = (vectors[first + 2 * c], vectors[first + 2 * c + 1])
        maps[2 * (c * width + j)] = vr * turnRe - vi * turnIm
        maps[2 * (c * width + j) + 1] = vr * turnIm + vi * turnRe
      }
    }
    return (maps, (1...width).map { values[$0 * coils - 1] })
  }
}
