// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation

/// Which files of a data set are for training, which for validation and which for tests, as a JSON file says:
/// `{"mri/chest": {"train": ["im-001.png", …], "validation": […], "test": […]}, …}`; of a file with many images, which rows of its array:
/// `{"ct/body_mu.npy": {"train": [1, 2, …], …}}`.
public struct DataSplit: Sendable {
  private let sets: [String: [String: [String]]]
  private let rows: [String: [String: [Int]]]
  private let path: String

  /// - Throws: ``InputError`` for a file that cannot be read or is no such JSON.
  public init(contentsOf path: String) throws {
    guard let data = FileManager.default.contents(atPath: path),
      let object = try? JSONSerialization.jsonObject(with: data) as? [String: [String: Any]]
    else { throw InputError("\(path): found no JSON of data sets; expected their training and test files, by name") }
    self.path = path
    sets = object.mapValues { parts in parts.compactMapValues { $0 as? [String] } }
    rows = object.mapValues { parts in parts.compactMapValues { ($0 as? [Int]).flatMap { $0.isEmpty ? nil : $0 } } }
  }

  /// The files of a set for training.
  public func training(_ set: String) throws -> Set<String> { try names(set, "train") }
  /// Those to choose by.
  public func validation(_ set: String) throws -> Set<String> { try names(set, "validation") }
  /// Those to measure on.
  public func test(_ set: String) throws -> Set<String> { try names(set, "test") }

  /// Row numbers of a part, `train`, `validation` or `test`, of the file at `file`: the set whose name the path ends with.
  public func rows(_ part: String, of file: String) throws -> [Int] {
    let set = rows.keys.first { file == $0 || file.hasSuffix("/" + $0) }
    guard let set, let found = rows[set]?[part] else {
      throw InputError(
        "\(path): found no \(part) rows of \(file); expected one of \(rows.keys.sorted().joined(separator: ", ")) with a list of numbers"
      )
    }
    return found
  }

  private func names(_ set: String, _ part: String) throws -> Set<String> {
    guard let found = sets[set]?[part] else {
      throw InputError("\(path): found no \(part) files of \(set); expected a list of names")
    }
    return Set(found)
  }
}
