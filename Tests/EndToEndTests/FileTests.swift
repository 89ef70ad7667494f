// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct FileTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  /// Round the formats and back to the same bytes.
  @Test func arraysKeepNamesShapesAndNumbers() throws {
    var generator = RandomGenerator(seed: 9)
    let first = Tensor.normal([3, 4], using: &generator)
    let second = Tensor.normal([2, 3, 5], precision: .single, using: &generator)
    let start = SafeTensors(
      tensors: [NamedParameter(name: "first", value: first), NamedParameter(name: "second", value: second)],
      metadata: ["note": "kept"])
    try start.write(to: folder.file("0.safetensors"))
    let ways = [("1.npz", []), ("2.mat", []), ("3.mat", ["--mat-version", "7.3"]), ("4.h5", []), ("5.safetensors", [])]
    var previous = "0.safetensors"
    for (name, options) in ways {
      let process = try Program.process(["convert", previous, name, "--quiet"] + options, in: folder)
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(name)")
      previous = name
    }
    #expect(try FileKind.detect(folder.file("2.mat")) == .mat5 && FileKind.detect(folder.file("3.mat")) == .mat73)
    let end = try SafeTensors(contentsOf: folder.file("5.safetensors"))
    #expect(end["first"]?.doubles == first.doubles && end["first"]?.shape == [3, 4] && end["first"]?.precision == .double)
    #expect(end["second"]?.doubles == second.doubles && end["second"]?.shape == [2, 3, 5] && end["second"]?.precision == .single)
    // HDF5 keeps the text that NPZ cannot.
    let lost = try Program.run("convert", "0.safetensors", "6.npz", in: folder)
    #expect(lost.status == 0 && lost.errorLines.count == 1 && lost.errors.contains("note"))
    let kept = try Program.run("convert", "0.safetensors", "7.h5", in: folder)
    #expect(kept.status == 0 && kept.errors == "")
    #expect(try Program.run("convert", "7.h5", "8.safetensors", in: folder).status == 0)
    #expect(folder.bytes("8.safetensors") == folder.bytes("0.safetensors"))
  }

  /// Complex numbers through the formats of scanners' people and back, bit for bit.
  @Test func arraysOfMRI() throws {
    let kSpace = ComplexTensor(pairs: Tensor((0..<2 * 24).map { Float($0) / 7 }, shape: [2, 3, 2, 2, 2]))
    try ISMRMRDFile(kSpace: kSpace).write(to: folder.file("raw.h5"))
    try NPY.write(kSpace, to: folder.file("0.npy"))
    for (from, to) in [("0.npy", "1.cfl"), ("1.hdr", "2.nii.gz"), ("2.nii.gz", "3.nii"), ("3.nii", "4.npy")] {
      let done = try Program.run("convert", from, to, "--quiet", in: folder)
      #expect(done.status == 0, "\(done.errors)")
    }
    #expect(folder.bytes("4.npy") == folder.bytes("0.npy"))
    for (file, format) in [("raw.h5", "ISMRMRD"), ("1.cfl", "BART"), ("2.nii.gz", "NIfTI")] {
      let found = try Program.run("inspect", file, "--json", "-", in: folder)
      let array = try #require((found.json["arrays"] as? [[String: Any]])?.first)
      #expect((found.json["format"] as? String)?.contains(format) == true && array["shape"] as? [Int] == [2, 3, 2, 2], "\(file)")
    }
    #expect(try Program.run("convert", "raw.h5", "5.npz", in: folder).status == 0)
    #expect(try readArrays(folder.file("5.npz"))[0].value.complex == kSpace)
    let two = try Program.run("convert", "raw.h5", "6.cfl", in: folder)
    #expect(two.status == 2 && two.errorLines.count == 1 && !folder.has("6.cfl") && !folder.has("6.hdr"))
  }

  /// A sparse matrix is named, not converted; one with all its numbers is an array.
  @Test func matricesOfMatrixMarket() throws {
    try Data("%%MatrixMarket matrix coordinate real general\n3 4 3\n1 2 1.5\n2 1 2\n2 1 1\n".utf8)
      .write(to: URL(fileURLWithPath: folder.file("a.mtx")))
    let found = try Program.run("inspect", "a.mtx", "--json", "-", in: folder)
    let matrix = try #require((found.json["sparse"] as? [[String: Any]])?.first, "\(found.errors)")
    #expect(matrix["name"] as? String == "a" && matrix["shape"] as? [Int] == [3, 4] && matrix["entries"] as? Int == 2)
    let text = try Program.run("inspect", "a.mtx", in: folder)
    #expect(text.status == 0 && text.output.contains("a Matrix Market file") && text.output.contains("3 × 4"), "\(text.output)")
    let written = try Program.run("convert", "a.mtx", "a.npy", in: folder)
    #expect(written.status == 0 && folder.has("a.npy"), "\(written.errors)")
    try Data("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n".utf8)
      .write(to: URL(fileURLWithPath: folder.file("b.mtx")))
    #expect(try Program.run("convert", "b.mtx", "b.npy", in: folder).status == 0)
    #expect(try folder.table("b.npy").doubles == [1, 3, 2, 4])
  }

  /// PyTorch's stream with the tensors a, the numbers 0, 1/8 … 5/8, and b, the fourth and fifth of them; made by Python's pickle,
  /// read by PyTorch 2.13.0.
  @Test func checkpointsOfPyTorch() throws {
    let stream = """
      gAKKCmz8nEb5IGqoUBkugAJN6QMugAJ9cQBYDQAAAGxpdHRsZV9lbmRpYW5xAYhzLoACY2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnEAKVJxAShYAQAAAGFx
      AmN0b3JjaC5fdXRpbHMKX3JlYnVpbGRfdGVuc29yCnEDKChYBwAAAHN0b3JhZ2VxBGN0b3JjaApGbG9hdFN0b3JhZ2UKcQVYAQAAADdxBlgDAAAAY3B1cQdL
      Bk50cQhRSwBLBoVxCUsBhXEKdHELUnEMWAEAAABicQ1oAygoaARoBWgGaAdLBlgBAAAAOHEOSwJLA4dxD3RxEFFLAUsChXERaAp0cRJScRN1LoACXXEAWAEA
      AAA3cQFhLgYAAAAAAAAAAAAAAAAAAD4AAIA+AADAPgAAAD8AACA/
      """
    try Data(base64Encoded: stream, options: .ignoreUnknownCharacters)!.write(to: URL(fileURLWithPath: folder.file("x.pkl")))
    for name in ["y.safetensors", "y.npz"] {
      let done = try Program.run("convert", "x.pkl", name, in: folder)
      #expect(done.status == 0 && done.errors == "", "\(done.errors)")
      let arrays = try readArrays(folder.file(name))
      #expect(arrays.map(\.name) == ["a", "b"] && arrays[0].value.real?.doubles == (0..<6).map { Double($0) / 8 }, "\(name)")
      #expect(arrays[1].value.real?.doubles == [0.375, 0.5] && arrays[1].value.precision == .single, "\(name)")
    }
    let found = try Program.run("inspect", "x.pkl", "--json", "-", in: folder)
    #expect(found.json["format"] as? String == "a PyTorch checkpoint" && found.json["parameters"] as? Int == 8, "\(found.errors)")
    try Data("L119547037146038801333356L\n.I1001\n.}.cos\nsystem\n.".utf8).write(to: URL(fileURLWithPath: folder.file("bad.pth")))
    let refused = try Program.run("convert", "bad.pth", "z.npz", in: folder)
    #expect(refused.status == 2 && refused.errorLines.count == 1 && refused.errors.contains("os.system") && !folder.has("z.npz"))
  }

  @Test func images() throws {
    let pixels = try folder.image("a.png")
    for (from, to) in [("a.png", "b.tiff"), ("b.tiff", "c.npy"), ("c.npy", "d.png")] {
      let done = try Program.run("convert", from, to, in: folder)
      #expect(done.status == 0, "\(done.errors)")
    }
    #expect(folder.bytes("d.png") == folder.bytes("a.png"))
    #expect(try folder.table("c.npy").doubles == pixels.doubles)
    #expect(try Program.run("convert", "a.png", "e.jpg", in: folder).status == 0)
    #expect(try FileKind.detect(folder.file("e.jpg")) == .jpeg)
    try writePNG(pixels, to: folder.file("deep.png"), bitDepth: 16)
    let shallow = try Program.run("convert", "deep.png", "f.jpg", "--json", "-", in: folder)
    #expect(shallow.status == 0 && (shallow.json["lost"] as? [String])?.first?.contains("16 bits") == true)
    let found = try Program.run("inspect", "deep.png", "--json", "-", in: folder)
    let image = try #require(found.json["image"] as? [String: Any])
    #expect(
      image["width"] as? Int == 25 && image["height"] as? Int == 20 && image["bits"] as? Int == 16 && image["channels"] as? Int == 1
    )
  }

  @Test func inspectionOfWeightsAndCheckpoints() throws {
    let recipe = """
      {"network":"lista","notes":{"iterations":"2","problem":"sparse-coding"},"phases":[{"batchSize":64,"chunkSize":32,"groups":[],\
      "learningRate":{"constant":{"rate":0.001}},"name":"training","optimiser":{"adam":{"beta1":0.9,"beta2":0.999,"epsilon":1e-08,\
      "weightDecay":0}},"steps":70}],"seed":11}
      """
    try folder.identityLISTA("plain.safetensors")
    var file = try SafeTensors(contentsOf: folder.file("plain.safetensors"))
    file.metadata["recipe"] = recipe
    try file.write(to: folder.file("w.safetensors"))
    let answer = try Program.run("inspect", "w.safetensors", "--json", "-", in: folder)
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(answer.json["parameters"] as? Int == 20_100)
    let arrays = try #require(answer.json["arrays"] as? [[String: Any]])
    let fixed = try #require(arrays.first { $0["name"] as? String == "operator.dictionary" })
    #expect(arrays.count == 4 && fixed["shape"] as? [Int] == [100, 100] && fixed["precision"] as? String == "double")
    let found = try #require(answer.json["recipe"] as? [String: Any])
    #expect(found["network"] as? String == "lista" && found["seed"] as? Int == 11)
    let text = try Program.run("inspect", "w.safetensors", in: folder)
    #expect(text.output.contains("20100 parameters") && text.output.contains("70 steps"))

    let checkpoint = SafeTensors(
      tensors: file.tensors.map {
        NamedParameter(name: $0.name.hasPrefix("operator.") ? $0.name : "parameter." + $0.name, value: $0.value)
      }
        + [NamedParameter(name: "optimiser.step", value: .zeros([1]))],
      metadata: ["kind": "unfold checkpoint 1", "recipe": recipe, "position": #"{"phase":0,"step":30}"#])
    try checkpoint.write(to: folder.file("w.checkpoint"))
    let stands = try Program.run("inspect", "w.checkpoint", "--json", "-", in: folder)
    #expect(
      (stands.json["checkpoint"] as? [String: Any])?["step"] as? Int == 30 && stands.json["parameters"] as? Int == 20_100,
      "\(stands.errors)")
    // Its weights, converted, run as those of the finished file; the recipe says the depth.
    #expect(try Program.run("convert", "w.checkpoint", "from.safetensors", in: folder).status == 0)
    #expect(try SafeTensors(contentsOf: folder.file("from.safetensors"))["thresholds"]?.doubles == file["thresholds"]?.doubles)
    try folder.image("a.png")
    try folder.identityDictionary()
    #expect(
      try Program.run("simulate", "sparse-coding", "a.png", "-o", "m.h5", "--dictionary", "dictionary.npy", in: folder).status == 0)
    for (weights, output) in [("w.checkpoint", "x.png"), ("from.safetensors", "y.png")] {
      let done = try Program.run(
        "reconstruct", "sparse-coding", "lista", "m.h5", "-o", output, "--weights", weights, "--json", "-", in: folder)
      #expect(done.status == 0 && done.json["depth"] as? Int == 3, "\(done.errors)")
    }
    #expect(folder.bytes("x.png") == folder.bytes("y.png"))
    // An encoder's name with LISTA's weights.
    let wrong = try Program.run(
      "reconstruct", "sparse-coding", "tanh-encoder", "m.h5", "-o", "z.png", "--weights", "w.safetensors", in: folder)
    #expect(wrong.status == 2 && wrong.errorLines.count == 1 && wrong.errors.contains("lista") && !folder.has("z.png"))
  }

  @Test(arguments: [("methods", 48), ("problems", 9), ("tables", 10)]) func catalogue(name: String, count: Int) throws {
    let answer = try Program.run(name, "--json", "-", in: folder)
    let rows = try #require(answer.json[name] as? [[String: Any]])
    #expect(rows.count == count && answer.status == 0 && answer.errors == "")
    let sourced = rows.allSatisfy { ($0["source"] as? String)?.contains(/[12][09][0-9][0-9]/) == true }
    #expect(sourced)
    let text = try Program.run(name, in: folder)
    for row in rows { #expect(text.output.contains(row[String(name.dropLast())] as! String)) }
  }

  @Test func helpAndVersion() throws {
    for arguments in ["--help", "--version"] {
      let answer = try Program.run(arguments, in: folder)
      #expect(answer.status == 0 && answer.errors == "" && !answer.output.isEmpty)
    }
  }
}
