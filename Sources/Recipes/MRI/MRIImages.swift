// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// An image that is measured in k-space: real, or complex with its phase.
public struct MRIImage: Sendable {
  public let name: String
  /// `[height, width]`, in double precision.
  public let value: NumericArray

  public init(name: String, value: NumericArray) {
    precondition(value.shape.count == 2, "an image of shape \(value.shape)")
    self.name = name
    self.value =
      switch value {
      case .real(let x): .real(x.converted(to: .double))
      case .complex(let z): .complex(ComplexTensor(pairs: z.pairs.converted(to: .double)))
      }
  }

  public var height: Int { value.shape[0] }
  public var width: Int { value.shape[1] }
  public var isComplex: Bool { value.real == nil }

  /// An image file (gray, or the luminance of a colour image), or an array file with one array of two axes.
  ///
  /// - Parameter toMaximum: divides by the largest magnitude, as published evaluations of MRI do.
  /// - Throws: the reader's error; ``RecipeError`` for something else than one image, NaN or infinity.
  public init(_ path: String, toMaximum: Bool) throws {
    let name = (path as NSString).lastPathComponent
    var value: NumericArray
    switch try FileKind.detect(path) {
    case .png, .jpeg, .tiff: value = .real(try readImage(path).grayscale)
    default:
      let arrays = try readArrays(path).filter { $0.value.shape.count == 2 && $0.value.shape.allSatisfy { $0 > 1 } }
      guard arrays.count == 1 else {
        throw RecipeError("\(path): found \(arrays.count) arrays of two axes; expected one, the image: convert it first")
      }
      value = arrays[0].value
    }
    let numbers = value.real ?? value.complex.pairs
    guard numbers.isFinite else { throw RecipeError("\(path): found NaN or infinite pixels; expected finite values in [0, 1]") }
    let largest = value.real?.maximumMagnitude ?? value.complex.maximumMagnitude
    if toMaximum, largest > 0 {
      value =
        switch value {
        case .real(let x): .real((1 / largest) * x.converted(to: .double))
        case .complex(let z): .complex((1 / largest) * z)
        }
    }
    self.init(name: name, value: value)
  }

  /// The images of a folder in the order of their names, images and arrays, or the one file `path` names.
  public static func paths(_ path: String) throws -> [String] {
    try ImageFolder.imagePaths(path, andKinds: ["npy", "mat", "cfl", "nii", "gz", "dcm"])
  }

  /// The slices of a volume for training: along its three axes, every `step`-th, without those of which less than a tenth of the pixels
  /// reach a tenth of the largest value. Each is divided by its own largest value.
  ///
  /// - Throws: the reader's error; ``RecipeError`` for something else than one real volume.
  public static func slices(_ path: String, step: Int) throws -> [Tensor] {
    let arrays = try readArrays(path).filter { $0.value.shape.count == 3 }
    guard arrays.count == 1, let volume = arrays[0].value.real?.converted(to: .double), volume.isFinite else {
      throw RecipeError("\(path): found \(arrays.count) volumes; expected one of real, finite numbers")
    }
    let (values, shape) = (volume.doubles, volume.shape)
    let strides = [shape[1] * shape[2], shape[2], 1]
    var found: [Tensor] = []
    for axis in 0..<3 {
      let (a, b) = axis == 0 ? (1, 2) : axis == 1 ? (0, 2) : (0, 1)
      for k in stride(from: step / 2, to: shape[axis], by: step) {
        var slice: [Double] = []
        slice.reserveCapacity(shape[a] * shape[b])
        for i in 0..<shape[a] {
          for j in 0..<shape[b] { slice.append(max(values[k * strides[axis] + i * strides[a] + j * strides[b]], 0)) }
        }
        let largest = slice.max() ?? 0
        guard largest > 0, 10 * slice.count(where: { $0 >= 0.1 * largest }) >= slice.count else { continue }
        found.append(Tensor(slice.map { $0 / largest }, shape: [shape[a], shape[b]]))
      }
    }
    return found
  }

