// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Networks
import Operators
import Tensors
import Training

/// The networks of P F, of real or complex images, and of P F S / ‖P F S‖, of several coils: the same parameters, whatever measures.
enum KSpaceNetwork: String, CaseIterable {
  case admmNet = "admm-net"
  case admmCSNet = "admm-csnet"
  case istaNet = "ista-net"
  case istaNetPlus = "ista-net-plus"
  case fistaNet = "fista-net"
  case scNet = "scnet"

  private var isADMM: Bool { self == .admmNet || self == .admmCSNet }
  private var precision: Precision { self == .admmNet ? .double : .single }

  var method: Method<KSpace> {
    let (title, source, architecture) =
      switch self {
      case .admmNet:
        (
          "ADMM with learned filters, shrinkage curves, penalties and rates", "Yang, Sun, Li & Xu, NIPS 2016",
          Architecture(depth: admmNetStages(labelled: 15), filterSize: 3, knots: 101)
        )
      case .admmCSNet:
        (
          "ADMM in the image with a learned shrinkage by convolutions",
          "Yang, Sun, Li & Xu, IEEE Trans. Pattern Anal. Mach. Intell. 42 (2020)",
          Architecture(depth: 10, channels: 128, filterSize: 5, learnsSlopes: false)
        )
      case .istaNet: ("ISTA with a learned transform", Papers.istaNet, Architecture(depth: 9, channels: 32))
      case .istaNetPlus: ("ISTA with a learned transform on a residual", Papers.istaNet, Architecture(depth: 9, channels: 32))
      case .fistaNet: ("FISTA with a learned proximal map", Papers.fistaNet, Architecture(depth: 7, channels: 32))
      case .scNet: ("Proximal gradient with memory", Papers.scNet, Architecture(depth: 20, channels: 32))
      }
    var method = Method<KSpace>(rawValue, title, source: source, architecture, isConvolutional: !isADMM) { system, shape, _, seed in
      try made(system, shape, seed)
    }
    if !isADMM { method.clips = true }  // as their authors score them
    return method
  }

  private func made(_ system: KSpaceSystem, _ shape: Architecture, _ seed: UInt64) throws -> any Network {
    let mask = system.mask
    if self == .scNet {
      guard !system.isComplex else {
        throw InputError(
          system.coils > 1
            ? "found several coils for scnet, which is for real images of one; expected ista-net-plus"
            : "found complex images for scnet, which is for real ones; expected ista-net-plus, or --magnitudes to train on those")
      }
      return SCNet(
        scNet: RealMaskedFourier(mask), depth: shape.depth ?? 20, channels: shape.channels ?? 32, precision: precision, seed: seed)
    }
    if let maps = system.maps { return try network(SENSE(maps, mask: mask).normalised(precision), mask, shape, seed) }
    func sampled<Space: KSpaceImage>(_: Space.Type) throws -> any Network { try network(Space.sampling(mask), mask, shape, seed) }
    return try sampled(system.space)
  }

  private func network<Op: LinearOperator>(
    _ A: Op, _ mask: SamplingMask, _ shape: Architecture, _ seed: UInt64
  ) throws -> any Network where Op.Domain: KSpaceImage, Op.Codomain == ComplexTensor {
    let (h, w, depth, channels) = (mask.height, mask.width, shape.depth ?? 1, shape.channels ?? 32)
    switch self {
    case .admmNet:
      let (size, knots) = (shape.filterSize ?? 3, shape.knots ?? 101)
      guard size % 2 == 1, (2...1024).contains(knots) else {
        throw InputError(
          "found filters of \(size) × \(size) and curves of \(knots) knots; expected weights of admm-net, choose others")
      }
      return ADMMNet(
        admmNet: A, height: h, width: w, stages: depth, filterSize: size, knots: knots, precision: precision)
    case .admmCSNet:
      return ADMMCSNet(
        admmCSNet: A, stages: depth, maps: channels, filterSize: shape.filterSize ?? 5, learnsSlopes: shape.learnsSlopes ?? false,
        precision: precision, seed: seed)
    case .istaNet:
      return ISTANet(DataGradient(A), height: h, width: w, depth: depth, channels: channels, precision: precision, seed: seed)
    case .istaNetPlus:
      return ISTANetPlus(DataGradient(A), height: h, width: w, depth: depth, channels: channels, precision: precision, seed: seed)
    case .fistaNet:
      return FISTANet(DataGradient(A), height: h, width: w, depth: depth, channels: channels, precision: precision, seed: seed)
    case .scNet: preconditionFailure("scnet is of real images alone")
    }
  }
}
