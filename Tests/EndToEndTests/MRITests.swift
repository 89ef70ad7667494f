// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing
import Training

/// Compressive-sensing MRI from images to images, and what is refused: exit status 2, one line, no new file.
@Suite struct MRITests: RunsInFolder {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.image("a.png", height: 24, width: 20)
    var generator = RandomGenerator(seed: 5)
    let parts = (0..<2).map { _ in 0.7 * Tensor.uniform([16, 18], using: &generator) }
    try NPY.write(.complex(ComplexTensor(real: parts[0], imaginary: parts[1])), to: folder.file("z.npy"))
  }

  /// What is in the file is P F x, and zero filling its inverse transform; every frequency gives the image back.
  @Test func measurementsAreTheTransform() throws {
    try run("simulate cs-mri a.png -o m.h5 --ratio 0.4 --ground-truth --quiet")
    let file = try HDF5File(contentsOf: folder.file("m.h5"))
    let image = try readImage(folder.file("a.png")).values
    let mask = try #require(file["mask/0"]?.real).converted(to: .double)
    let y = try #require(file["k_space/0"]?.complex)
    let whole = fft2(complex(image))
    for (i, m) in mask.doubles.enumerated() {
      for part in 0..<2 { #expect(abs(y.pairs[flat: 2 * i + part] - m * whole.pairs[flat: 2 * i + part]) <= 1e-12) }
    }
    let filled = try run("reconstruct cs-mri zero-filling m.h5 -o out.tiff --json -")
    let expected = inverseFFT2(y).real
    #expect((try readImage(folder.file("out.tiff")).values - expected.map { min(max($0, 0), 1) }).maximumMagnitude <= 1.0 / 255)
    let error = (expected - image).norm / image.norm
    let found = try #require((filled.json["outputs"] as? [[String: Any]])?[0]["nmse"] as? Double)
    #expect(abs(found - error) <= 1e-9)
    #expect(try mean(run("evaluate cs-mri zero-filling --images a.png --ratio 1 --mask random --json -"), "nmse") <= 1e-12)
  }

  /// A network with memory trained on magnitudes of complex images; without asking for them they are refused.
  @Test func networksWithMemoryAndMagnitudes() throws {
    let train = "train cs-mri scnet --images z.npy --ratio 0.5 --size 16 --depth 2 --channels 2 --steps 2 -o w.safetensors --quiet"
    try refuse(train, naming: "--magnitudes")
    try run(train + " --magnitudes")
    let report = try run("evaluate cs-mri scnet --images a.png --ratio 0.5 --weights w.safetensors --json -")
    #expect(
      report.json["parameters"] as? Int == 38 + 2 * 76 + 19
        && (report.json["weights"] as? String)?.hasSuffix("w.safetensors") == true)
    try refuse("train image-cs ista-net-plus --images . --ratio 0.5 --magnitudes -o x.safetensors", naming: "--magnitudes")
  }

  /// Images with a phase: all classical methods, and fewer errors than zero filling where there is something to find.
  @Test func complexImages() throws {
    for method in ["zero-filling", "tv", "sidwt", "recpf"] {
      let all = try run("evaluate cs-mri \(method) --images z.npy --ratio 1 --mask random --json -")
      #expect(try mean(all, "nmse") <= (method == "zero-filling" ? 1e-12 : 0.02), "\(method)")
    }
    try run("simulate cs-mri z.npy -o z.h5 --ratio 0.5 --mask cartesian --noise-snr 40 --quiet")
    try run("reconstruct cs-mri tv z.h5 -o z.png --quiet")
    #expect(try readImage(folder.file("z.png")).values.shape == [16, 18])
  }

  /// The same networks on images with a phase, two channels each: a training of a few steps whose weights are then used, and are not those of
  /// real images.
  @Test(arguments: ["ista-net", "ista-net-plus", "admm-csnet", "admm-net"]) func complexNetworks(network: String) throws {
    try run(
      "train cs-mri \(network) --images z.npy --ratio 0.5 --size 16 --depth 2 --steps 3 -o w.safetensors --quiet"
        + (network == "admm-net" ? "" : " --channels 4"))
    let report = try run("evaluate cs-mri \(network) --images z.npy --ratio 0.5 --weights w.safetensors --json -")
    let depth = try Weights(contentsOf: folder.file("w.safetensors")).parameters.count { $0.name.hasSuffix("expansion") }
    #expect(depth == (network == "ista-net-plus" ? 2 : 0))
    #expect(try mean(report, "nmse") < 2)
    // The filters of ADMM networks are for one part.
    if !network.hasPrefix("admm") {
      try refuse("evaluate cs-mri \(network) --images a.png --ratio 0.5 --weights w.safetensors", naming: "stages.0")
    }
  }

  /// Several coils, simulated or by maps: a training with noise, its weights on images, on files of measurements and on a scanner's.
  @Test func networksOfCoils() throws {
    try run(
      "train cs-mri ista-net-plus --images z.npy --coils 4 --noise-snr 30 --mask cartesian --ratio 0.5 --size 16 --depth 2 --channels 4 --steps 3 -o w.safetensors --quiet"
    )
    let of = "cs-mri ista-net-plus"
    let scored = try run(
      "evaluate \(of) --images z.npy --coils 4 --mask cartesian --ratio 0.5 --weights w.safetensors --json -")
    #expect(try mean(scored, "psnr") > 5 && scored.json["remarks"] == nil)
    try run("simulate cs-mri z.npy -o m.h5 --coils 4 --mask cartesian --ratio 0.5 --ground-truth --quiet")
    let found = try run("reconstruct \(of) m.h5 -o x.npy --weights w.safetensors --json -")
    let outputs = try #require(found.json["outputs"] as? [[String: Any]])
    #expect(abs(try #require(outputs[0]["psnr"] as? Double) - (try mean(scored, "psnr"))) <= 1e-9)
    #expect(try readArrays(folder.file("x.npy"))[0].value.shape == [16, 18])
    // All of k-space, for maps by ESPIRiT; another number of coils.
    try run("simulate cs-mri z.npy -o k.cfl --coils 3 --mask random --ratio 1 --quiet")
    let scanner = try run("reconstruct \(of) k.cfl -o y.npy --weights w.safetensors --quiet --json -")
    #expect((scanner.json["remarks"] as? [String]) == ["weights trained with 4 coils, used for 3 coils"])
    #expect(try readArrays(folder.file("y.npy"))[0].value.real == nil)
    try NPY.write(.complex(ComplexTensor(pairs: .filled(0.5, shape: [2, 16, 18, 2]))), to: folder.file("maps.npy"))
    try run("evaluate \(of) --images z.npy --maps maps.npy --mask cartesian --ratio 0.5 --untrained --quiet")
    try refuse("reconstruct \(of) m.h5 -o x.npy --weights w.safetensors --maps maps.npy", naming: "[2, 16, 18]")
    try refuse(
      "train \(of) --images z.npy --maps maps.npy --mask cartesian --ratio 0.5 --size 16 -o x.safetensors", naming: "16 × 18")
    try refuse("evaluate cs-mri scnet --images z.npy --coils 4 --mask cartesian --ratio 0.5 --untrained", naming: "several coils")
  }

  /// Total variation finds an image of few pieces from a third of its frequencies.
  @Test func totalVariationFindsPieces() throws {
    let pieces = (0..<32 * 32).map { i in (8..<24).contains(i / 32) && (10..<20).contains(i % 32) ? 1.0 : 0.25 }
    try writePNG(Tensor(pieces, shape: [32, 32]), to: folder.file("p.png"))
    let tv = try run("evaluate cs-mri tv --images p.png --ratio 0.33 --lambda 1e-4 --iterations 500 --json -")
    let filled = try run("evaluate cs-mri zero-filling --images p.png --ratio 0.33 --json -")
    #expect(try mean(tv, "psnr") > 60 && mean(filled, "psnr") < 35)
  }

  /// A training on images of another size than theirs; its weights say what they are for.
  @Test(arguments: ["admm-net", "admm-csnet", "ista-net", "ista-net-plus"]) func training(network: String) throws {
    let size = network == "admm-net" ? "" : " --channels 4"
    try run("train cs-mri \(network) --images a.png --ratio 0.3 --size 16 --depth 2 --steps 3 -o w.safetensors --quiet" + size)
    let weights = try SafeTensors(contentsOf: folder.file("w.safetensors"))
    #expect(weights.metadata["recipe"]?.contains("\"cs-mri\"") == true && weights.tensors.contains { $0.name == "operator.mask" })
    let scored = try run("evaluate cs-mri \(network) --images a.png --ratio 0.3 --weights w.safetensors --json -")
    #expect(try mean(scored, "psnr") > 5 && (scored.json["parameters"] as? Int ?? 0) > 100)
    try refuse("evaluate cs-mri \(network) --images a.png --ratio 0.3 --weights w.safetensors --depth 3", naming: "2 stages")
    try refuse("evaluate image-cs tval3 --images a.png --ratio 0.3 --weights w.safetensors", naming: "--weights")
    let other = network == "admm-net" ? "ista-net" : "admm-net"
    try refuse("evaluate cs-mri \(other) --images a.png --ratio 0.3 --weights w.safetensors", naming: network)
  }

  /// The page of a table's middle image.
  @Test func page() throws {
    let done = try Program.run(
      ["reproduce", "admm-net-2", "--images", "a.png", "--models", "none", "--plots", "plots", "--json", "-"], in: folder)
    #expect(done.status == 0, "\(done.errors)")
    let page = try String(contentsOfFile: folder.file("plots/index.html"), encoding: .utf8)
    for word in ["zero-filling", "tv", "sidwt", "Mask", "480 frequencies"] { #expect(page.contains(word), "\(word)") }
    try refuse("reproduce alista --plots plots", naming: "--plots")
    try refuse("reproduce admm-net-2 --images a.png --plots a.png", naming: "a.png")
  }

  /// One thread and two give the same bytes, of images and of weights.
  @Test(arguments: ["admm-net", "ista-net-plus"]) func threads(network: String) throws {
    for threads in [1, 2] {
      try run(
        "train cs-mri \(network) --images a.png --ratio 0.3 --size 32 --depth 2 --steps 3 -o \(threads).safetensors --quiet --threads \(threads)"
      )
      try run(
        "simulate cs-mri a.png -o m\(threads).h5 --ratio 1 --mask random --coils 3 --noise-snr 30 --quiet --threads \(threads)")
      try run("reconstruct cs-mri tv m\(threads).h5 -o x\(threads).npy --iterations 5 --quiet --threads \(threads)")
    }
    for name in ["%.safetensors", "m%.h5", "x%.npy"] {
      let pair = [1, 2].map { folder.bytes(name.replacingOccurrences(of: "%", with: "\($0)")) }
      #expect(pair[0] != nil && pair[0] == pair[1], "\(name)")
    }
  }

  @Test func mistakes() throws {
    try refuse("simulate cs-mri a.png -o x.h5", naming: "--ratio")
    for ratio in ["0", "1.5", "nan"] { try refuse("simulate cs-mri a.png -o x.h5 --ratio \(ratio)", naming: "--ratio") }
    try refuse("simulate cs-mri a.png -o x.h5 --ratio 0.2 --phi a.npy", naming: "--phi")
    try refuse("simulate image-cs a.png -o x.h5 --ratio 0.2 --mask radial", naming: "--mask")
    try refuse("simulate cs-mri a.png -o x.h5 --mask none.npy", naming: "none.npy")
    try refuse("simulate cs-mri a.png -o x.h5 --mask radial --ratio 0.2 --mask-order centred", naming: "--mask-order")
    try NPY.write(.zeros([24, 20]), to: folder.file("none.npy"))
    try refuse("simulate cs-mri a.png -o x.h5 --mask none.npy", naming: "no measured frequency")
    try NPY.write(.filled(1, shape: [20, 24]), to: folder.file("turned.npy"))
    try refuse("simulate cs-mri a.png -o x.h5 --mask turned.npy", naming: "24 × 20")
    try refuse("simulate cs-mri a.png -o x.h5 --mask turned.npy --ratio 0.2", naming: "--ratio")
    let centred = (0..<480).map { i in abs(i / 20 - 12) <= 5 && abs(i % 20 - 10) <= 5 ? 1.0 : 0 }
    try NPY.write(Tensor(centred, shape: [24, 20]), to: folder.file("centred.npy"))
    try refuse("simulate cs-mri a.png -o x.h5 --mask centred.npy", naming: "centred")
    try run("simulate cs-mri a.png -o y.h5 --mask centred.npy --mask-order centred --quiet")
    try NPY.write(.filled(.nan, shape: [24, 20]), to: folder.file("nan.npy"))
    try refuse("simulate cs-mri nan.npy -o x.h5 --ratio 0.2", naming: "NaN")
    try refuse("reconstruct cs-mri tval3 y.h5 -o x.png", naming: "cs-mri")
    try refuse("reconstruct cs-mri admm-net y.h5 -o x.png --lambda 1", naming: "--lambda")
    try refuse("reconstruct cs-mri admm-net y.h5 -o x.png", naming: "--weights")
    try refuse("reconstruct cs-mri tv y.h5 -o x.png --lambda 0", naming: "--lambda")
    try refuse("reconstruct cs-mri tv y.h5 -o x.png --wavelet 4", naming: "--wavelet")
    try refuse("reconstruct cs-mri tv y.h5 -o x.png --levels 2", naming: "--levels")
    try refuse("reconstruct cs-mri sidwt y.h5 -o x.png --levels 0", naming: "--levels")
    try refuse("reconstruct cs-mri zero-filling y.h5 -o x.png --iterations 4", naming: "--iterations")
    try refuse("evaluate cs-mri scnet --images z.npy --ratio 0.2 --untrained", naming: "complex")
    try refuse("train cs-mri tv --images a.png --ratio 0.2 -o x.safetensors", naming: "classical")
    try refuse("train cs-mri scnet --images z.npy --ratio 0.2 -o x.safetensors", naming: "complex")
    try refuse("reproduce admm-net-1 --train", naming: "--train")
  }

  /// A measurement cut short or with NaN among its samples.
  @Test func damagedMeasurements() throws {
    try run("simulate cs-mri a.png -o m.h5 --ratio 0.4 --quiet")
    var file = try HDF5File(contentsOf: folder.file("m.h5"))
    let whole = try #require(folder.bytes("m.h5"))
    for count in [0, 100, whole.count / 2] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: folder.file("cut.h5")))
      try refuse("reconstruct cs-mri tv cut.h5 -o x.png", naming: "cut.h5")
    }
    let shape = try #require(file["k_space/0"]).shape
    for (name, value, word) in [
      ("k_space/0", NumericArray.complex(ComplexTensor(pairs: .filled(.nan, shape: shape + [2]))), "NaN"),
      ("k_space/0", .complex(ComplexTensor(pairs: .filled(0, shape: [3, 3, 2]))), "k_space/0"),
      ("mask/0", .real(.filled(0.5, shape: shape)), "mask/0"),
    ] {
      let kept = file.arrays
      file.arrays = kept.map { $0.name == name ? NamedArray(name: name, value: value) : $0 }
      try file.write(to: folder.file("bad.h5"))
      try refuse("reconstruct cs-mri tv bad.h5 -o x.png", naming: word)
      file.arrays = kept
    }
  }
}
