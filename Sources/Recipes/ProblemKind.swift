// SPDX-License-Identifier: Apache-2.0

/// The problems, by their names on the command line, in files and on pages.
public enum ProblemKind: String, CaseIterable, Sendable, Codable {
  case sparseCoding = "sparse-coding"
  case sparseRecovery = "sparse-recovery"
  case imageCS = "image-cs"
  case mri = "cs-mri"
  case ct
  case emt
  case eit

  public var title: String {
    switch self {
    case .sparseCoding: "Codes Z of image patches, argmin ½‖X − W_d Z‖² + α‖Z‖₁; images are W_d Z put together"
    case .sparseRecovery: "Sparse x from b = A x + noise, A of 250 × 500, 10 % non-zeros"
    case .imageCS: "Images from y = Φ x of every block x of 33 × 33 pixels, Φ of orthonormal rows"
    case .mri: "Images from y = P F x, the k-space samples that a mask P selects; real or complex, one coil or several"
    case .ct: "Images from y = A x, few X-ray projections by a parallel beam or a fan, of few photons"
    case .emt: "Contrasts of 3,228 pixels of a disc from the voltages of 28 pairs of coils, b = A x"
    case .eit: "Contrasts of 3,228 pixels of a disc from 104 voltages between electrodes, b = A x"
    }
  }

  /// Where it was published.
  public var source: String {
    switch self {
    case .sparseCoding: "Olshausen & Field, Nature 381 (1996); Gregor & LeCun, ICML 2010"
    case .sparseRecovery: "Chen, Liu, Wang & Yin, NeurIPS 2018; Liu, Chen, Wang & Yin, ICLR 2019"
    case .imageCS: "Kulkarni, Lohit, Turaga, Kerviche & Ashok, CVPR 2016; Zhang & Ghanem, CVPR 2018"
    case .mri: "Lustig, Donoho & Pauly, Magn. Reson. Med. 58 (2007); Yang, Sun, Li & Xu, NIPS 2016"
    case .ct: "Sidky & Pan, Phys. Med. Biol. 53 (2008); Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021)"
    case .emt: "Griffiths, Meas. Sci. Technol. 12 (2001); Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021)"
    case .eit: "Cheney, Isaacson & Newell, SIAM Rev. 41 (1999); Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021)"
    }
  }

  public static let tomography: [ProblemKind] = [.ct, .emt, .eit]
  public var isTomography: Bool { Self.tomography.contains(self) }
  /// Coils or electrodes around the pixels of a disc.
  public var isOnDisc: Bool { self == .emt || self == .eit }

  /// The methods that serve it.
  public var methods: [Method] { Method.allCases.filter { $0.serves(self) } }
}

/// The published tables that are reproduced, by their names on the command line.
public enum PublishedTable: String, CaseIterable, Sendable {
  case lista1 = "lista-1"
  case alista
  case istaNet1 = "ista-net-1"
  case istaNet2 = "ista-net-2"
  case istaNetDepth = "ista-net-depth"
  case istaNet3 = "ista-net-3"
  case admmNet1 = "admm-net-1"
  case admmNet2 = "admm-net-2"
  case fistaNet2 = "fista-net-2"
  case fistaNet5 = "fista-net-5"

  public var title: String {
    switch self {
    case .lista1: "Squared error between optimal and predicted code of image patches"
    case .alista: "NMSE in dB after 16 stages on the synthetic benchmark of sparse recovery"
    case .istaNet1: "Mean PSNR on Set11 of images measured block by block"
    case .istaNet2: "Mean PSNR on BSD68 of images measured block by block"
    case .istaNet3: "Mean PSNR of brain images from k-space, pseudo-radial sampling"
    case .admmNet1: "Error and PSNR of brain images from k-space, pseudo-radial sampling"
    case .admmNet2: "Error and PSNR of chest images from k-space, pseudo-radial sampling of 20 %"
    case .fistaNet2: "PSNR, SSIM and RMSE of phantoms from measurements of coils, and of electrodes"
    case .fistaNet5: "PSNR, SSIM and RMSE of CT slices from 60 and 120 views"
    case .istaNetDepth: "PSNR against the number of stages and against epochs, short equal trainings"
    }
  }

  public var source: String {
    switch self {
    case .lista1: "Gregor & LeCun, ICML 2010, table 1"
    case .alista: "Chen, Liu, Wang & Yin, NeurIPS 2018, fig. 2; Liu, Chen, Wang & Yin, ICLR 2019, fig. 1"
    case .istaNet1: "Zhang & Ghanem, CVPR 2018, table 1"
    case .istaNet2: "Zhang & Ghanem, CVPR 2018, table 2"
    case .istaNetDepth: "Zhang & Ghanem, CVPR 2018, section 4"
    case .istaNet3: "Zhang & Ghanem, CVPR 2018, table 3"
    case .admmNet1: "Yang, Sun, Li & Xu, NIPS 2016, table 1"
    case .admmNet2: "Yang, Sun, Li & Xu, NIPS 2016, table 2"
    case .fistaNet2: "Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021), table 2"
    case .fistaNet5: "Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021), table 5"
    }
  }
}
