// SPDX-License-Identifier: Apache-2.0
import Algorithms
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct TVAL3OnImagesTests {
  /// The first 16 blocks of a training image, 25 % of public measurements. Expected, by NumPy 2.4.6 in double precision: the minimum
  /// of Σ‖(D u)ᵢ‖₂ subject to Φ u = y, 463.50333 summed over the blocks, at 29.8649 dB, by 20 000 iterations of Chambolle & Pock's
  /// primal–dual method (τ = 0.02, σ = 1/(8 τ)) with the projection onto Φ u = y.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func blocksOfATrainingImage() throws {
    guard case .real(let entries) = try readArrays(dataFolder + "/block-cs/phi_25.npy")[0].value else {
      throw FileFormatError("phi_25.npy: not real")
    }
    let image = try readImage(dataFolder + "/natural/train400/test_001.png").grayscale
    let (pixels, stride) = (image.doubles, image.shape[1])
    let blocks = Tensor(
      (0..<16).flatMap { block in
        (0..<33 * 33).map { at in
          let (i, j) = (block / 6 * 33 + at / 33, block % 6 * 33 + at % 33)
          return i < image.shape[0] && j < stride ? pixels[i * stride + j] : 0
        }
      }, shape: [16, 33 * 33])
    func decibel(_ u: Tensor) -> Double {
      -10 * log10(squaredNorm(clamped(u, lower: 0, upper: 1) - blocks) / Double(blocks.count))
    }

    let phi = Matrix(entries.converted(to: .double))
    var solver = TVAL3(phi, height: 33, width: 33)
    let measurement = phi.forward(blocks)
    let quick = solver.reconstruct(measurement)
    #expect(abs(decibel(quick.estimate) - 29.865) < 0.03)
    #expect(!quick.converged.contains(false) && quick.iterations.max()! < 200)

    solver.isNonNegative = false
    solver.tolerance = 1e-6
    solver.maximumIterations = 3000
    let minimum = solver.reconstruct(measurement).estimate
    #expect(abs(decibel(minimum) - 29.8649) < 0.002, "\(decibel(minimum)) dB")
    #expect(abs(solver.D.totalVariation(minimum) / 463.50333 - 1) < 5e-4, "\(solver.D.totalVariation(minimum))")
  }
}
