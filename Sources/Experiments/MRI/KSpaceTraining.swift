// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import Training

extension KSpace {
  public struct TrainingSetup: Settings {
    public var images: [String] = []
    /// Folders for validation, in the place of a tenth of the images.
    public var validationImages: [String] = []
    /// Extent of the square images, cut or with zeros around them.
    public var size = 256
    /// Every how many-th slice of a volume is taken along each axis.
    public var sliceStep = 4
    /// Complex images are trained on by their magnitudes.
    public var magnitudes = false
    /// `.squares` (also without it) or `.logSquares`; of Deep ADMM-Net neither.
    public var loss: WholeImageLoss?
    public init() {}
  }

  /// On images, arrays and the slices of volumes, each divided by its largest value and put in the middle of a square: real ones, or complex
  /// ones where there are some.
  ///
  /// The loss of Deep ADMM-Net is the mean of ‖x̂ − x‖₂ / ‖x‖₂ over images (Yang, Sun, Li & Xu 2016, eq. 13), that of others the mean of
  /// |x̂ − x|² or of the logarithm of every image's. Noise is drawn afresh for every batch, of Deep ADMM-Net once for every image; images of several coils get a phase at random,
  /// other networks' only. Networks are trained by Adam, Deep ADMM-Net then by L-BFGS with memory 5 on all images at once.
  public func training(_ request: TrainingRequest<KSpace>) throws -> Training {
    let setup = request.setup
    try request.refuse(("to-maximum", self.setup.toMaximum))
    if setup.magnitudes, coils > 1 {
      throw InputError("found --magnitudes and \(coils) coils, whose images have a phase; leave one of them out")
    }
    guard !setup.images.isEmpty else { throw InputError("found no --images; expected a folder of training images for cs-mri") }
    guard (8...8192).contains(setup.size), setup.sliceStep >= 1 else {
      throw InputError("found --size \(setup.size) and --slice-step \(setup.sliceStep); expected 8 to 8192 pixels, and at least 1")
    }
    let pictures = try pictures(setup.images, setup)
    let (used, kept) =
      setup.validationImages.isEmpty ? splitForValidation(pictures) : (pictures, try self.pictures(setup.validationImages, setup))
    guard !used.isEmpty, !kept.isEmpty else {
      throw InputError("found \(used.count) training and \(kept.count) validation images; expected some of both")
    }
    let isComplex = coils > 1 || (used + kept).contains { $0.real == nil }
    let system = KSpaceSystem(
      mask: try mask(height: setup.size, width: setup.size), isComplex: isComplex, ratio: self.setup.ratio,
      maps: try maps(height: setup.size, width: setup.size))
    return isComplex
      ? try training(request, system, used.map(\.complex), kept.map(\.complex))
      : try training(request, system, used.compactMap(\.real), kept.compactMap(\.real))
  }

  private func pictures(_ sources: [String], _ setup: TrainingSetup) throws -> [NumericArray] {
    try sources.flatMap { try NamedImage.paths($0) }.flatMap { path -> [NumericArray] in
      if path.hasSuffix(".nii") || path.hasSuffix(".nii.gz") {
        return try NamedImage.trainingSlices(of: path, step: setup.sliceStep).map(\.value)
      }
      let image = try NamedImage(path, toMaximum: true).value
      return [setup.magnitudes ? .real(image.display) : image]
    }.map { $0.centred(height: setup.size, width: setup.size) }
  }

