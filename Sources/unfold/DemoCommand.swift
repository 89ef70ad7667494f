// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Evaluation
import Foundation
import Recipes
import Training

struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The main job on real photographs: pictures and a report page.",
    discussion: """
      Measures photographs block by block at 25 % and reconstructs them by TVAL3 and by ISTA-Net⁺, whose weights ship. Then learns a \
      dictionary, trains LISTA on patches and compares it with ISTA and FISTA on photographs it never saw. Without --images it takes \
      those of Debian's package mate-backgrounds.
      """)
  @Option(help: ArgumentHelp("Folder to write to; made when missing.", valueName: "dir")) var out = "report"
  @Option(help: ArgumentHelp("Folder of at least four images.", valueName: "dir")) var images: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    common.apply()
    let folder = try images ?? PackagedPhotographs.folder()
    let quiet = common.quiet
    let images = try ImageFolder(folder, maximumSide: 512)
    guard images.entries.count >= 4 else {
      throw InputError("\(folder): found \(images.entries.count) images; expected at least 4")
    }
    do { try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true) } catch {
      throw InputError("\(out): cannot be made a folder; name another with --out")
    }
    func report(_ line: String) { if !quiet { say(line) } }
    let blocks = try BlockDemo().run(images: images, report: report)
    let coding = try SparseCodingDemo(seed: common.seed ?? 2010).run(
      images: ImageFolder(folder, maximumSide: 640), monitors: { quiet ? [] : [ProgressBar()] }, report: report)
    let source = self.images.map { ($0 as NSString).lastPathComponent } ?? "photographs of Debian's mate-backgrounds"
    try DemoPage(blocks: blocks, coding: coding).write(to: out, source: source, command: "unfold demo")
    try common.writeJSON(
      .object([
        "page": .string(out + "/index.html"), "image_cs": blocks.json, "zero_error": .number(coding.zeroError),
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
      for entry in coding.lista {
        print(
          "LISTA, T = \(entry.iterations): code error \(String(format: "%.3f", entry.error)); FISTA needs "
            + "\(entry.fistaIterations.map(String.init) ?? "more than \(coding.fista.count)") iterations for it")
      }
      print("Open \(out)/index.html")
    }
  }
}
