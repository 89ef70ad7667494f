// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct TomographyDataTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  private func small(_ model: SensitivityModel, seed: UInt64 = 3) -> TomographyData.Settings {
    var settings = TomographyData.Settings(model)
    (settings.side, settings.seed, settings.rings) = (16, seed, 8)
    (settings.trainingCount, settings.validationCount, settings.testCount) = (9, 3, 4)
    return settings
  }

  private func same(_ a: TomographyData, _ b: TomographyData) -> Bool {
    a.settings == b.settings && a.pixels == b.pixels && a.A == b.A && a.initialMap == b.initialMap
      && TomographyData.Part.allCases.allSatisfy { a[$0] == b[$0] }
  }

  @Test(arguments: SensitivityModel.allCases) func setsAndTheirFile(model: SensitivityModel) throws {
    let data = try TomographyData(small(model))
    for part in TomographyData.Part.allCases {
      let count = data.settings.count(part)
      #expect(data[part].measurement.shape == [count, model.measurements] && data[part].measurement.precision == .single)
      #expect(data[part].groundTruth.shape == [count, data.pixels.count])
    }
    // No phantom twice, in whatever part.
    let phantoms = TomographyData.Part.allCases.flatMap { part in
      (0..<data.settings.count(part)).map { data[part].groundTruth.row($0).floats }
    }
    #expect(Set(phantoms).count == phantoms.count)
    let path = folder.file("data.h5")
    try data.write(to: path)
    #expect(same(try TomographyData(contentsOf: path), data))
  }

  @Test(arguments: SensitivityModel.allCases) func threadsAndSeeds(model: SensitivityModel) throws {
    let data = try TomographyData(small(model))
    for threads in [1, 2] {
      #expect(same(try Parallel.with(threads: threads) { try TomographyData(small(model)) }, data), "\(threads) threads")
    }
    #expect(try TomographyData(small(model, seed: 4))[.test] != data[.test])
  }

  /// ‖b − A x‖ / ‖b‖: the noise, 10^(−50/20) = 0.3 % and 10^(−30/20) = 3.2 %, where the model is linear; of finite elements the
  /// difference of two models, which here is 5 to 20 % for pixels this large.
  @Test(arguments: SensitivityModel.allCases) func noiseOfTheParts(model: SensitivityModel) throws {
    var settings = small(model)
    settings.testCount = 8
    let data = try TomographyData(settings)
    for part in TomographyData.Part.allCases {
      let (b, x) = (data[part].measurement.converted(to: .double), data[part].groundTruth.converted(to: .double))
      let error = relativeError(b, data.A.forward(x))
      if settings.usesFiniteElements(part) {
        #expect(0.04...0.3 ~= error, "\(part): \(error)")
      } else {
        let expected = part == .unseenShapes ? 0.0316 : 0.00316
        #expect(0.8 * expected...1.2 * expected ~= error, "\(part): \(error)")
      }
    }
  }

  /// Noise drawn between two ratios for training and validation, each phantom its own, over their whole range, and shapes that are no
  /// discs; tests stay what they were.
  @Test func drawnNoiseAndShapes() throws {
    var settings = small(.emt28)
    settings.trainingCount = 100
    let plain = try TomographyData(settings)
    settings.lowestNoiseDecibel = 30
    settings.trainingShapes = .discsAndBlobs
    let data = try TomographyData(settings)
    #expect(data[.test] == plain[.test] && data[.unseenShapes] == plain[.unseenShapes])
    #expect(data[.training].groundTruth != plain[.training].groundTruth)
    let (b, x) = (data[.training].measurement.converted(to: .double), data[.training].groundTruth.converted(to: .double))
    let ratios = (0..<100).map { -20 * log10(relativeError(b.row($0), data.A.forward(x.row($0)))) }
    // 28 numbers measure a ratio to some 2 dB.
    #expect(ratios.min()! > 25 && ratios.max()! < 55)
    for begin in [30.0, 35, 40, 45] { #expect((12...40).contains(ratios.count { begin..<begin + 5 ~= $0 }), "\(begin) dB") }
    let path = folder.file("data.h5")
    try data.write(to: path)
    #expect(same(try TomographyData(contentsOf: path), data))
  }

  /// PSNR of the initial image, 64 × 64 with 0 outside the disc, peak 1, 50 dB, linear measurements, 60 phantoms. One number for all
  /// images by two independent programs: 16.7 and 16.4 dB (EMT-28), 21.0 and 20.2 dB (EIT-104), phantoms drawn otherwise.
  @Test(.enabled(if: isOptimised, "takes a minute in a debug build"), arguments: [(SensitivityModel.emt28, 16.7), (.eit104, 21.0)])
  func initialImages(model: SensitivityModel, decibel: Double) throws {
    var settings = TomographyData.Settings(model)
    (settings.trainingCount, settings.validationCount, settings.testCount) = (60, 1, 60)
    let data = try TomographyData(settings)
    func psnr(_ part: TomographyData.Part) -> (together: Double, mean: Double) {
      let (b, x) = (data[part].measurement.converted(to: .double), data[part].groundTruth.converted(to: .double))
      let error = data.initialMap.forward(b) - x
      let squares = (0..<60).map { error.row($0).inner(error.row($0)) / 4096 }
      return (-10 * log10(squares.reduce(0, +) / 60), squares.reduce(0) { $0 - 10 * log10($1) } / 60)
    }
    let (linear, test, unseen) = (psnr(.training), psnr(.test), psnr(.unseenShapes))
    #expect(abs(linear.together - decibel) < 1, "\(linear)")
    // Finite elements at a contrast of 0.1 cost about 0.1 dB by an independent program.
    #expect(abs(test.together - linear.together) < 0.6, "\(test) after \(linear)")
    #expect(unseen.together > 10)
  }

  @Test func settingsOutOfRange() {
    for (change, word) in [
      ({ $0.side = 2 }, "image side of 2"), ({ $0.testCount = 0 }, "number of samples"), ({ $0.weight = 0 }, "weight of 0.0"),
      ({ $0.noiseDecibel = .nan }, "noise of nan"), ({ $0.rings = 12 }, "multiple of 8"), ({ $0.contrast = -1 }, "contrast of -1"),
    ] as [((inout TomographyData.Settings) -> Void, String)] {
      var settings = small(.emt28)
      change(&settings)
      let found = refusal { try TomographyData(settings) }
      #expect(found.contains(word), "\(found)")
    }
  }

  @Test func damagedFiles() throws {
    let path = folder.file("data.h5")
    try TomographyData(small(.emt28)).write(to: path)
    let good = try HDF5File(contentsOf: path)
    func message(_ change: (inout HDF5File) -> Void) throws -> String {
      var file = good
      change(&file)
      try file.write(to: path)
      return refusal { try TomographyData(contentsOf: path) }
    }
    func replace(_ name: String, _ value: Tensor?) -> (inout HDF5File) -> Void {
      { file in
        file.arrays.removeAll { $0.name == name }
        if let value { file.arrays.append(NamedArray(name: name, value: value)) }
      }
    }
    let pixels = PixelDisc(side: 16).count
    for (change, word) in [
      ({ $0.attributes["format"] = nil }, "without sets"), ({ $0.attributes["model"] = "ect" }, "model “ect”"),
      ({ $0.attributes["side"] = "x" }, "side “x”"), ({ $0.attributes["side"] = "-3" }, "image side"),
      (replace("A", nil), "found A of shape none; expected [28, \(pixels)]"),
      (replace("initial_map", .zeros([28, pixels])), "expected [\(pixels), 28]"),
      (replace("train/b", .zeros([9, 27])), "expected [samples, 28]"),
      (replace("validation/x", .zeros([4, pixels])), "expected [3, \(pixels)]"),
      (replace("test/b", .filled(.nan, shape: [4, 28])), "NaN"),
    ] as [((inout HDF5File) -> Void, String)] {
      let found = try message(change)
      #expect(found.contains(word) && found.contains(path), "\(found)")
    }
    #expect(try message { _ in } == "")
    try Data("no such file".utf8).write(to: URL(filePath: path))
    #expect(throws: (any Error).self) { try TomographyData(contentsOf: path) }
  }
}
