// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// k-space in the files of scanners and of BART: what is in them is the transform by its definition, frequency 0 and the origin of the image
/// in the middle; images come back as they were.
@Suite struct ScannerTests: RunsInFolder {
  let folder: Folder
  private static let (h, w) = (9, 12)
  /// Coil images `[slices, coils, h, w]`.
  private let images: ComplexTensor
  private let kSpace: ComplexTensor

  init() throws {
    folder = try Folder()
    var generator = RandomGenerator(seed: 8)
    images = ComplexTensor(pairs: .uniform([2, 3, Self.h, Self.w, 2], using: &generator))
    kSpace = Self.centredTransform(images)
  }

  /// 1/√n Σ x[i, j] exp(−2πi ((k − ⌊h/2⌋) (i − ⌊h/2⌋) / h + (l − ⌊w/2⌋) (j − ⌊w/2⌋) / w)), sum by sum.
  private static func centredTransform(_ x: ComplexTensor) -> ComplexTensor {
    let (v, n) = (x.pairs.doubles, h * w)
    var out = v
    for plane in 0..<x.count / n {
      for target in 0..<n {
        var (re, im) = (0.0, 0.0)
        for source in 0..<n {
          let rows = Double((target / w - h / 2) * (source / w - h / 2)) / Double(h)
          let angle = -2 * Double.pi * (rows + Double((target % w - w / 2) * (source % w - w / 2)) / Double(w))
          let (a, b) = (v[2 * (plane * n + source)], v[2 * (plane * n + source) + 1])
          re += a * cos(angle) - b * sin(angle)
          im += a * sin(angle) + b * cos(angle)
        }
        (out[2 * (plane * n + target)], out[2 * (plane * n + target) + 1]) = (
          re / Double(n).squareRoot(), im / Double(n).squareRoot()
        )
      }
    }
    return ComplexTensor(pairs: Tensor(out, shape: x.pairs.shape))
  }

  private func slice(_ z: ComplexTensor, _ k: Int) -> ComplexTensor {
    ComplexTensor(pairs: z.pairs.rows(k..<k + 1).reshaped([3, Self.h, Self.w, 2]))
  }

  private func rootSumOfSquares(_ coils: ComplexTensor) -> Tensor {
    let (v, n) = (coils.pairs.doubles, Self.h * Self.w)
    var sums = [Double](repeating: 0, count: n)
    for i in 0..<v.count { sums[i / 2 % n] += v[i] * v[i] }
    return Tensor(sums.map { $0.squareRoot() }, shape: [Self.h, Self.w])
  }

  private func expectImage(_ name: String, _ expected: Tensor) throws {
    let found = try #require(try readArrays(folder.file(name))[0].value.real).converted(to: .double)
    #expect(found.shape == expected.shape && (found - expected).norm <= 1e-6 * expected.norm, "\(found.shape)")
  }

  /// One coil as BART has it is the complex image itself, in the file's units; the file that is written is the transform too.
  @Test func bart() throws {
    let first = ComplexTensor(pairs: images.pairs.reshaped([6, Self.h, Self.w, 2]).rows(0..<1))
    let plane = [1, 1, Self.h, Self.w, 2]
    try BARTFile.write(ComplexTensor(pairs: Self.centredTransform(first).pairs.reshaped(plane)), to: folder.file("k.cfl"))
    try run("reconstruct cs-mri zero-filling k.cfl -o x.cfl --quiet")
    let found = try BARTFile.read(folder.file("x.cfl"))
    let expected = ComplexTensor(pairs: first.pairs.reshaped([Self.h, Self.w, 2]))
    #expect(
      found.shape == expected.shape
        && (ComplexTensor(pairs: found.pairs.converted(to: .double)) - expected).norm <= 1e-6 * expected.norm)
    try run("reconstruct cs-mri tv k.cfl -o x.png --quiet")

