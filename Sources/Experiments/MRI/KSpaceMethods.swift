// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import Denoisers
import FileFormats
import Networks
import Operators
import Problems
import Tensors
import Training

extension KSpace {
  /// Parameters of classical methods, for images whose largest magnitude is 1; nil takes the method's.
  public struct Knobs: Settings {
    /// λ; of RecPF that of the gradient, the wavelets' is a tenth of it.
    public var lambda: Double?
    /// ρ.
    public var penalty: Double?
    public var iterations: Int?
    public var wavelet: WaveletFilter?
    public var levels: Int?
    /// What the largest magnitude of images is taken for; nil: estimated from every measurement.
    public var scale: Double?
    public init() {}
  }

  /// Values by scans of mean PSNR on training images, test images unseen:
  ///
  /// - `tv`, ρ = 0.02, six chests: 35.52, 35.53, 35.38 dB at 20 % for λ = 3e-4, 1e-3, 3e-3; 45.41, 45.00 dB at 50 % for 3e-4, 1e-3. Between
  ///   the first two.
  /// - `sidwt`, six slices of a head and four chests at 20 / 50 %, (λ, ρ) and 4 levels: filters of length 4, (7e-5, 0.02) 32.52 / 44.73 dB,
  ///   (1e-4, 0.03) 32.51 / 44.71 dB, (5e-5, 0.015) 32.52 / 44.73 dB, 3 levels 32.41 / 44.70 dB; of length 6, (1e-4, 0.03) 32.36 / 44.70 dB;
  ///   Haar, (1e-4, 0.03) 32.35 / 44.68 dB, (3e-4, 0.1) 32.34 / 44.44 dB. A weight that falls with the level, as the atoms' norms do, loses
  ///   0.1 to 0.2 dB.
  /// - `pfista`, five slices of heads and three chests at 20 / 50 %, filters of length 4, 4 levels: 30.83 / 39.81 dB for λ = 1e-4, 30.86 / 39.71 dB
  ///   for 3e-4, 30.77 / 39.32 dB for 1e-3; `sidwt` on the same 30.86 / 39.78 dB. Between the first two.
  /// - `recpf` takes those of `tv`; λ from 5e-4 to 2e-3 changes 0.06 dB at 20 %.
  private struct Parameters {
    var (lambda, penalty, iterations) = (5e-4, 0.02, 100)
    /// ρ for several coils, whose x-update is by iterations and cheaper the larger it is.
    var penaltyOfCoils = 0.05
    var (wavelet, levels) = (WaveletFilter.haar, 4)
    var scale: Double?

    static let undecimated = Parameters(lambda: 7e-5, penalty: 0.02, iterations: 80, wavelet: .daubechies4)
    static let projected = Parameters(lambda: 2e-4, penalty: 1, iterations: 100, wavelet: .daubechies4)

    init() {}
    private init(lambda: Double, penalty: Double, iterations: Int, wavelet: WaveletFilter) {
      (self.lambda, self.penalty, self.iterations, self.wavelet) = (lambda, penalty, iterations, wavelet)
    }

    func with(_ knobs: Knobs) throws -> Parameters {
      for (name, value) in [("lambda", knobs.lambda), ("penalty", knobs.penalty), ("scale", knobs.scale)] {
        if let value, !(value > 0 && value.isFinite) { throw InputError("found --\(name) \(value); expected more than 0") }
      }
      if let count = knobs.iterations, !(1...1_000_000).contains(count) {
        throw InputError("found --iterations \(count); expected 1 to 1 000 000")
      }
      if let levels = knobs.levels, !(1...10).contains(levels) { throw InputError("found --levels \(levels); expected 1 to 10") }
      var result = self
      (result.lambda, result.iterations) = (knobs.lambda ?? lambda, knobs.iterations ?? iterations)
      (result.penalty, result.penaltyOfCoils) = (knobs.penalty ?? penalty, knobs.penalty ?? penaltyOfCoils)
      result.scale = knobs.scale
      (result.wavelet, result.levels) = (knobs.wavelet ?? wavelet, knobs.levels ?? levels)
      return result
    }
  }

  public static var methods: [Method<KSpace>] { classicalMethods + networks }

