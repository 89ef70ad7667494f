// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import Training

/// An experiment that measures real images one by one with a model that their extent decides: a family of one's own needs its settings, its
/// model and its methods, and has all commands.
public protocol ImageExperiment: Experiment
where System: Model, System.Signal == Tensor, Measured == System.Measurement, System.Measurement: StoredSpace {
  /// The settings, with what files they name in them.
  var setup: Setup { get }
  var seed: UInt64 { get }
  /// How images of an extent are measured, `[samples, height, width]`.
  ///
  /// - Throws: ``InputError`` for an extent that cannot be.
  func system(height: Int, width: Int) throws -> System
  /// The images of files and folders.
  func images(of files: [String]) throws -> [NamedImage]
  /// What of images the model sees.
  static func visible(_ images: Tensor, by system: System) -> Tensor
  /// What answers say of the measurement.
  func facts(of system: System) -> [JSONMember]
  /// What a measurement in its own units is multiplied by to be in those of the model; files have its own.
  static func unit(of system: System) -> Double
  /// What networks are trained with.
  static var loss: PairLoss { get }
}

extension ImageExperiment {
  public static func visible(_ images: Tensor, by system: System) -> Tensor { images }
  public func facts(of system: System) -> [JSONMember] { [] }
  public static func unit(of system: System) -> Double { 1 }
  public static var loss: PairLoss { PairLoss() }

  public func images(of files: [String]) throws -> [NamedImage] {
    try files.flatMap { try NamedImage.paths($0).map { try NamedImage(inRange: $0) } }
  }

  public func scans(of files: [String]) throws -> Scans<Self> { try scans(of: images(of: files)) }

  /// Measurements of images, in single precision, the noise of each of a stream of its own.
  public func scans(of images: [NamedImage]) throws -> Scans<Self> {
    for image in images where image.isComplex {
      throw InputError("\(image.name): found a complex image; expected a real one for \(Self.name)")
    }
    let systems = Pool<[Int], System>()
    @Sendable func system(_ i: Int) throws -> (number: Int, value: System) {
      try systems.value(images[i].value.shape) { try self.system(height: images[i].height, width: images[i].width) }
    }
    let first = try images.isEmpty ? nil : system(0).value
    let sizes: [JSONMember] =
      images.first.map { [JSONMember("height", .integer($0.height)), JSONMember("width", .integer($0.width))] } ?? []
    return Scans(images.map(\.name), facts: sizes + (first.map(facts) ?? [])) { i in
      let (number, system) = try system(i)
      let whole = images[i].value.display.converted(to: .single).reshaped([1] + images[i].value.shape)
      let truth = Self.visible(whole, by: system)
      return Scan(
        name: images[i].name, system: system, systemNumber: number,
        measured: system.simulate(truth, seed: seed, stream: UInt64(i)), groundTruth: .real(truth.row(0).converted(to: .double)))
    }
  }

  public func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String) {
    try simulated(files, setup: setup, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
  }

  public func store(_ scan: Scan<Self>, number k: Int, in file: inout MeasurementContents) {
    let unit = Self.unit(of: scan.system)
    file.add("measurement/\(k)", unit == 1 ? scan.measured.stored : ((1 / unit) * scan.measured.converted(to: .double)).stored)
    let shape = scan.system.A.domainShape.suffix(2)
    file.add("size/\(k)", Tensor(shape.map(Double.init)))
  }

  public static func scans(from file: MeasurementFile) throws -> Scans<Self> {
    try scans(from: file, of: Self(file.setup(), seed: file.seed))
  }

  /// The measurements of a file by an experiment that may have other settings than the file's own.
  static func scans(from file: MeasurementFile, of experiment: Self) throws -> Scans<Self> {
    let systems = Pool<[Int], System>()
    var remembered: [Scan<Self>] = []
    for (k, name) in file.names.enumerated() {
      let size = try file.real("size/\(k)", 2).doubles
      guard size.allSatisfy({ $0 == $0.rounded() && $0 >= 2 && $0 <= 65_500 }), size[0] * size[1] <= 4e8 else {
        throw file.damaged("found size/\(k) of \(size); expected height and width")
      }
      let shape = size.map { Int($0) }
      let (number, system) = try systems.value(shape) { try experiment.system(height: shape[0], width: shape[1]) }
      let stored = try file.array("measurement/\(k)")
      let wanted = system.A.codomainShape
      guard stored.shape.reduce(1, *) == wanted.reduce(1, *), Array(stored.shape.suffix(wanted.count)) == wanted,
        let measured = System.Measurement(stored.asSample(wanted))
      else { throw file.damaged("found measurement/\(k) of shape \(stored.shape); expected \(wanted), or a sample of it") }
      let unit = unit(of: system)
      remembered.append(
        Scan(
          name: name, system: system, systemNumber: number,
          measured: (unit == 1 ? measured : unit * measured).converted(to: .single),
          groundTruth: try file.groundTruth(k, shape: shape)))
    }
    return Scans(remembered, facts: remembered.first.map { experiment.facts(of: $0.system) } ?? [])
  }

  public static func reconstructor(
    of network: any Network, _ method: Method<Self>, stages: Int, for system: System, _ knobs: Knobs
  ) throws -> Reconstructor<Self> {
    guard let network = network as? any Network<System.Measurement, Tensor> else {
      throw InputError("\(method.name) is a network between other spaces than those of \(name); expected another network")
    }
    return Reconstructor { y in
      @Sendable func run<N: Network<System.Measurement, Tensor>>(_ network: N) -> Tensor {
        network.predict(y.converted(to: network.precision), stages: stages, samplesAtATime: 1)
      }
      return Reconstruction(.real(run(network).row(0).converted(to: .double)))
    }
  }
}

