// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Noise put in and taken out, a network trained, and what is refused.
@Suite struct DenoisingTests: RunsInFolder {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try FileManager.default.createDirectory(atPath: folder.file("photos"), withIntermediateDirectories: true)
    for k in 0..<3 {
      let pixels = (0..<48 * 48).map { p -> Double in
        let (i, j) = (Double(p / 48), Double(p % 48))
        return 0.5 + 0.2 * sin(0.2 * i + 0.1 * j * Double(k + 1)) + (hypot(i - 20, j - 24) < 12 ? 0.2 : 0)
      }
      try writePNG(Tensor(pixels, shape: [48, 48]), to: folder.file("photos/\(k).png"), bitDepth: 16)
    }
  }

  /// The two ways to a score are one.
  @Test func scores() throws {
    try run("simulate denoising photos -o m.h5 --sigma 25 --ground-truth --quiet")
    let outputs = try #require(run("reconstruct denoising bm3d m.h5 -o x.npy --json -").json["outputs"] as? [[String: Any]])
    let images = try #require(
      run("evaluate denoising bm3d --images photos --sigma 25 --json -").json["images"] as? [[String: Any]])
    #expect(outputs.count == 3 && images.count == 3)
    for (output, image) in zip(outputs, images) {
      for key in ["psnr", "ssim"] {
        #expect(output[key] as? Double == image[key] as? Double)
        #expect(try #require(output[key] as? Double) > (key == "psnr" ? 28 : 0.7))
      }
    }
    #expect(try NPY.read(folder.file("x.npy")).shape == [3, 48, 48])
  }

  /// A picture without a word of its noise, and trained weights that other problems take as a prior.
  @Test func networkAndPrior() throws {
    try run(
      "train denoising dilated-cnn --images photos --crop 16 --steps 4 --batch 2 --highest-sigma 30 -o w.safetensors --quiet")
    try run("reconstruct denoising dilated-cnn photos/0.png -o x.png --weights w.safetensors --quiet")
    #expect(try readImage(folder.file("x.png")).values.shape == [48, 48])
    try "noise: 0.01\noperator: [blur: {sigma: 1}]".write(toFile: folder.file("o.yaml"), atomically: true, encoding: .utf8)
    let other =
      "evaluate linear plug-and-play --operator o.yaml --images photos --prior denoiser:dilated-cnn --denoiser-weights w.safetensors --json -"
    #expect(try mean(run(other), "psnr") > 10)
    let blocks = "evaluate image-cs ircnn --images photos --ratio 0.5 --denoiser-weights w.safetensors --json -"
    #expect(try mean(run(blocks), "psnr") > 10)
  }
}
