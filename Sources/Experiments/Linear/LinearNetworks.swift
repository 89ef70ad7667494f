// SPDX-License-Identifier: Apache-2.0
import Algorithms
import FileFormats
import Networks
import Operators
import Problems
import Tensors
import Training

/// Networks of any operator. Those to images are of A / ‖A‖ and begin at Aᴴ y / ‖A‖², in single precision; those to vectors need a dense
/// matrix.
extension Linear {
  static var networks: [Method<Linear>] { imageNetworks + VectorNetwork.allCases.map(\.method) }

  private static var imageNetworks: [Method<Linear>] {
    [ImageNetwork.istaNetPlus, .fistaNet, .admmNet, .modl, .scNet].map { kind in
      kind.method(depth: kind == .admmNet ? 9 : nil) { system, shape, _, seed in
        guard let size = system.domain.image else {
          throw InputError(
            "found vectors of \(system.domain.count) for \(kind.rawValue), which is for images; expected a shape [h, w]")
        }
        if kind == .scNet, system.domain.isComplex || system.domain.shape.count > 2 {
          throw InputError("found signals of \(system.domain) for scnet, which is for real images; expected another network")
        }
        func made<Signal: NumberSpace, Measurement: NumberSpace>(_: Signal.Type, _: Measurement.Type) throws -> any Network {
          if kind == .scNet {
            let A: OnArrays<Tensor, Measurement> = system.normalised()
            return ImageNetwork.scNet(A, shape, seed: seed)
          }
          let A: OnArrays<Signal, Measurement> = system.normalised()
          return try kind.network(A, height: size.height, width: size.width, shape, seed: seed)
        }
        return try made(system.signals, system.measurements)
      }
    }
  }

  enum VectorNetwork: String, CaseIterable {
    case lista
    case cpss = "lista-cpss"
    case alista

    var method: Method<Linear> {
      let (title, source) =
        switch self {
        case .lista: ("Learned ISTA", "Gregor & LeCun, ICML 2010")
        case .cpss: ("LISTA with weight coupling and support selection", "Chen, Liu, Wang & Yin, NeurIPS 2018")
        case .alista: ("LISTA with analytic weight", "Liu, Chen, Wang & Yin, ICLR 2019")
        }
      return Method(rawValue, title, source: source, Architecture(depth: 16), isConvolutional: false) { system, shape, _, _ in
        guard let A = system.matrix else {
          throw InputError("found \(system.name) for \(rawValue); expected one dense matrix on vectors, or a network for images")
        }
        var lasso = LassoSystem(A: A, lambda: Recovery.startLambda)
        lasso.precision = .single
        let depth = shape.depth ?? 16
        switch self {
        case .lista: return UntiedLISTA(unfolding: lasso.problem, depth: depth)
        case .cpss: return LISTACPSS(unfolding: lasso.problem, depth: depth)
        case .alista: return ALISTA(unfolding: lasso.problem, depth: depth, weight: try lasso.analyticWeight())
        }
      }
    }
  }

  public static func reconstructor(
    of network: any Network, _ method: Method<Linear>, stages: Int, for system: LinearSystem, _ knobs: Knobs
  ) throws -> Reconstructor<Linear> {
    func made<Signal: NumberSpace, Measurement: NumberSpace>(
      _: Signal.Type, _: Measurement.Type
    ) throws -> Reconstructor<Linear> {
      guard let network = network as? any Network<Measurement, Signal> else {
        throw InputError("\(method.name) is a network between other spaces than those of \(system.name); expected another one")
      }
      @Sendable func run<N: Network<Measurement, Signal>>(_ network: N, _ y: Tensor) -> Signal {
        let unit = ImageNetwork(rawValue: method.name) == nil ? 1 : system.unit
        let given = Measurement(
          numbers: (unit == 1 ? y : unit * y).converted(to: .single), shape: [y.shape[0]] + system.codomain.shape)
        return network.predict(given, stages: stages, samplesAtATime: 1)
      }
      return Reconstructor { measured in
        let x = run(network, measured.numbers)
        var found = Reconstruction(Self.value(x.numbers.converted(to: .double), system))
        found.residual = Self.residual(x.numbers.converted(to: .double), measured.numbers, system)
        return found
      }
    }
    return try made(system.signals, system.measurements)
  }

  /// Signals `[batch]` + the domain as they are written: vectors one a row, an image without its first axis.
  static func value(_ x: Tensor, _ system: LinearSystem) -> NumericArray {
    let samples = x.reshaped([x.count / system.domain.numbers.reduce(1, *)] + system.domain.numbers)
    let isOne = system.domain.image != nil && samples.shape[0] == 1
    return NumericArray(numbers: isOne ? samples.row(0) : samples, isComplex: system.domain.isComplex)
  }

  /// ‖A x − y‖ / ‖y‖.
  static func residual(_ x: Tensor, _ y: Tensor, _ system: LinearSystem) -> Double? {
    let samples = x.reshaped([x.count / system.domain.numbers.reduce(1, *)] + system.domain.numbers)
    let norm = y.norm
    return norm > 0 ? (system.double.forward(samples) - y).norm / norm : nil
  }
}
