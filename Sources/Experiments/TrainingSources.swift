// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Tensors
import Training

/// What a training is made of besides its recipe: every setting of its measurement and samples, files and folders among them by names, sizes and
/// a checksum. A checkpoint holds it, so that no run goes on with other data.
public struct TrainingSources: Sendable, Equatable {
  /// By setting, as the command line names it.
  public let values: [String: String]

  public init(_ settings: any Settings...) throws {
    var values: [String: String] = [:]
    for setting in settings {
      for (name, value) in try setting.texts { values[optionName(name)] = try Self.described(value) }
    }
    self.values = values
  }

  /// Folders or files of images, all else by default.
  public init(folders: [String]) throws { values = ["--images": try Self.described(folders)] }

  /// - Throws: ``TrainingError/checkpoint(_:)`` when the checkpoint's run was made of something else; one that does not say passes.
  public func check(_ checkpoint: Checkpoint) throws {
    try checkpoint.check(sources: values)
  }

  /// Files and folders by what they hold, wherever they lie; all else as it is.
  static func described(_ texts: [String]) throws -> String {
    try texts.map { text in
      guard FileManager.default.fileExists(atPath: text) else { return text }
      let isFolder = ImageFolder.isFolder(text)
      let names = isFolder ? try FileManager.default.contentsOfDirectory(atPath: text).filter { !$0.hasPrefix(".") }.sorted() : [""]
      var (bytes, files, checksum) = (0, 0, UInt32(0))
      for name in names {
        let path = isFolder ? (text as NSString).appendingPathComponent(name) : text
        guard !ImageFolder.isFolder(path), let contents = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        else { continue }
        (bytes, files) = (bytes + contents.count, files + 1)
        for part in [Data(name.utf8), contents] { checksum = part.withUnsafeBytes { CRC32C.checksum($0, after: checksum) } }
      }
      let title = (text as NSString).lastPathComponent
      return "\(title) (\(files == 1 ? "1 file" : "\(files) files"), \(bytes) bytes, CRC-32C \(String(checksum, radix: 16)))"
    }.joined(separator: " + ")
  }
}

extension Settings {
  /// Every value that is given, as text; those of lists one by one.
  var texts: [String: [String]] {
    get throws {
      try Self.members(of: self).compactMapValues { value in
        switch value {
        case is NSNull: nil
        case let list as [Any]: list.isEmpty ? nil : list.map(Self.text)
        default: [Self.text(value)]
        }
      }
    }
  }

  /// Members of a group of settings by name: a dictionary's own order is another in every process.
  private static func text(_ value: Any) -> String {
    guard let group = value as? [String: Any] else { return "\(value)" }
    return group.sorted { $0.key < $1.key }.filter { !($0.value is NSNull) }.map { "\($0.key) \(text($0.value))" }.joined(
      separator: ", ")
  }
}
