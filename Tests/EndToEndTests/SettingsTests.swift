// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Options from YAML files, of any command; and every problem's own options alone.
@Suite struct SettingsTests: RunsInFolder {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.image("a.png", height: 24, width: 20)
  }

  private func write(_ yaml: String) throws { try Data(yaml.utf8).write(to: URL(fileURLWithPath: folder.file("s.yaml"))) }

  /// What is given on the command line wins, before and after `--config`.
  @Test func commandLineWins() throws {
    try write("ratio: 0.5\nseed: 7\nground-truth: true\n")
    for line in ["--config s.yaml --ratio 0.25", "--ratio 0.25 --config=s.yaml"] {
      let done = try run("simulate cs-mri a.png -o m.h5 --mask random --json - " + line)
      let ratio = try #require(done.json["ratio"] as? Double)
      #expect(abs(ratio - 0.25) < 0.02 && done.json["seed"] as? Int == 7 && done.json["ground_truth"] as? Bool == true)
    }
    let own = try run("simulate cs-mri a.png -o m.h5 --mask random --json - --config s.yaml")
    #expect(try #require(own.json["ratio"] as? Double) > 0.45)
  }

  /// Every kind of value: numbers, words, flags, lists.
  @Test func trainsBySettings() throws {
    try write(
      "images: [a.png, a.png]\nratio: 0.3\nmask: random\nsize: 16\ndepth: 2\nchannels: 4\nsteps: 2\nrecompute: true\nquiet: yes\n")
    let done = try run("train cs-mri ista-net-plus -o w.safetensors --config s.yaml --json -")
    let recipe = try #require(run("inspect w.safetensors --json -").json["recipe"] as? [String: Any])
    let shape = try #require(recipe["architecture"] as? [String: String])
    #expect(shape["depth"] == "2" && shape["channels"] == "4" && done.json["parameters"] as? Int == 2 * (2 + 2 * 36 + 4 * 144))
  }

  /// Projections in a plain array, with their geometry in YAML: those of a disc of 1 and radius 8, 2 √(64 − s²), around the axis of a parallel
  /// beam and of a fan, where s = R sin γ.
  @Test(arguments: [false, true]) func geometryOfProjections(isFan: Bool) throws {
    let (views, bins) = (180, 47)
    let row: [Double] = (0..<bins).map { b -> Double in
      (0..<20).reduce(0.0) { sum, k in
        let place = Double(b - 23) + (Double(k) - 9.5) / 20
        let s = isFan ? 100 * sin(place / 100) : place  // cells on an arc around the source, 100 mm away
        return sum + 0.1 * max(64 - s * s, 0).squareRoot()
      }
    }
    try NPY.write(Tensor((0..<views).flatMap { _ in row }, shape: [views, bins]), to: folder.file("p.npy"))
    try NPY.write(Tensor((0..<views).map { Double($0) * (isFan ? 2 : 1) }), to: folder.file("angles.npy"))
    let fan = "geometry: fan\nsource-distance: 100\ndetector-distance: 100\ndetector: arc\n"
    try write("angles: angles.npy\nangle-unit: degrees\npixel-size: 1\nbin-width: 1\nsize: 32\n" + (isFan ? fan : ""))
    try run("reconstruct ct fbp p.npy -o x.npy --config s.yaml --quiet")
    let image = try folder.table("x.npy")
    #expect(image.shape == [32, 32])
    let inner = (12..<20).flatMap { i in (12..<20).map { image[flat: 32 * i + $0] } }
    #expect(abs(inner.reduce(0, +) / 64 - 1) < 0.015 && abs(image[flat: 32 * 16 + 2]) < 0.03)
    try write("angles: angles.npy\npixel-size: 1\nsize: [32, 32]\n" + (isFan ? fan : ""))
    try refuse("reconstruct ct fbp p.npy -o y.npy --config s.yaml", naming: "expected radians")
  }

  @Test func mistakes() throws {
    func line(_ rest: String) -> String { "train cs-mri ista-net-plus --images a.png -o x.safetensors \(rest)" }
    try refuse(line("--config none.yaml"), naming: "none.yaml")
    try write("- 3\n")
    try refuse(line("--config s.yaml"), naming: "mapping")
    for (yaml, word) in [
      ("stepps: 3\n", "stepps"), ("steps: many\n", "steps"), ("phi: a.npy\n", "--phi"), ("steps: {a: 3}\n", "steps"),
    ] {
      try write(yaml)
      try refuse(line("--ratio 0.3 --config s.yaml"), naming: word)
    }
    try refuse(line("--ratio 0.3 --config"), naming: "--config")
  }

  /// The help of a problem names its own options and no other's.
  @Test func help() throws {
    for (problem, own, foreign) in [
      ("image-cs", "--phi", "--mask"), ("cs-mri", "--mask", "--phi"), ("ct", "--photons", "--units"),
      ("sparse-coding", "--units", "--views"),
    ] {
      for command in ["simulate", "evaluate", "train"] {
        let text = try run("\(command) \(problem) --help").output
        #expect(text.contains(own) && !text.contains(foreign), "\(command) \(problem)")
      }
    }
  }
}