extension NumericArray {
  /// `[1] + shape`.
  fileprivate func asSample(_ shape: [Int]) -> NumericArray {
    switch self {
    case .real(let x): .real(x.reshaped([1] + shape))
    case .complex(let z): .complex(ComplexTensor(pairs: z.pairs.reshaped([1] + shape + [2])))
    }
  }
}

/// Folders of images of any extent, of which square crops are trained on.
public struct TrainingCrops: Settings {
  public var images: [String] = []
  /// Folders for validation, in the place of a tenth of the images.
  public var validationImages: [String] = []
  /// Extent of the crops, in pixels.
  public var crop = 64
  public init() {}
}

extension ImageExperiment {
  /// Crops of the images of folders, and 32 of those kept aside, `[32, side, side]`.
  ///
  /// - Parameter validation: folders in the place of a tenth of the images.
  func crops(of folders: [String], validation: [String], side: Int) throws -> (crops: BlockCrops, held: Tensor) {
    guard !folders.isEmpty else { throw InputError("found no --images; expected folders of training images") }
    guard (8...1024).contains(side) else { throw InputError("found --crop \(side); expected 8 to 1024 pixels") }
    let pictures = try images(of: folders)
    let (used, kept) = validation.isEmpty ? splitForValidation(pictures) : (pictures, try images(of: validation))
    let held = try BlockCrops(kept.map(\.value.display), side: side).draw(32, seed: seed &+ 2)
    return (try BlockCrops(used.map(\.value.display), side: side), held.reshaped([32, side, side]))
  }
}

extension ImageExperiment where TrainingSetup == TrainingCrops {
  /// Crops in eight orientations, measured afresh with noise of their own, by Adam.
  public func training(_ request: TrainingRequest<Self>) throws -> Training {
    let (setup, options) = (request.setup, request.options)
    let side = setup.crop
    let (crops, held) = try crops(of: setup.images, validation: setup.validationImages, side: side)
    let system = try system(height: side, width: side)
    let samples = DrawnPairs<System.Measurement, Tensor>(count: 20_000) { samples, generator in
      let truth = crops.draw(samples.count, using: &generator)
      return Pairs(measurement: system.measure(truth, using: &generator), groundTruth: truth)
    }
    var loss = Self.loss
    loss.recomputes = options.recompute
    let training = try PairTraining(
      samples, loss: loss, validation: Pairs(measurement: system.simulate(held, seed: seed &+ 3), groundTruth: held))
    let steps = options.steps(samples: samples.count, batch: 4, otherwise: options.quick ? 300 : 20_000)
    let recipe = request.adamRecipe(
      steps: steps, batchSize: 4, seed: seed, notes: ["problem": Self.name, "crop": "\(side)"])
    return try Training(training, request.untrained(system, seed: seed), recipe)
  }
}

extension Method where E: ImageExperiment {
  /// ISTA-Net⁺ for any model of real images.
  public static func istaNetPlus(
    _ gradient: @escaping @Sendable (E.System, Architecture) throws -> DataGradient<E.Measured, Tensor>, depth: Int = 7
  ) -> Method {
    Method(
      "ista-net-plus", "ISTA with a learned transform on a residual", source: Papers.istaNet,
      Architecture(depth: depth, channels: 32)
    ) { system, shape, _, seed in
      let size = system.A.domainShape.suffix(2)
      return ISTANetPlus(
        try gradient(system, shape), height: size.first ?? 0, width: size.last ?? 0, depth: shape.depth ?? depth,
        channels: shape.channels ?? 32, seed: seed)
    }
  }
}
