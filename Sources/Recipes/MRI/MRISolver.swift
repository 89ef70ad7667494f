// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Evaluation
import FileFormats
import Networks
import Operators
import Tensors
import Training

/// Any method of compressive-sensing MRI made ready for one mask: a classical algorithm, or a network with its weights.
public struct MRISolver: Sendable {
  /// What may be chosen; nil takes the default.
  public struct Options: Sendable {
    /// Stages of a network; all that its weights have by default.
    public var depth: Int?
    /// A file of weights; those that ship by default.
    public var weights: String?
    /// True for a network as it is before training.
    public var isUntrained = false
    /// λ of a classical method.
    public var weight: Double?
    /// ρ of a classical method.
    public var penalty: Double?
    /// Iterations of a classical method.
    public var iterations: Int?
    /// The wavelet of sidwt and recpf.
    public var wavelet: WaveletFilter?
    /// Its levels.
    public var levels: Int?
    public init() {}
  }

  public let method: MRIMethod
  public let mask: SamplingMask
  /// True for complex images, false for real ones.
  public let isComplex: Bool
  /// Nil for a classical method.
  public let network: (any TensorNetwork)?
  /// Stages that are run.
  public let depth: Int
  /// The file of weights; nil for a classical method and for an untrained network.
  public let weights: String?

  /// A classical method with its parameters; nil for a network.
  public let classical: ClassicalMRI?

  /// Number of learnable numbers.
  public var parameterCount: Int { network?.parameterCount ?? 0 }

  /// - Parameter ratio: the nominal ratio of the mask, by which the weights that ship are named.
  /// - Throws: ``RecipeError`` when an option is not for the method, or the weights are another network's.
  public init(
    _ method: MRIMethod, mask: SamplingMask, isComplex: Bool = false, ratio: Double? = nil, options: Options = Options(),
    library: ModelLibrary = .standard
  ) throws {
    self.method = method
    self.mask = mask
    self.isComplex = isComplex
    if let depth = options.depth, !(1...1000).contains(depth) { throw RecipeError("found --depth \(depth); expected 1 to 1000") }
    guard method.isTrained else {
      for (name, isGiven) in [("--weights", options.weights != nil), ("--depth", options.depth != nil)] where isGiven {
        throw RecipeError("found \(name) for \(method.rawValue), a classical method; leave it out")
      }
      (network, weights, depth) = (nil, nil, 0)
      classical = try ClassicalMRI(method, options)
      guard method != .recPF || OrthonormalWavelet<Tensor>.deepest(height: mask.height, width: mask.width) > 0 else {
        throw RecipeError(
          "found images of \(mask.height) × \(mask.width) for recpf, whose wavelets halve them; expected even sizes, use tv or sidwt"
        )
      }
      return
    }
    classical = nil
    try ClassicalMRI.refuse(options, for: method)
    guard !isComplex || method == .admmCSNet else {
      throw RecipeError(
        "found complex images for \(method.rawValue), which is for real ones; expected admm-csnet or a classical method")
    }
    if options.isUntrained {
      let shape = MRIArchitecture(method, depth: options.depth, isComplex: isComplex)
      (network, weights, depth) = (method.network(mask: mask, shape, seed: 0), nil, shape.depth)
      return
    }
    let shipped = library.mri(method, ratio: ratio ?? mask.ratio, isComplex: isComplex)
    let path = try options.weights ?? library.existing(shipped, instead: "--weights")
    let stored = try Weights(anyFile: path).withHouseNames
    _ = try stored.recipe(of: method.rawValue, for: .mri, file: path)
    guard let shape = MRIArchitecture(of: stored, method, isComplex: isComplex) else {
      throw RecipeError("\(path): found no parameters of \(method.rawValue); expected its weights, choose others")
    }
    if let wanted = options.depth, wanted > shape.depth {
      throw RecipeError("\(path): found weights of \(shape.depth) stages; expected --depth up to \(shape.depth), not \(wanted)")
    }
    network = try stored.filled(any: method.network(mask: mask, shape, seed: 0)!, file: path)
    weights = path
    depth = options.depth ?? shape.depth
  }

  /// Images from k-space `[batch, h, w]` on the whole grid: `[batch, h, w]`, of complex images pairs `[batch, h, w, 2]`, in double
  /// precision; samples are spread over the threads, results do not depend on their number.
  public func solve(_ kSpace: ComplexTensor) -> Tensor {
    precondition(kSpace.shape.suffix(2) == [mask.height, mask.width] && kSpace.shape.count == 3, "k-space of \(kSpace.shape)")
    return Tensor.concatenatedGroups(count: kSpace.shape[0], size: 1) { rows in
      let pairs = kSpace.pairs.rows(rows)
      if let network { return network(pairs.converted(to: method.precision), stages: depth).converted(to: .double) }
      let double = ComplexTensor(pairs: pairs.converted(to: .double))
      return isComplex ? classical!.complex(mask, double).pairs : classical!.real(mask, double)
    }
  }

