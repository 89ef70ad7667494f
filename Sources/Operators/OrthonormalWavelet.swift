// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// Ψ: the orthonormal wavelet transform of images that go around, ΨᵀΨ = ΨΨᵀ = 1.
///
/// Level j = 1 … J takes the low pass a of the level before apart, along the rows' and the columns' direction each, into
///
///     low[i] = Σₘ h[m] a[(2 i + m + 1 − L/2) mod n]      high[i] = Σₘ g[m] a[(2 i + m + 1 − L/2) mod n]
///
/// Domain and codomain `[…, h, w]`, real or complex. The codomain has the low pass of level J at the top left, the details across the
/// rows (g down, h along the row) below it, those across the columns to its right, the diagonal ones at the lower right, and so on
/// outwards. PyWavelets' `coeffs_to_array(wavedec2(…, mode="periodization"))` gives the same numbers.
///
/// Source: Mallat (1989); Daubechies (1988).
public struct OrthonormalWavelet<Image: ImageSpace>: LinearOperator {
  public let height: Int
  public let width: Int
  public let filter: WaveletFilter
  /// J.
  public let levels: Int

  /// - Parameter levels: at most ``deepest(height:width:)``: each halves both extents.
  public init(height: Int, width: Int, filter: WaveletFilter = .haar, levels: Int) {
    precondition(
      height > 0 && width > 0 && (0...Self.deepest(height: height, width: width)).contains(levels),
      "OrthonormalWavelet: \(levels) levels of \(height) × \(width); expected extents divisible by 2 to that power")
    self.height = height
    self.width = width
    self.filter = filter
    self.levels = levels
  }

  /// The most levels of an image: how often both extents can be halved.
  public static func deepest(height: Int, width: Int) -> Int { min(height.trailingZeroBitCount, width.trailingZeroBitCount) }

  public var domainShape: [Int] { [height, width] }
  public var codomainShape: [Int] { [height, width] }
  public var lipschitz: Double { 1 }

  public func forward(_ x: Image) -> Image { transformed(x, analysis, analysis) }
  public func adjoint(_ y: Image) -> Image { transformed(y, synthesis, synthesis) }

  private func transformed(_ x: Image, _ single: ([Float], Int) -> [Float], _ double: ([Double], Int) -> [Double]) -> Image {
    if x.isShapelessZero || levels == 0 { return x }
    precondition(
      x.shape.suffix(2) == [height, width], "OrthonormalWavelet: images of shape \(x.shape); expected […, \(height), \(width)]")
    let images = x.shape.dropLast(2).reduce(1, *)
    let v = x.numbers
    return switch v.precision {
    case .single: Image(numbers: Tensor(single(v.floats, images)), shape: x.shape)
    case .double: Image(numbers: Tensor(double(v.doubles, images)), shape: x.shape)
    }
  }

  // MARK: Passes over rows of `line` numbers

  private var line: Int { width * Image.parts }
  private var plane: Int { height * line }

  /// What a filter takes of the even (phase 0) or odd (phase 1) numbers of a signal that goes around: tap m reads number
  /// 2 i + m + 1 − L/2, of one phase and `shifts` further; backwards for the adjoint.
  private struct Phase<S: Scalar> {
    var taps: [S] = []
    var shifts: [Int] = []

    init(_ phase: Int, of filter: [Double], count: Int, against: Bool) {
      for (m, tap) in filter.enumerated() {
        let offset = m + 1 - filter.count / 2
        guard offset & 1 == phase else { continue }
        let shift = (offset - phase) / 2 * (against ? -1 : 1)
        taps.append(S(tap))
        shifts.append((shift % count + count) % count)
      }
    }

    /// Both phases of the low and of the high pass: `[band][phase]`.
    static func all(_ filter: WaveletFilter, count: Int, against: Bool) -> [[Phase]] {
      [filter.lowPass, filter.highPass].map { taps in (0...1).map { Phase($0, of: taps, count: count, against: against) } }
    }
  }

