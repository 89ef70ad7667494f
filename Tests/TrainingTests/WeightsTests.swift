// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import Testing
import Training

@Suite struct WeightsTests {
  let fixed = [NamedParameter(name: "matrix", value: .identity(3, precision: .single))]

  @Test func savedWeightsComeBackExactly() throws {
    try withTemporaryFolder { folder in
      let (path, other) = (folder + "/weights.safetensors", folder + "/again.safetensors")
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
  }

  @Test func whatDoesNotFitIsNamed() throws {
    func refusal(_ change: (inout [NamedParameter]) -> Void) -> String {
      var parameters = TinyNetwork().parameters
      change(&parameters)
      do {
        _ = try Weights(parameters: parameters).filled(TinyNetwork())
        return ""
      } catch { return "\(error)" }
    }
    #expect(refusal { $0.remove(at: 1) }.contains("parameter threshold, of shape [], is missing"))
    #expect(
      refusal { $0.append(NamedParameter(name: "bias", value: Tensor([1.0]))) }.contains("bias, of shape [1], is no parameter"))
    #expect(refusal { $0[2].value = Tensor.zeros([4, 2]) }.contains("parameter decoder has shape [4, 2], expected [2, 4]"))
    #expect(refusal { _ in } == "")
    #expect(!refusal { $0 = [] }.contains("\n"))
  }

  @Test func aCheckpointHoldsWeights() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/run.safetensors"
      let result = try StagedNetwork.trainer(.plain(steps: 4)).train(
        StagedNetwork(depth: 2), checkpoints: CheckpointPolicy(path: path))
      let loaded = try Weights.load(path, into: StagedNetwork(depth: 2))
      #expect(areIdentical(loaded.parameters, result.model.parameters))
    }
  }
}
