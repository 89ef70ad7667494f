// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import FileFormats
import Foundation
import Kernels
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct ESPIRiTTests {
  /// Relative ℓ2 difference over the pixels of `inside`, each pixel's common phase removed where `upToPhase`.
  private func difference(_ maps: ComplexTensor, _ truth: ComplexTensor, inside: [Bool], upToPhase: Bool = true) -> Double {
    let (a, b, plane, coils) = (maps.pairs.doubles, truth.pairs.doubles, inside.count, maps.shape[0])
    var (error, norm) = (0.0, 0.0)
    for i in 0..<plane where inside[i] {
      let places = (0..<coils).map { 2 * ($0 * plane + i) }
      // ⟨a, b⟩: a times its phase is nearest to b.
      let re = places.reduce(0) { $0 + a[$1] * b[$1] + a[$1 + 1] * b[$1 + 1] }
      let im = places.reduce(0) { $0 + a[$1] * b[$1 + 1] - a[$1 + 1] * b[$1] }
      let magnitude = max((re * re + im * im).squareRoot(), 1e-300)
      let (c, s) = upToPhase ? (re / magnitude, im / magnitude) : (1, 0)
      for p in places {
        let (x, y) = (a[p] * c - a[p + 1] * s - b[p], a[p] * s + a[p + 1] * c - b[p + 1])
        error += x * x + y * y
        norm += b[p] * b[p] + b[p + 1] * b[p + 1]
      }
    }
    return (error / norm).squareRoot()
  }

  /// Pixels brighter than a fraction of the brightest.
  private func signal(of image: ComplexTensor, above fraction: Double) -> [Bool] {
    let (v, least) = (image.pairs.doubles, fraction * image.maximumMagnitude)
    return (0..<image.count).map { i in
      let (re, im) = (v[2 * i], v[2 * i + 1])
      return re * re + im * im > least * least
    }
  }

  /// Maps made of the frequencies 0 and 1 alone, of unit root sum of squares at no pixel in particular: y lies exactly in a space of few
  /// patches.
  private func bandLimited(coils: Int, _ h: Int, _ w: Int) -> ComplexTensor {
    var generator = RandomGenerator(seed: 12)
    var spectrum = [Double](repeating: 0, count: 2 * coils * h * w)
    for c in 0..<coils {
      for (k, l) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let place = 2 * ((c * h + k) * w + l)
        (spectrum[place], spectrum[place + 1]) = generator.normalPair()
      }
    }
    return inverseFFT2(ComplexTensor(pairs: Tensor(spectrum, shape: [coils, h, w, 2])))
  }

  /// The same with unit root sum of squares and the phase that makes ⟨reference, S⟩ real and positive.
  private func normalised(_ maps: ComplexTensor, reference: [(Double, Double)]) -> ComplexTensor {
    var v = maps.pairs.doubles
    let (coils, plane) = (maps.shape[0], maps.shape[1] * maps.shape[2])
    for i in 0..<plane {
      let places = (0..<coils).map { 2 * ($0 * plane + i) }
      let norm = places.reduce(0) { $0 + v[$1] * v[$1] + v[$1 + 1] * v[$1 + 1] }.squareRoot()
      let (re, im) = places.enumerated().reduce((0.0, 0.0)) { sum, next in
        let (c, p) = next
        let (a, b) = reference[c]
        return (sum.0 + a * v[p] + b * v[p + 1], sum.1 + a * v[p + 1] - b * v[p])
      }
      let magnitude = (re * re + im * im).squareRoot() * norm
      for p in places {
        (v[p], v[p + 1]) = ((v[p] * re + v[p + 1] * im) / magnitude, (v[p + 1] * re - v[p] * im) / magnitude)
      }
    }
    return ComplexTensor(pairs: Tensor(v, shape: maps.pairs.shape))
  }

  /// Where the model holds exactly, so does the estimate, with the phase of either reference: the closed form of the method.
  @Test(arguments: [(20, 20), (21, 26), (24, 17)]) func exactModel(h: Int, w: Int) throws {
    var generator = RandomGenerator(seed: 5)
    let image = ComplexTensor(pairs: .normal([h, w, 2], using: &generator))
    let truth = bandLimited(coils: 4, h, w)
    let kSpace = fft2(CoilSensitivities(maps: truth).forward(image))
    var espirit = ESPIRiT(calibrationRows: 16, calibrationColumns: 15, kernelSide: 4, threshold: 1e-6, reference: .firstCoil)
    let found = try espirit.estimate(kSpace)
    // Patches of 4 × 4 of an image's spectrum blurred by 2 × 2: (4 + 2 − 1)² free numbers.
    #expect(found.rank == 25)
    #expect(found.eigenvalues.doubles.allSatisfy { abs($0 - 1) < 1e-8 })
    let everywhere = [Bool](repeating: true, count: h * w)
    let first = normalised(truth, reference: [(1, 0), (0, 0), (0, 0), (0, 0)])
    #expect(difference(found.maps, first, inside: everywhere, upToPhase: false) < 1e-7)

    // The first principal component of the centre by power iteration.
    var covariance = [[(Double, Double)]](repeating: Array(repeating: (0, 0), count: 4), count: 4)
    let y = kSpace.pairs.doubles
    for i in 0..<16 {
      for j in 0..<15 {
        let place = 2 * ((i - 8 + h) % h * w + (j - 7 + w) % w)
        for a in 0..<4 {
          for b in 0..<4 {
            let (p, q) = (place + 2 * a * h * w, place + 2 * b * h * w)
            covariance[a][b].0 += y[p] * y[q] + y[p + 1] * y[q + 1]
            covariance[a][b].1 += y[p + 1] * y[q] - y[p] * y[q + 1]
          }
        }
      }
    }
    var component = [(Double, Double)](repeating: (1, 0.5), count: 4)
    for _ in 0..<2000 {
      let next = covariance.map { row in
        zip(row, component).reduce((0.0, 0.0)) {
          ($0.0 + $1.0.0 * $1.1.0 - $1.0.1 * $1.1.1, $0.1 + $1.0.0 * $1.1.1 + $1.0.1 * $1.1.0)
        }
      }
      let norm = next.reduce(0) { $0 + $1.0 * $1.0 + $1.1 * $1.1 }.squareRoot()
      component = next.map { ($0.0 / norm, $0.1 / norm) }
    }
    espirit.reference = .virtualCoil
    let virtual = try espirit.estimate(kSpace)
    // The component's own phase is open: one number for all pixels.
    let expected = normalised(truth, reference: component)
    let phase = virtual.maps.inner(expected) / expected.inner(expected)
    let turned = ComplexTensor(real: -1 * virtual.maps.imaginary, imaginary: virtual.maps.real)
    let quadrature = turned.inner(expected) / expected.inner(expected)
    #expect(relativeError(phase * virtual.maps + quadrature * turned, expected) < 1e-7)
    #expect(abs(phase * phase + quadrature * quadrature - 1) < 1e-7)
  }

  /// Loops around an image, small enough for a debug build: maps within 1 % where there is signal, the same for any number of threads.
  @Test func loopsAroundADisc() throws {
    let n = 64
    let inside = (0..<n * n).map { i in
      let (y, x) = (Double(i / n) - 31.5, Double(i % n) - 31.5)
      return x * x / 484 + y * y / 676 < 1
    }
    let image = Tensor(
      (0..<n * n).map { inside[$0] ? 0.7 + 0.3 * sin(Double($0 / n) / 3) * cos(Double($0 % n) / 5) : 0 }, shape: [n, n])
    let S = CoilSensitivities.simulated(coils: 6, height: n, width: n, seed: 2)
    let kSpace = fft2(S.forward(complex(image)))
    let found = try ESPIRiT().estimate(kSpace)
    let error = difference(found.maps, S.maps, inside: inside)
    #expect(error <= 0.01, "\(error)")
    let alone = try Parallel.with(threads: 1) { try ESPIRiT().estimate(kSpace) }
    #expect(alone.maps == found.maps && alone.eigenvalues == found.eigenvalues)
    let single = try ESPIRiT().estimate(ComplexTensor(pairs: kSpace.pairs.converted(to: .single)))
    #expect(single.maps.precision == .single && difference(single.maps, S.maps, inside: inside) <= 0.01)
    // Beyond the object there is nothing to estimate: eigenvalues fall below the crop, and maps are 0 there.
    let outside = (0..<n * n).filter { found.eigenvalues[flat: $0] < 0.8 }
    #expect(!outside.isEmpty && outside.allSatisfy { found.maps.pairs[flat: 2 * $0] == 0 })
  }

  /// Eight loops around a real brain, estimated from 24 × 24 frequencies, against the maps they were made with. The object is cut by the
  /// upper and the lower edge, where the periodic continuation of the maps jumps: the figure is of pixels with signal 8 rows from there.
  /// `bart ecalib -r 24 -m 1` (BART 0.8.00) on the same k-space is 0.0166 off the truth there, and numpy.linalg.eigh on the method's
  /// matrices of all pixels (NumPy 2.4.6) 0.0031.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func loopsAroundABrain() throws {
    let image = try NPY.read(dataFolder + "/mri/complex/brain_cdata1.npy").complex
    let (h, w) = (image.shape[0], image.shape[1])
    let S = CoilSensitivities.simulated(coils: 8, height: h, width: w, seed: 1)
    let found = try ESPIRiT().estimate(fft2(S.forward(image)))
    let bright = signal(of: image, above: 0.1)
    let inside = bright.indices.map { bright[$0] && (8 * w..<(h - 8) * w).contains($0) }
    let error = difference(found.maps, S.maps, inside: inside)
    #expect(error <= 0.005, "\(error)")
    #expect(inside.indices.allSatisfy { !inside[$0] || found.eigenvalues[flat: $0] > 0.99 })
  }

  @Test func unusableMeasurementsAreRefusedInOneLine() {
    var generator = RandomGenerator(seed: 1)
    let good = Tensor.normal([2, 32, 32, 2], using: &generator)
    func line(_ pairs: Tensor, _ espirit: ESPIRiT = ESPIRiT()) -> String {
      refusal { try espirit.estimate(ComplexTensor(pairs: pairs)) }
    }
    var gap = good.doubles
    for c in 0..<2 { for part in 0..<2 { gap[2 * ((c * 32 + 3) * 32 + 30) + part] = 0 } }
    var broken = good.doubles
    broken[5] = .nan
    for (message, word) in [
      (line(.zeros([32, 32, 2])), "[coils, h, w]"), (line(Tensor(gap, shape: good.shape)), "found 1 of 24 × 24"),
      (line(Tensor(broken, shape: good.shape)), "NaN"), (line(.zeros(good.shape)), "576 of 24 × 24"),
      (line(.zero), "[coils, h, w]"),
      (line(good, ESPIRiT(kernelSide: 25)), "25 × 25"), (line(good, ESPIRiT(calibrationRows: 4)), "4 × 24"),
      (line(good, ESPIRiT(kernelSide: 0)), "0 × 0"),
    ] { #expect(message.contains(word), "\(message)") }
    #expect(line(good) == "")
  }
}
