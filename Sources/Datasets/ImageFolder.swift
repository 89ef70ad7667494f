// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors

/// The images of a folder in the order of their names, as gray images in [0, 1].
public struct ImageFolder: Sendable {
  public struct Entry: Sendable {
    /// File name without its folder.
    public let name: String
    /// `[height, width]`, values in [0, 1], double precision.
    public let image: Tensor
  }
  public let path: String
  public let entries: [Entry]

  /// Reads every PNG, JPEG and TIFF file of a folder, or the one file `path` names.
  ///
  /// - Parameter maximumSide: larger images are reduced by averaging whole blocks of pixels until neither side is larger; nil: as they are.
  /// - Throws: ``InputError`` for a missing or empty folder; the reader's error for a damaged image.
  public init(_ path: String, maximumSide: Int? = nil) throws {
    let names = try Self.imageNames(path)
    let folder = Self.isFolder(path) ? path : (path as NSString).deletingLastPathComponent
    self.path = path
    entries = try names.map { name in
      let file = folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name)
      let gray = try readImage(file).grayscale
      guard gray.isFinite else { throw InputError("\(file): found NaN or infinite pixels; expected finite values in [0, 1]") }
      return Entry(name: name, image: maximumSide.map { reduced(gray, maximumSide: $0) } ?? gray)
    }
  }

  public static func isFolder(_ path: String) -> Bool {
    var folder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
  }

  /// The paths of a folder's image files, sorted by name; or of the one image `path` is.
  ///
  /// - Parameter extensions: of files that count as images besides PNG, JPEG and TIFF.
  public static func imagePaths(_ path: String, andKinds extensions: Set<String> = []) throws -> [String] {
    try imageNames(path, andKinds: extensions).map { isFolder(path) ? (path as NSString).appendingPathComponent($0) : path }
  }

  /// The names of a folder's image files, sorted; or of the one image `path` is.
  public static func imageNames(_ path: String, andKinds extensions: Set<String> = []) throws -> [String] {
    guard FileManager.default.fileExists(atPath: path) else {
      throw InputError("\(path): no such file or folder; name a folder of PNG, JPEG or TIFF images")
    }
    guard isFolder(path) else { return [(path as NSString).lastPathComponent] }
    let kinds = extensions.union(["png", "jpg", "jpeg", "tif", "tiff"])
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path).filter {
        kinds.contains(($0 as NSString).pathExtension.lowercased())
      }.sorted()
    } catch {
      throw InputError("\(path): the folder cannot be read; check its permissions")
    }
    if names.isEmpty {
      throw InputError(
        "\(path): found no PNG, JPEG or TIFF image\(extensions.isEmpty ? "" : " and no array"); expected at least one")
    }
    return names
  }
}

/// A gray image reduced by averaging f × f blocks, f the least integer that brings both sides to `maximumSide` or below.
func reduced(_ image: Tensor, maximumSide: Int) -> Tensor {
  let (height, width) = (image.shape[0], image.shape[1])
  let factor = max(1, (max(height, width) + maximumSide - 1) / max(maximumSide, 1))
  return blockMeans(image, factor)
}

/// An image `[h, w]` as the means of its blocks of `factor` × `factor` pixels, what is left over cut off; in double precision.
public func blockMeans(_ image: Tensor, _ factor: Int) -> Tensor {
  let (height, width) = (image.shape[0], image.shape[1])
  precondition(factor >= 1 && min(height, width) >= factor, "an image of \(image.shape) in blocks of \(factor)")
  if factor == 1 { return image }
  let (rows, columns) = (height / factor, width / factor)
  let pixels = image.doubles
  var result = [Double](repeating: 0, count: rows * columns)
  for i in 0..<rows {
    for j in 0..<columns {
      var sum = 0.0
      for a in 0..<factor { for b in 0..<factor { sum += pixels[(i * factor + a) * width + j * factor + b] } }
      result[i * columns + j] = sum / Double(factor * factor)
    }
  }
  return Tensor(result, shape: [rows, columns])
}
