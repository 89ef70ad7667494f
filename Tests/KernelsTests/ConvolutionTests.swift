// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

@Suite struct ConvolutionTests {
  static let shapes: [ConvolutionShape] = [
    .init(inputChannels: 1, outputChannels: 1, height: 1, width: 1, kernelHeight: 1, kernelWidth: 1),
    .init(inputChannels: 1, outputChannels: 1, height: 1, width: 1, kernelHeight: 3, kernelWidth: 3),
    .init(inputChannels: 1, outputChannels: 32, height: 7, width: 9, kernelHeight: 3, kernelWidth: 3),
    .init(inputChannels: 32, outputChannels: 32, height: 5, width: 6, kernelHeight: 3, kernelWidth: 3),
    .init(inputChannels: 32, outputChannels: 1, height: 9, width: 7, kernelHeight: 3, kernelWidth: 3),
    .init(inputChannels: 3, outputChannels: 5, height: 8, width: 1, kernelHeight: 3, kernelWidth: 5),
    .init(inputChannels: 2, outputChannels: 17, height: 6, width: 10, kernelHeight: 7, kernelWidth: 1),
    .init(inputChannels: 4, outputChannels: 3, height: 9, width: 8, kernelHeight: 5, kernelWidth: 3, padding: (0, 0)),
    .init(inputChannels: 2, outputChannels: 2, height: 3, width: 4, kernelHeight: 3, kernelWidth: 3, padding: (3, 2)),
    .init(inputChannels: 16, outputChannels: 8, height: 17, width: 15, kernelHeight: 1, kernelWidth: 1),
    .init(inputChannels: 64, outputChannels: 1, height: 6, width: 6, kernelHeight: 11, kernelWidth: 11),
  ]
  /// No pixels, no channels, no results.
  static let emptyShapes: [ConvolutionShape] = [
    .init(inputChannels: 2, outputChannels: 3, height: 0, width: 5, kernelHeight: 3, kernelWidth: 3),
    .init(inputChannels: 0, outputChannels: 3, height: 4, width: 5, kernelHeight: 3, kernelWidth: 3),
    .init(inputChannels: 2, outputChannels: 0, height: 4, width: 5, kernelHeight: 3, kernelWidth: 3),
  ]

  private func check<S: Scalar>(_: S.Type, _ s: ConvolutionShape, by who: Convolution.Implementation, batch: Int = 2) {
    let (x, w): ([S], [S]) = (chirp(batch * s.inputCount, 0.3), chirp(s.weightCount, 0.7))
    let (v, b): ([S], [S]) = (chirp(batch * s.outputCount, 0.11), chirp(s.outputChannels, 0.13))
    let y = batch * s.outputCount
    expectClose(
      written(y) { Convolution.forward(s, batch: batch, x, w, bias: b, into: $0, by: who) },
      written(y) { Reference.convolution(s, batch: batch, x, w, bias: b, into: $0) }, "forward with bias, \(s)")
    expectClose(
      written(y) { Convolution.forward(s, batch: batch, x, w, bias: nil, into: $0, by: who) },
      written(y) { Reference.convolution(s, batch: batch, x, w, bias: nil, into: $0) }, "forward, \(s)")
    expectClose(
      written(x.count) { Convolution.backwardData(s, batch: batch, v, w, into: $0, by: who) },
      written(x.count) { Reference.convolutionBackwardData(s, batch: batch, v, w, into: $0) }, "backward data, \(s)")
    expectClose(
      written(w.count) { Convolution.backwardWeights(s, batch: batch, x, v, into: $0, by: who) },
      written(w.count) { Reference.convolutionBackwardWeights(s, batch: batch, x, v, into: $0) }, "backward weights, \(s)")
    expectClose(
      written(b.count) { Convolution.backwardBias(s, batch: batch, v, into: $0) },
      written(b.count) { Reference.convolutionBackwardBias(s, batch: batch, v, into: $0) }, "backward bias, \(s)")
  }

  @Test(arguments: shapes + emptyShapes) func oneDNNIsTheDefinition(s: ConvolutionShape) { check(Float.self, s, by: .oneDNN) }
  @Test(arguments: shapes + emptyShapes) func patchesAreTheDefinitionSingle(s: ConvolutionShape) {
    check(Float.self, s, by: .patches)
  }
  @Test(arguments: shapes + emptyShapes) func patchesAreTheDefinitionDouble(s: ConvolutionShape) {
    check(Double.self, s, by: .patches)
  }
  @Test func emptyBatch() {
    check(Float.self, Self.shapes[3], by: .oneDNN, batch: 0)
    check(Double.self, Self.shapes[3], by: .patches, batch: 0)
  }

  /// torch.nn.functional.conv2d (PyTorch 2.13.0, double), padding 1, and its autograd: x [1, 2, 4, 3] = sin(0.3 (i + 1)²), weights
  /// [2, 2, 3, 3] = sin(0.7 (i + 1)²), bias (0.5, −0.25), cotangent sin(0.11 (i + 1)²).
  @Test func equalsPyTorchs() {
    let s = ConvolutionShape(inputChannels: 2, outputChannels: 2, height: 4, width: 3, kernelHeight: 3, kernelWidth: 3)
    check(s, Double.self, tolerance: 1e-13)
    check(s, Float.self, tolerance: 1e-5)
    func check<S: Scalar>(_ s: ConvolutionShape, _: S.Type, tolerance: Double) {
      let (x, w, v): ([S], [S], [S]) = (chirp(24, 0.3), chirp(36, 0.7), chirp(24, 0.11))
      func expect(_ a: [S], _ b: [Double]) { expectClose(a, b.map { S($0) }, tolerance: tolerance) }
      expect(written(24) { Convolution.forward(s, batch: 1, x, w, bias: [0.5, -0.25], into: $0) }, PyTorch.y)
      expect(written(24) { Convolution.backwardData(s, batch: 1, v, w, into: $0) }, PyTorch.dx)
      expect(written(36) { Convolution.backwardWeights(s, batch: 1, x, v, into: $0) }, PyTorch.dw)
      expect(written(2) { Convolution.backwardBias(s, batch: 1, v, into: $0) }, PyTorch.db)
    }
  }

