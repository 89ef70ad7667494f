// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Problems
import Tensors

/// Dictionary learning by alternating sparse codes and a gradient step on the dictionary (Olshausen & Field 1996):
///
///     Z = argmin_Z E(X, Z);   W_d ← W_d + η mean((X − W_d Z) Zᵀ);   every column scaled to unit norm
///
/// An atom that no sample of a whole pass used starts anew from a random residual.
public struct DictionaryLearning: Sendable {
  public var atoms: Int
  public var alpha: Double
  public var batchSize = 256
  public var steps = 400
  /// η = rate / mean‖Z‖² / (1 + step / decay).
  public var rate = 8.0
  public var decay = 100.0
  public var seed: UInt64 = 1
  /// Relative duality gap of the codes while learning.
  public var tolerance = 1e-2

  public init(atoms: Int, alpha: Double) {
    self.atoms = atoms
    self.alpha = alpha
  }

  /// Learns W_d, n × atoms, from the rows of `patches`. `observing` is told the step and the mean energy of its batch.
  public func learn(from patches: Tensor, observing: ((Int, Double) -> Void)? = nil) -> Matrix {
    let (count, pixels) = (patches.shape[0], patches.shape[1])
    let patches = patches.converted(to: .double)
    var dictionary = Matrix.gaussian(rows: pixels, columns: atoms, seed: seed).withUnitColumns
    var generator = RandomGenerator(seed: seed, stream: 1)
    var used = [Bool](repeating: false, count: atoms)
    let stepsOfAPass = max(1, count / batchSize)
    for step in 0..<steps {
      let batch = Tensor.stacked((0..<batchSize).map { _ in patches.row(generator.index(below: count)) })
      let problem = SparseCoding(dictionary: dictionary, alpha: alpha)
      let codes = OptimalCodes(problem, patches: batch, tolerance: tolerance, maximumIterations: 500).codes
      let residual = batch - dictionary.forward(codes)
      observing?(step, problem.value(codes, measurement: batch) / Double(batchSize))
      let energy = max(codes.inner(codes) / Double(batchSize), 1e-12)
      let eta = rate / energy / (1 + Double(step) / decay)
      // (X − W_d Z) Zᵀ with samples as rows: residualᵀ codes.
      let direction = linear(residual.transposed, codes.transposed)
      var entries = (dictionary.entries + (eta / Double(batchSize)) * direction).doubles
      for (i, z) in codes.doubles.enumerated() where z != 0 { used[i % atoms] = true }
      if (step + 1) % stepsOfAPass == 0 {
        for atom in 0..<atoms where !used[atom] {
          let r = residual.row(generator.index(below: batchSize))
          for p in 0..<pixels { entries[p * atoms + atom] = r[flat: p] }
        }
        used = Array(repeating: false, count: atoms)
      }
      dictionary = Matrix(Tensor(entries, shape: [pixels, atoms])).withUnitColumns
    }
    return dictionary
  }
}
