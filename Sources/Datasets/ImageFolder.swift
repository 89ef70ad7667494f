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
  /// - Throws: ``InputError`` for a missing or empty folder, for images that cannot be read, all of them at once, and for those in other units
  ///   (see ``ImageRange``).
  public init(_ path: String, maximumSide: Int? = nil) throws {
    let names = try Self.imageNames(path)
    let folder = Self.isFolder(path) ? path : (path as NSString).deletingLastPathComponent
    self.path = path
    var colours = 0
    entries = try eachFile(names, of: path) { name in
      let file = folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name)
      let image = try readImage(file)
      let gray = image.grayscale
      try ImageRange.check(gray, path: file)
      if image.channels > 1 { colours += 1 }
      return Entry(name: name, image: maximumSide.map { reduced(gray, maximumSide: $0) } ?? gray)
    }
    if colours > 0 { Remarks.note("\(path): found colours in \(colours) of \(entries.count) images, their luminance is taken") }
  }

  public static func isFolder(_ path: String) -> Bool {
    var folder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
  }

  /// The paths of a folder's image files in the order of their names, numbers by their value; or of the one image `path` is.
  ///
  /// - Parameter extensions: of files that count as images besides PNG, JPEG and TIFF. With `dcm` among them DICOM files of any name count, in
  ///   the order of their slices.
  public static func imagePaths(_ path: String, andKinds extensions: Set<String> = []) throws -> [String] {
    let names = try imageNames(path, andKinds: extensions)
    guard isFolder(path) else { return [path] }
    let paths = names.map { (path as NSString).appendingPathComponent($0) }
    guard extensions.contains("dcm") else { return paths }
    let slices = paths.filter(isDICOM)
    guard slices.count > 1 else { return paths }
    let others = paths.filter { !slices.contains($0) }
    return others + (try FileOrder.series(slices, folder: path))
  }

  private static func isDICOM(_ path: String) -> Bool { (try? FileKind.detect(path)) == .dicom }

  /// The names of a folder's image files in order; or of the one image `path` is. Hidden files and folders are none; other files are named in
  /// a remark.
  public static func imageNames(_ path: String, andKinds extensions: Set<String> = []) throws -> [String] {
    guard FileManager.default.fileExists(atPath: path) else {
      throw InputError("\(path): no such file or folder; name a folder of PNG, JPEG or TIFF images")
    }
    guard isFolder(path) else { return [(path as NSString).lastPathComponent] }
    let kinds = extensions.union(["png", "jpg", "jpeg", "tif", "tiff"])
    let found: [String]
    do { found = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
      throw InputError("\(path): the folder cannot be read; check its permissions")
    }
    var (names, others) = ([String](), [String]())
    for name in found where !name.hasPrefix(".") && !systemFiles.contains(name.lowercased()) {
      let file = (path as NSString).appendingPathComponent(name)
      if isFolder(file) { continue }
      let ending = fileExtension(name)  // the header of a pair stands for nothing of its own
      let isKnown = kinds.contains(ending) || kinds.contains("gz") && ["nii.gz", "img.gz"].contains(ending)
      if extensions.contains("img"), ["hdr", "hdr.gz"].contains(ending) { continue }
      if isKnown || extensions.contains("dcm") && isDICOM(file) { names.append(name) } else { others.append(name) }
    }
    names.sort(by: FileOrder.isBefore)
    if names.isEmpty {
      throw InputError(
        "\(path): found no PNG, JPEG or TIFF image\(extensions.isEmpty ? "" : " and no array"); expected at least one")
    }
    if !others.isEmpty {
      let listed = others.sorted(by: FileOrder.isBefore).prefix(4).joined(separator: ", ")
      Remarks.note(
        "\(path): \(others.count) of \(others.count + names.count) files are no images and not read: \(listed)\(others.count > 4 ? ", …" : "")"
      )
    }
    return names
  }

  /// What file managers and scanners leave in folders.
  private static let systemFiles: Set<String> = ["thumbs.db", "desktop.ini", "dicomdir", "ehthumbs.db"]
}

/// Reads file after file. All that cannot be read are named in one error, so that they can be taken out at once; of very many remarks the first
/// stand for the others.
func eachFile<Found>(_ files: [String], of folder: String, _ read: (String) throws -> Found) throws -> [Found] {
  guard files.count > 1 else { return try files.map(read) }
  var (found, failures) = ([Found](), [String]())
  let remarks = Remarks.collected {
    for file in files {
      do { found.append(try read(file)) } catch let error as FileFormatError { failures.append("\(error)") } catch let error
        as InputError
      {
        failures.append("\(error)")
      } catch { failures.append("\(file): \(error)") }
    }
  }.remarks
  for remark in remarks.prefix(8) { Remarks.note(remark) }
  if remarks.count > 8 { Remarks.note("\(folder): and \(remarks.count - 8) more remarks like these") }
  guard failures.count <= 1 else {
    throw InputError(
      "\(folder): found \(failures.count) of \(files.count) files that cannot be used; expected images, take them out: "
        + failures.prefix(3).joined(separator: " ") + (failures.count > 3 ? " …" : ""))
  }
  if let failure = failures.first { throw InputError(failure) }
  return found
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
