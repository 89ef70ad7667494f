// SPDX-License-Identifier: Apache-2.0
import Datasets
import Denoisers
import FileFormats
import Foundation
import LinearSystems
import Networks
import Problems
import Tensors
import Training

/// Images out of white Gaussian noise, y = x + ε: the denoisers that stand in the place of a prior, alone.
public struct Denoising: ImageExperiment {
  public struct Setup: Settings {
    /// Standard deviation of the noise, of 255 levels.
    public var sigma: Double?
    public init() {}
  }
  /// What a noisy picture does not say of itself.
  public struct Opening: Settings {
    /// Standard deviation of the noise, of 255 levels; nil: estimated from the picture.
    public var sigma: Double?
    public init() {}
  }
  public struct TrainingSetup: Settings {
    public var images: [String] = []
    /// Folders for validation, in the place of a tenth of the images.
    public var validationImages: [String] = []
    /// Extent of the crops, in pixels.
    public var crop = 48
    /// Levels of training, of 255, are drawn between 0 and this.
    public var highestSigma = 55.0
    public init() {}
  }
  public typealias System = NoisyImages
  public typealias Measured = Tensor

  public static let name = "denoising"
  public static let title = "Gray images from y = x + noise, white and Gaussian"
  public static let source = "Dabov, Foi, Katkovnik & Egiazarian, IEEE Trans. Image Process. 16 (2007)"
  /// Standard deviations, of 255 levels, that published tables have.
  static let publishedSigmas = [15.0, 25, 50]

  public let setup: Setup
  public let seed: UInt64

  public init(_ setup: Setup, seed: UInt64) throws {
    try Self.check(sigma: setup.sigma)
    (self.setup, self.seed) = (setup, seed)
  }

  private static func check(sigma: Double?) throws {
    if let sigma, !(0...255).contains(sigma) {
      throw InputError("found --sigma \(sigma); expected a standard deviation of 0 to 255 levels")
    }
  }

  public func system(height: Int, width: Int) throws -> NoisyImages {
    guard let sigma = setup.sigma else {
      throw InputError("found no --sigma; expected the standard deviation of the noise, of 255 levels, such as --sigma 25")
    }
    return NoisyImages(height: height, width: width, sigma: sigma / 255)
  }

  public func facts(of system: NoisyImages) -> [JSONMember] { [JSONMember("sigma", .number(255 * system.sigma))] }

  /// A measurement of `simulate`, or a noisy picture or array of any format; every colour by itself.
  public static func open(_ path: String, _ opening: Opening) throws -> Scans<Denoising> {
    try check(sigma: opening.sigma)
    let kind = try FileKind.detect(path)
    if case .hdf5 = kind, let file = try? MeasurementFile(path) {
      try file.check(problem: name)
      if opening.sigma != nil { throw InputError("\(path): found --sigma for a measurement that says its own; leave it out") }
      return try scans(from: file)
    }
    let image = kind.isPicture ? try readImage(path).values : try NamedImage(path).value.display
    try ImageRange.check(image, path: path)
    let (height, width) = (image.shape[image.shape.count - 2], image.shape[image.shape.count - 1])
    guard let sigma = opening.sigma.map({ $0 / 255 }) ?? estimatedNoise(image) else {
      throw InputError("\(path): found \(height) × \(width) pixels, too few to estimate their noise; expected --sigma LEVELS")
    }
    let system = NoisyImages(height: height, width: width, sigma: sigma)
    let measured = image.converted(to: .single).reshaped([image.count / (height * width), height, width])
    var scans = Scans(
      [Scan<Denoising>(name: (path as NSString).lastPathComponent, system: system, measured: measured)],
      facts: [JSONMember("sigma", .number(255 * sigma))])
    if opening.sigma == nil {
      scans.remarks = [String(format: "noise of %.1f of 255 levels, estimated; --sigma says it", 255 * sigma)]
    }
    return scans
  }

  // MARK: Methods

  public static var methods: [Method<Denoising>] {
    [
      classical("bm3d", "Block matching and collaborative filtering, both steps", source: Self.source, BM3D()),
      classical(
        "rof", "Total variation, weight 10", source: "Rudin, Osher & Fatemi, Physica D 60 (1992)",
        TotalVariationDenoiser(weight: 10)),
      network(
        .dilatedCNN, "Seven convolution layers with taps up to 4 pixels apart, one network for every level",
        source: "Zhang, Zuo, Gu & Zhang, CVPR 2017"),
      network(
        .ffdNet, "Fifteen convolution layers on four sub-images, one network for every level",
        source: "Zhang, Zuo & Zhang, IEEE Trans. Image Process. 27 (2018)"),
    ]
  }

  private static func classical(
    _ name: String, _ title: String, source: String, _ denoiser: any Denoiser
  ) -> Method<Denoising> {
    Method(name, title, source: source) { system, _ in
      let shape = system.A.domainShape
      try denoiser.check(height: shape[0], width: shape[1], for: name, instead: "rof")
      return reconstructor(denoiser, system)
    }
  }

  private static func network(_ kind: DenoisingNetworkKind, _ title: String, source: String) -> Method<Denoising> {
    Method(kind.rawValue, title, source: source, Architecture()) { _, _, _, seed in kind.untrained(seed: seed) }
  }

  public static func reconstructor(
    of network: any Network, _ method: Method<Denoising>, stages: Int, for system: NoisyImages, _ knobs: NoSettings
  ) throws -> Reconstructor<Denoising> {
    guard let network = network as? any DenoisingNetwork else {
      throw InputError("\(method.name) is no network on an image and its level of noise; expected another one")
    }
    return reconstructor(network, system)
  }

  private static func reconstructor(_ denoiser: any Denoiser, _ system: NoisyImages) -> Reconstructor<Denoising> {
    Reconstructor { y in
      let found = denoiser.denoised(y, sigma: system.sigma).converted(to: .double)
      return Reconstruction(.real(found.shape[0] == 1 ? found.row(0) : found))
    }
  }

  /// The network that ships, else BM3D.
  public static func usualMethod(
    for scans: Scans<Denoising>, library: ModelLibrary
  ) throws -> (method: Method<Denoising>, reason: String) {
    let system = try scans[0].system
    if let own = method(DenoisingNetworkKind.dilatedCNN.rawValue), library.has(own, for: system) {
      return (own, "its weights are for every level of noise")
    }
    guard let classical = method("bm3d") else { preconditionFailure("no bm3d") }
    return (classical, "no weights ship")
  }
}
