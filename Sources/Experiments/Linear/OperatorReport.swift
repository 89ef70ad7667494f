// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Operators
import Tensors

/// What `unfold check operator` says of an operator's file: shapes, norm, adjoint error, memory and the time of both directions.
public struct OperatorReport: Report {
  /// The most that the dot test may give, of double precision.
  public static let tolerance = 1e-10

  private let system: LinearSystem
  private let adjointError: Double
  private let seconds: (forward: Double, adjoint: Double)
  private let mebibytes: Double

  /// - Parameter shape: of the images, where the operator takes any.
  public init(file: String, shape: [Int]? = nil, variable: String? = nil) throws {
    let before = residentMebibytes()
    let description = try OperatorDescription(file: file, shape: shape, variable: variable)
    guard let shape = description.shape else {
      throw InputError("\(file): found an operator of any extent; expected --shape, such as --shape 256 256")
    }
    let system = try LinearSystem(description, shape: shape, noise: description.noise)
    self.system = system
    func tested<Signal: NumberSpace, Measurement: NumberSpace>(_: Signal.Type, _: Measurement.Type) -> Double {
      let A: OnArrays<Signal, Measurement> = system.typed(precision: .double)
      return A.adjointError(domain: [1] + shape, codomain: [1] + system.codomain.shape, seed: 1)
    }
    adjointError = tested(system.signals, system.measurements)
    mebibytes = max(0, residentMebibytes() - before)
    var generator = RandomGenerator(seed: 1)
    let x = Tensor.normal([1] + system.domain.numbers, precision: .single, using: &generator)
    let y = Tensor.normal([1] + system.codomain.numbers, precision: .single, using: &generator)
    func median(_ body: () -> Void) -> Double {
      let times = (0..<5).map { _ in
        let begin = Date()
        body()
        return Date().timeIntervalSince(begin)
      }
      return times.sorted()[2]
    }
    seconds = (median { _ = system.single.forward(x) }, median { _ = system.single.adjoint(y) })
  }

  public var ok: Bool { adjointError <= Self.tolerance }

  private var noise: String {
    switch system.noise {
    case .none: "none"
    case .deviation(let sigma): "σ = \(Float(sigma))"
    case .decibel(let decibel): "\(Float(decibel)) dB"
    case .photons: "\(system.noise)"
    }
  }

  public var json: JSONValue {
    .object([
      JSONMember("operator", .string(system.name)), JSONMember("domain", .array(system.domain.shape.map(JSONValue.integer))),
      JSONMember("codomain", .array(system.codomain.shape.map(JSONValue.integer))),
      JSONMember("complex_domain", .bool(system.domain.isComplex)),
      JSONMember("complex_codomain", .bool(system.codomain.isComplex)),
      JSONMember("measured", .integer(system.double.measuredCount)), JSONMember("norm", .number(system.lipschitz.squareRoot())),
      JSONMember("has_inverse", .bool(system.double.solve != nil)), JSONMember("adjoint_error", .number(adjointError)),
      JSONMember("tolerance", .number(Self.tolerance)), JSONMember("ok", .bool(ok)),
      JSONMember("memory_mib", .number(mebibytes)), JSONMember("forward_seconds", .number(seconds.forward)),
      JSONMember("adjoint_seconds", .number(seconds.adjoint)),
    ])
  }

  public var text: String {
    func time(_ seconds: Double) -> String {
      seconds < 1e-3 ? String(format: "%.3g µs", 1e6 * seconds) : String(format: "%.3g ms", 1e3 * seconds)
    }
    let rows = [
      ("signals", "\(system.domain)"), ("measurements", "\(system.codomain), \(system.double.measuredCount) numbers measured"),
      ("‖A‖", String(format: "%.6g", system.lipschitz.squareRoot())),
      ("(AᴴA + ρ)⁻¹", system.double.solve == nil ? "by conjugate gradients" : "in closed form"), ("noise", noise),
      ("adjoint error", String(format: "%.2e", adjointError) + (ok ? "" : ", more than \(Self.tolerance): not the adjoint")),
      ("memory", String(format: "%.0f MiB", mebibytes)),
      ("time", "A x \(time(seconds.forward)), Aᴴ y \(time(seconds.adjoint)), single precision"),
    ]
    let width = rows.map(\.0.count).max() ?? 0
    return ([system.name] + rows.map { "  " + $0.0.padding(toLength: width, withPad: " ", startingAt: 0) + "  " + $0.1 })
      .joined(separator: "\n")
  }
}

/// Memory that the process holds, in MiB; 0 where the system does not say.
private func residentMebibytes() -> Double {
  guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
    let pages = text.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
  else { return 0 }
  return pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 1_048_576
}
