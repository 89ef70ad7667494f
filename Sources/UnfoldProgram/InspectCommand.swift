// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Experiments

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what is in a file: arrays, shapes, precision, number of parameters, the recipe that trained them.")
  @Argument(help: "Array file, weights, checkpoint, measurement, image or event file.") var file: String
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try common.answer(FileInspection(file))
  }
}
