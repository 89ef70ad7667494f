// SPDX-License-Identifier: Apache-2.0
import Checks
import Foundation
import Kernels
import Testing

extension CheckItem: CustomTestStringConvertible {
  public var testDescription: String { name }
}

/// What `unfold check` prints is held here item by item; the lists are made once.
@Suite struct CheckTests {
  private static let lists = Parallel.map(3) { [operatorChecks, gradientChecks, theoryChecks][$0]() }

  @Test(arguments: lists.flatMap { $0 }) func holds(item: CheckItem) {
    #expect(item.ok, "\(item.name): \(item.error), tolerance \(item.tolerance)")
  }

  @Test func noListIsEmpty() { #expect(Self.lists.allSatisfy { $0.count >= 10 }) }

  /// Whoever adds an operator adds its row.
  @Test func noOperatorIsWithoutItsRow() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let folder = root.appending(path: "Sources/Operators")
    let names = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).flatMap { file in
      let text = try String(contentsOf: file, encoding: .utf8)
      return text.matches(of: /public struct (\w+)(?:<[^{]*>)?: (?:LinearOperator|Undersampling)/).map { String($0.1) }
    }
    #expect(names.count >= 10)
    let rows = Self.lists[0].map(\.name)
    for name in names { #expect(rows.contains { $0.hasPrefix("adjoint of \(name)") }, "\(name) has no row in operatorChecks") }
  }
}
