// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

extension SENSE {
  /// AᴴA x = Σ_c conj(S_c) ∘ Fᴴ P F (S_c ∘ x).
  ///
  /// Where the mask takes whole lines, as Cartesian scans do, the transform along them cancels: lines across are apart, and one-dimensional
  /// transforms of a few of them at a time stay in the cache.
  public func normal(_ x: ComplexTensor) -> ComplexTensor {
    guard let lines, !x.isShapelessZero else { return adjoint(forward(x)) }
    let maps = sensitivities.maps
    precondition(
      x.shape.suffix(2) == maps.shape.dropFirst() && x.precision == maps.precision,
      "an image of shape \(x.shape) \(x.precision) for coil maps of \(maps.shape) \(maps.precision)")
    return switch x.precision {
    case .single: ComplexTensor(pairs: Tensor(summed(x.pairs.floats, maps.pairs.floats, lines), shape: x.pairs.shape))
    case .double: ComplexTensor(pairs: Tensor(summed(x.pairs.doubles, maps.pairs.doubles, lines), shape: x.pairs.shape))
    }
  }

  /// Eight lines of one image are a piece of work.
  private func summed<S: Scalar>(_ x: [S], _ maps: [S], _ lines: SampledLines) -> [S] {
    let (coils, height, width) = (sensitivities.coils, sensitivities.height, sensitivities.width)
    let plane = height * width
    let (length, count) = lines.areRows ? (width, height) : (height, width)
    let perPiece = 8
    let pieces = (count + perPiece - 1) / perPiece
    let images = x.count / (2 * plane)
    let unsampled = lines.isSampled.indices.filter { !lines.isSampled[$0] }
    return [S](unsafeUninitializedCapacity: x.count) { out, filled in
      x.withUnsafeBufferPointer { x in
        maps.withUnsafeBufferPointer { maps in
          nonisolated(unsafe) let (x, maps, out) = (x, maps, out)
          Parallel.forEach(images * pieces) { i in
            let (image, first) = (i / pieces, i % pieces * perPiece)
            let block = Block(
              first: first, count: min(perPiece, count - first), length: length, width: width, areRows: lines.areRows)
            let size = 2 * block.count * length
            withAlignedScratch(S.self, count: 4 * size) { signal in
              let (map, product, sum) = (signal + size, signal + 2 * size, signal + 3 * size)
              block.take(x.baseAddress! + 2 * image * plane, into: signal)
              for c in 0..<coils {
                block.take(maps.baseAddress! + 2 * c * plane, into: map)
                S.complexMultiply(map, signal, product, size / 2)
                FourierTransform.transformLines(product, count: block.count, length: length, inverse: false)
                for line in 0..<block.count {
                  for j in unsampled {
                    let place = 2 * (line * length + j)
                    (product[place], product[place + 1]) = (0, 0)
                  }
                }
                FourierTransform.transformLines(product, count: block.count, length: length, inverse: true)
                S.complexMultiplyConjugated(map, product, c == 0 ? sum : product, size / 2)
                if c > 0 { S.add(sum, product, sum, size) }
              }
              block.put(sum, into: out.baseAddress! + 2 * image * plane)
            }
          }
        }
      }
      filled = x.count
    }
  }

  /// Lines of a plane of complex numbers, beside each other: rows, or columns.
  private struct Block {
    let first: Int
    let count: Int
    let length: Int
    let width: Int
    let areRows: Bool

    func take<S: Scalar>(_ plane: UnsafePointer<S>, into lines: UnsafeMutablePointer<S>) {
      if areRows {
        lines.update(from: plane + 2 * first * width, count: 2 * count * length)
      } else {
        for i in 0..<length {
          for j in 0..<count {
            let (from, to) = (2 * (i * width + first + j), 2 * (j * length + i))
            (lines[to], lines[to + 1]) = (plane[from], plane[from + 1])
          }
        }
      }
    }

    func put<S: Scalar>(_ lines: UnsafePointer<S>, into plane: UnsafeMutablePointer<S>) {
      if areRows {
        (plane + 2 * first * width).initialize(from: lines, count: 2 * count * length)
      } else {
        for i in 0..<length {
          for j in 0..<count {
            let (to, from) = (2 * (i * width + first + j), 2 * (j * length + i))
            (plane[to], plane[to + 1]) = (lines[from], lines[from + 1])
          }
        }
      }
    }
  }
}

/// A mask that takes whole lines of k-space: which places of every row it takes, or of every column.
struct SampledLines: Sendable {
  /// All rows of the mask are alike; else all columns.
  let areRows: Bool
  let isSampled: [Bool]

  init?(_ mask: SamplingMask) {
    let (h, w, all) = (mask.height, mask.width, mask.isSampled)
    if all.indices.allSatisfy({ all[$0] == all[$0 % w] }) {
      (areRows, isSampled) = (true, Array(all[..<w]))
    } else if all.indices.allSatisfy({ all[$0] == all[$0 / w * w] }) {
      (areRows, isSampled) = (false, (0..<h).map { all[$0 * w] })
    } else {
      return nil
    }
  }
}
