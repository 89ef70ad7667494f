// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import WeightFiles

@Suite struct WeightsTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  let fixed = [NamedParameter(name: "matrix", value: .identity(3, precision: .single))]

  @Test func savedWeightsComeBackExactly() throws {
    let (path, other) = (folder.file("weights.safetensors"), folder.file("again.safetensors"))
    var network = TinyNetwork(precision: .single)
    network.threshold = -1 / 3.0
    try Weights.save(network, recipe: .varied, operators: fixed, to: path)
    let loaded = try Weights.load(path, into: TinyNetwork(precision: .single))
    #expect(areIdentical(loaded.parameters, network.parameters))
    let weights = try Weights(contentsOf: path)
    #expect(areIdentical(weights.operators, fixed))
    #expect(try weights.recipe.map(Recipe.init(json:)) == .varied)
    try weights.write(to: other)
    #expect(try Data(contentsOf: URL(fileURLWithPath: other)) == Data(contentsOf: URL(fileURLWithPath: path)))
    // The precision is the model's.
    let wide = try Weights.load(path, into: TinyNetwork())
    #expect(wide.encoder.precision == .double && wide.encoder.floats == network.encoder.floats)
  }

  /// Facts beside the recipe come back, and hours are told by tenths, so that a short training twice gives the same bytes.
  @Test func provenanceComesBack() throws {
    let path = folder.file("weights.safetensors")
    let network = TinyNetwork(precision: .single)
    var policy = CheckpointPolicy(path: path)
    (policy.sources, policy.secondsBefore) = (["images": "t91 (91 files)", "crop": "33"], 8200)
    let provenance = Provenance(of: network, policy: policy)
    #expect(provenance.facts["data"] == "crop 33; images t91 (91 files)" && provenance.facts["hours"] == "2.2")
    #expect(
      provenance.facts["precision"] == "single" && provenance.facts["instructions"] != nil && provenance.facts["before"] == nil)
    policy.secondsBefore = 300
    #expect(Provenance(of: network, policy: policy).facts["hours"] == "under 0.1")
    try Weights.save(network, recipe: .varied, provenance: provenance, to: path)
    let weights = try Weights(contentsOf: path)
    #expect(weights.provenance == provenance)
    #expect(try weights.recipe.map(Recipe.init(json:)) == .varied)
  }

  /// Weights that a training starts from are told with all that came before them, oldest first; of a file from elsewhere its name.
  @Test func historyIsTold() throws {
    let network = TinyNetwork(precision: .single)
    func weights(_ policy: CheckpointPolicy) throws -> Weights {
      try Weights(of: network, recipe: .varied, provenance: Provenance(of: network, policy: policy))
    }
    var policy = CheckpointPolicy(path: "none")
    policy.before = try Weights(of: network).history(file: "theirs.pkl (3 bytes)")
    #expect(policy.before == #"[{"file":"theirs.pkl (3 bytes)"}]"#)
    policy.sources = ["images": "t91"]
    policy.before = try weights(policy).history(file: "first.safetensors")
    let history = try weights(policy).history(file: "second.safetensors")

    struct Told: Decodable {
      var file: String
      var data: String?
      var hours: String?
      var recipe: Recipe?
    }
    let told = try JSONDecoder().decode([Told].self, from: Data(history.utf8))
    #expect(told.map(\.file) == ["theirs.pkl (3 bytes)", "first.safetensors", "second.safetensors"])
    #expect(told.map(\.recipe) == [nil, .varied, .varied] && told.map(\.data) == [nil, "images t91", "images t91"])
    #expect(told.map(\.hours) == [nil, "under 0.1", "under 0.1"])
  }

  /// The time of all runs, not of the last alone.
  @Test func checkpointsAddTheirTime() throws {
    let path = folder.file("run.safetensors")
    var policy = CheckpointPolicy(path: path)
    policy.secondsBefore = 100
    _ = try StagedNetwork.trainer(.plain(steps: 4)).train(StagedNetwork(depth: 2), checkpoints: policy)
    let seconds = try Checkpoint(contentsOf: path).seconds
    #expect(seconds > 100 && seconds < 200, "\(seconds)")
  }

  @Test func whatDoesNotFitIsNamed() throws {
    func refused(_ change: (inout [NamedParameter]) -> Void) -> String {
      var parameters = TinyNetwork().parameters
      change(&parameters)
      return refusal { try Weights(parameters: parameters).filled(TinyNetwork()) }
    }
    #expect(refused { $0.remove(at: 1) }.contains("parameter threshold, of shape [], is missing"))
    #expect(
      refused { $0.append(NamedParameter(name: "bias", value: Tensor([1.0]))) }.contains("bias, of shape [1], is no parameter"))
    #expect(refused { $0[2].value = Tensor.zeros([4, 2]) }.contains("parameter decoder has shape [4, 2], expected [2, 4]"))
    #expect(refused { _ in } == "")
    #expect(refused { $0 = [] } != "")
  }

  @Test func aCheckpointHoldsWeights() throws {
    let path = folder.file("run.safetensors")
    let result = try StagedNetwork.trainer(.plain(steps: 4)).train(
      StagedNetwork(depth: 2), checkpoints: CheckpointPolicy(path: path))
    let loaded = try Weights.load(path, into: StagedNetwork(depth: 2))
    #expect(areIdentical(loaded.parameters, result.model.parameters))
    var checkpoint = try Checkpoint(contentsOf: path)
    (checkpoint.position.phase, checkpoint.position.step, checkpoint.seconds) = (0, 3, 8200)
    checkpoint.sources = ["crop": "33"]
    let phase = checkpoint.recipe.phases[0].name
    #expect(Provenance(of: checkpoint).facts == ["stopped": "\(phase), step 3 of 4", "data": "crop 33", "hours": "2.2"])
  }

  /// Of three stages 0, 1, 2: two are 1, 2, and five are 0, 0, 0, 1, 2.
  @Test func anotherDepthRepeatsOrLeavesOutTheFirstStage() throws {
    var network = StagedNetwork(depth: 3)
    for i in 0..<3 { network.stages[i].filter = .filled(Double(i), shape: network.stages[i].filter.shape) }
    for (depth, expected) in [(2, [1.0, 2]), (3, [0, 1, 2]), (5, [0, 0, 0, 1, 2])] {
      let other = StagedNetwork(depth: depth)
      let filled = try Weights(of: network).atDepth(of: other).filled(other)
      #expect(filled.stages.map { $0.filter[flat: 0] } == expected)
      // As MATLAB names them.
      var named = try Weights(of: network)
      for i in named.parameters.indices {
        named.parameters[i].name = named.parameters[i].name.replacingOccurrences(of: ".", with: "_")
      }
      let names = named.atDepth(of: other).parameters.map { $0.name.replacingOccurrences(of: "_", with: ".") }
      #expect(named.stageCount == 3 && Set(names) == Set(other.parametersAndBuffers.map(\.name)))
    }
    #expect(refusal { try Weights(of: TinyNetwork()).atDepth(of: network).filled(network) }.contains("is missing"))
  }
}
