// SPDX-License-Identifier: Apache-2.0
import Networks
import Operators
import Problems
import Tensors
import Training
import WeightFiles

/// A training of a network of an operator, made ready from arrays: samples with their loss, the untrained network, a recipe.
public struct LinearTraining: Sendable {
  public let samples: any NetworkTraining
  public let untrained: any Network
  public var recipe: Recipe

  /// What is trained, and how.
  public struct Request: Sendable {
    public var network: LinearNetwork
    public var system: LinearSystem
    public var options: TrainingOptions
    public var seed: UInt64
    public var precision: Precision
    /// The denoiser of unfolded plug and play, which training leaves as it is.
    public var ffdNet: FFDNet?

    public init(
      _ network: LinearNetwork, _ system: LinearSystem, _ options: TrainingOptions = .init(), seed: UInt64,
      precision: Precision = .single, ffdNet: FFDNet? = nil
    ) {
      (self.network, self.system, self.options, self.seed, self.precision) = (network, system, options, seed, precision)
      self.ffdNet = ffdNet
    }

    var architecture: Architecture {
      Architecture(depth: options.depth, channels: options.channels).over(network.architecture)
    }
    func untrained() throws -> any Network {
      try network.untrained(system, architecture, ffdNet: ffdNet, precision: precision, seed: seed)
    }
    func adamRecipe(steps: Int, batchSize: Int) throws -> Recipe {
      var recipe = Recipe.adam(
        network: network.name, architecture, steps: steps, batchSize: batchSize, seed: seed, notes: system.notes)
      if network == .image(.plugAndPlay) {
        guard ffdNet != nil else {
          throw InputError("found no --denoiser-weights for \(network.name); expected a file of FFDNet's weights")
        }
        // Two numbers a stage, which may go far in few steps.
        recipe.phases[0].groups = [.frozen("denoiser.*"), ParameterGroup("*", learningRateFactor: 10)]
      }
      return recipe
    }
  }

  private init(_ samples: any NetworkTraining, _ request: Request, _ recipe: Recipe) throws {
    (self.samples, untrained, self.recipe) = (samples, try request.untrained(), recipe)
  }

  /// Networks to images learn from crops in eight orientations, by Adam on the mean square; those to vectors as ``VectorNetwork``
  /// says. The model measures the signals afresh for every batch.
  ///
  /// - Parameters: `signals`, images, each of its own extent, or vectors, one a row; `validation`, in the place of a tenth of them.
  public init(signals: [NumericArray], validation: [NumericArray]? = nil, _ request: Request) throws {
    if case .vector(let network) = request.network {
      try self.init(
        network, vectors: .concatenated(signals.map { $0.numbers.converted(to: request.precision) }),
        validation: validation.map { .concatenated($0.map { $0.numbers.converted(to: request.precision) }) }, request)
      return
    }
    guard let extent = request.system.domain.image else {
      throw InputError(
        "found vectors of \(request.system.domain.count) for \(request.network.name); expected a shape [h, w], or lista")
    }
    let (used, kept) = validation.map { (signals, $0) } ?? splitForValidation(signals)
    let wanted = request.system.domain.shape
    guard !used.isEmpty, !kept.isEmpty else {
      throw InputError("found \(used.count) training and \(kept.count) validation images; expected some of both")
    }
    for image in used + kept
    where image.shape.count != wanted.count || zip(image.shape, wanted).contains(where: <)
      || image.shape.dropLast(2) != wanted.dropLast(2)
    {
      throw InputError("found an image of \(image.shape); expected \(wanted), or more rows and columns")
    }
    func made<Signal: NumberSpace, Measurement: NumberSpace>(
      _: Signal.Type, _: Measurement.Type
    ) throws -> (any NetworkTraining, Recipe) {
      try Self.imageTraining(
        request, Crops<Signal>(used, request.system.domain, extent, request.precision),
        Crops<Signal>(kept, request.system.domain, extent, request.precision), Measurement.self)
    }
    let (samples, recipe) = try made(request.system.signals, request.system.measurements)
    try self.init(samples, request, recipe)
  }

