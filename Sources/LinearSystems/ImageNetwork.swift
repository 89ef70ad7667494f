// SPDX-License-Identifier: Apache-2.0
import Algorithms
import WeightFiles
import Networks
import Operators
import Tensors
import Training

/// The networks to images that any operator will do for: the same parameters, whatever measures.
public enum ImageNetwork: String, CaseIterable, Sendable {
  case admmNet = "admm-net"
  case admmCSNet = "admm-csnet"
  case istaNet = "ista-net"
  case istaNetPlus = "ista-net-plus"
  case fistaNet = "fista-net"
  case modl
  case scNet = "scnet"
  /// Of operators from a file alone: its denoiser's weights are given to a training.
  case plugAndPlay = "plug-and-play-net"

  public var isADMM: Bool { self == .admmNet || self == .admmCSNet }

  /// Title, source, and the usual shape.
  public var published: (title: String, source: String, architecture: Architecture) {
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
    case .modl:
      (
        "Half-quadratic splitting with one learned prior, exact in the data",
        "Aggarwal, Mani & Jacob, IEEE Trans. Med. Imaging 38 (2019)",
        Architecture(depth: 10, channels: 64)
      )
    case .scNet: ("Proximal gradient with memory", Papers.scNet, Architecture(depth: 20, channels: 32))
    case .plugAndPlay:
      ("Plug and play with FFDNet, levels and penalties learned", Papers.plugAndPlay, Architecture(depth: 5))
    }
  }

  /// The network of an operator on images before its parameters are filled in; SCNet, which wants an ``Undersampling`` of real ones, and unfolded
  /// plug and play, which wants the noise, are made apart.
  public func network<Op: LinearOperator>(
    _ A: Op, height h: Int, width w: Int, _ shape: Architecture, precision: Precision = .single, seed: UInt64
  ) throws -> any Network where Op.Domain: NumberSpace {
    let (depth, channels) = (shape.depth ?? 1, shape.channels ?? 32)
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
    case .modl:
      return MoDL(modl: A, height: h, width: w, depth: depth, channels: channels, precision: precision, seed: seed)
    case .scNet, .plugAndPlay: preconditionFailure("\(rawValue) is made apart")
    }
  }

  /// Unfolded plug and play by ``NoiseSchedule/dpir(noise:count:)``, before training.
  ///
  /// - Parameters: `denoiser`, nil: one before training, in which weights are to be filled; `noise`, of what A / `unit` measures.
  static func plugAndPlay<Op: LinearOperator>(
    _ A: Op, _ denoiser: FFDNet?, noise: Double, unit: Double, height: Int, width: Int, _ shape: Architecture,
    precision: Precision, seed: UInt64
  ) -> PlugAndPlayNet<Op> where Op.Domain: NumberSpace {
    let (levels, weight) = NoiseSchedule.dpir(noise: noise, count: shape.depth ?? 5)
    var denoiser = denoiser ?? FFDNet(precision: precision, seed: seed)
    denoiser.updateParameters { _, value in value.converted(to: precision) }
    return PlugAndPlayNet(plugAndPlay: A, denoiser, levels, weight: weight * unit * unit, height: height, width: width)
  }

  /// SCNet of an operator on real images.
  public static func scNet<Op: Undersampling>(
    _ A: Op, _ shape: Architecture, precision: Precision = .single, seed: UInt64
  ) throws -> any Network where Op.Domain == Tensor {
    SCNet(
      scNet: A, depth: shape.depth ?? 20, channels: try shape.channelsOfFeatures(for: "scnet"), precision: precision, seed: seed)
  }
}

extension Architecture {
  /// The channels, 32 unless they are said, of a network whose maps are an image and features.
  public func channelsOfFeatures(for network: String) throws -> Int {
    let channels = channels ?? 32
    guard channels >= 2 else {
      throw InputError("found \(channels) channels for \(network), whose maps are an image and features; expected 2 or more")
    }
    return channels
  }
}

/// What several methods, tables and problems are from.
public enum Papers {
  public static let istaNet = "Zhang & Ghanem, CVPR 2018"
  public static let fistaNet = "Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021)"
  public static let plugAndPlay = "Zhang, Li, Zuo, Zhang, Van Gool & Timofte, IEEE Trans. Pattern Anal. Mach. Intell. 44 (2022)"
  public static let scNet = "Chen, Zhang, Chen, Chen & Zhang, SCNet, 2023"
}
