// SPDX-License-Identifier: Apache-2.0
import Experiments
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct OperatorDescriptionTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  private func described(_ text: String, shape: [Int]? = nil) throws -> OperatorDescription {
    let path = folder.file("o.yaml")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try OperatorDescription(file: path, shape: shape)
  }

  private func made(_ steps: String, _ shape: [Int], complex: Bool = false) throws -> ArrayOperator {
    try described("complex: \(complex)\noperator: \(steps)").made(shape: shape, precision: .double)
  }

  /// ⟨A x, w⟩ of wave images beside NumPy 2 and SciPy 1.17: `scipy.ndimage.convolve` (wrap, constant), slices, `scipy.linalg.hadamard`,
  /// `numpy.fft.fft2(norm="ortho")`, `numpy.diff`.
  @Test func stepsAreThoseOfSciPy() throws {
    try NPY.write(wave([3, 5], 0.9, 0.1), to: folder.file("k.npy"))
    let x = wave([1, 10, 12], 0.37, 0.2)
    for (steps, expected) in [
      ("[blur: {sigma: 1.1, size: 11}]", nil), ("[blur: {sigma: 1.1, boundary: zero}]", 1.2156646160375666),
      ("[blur: {kernel: k.npy}]", 2.7450832997112613), ("[blur: {kernel: k.npy}, downsample: 2]", 6.615963074000348),
      ("gradient", 3.578238855396683),
    ] as [(String, Double?)] {
      // A kernel of 11 rows is no smaller than the image.
      guard let expected else {
        #expect(refusal(InputError.self) { try made(steps, [10, 12]) }.contains("o.yaml:2: found a kernel of [11, 11]"))
        continue
      }
      let y = try made(steps, [10, 12]).forward(x)
      #expect(abs(y.inner(wave(y.shape, 0.11, 0.5)) - expected) < 1e-12, "\(steps)")
    }
    let h = try made("[hadamard: 64]", [8, 8]).forward(wave([1, 8, 8], 0.37, 0.2)).doubles
    let weights = wave([20], 0.11, 0.5).doubles
    #expect(abs(zip(h, weights).reduce(0) { $0 + $1.0 * $1.1 } + 2.5980731115283078) < 1e-12)
    let z = ComplexTensor(real: wave([1, 8, 10], 0.37, 0.2), imaginary: wave([1, 8, 10], 0.53, 0.1))
    let F = ComplexTensor(pairs: try made("fourier", [8, 10], complex: true).forward(z.pairs))
    let found = F.real.inner(wave([1, 8, 10], 0.11, 0.5)) + F.imaginary.inner(wave([1, 8, 10], 0.13, 0.4))
    #expect(abs(found + 3.2655522850051364) < 1e-12)
  }

  @Test func noiseIsADeviationARatioOrPhotons() throws {
    for (noise, expected) in [
      ("0.1", Noise.deviation(0.1)), ("{snr: 30}", .decibel(30)), ("0", .none), ("{photons: 1e5}", .photons(1e5)),
      ("{photons: 1e5, electronic: 5}", .photons(1e5, electronic: 5)),
    ] {
      #expect(try described("noise: \(noise)\noperator: gradient", shape: [4, 4]).noise == expected, "\(noise)")
    }
    let refused = refusal(InputError.self) { try described("noise: {electronic: 5}\noperator: gradient", shape: [4, 4]) }
    #expect(refused.contains("found no deviation, snr or photons"), "\(refused)")
  }

  /// The symmetric blur by the Fourier transform is the convolution with the same kernel as a file.
  @Test func aBlurIsItsConvolution() throws {
    let taps = (-2...2).map { exp(-0.5 * Double($0 * $0) / 0.49) }
    let sum = taps.reduce(0, +)
    var kernel = taps.flatMap { a in taps.map { a * $0 / (sum * sum) } }
    let x = wave([2, 3, 7, 9], 0.37, 0.2)
    let blurred = try made("[blur: {sigma: 0.7, size: 5}]", [3, 7, 9]).forward(x)
    kernel[0] += 1e-9  // no longer symmetric: convolved directly
    try NPY.write(Tensor(kernel, shape: [5, 5]), to: folder.file("k.npy"))
    expectClose(try made("[blur: {kernel: k.npy}]", [3, 7, 9]).forward(x), blurred, relative: 1e-8)
  }

  static let operators: [(steps: String, shape: [Int], complex: Bool)] = [
    ("identity", [5], false), ("[scale: -2.5, identity]", [3, 4], true), ("[blur: {sigma: 0.5}]", [9, 8], false),
    ("[blur: {sigma: 0.5, boundary: zero}, downsample: 3]", [9, 8], false), ("[blur: {sigma: 0.5}]", [3, 9, 8], false),
    ("[blur: {sigma: 0.5}, downsample: 2]", [7, 9], true), ("[mask: {keep: 0.4, seed: 3}]", [3, 6, 5], false),
    ("[mask: {keep: 0.4}]", [6, 5], true), ("fourier", [6, 5], false), ("fourier", [6, 5], true),
    ("[fourier, undersample: {ratio: 0.4}]", [8, 6], false), ("[fourier, undersample: {ratio: 0.4}]", [8, 6], true),
    ("[coils: 3, fourier, undersample: {ratio: 0.5, pattern: cartesian}]", [8, 6], true),
    ("[coils: 3, fourier, undersample: {ratio: 0.5, pattern: random}]", [8, 6], false), ("[coils: 2, fourier]", [5, 6], true),
    ("[coils: 2, scale: 2, fourier, scale: 3, undersample: {ratio: 0.5}]", [8, 6], true),
    ("[beams: {views: 7}]", [9, 9], false), ("[beams: {geometry: fan, views: 5, axis-offset: 3}]", [9, 9], false),
    ("[wavelet: db2]", [16, 8], false), ("[wavelet: {filter: haar, levels: 2}, mask: {keep: 0.5}]", [8, 8], true),
    ("gradient", [5, 4], false), ("gradient", [5, 4], true), ("[blocks: {ratio: 0.5, side: 4}]", [9, 10], false),
    ("[hadamard: {ratio: 0.3}]", [4, 8], false),
    ("[sum: [[identity], [scale: 3, blur: {sigma: 0.4}]]]", [6, 7], false),
    ("[stack: [[blur: {sigma: 0.4}, downsample: 2], [mask: {keep: 0.5}], gradient]]", [6, 7], false),
    ("[stack: [fourier, [fourier, undersample: {ratio: 0.5}]], scale: 2]", [6, 7], true),
  ]

  /// The dot test, (AᴴA + ρ)⁻¹ as it says, ‖A‖² as a bound, in double precision; single is near.
  @Test(arguments: operators.indices) func areLinear(_ i: Int) throws {
    let (steps, shape, isComplex) = Self.operators[i]
    let description = try described("complex: \(isComplex)\noperator: \(steps)")
    let A = try description.made(shape: shape, precision: .double)
    func check<Signal: ImageSpace, Measurement: ImageSpace>(_: Signal.Type, _: Measurement.Type) {
      let A = OnArrays<Signal, Measurement>(A)
      #expect(A.adjointError(domain: [2] + shape, codomain: [2] + A.codomainShape, seed: 3) < 1e-13, "\(steps)")
      var generator = RandomGenerator(seed: 4)
      let x = Signal(numbers: .normal([1] + A.A.domain.numbers, using: &generator), shape: [1] + shape)
      let image = A.forward(x)
      #expect(image.inner(image) <= 1.0001 * A.lipschitz * x.inner(x), "\(steps)")
      let solved = A.solveNormalEquations(A.adjoint(image) + 0.3 * x, penalty: 0.3)
      #expect(relativeError(solved, x) < 1e-9, "\(steps)")
    }
    switch (A.domain.isComplex, A.codomain.isComplex) {
    case (false, false): check(Tensor.self, Tensor.self)
    case (false, true): check(Tensor.self, ComplexTensor.self)
    case (true, true): check(ComplexTensor.self, ComplexTensor.self)
    case (true, false): Issue.record("\(steps): from complex to real numbers")
    }
    var generator = RandomGenerator(seed: 5)
    let x = Tensor.normal([1] + A.domain.numbers, using: &generator)
    let single = try description.made(shape: shape, precision: .single).forward(x.converted(to: .single))
    #expect(single.precision == .single && relativeError(single.converted(to: .double), A.forward(x)) < 1e-5, "\(steps)")
  }

  /// What measures nothing is neither counted nor noisy.
  @Test func whatIsMeasuredIsCounted() throws {
    let A = try made("[mask: {keep: 0.3, seed: 7}]", [20, 20])
    let support = try #require(A.support)
    #expect(A.measuredCount == support.count { $0 == 1 } && (80...160).contains(A.measuredCount))
    var generator = RandomGenerator(seed: 1)
    let y = Noise.deviation(0.5).added(to: .zeros([1, 20, 20]), support: support, using: &generator).doubles
    #expect(zip(y, support).allSatisfy { ($0 == 0) == ($1 == 0) })
    let spread = (y.reduce(0) { $0 + $1 * $1 } / Double(A.measuredCount)).squareRoot()
    #expect((0.4...0.6).contains(spread))
  }

  @Test func mistakesNameTheLine() throws {
    try NPY.write(wave([4, 6], 0.3, 0.1), to: folder.file("A.npy"))
    try NPY.write(Tensor([1, .nan, 0, 2], shape: [2, 2]), to: folder.file("nan.npy"))
    for (text, line, words) in [
      ("operator: [blurr: {sigma: 1}]", 1, "did you mean blur?"),
      ("operator:\n  - blur: {sigma: 1, sise: 3}", 2, "did you mean size?"),
      ("operator:\n  - blur: {sigma: -1}", 2, "found sigma “-1”"), ("operator:\n  - blur: {}", 2, "neither sigma nor kernel"),
      ("operator:\n  - blur: {kernel: nothing.npy}", 2, "nothing.npy"), ("operator:\n  - fourier: 3", 2, "takes none"),
      ("shape: [8, 8]\noperator:\n  - matrix: A.npy", 3, "expected 6 numbers"),
      ("shape: [6]\noperator:\n  - matrix: A.npy\n  - downsample: 2", 4, "found vectors of 4 numbers before downsample"),
      ("operator:\n  - matrix: nan.npy", 2, "found nan in row 1, column 2"),
      ("shape: [8, 8]\noperator:\n  - undersample: {ratio: 0.5}", 3, "put fourier before it"),
      ("shape: [8, 8]\noperator:\n  - sum: [[identity], [downsample: 2]]", 3, "[8, 8] and [4, 4]"),
      ("operator:\n  - blur: {sigma: 1}\n    downsample: 2", 2, "found 2 keys in one step"),
      ("shape: [8]\noperator:\n  - hadamard: {rows: 9}", 3, "found 9 rows of a transform of 8"),
      ("shape: [6]\noperator:\n  - hadamard: {rows: 3}", 3, "power of two"),
      ("noise: {snr: high}\noperator: identity", 1, "found snr “high”"), ("shape: [0, 3]\noperator: identity", 1, "shape"),
      ("shape: [8, 8]\ncomplex: true\noperator:\n  - beams: {views: 3}", 4, "found complex images before beams"),
    ] {
      let found = refusal(InputError.self) { try described(text) }
      #expect(found.contains("o.yaml:\(line): ") && found.contains(words), "\(text.debugDescription): \(found)")
    }
    for (text, words) in [
      ("operator: [blur: {sigma: 1}", "found"), ("", "found no YAML mapping"), ("shape: [3]", "found no operator"),
      ("operatr: identity", "did you mean operator?"),
    ] {
      let found = refusal(InputError.self) { try described(text) }
      #expect(found.contains("o.yaml") && found.contains(words), "\(text.debugDescription): \(found)")
    }
    #expect(refusal(InputError.self) { try OperatorDescription(file: folder.file("none.yaml")) }.contains("cannot be read"))
  }
}
