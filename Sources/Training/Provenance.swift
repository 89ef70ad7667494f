// SPDX-License-Identifier: Apache-2.0
import CCommit
import Kernels
import Platform
import Tensors

/// What made a file of weights besides its recipe: facts for the reader, which nothing depends on.
public struct Provenance: Sendable, Hashable {
  /// By name: `commit` of the program, where its build was told; `instructions` of the processor; `precision`; `data`, by setting, names, sizes and
  /// checksums of files; `hours` of training, interruptions left out, from a tenth on; `stopped`, where an interrupted training stands.
  public var facts: [String: String]

  /// As a file tells them.
  public init(facts: [String: String] = [:]) { self.facts = facts }

  /// Of a training that this program makes.
  ///
  /// - Parameters: `data`, ``CheckpointPolicy/sources``; `seconds`, of all its runs.
  public init(of model: some Parameterized, data: [String: String] = [:], seconds: Double = 0) {
    let mixed = Arithmetic.current == .mixed
    facts = ["instructions": Self.instructions(mixed: mixed)]
    let commit = String(cString: unfold_commit())
    if !commit.isEmpty { facts["commit"] = commit }
    let precisions = Set(model.parameters.filter { !$0.value.shape.isEmpty }.map(\.value.precision))
    if let one = precisions.first, precisions.count == 1 { facts["precision"] = mixed ? "mixed" : one.rawValue }
    tell(data: data, seconds: seconds)
  }

  /// Of the weights that a training stands at which was interrupted: `stopped` says where; what computed it is not known.
  public init(of checkpoint: Checkpoint) {
    facts = [:]
    let (position, phases) = (checkpoint.position, checkpoint.recipe.phases)
    if phases.indices.contains(position.phase) {
      let phase = phases[position.phase]
      facts["stopped"] = "\(phase.name), step \(position.step) of \(phase.steps)"
    }
    tell(data: checkpoint.sources, seconds: checkpoint.seconds)
  }

  private mutating func tell(data: [String: String], seconds: Double) {
    if !data.isEmpty { facts["data"] = data.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "; ") }
    // Not to the second: the same training twice gives the same bytes, short ones at least.
    let tenths = Int(min(max(seconds, 0), 1e12) / 360)
    if tenths > 0 { facts["hours"] = "\(tenths / 10).\(tenths % 10)" }
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
