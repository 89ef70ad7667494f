// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Tomography from images and phantoms to images, and what is refused: exit status 2, one line, no new file.
@Suite struct TomographyTests: RunsInFolder {
  let folder: Folder

  init() throws {
    folder = try Folder()
    // Water with a hole, and bone, in Hounsfield units.
    let slice = (0..<32 * 32).map { p -> Double in
      let (y, x) = (Double(p / 32) - 15.5, Double(p % 32) - 15.5)
      return hypot(x, y) < 4 ? -1000 : hypot(x - 7, y) < 3 ? 1000 : hypot(x, y) < 13 ? 0 : -1000
    }
    try NPY.write(.real(Tensor(slice + slice.reversed(), shape: [2, 32, 32])), to: folder.file("ct.npy"))
  }

  /// Scans by a beam and a fan: filtered back-projection of many views is near the image, total variation of few is nearer than it.
  @Test(arguments: ["", " --geometry fan", " --geometry fan --half-scan --detector line"]) func scans(geometry: String) throws {
    let quantity = " --quantity hounsfield"
    try run("simulate ct ct.npy -o s.h5 --views 180 --ground-truth --quiet" + quantity + geometry)
    let done = try run("reconstruct ct fbp s.h5 -o x.npy --json -")
    let outputs = try #require(done.json["outputs"] as? [[String: Any]])
    #expect(outputs.count == 2)
    for output in outputs {
      #expect(try #require(output["psnr"] as? Double) > 25 && (try #require(output["residual"] as? Double)) < 0.1)
    }
    #expect(try NPY.read(folder.file("x.npy")).shape == [2, 32, 32])
    let few = " --images ct.npy --views 12 --photons 1e4 --json -" + quantity + geometry
    let (filtered, total) = (try run("evaluate ct fbp" + few), try run("evaluate ct fista-tv --lambda 1e-3" + few))
    #expect(try mean(total, "psnr") > mean(filtered, "psnr") + 5)
    let hann = try run("evaluate ct fbp" + few + " --window hann")
    #expect(try mean(hann, "psnr") > mean(filtered, "psnr"))
  }