  private static var classicalMethods: [Method<KSpace>] {
    [
      Method(
        "zero-filling", "The inverse transform, zeros where nothing was measured",
        source: "Bernstein, Fain & Riederer, J. Magn. Reson. Imaging 14 (2001)"
      ) { system, _ in
        func adjoint<Space: NumberSpace>(_: Space.Type) -> Reconstructor<KSpace> {
          reconstructor("zero-filling", coils: { .real(rootSumOfSquares(inverseFFT2($0.kSpace))) }) {
            Space.sampling(system.mask).adjoint($0).stored
          }
        }
        return adjoint(system.space)
      },
      Method(
        "tv", "Total variation by ADMM with an exact solve in k-space",
        source: "Lustig, Donoho & Pauly, Magn. Reson. Med. 58 (2007)",
        knobs: ["lambda", "penalty", "iterations", "scale"]
      ) { system, knobs in
        let p = try Parameters().with(knobs)
        func solver<Space: NumberSpace>(_: Space.Type) -> Reconstructor<KSpace> {
          let iteration = KSpaceTV<Space>(totalVariation: p.lambda, mask: system.mask, penalty: p.penalty)
          return reconstructor("tv", iteration, p) { slice in
            let maps = try system.maps(of: slice)
            return .complex(coilsCombined(slice, maps, weight: p.lambda, penalty: p.penaltyOfCoils, iterations: p.iterations))
          }
        }
        return solver(system.space)
      },
      Method(
        "recpf", "Total variation and wavelets by ADMM with an exact solve in k-space",
        source: "Yang, Zhang & Yin, IEEE J. Sel. Top. Signal Process. 4 (2010)",
        knobs: ["lambda", "penalty", "iterations", "wavelet", "levels", "scale"]
      ) { system, knobs in
        let (p, mask) = (try Parameters().with(knobs), system.mask)
        let deepest = OrthonormalWavelet<Tensor>.deepest(height: mask.height, width: mask.width)
        guard deepest > 0 else {
          throw InputError(
            "found images of \(mask.height) × \(mask.width) for recpf, whose wavelets halve them; expected even sizes, use tv or sidwt"
          )
        }
        let wavelet = OrthonormalWavelet<Tensor>(
          height: mask.height, width: mask.width, filter: p.wavelet, levels: min(p.levels, deepest))
        func solver<Space: NumberSpace>(_: Space.Type) -> Reconstructor<KSpace> {
          let iteration = RecPF<Space>(
            gradientWeight: p.lambda, waveletWeight: 0.1 * p.lambda, mask: mask, wavelet: wavelet, penalty: p.penalty)
          return reconstructor("recpf", iteration, p)
        }
        return solver(system.space)
      },
      Method(
        "sidwt", "Undecimated wavelets by ADMM with an exact solve in k-space",
        source: "Baker, Kwong, Lustig & Mendes, Magn. Reson. Med. 65 (2011)",
        knobs: ["lambda", "penalty", "iterations", "wavelet", "levels", "scale"]
      ) { system, knobs in
        let p = try Parameters.undecimated.with(knobs)
        func solver<Space: NumberSpace>(_: Space.Type) -> Reconstructor<KSpace> {
          let iteration = KSpaceSIDWT<Space>(
            undecimatedWavelet: p.lambda, mask: system.mask, filter: p.wavelet, levels: p.levels, penalty: p.penalty)
          return reconstructor("sidwt", iteration, p)
        }
        return solver(system.space)
      },
      Method(
        "pfista", "Undecimated wavelets by projected FISTA, one parameter",
        source: "Liu, Zhan, Cai, Guo, Chen & Qu, IEEE Trans. Med. Imaging 35 (2016)",
        knobs: ["lambda", "iterations", "wavelet", "levels", "scale"]
      ) { system, knobs in
        let p = try Parameters.projected.with(knobs)
        func solver<Space: NumberSpace>(_: Space.Type) -> Reconstructor<KSpace> {
          let iteration = PFISTA<Space>(pfista: p.lambda, mask: system.mask, filter: p.wavelet, levels: p.levels)
          return reconstructor("pfista", iteration, p)
        }
        return solver(system.space)
      },
      guided(
        "pbdw", "Directional wavelets of patches, guided by undecimated wavelets",
        source: "Qu, Guo, Ning, Hou, Chen, Cai & Chen, Magn. Reson. Imaging 30 (2012)", PBDW.kSpace,
        side: PBDW.kSpace.model.directions.side),
      guided(
        "pano", "Groups of patches that are alike, guided by undecimated wavelets",
        source: "Qu, Hou, Lam, Guo, Zhong & Chen, Med. Image Anal. 18 (2014)", PANO.kSpace, side: PANO.kSpace.model.side),
      guided(
        "fdlcp", "Dictionaries learned for classes of patches, guided by undecimated wavelets",
        source: "Zhan, Cai, Guo, Liu, Chen & Qu, IEEE Trans. Biomed. Eng. 63 (2016)", FDLCP.kSpace,
        side: FDLCP.kSpace.model.directions.side),
      Method(
        "bm3d-mri", "BM3D, and what was measured put back, by turns",
        source: "Eksioglu, J. Math. Imaging Vis. 56 (2016)", knobs: ["scale"]
      ) { system, knobs in
        let (p, mask, denoiser) = (try Parameters().with(knobs), system.mask, BM3D())
        try denoiser.check(height: mask.height, width: mask.width, for: "bm3d-mri", instead: "tv")
        func solver<Space: NumberSpace>(_: Space.Type) -> Reconstructor<KSpace> {
          let A = Space.sampling(mask)
          let stages = Untied<PlugAndPlayGradient<Space.Sampling>>(
            A, denoiser, .decoupled(), stepSize: { _ in 1 }, height: mask.height, width: mask.width)
          return reconstructor("bm3d-mri", scaled: scale(p)) { y in
            let y = y.converted(to: .single)
            let x = solve(stages, measurement: y).estimate
            return GradientStep(A, stepSize: 1)(x, measurement: y).converted(to: .double).stored
          }
        }
        return solver(system.space)
      },
    ]
  }