  /// oneDNN's reference kernels are 80 times slower than its fast ones; it falls back to them without a word.
  @Test(arguments: [(1, 32), (32, 32), (32, 1)], ConvolutionDirection.allCases)
  func noSlowFallback(channels: (Int, Int), direction: ConvolutionDirection) {
    let shape = ConvolutionShape(
      inputChannels: channels.0, outputChannels: channels.1, height: 33, width: 33, kernelHeight: 3, kernelWidth: 3)
    let name = convolutionImplementation(shape, direction)
    #expect(!name.contains("ref") && !name.contains("patches"), "\(channels) \(direction): \(name)")
    #if arch(x86_64)
      #expect(name.contains("jit"), "\(channels) \(direction): \(name)")
    #endif
  }

  /// The same bits on eight threads at once as alone, and for a sample in a batch as by itself.
  @Test func threadsDoNotDisturbEachOther() {
    let shapes = Array(Self.shapes[2...6])
    let alone = shapes.map { everything($0) }
    onThreads(8) { thread in
      for round in 0..<10 {
        let i = (thread + round) % shapes.count
        #expect(self.everything(shapes[i]) == alone[i])
      }
    }
    let s = shapes[1]
    let (x, w): ([Float], [Float]) = (chirp(3 * s.inputCount, 0.3), chirp(s.weightCount, 0.7))
    let batch = written(3 * s.outputCount) { Convolution.forward(s, batch: 3, x, w, bias: nil, into: $0) }
    let single = written(s.outputCount) {
      Convolution.forward(s, batch: 1, Array(x[s.inputCount..<2 * s.inputCount]), w, bias: nil, into: $0)
    }
    #expect(Array(batch[s.outputCount..<2 * s.outputCount]) == single)
  }

  private func everything(_ s: ConvolutionShape) -> [Float] {
    let (x, w, v): ([Float], [Float], [Float]) = (
      chirp(2 * s.inputCount, 0.3), chirp(s.weightCount, 0.7), chirp(2 * s.outputCount, 0.11)
    )
    return written(v.count) { Convolution.forward(s, batch: 2, x, w, bias: nil, into: $0) }
      + written(x.count) { Convolution.backwardData(s, batch: 2, v, w, into: $0) }
      + written(w.count) { Convolution.backwardWeights(s, batch: 2, x, v, into: $0) }
  }
}

private enum PyTorch {
  static let y: [Double] = [
    0.03434650802665118, -2.753741912556477, -0.8347673067699759, 2.6145253882938544, 2.1558998889770287, 2.240609361333514,
    -1.0715921030515103, -1.8181039159594625, -1.267890250279293, 1.8274200597904355, 2.542353434347516, 1.7471369647012345,
    0.875693114312934, -1.0741329313210497, -1.6883341374099285, 3.2058694281306774, -3.740796874611113, 0.30489705882106366,
    -1.1922437680284186, -1.9618314485000712, -0.2947132134258938, 0.04589542876499342, 1.4940795804236982, 1.6573991064405489,
  ]
  static let dx: [Double] = [
    0.2691184154958779, -2.69183049176966, 0.10143973686947722, -2.055902857581331, 1.9568377557913028, 2.718165385151133,
    1.3875555288655423, 1.7386642567984867, -0.45913965655218686, 0.205774607108666, 1.0419179296096455, 0.4229310777388614,
    0.1775685573633303, -2.4460316383524328, 0.8513302616887063, -1.7768165739493722, 1.597322532302262, 3.1070468227028316,
    2.130536580248986, 0.45931531759502175, -0.2982310201297428, 0.02744910993681271, 1.6616996703483704, 2.2464710084841113,
  ]
  static let dw: [Double] = [
    -0.26247241943878974, 0.7551929733540413, -1.1698842571325931, 0.05067282849682295, 0.5089017453265308, 0.563915102795941,
    -0.7314597448160984, 0.7180278811500287, 0.023617168002438405, 0.39870928489635854, -0.5393779881945873, 0.9076606278926775,
    3.169128201004254, -0.1547138001612981, -2.426880418514826, 0.5061954550961169, 0.9929187597087943, -0.10888995991902273,
    -0.6381509321945157, 0.1867862794012889, 0.4129103560579097, -3.221565823033775, 1.2454996835195256, -0.8815393065661751,
    0.19028542661769277, 1.6708668155017543, -1.7857321756372988, 1.7086580485653589, 2.823332630548114, -0.6941683201923463,
    1.6705666230247675, 1.854945521628043, 0.028152755137359597, -0.3511699001220456, -0.09785833199645787, 1.4193679730207722,
  ]
  static let db: [Double] = [
    1.9506987738395396, 0.9913356559221889,
  ]
}
