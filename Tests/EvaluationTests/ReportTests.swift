// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import TestSupport
import Testing

@Suite struct ReportTests {
  let table = ResultTable(
    table: "ista-net-1",
    rows: [
      .init(method: "ista-net", column: "25 %", metric: .psnr, published: 31.5, measured: 31.75, seconds: 0.0125),
      .init(method: "ista-net", column: "10 %", metric: .psnr, published: 25.75, measured: 25, seconds: 90, why: "short \"run\""),
      .init(method: "tval3", column: "25 %", metric: .psnr, published: 27.92, measured: nil, seconds: 0, why: "not run"),
      .init(method: "tval3", column: "10 %", metric: .psnr, published: nil, measured: .infinity, seconds: 2),
    ], data: "Set11", protocol: "mean PSNR")

  @Test func jsonOfReproduce() {
    #expect(
      table.json.text(indented: false) == """
        {"table": "ista-net-1", "rows": [\
        {"method": "ista-net", "column": "25 %", "metric": "psnr", "published": 31.5, "measured": 31.75, "difference": 0.25, \
        "seconds": 0.0125}, \
        {"method": "ista-net", "column": "10 %", "metric": "psnr", "published": 25.75, "measured": 25.0, "difference": -0.75, \
        "seconds": 90.0, "why": "short \\"run\\""}, \
        {"method": "tval3", "column": "25 %", "metric": "psnr", "published": 27.92, "measured": null, "difference": null, \
        "seconds": 0.0, "why": "not run"}, \
        {"method": "tval3", "column": "10 %", "metric": "psnr", "published": null, "measured": "Infinity", "difference": null, \
        "seconds": 2.0}], "data": "Set11", "protocol": "mean PSNR"}
        """)
  }

  @Test func textOfReproduce() {
    #expect(
      table.text == """
        ista-net-1
        Data: Set11
        Protocol: mean PSNR

        Method    Column  Metric     Published  Measured  Difference        Time
        ────────  ──────  ─────────  ─────────  ────────  ──────────  ──────────
        ista-net  25 %    PSNR [dB]      31.50     31.75       +0.25     12.5 ms
                  10 %    PSNR [dB]      25.75     25.00       −0.75  1 min 30 s
          short "run"
        tval3     25 %    PSNR [dB]      27.92         –           –           –
          not run
                  10 %    PSNR [dB]          –         ∞           –      2.00 s
        """)
  }

  @Test func rowsThatNeedAReason() {
    #expect(table.rows.map(\.needsReason) == [false, true, true, true])
    func row(_ metric: Metric, _ published: Double, _ measured: Double) -> Bool {
      ResultTable.Row(method: "m", column: "c", metric: metric, published: published, measured: measured, seconds: 1).needsReason
    }
    // Errors are better when smaller: 10 % above the published one is allowed, or half a decibel.
    #expect(!row(.nmse, 0.1, 0.1099) && row(.nmse, 0.1, 0.1101) && !row(.nmse, 0.1, 0.01))
    #expect(!row(.nmseDecibel, -40, -39.6) && row(.nmseDecibel, -40, -39.4) && !row(.nmseDecibel, -40, -60))
    #expect(!row(.ssim, 0.9, 0.82) && row(.ssim, 0.9, 0.80) && !row(.ssim, 0.9, 0.95))
  }

  @Test func jsonOfEvaluate() throws {
    let report = try EvaluationReport(
      method: "admm-net", problem: ["kind": "cs-mri", "ratio": 0.25, "mask": "radial"],
      protocol: ScoringProtocol(clip: false, peak: 1, ssim: .uniform7),
      images: [
        .init(name: "a", scores: Scores(psnr: 30, ssim: 0.75, nmse: 0.25, rmse: 0.5, seconds: 1)),
        .init(name: "b", scores: Scores(psnr: 31, ssim: 0.25, nmse: 0.75, rmse: 0.25, seconds: 2)),
      ], parameters: 13_832, weights: nil, seed: .max)
    #expect(
      report.json.text(indented: false) == """
        {"method": "admm-net", "problem": {"kind": "cs-mri", "ratio": 0.25, "mask": "radial"}, \
        "protocol": {"clip": false, "peak": 1.0, "ssim": "uniform-7"}, "images": [\
        {"name": "a", "psnr": 30.0, "ssim": 0.75, "nmse": 0.25, "rmse": 0.5, "seconds": 1.0}, \
        {"name": "b", "psnr": 31.0, "ssim": 0.25, "nmse": 0.75, "rmse": 0.25, "seconds": 2.0}], \
        "mean": {"psnr": 30.5, "ssim": 0.5, "nmse": 0.5, "rmse": 0.375, "seconds": 1.5}, \
        "parameters": 13832, "weights": null, "seed": 18446744073709551615}
        """)
    #expect(report.text.hasSuffix("Mean of 2      30.50  0.5000  0.5000  0.3750  1.50 s"))
  }

  @Test func fieldsThatDoNotApplyAreLeftOut() throws {
    let report = try EvaluationReport(
      method: "lista", problem: ["kind": "sparse-coding"], protocol: ScoringProtocol(),
      images: [.init(name: "codes", scores: Scores(codeError: 0.5, seconds: .nan))], nmseDecibel: -12.5, parameters: 1,
      weights: "w.npz", seed: 1)
    #expect(
      report.json.text(indented: false) == """
        {"method": "lista", "problem": {"kind": "sparse-coding"}, "protocol": {}, \
        "images": [{"name": "codes", "code_error": 0.5, "seconds": null}], \
        "mean": {"nmse_db": -12.5, "code_error": 0.5, "seconds": null}, "parameters": 1, "weights": "w.npz", "seed": 1}
        """)
  }

  @Test func anEmptySetIsAnError() {
    #expect(throws: InputError.self) {
      try EvaluationReport(
        method: "fbp", problem: [:], protocol: ScoringProtocol(), images: [], parameters: 0, weights: nil, seed: 0)
    }
    #expect(throws: InputError.self) { try BenchReport(work: "w", runs: [], threads: 1, peakMebibytes: 1) }
  }

  @Test func jsonOfBenchAndCheck() throws {
    let bench = try BenchReport(work: "lista-forward", runs: [0.5, 0.125, 0.25, 0.375], threads: 2, peakMebibytes: 12.5)
    #expect(
      bench.json.text(indented: false)
        == #"{"work": "lista-forward", "median_s": 0.3125, "runs_s": [0.5, 0.125, 0.25, 0.375], "threads": 2, "peak_mib": 12.5}"#)
    #expect(bench.text == "lista-forward: median 312 ms (4 runs, 125 ms … 500 ms), 2 threads, peak 12 MiB")
    let check = CheckReport(items: [.init(name: "a", error: 0.25, tolerance: 0.5), .init(name: "b", error: .nan, tolerance: 1)])
    #expect(
      check.json.text(indented: false) == """
        {"items": [{"name": "a", "error": 0.25, "tolerance": 0.5, "ok": true}, \
        {"name": "b", "error": null, "tolerance": 1.0, "ok": false}], "ok": false}
        """)
    #expect(CheckReport(items: []).ok == false)
  }

  @Test func jsonIsReadByFoundation() throws {
    let text = "\u{1}\t\"\\/é\u{1F600}\n\u{2028}"
    let value: JSONValue = [
      "text": .string(text), "list": [1, 2.5, true, .null, [], [:]], "tiny": .number(.leastNonzeroMagnitude),
      "big": .number(.greatestFiniteMagnitude),
    ]
    for indented in [true, false] {
      let data = Data(value.text(indented: indented).utf8)
      let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      #expect(object["text"] as? String == text)
      #expect((object["list"] as? [Any])?.count == 6)
      #expect(object["tiny"] as? Double == .leastNonzeroMagnitude)
      #expect(object["big"] as? Double == .greatestFiniteMagnitude)
    }
    #expect(
      JSONValue.object(["a": [1, 2], "b": [["c": 1]]]).text()
        == "{\n  \"a\": [1, 2],\n  \"b\": [\n    {\n      \"c\": 1\n    }\n  ]\n}")
  }

  @Test func answersAreWrittenWhole() throws {
    let folder = try Folder()
    let path = folder.file("answer.json")
    try table.writeJSON(to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == table.json.text() + "\n")
    #expect(throws: InputError.self) { try table.writeJSON(to: folder.file("missing/answer.json")) }
    #expect(folder.names == ["answer.json"])
  }
}