  /// A method of patches, that `sidwt` guides.
  private static func guided<Model: PatchModel>(
    _ name: String, _ title: String, source: String, _ usual: PatchReconstruction<Model>, side: Int
  ) -> Method<KSpace> {
    Method(name, title, source: source, knobs: ["lambda", "iterations", "scale"]) { system, knobs in
      let (p, mask) = (try Parameters.undecimated.with(knobs), system.mask)
      guard min(mask.height, mask.width) >= side else {
        throw InputError(
          "found images of \(mask.height) × \(mask.width) for \(name), whose patches are \(side) × \(side); expected larger ones, use sidwt"
        )
      }
      var patches = usual
      (patches.weight, patches.iterations) = (knobs.lambda ?? usual.weight, knobs.iterations ?? usual.iterations)
      let method = patches
      func solver<Space: NumberSpace>(_: Space.Type) -> Reconstructor<KSpace> {
        let own = Parameters.undecimated
        let wavelets = KSpaceSIDWT<Space>(
          undecimatedWavelet: own.lambda, mask: mask, filter: own.wavelet, levels: own.levels, penalty: own.penalty)
        return reconstructor(name, scaled: scale(p)) {
          let guide = solve(wavelets, measurement: $0, until: .iterations(own.iterations)).estimate
          return method($0, mask: mask, guide: guide).stored
        }
      }
      return solver(system.space)
    }
  }

  /// The largest magnitude of an image, by that of its zero filling: 0.88 of it on the mean, 0.41 to 1.05, of 15 chests and 15 complex brains of
  /// the training sets, of maximum 1, under the radial, Cartesian and random masks of 10, 20 … 50 %. Weights of penalties are relative to it, as
  /// those of BART's `pics` are to its own.
  private static func estimatedScale(_ slice: KSpaceSlice) -> Double {
    rootSumOfSquares(inverseFFT2(slice.kSpace)).maximumMagnitude / 0.88
  }

  /// What was given, or an estimate from every measurement.
  private static func scale(_ p: Parameters) -> @Sendable (KSpaceSlice) -> Double { { p.scale ?? estimatedScale($0) } }

  /// So many iterations on the samples of one coil, divided by their scale; several coils by another method.
  private static func reconstructor<Step: Iteration>(
    _ method: String, _ iteration: Step, _ p: Parameters, coils several: (@Sendable (KSpaceSlice) throws -> NumericArray)? = nil
  ) -> Reconstructor<KSpace> where Step.Measurement == ComplexTensor, Step.Signal: NumberSpace {
    reconstructor(method, scaled: scale(p), coils: several) {
      solve(iteration, measurement: $0, until: .iterations(p.iterations)).estimate.stored
    }
  }

  /// What is made of one slice by a method for one coil, and by another for several, cut to the part that is wanted.
  ///
  /// - Parameter scale: by which samples are divided and the image is multiplied again.
  private static func reconstructor(
    _ method: String, scaled scale: (@Sendable (KSpaceSlice) -> Double)? = nil,
    coils several: (@Sendable (KSpaceSlice) throws -> NumericArray)? = nil,
    one: @escaping @Sendable (ComplexTensor) throws -> NumericArray
  ) -> Reconstructor<KSpace> {
    Reconstructor { given in
      var slice = given
      let unit = scale?(slice) ?? 1
      let isScaled = unit != 1 && unit != 0
      if isScaled { slice.kSpace = (1 / unit) * slice.kSpace }
      let image: NumericArray
      if slice.coils == 1 {
        image = try one(slice.kSpace)
      } else {
        guard let several else {
          throw InputError(
            "\(slice.name): found \(slice.coils) coils for \(method), which is for one; expected zero-filling, tv or ista-net-plus")
        }
        image = try several(slice)
      }
      var found = Reconstruction(image.plane)
      if let size = slice.wanted { found.value = found.value.centred(height: size[0], width: size[1]) }
      if isScaled { found.value = unit * found.value }
      found.scale = slice.scale
      return found
    }
  }

