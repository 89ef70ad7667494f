// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import ProximalMaps
import Tensors
import Testing
import TestSupport

@Suite struct PriorTermTests {
  @Test(
    arguments: [
      "l1:0.1", "l1:auto", "elastic-net:0.1:2", "group:0.5:4", "box:-1:1", "box:0:inf", "nonnegative", "ridge:3", "tv:0.05",
      "tv:auto",
      "tv-anisotropic:1e-05", "wavelet:db2:0.1", "wavelet:haar:auto:3",
    ])
  func textAndBack(text: String) throws {
    let term = try PriorTerm(parsing: text)
    #expect(term.description == text)
    #expect(term.isAutomatic == text.contains("auto"))
  }

  @Test(arguments: [
    ("lasso:1", "there is no \"lasso\""), ("l1", "0 numbers after the name; expected l1:WEIGHT"), ("l1:-1", "a weight of \"-1\""),
    ("l1:nan", "neither a number from 0 on nor auto"), ("group:1:0", "a size of \"0\""),
    ("box:2:1", "not two numbers in rising order"),
    ("wavelet:db9:1", "a filter \"db9\", none of haar, db2, db3, db4"), ("wavelet:db2:1:2:3", "4 numbers after the name"),
    ("elastic-net:1:auto", "a ridge of \"auto\""), ("", "there is no \"\""), ("tv:", "a weight of \"\""),
  ])
  func refusals(text: String, words: String) {
    let line = refusal(InputError.self) { try PriorTerm(parsing: text) }
    #expect(line.contains(words), "\(line)")
  }

  @Test func filtersByName() {
    #expect(WaveletFilter.allCases.map(\.name) == ["haar", "db2", "db3", "db4"])
    #expect(WaveletFilter(name: "db1") == .haar && WaveletFilter(name: "sym4") == nil)
  }

  /// What is refused on signals of a shape.
  @Test func termsThatDoNotFit() throws {
    let layout = try SignalLayout([8, 6])
    func block<S: ImageSpace>(_ text: String, _: S.Type) -> String {
      refusal(InputError.self) { try PriorBlock<S>(PriorTerm(parsing: text), on: layout) }
    }
    #expect(block("nonnegative", ComplexTensor.self).contains("the signals are complex"))
    #expect(block("group:1:5", Tensor.self).contains("groups of 5 in signals of 48 numbers"))
    #expect(block("tv:auto", Tensor.self).contains("to be chosen first"))
    #expect(block("wavelet:haar:1:9", Tensor.self).contains("9 levels of haar on 8 × 6"))
    #expect(refusal(InputError.self) { try SignalLayout([]) }.contains("signals of no shape"))
    #expect(refusal(InputError.self) { try SignalLayout([12], images: [3, 5]) }.contains("[3, 5]"))
    let bounds = try ["box:0:1", "box:2:3"].map { try PriorTerm(parsing: $0) }
    #expect(refusal(InputError.self) { try PriorBlock<Tensor>.blocks(of: bounds, on: layout) }.contains("exclude each other"))
  }

  @Test func termsOnTheSignalShareABlock() throws {
    let layout = try SignalLayout([8, 6])
    func count(_ texts: String...) throws -> Int {
      try PriorBlock<Tensor>.blocks(of: texts.map { try PriorTerm(parsing: $0) }, on: layout).count
    }
    #expect(try count("l1:1", "nonnegative", "ridge:2") == 1)
    #expect(try count("l1:1", "box:0:1", "tv:1") == 2)
    #expect(try count("group:1:4", "nonnegative", "l1:1") == 1)
    #expect(try count("group:1:4", "box:0:1") == 2)
    #expect(try count("tv:1", "wavelet:haar:1", "nonnegative") == 3)
  }