    try NPY.write(.complex(expected), to: folder.file("z.npy"))
    try run("simulate cs-mri z.npy -o made.cfl --ratio 1 --mask random --quiet")
    let made = try BARTFile.read(folder.file("made.cfl"))
    let centred = Self.centredTransform(first)
    #expect(
      (ComplexTensor(pairs: made.pairs.converted(to: .double).reshaped(centred.pairs.shape)) - centred).norm <= 1e-6 * centred.norm)
    try run("simulate cs-mri z.npy -o coils.cfl --ratio 1 --mask random --coils 3 --quiet")
    #expect(try BARTFile.read(folder.file("coils.cfl")).shape == [3, 1, Self.h, Self.w])
    // Simulated coils have unit root sum of squares.
    try run("reconstruct cs-mri zero-filling coils.cfl -o m.npy --quiet")
    try expectImage("m.npy", rootSumOfSquares(expected))
  }

  /// fastMRI's volumes: all slices into one array or a folder, one slice, the part of the reference image, scores against it.
  @Test func fastMRI() throws {
    let rss = (0..<2).map { rootSumOfSquares(slice(images, $0)) }
    let middle = rss.map { image in
      Tensor((0..<5 * 6).map { image[flat: ($0 / 6 + 2) * Self.w + $0 % 6 + 3] }, shape: [5, 6])
    }
    try FastMRIFile.write(kSpace: kSpace, reconstruction: .stacked(middle), header: "<none/>", to: folder.file("f.h5"))
    try run("reconstruct cs-mri zero-filling f.h5 -o all.npy --quiet")
    try expectImage("all.npy", .stacked(middle))
    let done = try run("reconstruct cs-mri zero-filling f.h5 -o one.npy --slice 1 --json -")
    try expectImage("one.npy", middle[1])
    let outputs = try #require(done.json["outputs"] as? [[String: Any]])
    #expect(outputs.count == 1 && outputs[0]["nmse"] as? Double ?? 1 <= 1e-6)
    try FileManager.default.createDirectory(atPath: folder.file("out"), withIntermediateDirectories: false)
    try run("reconstruct cs-mri zero-filling f.h5 -o out --quiet")
    for k in 0..<2 { #expect(try readImage(folder.file("out/f-\(k).png")).values.shape == [5, 6]) }
    try refuse("reconstruct cs-mri zero-filling f.h5 -o one.npy --slice 2", naming: "--slice 0 to 1")
  }

  @Test func ismrmrd() throws {
    try ISMRMRDFile(kSpace: kSpace).write(to: folder.file("i.h5"))
    try run("reconstruct cs-mri zero-filling i.h5 -o all.npy --quiet")
    try expectImage("all.npy", .stacked((0..<2).map { rootSumOfSquares(slice(images, $0)) }))
    // Coil maps that are the coil images of an image of ones give that image back.
    let one = slice(images, 0)
    let norm = rootSumOfSquares(one)
    let scaled = one.pairs.doubles.enumerated().map { i, v in v / norm[flat: i / 2 % (Self.h * Self.w)] }
    let maps = ComplexTensor(pairs: Tensor(scaled, shape: one.pairs.shape))
    try NPY.write(.complex(maps), to: folder.file("maps.npy"))
    try run("reconstruct cs-mri tv i.h5 -o tv.npy --slice 0 --maps maps.npy --lambda 1e-9 --iterations 50 --quiet")
    let found = try #require(try readArrays(folder.file("tv.npy")).first).value.complex
    let magnitudes = Tensor(
      (0..<norm.count).map { i in hypot(found.pairs[flat: 2 * i], found.pairs[flat: 2 * i + 1]) }, shape: norm.shape)
    #expect((magnitudes - norm).norm <= 1e-4 * norm.norm)
  }

  @Test func mistakes() throws {
    let coils = ComplexTensor(pairs: kSpace.pairs.rows(0..<1).reshaped([3, 1, Self.h, Self.w, 2]))
    try BARTFile.write(coils, to: folder.file("k.cfl"))
    try refuse("reconstruct cs-mri tv k.cfl -o x.png", naming: "no pixel that the 3 coils see alike")
    try refuse("reconstruct cs-mri recpf k.cfl -o x.png", naming: "even sizes")
    try refuse("reconstruct cs-mri sidwt k.cfl -o x.png", naming: "3 coils")
    try refuse("reconstruct cs-mri tval3 k.cfl -o x.png", naming: "cs-mri")
    try refuse("reconstruct cs-mri tv k.cfl -o x.png --ground-truth", naming: "ground-truth")
    try NPY.write(.filled(1, shape: [2, Self.h, Self.w]), to: folder.file("two.npy"))
    try refuse("reconstruct cs-mri tv k.cfl -o x.png --maps two.npy", naming: "coil maps of [2, 9, 12]")
    try NPY.write(.filled(1, shape: [9]), to: folder.file("flat.npy"))
    try refuse("reconstruct cs-mri tv k.cfl -o x.png --maps flat.npy", naming: "flat.npy")
    try NPY.write(.filled(.nan, shape: [3, Self.h, Self.w]), to: folder.file("nan.npy"))
    try refuse("reconstruct cs-mri tv k.cfl -o x.png --maps nan.npy", naming: "NaN")
    // Without its centre there is nothing to estimate maps from.
    var holes = coils.pairs.doubles
    for c in 0..<3 {
      for l in 4..<8 {
        holes[2 * ((c * Self.h + Self.h / 2) * Self.w + l)] = 0; holes[2 * ((c * Self.h + Self.h / 2) * Self.w + l) + 1] = 0
      }
    }
    try BARTFile.write(ComplexTensor(pairs: Tensor(holes, shape: coils.pairs.shape)), to: folder.file("holes.cfl"))
    try refuse("reconstruct cs-mri tv holes.cfl -o x.png", naming: "--maps")
    for (value, word) in [(0.0, "zeros"), (.nan, "NaN")] {
      try BARTFile.write(ComplexTensor(pairs: .filled(value, shape: [8, 8, 2])), to: folder.file("bad.cfl"))
      try refuse("reconstruct cs-mri tv bad.cfl -o x.png", naming: word)
    }
    try BARTFile.write(ComplexTensor(pairs: .filled(1, shape: [4, 8, 8, 2])), to: folder.file("volume.cfl"))
    try refuse("reconstruct cs-mri tv volume.cfl -o x.png", naming: "two dimensions")
    try run("simulate cs-mri one.png -o none.h5 --ratio 0.5 --quiet".replacingOccurrences(of: "one.png", with: makeImage()))
    try refuse("reconstruct cs-mri tv none.h5 -o x.png --slice 0", naming: "--slice")
    try refuse("reconstruct cs-mri tv none.h5 -o x.png --maps two.npy", naming: "one coil")
    try refuse("simulate cs-mri one.png -o x.cfl --ratio 0.5 --ground-truth", naming: "--ground-truth")
    try refuse("simulate cs-mri one.png one.png -o x.cfl --ratio 0.5", naming: "2 images")
    for coils in ["0", "1000"] { try refuse("simulate cs-mri one.png -o x.h5 --ratio 0.5 --coils \(coils)", naming: "--coils") }
    try refuse("simulate image-cs one.png -o x.h5 --ratio 0.5 --coils 2", naming: "--coils")
    try Data().write(to: URL(fileURLWithPath: folder.file("empty.cfl")))
    try refuse("reconstruct cs-mri tv empty.cfl -o x.png", naming: "empty")
  }

  private func makeImage() throws -> String {
    try folder.image("one.png", height: 16, width: 16)
    return "one.png"
  }
}
