// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Tensors

/// Measurements of a real electromagnetic-tomography sensor: its sensitivity, voltages at several frequencies, and where the objects were.
///
/// A folder of NumPy arrays: `sensitivity` `[M, count]`; `voltage_high_snr` `[M, frequencies]`, less the background; `pixel_index`
/// `[count]`, the place of every unknown in the n × n image, column by column from 0; `reference` `[n, n]`, 1 where an object was.
/// Source: the authors of FCSBL (Xiang et al.), 12 coils, 144 voltages, 3259 pixels of 64 × 64, 4 frequencies.
public struct MeasuredEMT: Sendable {
  /// As the authors give it, V = A x with the relative change of conductivity x.
  public let A: Matrix
  /// `[frequencies, M]`, a sample each.
  public let measurement: Tensor
  public let pixels: PixelDisc
  /// `[n, n]`, 0 or 1.
  public let reference: Tensor

  /// - Throws: the reader's error; ``InputError`` for arrays that do not fit each other.
  public init(contentsOf folder: String) throws {
    func read(_ name: String, rank: Int) throws -> Tensor {
      let path = folder + "/" + name + ".npy"
      guard let array = try NPY.read(path).real, array.shape.count == rank, array.count > 0, array.isFinite else {
        throw InputError("\(path): found no \(rank) axes of finite real numbers; expected \(name) of a sensor, copy it again")
      }
      return array.converted(to: .double)
    }
    let (matrix, voltages) = (try read("sensitivity", rank: 2), try read("voltage_high_snr", rank: 2))
    let (index, reference) = (try read("pixel_index", rank: 1), try read("reference", rank: 2))
    let n = reference.shape[0]
    guard reference.shape[1] == n else {
      throw InputError("\(folder): found a reference of \(reference.shape); expected a square image, copy it again")
    }
    guard matrix.shape == [voltages.shape[0], index.count] else {
      throw InputError(
        "\(folder): found a sensitivity of \(matrix.shape) for \(voltages.shape[0]) voltages and \(index.count) pixels; expected "
          + "[\(voltages.shape[0]), \(index.count)], take files of one sensor")
    }
    let places = index.doubles
    guard places.allSatisfy({ $0 >= 0 && $0 < Double(n * n) && $0 == $0.rounded() }), Set(places).count == places.count else {
      throw InputError(
        "\(folder): found a pixel_index beyond 0 … \(n * n - 1) or twice; expected places in the reference, copy it again")
    }
    A = Matrix(matrix)
    measurement = voltages.transposed
    pixels = PixelDisc(side: n, indices: places.map { Int($0) % n * n + Int($0) / n })
    self.reference = reference
  }
}
