// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// With the identity as dictionary the optimal code of a patch X is h_α(X), which every method must find.
@Suite struct CodingTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.codingInputs(groundTruth: true)
  }

  /// Patches side by side, the last column shifted inwards: 2 × 3 of 10 × 10 in 20 × 25.
  @Test func measurementHoldsNormalisedPatches() throws {
    let file = try HDF5File(contentsOf: folder.file("m.h5"))
    let samples = try #require(file["measurement/0"]?.real)
    #expect(samples.shape == [6, 100])
    #expect(file["size/0"]?.real?.doubles == [20, 25])
    #expect(file.attributes["problem"] == "sparse-coding" && file.attributes["seed"] == "2010")
    for row in 0..<6 {
      let x = samples.row(row).doubles
      #expect(abs(x.reduce(0, +)) < 1e-9 && abs(x.reduce(0) { $0 + $1 * $1 } - 100) < 1e-9)
    }
    let image = try readImage(folder.file("a.png")).values
    #expect(file["ground_truth/0"]?.real?.doubles == image.doubles)
    // Pixel (0, 0) of the third patch is pixel (0, 15) of the image.
    let (mean, deviation) = (file["means/0"]!.real![flat: 2], file["deviations/0"]!.real![flat: 2])
    #expect(abs(samples[flat: 200] * deviation + mean - image[flat: 15]) < 1e-12)
  }

  @Test(arguments: ["ista", "fista", "cod", "lista"]) func codesAreSoftThresholdedPatches(method: String) throws {
    let weights = method == "lista" ? ["--weights", "lista.safetensors", "--depth", "4"] : ["--iterations", "300"]
    let done = try Program.run(
      ["reconstruct", "sparse-coding", method, "m.h5", "-o", "out.png", "--json", "-"] + weights, in: folder)
    #expect(done.status == 0 && done.errors == "", "\(done.errors)")
    _ = try Program.run(["reconstruct", "sparse-coding", method, "m.h5", "-o", "out.npz"] + weights, in: folder)
    let samples = try HDF5File(contentsOf: folder.file("m.h5"))["measurement/0"]!.real!.doubles
    let codes = try folder.table("out.npz", "codes").doubles
    let worst = zip(samples, codes).reduce(0) { max($0, abs(($1.0 > 0 ? 1 : -1) * max(abs($1.0) - 0.5, 0) - $1.1)) }
    #expect(worst < 1e-6, "\(method)")
    #expect(try readImage(folder.file("out.png")).values.shape == [20, 25])
    let output = try #require((done.json["outputs"] as? [[String: Any]])?.first)
    // The root mean squared error of the soft threshold before clipping is at most α σ ≤ 0.5 · 0.5.
    let rmse = try #require(output["rmse"] as? Double)
    #expect(rmse > 0 && rmse < 0.25)
    let psnr = try #require(output["psnr"] as? Double)
    #expect(abs(psnr + 20 * log10(rmse)) < 1e-9)
  }

  /// The image of the codes, put together by hand from the measurement.
  @Test func imageIsAssembledFromCodes() throws {
    _ = try Program.run("reconstruct", "sparse-coding", "ista", "m.h5", "-o", "out.tiff", in: folder)
    _ = try Program.run("reconstruct", "sparse-coding", "ista", "m.h5", "-o", "out.h5", in: folder)
    let file = try HDF5File(contentsOf: folder.file("m.h5"))
    let (codes, means) = (try folder.table("out.h5", "codes").doubles, file["means/0"]!.real!.doubles)
    let deviations = file["deviations/0"]!.real!.doubles
    let image = try readImage(folder.file("out.tiff")).values.doubles
    // Row 3, column 7 lies in the first patch only; row 13, column 17 in the fifth and the sixth (which starts at column 15).
    let first = codes[37] * deviations[0] + means[0]
    let both = (codes[400 + 37] * deviations[4] + means[4] + codes[500 + 32] * deviations[5] + means[5]) / 2
    for (found, expected) in [(image[3 * 25 + 7], first), (image[13 * 25 + 17], both)] {
      #expect(abs(found - min(max(expected, 0), 1)) <= 0.5 / 255 + 1e-12)
    }
  }

  @Test func weightsThatShipAreFoundAndNamed() throws {
    try FileManager.default.createDirectory(atPath: folder.file("Models/sparse-coding"), withIntermediateDirectories: true)
    try folder.identityLISTA("Models/sparse-coding/lista-3-100.safetensors")
    let made = try Program.run("simulate", "sparse-coding", "a.png", "-o", "shipped.h5", in: folder)
    #expect(made.status == 0, "\(made.errors)")
    #expect(try HDF5File(contentsOf: folder.file("shipped.h5"))["dictionary"]?.real?.doubles == Tensor.identity(100).doubles)
    let done = try Program.run("reconstruct", "sparse-coding", "lista", "shipped.h5", "-o", "out.jpg", "--depth", "4", in: folder)
    #expect(done.status == 0)
    #expect(done.errorLines.count == 1 && done.errors.contains("Models/sparse-coding/lista-3-100.safetensors"))
    let quiet = try Program.run(
      "reconstruct", "sparse-coding", "lista", "shipped.h5", "-o", "out.jpg", "--depth", "4", "--quiet", in: folder)
    #expect(quiet.status == 0 && quiet.errors == "" && quiet.output == "")

    // Installed, and called by a name that the shell finds.
    let files = FileManager.default
    for name in ["bin", "share/unfold"] {
      try files.createDirectory(atPath: folder.file("opt/\(name)"), withIntermediateDirectories: true)
    }
    try files.copyItem(atPath: #require(Program.path), toPath: folder.file("opt/bin/unfold"))
    try files.moveItem(atPath: folder.file("Models"), toPath: folder.file("opt/share/unfold/Models"))
    func run() throws -> Program.Outcome {
      let process = try Program.process(
        "unfold reconstruct sparse-coding lista shipped.h5 -o out.jpg --depth 4".split(separator: " ").map(String.init), in: folder)
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.environment?["UNFOLD_MODELS"] = nil
      process.environment?["PATH"] = folder.file("opt/bin")
      return try Program.run(process, in: folder)
    }
    var installed = try run()
    // "Text file busy": a process that another test starts holds the copy open, to write, until it is what it starts.
    for _ in 0..<20 where installed.status == 126 {
      Thread.sleep(forTimeInterval: 0.1)
      installed = try run()
    }
    #expect(installed.status == 0 && installed.errors.contains("opt/share/unfold/Models/sparse-coding/lista-3-100.safetensors"))
  }

  @Test(arguments: ["npz", "mat", "h5"]) func weightsOfEveryFormat(ending: String) throws {
    #expect(try Program.run("convert", "lista.safetensors", "w.\(ending)", in: folder).status == 0)
    let done = try Program.run(
      "reconstruct", "sparse-coding", "lista", "m.h5", "-o", "x.png", "--weights", "w.\(ending)", "--depth", "2", in: folder)
    #expect(done.status == 0, "\(done.errors)")
    let own = try Program.run(
      "reconstruct", "sparse-coding", "lista", "m.h5", "-o", "y.png", "--weights", "lista.safetensors", "--depth", "2", in: folder)
    #expect(own.status == 0 && folder.bytes("x.png") == folder.bytes("y.png") && folder.bytes("x.png") != nil)
  }

  @Test func evaluationScoresEveryImage() throws {
    try FileManager.default.createDirectory(atPath: folder.file("set"), withIntermediateDirectories: true)
    try folder.image("set/b.png", height: 31, width: 20)
    try folder.image("set/c.png")
    let done = try Program.run(
      "evaluate", "sparse-coding", "lista", "--images", "set", "--dictionary", "dictionary.npy", "--weights", "lista.safetensors",
      "--depth",
      "2", "--json", "-", "--no-clip", in: folder)
    #expect(done.status == 0 && done.errors == "", "\(done.errors)")
    let answer = done.json
    let images = try #require(answer["images"] as? [[String: Any]])
    let mean = try #require(answer["mean"] as? [String: Any])
    #expect(images.map { $0["name"] as? String } == ["b.png", "c.png"])
    for key in ["psnr", "ssim", "nmse", "rmse", "seconds", "code_error"] {
      let values = images.compactMap { $0[key] as? Double }
      let found = try #require(mean[key] as? Double)
      #expect(values.count == 2 && abs(values.reduce(0, +) / 2 - found) < 1e-12, "\(key)")
    }
    let codeError = try #require(mean["code_error"] as? Double)
    #expect(codeError < 1e-9)
    let scoring = try #require(answer["protocol"] as? [String: Any])
    #expect(scoring["clip"] as? Bool == false && scoring["peak"] as? Double == 1 && scoring["ssim"] as? String == "uniform-7")
    #expect(
      answer["method"] as? String == "lista" && answer["parameters"] as? Int == 20_100
        && answer["weights"] as? String == "lista.safetensors")
    #expect((answer["problem"] as? [String: Any])?["name"] as? String == "sparse-coding" && answer["seed"] as? Int == 2010)
    let classical = try Program.run(
      "evaluate", "sparse-coding", "ista", "--images", "set/b.png", "--dictionary", "dictionary.npy", "--json", "answer.json",
      in: folder)
    #expect(classical.status == 0 && classical.output.contains("b.png"))
    let text = try #require(folder.bytes("answer.json"))
    let written = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    #expect(written["weights"] is NSNull && written["parameters"] as? Int == 0)
  }

  @Test func severalImagesGoToAFolder() throws {
    try folder.image("b.png", height: 12, width: 12)
    let made = try Program.run(
      "simulate", "sparse-coding", "a.png", "b.png", "-o", "two.h5", "--dictionary", "dictionary.npy", "--noise-snr", "30",
      "--seed", "7",
      in: folder)
    #expect(made.status == 0, "\(made.errors)")
    let refused = try Program.run("reconstruct", "sparse-coding", "ista", "two.h5", "-o", "one.png", in: folder)
    #expect(refused.status == 2 && refused.errorLines.count == 1 && !folder.has("one.png"))
    try FileManager.default.createDirectory(atPath: folder.file("out"), withIntermediateDirectories: true)
    #expect(try Program.run("reconstruct", "sparse-coding", "ista", "two.h5", "-o", "out", in: folder).status == 0)
    #expect(try readImage(folder.file("out/a.png")).values.shape == [20, 25])
    #expect(try readImage(folder.file("out/b.png")).values.shape == [12, 12])
    let again = try Program.run(
      "simulate", "sparse-coding", "a.png", "b.png", "-o", "again.h5", "--dictionary", "dictionary.npy", "--noise-snr", "30",
      "--seed", "7",
      in: folder)
    #expect(again.status == 0 && folder.bytes("two.h5") == folder.bytes("again.h5"))
  }
}
