// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Tensors

/// The methods of compressive-sensing MRI, by their names on the command line, in files and on pages.
public enum MRIMethod: String, CaseIterable, Sendable, Codable {
  case zeroFilling = "zero-filling"
  case tv
  case recPF = "recpf"
  case sidwt
  case admmNet = "admm-net"
  case admmCSNet = "admm-csnet"
  case istaNet = "ista-net"
  case istaNetPlus = "ista-net-plus"
  case scNet = "scnet"

  /// True for networks, false for classical algorithms.
  public var isTrained: Bool {
    switch self {
    case .zeroFilling, .tv, .recPF, .sidwt: false
    case .admmNet, .admmCSNet, .istaNet, .istaNetPlus, .scNet: true
    }
  }

  public var title: String {
    switch self {
    case .zeroFilling: "The inverse transform, zeros where nothing was measured"
    case .tv: "Total variation by ADMM with an exact solve in k-space"
    case .recPF: "Total variation and wavelets by ADMM with an exact solve in k-space"
    case .sidwt: "Undecimated wavelets by ADMM with an exact solve in k-space"
    case .admmNet: "ADMM with learned filters, shrinkage curves, penalties and rates"
    case .admmCSNet: "ADMM in the image with a learned shrinkage by convolutions"
    case .istaNet: "ISTA with a learned transform"
    case .istaNetPlus: "ISTA with a learned transform on a residual"
    case .scNet: "Proximal gradient with memory"
    }
  }

  /// Where it was published.
  public var source: String {
    switch self {
    case .zeroFilling: "Bernstein, Fain & Riederer, J. Magn. Reson. Imaging 14 (2001)"
    case .tv: "Lustig, Donoho & Pauly, Magn. Reson. Med. 58 (2007)"
    case .recPF: "Yang, Zhang & Yin, IEEE J. Sel. Top. Signal Process. 4 (2010)"
    case .sidwt: "Baker, Kwong, Lustig & Mendes, Magn. Reson. Med. 65 (2011)"
    case .admmNet: "Yang, Sun, Li & Xu, NIPS 2016"
    case .admmCSNet: "Yang, Sun, Li & Xu, IEEE Trans. Pattern Anal. Mach. Intell. 42 (2020)"
    case .istaNet, .istaNetPlus: "Zhang & Ghanem, CVPR 2018"
    case .scNet: "Chen, Zhang, Chen, Chen & Zhang, SCNet, 2023"
    }
  }

  /// The stages that an untrained network has by default: those of the best published one.
  public var usualDepth: Int {
    switch self {
    case .admmNet: admmNetStages(labelled: 15)
    case .admmCSNet: 10
    case .scNet: 20
    default: 9
    }
  }

  /// The precision it computes in.
  public var precision: Precision {
    switch self {
    case .istaNet, .istaNetPlus, .admmCSNet, .scNet: .single
    default: .double
    }
  }
}

/// What is known of an MRI network besides its parameters.
public struct MRIArchitecture: Sendable, Equatable {
  public var depth: Int
  /// Channels of the convolutions of ISTA-Net, maps of ADMM-CSNet; the filters of Deep ADMM-Net are size² − 1.
  public var channels: Int
  /// The extent of the filters.
  public var filterSize: Int
  public var knots = 101
  /// Curves have slopes of their own outside the knots.
  public var learnsSlopes = false

  /// Of a method before training.
  public init(_ method: MRIMethod, depth: Int? = nil, channels: Int? = nil) {
    self.depth = depth ?? method.usualDepth
    self.channels = channels ?? (method == .admmCSNet ? 128 : 32)
    filterSize = method == .admmCSNet ? 5 : 3
  }
}

extension MRIMethod {
  /// The untrained network to real or to complex images; nil for a classical algorithm, and where there is none.
  public func network<Space: FourierSpace>(
    to _: Space.Type = Space.self, mask: SamplingMask, _ shape: MRIArchitecture, seed: UInt64
  ) -> (any Network<ComplexTensor, Space>)? {
    let gradient = DataGradient(Space.sampling(mask))
    switch self {
    case .zeroFilling, .tv, .recPF, .sidwt: return nil
    case .admmNet:
      return ADMMNet(
        admmNet: Space.sampling(mask), height: mask.height, width: mask.width, stages: shape.depth, filterSize: shape.filterSize,
        knots: shape.knots, precision: precision)
    case .admmCSNet:
      return ADMMCSNet(
        admmCSNet: Space.sampling(mask), stages: shape.depth, maps: shape.channels, filterSize: shape.filterSize,
        learnsSlopes: shape.learnsSlopes,
        precision: precision, seed: seed)
    case .istaNet:
      return ISTANet(
        gradient, height: mask.height, width: mask.width, depth: shape.depth, channels: shape.channels, precision: precision,
        seed: seed)
    case .istaNetPlus:
      return ISTANetPlus(
        gradient, height: mask.height, width: mask.width, depth: shape.depth, channels: shape.channels, precision: precision,
        seed: seed)
    case .scNet:
      return SCNet(
        scNet: RealMaskedFourier(mask), depth: shape.depth, channels: shape.channels, precision: precision, seed: seed)
        as? any Network<ComplexTensor, Space>
    }
  }
}
