// SPDX-License-Identifier: Apache-2.0
import Tensors
import Training

extension Weights {
  /// These weights under the names and in the order of axes of this package, where they have those of a public program:
  ///
  /// - ISTA-Net and ISTA-Net⁺: `fcs.K.lambda_step`, `soft_thr`, `conv_D`, `conv1_forward`, `conv2_forward`, `conv1_backward`,
  ///   `conv2_backward`, `conv_G`, with or without `module.` before;
  /// - SODAS-Net: the same and `fe` before the stages;
  /// - SCNet: `body.0`, `body.K.body.0` and `body.K.body.2` for K = 1, 2, …, and the last `body.K`;
  /// - Deep ADMM-Net: `net.layers.K.weights.J` of the authors' MATLAB files, or `KK.TYPE.J`, layers X, C, Z, M in turn;
  /// - ADMM-CSNet: `rho`, `gamma`, `conv1_layer.conv`, `nonlinear_layer.pwl`, `conv2_layer.conv`, one set for all ten stages.
  /// - FFDNet: `KK.conv.0` of the authors' MATLAB files, filters rows × columns × in × out, and `KK.conv.1`.
  ///
  /// Others stay as they are.
  public var withHouseNames: Weights {
    var result = self
    if let layers = deepADMMLayers {
      result.parameters = layers
    } else if let stages = sharedADMMStages {
      result.parameters = stages
    } else if let modules = scNetModules {
      result.parameters = modules
    } else if let layers = ffdNetLayers {
      result.parameters = layers
    } else {
      for i in parameters.indices {
        if let name = Self.istaNetName(parameters[i].name) { result.parameters[i].name = name }
      }
    }
    return result
  }

  private static func istaNetName(_ name: String) -> String? {
    let names = [
      "lambda_step": "stepSize", "soft_thr": "threshold", "conv_D": "expansion", "conv1_forward": "analysis.0",
      "conv2_forward": "analysis.1", "conv1_backward": "synthesis.0", "conv2_backward": "synthesis.1", "conv_G": "reduction",
    ]
    var parts = name.split(separator: ".").map(String.init)
    if parts.first == "module" { parts.removeFirst() }
    if parts.count == 2, parts[0] == "fe" { return "start.\(parts[1])" }
    guard parts.count == 3, parts[0] == "fcs", let stage = Int(parts[1]), let known = names[parts[2]] else { return nil }
    return "stages.\(stage).\(known)"
  }

  /// The first layer, the modules and the last layer of SCNet: nil when these are other weights.
  private var scNetModules: [NamedParameter]? {
    var found: [NamedParameter] = []
    let last = parameters.compactMap { Int($0.name.split(separator: ".").dropFirst().first ?? "") }.max() ?? 0
    for parameter in parameters {
      let parts = parameter.name.split(separator: ".").map(String.init)
      guard parts.count >= 3, parts[0] == "body", let k = Int(parts[1]) else { return nil }
      let name: String
      switch (parts.count, k, parts.count == 5 ? parts[3] : "") {
      case (3, 0, _): name = "start.\(parts[2])"
      case (3, last, _): name = "output.\(parts[2])"
      case (5, _, "0"): name = "stages.\(k - 1).first.\(parts[4])"
      case (5, _, "2"): name = "stages.\(k - 1).second.\(parts[4])"
      default: return nil
      }
      found.append(NamedParameter(name: name, value: parameter.value))
    }
    return found.isEmpty ? nil : found
  }

  /// The layers of FFDNet in their order: nil when these are other weights.
  private var ffdNetLayers: [NamedParameter]? {
    var layers: [Int: [Int: Tensor]] = [:]
    for parameter in parameters {
      let parts = parameter.name.split(separator: ".").map(String.init)
      guard parts.count == 3, parts[1] == "conv", let k = Int(parts[0]), let j = Int(parts[2]), (0...1).contains(j) else {
        return nil
      }
      layers[k, default: [:]][j] = parameter.value
    }
    var found: [NamedParameter] = []
    for (number, (_, layer)) in layers.sorted(by: { $0.key < $1.key }).enumerated() {
      guard let filters = layer[0], let bias = layer[1], filters.shape.count == 4 else { return nil }
      // [kh · kw · in, out] transposed, then [out · kh · kw, in]: out, in, kh, kw.
      let (area, input, output) = (filters.shape[0] * filters.shape[1], filters.shape[2], filters.shape[3])
      let byOutput = filters.reshaped([area * input, output]).transposed.reshaped([output, area, input])
      let weight = Tensor.stacked((0..<output).map { byOutput.row($0).transposed })
      found += [
        NamedParameter(name: "\(number).weight", value: weight.reshaped([output, input, filters.shape[0], filters.shape[1]])),
        NamedParameter(name: "\(number).bias", value: bias.reshaped([bias.count])),
      ]
    }
    return found.isEmpty ? nil : found
  }

