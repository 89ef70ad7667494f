// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Denoisers
import FileFormats
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training

extension Blocks {
  public struct Knobs: Settings {
    /// A file of Q_init, for weights that do not hold it.
    public var initial: String?
    /// The mean over the eight flips and turns of the image, the operator turned with it.
    public var selfEnsemble = false
    /// A file of a denoising network's weights; nil: those of ``DilatedCNN`` that ship.
    public var denoiserWeights: String?
    public init() {}

    /// Of ircnn.
    fileprivate func denoiser() throws -> any DenoisingNetwork {
      guard let path = denoiserWeights else { return try DenoisingNetworkKind.dilatedCNN.network(weights: nil) }
      return try DenoisingNetworkKind.network(of: Weights(anyFile: path), path: path).network
    }
  }

  public static var methods: [Method<Blocks>] {
    [
      Method(
        "tval3", "Total variation by an augmented Lagrangian", source: "Li, Yin, Jiang & Zhang, Comput. Optim. Appl. 56 (2013)"
      ) { system, _ in
        let (phi, side) = (system.sensing.phi.converted(to: .single), system.sensing.side)
        return byBlocks { TVAL3(phi, height: side, width: side).reconstruct($0).estimate }
      },
      Method("d-amp", "Approximate message passing with BM3D, block by block", source: messagePassing) { system, _ in
        let sensing = try OrthonormalSensing(system.sensing)
        try BM3D().check(height: sensing.side, width: sensing.side, for: "d-amp", instead: "tval3")
        let A = Scaled(sensing.unitColumns, sensing.phi)
        return byBlocks(remarks: sensing.remarks) { y in
          let y = sensing.unitColumns * sensing.measurements(y)
          return Tensor.stacked(
            Parallel.map(y.shape[0]) { i in
              let iteration = ApproximateMessagePassing(A, BM3D(), height: sensing.side, width: sensing.side)
              return solve(iteration, measurement: y.row(i), until: .iterations(passes)).estimate
            })
        }
      },
      Method(
        "ircnn", "Half-quadratic splitting with a denoising network on the whole image",
        source: "Zhang, Zuo, Gu & Zhang, CVPR 2017", knobs: ["denoiserWeights"]
      ) { system, knobs in
        let sensing = try OrthonormalSensing(system.sensing)
        let denoiser = try knobs.denoiser()
        return onImages(sensing, denoiser, for: "ircnn") { A, y in
          let stages = Untied<PlugAndPlayGradient<BlockSampling>>(
            A, denoiser, splittingSchedule, stepSize: { 1 / (1 + splittingWeight / ($0 * $0)) }, height: A.grid.height,
            width: A.grid.width)
          return GradientStep(A, stepSize: 1)(solve(stages, measurement: y).estimate, measurement: y)
        }
      },
      Method(
        "sda", "Stacked denoising auto-encoder: three dense layers", source: "Mousavi, Patel & Baraniuk, Allerton 2015",
        Architecture(), isConvolutional: false
      ) { system, _, _, seed in
        StackedAutoEncoder(measurements: system.sensing.phi.rows, side: system.sensing.side, precision: .single, seed: seed)
      },
      Method(
        "reconnet", "A dense layer and six convolution layers",
        source: "Kulkarni, Lohit, Turaga, Kerviche & Ashok, CVPR 2016", Architecture(), isConvolutional: false
      ) { system, _, weights, seed in
        ReconNet(
          measurements: system.sensing.phi.rows, side: system.sensing.side, initial: weights?.initial?.converted(to: .single),
          precision: .single, seed: seed)
      },
      Method(
        "ista-net", "ISTA with a learned transform", source: Papers.istaNet, knobs: ["initial"],
        Architecture(depth: 9, channels: 32)
      ) { system, shape, weights, seed in
        ISTANet(
          phi: system.sensing.phi.converted(to: .single), initial: try system.initial(weights), depth: shape.depth ?? 9,
          channels: shape.channels ?? 32, seed: seed)
      },
      Method(
        "ista-net-plus", "ISTA with a learned transform on a residual", source: Papers.istaNet, knobs: ["initial"],
        Architecture(depth: 9, channels: 32)
      ) { system, shape, weights, seed in
        ISTANetPlus(
          phi: system.sensing.phi.converted(to: .single), initial: try system.initial(weights), depth: shape.depth ?? 9,
          channels: shape.channels ?? 32, seed: seed)
      },
      Method(
        "sodas-net", "Proximal gradient with memory on the whole image, thresholds by means of channels",
        source: "Song & Chen, SODAS-Net, 2023", knobs: ["selfEnsemble"], Architecture(depth: 25, channels: 32)
      ) { system, shape, _, seed in
        SODASNet(
          sodasNet: system.block, depth: shape.depth ?? 25, channels: try shape.channelsOfFeatures(for: "sodas-net"),
          precision: .single,
          seed: seed)
      },
      Method(
        "scnet", "Proximal gradient with memory on the whole image, one network for every ratio and Φ",
        source: Papers.scNet, knobs: ["selfEnsemble"], Architecture(depth: 20, channels: 32)
      ) { system, shape, _, seed in
        SCNet(
          scNet: system.block, depth: shape.depth ?? 20, channels: try shape.channelsOfFeatures(for: "scnet"), precision: .single,
          seed: seed)
      },
    ]
  }

