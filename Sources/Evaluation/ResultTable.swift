// SPDX-License-Identifier: Apache-2.0
import FileFormats

/// A published table beside what was measured here, one row a cell.
public struct ResultTable: Report, Sendable, Equatable {
  /// One cell of the published table.
  public struct Row: Sendable, Equatable {
    /// The method's name as on the command line.
    public var method: String
    /// What heads the column: a sampling ratio, a mask, a number of iterations.
    public var column: String
    public var metric: Metric
    /// The paper's figure, nil where it gives none.
    public var published: Double?
    /// The figure measured here, nil where it was not measured.
    public var measured: Double?
    /// Time of the measurement in seconds.
    public var seconds: Double
    /// Why there is no figure, or why it is worse than the published one; see ``needsReason``.
    public var why: String?
    /// What heads the rows from here on that are not of the published table, such as later networks; nil: rows of the table itself.
    public var group: String?

    public init(
      method: String, column: String, metric: Metric, published: Double?, measured: Double?, seconds: Double, why: String? = nil,
      group: String? = nil
    ) {
      self.group = group
      self.method = method
      self.column = column
      self.metric = metric
      self.published = published
      self.measured = measured
      self.seconds = seconds
      self.why = why
    }

    /// measured − published, nil unless both are there and finite.
    public var difference: Double? {
      guard let published, let measured else { return nil }
      let difference = measured - published
      return difference.isFinite ? difference : nil
    }

    /// True when nothing was measured or when the figure is worse than published by over 0.5 dB or 10 %.
    public var needsReason: Bool {
      guard let measured, measured.isFinite else { return true }
      guard let published else { return false }
      return metric.fallsShort(measured: measured, published: published)
    }

    var json: JSONValue {
      .object([
        "method": .string(method), "group": group.map(JSONValue.string),
        "column": .string(column), "metric": .string(metric.rawValue),
        "published": .optional(published), "measured": .optional(measured), "difference": .optional(difference),
        "seconds": .number(seconds), "why": why.map(JSONValue.string),
      ])
    }
  }

  /// The table's name as on the command line.
  public var table: String
  public var rows: [Row]
  /// The images or signals the figures were measured on.
  public var data: String
  /// How they were measured.
  public var `protocol`: String

  public init(table: String, rows: [Row], data: String, protocol: String) {
    self.table = table
    self.rows = rows
    self.data = data
    self.protocol = `protocol`
  }

  public var json: JSONValue {
    .object([
      "table": .string(table), "rows": .array(rows.map(\.json)), "data": .string(data), "protocol": .string(`protocol`),
    ])
  }

  public var text: String {
    var cells = TextTable(
      header: ["Method", "Column", "Metric", "Published", "Measured", "Difference", "Time"],
      alignments: [.left, .left, .left, .right, .right, .right, .right])
    var (previous, group): (String?, String?)
    for row in rows {
      if let heading = row.group, heading != group { cells.append(note: heading) }
      group = row.group
      cells.append([
        row.method == previous ? "" : row.method, row.column, row.metric.title, row.metric.text(row.published),
        row.metric.text(row.measured), row.difference.map { signed($0, row.metric.decimals) } ?? "–",
        row.measured == nil ? "–" : duration(row.seconds),
      ])
      if let why = row.why { cells.append(note: why) }
      previous = row.method
    }
    let heading = [table] + wrapped("Data: " + data, width: 100) + wrapped("Protocol: " + `protocol`, width: 100)
    return (heading + ["", cells.text]).joined(separator: "\n")
  }
}