  /// The layers X C Z M X C Z M … X of Deep ADMM-Net: nil when these are other weights.
  ///
  /// The authors keep γ as atoms × filters, q as knots × filters, ρ and η as rows.
  private var deepADMMLayers: [NamedParameter]? {
    var layers: [Int: [Int: Tensor]] = [:]
    for parameter in parameters {
      let parts = parameter.name.split(separator: ".").map(String.init)
      if parts.count == 5, parts[0] == "net", parts[1] == "layers", parts[3] == "weights", let k = Int(parts[2]),
        let j = Int(parts[4])
      {
        layers[k, default: [:]][j] = parameter.value
      } else if parts.count == 3, let k = Int(parts[0]), let j = Int(parts[2]),
        ["X_", "Convo", "Non_lin", "Multi_"].contains(where: parts[1].hasPrefix)
      {
        layers[k, default: [:]][j] = parameter.value
      }
    }
    guard layers.count >= 5, layers.count % 4 == 1, (0..<layers.count).allSatisfy({ layers[$0]?[0]?.shape.count == 2 }) else {
      return nil
    }
    var found: [NamedParameter] = []
    func add(_ name: String, _ value: Tensor?) { if let value { found.append(NamedParameter(name: name, value: value)) } }
    for k in 0..<layers.count {
      let matrix = layers[k]![0]!
      switch k % 4 {
      case 0:
        let path = k == 0 ? "start." : "stages.\(k / 4 - 1)."
        add(path + "reconstruction.filters", matrix.transposed)
        add(path + "penalties", layers[k]![1].map { $0.reshaped([$0.count]) })
      case 1: add("stages.\(k / 4).analysis.filters", matrix.transposed)
      case 2: add("stages.\(k / 4).prior.values", matrix.transposed)
      default: add("stages.\(k / 4).updateRates", matrix.reshaped([matrix.count]))
      }
    }
    return found
  }

  /// The stages of the public ADMM-CSNet, which share one set of weights: nil when these are other weights.
  ///
  /// Its curves are given by a value at the first knot and slopes: left of the first knot, between the knots, right of the last.
  private var sharedADMMStages: [NamedParameter]? {
    func value(_ name: String) -> Tensor? { parameters.first { $0.name == name }?.value }
    guard let rho = value("rho"), let gamma = value("gamma"), rho.count == 1, gamma.count == 1,
      let w1 = value("conv1_layer.conv.weight"), let b1 = value("conv1_layer.conv.bias"),
      let slopes = value("nonlinear_layer.pwl.slopes"), let biases = value("nonlinear_layer.pwl.biases"),
      let w2 = value("conv2_layer.conv.weight"), let b2 = value("conv2_layer.conv.bias"),
      slopes.shape.count == 2, slopes.shape[1] == 102, biases.count == slopes.shape[0]
    else { return nil }
    let (maps, pieces) = (slopes.shape[0], slopes.shape[1])
    let (rises, starts) = (slopes.doubles, biases.doubles)
    var values: [Double] = []
    for l in 0..<maps {
      var height = starts[l]
      values.append(height)
      for i in 1..<pieces - 1 {
        height += 0.02 * rises[l * pieces + i]
        values.append(height)
      }
    }
    let outer = (0..<maps).flatMap { [rises[$0 * pieces], rises[($0 + 1) * pieces - 1]] }
    func scalar(_ t: Tensor) -> Tensor { Tensor([t[flat: 0]], shape: []) }
    var found = [NamedParameter(name: "start.penalty", value: scalar(rho))]
    for k in 0..<10 {
      for (name, value) in [
        ("penalty", scalar(rho)), ("updateRate", scalar(gamma)), ("prior.analysis", w1), ("prior.analysisBias", b1),
        ("prior.values", Tensor(values, shape: [maps, pieces - 1])), ("prior.slopes", Tensor(outer, shape: [maps, 2])),
        ("prior.synthesis", w2), ("prior.synthesisBias", b2),
      ] { found.append(NamedParameter(name: "stages.\(k).\(name)", value: value)) }
    }
    return found
  }
}
