// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Experiments
import FileFormats

extension MATFile.Version: ExpressibleByArgument {
  public init?(argument: String) {
    switch argument {
    case "5": self = .v5
    case "7.3": self = .v73
    default: return nil
    }
  }
}

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Convert arrays, weights and images between file formats.",
    discussion: """
      Arrays: npy, npz, mat, safetensors, h5, cfl, nii, nii.gz; a .checkpoint gives its weights. Images: png, jpg, tiff. Read \
      only: PyTorch checkpoints, dcm. Names are kept. An image becomes \
      an array “image” and an array of values in [0, 1] an image.
      """)
  @Argument(help: "File to read; its content says what it is.") var input: String
  @Argument(help: "File to write; its extension says what it becomes.") var output: String
  @Option(help: "Version of a MAT file: 5 or 7.3.") var matVersion: MATFile.Version?
  @Flag(help: "Weights to safetensors: trained matrices rounded to half precision, operators to single; smaller files.") var half =
    false
  @Flag(help: "To or from cfl: the first axis is BART's first dimension, so that x, y, z, coils of MATLAB stay so.") var keepOrder =
    false
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let done = try FileConversion(input, to: output, matVersion: matVersion, half: half, keepingOrder: keepOrder)
    let dimensions = done.bartDimensions
    if !done.lost.isEmpty { common.note("lost, as the format cannot hold it: \(done.lost.joined(separator: "; "))") }
    try common.answer(
      Answer(
        json: .object([
          "input": .string(input), "output": .string(output), "names": .array(done.names.map(JSONValue.string)),
          "lost": .array(done.lost.map(JSONValue.string)),
          "bart dimensions": dimensions.map { .array($0.map(JSONValue.integer)) },
        ]),
        text: "\(output): \(done.names.count == 1 ? done.names[0] : "\(done.names.count) arrays")"
          + (dimensions.map { ", BART's dimensions " + $0.map(String.init).joined(separator: " ") } ?? "")))
  }
}
