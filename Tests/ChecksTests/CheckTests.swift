// SPDX-License-Identifier: Apache-2.0
import Checks
import Testing

/// What `unfold check` prints is held here item by item.
@Suite struct CheckTests {
  @Test(arguments: ["operators", "gradients", "theory"])
  func everyItemHolds(name: String) {
    let items = ["operators": operatorChecks, "gradients": gradientChecks, "theory": theoryChecks][name]!()
    #expect(items.count >= 10)
    for item in items { #expect(item.ok, "\(item.name): \(item.error), tolerance \(item.tolerance)") }
  }
}
