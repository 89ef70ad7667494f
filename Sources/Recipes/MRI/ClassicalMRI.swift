// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors

/// A classical method of compressive-sensing MRI with its parameters, for images in [0, 1].
public struct ClassicalMRI: Sendable, Equatable {
  public let method: MRIMethod
  /// λ; of RecPF that of the gradient, the wavelets' is a tenth of it.
  public var weight: Double
  /// ρ.
  public var penalty: Double
  /// ρ for several coils, whose x-update is by iterations and cheaper the larger it is.
  public var penaltyOfCoils = 0.05
  public var iterations: Int
  public var wavelet: WaveletFilter
  public var levels = 4

  /// The defaults of a method, from scans of mean PSNR on training images, test images unseen:
  ///
  /// - `tv`, ρ = 0.02, six chests: 35.52, 35.53, 35.38 dB at 20 % for λ = 3e-4, 1e-3, 3e-3; 45.41, 45.00 dB at 50 % for 3e-4, 1e-3. Between
  ///   the first two.
  /// - `sidwt`, six slices of a head and four chests at 20 / 50 %, (λ, ρ) and 4 levels: filters of length 4, (7e-5, 0.02) 32.52 / 44.73 dB,
  ///   (1e-4, 0.03) 32.51 / 44.71 dB, (5e-5, 0.015) 32.52 / 44.73 dB, 3 levels 32.41 / 44.70 dB; of length 6, (1e-4, 0.03) 32.36 / 44.70 dB;
  ///   Haar, (1e-4, 0.03) 32.35 / 44.68 dB, (3e-4, 0.1) 32.34 / 44.44 dB. A weight that falls with the level, as the atoms' norms do, loses
  ///   0.1 to 0.2 dB.
  /// - `recpf` takes those of `tv`; λ from 5e-4 to 2e-3 changes 0.06 dB at 20 %.
  public init(_ method: MRIMethod) {
    self.method = method
    switch method {
    case .sidwt: (weight, penalty, iterations, wavelet) = (7e-5, 0.02, 80, .daubechies4)
    default: (weight, penalty, iterations, wavelet) = (5e-4, 0.02, 100, .haar)
    }
  }

  /// - Throws: ``RecipeError`` for parameters that the method has not, or that are out of range.
  init(_ method: MRIMethod, _ options: MRISolver.Options) throws {
    self.init(method)
    try Self.refuse(options, for: method)
    for (name, value) in [("--lambda", options.weight), ("--penalty", options.penalty)] {
      if let value, !(value > 0 && value.isFinite) { throw RecipeError("found \(name) \(value); expected more than 0") }
    }
    if let count = options.iterations, !(1...1_000_000).contains(count) {
      throw RecipeError("found --iterations \(count); expected 1 to 1 000 000")
    }
    if let levels = options.levels, !(1...10).contains(levels) { throw RecipeError("found --levels \(levels); expected 1 to 10") }
    weight = options.weight ?? weight
    penalty = options.penalty ?? penalty
    penaltyOfCoils = options.penalty ?? penaltyOfCoils
    iterations = options.iterations ?? iterations
    wavelet = options.wavelet ?? wavelet
    levels = options.levels ?? levels
  }

  /// - Throws: ``RecipeError`` naming the first option given that is not for the method.
  static func refuse(_ options: MRISolver.Options, for method: MRIMethod) throws {
    let hasWavelets = method == .sidwt || method == .recPF
    let iterates = hasWavelets || method == .tv
    let given = [
      ("--lambda", options.weight != nil, iterates), ("--penalty", options.penalty != nil, iterates),
      ("--iterations", options.iterations != nil, iterates), ("--wavelet", options.wavelet != nil, hasWavelets),
      ("--levels", options.levels != nil, hasWavelets),
    ]
    for (name, isGiven, isRight) in given where isGiven && !isRight {
      throw RecipeError("found \(name) for \(method.rawValue), which has no such parameter; leave it out")
    }
  }

  /// Images `[batch, h, w]`, real or complex, from k-space.
  public func images<Space: FourierSpace>(_ mask: SamplingMask, _ y: ComplexTensor) -> Space {
    func run<I: Iteration>(_ iteration: I) -> Space where I.Signal == Space, I.Measurement == ComplexTensor {
      solve(iteration, measurement: y, until: .iterations(iterations)).estimate
    }
    switch method {
    case .tv: return run(KSpaceTV<Space>(totalVariation: weight, mask: mask, penalty: penalty))
    case .sidwt:
      return run(
        KSpaceSIDWT<Space>(undecimatedWavelet: weight, mask: mask, filter: wavelet, levels: levels, penalty: penalty))
    case .recPF:
      return run(
        RecPF<Space>(gradientWeight: weight, waveletWeight: 0.1 * weight, mask: mask, wavelet: orthonormal(mask), penalty: penalty))
    default: return Space.sampling(mask).adjoint(y)
    }
  }

  /// As deep as the image allows, up to ``levels``.
  private func orthonormal(_ mask: SamplingMask) -> OrthonormalWavelet<Tensor> {
    let deepest = OrthonormalWavelet<Tensor>.deepest(height: mask.height, width: mask.width)
    return OrthonormalWavelet(height: mask.height, width: mask.width, filter: wavelet, levels: min(levels, deepest))
  }
}
