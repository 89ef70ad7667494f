// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Evaluation
import Experiments
import FileFormats
import Foundation
import Tensors
import Training

struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The main job on real photographs: pictures and a report page.",
    discussion: """
      Measures photographs block by block at 25 % and reconstructs them by TVAL3, ISTA-Net⁺ and SCNet, whose weights ship. Then takes a fifth of the k-space of a slice of a head, that of Debian's \
      package mricron-data, and reconstructs it by every method there is. Then takes 60 X-ray views \
      of a CT slice, that of Debian's package python3-pydicom, and reconstructs it by filtered back-projection, total variation and three networks. Then learns a \
      dictionary, trains LISTA on patches and compares it with ISTA and FISTA on photographs it never saw. Without --images it takes \
      those of Debian's package mate-backgrounds.
      """)
  @Option(help: ArgumentHelp("Folder to write to; made when missing.", valueName: "dir")) var out = "report"
  @Option(help: ArgumentHelp("Folder of at least four images.", valueName: "dir")) var images: String?
  @Option(help: ArgumentHelp("A CT slice in Hounsfield units, such as a DICOM file.", valueName: "file")) var ct: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let folder = try images ?? PackagedData.photographs()
    let quiet = common.quiet
    let images = try ImageFolder(folder, maximumSide: 512)
    guard images.entries.count >= 4 else {
      throw InputError("\(folder): found \(images.entries.count) images; expected at least 4")
    }
    try makeFolder(out, option: "--out")
    func report(_ line: String) { if !quiet { say(line) } }
    let blocks = try BlockDemo().run(images: images, report: report)
    let mri = try head(report)
    let tomography = try slice(report)
    let coding = try SparseCodingDemo(seed: common.seed ?? 2010).run(
      images: ImageFolder(folder, maximumSide: 640), monitors: { quiet ? [] : [ProgressBar()] }, report: report)
    let source = self.images.map { ($0 as NSString).lastPathComponent } ?? "photographs of Debian's mate-backgrounds"
    try DemoPage(blocks: blocks, mri: mri, tomography: tomography, coding: coding).write(
      to: out, source: source, command: "unfold demo")
    try common.writeJSON(
      .object([
        "page": .string(out + "/index.html"), "image_cs": blocks.json, "mri": mri.map { json(of: $0.comparison) },
        "ct": tomography.map { json(of: $0.comparison) }, "zero_error": .number(coding.zeroError),
        "fista_1": .number(coding.fista[0]),
        "lista": .array(
          coding.lista.map {
            .object([
              "iterations": .integer($0.iterations), "code_error": .number($0.error),
              "fista_iterations": $0.fistaIterations.map { .integer($0) } ?? .null,
            ])
          }), "seconds": .number(blocks.seconds + coding.seconds),
      ]))
    if !quiet && common.json != "-" {
      for (entry, mean) in zip(blocks.photographs[0].reconstructions, blocks.means) {
        print(
          "\(entry.method): \(String(format: "%.2f dB, SSIM %.4f", mean.psnr ?? .nan, mean.ssim ?? .nan)), mean of "
            + "\(blocks.photographs.count) photographs")
      }
      for entry in mri?.comparison.entries ?? [] {
        print(
          "\(entry.method): \(String(format: "%.2f dB", entry.scores.psnr ?? .nan)), a slice of a head from 20 % of its k-space")
      }
      for entry in tomography?.comparison.entries ?? [] {
        print("\(entry.method): \(String(format: "%.2f dB", entry.scores.psnr ?? .nan)), a CT slice from 60 views")
      }
      for entry in coding.lista {
        print(
          "LISTA, T = \(entry.iterations): code error \(String(format: "%.3f", entry.error)); FISTA needs "
            + "\(entry.fistaIterations.map(String.init) ?? "more than \(coding.fista.count)") iterations for it")
      }
      print("Open \(out)/index.html")
    }
  }

  private func json(of comparison: Comparison) -> JSONValue {
    .array(
      comparison.entries.map {
        .object(
          [JSONMember("method", .string($0.method))] + $0.scores.members
            + ($0.residual.map { [JSONMember("residual", .number($0))] } ?? []))
      })
  }

  /// A fifth of the k-space of the middle slice of a head, its front above; nil where there is none.
  private func head(_ report: (String) -> Void) throws -> KSpacePage? {
    let path = PackagedData.head
    guard FileManager.default.fileExists(atPath: path) else {
      report("found no head at \(path), which is left out; install Debian's mricron-data")
      return nil
    }
    guard let slice = try NamedImage.trainingSlices(of: path, step: 180).first, let image = slice.value.real else { return nil }
    report("a slice of a head: a fifth of its k-space, \(slice.height) × \(slice.width) pixels")
    let upright = Tensor((0..<slice.height).reversed().flatMap { image.row($0).doubles }, shape: image.shape)
    let sides = [slice.height, slice.width].map { ($0 + 15) / 16 * 16 }  // RecPF's wavelets halve them four times
    return try KSpacePage(
      NamedImage(name: "a slice of a head", value: upright).centred(height: sides[0], width: sides[1]),
      source: "Debian's mricron-data")
  }

  /// 60 views of a CT slice with 1e5 photons a ray; nil where there is no slice.
  private func slice(_ report: (String) -> Void) throws -> TomographyPage? {
    let path = ct ?? PackagedData.slice
    guard ct != nil || FileManager.default.fileExists(atPath: path) else {
      report("found no CT slice at \(path), which is left out; install Debian's python3-pydicom or name one with --ct")
      return nil
    }
    var setup = CT.Setup()
    (setup.photons, setup.quantity) = (1e5, .hounsfield)
    let image = try NamedImage.slices(of: path, units: .hounsfield).prefix(1)
    let scan = try CT(setup, seed: common.seed ?? CT.standardSeed).scans(of: Array(image))[0]
    report("\(scan.name): \(scan.measured.count) X-rays through \(scan.system.height) × \(scan.system.width) pixels")
    return try TomographyPage(
      scan, source: ct == nil ? "a slice of Debian's python3-pydicom" : (path as NSString).lastPathComponent, photons: 1e5)
  }
}
