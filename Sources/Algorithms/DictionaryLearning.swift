// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Problems
import Tensors

/// Online dictionary learning (Mairal, Bach, Ponce & Sapiro, ICML 2009): for every batch X,
///
///     Z = argmin_Z E(X, Z)
///     A ← ϱ A + Σ Z Zᵀ,   B ← ϱ B + Σ X Zᵀ                         ϱ forgets the codes of the first, poor dictionaries
///     for every atom j:  d_j ← d_j + (b_j − W_d a_j) / A_jj, scaled to unit norm
///
/// the last line being one pass of block coordinate descent on the mean energy given the codes so far. An atom that no sample of a
/// whole pass used starts anew as a random patch.
public struct DictionaryLearning: Sendable {
  public var atoms: Int
  public var alpha: Double
  public var batchSize = 256
  public var steps = 400
  public var seed: UInt64 = 1
  /// Relative duality gap of the codes while learning.
  public var tolerance = 1e-2

  public init(atoms: Int, alpha: Double) {
    self.atoms = atoms
    self.alpha = alpha
  }

  /// Learns W_d, n × atoms, from the rows of `patches`; it starts as random patches. `observing` is told the step and the mean
  /// energy of its batch.
  public func learn(from patches: Tensor, observing: ((Int, Double) -> Void)? = nil) -> Matrix {
    let (count, pixels) = (patches.shape[0], patches.shape[1])
    let patches = patches.converted(to: .double)
    var generator = RandomGenerator(seed: seed, stream: 1)
    func randomPatches(_ n: Int) -> Tensor { Tensor.stacked((0..<n).map { _ in patches.row(generator.index(below: count)) }) }
    // Atoms are rows here.
    var dictionary = Matrix(randomPatches(atoms).transposed).withUnitColumns
    var codeProducts = Tensor.zeros([atoms, atoms])  // A
    var patchProducts = Tensor.zeros([atoms, pixels])  // Bᵀ
    var used = [Bool](repeating: false, count: atoms)
    let stepsOfAPass = max(1, count / batchSize)
    for step in 0..<steps {
      let batch = randomPatches(batchSize)
      let problem = SparseCoding(dictionary: dictionary, alpha: alpha)
      let codes = OptimalCodes(problem, patches: batch, tolerance: tolerance, maximumIterations: 100).codes
      observing?(step, problem.value(codes, measurement: batch) / Double(batchSize))
      let keep = 1 - 1 / (1 + Double(step) / 4)  // ϱ = 0 at first, near 1 later
      codeProducts = keep * codeProducts + linear(codes.transposed, codes.transposed)
      patchProducts = keep * patchProducts + linear(codes.transposed, batch.transposed)
      for (i, z) in codes.doubles.enumerated() where z != 0 { used[i % atoms] = true }
      var rows = dictionary.entries.transposed.doubles
      update(&rows, codeProducts.doubles, patchProducts.doubles, pixels: pixels)
      if (step + 1) % stepsOfAPass == 0 {
        for atom in 0..<atoms where !used[atom] {
          rows.replaceSubrange(atom * pixels..<(atom + 1) * pixels, with: randomPatches(1).doubles)
        }
        used = Array(repeating: false, count: atoms)
      }
      dictionary = Matrix(Tensor(rows, shape: [atoms, pixels]).transposed).withUnitColumns
    }
    return dictionary
  }

  /// One pass over the atoms, each moved with all others fixed.
  private func update(_ rows: inout [Double], _ A: [Double], _ B: [Double], pixels: Int) {
    for j in 0..<atoms where A[j * atoms + j] > 1e-12 {
      var direction = Array(B[j * pixels..<(j + 1) * pixels])
      for i in 0..<atoms where A[j * atoms + i] != 0 {
        let a = A[j * atoms + i]
        for p in 0..<pixels { direction[p] -= a * rows[i * pixels + p] }
      }
      var norm = 0.0
      for p in 0..<pixels {
        direction[p] = rows[j * pixels + p] + direction[p] / A[j * atoms + j]
        norm += direction[p] * direction[p]
      }
      guard norm > 0 else { continue }
      for p in 0..<pixels { rows[j * pixels + p] = direction[p] / norm.squareRoot() }
    }
  }
}