  private static let messagePassing = "Metzler, Maleki & Baraniuk, IEEE Trans. Inf. Theory 62 (2016)"
  /// Iterations of approximate message passing, as published.
  private static let passes = 30
  private static let splittingSchedule = NoiseSchedule(from: 49.0 / 255, to: 3.0 / 255, count: 60)
  /// σ_k² ρ_k.
  private static let splittingWeight = 1e-6

  /// One file of weights serves every ratio and every Φ.
  static let servesEveryRatio = "scnet"

  public static func weightsName(of method: Method<Blocks>, for system: System, depth: Int?) -> String {
    "image-cs/\(method.name)" + (method.name == servesEveryRatio ? "" : "-\(Int((100 * system.ratio).rounded()))")
  }

  /// Q_init as given, or of the weights; the weights must be for this Φ, where they say which it was.
  public static func completed(
    _ weights: Weights, _ method: Method<Blocks>, for system: System, _ knobs: Knobs, file: String
  ) throws -> Weights {
    let phi = system.sensing.phi
    if method.name != servesEveryRatio {
      if weights.operators.contains(where: { $0.name == "phi" }) {
        try weights.checkMatrix("phi", is: phi, file: file)
      } else if let drawn = try weights.recipe.map(Recipe.init(json:))?.notes["phi"], drawn != system.phiName {
        throw InputError("\(file): found weights for the Φ of \(drawn); expected those of \(system.phiName), train anew for it")
      }
    }
    guard method.knobs.contains("initial") else { return weights }
    var completed = weights
    if let path = knobs.initial {
      completed.operators.removeAll { $0.name == "initial" }
      completed.operators.append(NamedParameter(name: "initial", value: try readInitial(path, for: phi)))
    }
    guard let own = completed.initial else {
      throw InputError("\(file): found no Q_init in the weights; expected --initial FILE with it")
    }
    guard own.shape == [phi.columns, phi.rows] else {
      throw InputError(
        "\(file): found weights for \(own.shape.last ?? 0) measurements a block; expected \(phi.rows), choose those of this Φ")
    }
    return completed
  }

  /// Q_init from a file: the array `Qinit`, or the only one of two axes, side² × M for this Φ.
  static func readInitial(_ path: String, for phi: Matrix) throws -> Tensor {
    let entries = try readTable(path, names: ["Qinit", "qinit", "initial", "operator.initial"])
    guard entries.shape == [phi.columns, phi.rows] else {
      throw InputError(
        "\(path): found Q_init of \(entries.shape[0]) × \(entries.shape[1]); expected \(phi.columns) × \(phi.rows) for this Φ"
          + (entries.shape == [phi.rows, phi.columns] ? ": transpose it" : ""))
    }
    return entries
  }

  /// ISTA-Net⁺ for a Φ that its weights are for, else SCNet, whose weights are for every Φ.
  public static func usualMethod(
    for scans: Scans<Blocks>, library: ModelLibrary
  ) throws -> (method: Method<Blocks>, reason: String) {
    let system = try scans[0].system
    func shipped(_ name: String) -> Method<Blocks>? { method(name).flatMap { library.has($0, for: system) ? $0 : nil } }
    if let own = shipped("ista-net-plus"), (try? Solver(own, system, library: library)) != nil {
      return (own, "its weights are for this Φ")
    }
    let pixels = CompressiveSensing.blockSide * CompressiveSensing.blockSide
    let side = system.sensing.side
    guard side * side == pixels else {
      throw InputError(
        "found blocks of \(side) × \(side) pixels and no method; expected tval3, or \(pixels) pixels for weights that ship")
    }
    guard let every = shipped(servesEveryRatio) else {
      throw InputError("found no weights for this Φ in \(library.path) and no method; expected one before the measurement")
    }
    return (every, "no weights ship for this Φ alone, and its own serve every Φ of \(pixels) columns")
  }

