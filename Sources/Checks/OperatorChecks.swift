// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// |⟨A x, y⟩ − ⟨x, Aᴴ y⟩| / (‖A x‖ ‖y‖) of every operator, and AᴴA x beside Aᴴ(A x): the worst of 20 draws over odd, even, 1 × 1 and non-square
/// sizes; ≤ 1e-12 in double, ≤ 1e-5 in single precision. And the Lipschitz constants.
public func operatorChecks() -> [CheckItem] {
  var items: [CheckItem] = []
  for precision in Precision.allCases {
    let tolerance = precision == .double ? 1e-12 : 1e-5
    func item<Op: LinearOperator>(_ name: String, _ make: (Int, Int, UInt64) -> (Op, domain: [Int], codomain: [Int]))
    where Op.Domain: ImageSpace, Op.Codomain: ImageSpace {
      let errors = (0..<20).map { draw in
        let (m, n) = sizes[draw % sizes.count]
        let (A, domain, codomain) = make(m, n, UInt64(draw))
        guard isBatch(domain, of: A.domainShape), isBatch(codomain, of: A.codomainShape) else { return Double.infinity }
        return max(
          A.adjointError(domain: domain, codomain: codomain, precision: precision, seed: 100 + UInt64(draw)),
          A.normalError(domain: domain, precision: precision, seed: 200 + UInt64(draw)))
      }
      items.append(CheckItem("adjoint of \(name), \(precision.rawValue)", error: errors.max() ?? 0, tolerance: tolerance))
    }
    func matrix(_ m: Int, _ n: Int, _ seed: UInt64) -> Matrix {
      Matrix.gaussian(rows: m, columns: n, seed: seed).converted(to: precision)
    }
    item("Matrix") { m, n, seed in (matrix(m, n, seed), [n], [m]) }
    item("Matrix on a batch") { m, n, seed in (matrix(m, n, seed), [3, n], [3, m]) }
    func sparse(_ m: Int, _ n: Int, _ seed: UInt64) -> SparseMatrix {
      let entries = matrix(m, n, seed).entries
      let kept = (0..<m).map { i in (0..<n).filter { (i + 2 * $0 + Int(seed)) % 3 == 0 } }
      return SparseMatrix(
        columns: n, rowStarts: kept.reduce(into: [0]) { $0.append($0.last! + $1.count) },
        columnIndices: kept.flatMap { $0.map(Int32.init) },
        values: Tensor(kept.enumerated().flatMap { i, row in row.map { entries[flat: i * n + $0] } }, precision: precision))
    }
    item("SparseMatrix on a batch") { m, n, seed in (sparse(m, n, seed), [3, n], [3, m]) }
    item("Reshaped") { m, n, seed in
      (Reshaped(sparse(2 * m, 3 * n, seed), domain: [3, n], codomain: [m, 2]), [2, 3, n], [2, m, 2])
    }
    item("PixelWeights") { m, n, seed in (PixelWeights<Tensor>(matrix(m, n, seed).entries), [2, m, n], [2, m, n]) }
    item("PixelWeights of complex images") { m, n, seed in
      (PixelWeights<ComplexTensor>(matrix(m, n, seed).entries), [2, m, n], [2, m, n])
    }
    item("PeriodicFilter") { m, n, seed in
      // One row of three taps, or the middle alone where images are narrower.
      let taps = n < 3 ? [1.0 + Double(seed)] : [0.3, -1.0 + Double(seed) / 7, 0.3]
      return (
        PeriodicFilter<ComplexTensor>(kernel: Tensor(taps, shape: [1, taps.count]), height: m, width: n)!, [2, m, n], [2, m, n]
      )
    }
    func patches(_ m: Int, _ n: Int, _ seed: UInt64) -> PatchExtraction<Tensor> {
      let side = min(m, n, 1 + Int(seed) % 3)
      let places = (0...m - side).flatMap { i in (0...n - side).map { Int32(i * n + $0) } }
      return PatchExtraction(
        height: m, width: n, side: side, places: places.enumerated().filter { $0.offset % 3 != 1 }.map(\.element))
    }
    item("PatchExtraction") { m, n, seed in
      let A = patches(m, n, seed)
      return (A, [2, m, n], [2] + A.codomainShape)
    }
    item("PatchAverage") { m, n, seed in
      let A = PatchAverage(patches(m, n, seed))
      return (A, [2] + A.domainShape, [2, m, n])
    }
    func frame(_ m: Int, _ n: Int, _ seed: UInt64) -> PatchFrame {
      let side = min(m, n, 1 << (Int(seed) % 3))
      let groupSize = 1 << (Int(seed) % 4)
      let places = patches(m, n, seed).places.filter { Int($0) / n + side <= m && Int($0) % n + side <= n }
      let groups = (0..<7).map { i in (0..<groupSize).map { places[(3 * i + $0 * $0) % places.count] } }
      return PatchFrame(
        height: m, width: n, side: side, places: groups.flatMap { $0 }, groupSize: groupSize,
        classes: groups.indices.map { Int32($0 % 2) },
        bases: [PatchBasis.cosine(side: side), PatchBasis.cosine(side: side).reversed()])
    }
    item("PatchAnalysis") { m, n, seed in
      let A = PatchAnalysis<Tensor>(frame(m, n, seed))
      return (A, [2, m, n], [2] + A.codomainShape)
    }
    item("PatchAnalysis of complex images") { m, n, seed in
      let A = PatchAnalysis<ComplexTensor>(frame(m, n, seed))
      return (A, [2, m, n], [2] + A.codomainShape)
    }
    item("Decimation") { m, n, seed in
      let A = Decimation(height: m, width: n, factor: 1 + Int(seed) % 3)
      return (A, [2, m, n], [2] + A.codomainShape)
    }
    item("Hadamard") { m, n, seed in
      let size = 1 << ((m + n) % 6)
      let rows = (0..<size).filter { ($0 + Int(seed)) % 3 != 1 }
      return (Hadamard(size: size, rows: rows), [2, size], [2, rows.count])
    }
    item("OnArrays") { m, n, seed in
      let blurred = ArrayOperator(matrix(m, n, seed), from: [n], to: [m])
      let A = ArrayOperator(stacking: [blurred.scaled(by: -2), blurred + blurred, ArrayOperator(identity: ArraySpace([n]))])
      return (OnArrays<Tensor, Tensor>(A, precision: precision), [2, n], [2, 2 * m + n])
    }
    item("Adjoint") { m, n, seed in (matrix(m, n, seed).H, [m], [n]) }
    item("Gram") { m, n, seed in (matrix(m, n, seed).gram, [n], [n]) }
    item("Identity") { _, n, _ in (Identity<Tensor>(), [n], [n]) }
    item("Scaled") { m, n, seed in (Scaled(-1.7, matrix(m, n, seed)), [n], [m]) }
    item("Composition") { m, n, seed in
      (Composition(matrix(m, n + 1, seed), matrix(n + 1, n, seed + 50)), [n], [m])
    }
    item("Sum") { m, n, seed in (Sum(matrix(m, n, seed), matrix(m, n, seed + 50)), [n], [m]) }
    item("Stacked") { m, n, seed in
      (Stacked(matrix(m, n, seed), matrix(n, n, seed + 50)), [n], [m + n])
    }
    for boundary in Convolution2D.Boundary.allCases {
      item("Convolution2D, \(boundary.rawValue) boundary") { m, n, seed in
        let (kh, kw) = [(1, 1), (3, 3), (3, 5), (7, 1)][Int(seed) % 4]
        var generator = RandomGenerator(seed: seed)
        let kernels = Tensor.normal([2, kh, kw], precision: precision, using: &generator)
        return (Convolution2D(kernels: kernels, height: m, width: n, boundary: boundary), [m, n], [2, m, n])
      }
    }
    item("BlockSampling") { m, n, seed in
      let phi = Matrix.gaussian(rows: 5, columns: 16, seed: seed).converted(to: precision)
      let grid = BlockGrid(height: m, width: n, side: 4)
      return (BlockSampling(phi: phi, grid: grid), [m, n], [grid.count, 5])
    }
    for turn in Orientation.allCases {
      item("Orientation, transposed \(turn.transposes), flipped \(turn.flipsRows), \(turn.flipsColumns)") { m, n, _ in
        (turn, [2, m, n], turn.transposes ? [2, n, m] : [2, m, n])
      }
    }
    item("BlockSampling of a batch") { m, n, seed in
      let phi = Matrix.gaussian(rows: 5, columns: 16, seed: seed).converted(to: precision)
      let grid = BlockGrid(height: m, width: n, side: 4)
      return (BlockSampling(phi: phi, grid: grid), [3, m, n], [3, grid.count, 5])
    }
    for boundary in Gradient2D.Boundary.allCases {
      item("Gradient2D, \(boundary.rawValue) boundary") { m, n, _ in
        (Gradient2D(height: m, width: n, boundary: boundary), [2, m * n], [2, m * n, 2])
      }
    }
    for filter in WaveletFilter.allCases {
      item("UndecimatedWavelet, filter of \(filter.length)") { m, n, _ in
        let W = UndecimatedWavelet<Tensor>(height: m, width: n, filter: filter, levels: 3)
        return (W, [2, m, n], [2, W.bands, m, n])
      }
      item("UndecimatedWavelet of complex images, filter of \(filter.length)") { m, n, seed in
        let W = UndecimatedWavelet<ComplexTensor>(height: m, width: n, filter: filter, levels: 2)
        return (W, [m, n], [W.bands, m, n])
      }
      item("OrthonormalWavelet, filter of \(filter.length)") { m, n, _ in
        (OrthonormalWavelet<Tensor>(height: 2 * m, width: 4 * n, filter: filter, levels: 1), [2, 2 * m, 4 * n], [2, 2 * m, 4 * n])
      }
      item("OrthonormalWavelet of complex images, filter of \(filter.length)") { m, n, seed in
        let P = OrthonormalWavelet<ComplexTensor>(height: 4 * m, width: 4 * n, filter: filter, levels: 2)
        return (P, [4 * m, 4 * n], [4 * m, 4 * n])
      }
    }
    item("PixelDisc") { _, n, _ in (PixelDisc(side: n), [2, n, n], [2, PixelDisc(side: n).count]) }
    item("PixelDisc of given pixels") { m, n, seed in
      let A = randomPixels(side: max(m, n), seed)
      return (A, [2, A.side, A.side], [2, A.count])
    }
    item("PixelDifferences") { m, n, seed in
      let D = randomPixels(side: max(m, n), seed).differences
      return (D, [2, D.count], [2, D.pairs.count])
    }
    item("GradientAndWavelet") { m, n, _ in
      let D = GradientAndWavelet(OrthonormalWavelet(height: 2 * m, width: 4 * n, levels: 1))
      return (D, [2, 2 * m, 4 * n], [2, 2 * m, 4 * n, 3])
    }
    tomography(item)
    for axes in [1, 2] {
      item("Fourier over \(axes == 1 ? "1 axis" : "2 axes")") { m, n, seed in
        (Fourier(axes: axes), [2, m, n], [2, m, n])
      }
    }
    item("MaskedFourier") { m, n, seed in
      (MaskedFourier(randomMask(m, n, seed)), [2, m, n], [2, m, n])
    }
    item("RealMaskedFourier") { m, n, seed in
      (RealMaskedFourier(randomMask(m, n, seed)), [2, m, n], [2, m, n])
    }
    item("CoilSensitivities") { m, n, seed in
      (randomMaps(m, n, precision, seed), [2, m, n], [2, 3, m, n])
    }
    item("SENSE") { m, n, seed in
      let A = SENSE(randomMaps(m, n, precision, seed), mask: randomMask(m, n, seed))
      return (A, [2, m, n], [2, 3, m, n])
    }
    item("SENSE of whole lines") { m, n, seed in
      let mask = SamplingMask(height: m, width: n, isSampled: (0..<m * n).map { (seed % 2 == 0 ? $0 % n : $0 / n) % 3 != 1 })
      return (2 * SENSE(randomMaps(m, n, precision, seed), mask: mask), [2, m, n], [2, 3, m, n])
    }
    item("OnReal") { m, n, seed in
      let A = OnReal(SENSE(randomMaps(m, n, precision, seed), mask: randomMask(m, n, seed)))
      return (A, [2, m, n], [2, 3, m, n])
    }
    item("OnEachPart") { m, n, seed in
      let D = OnParts(Gradient2D(height: m, width: n, boundary: .periodic))
      return (D, [2, m * n], [2, m * n, 2])
    }
  }
  return items + normalEquationChecks() + lipschitzChecks()
}

