// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation
import Operators
import Recipes

// The tables of MRI and of tomography.
extension Reproduce {
  func kSpace(_ library: ModelLibrary) throws -> ResultTable {
    if train { throw InputError("found --train for \(table.rawValue); expected weights made by unfold train … cs-mri") }
    var paths: [String]
    let source: String
    if let images {
      (paths, source) = (try MRIImage.paths(images), (images as NSString).lastPathComponent)
    } else {
      let (folder, name) = table == .admmNet2 ? ("/mri/chest", "chest") : ("/mri/brain_test", "brain")
      guard let data = dataFolder, FileManager.default.fileExists(atPath: data + folder) else {
        throw InputError("found no \(name) images; expected --images DIR, or UNFOLD_DATA")
      }
      paths = try MRIImage.paths(data + folder)
      if table == .admmNet2 {
        let names = try DataSplit(contentsOf: data + "/split.json").test("mri/chest")
        paths = paths.filter { names.contains(($0 as NSString).lastPathComponent) }
      }
      source = "the \(name), which training never saw"
    }
    let pictures = try paths.map { try MRIImage($0, toMaximum: true) }
    if let plots {
      let command = "unfold reproduce \(table.rawValue) --plots \(plots)"
      try MRIPage(pictures[pictures.count / 2], source: source, library: library).write(to: plots, command: command)
    }
    return try MRITable(table, images: pictures, source: source, library: library).run(report: note)
  }

  func phantoms(_ library: ModelLibrary) throws -> ResultTable {
    if train { throw InputError("found --train for \(table.rawValue); expected weights made by unfold train … emt and eit") }
    if images != nil { throw InputError("found --images for \(table.rawValue); leave it out, its phantoms are of --seed") }
    let sets = try [SensitivityModel.emt28, .eit104].map { model in
      var settings = TomographyData.Settings(model)
      settings.seed = common.seed ?? settings.seed
      note("simulating the sets of \(settings.problem.rawValue)")
      return try TomographyData(settings)
    }
    try writePage { try TomographyPage(TomographyScans(sets[0], .test), source: "the test set", library: library) }
    if let folder = dataFolder.map({ $0 + "/emt" }), ImageFolder.isFolder(folder) {
      let sensor = try MeasuredEMT(contentsOf: folder)
      try writePage("measured.html") {
        try TomographyPage(TomographyScans(sensor), source: "a 12-coil sensor", places: sensor.reference, library: library)
      }
    }
    return try TomographyTable(library: library).phantoms(sets, report: note)
  }

  func projections(_ library: ModelLibrary) throws -> ResultTable {
    if train { throw InputError("found --train for \(table.rawValue); expected weights made by unfold train … ct") }
    let seed = common.seed ?? 1
    if let images {
      let pictures = try CTImage.readAll(images)
      return try TomographyTable(library: library).projections(
        [((images as NSString).lastPathComponent, pictures)], seed: seed, report: note)
    }
    guard let data = dataFolder, FileManager.default.fileExists(atPath: data + "/ct/body_mu.npy") else {
      throw InputError("found no CT slices; expected --images DIR, or UNFOLD_DATA")
    }
    let split = try DataSplit(contentsOf: data + "/split.json")
    let sets = try [("body", "body_mu", CTImage.Units.attenuation), ("head", "head_hu", .hounsfield)].map { name, file, units in
      let path = "\(data)/ct/\(file).npy"
      let all = try CTImage.read(path, units: units)
      return (name, try split.rows("test", of: path).filter(all.indices.contains).map { all[$0] })
    }
    try writePage {
      let (name, slices) = sets[0]
      let scans = try TomographyScans(slices, scan: CTScan(), photons: TomographyTable.photons, seed: seed)
      return try TomographyPage(scans, index: slices.count / 2, source: "\(name) slices that training never saw", library: library)
    }
    return try TomographyTable(library: library).projections(sets, seed: seed, report: note)
  }

  func writePage(_ name: String = "index.html", _ page: () throws -> TomographyPage) throws {
    if let plots { try page().write(to: plots, name: name, command: "unfold reproduce \(table.rawValue) --plots \(plots)") }
  }
}