  private func analysis<S: Scalar>(_ x: [S], _ images: Int) -> [S] {
    var (out, halves) = (x, x)
    let (line, plane, parts) = (line, plane, Image.parts)
    if x.isEmpty { return x }
    out.withUnsafeMutableBufferPointer { out in
      halves.withUnsafeMutableBufferPointer { halves in
        nonisolated(unsafe) let (out, halves) = (out.baseAddress!, halves.baseAddress!)
        for level in 0..<levels {
          let (rows, columns) = (height >> level, width >> level)
          let half = columns / 2 * parts
          let along: [[Phase<S>]] = Phase.all(filter, count: columns / 2, against: false)
          RowSums.forEachStrip(images, rows: rows, width: 2 * half) { image, strip in
            withUnsafeTemporaryAllocation(of: S.self, capacity: 2 * half) { split in
              let split = split.baseAddress!
              for i in strip {
                let (row, target) = (out + image * plane + i * line, halves + image * plane + i * line)
                for part in 0..<parts {
                  for j in stride(from: part, to: half, by: parts) {
                    (split[j], split[half + j]) = (row[2 * j - part], row[2 * j - part + parts])
                  }
                }
                for band in 0...1 {
                  for phase in 0...1 {
                    let filter = along[band][phase]
                    RowSums.circular(
                      filter.taps, filter.shifts, unit: parts, split + phase * half, count: half, adding: phase == 1,
                      into: target + band * half)
                  }
                }
              }
            }
          }
          let low = filter.lowPass.map { S($0) }
          let high = filter.highPass.map { S($0) }
          let offset = rows * filter.length + 1 - filter.length / 2
          RowSums.forEachStrip(images, rows: rows / 2, width: 2 * half) { image, strip in
            let (source, target) = (UnsafePointer(halves + image * plane), out + image * plane)
            for i in strip {
              RowSums.write(low, count: 2 * half, into: target + i * line) { source + (2 * i + $0 + offset) % rows * line }
              RowSums.write(high, count: 2 * half, into: target + (rows / 2 + i) * line) {
                source + (2 * i + $0 + offset) % rows * line
              }
            }
          }
        }
      }
    }
    return out
  }

  private func synthesis<S: Scalar>(_ y: [S], _ images: Int) -> [S] {
    var (out, halves) = (y, y)
    let (line, plane, parts) = (line, plane, Image.parts)
    if y.isEmpty { return y }
    out.withUnsafeMutableBufferPointer { out in
      halves.withUnsafeMutableBufferPointer { halves in
        nonisolated(unsafe) let (out, halves) = (out.baseAddress!, halves.baseAddress!)
        for level in (0..<levels).reversed() {
          let (rows, columns) = (height >> level, width >> level)
          let half = columns / 2 * parts
          let down: [[Phase<S>]] = Phase.all(filter, count: rows / 2, against: true)
          let along: [[Phase<S>]] = Phase.all(filter, count: columns / 2, against: true)
          RowSums.forEachStrip(images, rows: rows, width: 2 * half) { image, strip in
            let (source, target) = (UnsafePointer(out + image * plane), halves + image * plane)
            for i in strip {
              for band in 0...1 {
                let filter = down[band][i % 2]
                RowSums.write(filter.taps, count: 2 * half, adding: band == 1, into: target + i * line) { m in
                  source + (band * rows / 2 + (i / 2 + filter.shifts[m]) % (rows / 2)) * line
                }
              }
            }
          }
          RowSums.forEachStrip(images, rows: rows, width: 2 * half) { image, strip in
            withUnsafeTemporaryAllocation(of: S.self, capacity: 2 * half) { split in
              let split = split.baseAddress!
              for i in strip {
                let (row, target) = (halves + image * plane + i * line, out + image * plane + i * line)
                for phase in 0...1 {
                  for band in 0...1 {
                    let filter = along[band][phase]
                    RowSums.circular(
                      filter.taps, filter.shifts, unit: parts, row + band * half, count: half, adding: band == 1,
                      into: split + phase * half)
                  }
                }
                for part in 0..<parts {
                  for j in stride(from: part, to: half, by: parts) {
                    (target[2 * j - part], target[2 * j - part + parts]) = (split[j], split[half + j])
                  }
                }
              }
            }
          }
        }
      }
    }
    return out
  }
}
