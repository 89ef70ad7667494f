// SPDX-License-Identifier: Apache-2.0

/// Rows of cells set in columns for a fixed-width terminal.
public struct TextTable: Sendable {
  public enum Alignment: Sendable { case left, right }

  public var header: [String]
  public var alignments: [Alignment]
  public private(set) var lines: [Line] = []

  /// A row of cells, or a note below the row before it.
  public enum Line: Sendable {
    case cells([String])
    case note(String)
  }

  public init(header: [String], alignments: [Alignment]) {
    precondition(header.count == alignments.count, "\(header.count) columns with \(alignments.count) alignments")
    self.header = header
    self.alignments = alignments
  }

  /// One cell a column.
  public mutating func append(_ cells: [String]) {
    precondition(cells.count == header.count, "\(cells.count) cells in a table of \(header.count) columns")
    lines.append(.cells(cells.map { $0.split(whereSeparator: \.isNewline).joined(separator: " ") }))
  }

  /// A remark on the row before, broken into lines of at most 100 characters.
  public mutating func append(note: String) { lines.append(.note(note)) }

  public var text: String {
    let rows: [[String]] = lines.compactMap { if case .cells(let cells) = $0 { cells } else { nil } }
    let widths = header.indices.map { j in max(header[j].count, rows.map { $0[j].count }.max() ?? 0) }
    func set(_ cells: [String]) -> String {
      let padded = cells.indices.map { j in
        let space = String(repeating: " ", count: widths[j] - cells[j].count)
        return alignments[j] == .left ? cells[j] + space : space + cells[j]
      }
      var line = padded.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
    var out = [set(header), widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")]
    for line in lines {
      switch line {
      case .cells(let cells): out.append(set(cells))
      case .note(let note): out += wrapped(note, width: 98).map { "  " + $0 }
      }
    }
    return out.joined(separator: "\n")
  }
}

/// Text broken at spaces into lines of at most `width` characters; a longer word keeps a line of its own.
func wrapped(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(whereSeparator: \.isWhitespace) {
    if line.isEmpty {
      line = String(word)
    } else if line.count + 1 + word.count <= width {
      line += " " + word
    } else {
      lines.append(line)
      line = String(word)
    }
  }
  if !line.isEmpty { lines.append(line) }
  return lines
}