  /// No move away from the map's value lowers ½‖x − r‖² + t g(x), and Fenchel's inequality is met with equality there.
  @Test(arguments: [
    ["l1:0.3"], ["l1:0.3", "nonnegative"], ["l1:0.3", "box:-0.4:0.6", "ridge:0.7"], ["group:0.5:3"],
    ["group:0.4:3", "l1:0.2", "nonnegative"], ["group:0.4:3", "ridge:2"], ["elastic-net:0.2:0.4", "box:0.1:2"],
  ])
  func mapsOfSums(texts: [String]) throws {
    let blocks = try PriorBlock<Tensor>.blocks(of: texts.map { try PriorTerm(parsing: $0) }, on: SignalLayout([12]))
    #expect(blocks.count == 1)
    let (g, t) = (blocks[0].penalty, 0.8)
    var generator = RandomGenerator(seed: 3)
    for _ in 0..<20 {
      let r = Tensor.normal([12], using: &generator)
      let p = g.prox(r, step: t)
      let least = 0.5 * squaredNorm(p - r) + t * g.value(p)
      for scale in [1, 0.1, 1e-3] {
        let x = p + scale * Tensor.normal([12], using: &generator)
        #expect(0.5 * squaredNorm(x - r) + t * g.value(x) >= least - 1e-12)
      }
      let w = (1 / t) * (r - p)
      #expect(abs(g.value(p) + g.conjugate(w) - p.inner(w)) < 1e-9)
      let s = g.feasibleScale(of: 5 * w)
      #expect(g.conjugate(s * 5 * w).isFinite)
    }
  }

  @Test func penaltiesAreDifferentiable() throws {
    let blocks = try PriorBlock<Tensor>.blocks(
      of: ["group:0.2:3", "l1:0.1", "ridge:0.4"].map { try PriorTerm(parsing: $0) }, on: SignalLayout([12]))
    let (g, v) = (blocks[0].penalty, wave([12], 1.3, 0.2))
    expectGradient(at: wave([12], 0.9, 0.5, scale: 2)) { innerProduct(g.prox($0, step: 0.7), v) }
  }

  @Test(arguments: ["tv:1", "wavelet:db2:1", "wavelet:db2:1:2", "l1:1"]) func analysisMapsHaveTheirAdjoint(text: String) throws {
    for shape in [[8, 12], [3, 8, 12], [7, 9], [24]] {
      let (layout, term) = (try SignalLayout(shape), try PriorTerm(parsing: text))
      let real = try PriorBlock<Tensor>(term, on: layout).analysis
      expectAdjoint(real, domain: [2] + shape, codomain: [2, real.width], seed: 1)
      let complex = try PriorBlock<ComplexTensor>(term, on: layout).analysis
      expectAdjoint(complex, domain: [2] + shape, codomain: [2, complex.width], seed: 2)
      let stack = StackedAnalysis([real, try PriorBlock<Tensor>(PriorTerm(parsing: "l1:1"), on: layout).analysis])
      expectAdjoint(stack, domain: shape, codomain: stack.codomainShape, seed: 3)
      if real.isTight {
        let x = wave([2] + shape, 0.7, 0.1)
        expectClose(real.adjoint(real.forward(x)), x, relative: 1e-12)
      }
    }
  }

  /// Of complex signals magnitudes count.
  @Test func complexMagnitudes() throws {
    let layout = try SignalLayout([2, 2])
    let x = ComplexTensor(real: Tensor([3, 0, 0, 1], shape: [2, 2]), imaginary: Tensor([4, 0, 0, 0], shape: [2, 2]))
    func value(_ text: String) throws -> Double { try PriorBlock<ComplexTensor>(PriorTerm(parsing: text), on: layout).value(x) }
    #expect(try value("l1:1") == 6)
    #expect(try value("group:1:4") == 26.0.squareRoot())
    // Differences: −(3 + 4i) across and down at the first pixel, 1 down and 1 across at the others.
    #expect(abs(try value("tv:1") - (50.0.squareRoot() + 2)) < 1e-12)
    #expect(abs(try value("tv-anisotropic:1") - 12) < 1e-12)
  }
}