/// Whether arrays of a shape are samples of another, whose axes may be taken together.
private func isBatch(_ shape: [Int], of sample: [Int]) -> Bool {
  let (count, size) = (shape.reduce(1, *), sample.reduce(1, *))
  return size == 0 ? count == 0 : count >= size && count % size == 0
}

/// ‖(AᴴA + ρ) x − b‖ / ‖b‖ for x = (AᴴA + ρ)⁻¹ b of the operators that have a way of their own, and of one that has not.
private func normalEquationChecks() -> [CheckItem] {
  var generator = RandomGenerator(seed: 151)
  var items: [CheckItem] = []
  func item<Op: LinearOperator>(_ name: String, _ A: Op, _ b: Op.Domain) {
    let worst = [0.01, 1, 30].map { penalty in
      let x = A.solveNormalEquations(b, penalty: penalty)
      return relativeDifference(A.adjoint(A.forward(x)) + penalty * x, b)
    }.reduce(0, max)
    items.append(CheckItem("normal equations of \(name)", error: worst, tolerance: 1e-11))
  }
  let mask = randomMask(8, 7, 3)
  let image = Tensor.normal([2, 8, 7], using: &generator)
  let complex = ComplexTensor(pairs: .normal([2, 8, 7, 2], using: &generator))
  item("Matrix, wide", Matrix.gaussian(rows: 5, columns: 9, seed: 1), .normal([3, 9], using: &generator))
  item("Matrix, tall", Matrix.gaussian(rows: 9, columns: 5, seed: 1), .normal([3, 5], using: &generator))
  item("MaskedFourier", MaskedFourier(mask), complex)
  item("RealMaskedFourier", RealMaskedFourier(mask), image)
  item("OnEachPart", OnParts(Matrix.gaussian(rows: 5, columns: 7, seed: 1)), complex)
  item("SENSE", SENSE(randomMaps(8, 7, .double, 2), mask: mask), complex)
  for side in [4, 3] {
    let grid = BlockGrid(height: 8, width: 8, side: side)
    item(
      "BlockSampling, blocks of \(side)", BlockSampling(phi: .gaussian(rows: 3, columns: side * side, seed: 1), grid: grid),
      .normal([2, 8, 8], using: &generator))
  }
  item("AnyOperator", AnyOperator(2 * Gradient2D(height: 8, width: 7) * RealMaskedFourier(mask).gram), image)
  item("a sum", RealMaskedFourier(mask).gram + 0.5 * Identity(), image)
  return items
}

