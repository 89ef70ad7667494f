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
    public init() {}
  }

  /// Networks to images learn from crops in eight orientations, by Adam on the mean square; those to vectors stage by stage, as ``Recovery``'s.
  public func training(_ request: TrainingRequest<Linear>) throws -> Training {
    let setup = request.setup
    guard !setup.images.isEmpty else {
      throw InputError("found no --images; expected folders of images, or files of signals, to train on")
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
    for image in used + kept where image.shape.suffix(2).elementsEqual([extent.height, extent.width], by: <) {
      throw InputError("found an image of \(image.shape); expected at least \(extent.height) × \(extent.width) pixels")
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
    let recipe = Recipe(
      network: request.method.name, seed: seed, architecture: request.architecture,
      phases: [Recipe.adam(steps: steps, batchSize: 4, warmUp: min(100, max(1, steps / 10)))],
      validationInterval: min(250, max(1, steps / 10)), notes: notes(system))
    return try Training(training, request.untrained(system, seed: seed), recipe)
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
    let samples = DrawnPairs<Tensor, Tensor>(count: split) { samples, generator in
      let truth = Tensor.concatenated(samples.map { all.rows($0..<$0 + 1) })
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
