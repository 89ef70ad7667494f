// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import TestSupport
import Testing
import WeightFiles

@Suite struct ReportShardsTests {
  private func scores(_ i: Int) -> Scores {
    let psnr = i == 3 ? Double.infinity : 30 + Double(i) / 7
    return Scores(psnr: psnr, ssim: 0.1 * Double(i), nmse: i == 4 ? .nan : 0.01, seconds: 1)
  }

  private func report(_ images: [Int], _ shard: Shard? = nil, seed: UInt64 = .max) throws -> EvaluationReport {
    var report = try EvaluationReport(
      method: "tval3", problem: .object(["name": "image-cs", "ratio": 0.25]),
      protocol: ScoringProtocol(clip: true, peak: 1, ssim: .gaussian11),
      images: images.map { .init(name: "\($0) “é”.png", scores: scores($0)) }, parameters: 12, weights: nil, seed: seed)
    report.remarks = ["colours", "of \(shard?.number ?? 0)"]
    report.shard = shard
    return report
  }

  private func parsed(_ report: EvaluationReport, _ name: String) throws -> (name: String, json: JSONValue) {
    try (name, Array(report.json.text().utf8).withUnsafeBytes { try JSONValue(parsing: $0, path: name) })
  }

  private func parts(_ count: Int, images: Int) throws -> [(name: String, json: JSONValue)] {
    try (1...count).map { k in
      let shard = try Shard(k, of: count)
      return try parsed(report(shard.members(of: images), shard), "\(k)")
    }
  }

  /// Whatever the number of shards and their order, infinite and undefined scores too.
  @Test(arguments: [1, 2, 3, 5, 7]) func joinedIsTheWhole(count: Int) throws {
    let whole = try report(Array(0..<7))
    let joined = try EvaluationReport(joining: parts(count, images: 7).reversed())
    #expect(joined.images.map(\.name) == whole.images.map(\.name) && joined.problem == whole.problem && joined.seed == whole.seed)
    #expect(joined.mean.psnr == whole.mean.psnr && joined.mean.ssim == whole.mean.ssim && joined.mean.nmse == whole.mean.nmse)
    #expect(joined.text == whole.text && joined.shard == nil && joined.remarks.count == 1 + count)
  }

  @Test func refusals() throws {
    let good = try parts(3, images: 7)
    func refused(_ parts: [(name: String, json: JSONValue)], naming word: String) {
      let error = refusal(InputError.self) { try EvaluationReport(joining: parts) }
      #expect(error.contains(word) && error.contains("expected") && !error.contains("\n"), "\(error)")
    }
    refused([], naming: "no reports")
    refused(Array(good.dropLast()), naming: "1/3, 2/3")
    refused(good + [good[0]], naming: "1/3, 1/3")
    refused(try [parsed(report([0]), "a")], naming: "no “shard”")
    refused([("b", .array([]))], naming: "no report of an evaluation")
    let other = try Shard(3, of: 3)
    refused(try good.dropLast() + [parsed(report([2, 5], other, seed: 3), "c")], naming: "c: found another evaluation")
    refused(try good.dropLast() + [parsed(report([2], other), "d")], naming: "of 6 images")
  }

  @Test func shardsByText() throws {
    let array = [
      "SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_MAX": "8", "SLURM_ARRAY_TASK_COUNT": "4",
    ]
    #expect(try Shard(parsing: "array", array) == Shard(3, of: 4) && Shard(parsing: "3/16", [:]).members(of: 36) == [2, 18, 34])
    for text in ["", "3", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/2/3", "9223372036854775808/2", "array"] {
      let error = refusal(InputError.self) { try Shard(parsing: text, [:]) }
      #expect(error.contains("expected") && !error.contains("\n"), "\(error)")
    }
    #expect(
      refusal(InputError.self) { try Shard(parsing: "array", array.merging(["SLURM_ARRAY_TASK_COUNT": "2"]) { $1 }) }.contains(
        "gap"))
  }
}
