// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Problems
import Tensors

/// A Φ whose rows are made orthonormal where they are not, for methods that need them so.
struct OrthonormalSensing: Sendable {
  /// Of orthonormal rows, in single precision.
  let phi: Matrix
  let side: Int
  /// W, with W Φ of orthonormal rows; nil where Φ has them.
  private let whitening: Matrix?
  let remarks: [String]

  /// Beyond it the noise of single precision, let alone of a sensor, would drown the image.
  static let largestCondition = 1e4

  /// - Throws: ``InputError`` when the rows of Φ are nearly dependent.
  init(_ sensing: CompressiveSensing) throws {
    side = sensing.side
    let entries = sensing.phi.entries.converted(to: .double)
    let gram = linear(entries, entries)
    if (gram - .identity(sensing.phi.rows)).maximumMagnitude <= 1e-4 {
      (phi, whitening, remarks) = (sensing.phi.converted(to: .single), nil, [])
      return
    }
    let (W, condition) = sensing.phi.rowWhitening
    let figure = condition.isFinite ? String(format: "%.3g", condition) : "∞"
    guard let W, condition <= Self.largestCondition else {
      throw InputError(
        "found a Φ of condition number \(figure); expected at most \(Int(Self.largestCondition)), leave out rows that depend on others"
      )
    }
    whitening = W
    phi = sensing.phi.whitened(by: W).converted(to: .single)
    remarks = ["Φ has no orthonormal rows (condition number \(figure)): it and its measurements were multiplied by (Φ Φᵀ)^(−1/2)"]
  }

  /// Those of ``phi``, in single precision, of those of Φ.
  func measurements(_ y: Tensor) -> Tensor {
    (whitening?.forward(y.converted(to: .double)) ?? y).converted(to: .single)
  }

  /// √(N/M): times it Φ has columns of norm 1 in the mean.
  var unitColumns: Double { (Double(phi.columns) / Double(phi.rows)).squareRoot() }
}

extension BlockGrid {
  /// The image of whole blocks without what filled up the last ones.
  func cropped(_ image: Tensor) -> Tensor { assemble(filled.cut(image.reshaped([filled.height, filled.width]))) }
}
