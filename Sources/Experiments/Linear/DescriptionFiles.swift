// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Operators
import Tensors
import Yams

extension OperatorDescription {
  /// - Parameters: `path`, a matrix or a YAML description; `shape`, of the signals, in the place of what the file says, such as that of images
  ///   for a matrix; `variable`, the matrix's name where a file holds several.
  /// - Throws: ``InputError`` with file and line, for what cannot be read or does not go together.
  public init(file path: String, shape: [Int]? = nil, variable: String? = nil) throws {
    guard ["yaml", "yml"].contains(fileExtension(path)) else {
      try self.init(OperatorMatrix(file: path, variable: variable), path: path, shape: shape)
      return
    }
    if variable != nil { throw InputError("\(path): found --variable for a description; expected it for a file of matrices alone") }
    try self.init(DescriptionNode(yaml: path), path: path, shape: shape, source: FilesBeside(description: path))
  }
}

extension OperatorMatrix {
  fileprivate init(file path: String, variable: String?) throws {
    switch try MatrixFile.read(path, variable: variable) {
    case .sparse(let found):
      guard found.values.maximumMagnitude > 0 else {
        throw InputError("\(path): found a matrix of zeros; expected one that measures something")
      }
      self.init(sparse: SparseMatrix(found))
    case .dense(let found):
      guard let entries = found.real else {
        throw InputError("\(path): found a matrix of complex numbers; expected real ones, stack real and imaginary parts")
      }
      try self.init(dense: entries, path: path)
    }
  }
}

/// Files by their paths as they are from a description's folder.
private struct FilesBeside: DescriptionSource {
  let description: String

  func path(of name: String) -> String {
    let folder = (description as NSString).deletingLastPathComponent
    return name.hasPrefix("/") || folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name)
  }
  func table(_ path: String, names: [String]) throws -> Tensor { try readTable(path, names: names) }
  func image(_ path: String) throws -> Tensor {
    guard let values = try NamedImage(path).value.real else {
      throw InputError("\(path): found complex numbers; expected 0 and 1")
    }
    return values
  }
  func angles(_ path: String) throws -> [Double] { try readAngles(path) }
  func coilMaps(_ path: String) throws -> CoilSensitivities { try CoilSensitivities(file: path) }
  func matrix(_ path: String, variable: String?) throws -> OperatorMatrix { try OperatorMatrix(file: path, variable: variable) }

  func kernel(_ path: String) throws -> Tensor {
    guard try FileKind.detect(path).isPicture else { return try readTable(path, names: ["kernel", "psf"]) }
    let found = try readImage(path).luminance(path).converted(to: .double)
    let sum = found.doubles.reduce(0, +)
    guard sum > 0 else { throw InputError("\(path): found a black picture; expected a kernel") }
    Remarks.note("\(path): a picture as a kernel, divided by its sum")
    return (1 / sum) * found
  }
}

extension DescriptionNode {
  /// - Throws: ``InputError`` for a file that cannot be read, or is no YAML mapping.
  fileprivate init(yaml path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw InputError("\(path): cannot be read; expected a YAML description of an operator")
    }
    guard data.count <= 1 << 20, let text = String(data: data, encoding: .utf8) else {
      throw InputError("\(path): found no text of at most 1 MiB; expected a YAML description of an operator")
    }
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch let error as YamlError {
      let words = "\(error)".split(whereSeparator: \.isWhitespace).joined(separator: " ")
      throw InputError("\(path): found \(words); expected YAML, mend the line")
    }
    guard let node, node.mapping != nil else {
      throw InputError("\(path): found no YAML mapping; expected lines such as “operator: [blur: {sigma: 1.6}]”")
    }
    self.init(node)
  }

  private init(_ node: Node) {
    let content: Content
    if let mapping = node.mapping {
      content = .mapping(mapping.map { ($0.key.string, DescriptionNode($0.value)) })
    } else if let sequence = node.sequence {
      content = .sequence(sequence.map { DescriptionNode($0) })
    } else {
      content = .scalar(
        Scalar(text: node.string, number: node.float, integer: node.int, flag: node.bool, isNull: node.null != nil))
    }
    self.init(content, line: node.mark?.line)
  }
}
