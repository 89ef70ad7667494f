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
  private let kind: Kind
  /// Stages that are run.
  public let depth: Int
  /// The file of weights; nil for a classical method and for an untrained network.
  public let weights: String?

  private enum Kind: Sendable {
    case classical(ClassicalMRI)
    case real(any Network<ComplexTensor, Tensor>)
    case complex(any Network<ComplexTensor, ComplexTensor>)
  }

  /// A classical method with its parameters; nil for a network.
  public var classical: ClassicalMRI? { if case .classical(let method) = kind { method } else { nil } }

  /// The network, of whatever spaces; nil for a classical method.
  public var network: (any Network)? {
    switch kind {
    case .classical: nil
    case .real(let network): network
    case .complex(let network): network
    }
  }

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
      (kind, weights, depth) = (.classical(try ClassicalMRI(method, options)), nil, 0)
      guard method != .recPF || OrthonormalWavelet<Tensor>.deepest(height: mask.height, width: mask.width) > 0 else {
        throw RecipeError(
          "found images of \(mask.height) × \(mask.width) for recpf, whose wavelets halve them; expected even sizes, use tv or sidwt"
        )
      }
      return
    }
    try ClassicalMRI.refuse(options, for: method)
    func made(_ shape: MRIArchitecture, _ stored: Weights?, _ path: String) throws -> Kind {
      if isComplex, let network = method.network(to: ComplexTensor.self, mask: mask, shape, seed: 0) {
        return .complex(try stored?.filled(any: network, file: path) ?? network)
      }
      guard !isComplex, let network = method.network(to: Tensor.self, mask: mask, shape, seed: 0) else {
        throw RecipeError(
          "found complex images for \(method.rawValue), which is for real ones; expected another network or a classical method"
        )
      }
      return .real(try stored?.filled(any: network, file: path) ?? network)
    }
    if options.isUntrained {
      let shape = MRIArchitecture(method, depth: options.depth)
      (kind, weights, depth) = (try made(shape, nil, ""), nil, shape.depth)
      return
    }
    let shipped = library.mri(method, ratio: ratio ?? mask.ratio, isComplex: isComplex)
    let path = try options.weights ?? library.existing(shipped, instead: "--weights")
    let stored = try Weights(anyFile: path).withHouseNames
    _ = try stored.recipe(of: method.rawValue, for: .mri, file: path)
    guard let shape = MRIArchitecture(of: stored, method) else {
      throw RecipeError("\(path): found no parameters of \(method.rawValue); expected its weights, choose others")
    }
    if let wanted = options.depth, wanted > shape.depth {
      throw RecipeError("\(path): found weights of \(shape.depth) stages; expected --depth up to \(shape.depth), not \(wanted)")
    }
    kind = try made(shape, stored, path)
    weights = path
    depth = options.depth ?? shape.depth
  }

  /// Images `[batch, h, w]` from k-space `[batch, h, w]` on the whole grid, in double precision; samples are spread over the threads,
  /// results do not depend on their number.
  public func solve(_ kSpace: ComplexTensor) -> NumericArray {
    precondition(kSpace.shape.suffix(2) == [mask.height, mask.width] && kSpace.shape.count == 3, "k-space of \(kSpace.shape)")
    func each<Space: Batched>(in precision: Precision, _ solve: @Sendable (ComplexTensor) -> Space) -> Space {
      .concatenatedGroups(count: kSpace.sampleCount, size: 1) {
        solve(kSpace.rows($0).converted(to: precision)).converted(to: .double)
      }
    }
    switch kind {
    case .classical(let method) where isComplex: return .complex(each(in: .double) { method.images(mask, $0) as ComplexTensor })
    case .classical(let method): return .real(each(in: .double) { method.images(mask, $0) as Tensor })
    case .real(let network): return .real(each(in: method.precision) { network($0, stages: depth) })
    case .complex(let network): return .complex(each(in: method.precision) { network($0, stages: depth) })
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
    let image: NumericArray =
      switch solve(scan.kSpace) {
      case .real(let x): .real(x.row(0))
      case .complex(let z): .complex(ComplexTensor(pairs: z.pairs.row(0)))
      }
    return MRIEstimate(value: image, scan)
  }

  /// The estimates after every stage of a network to real images, of one measurement `[1, h, w]`.
  public func trace(_ kSpace: ComplexTensor) -> [Tensor] {
    guard case .real(let network) = kind else { return [] }
    return Array(network.trace(kSpace.converted(to: method.precision)).prefix(depth))
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
        value.centred(height: size[0], width: size[1])
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
  init?(of weights: Weights, _ method: MRIMethod) {
    self.init(method)
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
