// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import Training

extension Blocks {
  /// What the constraint of the loss looks at: the sum over stages of the mean of (F̃(F(r)) − r)².
  public enum Constraint: String, Sendable, CaseIterable, Codable {
    case none
    /// The r⁽ᵏ⁾ of every stage, as in public code.
    case running
    /// The true blocks, as in the paper.
    case groundTruth = "ground-truth"
  }

  public struct TrainingSetup: Settings {
    public var images: [String] = []
    /// A file of Q_init in the place of the fit to training blocks.
    public var initial: String?
    public var constraint: Constraint?
    /// `.squares` without it, of networks on whole images `.logSquares`; of blocks one of these two.
    public var loss: WholeImageLoss?
    public init() {}
  }

  /// Blocks of a published training set, an epoch here.
  static let epoch = 88_912
  /// The ratios whose weights tables train, in the order in which one starts from the other.
  static let trainedRatios = [0.25, 0.10, 0.50]

  /// On fresh crops of gray images in eight orientations, every tenth image kept aside: mean squared error of blocks, or of whole images
  /// what ``WholeImageTraining`` says; Adam with a rate that falls along a cosine, averaged weights.
  ///
  /// The loss of blocks is L_disc + 0.01 L_con (Zhang & Ghanem (2018), eq. 12), or with the logarithm of every block's mean square for L_disc; the recipe of the weights that ship is our own.
  public func training(_ request: TrainingRequest<Blocks>) throws -> Training {
    let setup = request.setup
    try request.refuse(("noise-snr", self.setup.noiseSnr != nil), ("color", self.setup.color != .luminance))
    guard !setup.images.isEmpty else { throw InputError("found no --images; expected a folder of training images for image-cs") }
    let isWholeImage = request.method.knobs.contains("selfEnsemble")
    let hasInitial = request.method.knobs.contains("initial")
    for (name, isGiven, isRight) in [
      ("initial", setup.initial != nil, hasInitial), ("constraint", setup.constraint != nil, hasInitial),
    ] where isGiven && !isRight {
      throw InputError("found --\(name) for \(request.method.name), which has no such choice; leave it out")
    }
    if let loss = setup.loss, !isWholeImage { _ = try PairLoss.Criterion(loss, for: request.method.name) }
    let images = try setup.images.flatMap { try ImageFolder($0).entries.map(\.image) }
    return isWholeImage ? try wholeImageTraining(request, images) : try blockTraining(request, images)
  }

  /// - Parameter known: Q_init, where it is known already.
  func blockTraining(_ request: TrainingRequest<Blocks>, _ images: [Tensor], known: Tensor? = nil) throws -> Training {
    let (setup, options, method, system) = (request.setup, request.options, request.method, try system())
    let phi = system.sensing.phi.converted(to: .single)
    let isUnfolded = method.knobs.contains("initial")
    let (used, kept) = splitForValidation(images)
    let crops = try BlockCrops(used, side: system.sensing.side)
    let held = try BlockCrops(kept, side: system.sensing.side).draw(512, seed: seed &+ 2)
    var initial =
      try known ?? setup.initial.map { try Self.readInitial($0, for: system.sensing.phi) }
      ?? request.known("initial", shape: [phi.columns, phi.rows])
    // Of ReconNet, which starts from the fit too, the parameters come from the checkpoint of an interrupted run.
    if initial == nil, isUnfolded || method.name == "reconnet" && request.resuming == nil {
      request.report("fitting Q_init to blocks of \(images.count) images")
      initial = try fittedStart(crops.secondMoment(count: 100_000, seed: seed &+ 1))
    }
    let fixed = initial.map { [NamedParameter(name: "initial", value: $0.converted(to: .single))] } ?? []
    let constraint = setup.constraint ?? .none
    let loss = setup.loss ?? .squares
    let criterion = try PairLoss.Criterion(loss, for: method.name)
    var training = try PairTraining(
      Self.samples(of: crops, phi: phi), loss: Self.loss(constraint, criterion: criterion, recomputing: options.recompute),
      validation: SamplePairs(measurement: phi.forward(held), groundTruth: held),
      operators: system.operators + (isUnfolded ? fixed : []))
    training.samplesAtATime = Self.blocksAtATime
    let batch = isUnfolded ? 16 : 64
    let usual = options.quick ? 500 : isUnfolded ? (options.start == nil ? 30_000 : 10_000) : 20_000
    let steps = options.steps(samples: Self.epoch, batch: batch, otherwise: usual)
    let recipe = Recipe(
      network: method.name, seed: seed, architecture: request.architecture,
      phases: [Recipe.adam(steps: steps, batchSize: batch, chunkSize: isUnfolded ? 2 : 16)],
      validationInterval: min(500, max(1, steps / 10)),
      notes: [
        "problem": Self.name, "rows": "\(phi.rows)", "side": "\(system.sensing.side)", "constraint": constraint.rawValue,
        "loss": loss.rawValue, "phi": system.phiName,
      ])
    return try Training(training, request.untrained(system, fixed: fixed, seed: seed), recipe)
  }

