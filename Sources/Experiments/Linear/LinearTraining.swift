// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Networks
import Operators
import Problems
import Tensors
import Training

extension Linear {
  public struct TrainingSetup: Settings {
    /// Folders of images, or files of signals, one a row; the model measures them, afresh for every batch.
    public var images: [String] = []
    /// The same for validation, in the place of a tenth of them.
    public var validationImages: [String] = []
    /// Extent of the square crops, for an operator of any extent.
    public var crop = 64
    /// A file of measurements, `[samples]` + the codomain, in the place of images that the model measures: with `signals` pairs, without
    /// them all there is.
    public var measurements: String?
    /// The signals that were measured, in their order.
    public var signals: String?
    public init() {}
  }

  /// Networks to images learn from crops in eight orientations, by Adam on the mean square; those to vectors stage by stage, as ``Recovery``'s.
  public func training(_ request: TrainingRequest<Linear>) throws -> Training {
    let setup = request.setup
    if let measurements = setup.measurements { return try measuredTraining(request, measurements) }
    if setup.signals != nil { throw InputError("found --signals without --measurements; expected both, or --images") }
    guard !setup.images.isEmpty else {
      throw InputError("found neither --images nor --measurements; expected folders of images, or files of signals, to train on")
    }
    if VectorNetwork(rawValue: request.method.name) != nil { return try vectorTraining(request) }
    let shape = try description.shape ?? croppedShape(setup.crop)
    let system = try system(shape: shape)
    guard let extent = system.domain.image else {
      throw InputError("found vectors of \(system.domain.count) for \(request.method.name); expected a shape [h, w], or lista")
    }
    let all = try signals(of: setup.images).map(\.value)
    let (used, kept) =
      setup.validationImages.isEmpty ? splitForValidation(all) : (all, try signals(of: setup.validationImages).map(\.value))
    let wanted = system.domain.shape
    for image in used + kept
    where image.shape.count != wanted.count || zip(image.shape, wanted).contains(where: <)
      || image.shape.dropLast(2) != wanted.dropLast(2)
    {
      throw InputError("found an image of \(image.shape); expected \(wanted), or more rows and columns")
    }
    func made<Signal: NumberSpace, Measurement: NumberSpace>(_: Signal.Type, _: Measurement.Type) throws -> Training {
      try imageTraining(
        request, system, Crops<Signal>(used, system.domain, extent), Crops<Signal>(kept, system.domain, extent), Measurement.self)
    }
    return try made(system.signals, system.measurements)
  }

  private func croppedShape(_ crop: Int) throws -> [Int] {
    guard (8...1024).contains(crop) else { throw InputError("found --crop \(crop); expected 8 to 1024 pixels") }
    return [crop, crop]
  }

  private func imageTraining<Signal: NumberSpace, Measurement: NumberSpace>(
    _ request: TrainingRequest<Linear>, _ system: LinearSystem, _ used: Crops<Signal>, _ kept: Crops<Signal>,
    _: Measurement.Type
  ) throws -> Training {
    let (options, unit) = (request.options, system.unit)
    @Sendable func measured(_ truth: Signal, _ generator: inout RandomGenerator) -> Pairs<Measurement, Signal> {
      let y = system.measure(truth, Measurement.self, using: &generator)
      return Pairs(measurement: unit == 1 ? y : unit * y, groundTruth: truth)
    }
    let samples = DrawnPairs<Measurement, Signal>(count: 20_000) { samples, generator in
      measured(.concatenated(samples.map { _ in used.draw(using: &generator) }), &generator)
    }
    var own = RandomGenerator(seed: seed, stream: 2)
    let held = measured(.concatenated((0..<32).map { _ in kept.draw(using: &own) }), &own)
    var loss = PairLoss()
    loss.recomputes = options.recompute
    if request.method.name == ImageNetwork.fistaNet.rawValue { loss.recorded = 0.01 }
    let training = try PairTraining(samples, loss: loss, validation: held)
    let steps = options.steps(samples: samples.count, batch: 4, otherwise: options.quick ? 300 : 20_000)
    let recipe = request.adamRecipe(steps: steps, batchSize: 4, seed: seed, notes: notes(system))
    return try Training(training, request.untrained(system, seed: seed), recipe)
  }

