// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Networks
import Operators
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
    /// A file of FFDNet's weights, for `plug-and-play-net`.
    public var denoiserWeights: String?
    public init() {}
  }

  /// ``LinearTraining`` of what the files hold.
  public func training(_ request: TrainingRequest<Linear>) throws -> Training {
    let made = try linearTraining(request)
    return try Training(made.samples, made.untrained, made.recipe)
  }

  private func linearTraining(_ request: TrainingRequest<Linear>) throws -> LinearTraining {
    let setup = request.setup
    let network = try LinearNetwork(name: request.method.name)
    try network.check(denoiserWeights: setup.denoiserWeights)
    let ffdNet = try network == .image(.plugAndPlay) ? FFDNet(file: setup.denoiserWeights, for: network.name) : nil
    func own(_ system: LinearSystem) -> LinearTraining.Request {
      .init(network, system, request.options, seed: seed, ffdNet: ffdNet)
    }
    if let path = setup.measurements {
      guard setup.images.isEmpty, setup.validationImages.isEmpty else {
        throw InputError("found --images and --measurements; expected one of them, --signals are those that were measured")
      }
      guard let shape = description.shape else {
        throw InputError("\(path): found measurements by an operator of any extent; expected --shape")
      }
      let system = try system(shape: shape)
      return try LinearTraining(
        measurements: Self.samples(path, of: system.codomain),
        signals: setup.signals.map { try Self.samples($0, of: system.domain) }, own(system))
    }
    if setup.signals != nil { throw InputError("found --signals without --measurements; expected both, or --images") }
    guard !setup.images.isEmpty else {
      throw InputError("found neither --images nor --measurements; expected folders of images, or files of signals, to train on")
    }
    if case .vector = network, description.matrix == nil {
      throw InputError("found \(description.path) for \(network.name); expected one dense matrix on vectors")
    }
    let system = try system(shape: description.shape ?? croppedShape(setup.crop))
    return try LinearTraining(
      signals: signals(of: setup.images).map(\.value),
      validation: setup.validationImages.isEmpty ? nil : signals(of: setup.validationImages).map(\.value), own(system))
  }

  private func croppedShape(_ crop: Int) throws -> [Int] {
    guard (8...1024).contains(crop) else { throw InputError("found --crop \(crop); expected 8 to 1024 pixels") }
    return [crop, crop]
  }
}