  /// The image of one measurement.
  ///
  /// - Parameter maps: of its coils; estimated from the centre of k-space where none are given.
  /// - Throws: ``RecipeError`` when a method is for one coil, and for k-space that maps cannot be estimated from.
  public func image(of scan: MRIMeasurement.Scan, maps: CoilSensitivities? = nil) throws -> MRIEstimate {
    precondition(scan.mask == mask, "a measurement by another mask")
    guard scan.coils == 1 else { return MRIEstimate(value: try coilsCombined(scan, maps), scan) }
    guard maps == nil else { throw RecipeError("\(scan.name): found --maps and one coil; expected several, leave --maps out") }
    let found = solve(scan.kSpace)
    let shape = [mask.height, mask.width]
    return MRIEstimate(
      value: isComplex ? .complex(ComplexTensor(pairs: found.reshaped(shape + [2]))) : .real(found.reshaped(shape)), scan)
  }

  /// The estimates after every stage of a network, of one measurement `[1, h, w]`.
  public func trace(_ kSpace: ComplexTensor) -> [Tensor] {
    network.map { Array($0.trace(kSpace.pairs.converted(to: method.precision)).prefix(depth)) } ?? []
  }
}

/// An image made of k-space.
public struct MRIEstimate: Sendable {
  /// `[h, w]`, real or complex, at most about 1.
  public let value: NumericArray
  private let scale: Double

  /// The part in the middle that is wanted of a scan.
  init(value: NumericArray, _ scan: MRIMeasurement.Scan) {
    scale = scan.scale
    self.value =
      if let size = scan.wanted {
        switch value {
        case .real(let x): .real(x.centred(height: size[0], width: size[1]))
        case .complex(let z):
          .complex(
            ComplexTensor(
              real: z.real.centred(height: size[0], width: size[1]), imaginary: z.imaginary.centred(height: size[0], width: size[1])
            ))
        }
      } else { value }
  }

  /// In the units of the file that was reconstructed.
  public var inFileUnits: NumericArray {
    switch value {
    case .real(let x): .real(scale * x)
    case .complex(let z): .complex(scale * z)
    }
  }

  /// What is shown: a real image, or the magnitude of a complex one.
  public var display: Tensor { value.real ?? value.complex.magnitude }

  /// Scores against the image that was measured, or against its magnitude.
  public func scores(_ groundTruth: NumericArray, clip: Bool) throws -> Scores {
    if let truth = groundTruth.real { return try Scores.ofImage(display, truth, clip: clip) }
    return try Scores.ofComplex(value.complex, groundTruth.complex, clip: clip)
  }
}

extension MRIArchitecture {
  /// Of weights under the names of this package; nil when they are not the method's.
  init?(of weights: Weights, _ method: MRIMethod, isComplex: Bool) {
    self.init(method, isComplex: isComplex)
    let key =
      switch method {
      case .admmNet: "prior.values"
      case .admmCSNet: "prior.analysis"
      case .scNet: "first.weight"
      default: "analysis.1"
      }
    guard let (stages, first) = weights.stages(with: key) else { return nil }
    depth = stages
    switch method {
    case .admmNet:
      guard first.count == 2 else { return nil }
      knots = first[1]
      filterSize = Int(Double(first[0] + 1).squareRoot().rounded())
      guard filterSize * filterSize == first[0] + 1, filterSize % 2 == 1, (2...1024).contains(knots) else { return nil }
    case .admmCSNet:
      guard first.count == 4, first[2] == first[3] else { return nil }
      (channels, filterSize) = (first[0], first[2])
      learnsSlopes = weights.stages(with: "prior.slopes") != nil
    default:
      guard first.count == 4, first[0] == first[1] else { return nil }
      channels = first[0]
    }
  }
}

extension ModelLibrary {
  /// The weights of a network for MRI at a ratio of pseudo-radial sampling.
  ///
  /// - Parameter trainedOn: the organ of the training images, where there are weights of several.
  public func mri(_ method: MRIMethod, ratio: Double, isComplex: Bool = false, trainedOn: String? = nil) -> String {
    let organ = trainedOn.map { "\($0)-" } ?? ""
    return file("cs-mri/\(method.rawValue)-\(organ)\(Int((100 * ratio).rounded()))\(isComplex ? "-complex" : "")")
  }
}