  private static func imageTraining<Signal: NumberSpace, Measurement: NumberSpace>(
    _ request: Request, _ used: Crops<Signal>, _ kept: Crops<Signal>, _: Measurement.Type
  ) throws -> (any NetworkTraining, Recipe) {
    let (options, system, unit) = (request.options, request.system, request.system.unit)
    @Sendable func measured(_ truth: Signal, _ generator: inout RandomGenerator) -> Pairs<Measurement, Signal> {
      let y = system.measure(truth, Measurement.self, using: &generator)
      return Pairs(measurement: unit == 1 ? y : unit * y, groundTruth: truth)
    }
    let samples = DrawnPairs<Measurement, Signal>(count: 20_000) { samples, generator in
      measured(.concatenated(samples.map { _ in used.draw(using: &generator) }), &generator)
    }
    var own = RandomGenerator(seed: request.seed, stream: 2)
    let held = measured(.concatenated((0..<32).map { _ in kept.draw(using: &own) }), &own)
    var loss = PairLoss()
    loss.recomputes = options.recompute
    if request.network == .image(.fistaNet) { loss.recorded = 0.01 }
    let steps = options.steps(samples: samples.count, batch: 4, otherwise: options.quick ? 300 : 20_000)
    return try (PairTraining(samples, loss: loss, validation: held), request.adamRecipe(steps: steps, batchSize: 4))
  }

  /// From pairs, or from measurements alone.
  ///
  /// - Parameters: `measurements`, `[samples]` + the codomain's numbers; `signals`, `[samples]` + the domain's.
  public init(measurements y: Tensor, signals x: Tensor?, _ request: Request) throws {
    let (options, system) = (request.options, request.system)
    guard case .image = request.network else {
      throw InputError(
        "found --measurements for \(request.network.name); expected a network for images, or --images with its signals")
    }
    guard y.shape[0] >= 2, x.map({ $0.shape[0] == y.shape[0] }) ?? true else {
      throw InputError(
        "found \(y.shape[0]) measurements\(x.map { " and \($0.shape[0]) signals" } ?? ""); expected two or more of each")
    }
    let split = y.shape[0] - max(1, y.shape[0] / 10)
    let batch = min(4, split)
    let steps = options.steps(samples: split, batch: batch, otherwise: options.quick ? 300 : 10_000)
    func made<Signal: NumberSpace, Measurement: NumberSpace>(
      _: Signal.Type, _: Measurement.Type
    ) throws -> any NetworkTraining {
      let y = y.converted(to: request.precision)
      let measured = Measurement(numbers: system.unit == 1 ? y : system.unit * y, shape: [y.shape[0]] + system.codomain.shape)
      guard let x else {
        return EquivariantTraining<Measurement, Signal>(
          samples: .init(measurements: measured.rows(0..<split), system: system), held: measured.rows(split..<y.shape[0]),
          A: system.normalised(precision: request.precision), weight: 1, recomputes: options.recompute)
      }
      let truth = Signal(numbers: x.converted(to: request.precision), shape: [x.shape[0]] + system.domain.shape)
      var loss = PairLoss()
      loss.recomputes = options.recompute
      return try PairTraining(
        DrawnPairs(Pairs(measurement: measured.rows(0..<split), groundTruth: truth.rows(0..<split))), loss: loss,
        validation: Pairs(measurement: measured.rows(split..<y.shape[0]), groundTruth: truth.rows(split..<y.shape[0])))
    }
    try self.init(
      made(system.signals, system.measurements), request, request.adamRecipe(steps: steps, batchSize: batch))
  }

