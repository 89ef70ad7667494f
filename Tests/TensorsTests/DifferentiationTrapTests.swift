// SPDX-License-Identifier: Apache-2.0
// What today's compiler does wrong with differentiable generic code, each in its smallest form, compiled and run on its own without
// optimisation. When one of these tests fails, a new toolchain has mended it and the rule that the package keeps for it can go.
import Foundation
import TestSupport
import Testing

@Suite struct DifferentiationTrapTests {
  /// A differentiable requirement with a generic parameter of its own jumps to garbage. The rule: a loss is a requirement over spaces, or
  /// one that is not differentiable and returns value and gradient.
  @Test(.enabled(if: Toolchain.compiler != nil, "no swiftc on the path"))
  func aGenericDifferentiableRequirementCrashes() throws {
    let program = """
      import _Differentiation
      protocol Valued: Differentiable { @differentiable(reverse) var value: Double { get } }
      struct Number: Valued { var value: Double }
      protocol Loss { @differentiable(reverse, wrt: x) func loss<T: Valued>(_ x: T) -> Double }
      struct Twice: Loss { @differentiable(reverse, wrt: x) func loss<T: Valued>(_ x: T) -> Double { 2 * x.value } }
      @inline(never) func slope<L: Loss, T: Valued>(_ l: L, _ x: T) -> T.TangentVector { gradient(at: x) { l.loss($0) } }
      print(slope(Twice(), Number(value: 3)))
      """
    #expect(try Toolchain.outcome(of: ["main.swift": program]) == .crash)
  }

  /// Two generic parts that multiply by a constant share the function that leaves out the constant's derivative, though their parameters
  /// are constrained differently. The rule: `wrt: a` is declared on the requirement and on its witness, with which all is well.
  @Test(.enabled(if: Toolchain.compiler != nil, "no swiftc on the path"), arguments: [false, true])
  func aConstantArgumentOfARequirementCrashes(exactSubset: Bool) throws {
    let subset = exactSubset ? "@differentiable(reverse, wrt: a) " : ""
    let files = [
      "spaces.swift": """
      import _Differentiation
      public protocol Space: Differentiable, AdditiveArithmetic where TangentVector == Self {
        \(subset)@differentiable(reverse) static func * (s: Double, a: Self) -> Self
        @differentiable(reverse) func size() -> Double
      }
      public protocol Image: Space { @differentiable(reverse) func flipped() -> Self }
      public struct Line: Image {
        public var x: Double
        public typealias TangentVector = Line
        public static var zero: Line { Line(x: 0) }
        public static func + (a: Line, b: Line) -> Line { Line(x: a.x + b.x) }
        public static func - (a: Line, b: Line) -> Line { Line(x: a.x - b.x) }
        \(subset)@differentiable(reverse) public static func * (s: Double, a: Line) -> Line { Line(x: s * a.x) }
        @differentiable(reverse) public func size() -> Double { x * x }
        @differentiable(reverse) public func flipped() -> Line { Line(x: -x) }
        @differentiable(reverse) public init(x: Double) { self.x = x }
      }
      public protocol Part: Differentiable { associatedtype S: Space; @differentiable(reverse) func callAsFunction(_ r: S) -> S }
      @inline(never) public func slope<P: Part>(_ p: P, _ r: P.S) -> P.S { gradient(at: r) { p($0).size() } }
      """,
      "a.swift": """
      import _Differentiation
      public struct Plain<S: Space>: Part {
        public init() {}
        @differentiable(reverse) public func callAsFunction(_ r: S) -> S { 2 * r }
      }
      """,
      "b.swift": """
      import _Differentiation
      public struct Flip<S: Image>: Part {
        public init() {}
        @differentiable(reverse) public func callAsFunction(_ r: S) -> S { 2 * r.flipped() }
      }
      """,
      "main.swift": "print(slope(Plain<Line>(), Line(x: 3)).x, slope(Flip<Line>(), Line(x: 3)).x)",
    ]
    // d/dx (2x)² = 8x, of −2x as well.
    #expect(try Toolchain.outcome(of: files) == (exactSubset ? .output("24.0 24.0\n") : .crash))
  }
}

private enum Toolchain {
  enum Outcome: Equatable {
    case output(String)
    /// Of the compiler or of the program.
    case crash
    case refused(String)
  }

  static let compiler: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { $0 + "/swiftc" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// What becomes of these files, compiled one by one without optimisation.
  static func outcome(of files: [String: String]) throws -> Outcome {
    let folder = try Folder()
    for (name, text) in files { try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8) }
    let sources = files.keys.sorted().map(folder.file)
    let program = folder.file("program")
    let compiled = try run(compiler!, ["-Onone", "-o", program] + sources)
    guard compiled.status == 0 else {
      // swiftc hands on a crash of its own front end as a signal or as a status beyond 1.
      return compiled.status == 1 ? .refused(compiled.output) : .crash
    }
    let ran = try run(program, [])
    return ran.status == 0 ? .output(ran.output) : .crash
  }

  private static func run(_ path: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus, output)
  }
}