  /// The two ways to a score, of one scan: every figure is the same.
  @Test func reconstructScoresAsEvaluateDoes() throws {
    let scan = " --views 40 --photons 1e4 --seed 7 --quantity hounsfield"
    try run("simulate ct ct.npy -o s.h5 --ground-truth --quiet" + scan)
    let outputs = try #require(run("reconstruct ct fbp s.h5 -o x.npy --json -").json["outputs"] as? [[String: Any]])
    let images = try #require(run("evaluate ct fbp --images ct.npy --json -" + scan).json["images"] as? [[String: Any]])
    #expect(outputs.count == 2 && images.count == 2)
    for (output, image) in zip(outputs, images) {
      for key in ["psnr", "ssim", "nmse", "rmse"] {
        let (a, b) = (try #require(output[key] as? Double), try #require(image[key] as? Double))
        #expect(abs(a - b) <= 1e-6 * abs(b), "\(key): \(a), \(b)")
      }
    }
  }

  /// Phantoms of the voltages' sets, by the classical methods.
  @Test func images() throws {
    try NPY.write(.real(Tensor((0..<256).map { $0 / 16 > 7 ? 1.0 : 0 }, shape: [16, 16])), to: folder.file("x.npy"))
    for problem in ["emt", "eit"] {
      try run("simulate \(problem) x.npy -o b.h5 --noise-snr 60 --ground-truth --quiet")
      for method in ["laplacian", "fista-tv"] {
        let done = try run("reconstruct \(problem) \(method) b.h5 -o \(method).png --json -")
        let output = try #require((done.json["outputs"] as? [[String: Any]])?.first)
        #expect(
          try #require(output["residual"] as? Double) < 0.1 && FileManager.default.fileExists(atPath: folder.file(method + ".png")))
      }
    }
  }

  /// A network is trained, its weights know what for, and one thread and two give the same bytes.
  @Test(arguments: ["fista-net", "ista-net-plus", "fbpconvnet"]) func training(network: String) throws {
    let depth = network == "fbpconvnet" ? "" : " --depth 2"
    for threads in [1, 2] {
      try run(
        "train ct \(network) --images ct.npy --quantity hounsfield --views 8 --photons 1e5 --reduce 2 --channels 4 --batch 1 --steps 3 -o "
          + "\(threads).safetensors --quiet --threads \(threads)" + depth)
    }
    #expect(folder.bytes("1.safetensors") != nil && folder.bytes("1.safetensors") == folder.bytes("2.safetensors"))
    let recipe = try #require(SafeTensors(contentsOf: folder.file("1.safetensors")).metadata["recipe"])
    for word in ["\"ct\"", "\"views\":\"8\"", "\"gradient\":\"weight\""] { #expect(recipe.contains(word), "\(word)") }
    let options = "--images ct.npy --quantity hounsfield --views 8 --weights 1.safetensors --json -"
    let scored = try run("evaluate ct \(network) " + options)
    #expect(try mean(scored, "psnr").isFinite && scored.json["parameters"] as? Int ?? 0 > 500)
    try refuse("evaluate ct \(network == "fista-net" ? "fbpconvnet" : "fista-net") " + options, naming: network)
  }

  @Test func mistakes() throws {
    try refuse("simulate ct -o x.h5", naming: "found no input")
    try refuse("simulate ct none.npy -o x.h5", naming: "none.npy")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --views 0", naming: "views")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --photons -3", naming: "--photons")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --electronic 3", naming: "--electronic")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --pixel-size 0", naming: "pixel size")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --detector line", naming: "--geometry fan")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --geometry fan --source-distance 1", naming: "source distance")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --noise-snr 30", naming: "--noise-snr")
    try refuse("simulate emt ct.npy -o x.h5 --views 30", naming: "--views")
    try refuse("simulate emt -o x.h5 --ground-truth", naming: "--ground-truth")
    try refuse("simulate emt -o x.h5 --phantoms 0", naming: "--phantoms")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --phantoms 5", naming: "--phantoms")
    try refuse("simulate ct ct.npy --quantity hounsfield -o x.h5 --shapes discs", naming: "--shapes")
    try refuse("simulate emt -o x.h5 --shapes stars", naming: "ellipses-and-rectangles")
    try refuse("simulate emt ct.npy -o x.h5 --lowest-noise-snr 30", naming: "--lowest-noise-snr")
    try refuse("simulate emt -o x.h5 --lowest-noise-snr inf", naming: "noise")
    try refuse("simulate image-cs ct.npy -o x.h5 --ratio 0.3 --photons 3", naming: "--photons")
    try NPY.write(.filled(.nan, shape: [24, 20]), to: folder.file("nan.npy"))
    try refuse("simulate ct nan.npy -o x.h5", naming: "NaN")
    try run("simulate ct ct.npy --quantity hounsfield -o y.h5 --views 6 --quiet")
    try refuse("reconstruct ct laplacian y.h5 -o x.npy", naming: "laplacian")
    try refuse("reconstruct ct fbp y.h5 -o x.npy --lambda 3", naming: "--lambda")
    try refuse("reconstruct ct fbp y.h5 -o x.png", naming: "folder")
    try refuse("reconstruct ct fista-net y.h5 -o x.npy --weights none", naming: "none")
    try refuse("evaluate ct fbp --images ct.npy --part test", naming: "--split")
    try refuse("evaluate emt laplacian --images ct.npy", naming: "--images")
    try refuse("evaluate emt fbp", naming: "fbp")
    try refuse("train ct fista-net --images ct.npy --quantity hounsfield --gradient newton -o w.safetensors", naming: "newton")
    try refuse("train emt fista-net --data ct.npy -o w.safetensors", naming: "ct.npy")
    try refuse(
      "train ct fista-net --images ct.npy --quantity hounsfield --reduce 9223372036854775807 -o w.safetensors", naming: "--reduce")
    try refuse("train ct fbpconvnet --images ct.npy --depth 3 -o w.safetensors", naming: "--depth")
    // A scan that lost its geometry.
    let scan = try HDF5File(contentsOf: folder.file("y.h5"))
    var attributes = scan.attributes
    attributes["setup"] = #"{"scan": {"geometry": "helix"}}"#
    try HDF5File(arrays: scan.arrays, attributes: attributes).write(to: folder.file("z.h5"))
    try refuse("reconstruct ct fbp z.h5 -o x.npy", naming: "setup")
    let arrays = scan.arrays.map { $0.name == "size/0" ? NamedArray(name: $0.name, value: Tensor([-3, 32])) : $0 }
    try HDF5File(arrays: arrays, attributes: scan.attributes).write(to: folder.file("z.h5"))
    try refuse("reconstruct ct fbp z.h5 -o x.npy", naming: "size/0")
  }
}
