// SPDX-License-Identifier: Apache-2.0

/// The methods of tomography, by their names on the command line, in files and on pages.
public enum TomographyMethod: String, CaseIterable, Sendable, Codable {
  case laplacian
  case fbp
  case fistaTV = "fista-tv"
  case fbpConvNet = "fbpconvnet"
  case istaNetPlus = "ista-net-plus"
  case fistaNet = "fista-net"

  /// Nil for a classical algorithm.
  public var network: TomographyNetwork? { TomographyNetwork(rawValue: rawValue) }
  public var isTrained: Bool { network != nil }

  public func serves(_ problem: ProblemKind) -> Bool {
    switch (problem, self) {
    case (.ct, .laplacian), (.emt, .fbp), (.eit, .fbp): false
    case (.ct, _), (.emt, _), (.eit, _): true
    default: false
    }
  }

  public var title: String {
    switch self {
    case .laplacian: "Least squares with a Laplacian, one matrix"
    case .fbp: "Filtered back-projection"
    case .fistaTV: "Total variation by FISTA, images without negative values"
    case .fbpConvNet: "A U-Net on the initial image"
    case .istaNetPlus: "ISTA with a learned transform on a residual"
    case .fistaNet: "FISTA with a learned proximal map, step, threshold and momentum from six numbers"
    }
  }

  /// Where it was published.
  public var source: String {
    switch self {
    case .laplacian: "Vauhkonen, Vadász, Karjalainen, Somersalo & Kaipio, IEEE Trans. Med. Imaging 17 (1998)"
    case .fbp: "Ramachandran & Lakshminarayanan, Proc. Natl. Acad. Sci. 68 (1971)"
    case .fistaTV: "Beck & Teboulle, IEEE Trans. Image Process. 18 (2009)"
    case .fbpConvNet: "Jin, McCann, Froustey & Unser, IEEE Trans. Image Process. 26 (2017)"
    case .istaNetPlus: "Zhang & Ghanem, CVPR 2018"
    case .fistaNet: "Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021)"
    }
  }
}