  /// Blocks drawn afresh, and their measurements by Φ in single precision.
  public static func samples(of crops: BlockCrops, phi: Matrix) -> DrawnPairs<Tensor, Tensor> {
    DrawnPairs(count: epoch) { samples, generator in
      let blocks = crops.draw(samples.count, using: &generator).reshaped([samples.count, crops.side * crops.side])
      return Pairs(measurement: phi.forward(blocks), groundTruth: blocks)
    }
  }

  /// L_disc + 0.01 L_con.
  public static func loss(
    _ constraint: Constraint, criterion: PairLoss.Criterion = .meanSquare, recomputing: Bool = false
  ) -> PairLoss {
    var loss = PairLoss(criterion)
    (loss.recorded, loss.asymmetry) = (constraint == .running ? 0.01 : 0, constraint == .groundTruth ? 0.01 : 0)
    loss.recomputes = recomputing
    return loss
  }

  /// Q_init, the least-squares fit over blocks of this second moment.
  ///
  /// - Throws: ``InputError`` when Φ measures nothing of them, as of black images.
  private func fittedStart(_ moment: Tensor) throws -> Tensor {
    let sensing = try system().sensing
    let phi = sensing.phi.entries.converted(to: .double)
    let trace = (0..<moment.shape[0]).reduce(0) { $0 + moment[flat: $1 * (moment.shape[0] + 1)] }
    guard linear(moment, phi).transposed.inner(phi) > 1e-12 * trace * squaredNorm(phi) else {
      throw InputError("found training images of which Φ measures nothing, such as black ones; expected photographs, give others")
    }
    return sensing.leastSquaresStart(moment: moment)
  }

  private func wholeImageTraining(_ request: TrainingRequest<Blocks>, _ images: [Tensor]) throws -> Training {
    let options = request.options
    let fixed = try request.method.name == Self.servesEveryRatio ? fixed : system()
    var training = try WholeImageTraining(fixed: fixed, loss: request.setup.loss ?? .logSquares, images: images, seed: seed)
    training.recomputes = options.recompute
    let decibels = training.validationPSNROfLinearStart().map { String(format: "%.2f", $0) }
    request.report("images kept aside, Aᵀ y: \(decibels.joined(separator: ", ")) dB")
    let steps = options.steps(samples: Self.epoch / 9, batch: 4, otherwise: options.quick ? 500 : 60_000)
    let recipe = Recipe(
      network: request.method.name, seed: seed, architecture: request.architecture,
      phases: [Recipe.adam(steps: steps, batchSize: 4, warmUp: min(200, max(1, steps / 10)))],
      validationInterval: min(500, max(1, steps / 20)),
      notes: [
        "problem": Self.name, "side": "\(training.side)", "loss": training.loss.rawValue, "phi": fixed?.phiName ?? "any",
        "rows": fixed.map { "\($0.sensing.phi.rows)" } ?? "any",
      ])
    let network = try request.untrained(System(training.validatedSensing), seed: seed)
    return try Training(training, network, recipe)
  }
}
