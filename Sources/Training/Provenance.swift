// SPDX-License-Identifier: Apache-2.0
import CCommit
import Kernels
import Platform
import Tensors

/// What made a file of weights besides its recipe: facts for the reader, which nothing depends on.
public struct Provenance: Sendable, Hashable {
  /// By name: `commit` of the program, where its build was told; `instructions` of the processor; `precision`; `data`, by setting, names, sizes and
  /// checksums of files; `hours` of training, interruptions left out, in tenths; `before`, the trainings whose weights it started from, see
  /// ``Weights/history(file:)``; `set`, parameters changed by hand since; `stopped`, where an interrupted training stands.
  public var facts: [String: String]

  /// As a file tells them.
  public init(facts: [String: String] = [:]) { self.facts = facts }

  /// Of a training that this program makes.
  ///
  /// - Parameters: `policy`, where one is given, tells its data, what it started from, and the seconds of all its runs.
  public init(of model: some Parameterized, policy: CheckpointPolicy? = nil) {
    let mixed = Arithmetic.current == .mixed
    facts = ["instructions": Self.instructions(mixed: mixed)]
    let commit = String(cString: unfold_commit())
    if !commit.isEmpty { facts["commit"] = commit }
    let (parameters, arrays) = (model.parameters, model.parameters.filter { !$0.value.shape.isEmpty })
    let precisions = Set((arrays.isEmpty ? parameters : arrays).map(\.value.precision))
    if let one = precisions.first, precisions.count == 1 { facts["precision"] = mixed ? "mixed" : one.rawValue }
    if let policy { tell(data: policy.sources, before: policy.before, seconds: policy.secondsSoFar) }
  }

  /// Of the weights that a training stands at which was interrupted: `stopped` says where; what computed it is not known.
  public init(of checkpoint: Checkpoint) {
    facts = [:]
    let (position, phases) = (checkpoint.position, checkpoint.recipe.phases)
    if phases.indices.contains(position.phase) {
      let phase = phases[position.phase]
      facts["stopped"] = "\(phase.name), step \(position.step) of \(phase.steps)"
    }
    tell(data: checkpoint.sources, before: checkpoint.before, seconds: checkpoint.seconds)
  }

  /// A parameter was given other values by hand since.
  public mutating func set(_ parameter: String) {
    let known = facts["set"].map { $0.components(separatedBy: ", ") } ?? []
    if !known.contains(parameter) { facts["set"] = (known + [parameter]).joined(separator: ", ") }
  }

  private mutating func tell(data: [String: String], before: String?, seconds: Double) {
    facts["data"] =
      data.isEmpty
      ? "drawn from the recipe's seed" : data.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "; ")
    facts["before"] = before
    // Not to the second: the same training twice gives the same bytes, short ones at least.
    let tenths = Int(min(max(seconds, 0), 1e12) / 360)
    facts["hours"] = tenths > 0 ? "\(tenths / 10).\(tenths % 10)" : "under 0.1"
  }

  private static func instructions(mixed: Bool) -> String {
    let level =
      switch InstructionSet.current {
      case .baseline: "baseline"
      case .avx2: "AVX2"
      case .avx512: "AVX-512"
      }
    return mixed && MixedConvolution.isAccelerated ? level + ", AMX" : level
  }
}