  public static func reconstructor(
    of network: any Network, _ method: Method<KSpace>, stages: Int, for system: KSpaceSystem, _ knobs: Knobs
  ) throws -> Reconstructor<KSpace> {
    func run<Space: NumberSpace>(_: Space.Type) throws -> Reconstructor<KSpace> {
      guard let network = network as? any Network<ComplexTensor, Space> else {
        throw InputError(
          "found complex images for \(method.name), which is for real ones; expected another network or a classical method")
      }
      @Sendable func apply<N: Network<ComplexTensor, Space>>(_ network: N, _ y: ComplexTensor) -> NumericArray {
        network(y.converted(to: network.precision), stages: stages).converted(to: .double).stored
      }
      return reconstructor(
        method.name,
        coils: { slice in
          let maps = try system.maps(of: slice)
          var own: any Network = network
          if system.maps == nil {
            var known = system
            known.maps = maps
            own = try remade(network, method, for: known)
          }
          guard let own = own as? any Network<ComplexTensor, Space> else { preconditionFailure("\(method.name) of other spaces") }
          let y = ComplexTensor(pairs: slice.kSpace.pairs.reshaped([1] + slice.kSpace.pairs.shape))
          let unit = SENSE(maps, mask: slice.mask).unit
          return apply(own, unit == 1 ? y : unit * y)
        }
      ) { apply(network, $0) }
    }
    return try run(system.space)
  }

  /// Of P F, of real or complex images, and of P F S / ‖P F S‖, of several coils.
  private static var networks: [Method<KSpace>] {
    ImageNetwork.allCases.filter { $0 != .plugAndPlay }.map { kind in
      var method: Method<KSpace> = kind.method { system, shape, _, seed in try network(kind, system, shape, seed) }
      if !kind.isADMM { method.clips = true }  // as their authors score them
      return method
    }
  }

  private static func network(
    _ kind: ImageNetwork, _ system: KSpaceSystem, _ shape: Architecture, _ seed: UInt64
  ) throws -> any Network {
    let mask = system.mask
    if kind == .scNet {
      guard !system.isComplex else {
        throw InputError(
          system.coils > 1
            ? "found several coils for scnet, which is for real images of one; expected ista-net-plus"
            : "found complex images for scnet, which is for real ones; expected ista-net-plus, or --magnitudes to train on those")
      }
      return try ImageNetwork.scNet(RealMaskedFourier(mask), shape, seed: seed)
    }
    let precision: Precision = kind == .admmNet ? .double : .single
    func made<Op: LinearOperator>(_ A: Op) throws -> any Network where Op.Domain: NumberSpace {
      try kind.network(A, height: mask.height, width: mask.width, shape, precision: precision, seed: seed)
    }
    if let maps = system.maps { return try made(SENSE(maps, mask: mask).normalised(precision)) }
    func sampled<Space: NumberSpace>(_: Space.Type) throws -> any Network { try made(Space.sampling(mask)) }
    return try sampled(system.space)
  }

  /// A network with the same weights for other coils, of which weights know nothing.
  private static func remade(_ network: any Network, _ method: Method<KSpace>, for system: KSpaceSystem) throws -> any Network {
    guard let known = method.network else { preconditionFailure("\(method.name) is no network") }
    let weights = Weights(parameters: network.parametersAndBuffers)
    var shape = Architecture(of: weights).over(known.architecture)
    shape.depth = network.depth
    return try weights.filled(known.make(system, shape, weights, 0), file: method.name)
  }
}

extension NumericArray {
  static func * (factor: Double, _ value: NumericArray) -> NumericArray {
    switch value {
    case .real(let x): .real(factor * x)
    case .complex(let z): .complex(factor * z)
    }
  }

  /// `[1, h, w]` as `[h, w]`.
  var plane: NumericArray {
    guard shape.count == 3, shape[0] == 1 else { return self }
    switch self {
    case .real(let x): return .real(x.row(0))
    case .complex(let z): return .complex(ComplexTensor(pairs: z.pairs.row(0)))
    }
  }
}
