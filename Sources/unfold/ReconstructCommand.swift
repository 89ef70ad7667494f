// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Evaluation
import FileFormats
import Foundation
import Operators
import Recipes
import Tensors

struct Reconstruct: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Reconstruct an image or codes from a measurement.",
    usage: "unfold reconstruct [<method>] <file> --output <file> [<options>]",
    discussion: """
      Of image-cs the method may be left out: ista-net-plus for a Φ that its weights are for, else scnet, whose weights are for every Φ. \
      A measurement of several images needs a folder as output; one image a name is written there, as PNG. cs-mri reads k-space of scanners \
      too: BART's .cfl, fastMRI and ISMRMRD files, one coil or several; and writes arrays, complex where the image is, in the units of \
      the file, several slices as one array. emt reads the folder of a measured \
      sensor too: sensitivity, voltage_high_snr, pixel_index and reference, NumPy arrays. ct, emt and eit write an array where the output is one.
      """)
  @Argument(
    help: ArgumentHelp(
      "How, a classical method or a trained network (`unfold methods`); then the measurement, written by `unfold simulate`, or k-space of a scanner.",
      valueName: "method> <file"))
  var methodAndMeasurement: [String]
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Image to write; for cs-mri also an array; for sparse-recovery, codes.", valueName: "file"))
  var output: String
  @Option(help: "Scanner's k-space: the slice to reconstruct, from 0 (default: all).") var slice: Int?
  @Option(
    help: ArgumentHelp(
      "k-space of several coils: their maps, [coils, height, width]; estimated by ESPIRiT without.", valueName: "file"))
  var maps: String?
  @Option(help: ArgumentHelp("sparse-coding: array file to write the codes to, one a row.", valueName: "file")) var codes: String?
  @OptionGroup var running: MethodOptions
  @OptionGroup var common: CommonOptions

  private var measurement: String { methodAndMeasurement.last! }

  func validate() throws {
    guard (1...2).contains(methodAndMeasurement.count) else {
      throw ValidationError("found \(methodAndMeasurement.count) arguments; expected a method and a measurement")
    }
    if methodAndMeasurement.count == 2, Method(rawValue: methodAndMeasurement[0]) == nil {
      throw ValidationError("found the method “\(methodAndMeasurement[0])”; expected one that `unfold methods` lists")
    }
  }

  func run() throws {
    guard methodAndMeasurement.count == 2, let method = Method(rawValue: methodAndMeasurement[0]) else {
      return try common.withArithmetic(of: "a network", isConvolutional: true) { try reconstructByDefault() }
    }
    try common.withArithmetic(of: method.rawValue, isConvolutional: method.isConvolutional, hasChoice: method.hasPrecisionChoice) {
      try work(method)
    }
  }

  /// By the network that ships for the Φ of a measurement.
  private func reconstructByDefault() throws {
    if try ImageFolder.isFolder(measurement) || ScannerFile(ifKSpace: measurement) != nil {
      throw InputError("\(measurement): found no method; expected one that `unfold methods` lists before the measurement")
    }
    if running.weights != nil { throw InputError("found --weights and no method; expected the method of these weights") }
    let file = try MeasurementFile(measurement)
    guard file.problem == .imageCS else {
      throw InputError("\(measurement): found a measurement of \(file.problem.rawValue) and no method; expected one before it")
    }
    let measured = try BlockMeasurement(file)
    let (method, reason) = try BlockSolver.usualMethod(for: measured.sensing, seed: measured.phiSeed)
    common.note("\(method.rawValue): \(reason)")
    try blocks(method, measured)
  }

  private func work(_ method: Method) throws {
    if ImageFolder.isFolder(measurement) {
      try method.check(for: .emt)
      return try scans(method.forTomography!, TomographyScans(MeasuredEMT(contentsOf: measurement)))
    }
    if let file = try ScannerFile(ifKSpace: measurement) {
      try method.check(for: .mri)
      return try kSpace(method.forMRI!, MRIScans(file, slice: slice))
    }
    let file = try MeasurementFile(measurement)
    try method.check(for: file.problem)
    if slice != nil { throw InputError("found --slice; expected k-space of a scanner, leave it out") }
    if maps != nil, file.problem != .mri {
      throw InputError("found --maps for \(file.problem.rawValue); leave it out, there are no coils")
    }
    switch method {
    case _ where file.problem == .mri: try kSpace(method.forMRI!, MRIScans(MRIMeasurement(file)))
    case _ where file.problem.isTomography: try scans(method.forTomography!, TomographyScans(file))
    case .sparse(let method): try sparse(method, file)
    case .block(let method): try blocks(method, BlockMeasurement(file))
    case .mri, .tomography: preconditionFailure("checked above")
    }
  }

  private func blocks(_ method: BlockMethod, _ measurement: BlockMeasurement) throws {
    if codes != nil { throw InputError("found --codes for image-cs; leave it out, there are none") }
    let options = try running.blockOptions()
    let places = try imageTargets(measurement.images.map(\.name))
    let solver = try BlockSolver(method, sensing: measurement.sensing, seed: measurement.phiSeed, options: options)
    if running.weights == nil, let weights = solver.weights { common.note("weights that ship: \(weights)") }
    if let remark = solver.remark { common.note(remark) }
    var report = ImageReconstruction(solver)
    try measurement.forEachImage(solver) { index, values, scores in
      guard values.isFinite else {
        throw WorkFailed("\(method.rawValue): found NaN or infinity in \(places[index]), which was not written; check the weights")
      }
      try writeImage(Image(values: values), to: places[index])
      report.add(scores, file: places[index])
    }
    try common.answer(report)
  }

  private func kSpace(_ method: MRIMethod, _ scans: MRIScans) throws {
    if codes != nil { throw InputError("found --codes for cs-mri; leave it out, there are none") }
    let options = try running.mriOptions()
    let coilMaps = try maps.map(CoilSensitivities.init(file:))
    let writesArray = (try? OutputKind(output)) == .arrays
    let places = writesArray ? scans.names.map { _ in output } : try imageTargets(scans.names)
    var report: ImageReconstruction?
    var images: [NumericArray] = []
    let begin = Date()
    try scans.forEachImage(method, options: options, maps: coilMaps) { index, found in
      let (image, place) = (found.image, places[index])
      if report == nil {
        report = ImageReconstruction(found.solver, since: begin)
        if running.weights == nil, let weights = found.solver.weights { common.note("weights that ship: \(weights)") }
      }
      guard image.display.isFinite else {
        throw WorkFailed("\(method.rawValue): found NaN or infinity in \(place), which was not written; check the weights")
      }
      if writesArray { images.append(image.inFileUnits) } else { try writeImage(Image(values: image.display), to: place) }
      report?.add(found.scores, file: place)
    }
    if writesArray { try writeArrays([NamedArray(name: "image", value: .stacked(images, path: output))], to: output) }
    if let report { try common.answer(report) }
  }

  private func scans(_ method: TomographyMethod, _ scans: TomographyScans) throws {
    if codes != nil || slice != nil || maps != nil {
      throw InputError("found --codes, --slice or --maps for tomography; leave it out, there are none")
    }
    let writesArray = (try? OutputKind(output)) == .arrays
    let places = writesArray ? scans.names.map { _ in output } : try imageTargets(scans.names)
    let solver = try TomographySolver(method, scans.system, options: running.tomographyOptions(scans.system.problem))
    if running.weights == nil, let weights = solver.weights { common.note("weights that ship: \(weights)") }
    var report = ImageReconstruction(solver)
    let images = solver.solve(scans.measurement)
    guard images.isFinite else {
      throw WorkFailed("\(method.rawValue): found NaN or infinity in the images, which were not written; check the weights")
    }
    let size = [scans.system.height, scans.system.width]
    let residuals = solver.residuals(images, scans.measurement)
    if writesArray { try writeArrays([NamedArray(name: "image", value: images)], to: output) }
    let scores = try scans.scores(images)
    for (i, place) in places.enumerated() {
      if !writesArray { try writeImage(Image(values: images.rows(i..<i + 1).reshaped(size)), to: place) }
      report.add(scores?[i], file: place, residual: residuals[i])
    }
    try common.answer(report)
  }

  private func sparse(_ method: SparseMethod, _ file: MeasurementFile) throws {
    let measurement = try SparseMeasurement(file)
    let places = try targets(measurement)
    let solver = try SparseSolver(
      method, for: measurement.problem, A: measurement.A, alpha: measurement.alpha,
      options: running.sparseOptions(measurement.problem, precision: common.precision ?? .double))
    if running.weights == nil, let weights = solver.weights { common.note("weights that ship: \(weights)") }
    let solution = solver.solve(measurement.samples)
    guard solution.codes.isFinite else {
      throw WorkFailed(
        "\(method.rawValue): found NaN or infinity among the codes; nothing was written, check the weights or use --precision double"
      )
    }
    for (path, image) in zip(places, measurement.assemble(solution.codes)) { try writeImage(Image(values: image), to: path) }
    if measurement.problem == .sparseRecovery { try writeArrays([NamedArray(name: "codes", value: solution.codes)], to: output) }
    if let codes { try writeArrays([NamedArray(name: "codes", value: solution.codes)], to: codes) }
    try common.answer(try SparseReconstruction(solver, measurement, solution, files: places.isEmpty ? [output] : places))
  }

  /// The files to write images to, checked before any work.
  private func targets(_ measurement: SparseMeasurement) throws -> [String] {
    if let codes { try OutputKind.arrays.check(codes) }
    guard measurement.problem == .sparseCoding else {
      if codes != nil { throw InputError("found --codes for sparse-recovery; leave it out, the codes go to --output") }
      try OutputKind.arrays.check(output)
      return []
    }
    return try imageTargets(measurement.images.map(\.name))
  }

  private func imageTargets(_ images: [String]) throws -> [String] {
    guard images.count > 1 else {
      try OutputKind.image.check(output)
      return [output]
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: output, isDirectory: &isFolder), isFolder.boolValue else {
      throw InputError(
        "\(output): found a measurement of \(images.count) images; expected an existing folder to write them to")
    }
    let names = images.map { (($0 as NSString).lastPathComponent as NSString).deletingPathExtension + ".png" }
    guard Set(names).count == names.count else {
      throw InputError("\(self.measurement): found two images of one name; expected distinct names, simulate them apart")
    }
    return names.map { (output as NSString).appendingPathComponent($0) }
  }
}
