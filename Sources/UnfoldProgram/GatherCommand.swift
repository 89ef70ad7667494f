// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Experiments
import FileFormats
import Foundation
import WeightFiles

struct Gather: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Join the reports of evaluate --shard: the table and the JSON of a single run.")
  @Argument(help: "The JSON files of all shards, in any order.") var files: [String]
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let parts = try files.map { path in
      guard let data = FileManager.default.contents(atPath: path) else {
        throw InputError("\(path): cannot be read; expected the JSON of evaluate --shard")
      }
      return (name: path, json: try data.withUnsafeBytes { try JSONValue(parsing: $0, path: path) })
    }
    let report = try EvaluationReport(joining: parts)
    for remark in report.remarks { common.note(remark) }
    try common.answer(report)
  }
}