  /// y = P F x on the whole grid, or P F S x with the maps S of several coils, simulated from `seed`.
  ///
  /// - Parameter noiseDecibel: complex white noise of this signal-to-noise ratio, drawn from `seed` for the image of this number; nil: none.
  public func scan(
    _ mask: SamplingMask, coils: Int = 1, noiseDecibel: Double? = nil, seed: UInt64 = 0, image: Int = 0,
    keepingGroundTruth: Bool = true
  ) -> MRIMeasurement.Scan {
    func samples<Op: KSpaceSampling>(_ A: Op) -> ComplexTensor where Op.Domain == ComplexTensor {
      UndersampledMRI(A, noiseDecibel: noiseDecibel).simulate(value.complex, seed: seed, stream: UInt64(image))
    }
    let kSpace =
      coils == 1
      ? samples(MaskedFourier(mask))
      : samples(SENSE(.simulated(coils: coils, height: height, width: width, seed: seed), mask: mask))
    return MRIMeasurement.Scan(
      name: name, kSpace: ComplexTensor(pairs: kSpace.pairs.reshaped([coils, height, width, 2])), mask: mask,
      isComplex: isComplex || coils > 1,
      groundTruth: !keepingGroundTruth ? nil : coils > 1 && isComplex ? .real(value.complex.magnitude) : value)
  }
}

/// Which frequencies are measured, for images of any size.
public struct MRISampling: Sendable {
  public enum Pattern: Sendable, Equatable {
    /// Straight lines through frequency 0, of a ratio.
    case radial
    /// Random whole columns and a full centre.
    case cartesian
    /// Random frequencies, denser in the middle.
    case random
    /// A file of 0 and 1.
    case file(String)
  }

  public var pattern: Pattern
  /// Nil for a file.
  public var ratio: Double?
  /// Where a file has frequency 0.
  public var order: FrequencyOrder
  public var seed: UInt64

  /// - Throws: ``RecipeError`` when the ratio is missing, or given beside a file.
  public init(_ pattern: Pattern, ratio: Double?, order: FrequencyOrder = .transform, seed: UInt64) throws {
    if case .file = pattern {
      guard ratio == nil else {
        throw RecipeError("found --ratio and a file of a mask; expected one of them, the mask has a ratio of its own")
      }
    } else {
      guard let ratio else { throw RecipeError("found no --ratio; expected one such as --ratio 0.2, or a file as --mask") }
      guard ratio > 0, ratio <= 1 else { throw RecipeError("found --ratio \(ratio); expected more than 0 and at most 1") }
    }
    self.pattern = pattern
    self.ratio = ratio
    self.order = order
    self.seed = seed
  }

  /// In words, for answers and recipes.
  public var name: String {
    switch pattern {
    case .radial: "radial"
    case .cartesian: "cartesian"
    case .random: "random"
    case .file(let path): (path as NSString).lastPathComponent
    }
  }

  public func mask(height: Int, width: Int) throws -> SamplingMask {
    switch pattern {
    case .radial: return try .pseudoRadial(height: height, width: width, ratio: ratio!)
    case .cartesian:
      let centre = max(1, Int((0.32 * ratio! * Double(width)).rounded()))  // the share of fastMRI's masks
      return try .cartesian(height: height, width: width, ratio: ratio!, centreLines: centre, seed: seed)
    case .random: return try .variableDensity(height: height, width: width, ratio: ratio!, seed: seed)
    case .file(let path):
      let values = try readTable(path, names: ["mask", "mask_matrix", "Umask"])
      return try SamplingMask(values: values, height: height, width: width, order: order, name: path)
    }
  }
}

extension MRISampling {
  /// The mask of every image, made once for each size.
  func masks(of images: [MRIImage]) throws -> [SamplingMask] {
    var known: [SamplingMask] = []
    return try images.map { image in
      if let mask = known.first(where: { $0.height == image.height && $0.width == image.width }) { return mask }
      known.append(try mask(height: image.height, width: image.width))
      return known.last!
    }
  }
}

/// Scores of a method of compressive-sensing MRI on images that it measures itself.
public struct MRIEvaluation: Sendable {
  public var method: MRIMethod
  public var sampling: MRISampling
  public var options: MRISolver.Options
  /// Simulated receive coils.
  public var coils = 1
  public var noiseDecibel: Double?
  public var seed: UInt64
  public var library: ModelLibrary

