// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Evaluation
import Foundation
import Recipes

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Simulate, reconstruct and score every image, and the mean.",
    discussion: """
      sparse-coding: PSNR, SSIM, NMSE and RMSE of every image of --images, and the squared error of its codes against optimal ones. \
      sparse-recovery: the error over the codes of --data, or over the benchmark's own 1,000 test samples. image-cs: PSNR, SSIM, NMSE \
      and RMSE of every image of --images, measured at --ratio or by --phi. cs-mri: the same of images and arrays, real or complex, \
      measured with --mask. ct: of images and slices of volumes. emt, eit: of a part of the sets of --data, or of those of --seed.
      """)
  @Argument(help: "A classical method or a trained network (`unfold methods`).") var method: Method
  @Argument(help: "The problem (`unfold problems`).") var problem: ProblemKind
  @Option(help: ArgumentHelp("sparse-coding, image-cs, cs-mri, ct: folder of images, or one file.", valueName: "dir")) var images:
    String?
  @Option(help: ArgumentHelp("sparse-recovery: array of codes, one a row; emt, eit: sets of `unfold simulate`.", valueName: "file"))
  var data: String?
  @Option(help: "emt, eit, ct with --split: test (default), validation, train, or of emt and eit unseen_shapes.")
  var part: TomographyData.Part?
  @Flag(inversion: .prefixedNo, help: "Clip images to [0, 1] before they are scored (default: --clip).") var clip: Bool?
  @OptionGroup var measuring: MeasurementOptions
  @OptionGroup var tomography: TomographyOptions
  @OptionGroup var running: MethodOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.withArithmetic(of: method.rawValue, isConvolutional: method.isConvolutional, hasChoice: method.hasPrecisionChoice) {
      try work()
    }
  }

  private func work() throws {
    try measuring.check(problem)
    try tomography.check(problem)
    try method.check(for: problem)
    if part != nil, !problem.isTomography {
      throw InputError("found --part for \(problem.rawValue); leave it out, it is for ct, emt and eit")
    }
    let seed = common.seed(for: problem)
    let report: EvaluationReport
    switch method {
    case _ where problem == .mri: report = try kSpace(method.forMRI!, seed)
    case _ where problem == .ct: report = try projections(method.forTomography!, seed)
    case _ where problem.isOnDisc: report = try phantoms(method.forTomography!, seed)
    case .sparse(let method):
      let evaluation = try SparseEvaluation(
        method, options: running.sparseOptions(problem, precision: common.precision ?? .double), noiseDecibel: measuring.noiseSnr,
        seed: seed)
      report = problem == .sparseCoding ? try coding(evaluation) : try recovery(evaluation, seed)
    case .block(let method): report = try blocks(method, seed)
    case .mri, .tomography: preconditionFailure("checked above")
    }
    if running.weights == nil, let weights = report.weights { common.note("weights that ship: \(weights)") }
    try common.answer(report)
  }

  private func blocks(_ method: BlockMethod, _ seed: UInt64) throws -> EvaluationReport {
    guard let images, data == nil else {
      throw InputError("found \(data == nil ? "no --images" : "--data"); expected --images DIR for image-cs")
    }
    let phiSeed = measuring.phi == nil ? seed : nil
    let solver = try BlockSolver(method, sensing: measuring.sensing(seed: seed), seed: phiSeed, options: running.blockOptions())
    if let remark = solver.remark { common.note(remark) }
    return try BlockEvaluation(solver, seed: phiSeed, noiseDecibel: measuring.noiseSnr, noiseSeed: seed).run(
      images: ImageFolder.imagePaths(images), color: measuring.color ?? .luminance, clip: clip ?? true)
  }

  private func kSpace(_ method: MRIMethod, _ seed: UInt64) throws -> EvaluationReport {
    guard let images, data == nil else {
      throw InputError("found \(data == nil ? "no --images" : "--data"); expected --images DIR for cs-mri")
    }
    let pictures = try MRIImage.paths(images).map { try MRIImage($0, toMaximum: measuring.toMaximum) }
    var evaluation = try MRIEvaluation(
      method, sampling: measuring.sampling(seed: seed), options: running.mriOptions(), noiseDecibel: measuring.noiseSnr, seed: seed)
    evaluation.coils = measuring.coils ?? 1
    return try evaluation.run(images: pictures, clip: clip)
  }

  private func projections(_ method: TomographyMethod, _ seed: UInt64) throws -> EvaluationReport {
    guard let images, data == nil else {
      throw InputError("found \(data == nil ? "no --images" : "--data"); expected --images DIR for ct")
    }
    if part == .unseenShapes || (part != nil && tomography.split == nil) {
      throw InputError("found --part \(part!.rawValue) for ct; expected train, validation or test beside --split")
    }
    if measuring.noiseSnr != nil { throw InputError("found --noise-snr for ct; expected --photons, the noise of X-rays") }
    let pictures = try tomography.images([images], part: (part ?? .test).rawValue)
    let scans = try TomographyScans(
      pictures, scan: tomography.scan(), photons: tomography.photons, electronic: tomography.electronic ?? 0, seed: seed)
    let solver = try TomographySolver(method, scans.system, options: running.tomographyOptions(scans.system.problem))
    return try TomographyEvaluation(solver, scans, clips: clip ?? false, seed: seed).report
  }

  private func phantoms(_ method: TomographyMethod, _ seed: UInt64) throws -> EvaluationReport {
    if images != nil || measuring.noiseSnr != nil {
      throw InputError("found \(images != nil ? "--images" : "--noise-snr") for \(problem.rawValue); expected --data FILE, or none")
    }
    var settings = TomographyData.Settings(problem == .emt ? .emt28 : .eit104)
    settings.seed = seed
    let sets = try data.map(TomographyData.init(contentsOf:)) ?? TomographyData(settings)
    guard sets.settings.problem == problem else {
      throw InputError("\(data!): found sets of \(sets.settings.problem.rawValue); expected \(problem.rawValue), choose others")
    }
    let scans = TomographyScans(sets, part ?? .test)
    let solver = try TomographySolver(method, scans.system, options: running.tomographyOptions(scans.system.problem))
    return try TomographyEvaluation(solver, scans, clips: clip ?? false, seed: seed).report
  }

  private func coding(_ evaluation: SparseEvaluation) throws -> EvaluationReport {
    guard let images, data == nil else {
      throw InputError("found \(data == nil ? "no --images" : "--data"); expected --images DIR for sparse-coding")
    }
    return try evaluation.coding(images: ImageFolder(images).entries, dictionary: measuring.readDictionary(), clip: clip ?? true)
  }

  private func recovery(_ evaluation: SparseEvaluation, _ seed: UInt64) throws -> EvaluationReport {
    guard images == nil, clip == nil else {
      throw InputError("found --images or --clip; expected --data FILE for sparse-recovery, or none")
    }
    let A = try measuring.readA(seed: seed)
    guard let data else {
      guard measuring.matrix == nil else { throw InputError("found --matrix without --data; expected codes for it, one a row") }
      return try evaluation.recovery(codes: SparseRecoveryTraining(seed: seed).testSamples().groundTruth, name: "benchmark", A: A)
    }
    return try evaluation.recovery(codes: readTable(data, names: ["codes"]), name: (data as NSString).lastPathComponent, A: A)
  }
}