  private init(_ network: VectorNetwork, vectors all: Tensor, validation: Tensor?, _ request: Request) throws {
    let system = request.system
    guard let A = system.matrix else {
      throw InputError("found \(system.name) for \(request.network.name); expected one dense matrix on vectors")
    }
    let split = validation == nil ? all.shape[0] - max(1, all.shape[0] / 10) : all.shape[0]
    guard split >= 1 else {
      throw InputError("found \(all.shape[0]) signals; expected two at least, to train on and to validate with")
    }
    let held = validation ?? all.rows(split..<all.shape[0])
    var generator = RandomGenerator(seed: request.seed, stream: 2)
    let measured = SamplePairs(
      measurement: system.measure(held, Tensor.self, using: &generator), groundTruth: held)
    // An epoch is a batch at least: few signals come more than once.
    let samples = DrawnPairs<Tensor, Tensor>(count: (64 + split - 1) / split * split) { samples, generator in
      let truth = all.rows(at: samples.map { $0 % split })
      return Pairs(measurement: system.measure(truth, Tensor.self, using: &generator), groundTruth: truth)
    }
    let options = request.options
    let few = all.rows(0..<min(split, 400))
    let made = try network.training(
      A, precision: request.precision, request.architecture,
      samples: SamplePairs(measurement: system.measure(few, Tensor.self, using: &generator), groundTruth: few), seed: request.seed,
      budget: options.budget, jointSteps: options.steps(samples: samples.count, batch: 64), notes: system.notes)
    var training = try PairTraining(
      samples, loss: made.loss, validation: measured, operators: [NamedParameter(name: "A", value: A.entries)])
    training.samplesAtATime = 125
    training.validationError = { x, held in squaredNorm(x - held.groundTruth) / squaredNorm(held.groundTruth) }
    (self.samples, untrained, recipe) = (training, made.network, made.recipe)
  }

  /// The trained network, from `start` where one is given; nil when it was stopped, with the checkpoint written.
  public func run(
    from start: (any Network)? = nil, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> (any Network)? {
    func trained<T: NetworkTraining>(_ training: T) throws -> (any Network)? {
      guard let network = (start ?? untrained) as? any Network<T.Measurement, T.Signal> else {
        throw InputError("found a network \(recipe.network) between other spaces than its samples; expected another network")
      }
      func run<N: Network<T.Measurement, T.Signal>>(_ network: N) throws -> (any Network)? {
        try training.train(network, recipe: recipe, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
      }
      return try run(network)
    }
    return try trained(samples)
  }
}

extension LinearSystem {
  /// The problem's name in recipes.
  public static let problem = "linear"

  /// What a recipe says of the operator.
  package var notes: [String: String] { ["problem": Self.problem, "operator": name, "shape": "\(domain)", "noise": "\(noise)"] }
}

/// Random parts of images of one extent, turned.
struct Crops<Signal: NumberSpace>: Sendable {
  /// `[1]` + the domain's leading extents + each image's own rows and columns.
  private let images: [Signal]
  private let height: Int
  private let width: Int

  init(_ images: [NumericArray], _ domain: ArraySpace, _ extent: (height: Int, width: Int), _ precision: Precision) {
    (height, width) = extent
    self.images = images.map { image in
      let numbers = (domain.isComplex ? image.complex.pairs : image.numbers).converted(to: precision)
      return Signal(numbers: numbers, shape: [1] + image.shape)
    }
  }

  /// `[1]` + the domain.
  func draw(using generator: inout RandomGenerator) -> Signal {
    func below(_ n: Int) -> Int { min(n - 1, Int(generator.uniform() * Double(n))) }
    let image = images[below(images.count)]
    let (rows, columns) = (image.shape[image.shape.count - 2], image.shape[image.shape.count - 1])
    let (top, left) = (below(rows - height + 1), below(columns - width + 1))
    let parts = Signal.parts
    let planes = image.shape.dropLast(2).reduce(1, *)
    func cut<S>(_ values: [S]) -> [S] {
      var cut: [S] = []
      cut.reserveCapacity(planes * height * width * parts)
      for plane in 0..<planes {
        for i in top..<top + height {
          let start = ((plane * rows + i) * columns + left) * parts
          cut += values[start..<start + width * parts]
        }
      }
      return cut
    }
    let shape = Array(image.shape.dropLast(2)) + [height, width]
    let extents = shape + (parts == 2 ? [2] : [])
    let numbers = image.numbers
    let cropped =
      numbers.precision == .single
      ? Tensor(cut(numbers.floats), shape: extents) : Tensor(cut(numbers.doubles), shape: extents)
    return Signal(numbers: cropped, shape: shape).turned(Int(generator.next() >> 61))
  }
}
