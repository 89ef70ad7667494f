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
      Learns a dictionary, trains LISTA on patches and compares it with ISTA and FISTA on photographs it never saw. Without \
      --images it takes those of Debian's package mate-backgrounds.
      """)
  @Option(help: ArgumentHelp("Folder to write to; made when missing.", valueName: "dir")) var out = "report"
  @Option(help: ArgumentHelp("Folder of at least four images.", valueName: "dir")) var images: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    common.apply()
    let folder = try images ?? PackagedPhotographs.folder()
    do { try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true) } catch {
      throw InputError("\(out): cannot be made a folder; name another with --out")
    }
    let quiet = common.quiet
    let outcome = try SparseCodingDemo(seed: common.seed ?? 2010).run(
      images: ImageFolder(folder, maximumSide: 640), monitors: { quiet ? [] : [ProgressBar()] }, report: { if !quiet { say($0) } })
    let source = images.map { ($0 as NSString).lastPathComponent } ?? "photographs of Debian's mate-backgrounds"
    try outcome.write(to: out, source: source, command: "unfold demo")
    try common.writeJSON(
      .object([
        "page": .string(out + "/index.html"), "zero_error": .number(outcome.zeroError), "fista_1": .number(outcome.fista[0]),
        "lista": .array(
          outcome.lista.map {
            .object([
              "iterations": .integer($0.iterations), "code_error": .number($0.error),
              "fista_iterations": $0.fistaIterations.map { .integer($0) } ?? .null,
            ])
          }), "seconds": .number(outcome.seconds),
      ]))
    if !quiet && common.json != "-" {
      for entry in outcome.lista {
        print(
          "LISTA, T = \(entry.iterations): code error \(String(format: "%.3f", entry.error)); FISTA needs "
            + "\(entry.fistaIterations.map(String.init) ?? "more than \(outcome.fista.count)") iterations for it")
      }
      print("Open \(out)/index.html")
    }
  }
}
