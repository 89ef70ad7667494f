// SPDX-License-Identifier: Apache-2.0
/// The word of a list that is at most two letters away from another, or nil.
public func nearest(_ word: String, among known: [String]) -> String? {
  func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var corner = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, corner + (x == y ? 0 : 1))
        (corner, row[j + 1]) = (row[j + 1], next)
      }
    }
    return row[b.count]
  }
  let found = known.map { (word: $0, distance: distance(Array(word.lowercased()), Array($0.lowercased()))) }
    .min { $0.distance < $1.distance }
  return found.flatMap { $0.distance <= max(2, word.count / 4) ? $0.word : nil }
}
