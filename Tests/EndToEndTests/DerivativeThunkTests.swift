// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The compiler names what adapts a derivative to fewer arguments by depth and index of generic parameters, not by their constraints: two
/// such functions of different generic contexts may share a name, and the linker then keeps one of them for both. Where a differentiable
/// requirement or a generic initialiser is called with a constant argument, its exact subset has to be declared instead
/// (`@differentiable(reverse, wrt: …)` on the requirement and on its witnesses).
@Suite struct DerivativeThunkTests {
  static let modules = [
    "Tensors", "Operators", "ProximalMaps", "Problems", "Algorithms", "Networks", "Training", "Datasets", "Metrics", "Evaluation",
    "Experiments", "Checks", "UnfoldProgram", "unfold",
  ]

  /// True for a function that is unique by its name: one of a nominal type of this package or of concrete types alone.
  static func isUnique(_ symbol: String) -> Bool {
    guard symbol.hasPrefix("$s") else { return false }  // a protocol's requirement, its protocol not named
    let name = demangled(symbol)
    // Others are named by the function that they adapt.
    guard name.contains("for pullback") || name.contains("for differential") else { return true }
    // A function value: the generic parameters A … D alone, outside of a type such as Unrolled<A, B, C, D>, say nothing of their context.
    return name.firstMatch(of: /\b[A-D]\b/) == nil || name.contains("<A")
  }

  @Test func namesTellShared() {
    // Both kinds as the compiler made them of `2 * r` in a generic part, and of a network's call with its measurement constant.
    let requirement = "prox7Tensors6TensorVSdxA3CIeggo_Ieggynoo_TJSrSSSpSrSUUP"
    let value = "$s7Tensors6TensorVAC13TangentVector16_Differentiation14DifferentiablePQzIeggor_TJSpSUSpSrUUSP"
    #expect(!Self.isUnique(requirement) && !Self.isUnique(value))
    #expect(Self.isUnique("$s7Tensors6TensorVA2CIeggoo_TJSpSSpSrSUP"))
    #expect(Self.isUnique("$sxx10Algorithms14GroupShrinkageV13TangentVectorVyx_GIegnrd_TJSpSSpSrSUP"))
  }

  @Test(.enabled(if: Program.path != nil, "no built program beside the tests"))
  func noDerivativeIsSharedByName() throws {
    let folder = URL(fileURLWithPath: Program.path!).deletingLastPathComponent()
    var (found, shared): (Int, [String]) = (0, [])
    for module in Self.modules {
      let objects = try FileManager.default.contentsOfDirectory(
        at: folder.appendingPathComponent(module + ".build"), includingPropertiesForKeys: nil
      ).filter { $0.pathExtension == "o" }
      try #require(!objects.isEmpty, "\(module) has no object files")
      for symbol in try Set(Self.weakSymbols(of: objects)) where symbol.firstMatch(of: /TJS[fpr][SU]+p[SU]+r[SU]+P$/) != nil {
        found += 1
        if !Self.isUnique(symbol) { shared.append("\(module): \(demangled(symbol)) (\(symbol))") }
      }
    }
    #expect(found > 0, "\(found) functions that adapt derivatives; the check sees none")
    #expect(shared.isEmpty, "declare the exact subset of arguments of:\n\(shared.sorted().joined(separator: "\n"))")
  }

  private static func weakSymbols(of objects: [URL]) throws -> [String] {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["nm"] + objects.map(\.path)
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "nm failed")
    return String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap {
      let fields = $0.split(separator: " ")
      return fields.count >= 2 && fields[fields.count - 2] == "W" ? String(fields.last!) : nil
    }
  }
}

/// The runtime's own.
@_silgen_name("swift_demangle")
private func demangle(
  _ name: UnsafePointer<CChar>?, _ length: Int, _ buffer: UnsafeMutablePointer<CChar>?, _ size: UnsafeMutablePointer<Int>?,
  _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?

private func demangled(_ symbol: String) -> String {
  guard let text = demangle(symbol, symbol.utf8.count, nil, nil, 0) else { return symbol }
  defer { free(text) }
  return String(cString: text)
}
