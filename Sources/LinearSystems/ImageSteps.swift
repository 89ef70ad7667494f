// SPDX-License-Identifier: Apache-2.0
import Platform
import Operators
import Problems
import Tensors

// Steps that images stay images after: a blur, fewer pixels, a mask, wavelets.

extension OperatorStep {
  static func plainStep(_ reader: DescriptionReader, files: [String?] = [], _ make: @escaping Making) -> OperatorStep {
    OperatorStep(name: reader.name, place: reader.place, kind: .other(make), files: files.compactMap { $0 })
  }

  /// Convolution with a kernel, Gaussian or from a file, as scipy.ndimage.convolve has it; the image goes on periodically, or is 0 outside. A
  /// kernel that is a picture is divided by its sum.
  @Sendable static func blur(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("sigma", "size", "kernel", "boundary")
    enum Boundary: String, CaseIterable { case periodic, zero }
    let boundary = try reader.choice("boundary", Boundary.self) ?? .periodic
    let file = try reader.file("kernel")
    let kernel: Tensor
    if let file {
      kernel = try reader.located("kernel") { try reader.source.kernel(file) }
    } else {
      guard let sigma = try reader.number("sigma", 1e-3...1e3) else {
        throw reader.error("found neither sigma nor kernel for blur; expected one, such as {sigma: 1.6}")
      }
      let size = try reader.integer("size", 1...2047) ?? 2 * Int((4 * sigma).rounded(.up)) + 1
      guard size % 2 == 1, size <= 2047 else {
        throw reader.error("found size \(size) for blur; expected an odd one of at most 2047", at: "size")
      }
      let taps = (-(size / 2)...size / 2).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
      let sum = taps.reduce(0, +)
      kernel = Tensor(taps.flatMap { a in taps.map { a * $0 / (sum * sum) } }, shape: [size, size])
    }
    guard kernel.shape.allSatisfy({ $0 % 2 == 1 && $0 <= 2047 }), kernel.maximumMagnitude > 0 else {
      throw reader.error(
        "found a kernel of shape \(kernel.shape); expected odd extents of at most 2047, not all zeros", at: "kernel")
    }
    let turned = Tensor(kernel.doubles.reversed(), shape: [1] + kernel.shape)
    return plainStep(reader, files: [file]) { [place = reader.place] space, precision in
      let (h, w) = try images(space, place, "blur")
      guard boundary == .zero || (kernel.shape[0] <= h && kernel.shape[1] <= w) else {
        throw InputError("\(place): found a kernel of \(kernel.shape) for images of \(h) × \(w); expected a smaller one")
      }
      func periodic<Space: ImageSpace>(_: Space.Type) -> ArrayOperator? {
        PeriodicFilter<Space>(kernel: kernel, height: h, width: w).map {
          ArrayOperator($0, from: space.shape, to: space.shape, bound: $0.lipschitz, solves: true)
        }
      }
      if boundary == .periodic, let filter = space.isComplex ? periodic(ComplexTensor.self) : periodic(Tensor.self) {
        return filter
      }
      let A = Convolution2D(
        kernels: turned.converted(to: precision), height: h, width: w, boundary: boundary == .zero ? .zero : .circular)
      let maps = space.shape.dropLast(2) + [1, h, w]  // one of them
      let whole = ArrayOperator(onEachPart: A, of: space, to: Array(maps), bound: A.lipschitz).reshaped(to: space.shape)
      guard boundary == .periodic, !space.isComplex else { return whole }
      let gain = kernelSpectrum(kernel, height: h, width: w).map { ($0 * $0).sum() }  // |k̂|²
      return ArrayOperator(
        from: space, to: space, bound: A.lipschitz,
        solve: { b, penalty in b.spectrallyFiltered(by: gain.map { 1 / ($0 + penalty) }, height: h, width: w) },
        forward: whole.forward, adjoint: whole.adjoint)
    }
  }

  @Sendable static func downsample(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("factor")
    guard let factor = try reader.integer("factor", 1...64) else {
      throw reader.error("found no factor for downsample; expected one, such as “downsample: 2”")
    }
    return plainStep(reader) { [place = reader.place] space, _ in
      let (h, w) = try images(space, place, "downsample")
      let A = Decimation(height: h, width: w, factor: factor)
      let to = space.shape.dropLast(2) + A.codomainShape
      return ArrayOperator(onEachPart: A, of: space, to: Array(to), bound: 1, solves: true)
    }
  }

  /// Pixels that are seen: a picture or an array of 0 and 1, or a share of the pixels drawn from a seed; of any extent where it is drawn.
  @Sendable static func mask(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("file", "keep", "seed")
    let file = try reader.file("file")
    let given: Tensor? = try file.map { file in
      try reader.located("file") { try reader.source.image(file).map { $0 >= 0.5 ? 1 : 0 } }
    }
    let keep = try reader.number("keep", 1e-6...1)
    let seed = UInt64(try reader.integer("seed", 0...Int.max) ?? 1)
    guard (given == nil) != (keep == nil) else {
      throw reader.error(
        "found \(given == nil ? "neither" : "both") a file and a share for mask; expected one, such as {keep: 0.2}")
    }
    return plainStep(reader, files: [file]) { [place = reader.place] space, _ in
      let (h, w) = try images(space, place, "mask")
      var plane: Tensor
      if let given {
        plane = given
      } else {
        var generator = RandomGenerator(seed: seed)
        plane = Tensor.uniform([h, w], using: &generator).map { $0 < keep ?? 1 ? 1 : 0 }
      }
      guard plane.shape == [h, w] else {
        throw InputError("\(place): found a mask of \(plane.shape) for images of \(h) × \(w); expected one of their extent")
      }
      let support = support(plane.doubles, space)
      return space.isComplex
        ? ArrayOperator(
          PixelWeights<ComplexTensor>(plane), from: space.shape, to: space.shape, bound: 1, support: support, solves: true)
        : ArrayOperator(PixelWeights<Tensor>(plane), from: space.shape, to: space.shape, bound: 1, support: support, solves: true)
    }
  }

  @Sendable static func wavelet(_ reader: DescriptionReader) throws -> OperatorStep {
    try reader.expect("filter", "levels")
    let filter = try reader.text("filter").map { name in
      guard let filter = WaveletFilter(name: name) else {
        throw reader.error(
          "found the filter “\(name)”; expected \(WaveletFilter.allCases.map(\.name).joined(separator: ", "))", at: "filter")
      }
      return filter
    }
    let levels = try reader.integer("levels", 1...16)
    return plainStep(reader) { [place = reader.place] space, _ in
      let (h, w) = try images(space, place, "wavelet")
      let deepest = OrthonormalWavelet<Tensor>.deepest(height: h, width: w)
      guard (1...max(deepest, 1)).contains(levels ?? 1), deepest > 0 else {
        throw InputError("\(place): found \(levels ?? 1) levels of wavelets for \(h) × \(w); expected extents that halve so often")
      }
      func made<Space: ImageSpace>(_: Space.Type) -> ArrayOperator {
        ArrayOperator(
          OrthonormalWavelet<Space>(height: h, width: w, filter: filter ?? .daubechies4, levels: levels ?? min(deepest, 4)),
          from: space.shape, to: space.shape, isUnitary: true)
      }
      return space.isComplex ? made(ComplexTensor.self) : made(Tensor.self)
    }
  }
}
