// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct LinearProgramTests {
  private let folder: Folder
  init() throws {
    folder = try Folder()
    try MATFile.write([NamedArray(name: "A", value: .real(chirp([12, 20], 0.37, 0.1)))], to: folder.file("A.mat"))
    try NPY.write(wave([12], 0.3, 0.1), to: folder.file("y.npy"))
  }

  private func solve(_ words: String...) throws -> Program.Outcome {
    try Program.run(["reconstruct", "linear"] + words + ["-o", "x.npy", "--json", "-"], in: folder)
  }

  private func objective(_ outcome: Program.Outcome) -> Double {
    ((outcome.json["outputs"] as? [[String: Any]])?.first?["objective"] as? Double) ?? .nan
  }

  /// A of sin(0.37 (i + 1)² + 0.1), y of sin(0.3 i + 0.1). The LASSO by scikit-learn 1.9.1, `Lasso(alpha=0.2 / 12, fit_intercept=False, tol=1e-14)`,
  /// the elastic net by `ElasticNet(alpha=(0.2 + 0.1) / 12, l1_ratio=2 / 3, …)`, ridge by SciPy's `lsqr(A, y, damp=√0.3)`.
  @Test func objectivesOfOtherPrograms() throws {
    for (words, expected) in [
      (["fista", "y.npy", "--prior", "l1:0.2"], 0.5901678057342927), (["admm", "y.npy", "--prior", "l1:0.2"], 0.5901678057342927),
      (["ista", "y.npy", "--prior", "elastic-net:0.2:0.1"], 0.6315732013511193),
      (["least-squares", "y.npy", "--prior", "ridge:0.3"], 0.16278304636069135),
    ] as [([String], Double)] {
      let done = try Program.run(
        ["reconstruct", "linear"] + words + [
          "--operator", "A.mat", "--tolerance", "1e-12", "--iterations", "100000", "-o", "x.npy", "--json", "-",
        ],
        in: folder)
      #expect(done.status == 0, "\(done.errors)")
      #expect(abs(objective(done) - expected) <= 1e-8 * expected, "\(words): \(objective(done)), expected \(expected)")
    }
  }

  @Test func aWeightIsChosenAndDrawn() throws {
    let done = try solve(
      "admm", "y.npy", "--operator", "A.mat", "--noise", "0.05", "--prior", "l1:auto", "--plot", "p.svg", "--trace", "t.csv")
    #expect(done.status == 0, "\(done.errors)")
    let weights = (done.json["outputs"] as? [[String: Any]])?.first?["weights"] as? [Double]
    #expect(weights?.count == 1 && (weights?.first ?? 0) > 0)
    #expect(try String(contentsOfFile: folder.file("p.svg"), encoding: .utf8).contains("predicted-risk"))
    let trace = try String(contentsOfFile: folder.file("t.csv"), encoding: .utf8).split(separator: "\n")
    #expect(trace.first == "sample,iteration,objective,residual_norm,primal,dual" && trace.count > 2)
    for (words, expected) in [
      (["--prior", "l1:auto", "--prior", "tv:auto"], "2 priors of weight auto"),
      (["--prior", "l1:auto", "--choose-by", "discrepancy"], "expected --noise"),
      (["--prior", "l1:1", "--plot", "p.svg"], "weight auto"),
      (["--prior", "l1:auto", "--plot", "p.pdf"], "expected .svg or .png"),
    ] {
      let refused = try Program.run(
        ["reconstruct", "linear", "admm", "y.npy", "--operator", "A.mat", "-o", "x.npy"] + words, in: folder)
      #expect(refused.status == 2 && refused.errorLines.count == 1 && refused.errors.contains(expected), "\(refused.errors)")
    }
  }

  /// Bad files, shapes and words: one line, status 2, nothing written.
  @Test func mistakes() throws {
    try NPY.write(wave([13], 0.3, 0.1), to: folder.file("long.npy"))
    try NPY.write(Tensor([1, .nan, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), to: folder.file("nan.npy"))
    _ = FileManager.default.createFile(atPath: folder.file("empty.npy"), contents: nil)
    _ = FileManager.default.createFile(atPath: folder.file("empty.mat"), contents: nil)
    let whole = try #require(FileManager.default.contents(atPath: folder.file("A.mat")))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: folder.file("half.mat")))
    try "operator:\n  - blurr: {sigma: 1}".write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    for (words, expected) in [
      (["y.npy"], "found no --operator"), (["y.npy", "--operator", "none.mat"], "none.mat"),
      (["long.npy", "--operator", "A.mat"], "expected [12]"),
      (["nan.npy", "--operator", "A.mat"], "NaN"), (["empty.npy", "--operator", "A.mat"], "empty.npy"),
      (["y.npy", "--operator", "empty.mat"], "empty.mat"), (["y.npy", "--operator", "half.mat"], "half.mat"),
      (["y.npy", "--operator", "o.yaml"], "o.yaml:2: found the step “blurr”"),
      (["y.npy", "--operator", "A.mat", "--shape", "3", "7"], "expected 20 numbers"),
      (["y.npy", "--operator", "A.mat", "--prior", "l1"], "l1:WEIGHT"),
      (["y.npy", "--operator", "A.mat", "--noise", "0.1", "--noise-snr", "3"], "expected one of them"),
      (["y.npy", "--operator", "A.mat", "--prior", "wavelet:db2:1"], "db2"),
    ] {
      let given = words.contains("--prior") ? words : words + ["--prior", "l1:0.1"]
      let done = try Program.run(["reconstruct", "linear", "fista"] + given + ["-o", "out.npy"], in: folder)
      #expect(done.status == 2 && done.errorLines.count == 1 && done.errors.contains(expected), "\(words): \(done.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.file("out.npy")), "\(words)")
    }
  }

  @Test func theoryAndDryRun() throws {
    let theory = try Program.run(
      "check", "theory", "--operator", "A.mat", "--measurement", "y.npy", "--prior", "l1:0.2", in: folder)
    #expect(theory.status == 0 && theory.output.contains("8 checked, all within tolerance"), "\(theory.output)\(theory.errors)")
    try NPY.write(wave([70, 20], 0.7, 0.2), to: folder.file("x.npy"))
    let dry = try Program.run(
      "train", "linear", "lista", "--operator", "A.mat", "--images", "x.npy", "--depth", "2", "-o", "w.safetensors", "--dry-run",
      "--json", "-",
      in: folder)
    // Two stages of S and a threshold, one W: 2 (20² + 1) + 20 · 12.
    #expect(
      dry.status == 0 && dry.json["parameters"] as? Int == 1042 && dry.json["seconds"] as? Double ?? 0 > 0,
      "\(dry.errors)\(dry.output)")
    #expect(!folder.names.contains { $0.hasPrefix("w.safetensors") })
    for (words, near) in [
      (["trian"], "train"), (["evaluate", "lineer"], "linear"), (["train", "linear", "ista-net"], "ista-net-plus"),
    ] {
      let done = try Program.run(words, in: folder)
      #expect(done.status == 2 && (words.last == "ista-net" || done.errors.contains("did you mean \(near)?")), "\(done.errors)")
    }
  }
}
