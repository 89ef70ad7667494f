// SPDX-License-Identifier: Apache-2.0
import Checks
import Foundation
import Testing

/// What `unfold check` prints is held here item by item.
@Suite struct CheckTests {
  @Test(arguments: ["operators", "gradients", "theory"])
  func everyItemHolds(name: String) {
    let items = ["operators": operatorChecks, "gradients": gradientChecks, "theory": theoryChecks][name]!()
    #expect(items.count >= 10)
    for item in items { #expect(item.ok, "\(item.name): \(item.error), tolerance \(item.tolerance)") }
  }

  /// Whoever adds an operator adds its row.
  @Test func noOperatorIsWithoutItsRow() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let folder = root.appending(path: "Sources/Operators")
    let names = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).flatMap { file in
      let text = try String(contentsOf: file, encoding: .utf8)
      return text.matches(of: /public struct (\w+)(?:<[^{]*>)?: (?:LinearOperator|Undersampling)/).map { String($0.1) }
    }
    #expect(names.count >= 10)
    let rows = operatorChecks().map(\.name)
    for name in names { #expect(rows.contains { $0.hasPrefix("adjoint of \(name)") }, "\(name) has no row in operatorChecks") }
  }
}
