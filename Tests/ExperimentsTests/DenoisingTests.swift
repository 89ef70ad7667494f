// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Evaluation
import Experiments
import FileFormats
import Foundation
import LinearSystems
import Networks
import Tensors
import TestSupport
import Testing
import Training

@Suite struct DenoisingTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private static let image = Tensor(
    (0..<64 * 80).map { p in
      let (i, j) = (Double(p / 80), Double(p % 80))
      return 0.5 + 0.2 * sin(0.11 * i + 0.07 * j) + (hypot(i - 30, j - 40) < 20 ? 0.2 : 0)
    }, shape: [64, 80])

  /// The noise of a measurement has the level asked for, and the methods take it out; a measurement's file is solved as the images are.
  @Test func scansOfImages() throws {
    let path = try folder.writeImages([Self.image], to: "images")
    let experiment = try Denoising(.set { $0.sigma = 25 }, seed: 4)
    let scan = try experiment.scans(of: [path])[0]
    let truth = try #require(scan.groundTruth?.real)
    let noise = scan.measured.row(0).converted(to: .double) - truth
    let count = Double(noise.count)
    // Within four deviations of the sample's own.
    #expect(abs(noise.norm / count.squareRoot() * 255 - 25) <= 4 * 25 / (2 * count).squareRoot())
    let noisy = try psnr(scan.measured.row(0).converted(to: .double), truth)
    for name in ["bm3d", "rof"] {
      let found = try Solver(Denoising.named(name), scan.system).solve(scan.measured).display
      #expect(try psnr(found, truth) > noisy + 6, "\(name)")
      let again = BM3D().denoised(scan.measured, sigma: 25.0 / 255).row(0).converted(to: .double)
      if name == "bm3d" { #expect(found == again) }
    }
    _ = try experiment.simulate([path], to: folder.file("m.h5"), keepingGroundTruth: true)
    let stored = try Denoising.open(folder.file("m.h5"), .init())
    let other = try stored[0]
    #expect(other.measured == scan.measured && other.system.sigma == 25.0 / 255 && stored.names == ["0.png"])
  }

  /// Of a picture the level is said or estimated; every colour is denoised by itself.
  @Test func pictures() throws {
    var generator = RandomGenerator(seed: 5)
    let planes = Tensor.stacked(
      (0..<3).map { _ in
        (Self.image + 20.0 / 255 * Tensor.normal(Self.image.shape, using: &generator)).map { min(max($0, 0), 1) }
      })
    try writeImage(Image(values: planes), to: folder.file("c.png"))
    let scans = try Denoising.open(folder.file("c.png"), .init())
    let scan = try scans[0]
    #expect(abs(255 * scan.system.sigma - 20) < 1.5, "\(255 * scan.system.sigma)")
    #expect(scans.remarks.count == 1 && scan.measured.shape == [3, 64, 80])
    let said = try Denoising.open(folder.file("c.png"), .set { $0.sigma = 20 })
    #expect(try said.remarks.isEmpty && said[0].system.sigma == 20.0 / 255)
    let found = try Solver(Denoising.named("bm3d"), scan.system).solve(scan.measured).display
    #expect(found.shape == [3, 64, 80])
    #expect(try psnr(found.row(1), Self.image) > psnr(planes.row(1), Self.image) + 6)
    try writePNG(Tensor.filled(0.5, shape: [1, 9]), to: folder.file("line.png"))
    #expect(refusal(InputError.self) { try Denoising.open(folder.file("line.png"), .init()) }.contains("--sigma"))
  }

  /// σ̂ of noise alone is that of its draws: the median's own deviation is 1.167 σ / √n of the n = 16 384 details.
  @Test func estimatedLevel() throws {
    var generator = RandomGenerator(seed: 6)
    let noise = 0.1 * Tensor.normal([2, 257, 256], using: &generator)
    let found = try #require(estimatedNoise(noise))
    #expect(abs(found - 0.1) <= 4 * 0.1 * 1.167 / 32_768.0.squareRoot())
    #expect(estimatedNoise(Tensor.filled(0.3, shape: [4, 4])) == 0)
    #expect(estimatedNoise(Tensor.filled(0.3, shape: [1, 4])) == nil)
  }

  /// The loss falls, the figures are of the published levels, and the weights' file is a prior for any operator.
  @Test(arguments: DenoisingNetworkKind.allCases) func training(kind: DenoisingNetworkKind) throws {
    let path = try folder.writeImages(
      (0..<4).map { Self.image + 0.02 * Double($0) * Tensor.filled(1, shape: [64, 80]) }, to: "images")
    let setup = Denoising.TrainingSetup.set { ($0.images, $0.crop) = ([path], 24) }
    let options = TrainingOptions.set { ($0.steps, $0.batch) = (12, 4) }
    let request = try TrainingRequest(Denoising.named(kind.rawValue), setup, options: options)
    var training = try Denoising(.init(), seed: 2).training(request)
    training.apply(options)
    let log = Log()
    #expect(try training.run(.init(path: folder.file("w.safetensors"), monitors: { [log] })) != nil)
    let reports = log.reports
    let figures = try #require(reports.last?.figures)
    #expect(figures.map(\.name) == ["psnr at 15", "psnr at 25", "psnr at 50"])
    let errors = reports.compactMap(\.validation)
    #expect(try #require(errors.last) < (try #require(errors.first)))

    let scan = try Denoising(.set { $0.sigma = 50 }, seed: 3).scans(of: [path])[0]
    let weights = folder.file("w.safetensors")
    let found = try Solver(Denoising.named(kind.rawValue), scan.system, options: .set { $0.weights = weights }).solve(scan.measured)
    let prior = try DenoiserTerm.network(kind).denoiser(weights: weights)
    #expect(found.display == prior.denoised(scan.measured, sigma: 50.0 / 255).row(0).converted(to: .double))
    let other = kind == .dilatedCNN ? "ffdnet" : "dilated-cnn"
    let options2 = SolverOptions<NoSettings>.set { $0.weights = weights }
    #expect(
      refusal(InputError.self) { try Solver(Denoising.named(other), scan.system, options: options2) }.contains(
        "found weights of \(kind.rawValue)"))
  }

  @Test func refusals() throws {
    let path = try folder.writeImages([Self.image], to: "images")
    func error(_ work: () throws -> Void) -> String { refusal(InputError.self, work) }
    #expect(error { _ = try Denoising(.set { $0.sigma = -1 }, seed: 1) }.contains("0 to 255"))
    #expect(error { _ = try Denoising(.init(), seed: 1).scans(of: [path]) }.contains("found no --sigma"))
    let method = try Denoising.named("dilated-cnn")
    func train(_ setup: Denoising.TrainingSetup, _ own: Denoising.Setup = .init()) -> String {
      error { _ = try Denoising(own, seed: 1).training(TrainingRequest(method, setup)) }
    }
    #expect(train(.init()).contains("found no --images"))
    #expect(train(.set { ($0.images, $0.crop) = ([path], 4) }).contains("8 to 1024"))
    #expect(train(.set { ($0.images, $0.highestSigma) = ([path], 0) }).contains("--highest-sigma"))
    #expect(train(.set { $0.images = [path] }, .set { $0.sigma = 5 }).contains("--sigma"))
  }
}

/// Keeps the reports of a training.
private final class Log: TrainingMonitor {
  private(set) var reports: [TrainingReport] = []
  func record(_ report: TrainingReport) { reports.append(report) }
  func finish() {}
}