  // MARK: Reconstruction

  public static func reconstructor(
    of network: any Network, _ method: Method<Blocks>, stages: Int, for system: System, _ knobs: Knobs
  ) throws -> Reconstructor<Blocks> {
    if let network = network as? any WholeImageNetwork {
      let solver = try WholeImageSolver(network, sensing: system.sensing, depth: stages, selfEnsemble: knobs.selfEnsemble)
      return Reconstructor(remarks: solver.remarks) { measured in
        image(measured) { solver.reconstruct(measured.grid, measurements: $0) }
      }
    }
    guard let network = network as? any TensorNetwork else {
      throw InputError("\(method.name) is no network on real blocks; expected another one")
    }
    return byBlocks { network.predict($0, stages: stages, samplesAtATime: blocksAtATime) }
  }

  /// So many that Φ is read once for all of them, and few enough that their maps stay in the cache.
  static let blocksAtATime = 8

  /// Block by block, in single precision, from top to bottom in strips of whole rows of blocks: no more than an image and a strip of blocks
  /// are held.
  private static func byBlocks(
    remarks: [String] = [], _ solve: @escaping @Sendable (Tensor) -> Tensor
  ) -> Reconstructor<Blocks> {
    Reconstructor(remarks: remarks) { measured in
      image(measured) { y in
        let grid = measured.grid
        var pixels: [Double] = []
        pixels.reserveCapacity(grid.height * grid.width)
        let step = max(1, 2048 / grid.columns)  // rows of blocks
        for row in stride(from: 0, to: grid.rows, by: step) {
          let rows = min(step, grid.rows - row)
          let begin = row * grid.columns
          let strip = BlockGrid(
            height: min(rows * grid.side, grid.height - row * grid.side), width: grid.width, side: grid.side)
          pixels += strip.assemble(solve(y.rows(begin..<begin + strip.count).converted(to: .single))).doubles
        }
        return Tensor(pixels, shape: [grid.height, grid.width])
      }
    }
  }

  /// Whole images, zeros that fill up the last blocks part of them, in single precision.
  private static func onImages(
    _ sensing: OrthonormalSensing, _ denoiser: any Denoiser, for method: String,
    _ solve: @escaping @Sendable (BlockSampling, Tensor) -> Tensor
  ) -> Reconstructor<Blocks> {
    Reconstructor(remarks: sensing.remarks) { measured in
      let grid = measured.grid.filled
      try denoiser.check(height: grid.height, width: grid.width, for: method, instead: "tval3")
      return image(measured) { y in
        let found = solve(BlockSampling(phi: sensing.phi, grid: grid), sensing.measurements(y))
        return measured.grid.cropped(found.converted(to: .double))
      }
    }
  }

  /// The planes of an image, each from its own measurements.
  private static func image(_ measured: Measured, plane: (Tensor) -> Tensor) -> Reconstruction {
    let count = measured.grid.count
    let planes = (0..<measured.planes).map { plane(measured.y.rows($0 * count..<($0 + 1) * count)).converted(to: .double) }
    return Reconstruction(.real(planes.count == 1 ? planes[0] : .stacked(planes)))
  }

  /// The blocks after every stage of a network on blocks, spread over the threads.
  static func trace(_ solver: Solver<Blocks>, _ y: Tensor) -> [Tensor] {
    guard let network = solver.network as? any TensorNetwork else { return [] }
    let y = y.converted(to: .single)
    let traces = RowPieces(rows: y.shape[0], size: blocksAtATime).map { Array(network.trace(y.rows($0)).prefix(solver.depth)) }
    return (traces.first ?? []).indices.map { k in Tensor.concatenated(traces.map { $0[k] }) }
  }
}

extension Blocks.System {
  /// Φ on one block: a network on whole images is given its image later.
  fileprivate var block: BlockSampling {
    BlockSampling(
      phi: sensing.phi.converted(to: .single), grid: BlockGrid(height: sensing.side, width: sensing.side, side: sensing.side))
  }

  /// Q_init in single precision.
  fileprivate func initial(_ weights: Weights?) throws -> Tensor {
    guard let initial = weights?.initial else { throw InputError("found no Q_init; expected it beside the weights") }
    return initial.converted(to: .single)
  }
}

extension Weights {
  /// Q_init, where they hold it.
  var initial: Tensor? { operators.first { $0.name == "initial" }?.value }
}
