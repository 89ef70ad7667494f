// SPDX-License-Identifier: Apache-2.0
import Experiments
import Foundation
import Tensors
import TestSupport
import Testing
import Training

/// FISTA-Net of two stages and FBPConvNet on a tiny slice and on a tiny disc; figures by `Tests/Fixtures/tomography.py`, not clipped. Their
/// authors published no weights: names are this package's.
@Suite struct TomographyFixtureTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  /// 24 views of 47 bins, pixels of 0.8 mm.
  @Test(arguments: [("fbp", 26.033498, 7.564263), ("fista-net", 26.6508526, 8.067139), ("fbpconvnet", 16.9285281, 6.257197)])
  func slice(method: String, psnr: Double, probe: Double) throws {
    try expectPublished(
      CT(.set { $0.scan.views = 24 }, seed: 1), method, of: folder.images([TinyImage.disc(32, 32)]), options(method), in: folder,
      psnr: [psnr], probes: [probe])
  }

  /// 24 × 24 pixels; the step of FISTA-Net by W̃, or by Newton's where the recipe says so.
  @Test(arguments: [
    ("laplacian", 15.8534207, 0.115698), ("fista-net", 15.6075598, 0.269971), ("fista-net newton", 15.8805374, 0.131262),
    ("fbpconvnet", 15.0374614, -0.048949),
  ])
  func coils(method: String, psnr: Double, probe: Double) throws { try onDisc(EMT(.init(), seed: 1), method, psnr, probe) }

  @Test(arguments: [
    ("laplacian", 18.7791882, -0.05896), ("fista-net", 18.3956474, 0.034057), ("fista-net newton", 18.5215675, -0.015454),
    ("fbpconvnet", 17.6357805, -0.190296),
  ])
  func electrodes(method: String, psnr: Double, probe: Double) throws { try onDisc(EIT(.init(), seed: 1), method, psnr, probe) }

  private func onDisc<Around: Sensor>(
    _ experiment: DiscTomography<Around>, _ method: String, _ psnr: Double, _ probe: Double
  ) throws {
    let values = (0..<24 * 24).map { p in
      let (i, j) = (p / 24, p % 24)
      return (i - 9) * (i - 9) + (j - 14) * (j - 14) < 20 ? 0.8 : (i - 16) * (i - 16) + (j - 8) * (j - 8) < 9 ? 0.6 : 0
    }
    let files = try folder.images([Tensor(values, shape: [24, 24])])
    let name = method.split(separator: " ").first.map(String.init) ?? method
    try expectPublished(
      experiment, name, of: files, options(name, gradient: method == name ? nil : "newton", for: Around.problem.name), in: folder,
      psnr: [psnr], probes: [probe])
  }

  private func options<Knobs: Settings>(
    _ method: String, gradient: String? = nil, for problem: String = "ct"
  ) throws -> SolverOptions<Knobs> {
    let recipe = gradient.map {
      Recipe(
        network: method, seed: 1, architecture: Architecture(depth: 2, channels: 32, gradient: $0), phases: [],
        notes: ["problem": problem])
    }
    let weights =
      switch method {
      case "fista-net": try folder.writeWeights(fistaNet, to: "weights.safetensors", recipe: recipe)
      case "fbpconvnet": try folder.writeWeights(fbpConvNet, to: "weights.safetensors")
      default: String?.none
      }
    return .set {
      $0.weights = weights
      if method == "fista-net" { $0.depth = 2 }
    }
  }

  private var fistaNet: [(name: String, value: Tensor)] {
    func layer(_ name: String, _ shape: [Int], _ n: Int, _ bias: Int, _ scale: Double) -> [(name: String, value: Tensor)] {
      [
        ("prior.\(name).weight", filters(shape + [3, 3], n, scale).converted(to: .single)),
        ("prior.\(name).bias", filters([shape[0]], bias, 0.02).converted(to: .single)),
      ]
    }
    /// softplus(w k + c), |w| by what softplus makes it of.
    func line(_ name: String, _ slope: Double, _ offset: Double) -> [(name: String, value: Tensor)] {
      [("\(name).slope", Tensor([log(expm1(slope))], shape: [])), ("\(name).offset", Tensor([offset], shape: []))]
    }
    var weights = layer("expansion", [32, 1], 81, 82, 0.2)
    for i in 0..<4 {
      weights += layer("analysis.\(i)", [32, 32], 83 + i, 91 + i, 0.06) + layer("synthesis.\(i)", [32, 32], 87 + i, 95 + i, 0.06)
    }
    weights += layer("reduction", [1, 32], 99, 100, 0.05)
    return weights + line("stepSize", 0.3, 0.2) + line("threshold", 0.4, -2.5) + line("momentum", 0.6, 0.1)
  }

  /// The U-Net of 16 channels and three poolings, statistics of batches beside the parameters.
  private var fbpConvNet: [(name: String, value: Tensor)] {
    var weights: [(name: String, value: Tensor)] = []
    var n = 200
    func add(_ name: String, _ value: Tensor) { weights.append((name, value.converted(to: .single))) }
    func block(_ path: String, _ inputs: Int, _ outputs: Int, from source: Int = 0) {
      for (layer, input) in [inputs, outputs].enumerated() {
        let (name, one) = ("\(path).\(layer)", Tensor.filled(1, shape: [outputs]))
        add(
          name + ".weight",
          filters([outputs, input, 3, 3], n, 0.3 / Double(9 * input).squareRoot()).passing(from: layer == 0 ? source : 0))
        add(name + ".normalisation.weight", one + filters([outputs], n, 0.1))
        add(name + ".normalisation.bias", filters([outputs], n + 1, 0.05))
        add(name + ".normalisation.mean", filters([outputs], n + 2, 0.05))
        add(name + ".normalisation.variance", one + filters([outputs], n + 3, 0.3))
        n += 1
      }
    }
    for (i, (input, output)) in [(1, 16), (16, 32), (32, 64)].enumerated() { block("encoder.\(i)", input, output) }
    block("bottleneck", 64, 128)
    for (i, output) in [64, 32, 16].enumerated() {
      add("decoder.\(i).upsampling.weight", filters([2 * output, output, 2, 2], n, 0.05))
      add("decoder.\(i).upsampling.bias", filters([output], n + 1, 0.02))
      n += 1
      block("decoder.\(i)", 2 * output, output, from: output)  // the encoder's maps come after the others
    }
    let last = filters([1, 16], 250, 0.02).doubles
    add("output.weight", Tensor([last[0] + 1] + last.dropFirst(), shape: [1, 16]))
    add("output.bias", filters([1], 251, 0.02))
    return weights
  }
}
