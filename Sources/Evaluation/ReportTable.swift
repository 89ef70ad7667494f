// SPDX-License-Identifier: Apache-2.0

/// A table of a report page. The first column heads its rows.
public struct ReportTable: Sendable {
  public struct Cell: Sendable, ExpressibleByStringLiteral {
    public var text: String
    /// Smaller lines below the text.
    public var details: [String]
    public var emphasized: Bool
    /// The number of a note below the table, counted from 1.
    public var note: Int?

    public init(_ text: String, details: [String] = [], emphasized: Bool = false, note: Int? = nil) {
      self.text = text
      self.details = details
      self.emphasized = emphasized
      self.note = note
    }

    public init(stringLiteral value: String) { self.init(value) }
  }

  public var caption: String
  public var header: [String]
  /// Rows of at most as many cells as the header has; missing ones are empty.
  public var rows: [[Cell]]
  public var notes: [String]
  /// The last row sums the others up.
  public var endsInSummary: Bool

  public init(caption: String, header: [String], rows: [[Cell]], notes: [String] = [], endsInSummary: Bool = false) {
    self.caption = caption
    self.header = header
    self.rows = rows
    self.notes = notes
    self.endsInSummary = endsInSummary
  }

  var html: String {
    var out = "<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"\(escaped(caption))\">\n<table>\n"
    out += "<caption>\(escaped(caption))</caption>\n<thead>\n<tr>"
    for name in header { out += "<th scope=\"col\">\(escaped(name))</th>" }
    out += "</tr>\n</thead>\n<tbody>\n"
    for (i, row) in rows.enumerated() {
      out += endsInSummary && i == rows.count - 1 ? "<tr class=\"summary\">" : "<tr>"
      for j in header.indices {
        let cell = j < row.count ? html(row[j]) : ""
        out += j == 0 ? "<th scope=\"row\">\(cell)</th>" : "<td>\(cell)</td>"
      }
      out += "</tr>\n"
    }
    out += "</tbody>\n</table>\n"
    if !notes.isEmpty {
      out += "<ol class=\"notes\">\n" + notes.map { "<li>\(escaped($0))</li>\n" }.joined() + "</ol>\n"
    }
    return out + "</div>\n"
  }

  private func html(_ cell: Cell) -> String {
    var out = cell.emphasized ? "<strong>\(escaped(cell.text))</strong>" : escaped(cell.text)
    if let note = cell.note { out += "<sup>\(note)</sup>" }
    return out + cell.details.map { "<small>\(escaped($0))</small>" }.joined()
  }
}

extension ResultTable {
  /// The table as the paper sets it, methods down and columns across, one for every metric; measured figures with the published
  /// ones, differences and times below them.
  public var reportTables: [ReportTable] {
    var metrics: [Metric] = []
    for row in rows where !metrics.contains(row.metric) { metrics.append(row.metric) }
    return metrics.map { metric in
      let rows = rows.filter { $0.metric == metric }
      var (methods, columns): ([String], [String]) = ([], [])
      for row in rows {
        if !methods.contains(row.method) { methods.append(row.method) }
        if !columns.contains(row.column) { columns.append(row.column) }
      }
      var notes: [String] = []
      let cells = methods.map { method in
        [ReportTable.Cell(method)]
          + columns.map { column in
            guard let row = rows.first(where: { $0.method == method && $0.column == column }) else { return "" }
            return cell(row, &notes)
          }
      }
      return ReportTable(caption: "\(table) · \(metric.title)", header: ["Method"] + columns, rows: cells, notes: notes)
    }
  }

  private func cell(_ row: Row, _ notes: inout [String]) -> ReportTable.Cell {
    var details = ["published " + row.metric.text(row.published)]
    if let difference = row.difference { details.append(signed(difference, row.metric.decimals)) }
    if row.measured != nil { details.append(duration(row.seconds)) }
    var note: Int?
    if let why = row.why {
      if !notes.contains(why) { notes.append(why) }
      note = notes.firstIndex(of: why).map { $0 + 1 }
    }
    return ReportTable.Cell(row.metric.text(row.measured), details: details, emphasized: true, note: note)
  }
}

extension EvaluationReport {
  /// Every image's scores and, last, their mean.
  public var reportTable: ReportTable {
    let metrics = metrics
    func cells(_ scores: Scores) -> [ReportTable.Cell] {
      metrics.map { ReportTable.Cell($0 == .seconds ? scores.seconds.map(duration) ?? "–" : $0.text(scores[$0])) }
    }
    return ReportTable(
      caption: "\(method): scores of every image", header: ["Image"] + metrics.map { $0 == .seconds ? "Time" : $0.title },
      rows: images.map { [ReportTable.Cell($0.name)] + cells($0.scores) }
        + [[ReportTable.Cell("Mean of \(images.count)")] + cells(mean)],
      endsInSummary: true)
  }
}