  /// From pairs, or from measurements alone.
  private func measuredTraining(_ request: TrainingRequest<Linear>, _ path: String) throws -> Training {
    let (setup, options) = (request.setup, request.options)
    guard setup.images.isEmpty, setup.validationImages.isEmpty else {
      throw InputError("found --images and --measurements; expected one of them, --signals are those that were measured")
    }
    guard ImageNetwork(rawValue: request.method.name) != nil else {
      throw InputError(
        "found --measurements for \(request.method.name); expected a network for images, or --images with its signals")
    }
    guard let shape = description.shape else {
      throw InputError("\(path): found measurements by an operator of any extent; expected --shape")
    }
    let system = try system(shape: shape)
    let y = try Self.samples(path, of: system.codomain).converted(to: .single)
    let x = try setup.signals.map { try Self.samples($0, of: system.domain).converted(to: .single) }
    guard y.shape[0] >= 2, x.map({ $0.shape[0] == y.shape[0] }) ?? true else {
      throw InputError(
        "found \(y.shape[0]) measurements\(x.map { " and \($0.shape[0]) signals" } ?? ""); expected two or more of each")
    }
    let split = y.shape[0] - max(1, y.shape[0] / 10)
    let batch = min(4, split)
    let steps = options.steps(samples: split, batch: batch, otherwise: options.quick ? 300 : 10_000)
    let recipe = request.adamRecipe(steps: steps, batchSize: batch, seed: seed, notes: notes(system))
    func made<Signal: NumberSpace, Measurement: NumberSpace>(_: Signal.Type, _: Measurement.Type) throws -> Training {
      let measured = Measurement(numbers: system.unit == 1 ? y : system.unit * y, shape: [y.shape[0]] + system.codomain.shape)
      let network = try request.untrained(system, seed: seed)
      guard let x else {
        let training = EquivariantTraining<Measurement, Signal>(
          samples: .init(measurements: measured.rows(0..<split), system: system), held: measured.rows(split..<y.shape[0]),
          A: system.normalised(), weight: 1, recomputes: options.recompute)
        return try Training(training, network, recipe)
      }
      let truth = Signal(numbers: x, shape: [x.shape[0]] + system.domain.shape)
      var loss = PairLoss()
      loss.recomputes = options.recompute
      let training = try PairTraining(
        DrawnPairs(Pairs(measurement: measured.rows(0..<split), groundTruth: truth.rows(0..<split))), loss: loss,
        validation: Pairs(measurement: measured.rows(split..<y.shape[0]), groundTruth: truth.rows(split..<y.shape[0])))
      return try Training(training, network, recipe)
    }
    return try made(system.signals, system.measurements)
  }

  private func notes(_ system: LinearSystem) -> [String: String] {
    ["problem": Self.name, "operator": system.name, "shape": "\(system.domain)", "noise": "\(noise)"]
  }

  private func vectorTraining(_ request: TrainingRequest<Linear>) throws -> Training {
    guard let shape = description.shape, let A = description.matrix else {
      throw InputError("found \(description.path) for \(request.method.name); expected one dense matrix on vectors")
    }
    let system = try system(shape: shape)
    func rows(_ files: [String]) throws -> Tensor {
      .concatenated(try signals(of: files).compactMap { $0.value.real?.converted(to: .single) })
    }
    let all = try rows(request.setup.images)
    let kept = request.setup.validationImages.isEmpty ? nil : try rows(request.setup.validationImages)
    let split = kept == nil ? all.shape[0] - max(1, all.shape[0] / 10) : all.shape[0]
    guard split >= 1 else {
      throw InputError("found \(all.shape[0]) signals; expected two at least, to train on and to validate with")
    }
    let held = kept ?? all.rows(split..<all.shape[0])
    var generator = RandomGenerator(seed: seed, stream: 2)
    let validation = SamplePairs(
      measurement: system.measure(held, Tensor.self, using: &generator), groundTruth: held)
    // An epoch is a batch at least: few signals come more than once.
    let samples = DrawnPairs<Tensor, Tensor>(count: (64 + split - 1) / split * split) { samples, generator in
      let truth = Tensor.concatenated(samples.map { all.rows($0 % split..<$0 % split + 1) })
      return Pairs(measurement: system.measure(truth, Tensor.self, using: &generator), groundTruth: truth)
    }
    let recovery = Recovery(SparseRecovery(A: A), seed: seed)
    var training = try PairTraining(
      samples, loss: PairLoss(.halfSquaredNorm), validation: validation, operators: recovery.operators)
    training.samplesAtATime = 125
    training.validationError = { x, held in squaredNorm(x - held.groundTruth) / squaredNorm(held.groundTruth) }
    let options = request.options
    let joint = options.steps ?? options.epochs.map { max(1, $0 * samples.count / (options.batch ?? 64)) }
    var recipe = recovery.recipe(
      request.method.name, request.architecture, depth: request.architecture.depth ?? 16, budget: options.budget, jointSteps: joint,
      lambda: Recovery.startLambda)
    recipe.notes = notes(system)
    return try Training(training, request.untrained(system, seed: seed), recipe)
  }
}

/// Random parts of images of one extent, turned.
struct Crops<Signal: NumberSpace>: Sendable {
  /// `[1]` + the domain's leading extents + each image's own rows and columns.
  private let images: [Signal]
  private let height: Int
  private let width: Int

  init(_ images: [NumericArray], _ domain: ArraySpace, _ extent: (height: Int, width: Int)) {
    (height, width) = extent
    self.images = images.map { image in
      let numbers = (domain.isComplex ? image.complex.pairs : image.numbers).converted(to: .single)
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
    let (values, planes) = (image.numbers.floats, image.shape.dropLast(2).reduce(1, *))
    var cut: [Float] = []
    cut.reserveCapacity(planes * height * width * parts)
    for plane in 0..<planes {
      for i in top..<top + height {
        let start = ((plane * rows + i) * columns + left) * parts
        cut += values[start..<start + width * parts]
      }
    }
    let shape = Array(image.shape.dropLast(2)) + [height, width]
    return Signal(numbers: Tensor(cut, shape: shape + (parts == 2 ? [2] : [])), shape: shape).turned(Int(generator.next() >> 61))
  }
}
