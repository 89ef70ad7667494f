// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation

/// In what order the files of a folder are read.
public enum FileOrder {
  /// Numbers in names by their value, so that `IM2` comes before `IM10`; else letter by letter.
  public static func isBefore(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    func isDigit(_ c: UInt8) -> Bool { c >= 48 && c <= 57 }
    /// The digits at `i` without leading zeros.
    func digits(_ text: [UInt8], _ i: inout Int) -> ArraySlice<UInt8> {
      let begin = i
      while i < text.count, isDigit(text[i]) { i += 1 }
      return text[begin..<i].drop { $0 == 48 }
    }
    var (i, j) = (0, 0)
    while i < a.count, j < b.count {
      if isDigit(a[i]), isDigit(b[j]) {
        let (x, y) = (digits(a, &i), digits(b, &j))
        if x.count != y.count { return x.count < y.count }
        if x != y { return x.lexicographicallyPrecedes(y) }
      } else {
        if a[i] != b[j] { return a[i] < b[j] }
        (i, j) = (i + 1, j + 1)
      }
    }
    return a.count - i != b.count - j ? a.count - i < b.count - j : a.lexicographicallyPrecedes(b)
  }

  /// DICOM files series by series, each by position along the normal of its slices, else by instance number, else by name; a folder of several
  /// series is named in a remark.
  ///
  /// - Parameter paths: in the order of their names. - Throws: the reader's error.
  static func series(_ paths: [String], folder: String) throws -> [String] {
    guard paths.count > 1 else { return paths }
    let places = try paths.map { (path: $0, place: try DICOM.Place(contentsOf: $0)) }
    var groups: [[(path: String, place: DICOM.Place)]] = []
    for one in places {
      if let k = groups.firstIndex(where: { isOneSeries($0[0].place, one.place) }) {
        groups[k].append(one)
      } else {
        groups.append([one])
      }
    }
    if groups.count > 1 {
      let found = groups.prefix(4).map { group in
        let place = group[0].place
        return "\(group.count) of \(place.height) × \(place.width) from \((group[0].path as NSString).lastPathComponent)"
      }
      Remarks.note(
        "\(folder): found \(groups.count) series of DICOM images (\(found.joined(separator: ", "))\(groups.count > 4 ? ", …" : "")); they follow "
          + "one another, keep them in folders of their own to have one")
    }
    return groups.flatMap { ordered($0, folder: folder) }
  }

  /// Slices of one identifier, one size and one orientation.
  private static func isOneSeries(_ a: DICOM.Place, _ b: DICOM.Place) -> Bool {
    guard a.seriesUID == b.seriesUID, a.height == b.height, a.width == b.width else { return false }
    guard let u = a.orientation, let v = b.orientation else { return a.orientation == nil && b.orientation == nil }
    return zip(u, v).allSatisfy { abs($0 - $1) < 1e-3 }
  }

  private static func ordered(_ group: [(path: String, place: DICOM.Place)], folder: String) -> [String] {
    let depths = group.compactMap { DICOM.depth($0.place.position, $0.place.orientation) }
    let numbers = group.compactMap(\.place.instanceNumber)
    let paths = group.map(\.path)
    func sorted<Key: Comparable>(_ keys: [Key]) -> [String] {
      zip(keys, paths.indices).sorted { $0 < $1 }.map { paths[$0.1] }
    }
    if depths.count == group.count, Set(depths).count == group.count { return sorted(depths) }
    if numbers.count == group.count, Set(numbers).count == group.count {
      if depths.count == group.count {
        Remarks.note("\(folder): found several DICOM images at one place, they are in the order of their instance numbers")
      }
      return sorted(numbers)
    }
    if group.count > 1 {
      Remarks.note(
        "\(folder): found DICOM images without position or instance number of their own, they are in the order of their names")
    }
    return paths
  }
}
