// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Platform
import Problems
import Tensors

/// Dictionary learning: argmin over W_d with unit-norm columns of the mean over patches of min_Z E(X, Z). For every batch X:
///
///     Z = argmin_Z E(X, Z)
///     W_d ← update(W_d, X, Z), columns scaled to unit norm
///
/// An atom that no sample of a whole pass used starts anew as a random patch.
public struct DictionaryLearning: Sendable {
  public enum Update: Sendable {
    /// W_d ← W_d + η (X − W_d Z) Zᵀ, the mean over the batch, from Gaussian atoms; η = `rate` · m / (mean ‖Z‖² of the first batch),
    /// falling as 1 / (1 + 4t/`steps`). Source: Olshausen & Field (1996).
    case gradient(rate: Double = 0.04)
    /// Online dictionary learning, from random patches: A ← ϱ A + Σ Z Zᵀ, B ← ϱ B + Σ X Zᵀ, where ϱ forgets the codes of the first,
    /// poor dictionaries, and then for every atom d_j ← d_j + (b_j − W_d a_j) / A_jj: one pass of block coordinate descent on the
    /// mean energy given the codes so far. Source: Mairal, Bach, Ponce & Sapiro (ICML 2009).
    case blockCoordinateDescent
  }

  public var atoms: Int
  public var alpha: Double
  public var update: Update
  public var batchSize = 256
  public var steps = 400
  public var seed: UInt64 = 1
  /// Relative duality gap of the codes while learning.
  public var tolerance = 1e-2

  public init(atoms: Int, alpha: Double, update: Update = .blockCoordinateDescent) {
    self.atoms = atoms
    self.alpha = alpha
    self.update = update
  }

  /// Learns W_d, n × atoms, from the rows of `patches`. `observing` is told the step and the mean energy of its batch.
  public func learn(from patches: Tensor, observing: ((Int, Double) -> Void)? = nil) -> Matrix {
    let (count, pixels) = (patches.shape[0], patches.shape[1])
    let patches = patches.converted(to: .double)
    var generator = RandomGenerator(seed: seed, stream: 1)
    func randomPatches(_ n: Int) -> Tensor { Tensor.stacked((0..<n).map { _ in patches.row(generator.index(below: count)) }) }
    var updater: any AtomUpdater
    var dictionary: Matrix
    switch update {
    case .gradient(let rate):
      updater = GradientUpdater(rate: rate, steps: steps)
      dictionary = Matrix(unitColumns: .normal([pixels, atoms], using: &generator))
    case .blockCoordinateDescent:
      updater = BlockCoordinateUpdater(atoms: atoms, pixels: pixels)
      dictionary = Matrix(unitColumns: randomPatches(atoms).transposed)
    }
    var used = [Bool](repeating: false, count: atoms)
    let stepsOfAPass = max(1, count / batchSize)
    for step in 0..<steps {
      let batch = randomPatches(batchSize)
      let problem = SparseCoding(dictionary: dictionary, alpha: alpha)
      let codes = Work.within("dictionary", step, of: steps) {
        OptimalCodes(problem, patches: batch, tolerance: tolerance, maximumIterations: 100).codes
      }
      observing?(step, problem.value(codes, measurement: batch) / Double(batchSize))
      for (i, z) in codes.doubles.enumerated() where z != 0 { used[i % atoms] = true }
      var rows = updater.updated(dictionary, step: step, codes: codes, batch: batch)
      if (step + 1) % stepsOfAPass == 0 {
        for atom in 0..<atoms where !used[atom] {
          rows.replaceSubrange(atom * pixels..<(atom + 1) * pixels, with: randomPatches(1).doubles)
        }
        used = Array(repeating: false, count: atoms)
      }
      dictionary = Matrix(unitColumns: Tensor(rows, shape: [atoms, pixels]).transposed)
    }
    return dictionary
  }
}

/// How the atoms move, given a batch and its codes. Atoms are rows here.
private protocol AtomUpdater {
  mutating func updated(_ dictionary: Matrix, step: Int, codes: Tensor, batch: Tensor) -> [Double]
}

private struct GradientUpdater: AtomUpdater {
  let rate: Double
  let steps: Int
  private var scale = 0.0

  init(rate: Double, steps: Int) { (self.rate, self.steps) = (rate, steps) }

  mutating func updated(_ dictionary: Matrix, step: Int, codes: Tensor, batch: Tensor) -> [Double] {
    if step == 0 { scale = rate * Double(dictionary.columns) / max(squaredNorm(codes), 1e-12) }  // the batch's mean on both sides
    let residual = batch - dictionary.forward(codes)
    let eta = scale / (1 + 4 * Double(step) / Double(steps))
    return (dictionary.entries.transposed + eta * linear(codes.transposed, residual.transposed)).doubles
  }
}

private struct BlockCoordinateUpdater: AtomUpdater {
  private let atoms: Int
  private let pixels: Int
  private var codeProducts: Tensor  // A
  private var patchProducts: Tensor  // Bᵀ

  init(atoms: Int, pixels: Int) {
    (self.atoms, self.pixels) = (atoms, pixels)
    codeProducts = .zeros([atoms, atoms])
    patchProducts = .zeros([atoms, pixels])
  }

  mutating func updated(_ dictionary: Matrix, step: Int, codes: Tensor, batch: Tensor) -> [Double] {
    let keep = 1 - 1 / (1 + Double(step) / 4)  // ϱ = 0 at first, near 1 later
    codeProducts = keep * codeProducts + linear(codes.transposed, codes.transposed)
    patchProducts = keep * patchProducts + linear(codes.transposed, batch.transposed)
    var rows = dictionary.entries.transposed.doubles
    descend(&rows, codeProducts.doubles, patchProducts.doubles)
    return rows
  }

  /// One pass over the atoms, each moved with all others fixed.
  private func descend(_ rows: inout [Double], _ A: [Double], _ B: [Double]) {
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
