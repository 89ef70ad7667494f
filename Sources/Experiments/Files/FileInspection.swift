// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Tensors
import Training

/// The answer of `inspect`: what is in a file.
public struct FileInspection: Report, Sendable {
  public let file: String
  public let format: String
  public let bytes: Int
  private var arrays: [NamedArray] = []
  private var sparse: [(name: String, matrix: SparseArray)] = []
  private var image: Image?
  private var recipe: Recipe?
  private var position: Checkpoint.Position?
  private var remarks: [(key: String, value: String)] = []
  /// Number of learnable numbers, for a file of weights.
  public private(set) var parameters: Int?

  /// - Throws: the reader's error for a file that cannot be read.
  public init(_ path: String) throws {
    file = path
    let kind = try FileKind.detect(path)
    bytes = (try? FileManager.default.attributesOfItem(atPath: (path as NSString).resolvingSymlinksInPath)[.size] as? Int) ?? 0
    switch kind {
    case .png, .jpeg, .tiff:
      let pages = try readImagePages(path)
      image = pages[0]
      format = kind.name
      if pages.count > 1 { remarks.append(("pages", "\(pages.count); a volume where volumes are read, elsewhere the first")) }
      let range = ImageRange(pages[0].values)
      remarks.append(
        (
          "pixels",
          "\(Float(range.least)) to \(Float(range.most)), \(pages[0].isScaled ? "fractions of the largest number of \(pages[0].bitDepth) bits" : "as in the file")"
        ))
      remarks.append(("pixel size", "none is read; ct takes 0.8 mm, or --pixel-size"))
    case .events:
      let events = try EventFile.read(path)
      remarks = [("events", "\(events.count)"), ("tags", Set(events.map(\.tag)).sorted().joined(separator: ", "))]
      format = kind.name
    case .safetensors:
      let metadata = try SafeTensors(contentsOf: path).metadata
      if metadata["kind"] != nil {
        let checkpoint = try Checkpoint(contentsOf: path)
        format = "a checkpoint of a training run (safetensors)"
        position = checkpoint.position
        recipe = checkpoint.recipe
      } else {
        format = kind.name
        recipe = try metadata["recipe"].map(Recipe.init(json:))
        remarks = metadata.filter { $0.key != "recipe" }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
      }
      try count(NamedArrays(path).arrays)
    case .fastMRI:  // slice by slice: a volume may be larger than memory
      let file = try FastMRIFile(contentsOf: path)
      func extents(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " × ") }
      remarks = [("kspace (slices, coils, height, width)", extents(file.shape))]
      if let name = file.reconstructionName, let image = try file.reconstruction(slice: 0) {
        remarks.append((name, extents([file.sliceCount] + image.shape)))
      }
      if let size = file.imageSize { remarks.append(("reconstruct", "takes the middle \(extents(size)) points")) }
      if let mask = file.mask { remarks.append(("mask", "\(mask.doubles.count { $0 != 0 }) of \(mask.count) columns")) }
      remarks += file.attributes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
      format = kind.name
    case .ismrmrd:
      let file = try ISMRMRDFile(contentsOf: path)
      arrays = file.arrays
      func text(_ space: ISMRMRDHeader.Space) -> String {
        space.matrixSize.map(String.init).joined(separator: " × ") + " points, "
          + space.fieldOfView.map { "\($0)" }.joined(separator: " × ") + " mm"
      }
      let (shape, size) = (file.kSpace.shape, [file.imageSize[0], file.wantedColumns])
      remarks = [
        ("axes of kspace", "slices, coils, height (phase encoding), width (readout); frequency 0 in the middle"),
        ("lines", "\(file.measuredLines.joined().count { $0 }) of \(shape[0] * shape[2]) are measured"),
        ("encoded", text(file.header.encodedSpace)), ("wanted", text(file.header.reconSpace)),
        (
          "reconstruct",
          "takes the middle \(size[0]) × \(size[1]) points of \(shape[2]) × \(shape[3])"
            + (size == Array(shape.suffix(2)) ? ", all of them" : ", the rest is oversampling")
        ),
      ]
      if file.calibration != nil { remarks.append(("calibration", "lines for coil maps, no part of the image")) }
      format = kind.name
    case .hdf5, .bart, .nifti, .dicom:
      let content = try NamedArrays(path)
      arrays = content.arrays
      format = content.text["format"] ?? kind.name
      recipe = try content.text["recipe"].map(Recipe.init(json:))
      remarks = content.text.merging(content.notes, uniquingKeysWith: { text, _ in text }).filter {
        $0.key != "format" && $0.key != "recipe"
      }.sorted { $0.key < $1.key }.map {
        ($0.key, $0.value)
      }
      if kind == .hdf5 { remarks += CT.described(path, content) }
    case .npz, .mat4, .mat5, .mat73, .matrixMarket:
      format = kind.name
      if [.mat4, .mat5, .mat73].contains(kind) { remarks = [("shapes", "MATLAB's sizes, rows first")] }
      let found = try MatrixFile.contents(path)
      sparse = found.compactMap { if case .sparse(let matrix) = $0.contents { ($0.name, matrix) } else { nil } }
      let dense = found.compactMap { matrix in
        if case .dense(let array) = matrix.contents { NamedArray(name: matrix.name, value: array) } else { nil }
      }
      if sparse.isEmpty { count(dense) } else { arrays = dense }
    default:
      format = kind.name
      try count(readArrays(path))
    }
  }

  private mutating func count(_ found: [NamedArray]) {
    arrays = found
    parameters = found.filter { !$0.name.hasPrefix("operator.") && !$0.name.hasPrefix("operator_") }.reduce(0) {
      $0 + $1.value.shape.reduce(1, *)
    }
  }

  private static func type(_ value: NumericArray) -> String { (value.real == nil ? "complex, " : "") + value.precision.rawValue }

  public var json: JSONValue {
    let rows = arrays.map { array in
      JSONValue.object([
        "name": .string(array.name), "shape": .array(array.value.shape.map(JSONValue.integer)),
        "precision": .string(array.value.precision.rawValue), "complex": .bool(array.value.real == nil),
      ])
    }
    return .object([
      "file": .string(file), "format": .string(format), "bytes": .integer(bytes),
      "arrays": image == nil ? .array(rows) : nil,
      "sparse": sparse.isEmpty
        ? nil
        : .array(
          sparse.map {
            .object([
              "name": .string($0.name), "shape": .array([.integer($0.matrix.rows), .integer($0.matrix.columns)]),
              "entries": .integer($0.matrix.entryCount), "precision": .string($0.matrix.precision.rawValue),
            ])
          }),
      "image": image.map {
        .object([
          "width": .integer($0.width), "height": .integer($0.height), "channels": .integer($0.channels),
          "bits": .integer($0.bitDepth),
        ])
      },
      "parameters": parameters.map(JSONValue.integer),
      "recipe": recipe.map {
        .object([
          "network": .string($0.network), "seed": .unsigned($0.seed),
          "architecture": $0.architecture.map { .object($0.values.map { JSONMember($0.name, .string($0.value)) }) },
          "phases": .array($0.phases.map { .object(["name": .string($0.name), "steps": .integer($0.steps)]) }),
          "notes": .object($0.notes.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) }),
        ])
      },
      "checkpoint": position.map { .object(["phase": .integer($0.phase), "step": .integer($0.step)]) },
      "text": remarks.isEmpty ? nil : .object(remarks.map { JSONMember($0.key, .string($0.value)) }),
    ])
  }

  public var text: String {
    var lines = ["\(file): \(format), \(bytes) bytes"]
    if let image {
      lines.append(
        "\(image.width) × \(image.height) pixels, \(image.channels == 1 ? "gray" : "colour"), \(image.bitDepth) bits a sample")
    }
    if !arrays.isEmpty {
      var cells = TextTable(header: ["Array", "Shape", "Precision"], alignments: [.left, .left, .left])
      for array in arrays {
        cells.append([
          array.name, array.value.shape.isEmpty ? "scalar" : array.value.shape.map(String.init).joined(separator: " × "),
          Self.type(array.value),
        ])
      }
      lines.append(cells.text)
    }
    if !sparse.isEmpty {
      var cells = TextTable(header: ["Sparse matrix", "Shape", "Entries", "Precision"], alignments: [.left, .left, .right, .left])
      for (name, matrix) in sparse {
        cells.append([name, "\(matrix.rows) × \(matrix.columns)", "\(matrix.entryCount)", matrix.precision.rawValue])
      }
      lines.append(cells.text)
    }
    if let parameters { lines.append("\(parameters) parameters") }
    if let recipe {
      lines.append("Recipe: " + Self.summary(recipe).joined(separator: "; "))
    }
    if let position { lines.append("Stands at step \(position.step) of phase \(position.phase + 1)") }
    for (key, value) in remarks {
      lines += key == "before" ? Self.history(value) : ["\(key): \(value)"]
    }
    return lines.joined(separator: "\n")
  }

  private static func summary(_ recipe: Recipe) -> [String] {
    let steps = recipe.phases.reduce(0) { $0 &+ $1.steps }
    let shape = recipe.architecture?.values.map { "\($0.name) \($0.value)" } ?? []
    let notes = shape + recipe.notes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return [
      "\(recipe.network), seed \(recipe.seed)"
        + (recipe.phases.isEmpty ? "" : ", \(steps) steps in \(recipe.phases.count) phases")
    ] + notes
  }

  /// Earlier trainings, ``Weights/history(file:)``, a line each.
  private static func history(_ text: String) -> [String] {
    guard let list = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]] else {
      return ["before: \(text)"]
    }
    return list.map { training in
      let recipe = training["recipe"].flatMap { try? JSONSerialization.data(withJSONObject: $0) }.flatMap {
        try? Recipe(json: String(decoding: $0, as: UTF8.self))
      }
      let facts = training.filter { $0.key != "recipe" }.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      return "before: " + ((recipe.map(Self.summary) ?? []) + facts).joined(separator: "; ")
    }
  }
}
