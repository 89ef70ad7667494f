// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// W: the shift-invariant wavelet transform of images that go around, a tight frame with WᵀW = 1.
///
/// Level j = 1 … J filters the low pass a of the level before, along the columns' and the rows' direction each with
///
///     (h ∗ a)[i] = 1/√2 Σₘ h[m] a[(i + (m + 1 − L/2) 2^(j−1)) mod n]
///
/// and g likewise. Domain `[…, h, w]` of any size, real or complex; codomain `[…, 3 J + 1, h, w]`: the low pass of level J, then from
/// level J to level 1 the details across the rows (g down, h along the row), across the columns, and diagonal. With `norm=True,
/// trim_approx=True` PyWavelets' `swt2` gives the same numbers.
///
/// Source: Coifman & Donoho (1995).
public struct UndecimatedWavelet<Image: ImageSpace>: LinearOperator {
  public let height: Int
  public let width: Int
  public let filter: WaveletFilter
  /// J.
  public let levels: Int

  public init(height: Int, width: Int, filter: WaveletFilter = .haar, levels: Int = 4) {
    precondition(height > 0 && width > 0, "UndecimatedWavelet: images of \(height) × \(width)")
    precondition((1...30).contains(levels), "UndecimatedWavelet: \(levels) levels; expected 1 … 30")
    self.height = height
    self.width = width
    self.filter = filter
    self.levels = levels
  }

  /// 3 J + 1.
  public var bands: Int { 3 * levels + 1 }
  public var domainShape: [Int] { [height, width] }
  public var codomainShape: [Int] { [bands, height, width] }
  public var lipschitz: Double { 1 }

  public func forward(_ x: Image) -> Image {
    if x.isShapelessZero { return x }
    precondition(
      x.shape.suffix(2) == [height, width], "UndecimatedWavelet: images of shape \(x.shape); expected […, \(height), \(width)]")
    let images = x.shape.dropLast(2).reduce(1, *)
    let shape = Array(x.shape.dropLast(2)) + [bands, height, width]
    let v = x.numbers
    return switch v.precision {
    case .single: Image(numbers: Tensor(analysis(v.floats, images)), shape: shape)
    case .double: Image(numbers: Tensor(analysis(v.doubles, images)), shape: shape)
    }
  }

  public func adjoint(_ y: Image) -> Image {
    if y.isShapelessZero { return y }
    let expected = [bands, height, width]
    precondition(y.shape.suffix(3) == expected[...], "UndecimatedWavelet: bands of shape \(y.shape); expected […, \(expected)]")
    let images = y.shape.dropLast(3).reduce(1, *)
    let shape = Array(y.shape.dropLast(3)) + [height, width]
    let v = y.numbers
    return switch v.precision {
    case .single: Image(numbers: Tensor(synthesis(v.floats, images)), shape: shape)
    case .double: Image(numbers: Tensor(synthesis(v.doubles, images)), shape: shape)
    }
  }

  // MARK: Passes over rows of `line` numbers

  private var line: Int { width * Image.parts }
  private var plane: Int { height * line }

  private func taps<S: Scalar>() -> (low: [S], high: [S]) {
    let half = (0.5).squareRoot()
    return (filter.lowPass.map { S($0 * half) }, filter.highPass.map { S($0 * half) })
  }

  /// (m + 1 − L/2) 2^(j−1) modulo n for every m; with the opposite sign for the adjoint.
  private func shifts(level: Int, of n: Int, against: Bool) -> [Int] {
    (0..<filter.length).map { m in
      let offset = (m + 1 - filter.length / 2) * ((1 << (level - 1)) % n) * (against ? -1 : 1)
      return (offset % n + n) % n
    }
  }

  private func analysis<S: Scalar>(_ x: [S], _ images: Int) -> [S] {
    let (h, g): ([S], [S]) = taps()
    let (line, plane, bands, height) = (line, plane, bands, height)
    // Low and high pass along the rows of every image, then the four bands from them.
    var halves = [S](repeating: 0, count: 2 * images * plane)
    return [S](unsafeUninitializedCapacity: images * bands * plane) { out, filled in
      filled = out.count
      if out.isEmpty { return }
      x.withUnsafeBufferPointer { x in
        halves.withUnsafeMutableBufferPointer { halves in
          nonisolated(unsafe) let (x, halves, out) = (x.baseAddress!, halves.baseAddress!, out.baseAddress!)
          for level in 1...levels {
            let along = shifts(level: level, of: width, against: false)
            let down = shifts(level: level, of: height, against: false)
            let detail = 3 * (levels - level) + 1
            RowSums.forEachStrip(images, rows: height, width: line) { image, rows in
              let source = level == 1 ? x + image * plane : UnsafePointer(out + image * bands * plane)
              let (low, high) = (halves + 2 * image * plane, halves + (2 * image + 1) * plane)
              for i in rows {
                RowSums.circular(h, along, unit: Image.parts, source + i * line, count: line, into: low + i * line)
                RowSums.circular(g, along, unit: Image.parts, source + i * line, count: line, into: high + i * line)
              }
            }
            RowSums.forEachStrip(images, rows: height, width: line) { image, rows in
              let (low, high) = (UnsafePointer(halves + 2 * image * plane), UnsafePointer(halves + (2 * image + 1) * plane))
              for (taps, half, band) in [(h, low, 0), (g, low, detail), (h, high, detail + 1), (g, high, detail + 2)] {
                let target = out + (image * bands + band) * plane
                for i in rows {
                  RowSums.write(taps, count: line, into: target + i * line) { half + (i + down[$0]) % height * line }
                }
              }
            }
          }
        }
      }
    }
  }

  private func synthesis<S: Scalar>(_ y: [S], _ images: Int) -> [S] {
    let (h, g): ([S], [S]) = taps()
    let (line, plane, bands, height) = (line, plane, bands, height)
    var halves = [S](repeating: 0, count: 2 * images * plane)
    return [S](unsafeUninitializedCapacity: images * plane) { out, filled in
      filled = out.count
      if out.isEmpty { return }
      y.withUnsafeBufferPointer { y in
        halves.withUnsafeMutableBufferPointer { halves in
          nonisolated(unsafe) let (y, halves, out) = (y.baseAddress!, halves.baseAddress!, out.baseAddress!)
          for level in (1...levels).reversed() {
            let along = shifts(level: level, of: width, against: true)
            let down = shifts(level: level, of: height, against: true)
            let detail = 3 * (levels - level) + 1
            RowSums.forEachStrip(images, rows: height, width: line) { image, rows in
              let source = y + image * bands * plane
              let approximation = level == levels ? source : UnsafePointer(out + image * plane)
              let (first, second, third) = (source + detail * plane, source + (detail + 1) * plane, source + (detail + 2) * plane)
              for (half, lower, upper) in [(0, approximation, first), (1, second, third)] {
                let target = halves + (2 * image + half) * plane
                for i in rows {
                  RowSums.write(h, count: line, into: target + i * line) { lower + (i + down[$0]) % height * line }
                  RowSums.write(g, count: line, adding: true, into: target + i * line) { upper + (i + down[$0]) % height * line }
                }
              }
            }
            RowSums.forEachStrip(images, rows: height, width: line) { image, rows in
              let (low, high) = (halves + 2 * image * plane, halves + (2 * image + 1) * plane)
              let target = out + image * plane
              for i in rows {
                RowSums.circular(h, along, unit: Image.parts, low + i * line, count: line, into: target + i * line)
                RowSums.circular(g, along, unit: Image.parts, high + i * line, count: line, adding: true, into: target + i * line)
              }
            }
          }
        }
      }
    }
  }
}
