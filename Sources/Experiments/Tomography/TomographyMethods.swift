// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Evaluation
import FileFormats
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training

/// What FISTA-TV may be told, ½‖A x − b‖² + λ TV(x), x ≥ 0.
public protocol TomographyKnobs: Settings {
  var lambda: Double? { get }
  var iterations: Int? { get }
}

/// X-rays, coils or electrodes: one set of methods for all.
public protocol TomographyExperiment: ImageExperiment where System == TomographySystem, Knobs: TomographyKnobs {
  /// λ and iterations of FISTA-TV by mean PSNR on validation samples; what was tried stands in `Documentation/FISTANet.md`.
  static func totalVariation(of system: System) -> (lambda: Double, iterations: Int)
}

extension TomographyExperiment {
  /// SSIM by the window of the authors of FISTA-Net.
  public static var scoring: ScoringProtocol { ScoringProtocol(clip: false, peak: 1, ssim: .gaussian11ZeroPadded) }
  public static var alsoServedByWeights: [String] { ["ct", "emt", "eit"] }

  /// Of X-rays, integrals along the rays in millimetres.
  public static func unit(of system: System) -> Double { system.unit }

  /// What nothing was measured of is 0.
  public static func visible(_ images: Tensor, by system: System) -> Tensor {
    system.pixels.map { $0.adjoint($0.forward(images)) } ?? images
  }

  /// A reconstruction with its residual ‖A x̂ − b‖ / ‖b‖.
  private static func reconstruction(_ x: Tensor, _ b: Tensor, _ system: System) -> Reconstruction {
    var found = Reconstruction(.real(x.row(0).converted(to: .double)))
    found.residual = system.residual(x, b)
    return found
  }

  /// A classical method, in single precision, from measurements in the units of A.
  static func classical(_ system: System, _ solve: @escaping @Sendable (Tensor) -> Tensor) -> Reconstructor<Self> {
    Reconstructor { b in
      let b = b.converted(to: .single)
      return reconstruction(visible(solve(b), by: system), b, system)
    }
  }

  public static func reconstructor(
    of network: any Network, _ method: Method<Self>, stages: Int, for system: System, _ knobs: Knobs
  ) throws -> Reconstructor<Self> {
    guard let network = network as? any TensorNetwork else {
      throw InputError("\(method.name) is no network on real images; expected another one")
    }
    return Reconstructor { b in
      let b = b.converted(to: .single)
      let scale = system.scale(b)
      return reconstruction((1 / scale) * network.predict(scale * b, stages: stages, samplesAtATime: 1), b, system)
    }
  }

  // MARK: Methods

  static var fistaTV: Method<Self> {
    Method(
      "fista-tv", "Total variation by FISTA, images without negative values",
      source: "Beck & Teboulle, IEEE Trans. Image Process. 18 (2009)", knobs: ["lambda", "iterations"]
    ) { system, knobs in
      let usual = totalVariation(of: system)
      let (lambda, iterations) = (knobs.lambda ?? usual.lambda, knobs.iterations ?? usual.iterations)
      guard lambda > 0, lambda.isFinite else { throw InputError("found --lambda \(lambda); expected more than 0") }
      guard (1...1_000_000).contains(iterations) else {
        throw InputError("found --iterations \(iterations); expected 1 to 1 000 000")
      }
      let iteration = FISTATV(
        totalVariation: lambda, system.A, height: system.height, width: system.width, lower: 0, stepSize: 1 / system.lipschitz,
        iterations: 10)
      return classical(system) { b in
        let start = system.gradient.initial.forward(b).map { max($0, 0) }
        return solve(iteration, measurement: b, from: start, until: .iterations(iterations)).estimate
      }
    }
  }

  static var networks: [Method<Self>] {
    [
      Method(
        "fbpconvnet", "A U-Net on the initial image", source: "Jin, McCann, Froustey & Unser, IEEE Trans. Image Process. 26 (2017)",
        Architecture(channels: FBPConvNet.Configuration.small.channels)
      ) { system, shape, _, seed in
        FBPConvNet(
          initial: system.gradient.initial,
          .init(channels: shape.channels ?? FBPConvNet.Configuration.small.channels, poolings: 3, isResidual: false), seed: seed)
      },
      .istaNetPlus { system, shape in try system.with(shape).gradient },
      Method(
        "fista-net", "FISTA with a learned proximal map, step, threshold and momentum from six numbers",
        source: Papers.fistaNet, Architecture(depth: 7, channels: 32)
      ) { system, shape, _, seed in
        FISTANet(
          try system.with(shape).gradient, height: system.height, width: system.width, depth: shape.depth ?? 7,
          channels: shape.channels ?? 32, seed: seed)
      },
    ]
  }

  // MARK: Training

  /// Adam on mean (x̂ − x)² + 0.1 mean |x̂ − x| + 0.01 Σ_k mean (F̃(F(d_k)) − d_k)² + 0.001 Σ_k mean |soft(F(d_k), θ_k)|, the third term of
  /// unfolded networks, the last of FISTA-Net alone; what stages do is followed.
  ///
  /// Every sample is a piece of work for a core, but for FBPConvNet, which normalises whole batches; many steps teach unfolded networks more
  /// than large ones. Source: Xiang, Dong & Yang (2021), eq. 23, with the weights and the ℓ1 term of its authors' program.
  func training(
    _ request: TrainingRequest<Self>, _ system: System, _ samples: DrawnPairs<Tensor, Tensor>, validation: SamplePairs,
    gradient: GradientKind?, steps usual: Int, notes: [String: String] = [:]
  ) throws -> Training {
    let (options, isUNet, isCT) = (request.options, request.method.name == "fbpconvnet", !system.isOnDisc)
    let system = try gradient.map(system.with) ?? system
    var loss = PairLoss()
    (loss.absolute, loss.recorded, loss.recomputes) = (0.1, 0.01, options.recompute)
    var training = try PairTraining(samples, loss: loss, validation: validation)
    let shown = validation.measurement.rows(0..<min(StageFigures.samples, validation.count))
    training.figures = { try StageFigures($0, system: system, measurement: shown).followed() }
    let batch = min(options.batch ?? (isUNet ? (isCT ? 4 : 16) : isCT ? 2 : 4), samples.count)
    let steps = options.steps(samples: samples.count, batch: batch, otherwise: options.quick ? 100 : usual)
    var shape = request.architecture
    shape.gradient = system.gradientKind.rawValue
    let recipe = Recipe(
      network: request.method.name, seed: seed, architecture: shape,
      phases: [
        Recipe.adam(steps: steps, batchSize: batch, chunkSize: isUNet ? batch : 1, warmUp: min(100, max(1, steps / 10)))
      ], validationInterval: min(250, max(1, steps / 10)),
      notes: notes.merging(["problem": Self.name, "height": "\(system.height)", "width": "\(system.width)"]) { $1 })
    return try Training(training, request.untrained(system, seed: seed), recipe)
  }
}

extension TomographySystem {
  /// With the step that a network's shape names.
  func with(_ shape: Architecture) throws -> TomographySystem {
    try shape.gradient.flatMap(GradientKind.init(rawValue:)).map(with) ?? self
  }

  /// What brings the largest value of the initial image to ``usualMaximum``; 1 without one.
  func scale(_ b: Tensor) -> Double {
    guard let usualMaximum else { return 1 }
    let largest = gradient.initial.forward(b).doubles.max() ?? 0
    return largest > 0 ? usualMaximum / largest : 1
  }
}
