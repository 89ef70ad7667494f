// SPDX-License-Identifier: Apache-2.0
import CInterface
import CUnfoldNet
import Foundation
import TestSupport
import Testing

/// The interface as C sees it; that its functions are the header's is the compiler's to say.
@Suite struct InterfaceTests {
  private func array(_ values: inout [Double], _ shape: [Int64], _ body: (UnsafeMutablePointer<unf_array>) -> Int32) -> Int32 {
    values.withUnsafeMutableBytes { data in
      shape.withUnsafeBufferPointer { extents in
        var array = unf_array(
          data: data.baseAddress, shape: extents.baseAddress, rank: Int32(shape.count), type: Int32(UNF_FLOAT64))
        return body(&array)
      }
    }
  }

  private func matrix(_ entries: [Double], _ shape: [Int64]) throws -> unf_handle {
    var (entries, handle) = (entries, unf_handle(0))
    #expect(array(&entries, shape) { unf_operator_matrix($0, 0, nil, nil, &handle) } == Int32(UNF_OK))
    return try #require(handle > 0 ? handle : nil)
  }

  private var message: String { String(cString: unf_message()) }
  private var facts: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(String(cString: unf_facts()).utf8))) as? [String: Any] ?? [:]
  }

  /// Foundation alone is 45 MB of the library that Python loads: no module it is made of imports that.
  @Test func isWithoutFoundation() throws {
    let root = URL(fileURLWithPath: #filePath + "/../../..").standardizedFileURL
    let package = try String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8)
    var modules = ["CInterface"], importers: [String] = [], k = 0
    while k < modules.count {
      defer { k += 1 }
      let declaration = try Regex("module\\(\\s*\"\(modules[k])\"(?:, \\[([^\\]]*))?", as: (Substring, Substring?).self)
      let list = try #require(package.firstMatch(of: declaration)).output.1 ?? ""
      for name in list.matches(of: /"(\w+)"/).map({ String($0.output.1) })
      where package.contains("module(\"\(name)\"") && !modules.contains(name) { modules.append(name) }
      let folder = root.appendingPathComponent("Sources/\(modules[k])")
      for file in try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)) {
        guard let file = file as? URL, file.pathExtension == "swift" else { continue }
        if try String(contentsOf: file, encoding: .utf8).contains(/(?m)^(public )?import Foundation$/) {
          importers.append(file.path)
        }
      }
    }
    #expect(modules.contains("Denoisers") && importers == [])
  }

  /// x = (AᵀA + λ)⁻¹ Aᵀ y of two numbers, by hand.
  @Test func solves() throws {
    let A = try matrix([2, 0, 0, 1, 0, 0], [3, 2])
    var (y, x) = ([2.0, 3, 5], [0.0, 0])
    let code = array(&y, [3]) { y in
      array(&x, [2]) { unf_solve(A, "least-squares", #"{"prior": ["ridge:1"], "tolerance": 1e-14}"#, y, $0) }
    }
    #expect(code == Int32(UNF_OK) && abs(x[0] - 4.0 / 5) < 1e-12 && abs(x[1] - 3.0 / 2) < 1e-12)
    #expect(facts["ending"] as? [String] == ["residuals below tolerance"])
    #expect(unf_release(A) == Int32(UNF_OK) && unf_release(A) == Int32(UNF_HANDLE))
    #expect(message.contains("not yet released"))
  }

  /// A function that fails ends the work with its own code, and the operator is good again.
  @Test func functionsFail() throws {
    nonisolated(unsafe) var left = 5
    let extents: [Int64] = [4]
    var A = unf_handle(0)
    let made = extents.withUnsafeBufferPointer { extents in
      var space = unf_array(data: nil, shape: extents.baseAddress, rank: 1, type: Int32(UNF_FLOAT64))
      return unf_operator_function(
        { context, _, single, input, output in
          guard let left = context?.assumingMemoryBound(to: Int.self), left.pointee > 0 else { return 1 }
          left.pointee -= 1
          output?.copyMemory(from: input!, byteCount: single == 0 ? 32 : 16)
          return 0
        }, &left, &space, &space, #"{"lipschitz": 1}"#, &A)
    }
    #expect(made == Int32(UNF_OK))
    func solved() -> (Int32, [Double]) {
      var (y, x) = ([1.0, 2, 3, 4], [0.0, 0, 0, 0])
      return (
        array(&y, [4]) { y in array(&x, [4]) { unf_solve(A, "fista", #"{"prior": ["l1:0.5"]}"#, y, $0) } }, x
      )
    }
    #expect(solved().0 == Int32(UNF_CALLBACK))
    left = 100_000
    let (code, x) = solved()
    #expect(code == Int32(UNF_OK) && zip(x, [0.5, 1.5, 2.5, 3.5]).allSatisfy { abs($0 - $1) < 1e-9 })
    #expect(unf_release(A) == Int32(UNF_OK))
  }

  /// What is no array, no option and no object is an error with a line.
  @Test func wrongInputsAreErrors() throws {
    let A = try matrix([1, 0, 0, 1], [2, 2])
    var (y, x) = ([1.0, 2], [0.0, 0])
    func solve(_ options: String, _ shape: [Int64] = [2], type: Int32 = Int32(UNF_FLOAT64), method: String = "fista") -> Int32 {
      array(&y, shape) { y in
        y.pointee.type = type
        return array(&x, [2]) { unf_solve(A, method, options, y, $0) }
      }
    }
    #expect(solve(#"{"prior": ["l1:0.1"]}"#) == Int32(UNF_OK))
    for code in [
      solve("{"), solve("[]"), solve("{}"), solve(#"{"prior": 7}"#), solve(#"{"priors": []}"#),
      solve(#"{"prior": ["l1:0.1"]}"#, [3]),
      solve(#"{"prior": ["l1:0.1"]}"#, [-1]), solve(#"{"prior": ["l1:0.1"]}"#, [1 << 40, 1 << 40]),
      solve(#"{"prior": ["l1:0.1"]}"#, type: 9), solve(#"{"prior": ["l1:0.1"]}"#, type: Int32(UNF_COMPLEX128)),
      solve("{}", method: "x"),
    ] { #expect(code == Int32(UNF_INPUT) && !message.isEmpty && !message.contains("\n")) }
    #expect(unf_solve(A, nil, nil, nil, nil) == Int32(UNF_INPUT) && unf_solve(0, "fista", nil, nil, nil) == Int32(UNF_HANDLE))
    #expect(unf_network_facts(A) == Int32(UNF_HANDLE) && unf_release(A) == Int32(UNF_OK))
  }
}