/// Projectors of parallel and fan beams, filtered back-projection.
private func tomography(
  _ item: (String, (Int, Int, UInt64) -> (AnyOperator<Tensor, Tensor>, domain: [Int], codomain: [Int])) -> Void
) {
  func parallel(_ m: Int, _ n: Int, _ seed: UInt64) -> ParallelBeamGeometry {
    var generator = RandomGenerator(seed: seed)
    return ParallelBeamGeometry(
      height: m, width: n, angles: (0..<4).map { _ in 7 * generator.uniform() }, bins: m + n + 1,
      pixelSize: 0.5 + generator.uniform(),
      binWidth: 0.4 + generator.uniform(), axisOffset: generator.uniform() - 0.5)
  }
  func fan(_ m: Int, _ n: Int, _ seed: UInt64) -> FanBeamGeometry {
    var generator = RandomGenerator(seed: seed)
    let source = Double(m + n) * (1 + generator.uniform())
    return FanBeamGeometry(
      height: m, width: n, angles: (0..<4).map { _ in 7 * generator.uniform() }, cells: m + n + 1, pixelSize: 1,
      cellWidth: 1 + generator.uniform(), sourceToCentre: source, sourceToDetector: 2 * source,
      detector: seed % 2 == 0 ? .arc : .line)
  }
  item("AnyOperator") { m, n, seed in (AnyOperator(ParallelBeam(parallel(m, n, seed))), [2, m, n], [2, 4, m + n + 1]) }
  item("ParallelBeam") { m, n, seed in (AnyOperator(ParallelBeam(parallel(m, n, seed))), [m, n], [4, m + n + 1]) }
  item("FilteredBackProjection") { m, n, seed in
    let back = FilteredBackProjection(parallel(m, n, seed), window: seed % 2 == 0 ? .ramp : .hann)
    return (AnyOperator(back), [2, 4, m + n + 1], [2, m, n])
  }
  item("FanBeam") { m, n, seed in (AnyOperator(FanBeam(fan(m, n, seed))), [2, m, n], [2, 4, m + n + 1]) }
  item("FanBackProjection") { m, n, seed in
    (AnyOperator(FanBackProjection(fan(m, n, seed))), [2, 4, m + n + 1], [2, m, n])
  }
}