  public init(
    _ method: MRIMethod, sampling: MRISampling, options: MRISolver.Options = .init(), noiseDecibel: Double? = nil, seed: UInt64,
    library: ModelLibrary = .standard
  ) {
    self.method = method
    self.sampling = sampling
    self.options = options
    self.noiseDecibel = noiseDecibel
    self.seed = seed
    self.library = library
  }

  /// Every image measured, reconstructed and scored against itself, of complex ones the magnitudes; images are spread over the threads.
  ///
  /// - Parameter clip: estimates clipped to [0, 1] first; nil: as the method's authors do.
  public func run(images: [MRIImage], clip: Bool? = nil) throws -> EvaluationReport {
    let clips = clip ?? method.clips
    let solvers = try self.solvers(for: images)
    let scores = try Parallel.map(images.count) { index in
      let (image, solver) = (images[index], solvers[index])
      let scan = image.scan(solver.mask, coils: coils, noiseDecibel: noiseDecibel, seed: seed, image: index)
      let begin = Date()
      let estimate = try solver.image(of: scan)
      let seconds = Date().timeIntervalSince(begin)
      var found = try estimate.scores(scan.groundTruth!, clip: clips)
      found.seconds = seconds
      return EvaluationReport.ImageScore(name: image.name, scores: found)
    }
    guard let solver = solvers.first else { throw RecipeError("found no image; expected at least one") }
    return try EvaluationReport(
      method: method.rawValue,
      problem: .object([
        "name": .string(ProblemKind.mri.rawValue), "mask": .string(sampling.name), "ratio": .number(solver.mask.ratio),
        "complex": .bool(solver.isComplex), "coils": .integer(coils), "noise_snr": noiseDecibel.map(JSONValue.number),
      ]), protocol: ScoringProtocol(clip: clips, peak: 1, ssim: .uniform7), images: scores, parameters: solver.parameterCount,
      weights: solver.weights, seed: seed)
  }

  /// The solver of every image, one for all that share a mask.
  private func solvers(for images: [MRIImage]) throws -> [MRISolver] {
    var known: [MRISolver] = []
    return try images.map { image in
      let isComplex = image.isComplex || coils > 1
      if let solver = known.first(where: {
        $0.mask.height == image.height && $0.mask.width == image.width && $0.isComplex == isComplex
      }) {
        return solver
      }
      let solver = try MRISolver(
        method, mask: sampling.mask(height: image.height, width: image.width), isComplex: isComplex, ratio: sampling.ratio,
        options: options, library: library)
      known.append(solver)
      return solver
    }
  }
}

extension MRIMethod {
  /// Whether published figures clip estimates to [0, 1] first.
  public var clips: Bool { self == .istaNet || self == .istaNetPlus || self == .scNet }
}

extension Scores {
  /// Of a complex image, whose PSNR and SSIM are of the magnitudes.
  static func ofComplex(_ z: ComplexTensor, _ truth: ComplexTensor, clip: Bool) throws -> Scores {
    var scores = try ofImage(z.magnitude, truth.magnitude, clip: clip)
    scores.nmse = (z - truth).norm / truth.norm
    return scores
  }
}

extension ComplexTensor {
  /// |z|.
  public var magnitude: Tensor { rootSumOfSquares(ComplexTensor(pairs: pairs.reshaped([1] + pairs.shape))) }
}

extension Tensor {
  /// An image `[h, w]` in the middle of one of another size: cut, or zeros around it.
  public func centred(height: Int, width: Int) -> Tensor {
    let (h, w) = (shape[0], shape[1])
    let (v, top, left) = (doubles, (height - h) / 2, (width - w) / 2)
    var out = [Double](repeating: 0, count: height * width)
    for i in 0..<height where (0..<h).contains(i - top) {
      for j in 0..<width where (0..<w).contains(j - left) { out[i * width + j] = v[(i - top) * w + j - left] }
    }
    return Tensor(out, shape: [height, width], precision: precision)
  }
}

extension NumericArray {
  /// An image `[h, w]` in the middle of one of another size: cut, or zeros around it.
  public func centred(height: Int, width: Int) -> NumericArray {
    func centred<Space: ImageSpace>(_ x: Space) -> Space {
      Space(separateParts: x.separateParts.map { $0.centred(height: height, width: width) })
    }
    switch self {
    case .real(let x): return .real(centred(x))
    case .complex(let z): return .complex(centred(z))
    }
  }
}
