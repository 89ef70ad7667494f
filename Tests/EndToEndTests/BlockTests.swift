// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

/// Blocks of 5 × 5, 10 measurements, and a network whose answer is known: without a correction ISTA-Net⁺ is gradient descent, and
/// from x⁽⁰⁾ = ½ Φᵀ y with ρ = ½ it gives x⁽ᵏ⁾ = (1 − 2⁻ᵏ⁻¹) ΦᵀΦ x.
@Suite struct BlockTests: RunsInFolder {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.blockInputs()
  }

  private func psnr(_ done: Program.Outcome, _ list: String, _ index: Int = 0) throws -> Double {
    try #require((done.json[list] as? [[String: Any]])?[index]["psnr"] as? Double)
  }

  /// (1 − 2⁻ᵏ⁻¹) ΦᵀΦ x block by block, clipped to [0, 1], with zeros beyond the image.
  private func expected(_ image: Tensor, stages: Int) throws -> [Double] {
    let (height, width, pixels) = (image.shape[0], image.shape[1], image.doubles)
    let phi = try folder.table("phi.npy").doubles
    var out = pixels
    for top in stride(from: 0, to: height, by: 5) {
      for left in stride(from: 0, to: width, by: 5) {
        func inside(_ at: Int) -> Int? {
          let (i, j) = (top + at / 5, left + at % 5)
          return i < height && j < width ? i * width + j : nil
        }
        let y = (0..<10).map { m in
          (0..<25).reduce(0.0) { sum, at in inside(at).map { sum + phi[m * 25 + at] * pixels[$0] } ?? sum }
        }
        for at in 0..<25 {
          let value = (0..<10).reduce(0) { $0 + phi[$1 * 25 + at] * y[$1] }
          if let place = inside(at) { out[place] = min(max((1 - pow(2, -Double(stages) - 1)) * value, 0), 1) }
        }
      }
    }
    return out
  }

  private func decibel(_ a: [Double], _ b: [Double]) -> Double {
    -10 * log10(zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(a.count))
  }

  /// Networks on whole images, trained and run; a network of blocks has no mean over orientations, a network with any Φ none it must be for.
  @Test func networksOnWholeImages() throws {
    try folder.image("a.png", height: 17, width: 21)
    try run("simulate image-cs a.png -o m.h5 --phi phi.npy --ground-truth")
    for (network, settings) in [("sodas-net", "--loss absolute"), ("scnet", "--loss measurements")] {
      try run(
        "train image-cs \(network) --images . --phi phi.npy --depth 2 --channels 2 --steps 2 \(settings) -o w.safetensors --quiet")
      let plain = try run("reconstruct image-cs \(network) m.h5 --weights w.safetensors -o out.png --json -")
      let mean = try run("reconstruct image-cs \(network) m.h5 --weights w.safetensors --self-ensemble -o mean.png --json -")
      #expect(try psnr(plain, "outputs") > 3 && psnr(mean, "outputs") > 3)
      #expect(try readImage(folder.file("mean.png")).values.shape == [17, 21])
    }
    try refuse("reconstruct image-cs m.h5 -o out2.png", naming: "5 × 5 pixels")
    try refuse("reconstruct image-cs tval3 m.h5 --self-ensemble -o out2.png", naming: "--self-ensemble")
    try refuse("train image-cs ista-net --images . --phi phi.npy --loss absolute -o x.safetensors", naming: "--loss")
    try refuse("train image-cs scnet --images . --constraint running -o x.safetensors", naming: "--constraint")
    try refuse("train image-cs scnet --images . --ratio 0.5 -o x.safetensors", naming: "99 × 99")
  }

  @Test func measurementHoldsBlocks() throws {
    let image = try folder.image("a.png", height: 7, width: 12)
    try run("simulate image-cs a.png -o m.h5 --phi phi.npy --ground-truth")
    let file = try HDF5File(contentsOf: folder.file("m.h5"))
    let (samples, phi) = (try #require(file["measurement/0"]?.real), try folder.table("phi.npy"))
    #expect(samples.shape == [6, 10] && file["phi"]?.real?.doubles == phi.doubles)
    #expect(file["size/0"]?.real?.doubles == [7, 12, 1] && file["ground_truth/0"]?.real?.doubles == image.doubles)
    #expect(file.attributes["problem"] == "image-cs" && file.attributes["side"] == "5" && file.attributes["phi_seed"] == nil)
    // Block 4 begins at row 5, column 5; rows 5 and 6 are in the image.
    for m in 0..<10 {
      let sum = (0..<10).reduce(0) { $0 + phi[flat: m * 25 + $1] * image[flat: (5 + $1 / 5) * 12 + 5 + $1 % 5] }
      #expect(abs(samples[flat: 40 + m] - sum) < 1e-12)
    }
    let answer = try run("inspect m.h5 --json -").json
    let arrays = try #require(answer["arrays"] as? [[String: Any]])
    #expect(Set(arrays.compactMap { $0["name"] as? String }) == ["measurement/0", "size/0", "phi", "ground_truth/0"])
    #expect((answer["text"] as? [String: Any])?["problem"] as? String == "image-cs")
  }

  /// The file names the seed in place of Φ, whose rows are those the package draws.
  @Test func phiOfASeed() throws {
    let image = try folder.image("a.png")
    let done = try run("simulate image-cs a.png -o m.h5 --ratio 0.01 --seed 7 --json -").json
    #expect(done["rows"] as? Int == 10 && done["seed"] as? Int == 7 && done["side"] as? Int == 33)
    let file = try HDF5File(contentsOf: folder.file("m.h5"))
    #expect(file["phi"] == nil && file.attributes["phi_seed"] == "7" && file["ground_truth/0"] == nil)
    let block = Tensor((0..<1089).map { $0 / 33 < 20 && $0 % 33 < 25 ? image[flat: $0 / 33 * 25 + $0 % 33] : 0 }, shape: [1, 1089])
    let y = Matrix.orthonormalRows(rows: 10, columns: 1089, seed: 7).forward(block)
    let difference = try #require(file["measurement/0"]?.real) - y
    #expect(difference.maximumMagnitude < 1e-12)
    // The estimate agrees with the measurement: TVAL3 holds Φ u = y.
    try run("reconstruct image-cs tval3 m.h5 -o out.tiff --quiet")
    #expect(try readImage(folder.file("out.tiff")).values.shape == [20, 25])
  }

  /// Exact multiples of the side, sizes that are not, and a single pixel: reconstruction and evaluation give the PSNR of the formula.
  @Test(arguments: [(20, 25), (7, 12), (3, 40), (1, 1), (33, 34)]) func answersAreTheFormula(height: Int, width: Int) throws {
    let image = try height == 1 ? Tensor.filled(100.0 / 255, shape: [1, 1]) : folder.image("a.png", height: height, width: width)
    if height == 1 { try writePNG(image, to: folder.file("a.png")) }
    try run("simulate image-cs a.png -o m.h5 --phi phi.npy --ground-truth")
    for stages in [1, 2] {
      let psnr = decibel(try expected(image, stages: stages), image.doubles)
      let depth = stages == 1 ? " --depth 1" : ""
      let single = try run("reconstruct image-cs ista-net-plus m.h5 -o out.png --weights w.safetensors --json -" + depth)
      let scored = try run("evaluate image-cs ista-net-plus --images a.png --phi phi.npy --weights w.safetensors --json -" + depth)
      #expect(abs(try self.psnr(single, "outputs") - psnr) < 1e-4)
      #expect(try self.psnr(scored, "images") == self.psnr(single, "outputs"))
      let written = try readImage(folder.file("out.png")).values
      #expect(written.shape == [height, width])
      for (a, b) in zip(written.doubles, try expected(image, stages: stages)) { #expect(abs(a - b) <= 0.5 / 255 + 1e-5) }
    }
  }

  /// A flat image has no variation: it is the minimum, and TVAL3 finds it.
  @Test func flatImagesByTotalVariation() throws {
    try writePNG(.filled(100.0 / 255, shape: [10, 15]), to: folder.file("flat.png"))
    try run("simulate image-cs flat.png -o m.h5 --phi phi.npy --ground-truth")
    let done = try run("reconstruct image-cs tval3 m.h5 -o out.png --json -")
    let score = try psnr(done, "outputs")
    #expect(score > 50, "\(score)")
    #expect(try psnr(run("evaluate image-cs tval3 --images flat.png --phi phi.npy --json -"), "images") == score)
    // Black is reconstructed exactly; the PSNR is infinite.
    try writePNG(.zeros([8, 9]), to: folder.file("black.png"))
    try run("simulate image-cs black.png -o b.h5 --phi phi.npy --ground-truth")
    try run("reconstruct image-cs tval3 b.h5 -o out.png")
    #expect(try readImage(folder.file("out.png")).values == .zeros([8, 9]))
  }

  /// Luminance is 0.299 R + 0.587 G + 0.114 B rounded to 8 bits; every channel is an image of its own under the others.
  @Test func colours() throws {
    let planes = try (0..<3).map { try folder.image("p\($0).png", height: 7 + $0, width: 8).rows(0..<7) }
    try writePNG(.stacked(planes), to: folder.file("c.png"))
    let luminance = (0..<56).map { i in
      (255 * (0.299 * planes[0][flat: i] + 0.587 * planes[1][flat: i] + 0.114 * planes[2][flat: i])).rounded() / 255
    }
    try run("simulate image-cs c.png -o m.h5 --phi phi.npy --ground-truth")
    #expect(try HDF5File(contentsOf: folder.file("m.h5"))["ground_truth/0"]?.real?.doubles == luminance)
    let gray = try run("reconstruct image-cs ista-net-plus m.h5 -o out.png --weights w.safetensors --json -")
    let luma = Tensor(luminance, shape: [7, 8])
    #expect(abs(try psnr(gray, "outputs") - decibel(try expected(luma, stages: 2), luminance)) < 1e-4)
    #expect(
      try psnr(run("evaluate image-cs ista-net-plus --images c.png --phi phi.npy --weights w.safetensors --json -"), "images")
        == psnr(gray, "outputs"))

    try run("simulate image-cs c.png -o c.h5 --phi phi.npy --ground-truth --color every-channel")
    #expect(try HDF5File(contentsOf: folder.file("c.h5"))["size/0"]?.real?.doubles == [7, 8, 3])
    let colour = try run("reconstruct image-cs ista-net-plus c.h5 -o out.png --weights w.safetensors --json -")
    let all = try planes.flatMap { try expected($0, stages: 2) }
    #expect(abs(try psnr(colour, "outputs") - decibel(all, planes.flatMap(\.doubles))) < 1e-4)
    let image = try readImage(folder.file("out.png"))
    #expect(image.channels == 3)
    for (a, b) in zip(image.values.doubles, all) { #expect(abs(a - b) <= 0.5 / 255 + 1e-5) }
    let scored = try run(
      "evaluate image-cs ista-net-plus --images c.png --phi phi.npy --weights w.safetensors --color every-channel --json -")
    #expect(try psnr(scored, "images") == psnr(colour, "outputs"))
    #expect((scored.json["problem"] as? [String: Any])?["color"] as? String == "every-channel")
  }

  @Test func phiOfAnyFormat() throws {
    try folder.image("a.png")
    try run("simulate image-cs a.png -o npy.h5 --phi phi.npy")
    for ending in ["mat", "npz", "h5"] {
      try run("convert phi.npy phi.\(ending) --quiet")
      try run("simulate image-cs a.png -o other.h5 --phi phi.\(ending)")
      #expect(folder.bytes("other.h5") == folder.bytes("npy.h5") && folder.has("other.h5"))
    }
  }

  @Test(arguments: ["npz", "mat", "h5"]) func weightsOfEveryFormat(ending: String) throws {
    try folder.image("a.png")
    try run("simulate image-cs a.png -o m.h5 --phi phi.npy")
    #expect(try Program.run("convert", "w.safetensors", "w.\(ending)", "--quiet", in: folder).status == 0)
    try run("reconstruct image-cs ista-net-plus m.h5 -o x.png --weights w.\(ending)")
    try run("reconstruct image-cs ista-net-plus m.h5 -o y.png --weights w.safetensors")
    #expect(folder.bytes("x.png") == folder.bytes("y.png") && folder.has("x.png"))
  }

  /// The start from a file where the weights have none; twice the start gives x⁽⁰⁾ = ΦᵀΦ x, where the descent stays.
  @Test func startOfAFile() throws {
    let image = try folder.image("a.png")
    try run("simulate image-cs a.png -o m.h5 --phi phi.npy --ground-truth")
    try NPY.write(folder.table("phi.npy").transposed, to: folder.file("q.npy"))
    let file = try SafeTensors(contentsOf: folder.file("w.safetensors"))
    try SafeTensors(tensors: file.tensors.filter { $0.name != "operator.initial" }).write(to: folder.file("bare.safetensors"))
    let psnr = decibel(try expected(image, stages: 1000), image.doubles)
    for weights in ["w", "bare"] {
      let done = try run(
        "reconstruct image-cs ista-net-plus m.h5 -o x.png --weights \(weights).safetensors --initial q.npy --json -")
      #expect(abs(try self.psnr(done, "outputs") - psnr) < 1e-4)
    }
  }

  /// White noise of standard deviation rms(y) 10^(−SNR/20), of the seed alone; evaluation adds the same.
  @Test func noiseAndSeveralImages() throws {
    for (name, size) in [("a.png", 40), ("b.png", 33)] { try folder.image(name, height: size, width: 45) }
    try run("simulate image-cs a.png b.png -o clean.h5 --phi phi.npy")
    let noisy = "simulate image-cs a.png b.png --phi phi.npy --noise-snr 20 --ground-truth"
    try run(noisy + " -o two.h5 --seed 3")
    try run(noisy + " -o again.h5 --seed 3")
    try run(noisy + " -o other.h5 --seed 4")
    #expect(folder.bytes("two.h5") == folder.bytes("again.h5") && folder.bytes("two.h5") != folder.bytes("other.h5"))
    let (clean, two) = (try HDF5File(contentsOf: folder.file("clean.h5")), try HDF5File(contentsOf: folder.file("two.h5")))
    // Blocks of a, and of b: 8 · 9 and 7 · 9, of ten numbers each.
    for (name, count) in [("measurement/0", 72), ("measurement/1", 63)] {
      let y = try #require(clean[name]?.real)
      let noise = try #require(two[name]?.real) - y
      #expect(y.shape == [count, 10] && abs(noise.norm / y.norm / 0.1 - 1) < 5 / Double(2 * 10 * count).squareRoot())
    }
    let refused = try Program.run("reconstruct", "image-cs", "tval3", "two.h5", "-o", "one.png", in: folder)
    #expect(refused.status == 2 && refused.errorLines.count == 1 && !folder.has("one.png"))
    try FileManager.default.createDirectory(atPath: folder.file("out"), withIntermediateDirectories: true)
    let done = try run("reconstruct image-cs ista-net-plus two.h5 -o out --weights w.safetensors --json -")
    #expect(try readImage(folder.file("out/a.png")).values.shape == [40, 45])
    #expect(try readImage(folder.file("out/b.png")).values.shape == [33, 45])
    try FileManager.default.createDirectory(atPath: folder.file("set"), withIntermediateDirectories: true)
    for name in ["a.png", "b.png"] {
      try FileManager.default.moveItem(atPath: folder.file(name), toPath: folder.file("set/" + name))
    }
    let scored = try run(
      "evaluate image-cs ista-net-plus --images set --phi phi.npy --weights w.safetensors --noise-snr 20 --seed 3 --json -")
    for index in [0, 1] { #expect(try psnr(scored, "images", index) == psnr(done, "outputs", index)) }
    let mean = try #require((scored.json["mean"] as? [String: Any])?["psnr"] as? Double)
    #expect(abs(mean - (try psnr(scored, "images", 0) + psnr(scored, "images", 1)) / 2) < 1e-12)
    #expect((scored.json["problem"] as? [String: Any])?["noise_snr"] as? Double == 20)
    #expect(scored.json["parameters"] as? Int == 2 * (2 + 2 * 18 + 4 * 36) && scored.json["method"] as? String == "ista-net-plus")
  }

  /// Training, then use of what it wrote; weights to start from are taken, of another depth too.
  @Test func trainedWeights() throws {
    try FileManager.default.createDirectory(atPath: folder.file("set"), withIntermediateDirectories: true)
    for name in ["set/a.png", "set/b.png"] { try folder.image(name) }
    try NPY.write(folder.table("phi.npy").transposed, to: folder.file("q.npy"))
    let train = "train image-cs ista-net --images set --phi phi.npy --initial q.npy --depth 1 --channels 4 --batch 4 --quiet"
    try run(train + " --steps 4 --seed 1 -o first.safetensors")
    try run(train + " --steps 1 --seed 2 --learning-rate 1e-9 --start first.safetensors -o second.safetensors")
    try run(train + " --steps 1 --seed 2 --learning-rate 1e-9 -o fresh.safetensors")
    func weights(_ name: String) throws -> [Double] {
      try SafeTensors(contentsOf: folder.file(name)).tensors.filter { !$0.name.hasPrefix("operator.") }.flatMap { $0.value.doubles }
    }
    let first = try weights("first.safetensors")
    func distance(_ name: String) throws -> Double { zip(try weights(name), first).reduce(0) { max($0, abs($1.0 - $1.1)) } }
    #expect(first.count == 2 + 2 * 36 + 2 * 144)
    #expect(try distance("second.safetensors") < 1e-6 && distance("fresh.safetensors") > 1e-2)
    // Of two stages, both of which are the one of the file.
    try run(
      train.replacingOccurrences(of: "--depth 1", with: "--depth 2")
        + " --steps 1 --seed 2 --learning-rate 1e-9 --start first.safetensors -o deeper.safetensors")
    func stage(_ number: Int, _ name: String) throws -> [Double] {
      try SafeTensors(contentsOf: folder.file(name)).tensors.filter { $0.name.hasPrefix("stages.\(number).") }
        .sorted { $0.name < $1.name }.flatMap { $0.value.doubles }
    }
    for number in 0..<2 {
      let (deeper, own) = (try stage(number, "deeper.safetensors"), try stage(0, "first.safetensors"))
      #expect(deeper.count == first.count && zip(deeper, own).allSatisfy { abs($0 - $1) < 1e-6 })
    }
    let answer = try run("inspect first.safetensors --json -").json
    #expect(answer["parameters"] as? Int == 362)
    let recipe = try #require(answer["recipe"] as? [String: Any])
    #expect(recipe["network"] as? String == "ista-net" && (recipe["notes"] as? [String: Any])?["phi"] as? String == "given")
    try run("simulate image-cs set/a.png -o m.h5 --phi phi.npy --ground-truth")
    let done = try run("reconstruct image-cs ista-net m.h5 -o out.png --weights first.safetensors --json -")
    #expect(try psnr(done, "outputs").isFinite && done.json["depth"] as? Int == 1)
    try run("train image-cs sda --images set --phi phi.npy --steps 1 --quiet -o net.safetensors")
    let sda = try run("evaluate image-cs sda --images set --phi phi.npy --weights net.safetensors --json -")
    #expect(sda.json["parameters"] as? Int == 3 * 250 + 2 * 25 + 10)
  }

  /// An epoch are 88 912 blocks, in the recipe's batches of 16: 5557 steps. Killed after the first ones.
  @Test func stepsOfAnEpoch() throws {
    try folder.image("a.png")
    try NPY.write(folder.table("phi.npy").transposed, to: folder.file("q.npy"))
    let line = "train image-cs ista-net --images a.png --phi phi.npy --initial q.npy --depth 1 --channels 2 --epochs 1"
    let process = try Program.process(
      line.split(separator: " ").map(String.init) + ["--checkpoint-every", "1", "--quiet", "-o", "w1.safetensors"], in: folder)
    process.standardError = FileHandle.nullDevice
    try process.run()
    while process.isRunning, !folder.has("w1.safetensors.checkpoint") { usleep(20_000) }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let recipe = try run("inspect w1.safetensors.checkpoint --json -").json["recipe"] as? [String: Any]
    #expect((recipe?["phases"] as? [[String: Any]])?.first?["steps"] as? Int == 5557)
  }
}