/// Each frequency with the chance 1/2.
private func randomMask(_ m: Int, _ n: Int, _ seed: UInt64) -> SamplingMask {
  var generator = RandomGenerator(seed: seed)
  return SamplingMask(height: m, width: n, isSampled: (0..<m * n).map { _ in generator.uniform() < 0.5 })
}

/// Half the pixels of an image, in a random order.
private func randomPixels(side n: Int, _ seed: UInt64) -> PixelDisc {
  var generator = RandomGenerator(seed: seed)
  let order = (0..<n * n).shuffled(using: &generator)
  return PixelDisc(side: n, indices: Array(order[0..<(n * n + 1) / 2]))
}

/// Three coils of independent normal numbers.
private func randomMaps(_ m: Int, _ n: Int, _ precision: Precision, _ seed: UInt64) -> CoilSensitivities {
  var generator = RandomGenerator(seed: seed)
  return CoilSensitivities(maps: ComplexTensor(pairs: .normal([3, m, n, 2], precision: precision, using: &generator)))
}

private let sizes = [(1, 1), (5, 7), (8, 6), (16, 16), (31, 17), (1, 9), (9, 1)]

/// Power iteration rises monotonically to the largest eigenvalue; ‖A v‖ ≤ √L ‖v‖.
private func lipschitzChecks() -> [CheckItem] {
  let A = Matrix.gaussian(rows: 40, columns: 60, variance: 1.0 / 40, seed: 11)
  var generator = RandomGenerator(seed: 12)
  let quotients = powerIteration(A, startingAt: .normal([60], using: &generator), tolerance: 1e-15)
  let falls = zip(quotients.dropFirst(), quotients).reduce(0) { max($0, $1.1 - $1.0) }
  var excess = 0.0
  for _ in 0..<100 {
    let v = Tensor.normal([60], using: &generator)
    excess = max(excess, A.forward(v).norm / (A.lipschitz.squareRoot() * v.norm) - 1)
  }
  return [
    CheckItem("power iteration against the largest eigenvalue", error: abs(quotients.last! / A.lipschitz - 1), tolerance: 1e-10),
    CheckItem("power iteration rises", error: falls, tolerance: 1e-13),
    CheckItem("norm of A v beyond the Lipschitz constant", error: excess, tolerance: 1e-12),
  ]
}
