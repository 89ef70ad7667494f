// SPDX-License-Identifier: Apache-2.0
import Algorithms
import CUnfoldNet
import Kernels
import LinearSystems
import Metrics
import Networks
import Operators
import Platform
import Problems
import Tensors
import Training
import WeightFiles

@c @implementation
public func unf_version() -> UnsafePointer<CChar>? { version.pointer }

private struct StaticText: @unchecked Sendable {
  let pointer: UnsafePointer<CChar>?
  init(_ text: String) { pointer = UnsafePointer(strdup(text)) }
}
private let version = StaticText("0.1.0")

@c @implementation
public func unf_set_threads(_ threads: Int32) -> Int32 {
  call {
    guard (0...4096).contains(threads) else { throw InputError("found \(threads) threads; expected 0, for all cores, to 4096") }
    Parallel.threads = Int(threads)
    return []
  }
}

@c @implementation
public func unf_methods() -> Int32 {
  call {
    [
      JSONMember("solvers", .array(ClassicalMethod.allCases.map { .string($0.rawValue) })),
      JSONMember(
        "networks",
        .array(
          LinearNetwork.all.map { ["name": .string($0.name), "title": .string($0.title), "source": .string($0.source)] })),
    ]
  }
}

// MARK: Solving

@c @implementation
public func unf_solve(
  _ op: Int64, _ method: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?, _ y: UnsafePointer<unf_array>?,
  _ x: UnsafeMutablePointer<unf_array>?
) -> Int32 {
  call {
    let A = try operatorObject(op)
    let name = try text(method, "method")
    guard let method = ClassicalMethod(rawValue: name) else {
      let names = ClassicalMethod.allCases.map(\.rawValue)
      let guess = nearest(name, among: names).map { ": did you mean \($0)?" } ?? ""
      throw InputError("found no method \(name); expected one of \(names.joined(separator: ", "))\(guess)")
    }
    let (given, result) = (try GivenArray(y, "the measurement"), try GivenArray(x, "the solution"))
    let reader = try CInterface.options(
      options, ["prior", "iterations", "tolerance", "choose_by", "precision", "trace", "denoiser_weights", "noise"])
    var settings = ClassicalOptions()
    settings.prior = try reader.texts("prior") ?? []
    settings.iterations = try reader.integer("iterations", 1...10_000_000)
    settings.tolerance = try reader.number("tolerance", 0...1)
    settings.chooseBy = try reader.choice("choose_by", WeightChoiceRule.self)
    settings.precision = try reader.precision(.double)
    settings.isTraced = try reader.flag("trace")
    if let file = try reader.text("denoiser_weights") {
      settings.denoisingNetwork = { try $0.network(Weights(contentsOf: file), path: file) }
    }
    let noise = try reader.noise()
    let measured = try given.samples(of: A.codomain, "the measurement")
    let (solver, found, residual) = try A.state.running {
      let solver = try ClassicalSolver(method, A.system(noise: noise), settings)
      let found = try solver.solve(measured)
      let estimates = Tensor.concatenated(found.map(\.estimate)), y = measured.converted(to: .double)
      return (solver, found, (A.double.forward(estimates) - y).norm / max(y.norm, .leastNormalMagnitude))
    }
    if let bad = found.first(where: { $0.ending == .notFinite || $0.objective?.isNaN == true || !$0.estimate.isFinite }) {
      throw CallError(
        UNF_FAILED, "\(name): \(Ending.notFinite.rawValue) after \(bad.iterations) iterations; check the prior and the operator")
    }
    try result.fill(.concatenated(found.map(\.estimate)), of: A.domain, like: given, A.codomain, "the solution")
    return facts(found, prior: solver.priors, residual: residual)
  }
}

/// What the answer says of solutions, one a measurement.
private func facts(_ found: [ClassicalSolution], prior: [String], residual: Double) -> [JSONMember] {
  func list(_ value: (ClassicalSolution) -> JSONValue) -> JSONValue { .array(found.map(value)) }
  var facts = [
    JSONMember("prior", .array(prior.map(JSONValue.string))), JSONMember("residual", .number(residual)),
    JSONMember("iterations", list { .integer($0.iterations) }), JSONMember("objective", list { .optional($0.objective) }),
    JSONMember("ending", list { $0.ending.map { .string($0.rawValue) } ?? .null }),
    JSONMember("converged", .bool(found.allSatisfy { $0.ending?.isConvergence ?? true })),
  ]
  let chosen = found.compactMap(\.chosen)
  if !chosen.isEmpty {
    facts.append(JSONMember("weight", .array(chosen.map { .number($0.weight) })))
    facts.append(JSONMember("chosen", .array(chosen.map { .string($0.priors.map { "\($0)" }.joined(separator: " + ")) })))
  }
  if found.contains(where: { !$0.trace.isEmpty }) {
    facts.append(
      JSONMember(
        "trace",
        list { .array($0.trace.map { .array([.integer($0.iteration), .number($0.objective), .number($0.residualNorm)]) }) }))
  }
  return facts
}

// MARK: Metrics

@c @implementation
public func unf_metric(
  _ name: UnsafePointer<CChar>?, _ estimate: UnsafePointer<unf_array>?, _ truth: UnsafePointer<unf_array>?, _ peak: Double,
  _ value: UnsafeMutablePointer<Double>?
) -> Int32 {
  call {
    let value = try place(value, "the value")
    func real(_ array: UnsafePointer<unf_array>?, _ what: String) throws -> Tensor {
      let found = try GivenArray(array, what).value(what)
      return (found.real ?? found.complex.pairs).converted(to: .double)
    }
    let (x, y) = (try real(estimate, "the estimate"), try real(truth, "the truth"))
    switch try text(name, "metric") {
    case "psnr": value.pointee = try psnr(x, y, peak: peak)
    case "ssim": value.pointee = try ssim(x, y, peak: peak)
    case "rmse": value.pointee = try rmse(x, y)
    case "nmse": value.pointee = try nmse(x, y)
    case let other: throw InputError("found no metric \(other); expected psnr, ssim, rmse or nmse")
    }
    return []
  }
}
