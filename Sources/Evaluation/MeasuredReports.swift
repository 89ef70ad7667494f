// SPDX-License-Identifier: Apache-2.0
import FileFormats

/// The answer of `bench`: times of repeated runs of one piece of work.
public struct BenchReport: Report, Sendable, Equatable {
  public let work: String
  /// Seconds of every run, in order.
  public let runs: [Double]
  public let threads: Int
  /// Largest resident size of the process in MiB.
  public let peakMebibytes: Double

  /// - Throws: when there are no runs.
  public init(work: String, runs: [Double], threads: Int, peakMebibytes: Double) throws(InputError) {
    guard !runs.isEmpty else { throw InputError("\(work): no runs were timed; give --runs 1 or more.") }
    self.work = work
    self.runs = runs
    self.threads = threads
    self.peakMebibytes = peakMebibytes
  }

  /// The middle run, the mean of the two middle ones of an even number.
  public var median: Double {
    let sorted = runs.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  public var json: JSONValue {
    .object([
      "work": .string(work), "median_s": .number(median), "runs_s": .array(runs.map(JSONValue.number)),
      "threads": .integer(threads), "peak_mib": .number(peakMebibytes),
    ])
  }

  public var text: String {
    let spread = "\(duration(runs.min() ?? median)) … \(duration(runs.max() ?? median))"
    let runText = runs.count == 1 ? "1 run" : "\(runs.count) runs, \(spread)"
    return "\(work): median \(duration(median)) (\(runText)), \(threads) thread\(threads == 1 ? "" : "s"), "
      + "peak \(fixed(peakMebibytes, 0)) MiB"
  }
}

/// The answer of `check`: errors of operators, gradients or rates beside what is allowed.
public struct CheckReport: Report, Sendable, Equatable {
  public struct Item: Sendable, Equatable {
    public var name: String
    public var error: Double
    public var tolerance: Double
    /// A NaN is never within a tolerance.
    public var ok: Bool { error <= tolerance }

    public init(name: String, error: Double, tolerance: Double) {
      self.name = name
      self.error = error
      self.tolerance = tolerance
    }
  }

  public var items: [Item]

  public init(items: [Item]) { self.items = items }

  /// True when every item is; false when nothing was checked.
  public var ok: Bool { !items.isEmpty && items.allSatisfy(\.ok) }

  public var json: JSONValue {
    .object([
      "items": .array(
        items.map {
          .object([
            "name": .string($0.name), "error": .number($0.error), "tolerance": .number($0.tolerance), "ok": .bool($0.ok),
          ])
        }),
      "ok": .bool(ok),
    ])
  }

  public var text: String {
    var cells = TextTable(header: ["Check", "Error", "Tolerance", ""], alignments: [.left, .right, .right, .left])
    for item in items {
      cells.append([item.name, significant(item.error), significant(item.tolerance), item.ok ? "ok" : "FAILED"])
    }
    let failed = items.count { !$0.ok }
    let summary = failed == 0 ? "\(items.count) checked, all within tolerance" : "\(items.count) checked, \(failed) failed"
    return items.isEmpty ? "nothing was checked" : cells.text + "\n" + summary
  }

  private func significant(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return fixed(value, 1) }
    return value == 0 || (abs(value) >= 0.01 && abs(value) < 1e4) ? fixed(value, 3) : scientific(value)
  }
}