  private func training<Space: NumberSpace>(
    _ request: TrainingRequest<KSpace>, _ system: KSpaceSystem, _ used: [Space], _ kept: [Space]
  ) throws -> Training {
    let (mask, options, isADMM) = (system.mask, request.options, request.method.name == "admm-net")
    let network = try request.untrained(system, seed: seed)
    func stacked(_ images: [Space]) -> Space {
      Space(numbers: .stacked(images.map(\.numbers)), shape: [images.count] + images[0].shape).converted(to: network.precision)
    }
    let (images, held) = (stacked(used), stacked(kept))
    let measured = measuring(Space.self, system, network.precision)
    let (seed, hasCoils) = (seed, system.maps != nil)
    let samples = DrawnPairs<ComplexTensor, Space>(count: used.count) { samples, generator in
      if isADMM {  // one function of the parameters for L-BFGS: each image with noise of its own
        let pairs = samples.map { i in
          var own = RandomGenerator(seed: seed, stream: 16 + UInt64(i))
          return measured(images.rows(i..<i + 1), &own)
        }
        return Pairs(measurement: .concatenated(pairs.map(\.measurement)), groundTruth: .concatenated(pairs.map(\.groundTruth)))
      }
      let chosen = samples.map { i in
        let image = images.rows(i..<i + 1).turned(Int(generator.next() >> 61))
        // Estimated maps leave the image's phase open.
        return hasCoils ? image.timesPhase(2 * Double.pi * generator.uniform()) : image
      }
      return measured(.concatenated(chosen), &generator)
    }
    if isADMM { try request.refuse(("loss", request.setup.loss != nil)) }
    let choice = request.setup.loss ?? .squares
    var loss = PairLoss(isADMM ? .meanNormalised : try .init(choice, for: request.method.name))
    loss.recomputes = options.recompute
    if request.method.name == ImageNetwork.fistaNet.rawValue { loss.recorded = 0.01 }
    var own = RandomGenerator(seed: seed, stream: 2)
    let training = try PairTraining(
      samples, loss: loss, validation: measured(held, &own),
      operators: [NamedParameter(name: "mask", value: mask.values.converted(to: .single))])
    let usual = isADMM ? (options.quick ? 10 : 100) : options.quick ? 100 : 10_000
    let steps = options.steps(samples: used.count, batch: 4, otherwise: usual)
    let batch = min(4, used.count)
    // L-BFGS takes gradients of all images: a quarter of as many as Adam has taken.
    let polishing = min(steps, max(1, 10 * steps * batch / (4 * used.count)))
    let phases =
      isADMM
      ? [
        Recipe.adam("adam", steps: 10 * steps, batchSize: batch),
        Recipe.Phase(
          "l-bfgs", steps: polishing, batchSize: nil, chunkSize: 1, optimiser: .lbfgs(memory: 5, scaling: .gradients),
          learningRate: .constant(rate: 1)),
      ] : [Recipe.adam(steps: steps, batchSize: batch)]
    let recipe = Recipe(
      network: request.method.name, seed: seed, architecture: request.architecture, phases: phases,
      validationInterval: isADMM ? max(10, steps / 10) : min(250, max(1, steps / 10)),
      notes: notes(system, images: used.count).merging(isADMM ? [:] : ["loss": choice.rawValue]) { $1 })
    return try Training(training, network, recipe)
  }

  private func notes(_ system: KSpaceSystem, images: Int) -> [String: String] {
    let mask = system.mask
    var notes = [
      "problem": Self.name, "mask": maskName, "ratio": setup.ratio.map { "\($0)" } ?? "\(mask.ratio)", "height": "\(mask.height)",
      "width": "\(mask.width)", "images": "\(images)",
    ]
    if coils > 1 { notes["coils"] = "\(coils)" }
    if let maps = setup.maps { notes["maps"] = (maps as NSString).lastPathComponent }
    if let noise = setup.noiseSnr { notes["noise_snr"] = "\(noise)" }
    return notes
  }

  /// Images `[batch, h, w]` measured with noise: y = P F x + ε, or y = (P F S x + ε) / ‖P F S‖, as networks of coils see it.
  private func measuring<Space: NumberSpace>(
    _: Space.Type, _ system: KSpaceSystem, _ precision: Precision
  ) -> @Sendable (Space, inout RandomGenerator) -> Pairs<ComplexTensor, Space> {
    let (mask, noise) = (system.mask, Noise(snr: setup.noiseSnr))
    guard let maps = system.maps else {
      let model = UndersampledMRI(MaskedFourier(mask), noise: noise)
      return { x, generator in
        Pairs(measurement: model.noisy(Space.sampling(mask).forward(x), using: &generator), groundTruth: x)
      }
    }
    let (A, unit) = (SENSE(maps, mask: mask).converted(to: precision), SENSE(maps, mask: mask).unit)
    let model = UndersampledMRI(A, noise: noise)
    return { x, generator in
      let y = model.noisy(A.forward(ComplexTensor(numbers: x.numbers, shape: x.shape)), using: &generator)
      return Pairs(measurement: unit == 1 ? y : unit * y, groundTruth: x)
    }
  }
}

extension ImageSpace {
  /// Complex images times exp(i φ); real ones as they are.
  fileprivate func timesPhase(_ phase: Double) -> Self {
    guard Self.parts == 2 else { return self }
    let (re, im, c, s) = (separateParts[0], separateParts[1], cos(phase), sin(phase))
    return Self(separateParts: [c * re - s * im, s * re + c * im])
  }
}
