// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Networks
import Tensors

/// The tables `admm-net-1` and `admm-net-2` (Yang, Sun, Li & Xu, NIPS 2016, brain and chest) and `ista-net-3` (Zhang & Ghanem, CVPR
/// 2018, brain): images measured by pseudo-radial masks.
public struct MRITable: Sendable {
  public let table: PublishedTable
  public var images: [MRIImage]
  /// Where they come from, in words.
  public var source: String
  public var library: ModelLibrary

  public init(_ table: PublishedTable, images: [MRIImage], source: String, library: ModelLibrary = .standard) {
    self.table = table
    self.images = images
    self.source = source
    self.library = library
  }

  /// A row as printed: NMSE and PSNR at the ratios of the table; nil where it prints none.
  private struct Published {
    let name: String
    var method: MRIMethod?
    /// Stages of a network before training.
    var untrainedStages: Int?
    /// The organ of the training images, in the weights' name; nil for the brain.
    var trainedOn: String?
    /// Why a row without a method has no figure.
    var why: String?
    var nmse: [Double?] = []
    let psnr: [Double?]

    /// Why a figure that was measured may fall short on the images of the table, or on others of the same organ.
    func usualReason(onPublishedImages: Bool) -> String {
      if !onPublishedImages {
        return method?.isTrained == true ? "other chests than the paper's, and a shorter training" : "other chests than the paper's"
      }
      if method?.isTrained == true, untrainedStages == nil { return "a training shorter than the published one, on other images" }
      return method == .zeroFilling || untrainedStages != nil
        ? "the images are rounded to 8 bits" : "parameters chosen on other images, those rounded to 8 bits"
    }
  }

  private static let brain: [Published] = [
    Published(
      name: "zero-filling", method: .zeroFilling, nmse: [0.1700, 0.1247, 0.0968, 0.0770], psnr: [29.96, 32.59, 34.76, 36.73]),
    Published(name: "tv", method: .tv, nmse: [0.0929, 0.0673, 0.0534, 0.0440], psnr: [35.20, 37.99, 40.00, 41.69]),
    Published(name: "recpf", method: .recPF, nmse: [0.0917, 0.0668, 0.0533, 0.0440], psnr: [35.32, 38.06, 40.03, 41.71]),
    Published(name: "sidwt", method: .sidwt, nmse: [0.0885, 0.0620, 0.0484, 0.0393], psnr: [35.66, 38.72, 40.88, 42.67]),
    other("pbdw", [0.0814, 0.0627, 0.0518, 0.0437], [36.34, 38.64, 40.31, 41.81]),
    other("pano", [0.0800, 0.0592, 0.0477, 0.0390], [36.52, 39.13, 41.01, 42.76]),
    other("fdlcp", [0.0759, 0.0592, 0.0500, 0.0428], [36.95, 39.13, 40.62, 42.00]),
    other("bm3d-mri", [0.0674, 0.0515, 0.0426, 0.0359], [37.98, 40.33, 41.99, 43.47]),
    Published(
      name: "init-net-13", method: .admmNet, untrainedStages: 13, nmse: [0.1394, 0.1225, 0.1128, 0.1066],
      psnr: [31.58, 32.71, 33.44, 33.95]),
    Published(
      name: "admm-net-13", why: "our net is that of label 15", nmse: [0.0752, 0.0553, 0.0456, 0.0395],
      psnr: [37.01, 39.70, 41.37, 42.62]),
    Published(
      name: "admm-net-14", why: "our net is that of label 15", nmse: [0.0742, 0.0548, 0.0448, 0.0380],
      psnr: [37.13, 39.78, 41.54, 42.99]),
    Published(name: "admm-net-15", method: .admmNet, nmse: [0.0739, 0.0544, 0.0447, 0.0379], psnr: [37.17, 39.84, 41.56, 43.00]),
  ]
  private static let chest: [Published] = [
    Published(name: "tv", method: .tv, nmse: [0.1019], psnr: [35.49]),
    Published(name: "recpf", method: .recPF, nmse: [0.1017], psnr: [35.51]),
    other("pano", [0.0858], [37.01]),
    other("fdlcp", [0.0775], [37.77]),
    Published(name: "admm-net-15, trained on brain", method: .admmNet, nmse: [0.0790], psnr: [37.68]),
    Published(name: "admm-net-15", method: .admmNet, trainedOn: "chest", nmse: [0.0775], psnr: [37.84]),
    Published(name: "admm-net-17", why: "our net is that of label 15", nmse: [0.0768], psnr: [37.92]),
  ]
  private static let ista: [Published] = [
    Published(name: "admm-net", method: .admmNet, psnr: [37.17, 39.84, 41.56, 43.00]),
    Published(name: "ista-net", method: .istaNet, psnr: [38.30, 40.52, 42.12, 43.60]),
    Published(name: "ista-net-plus", method: .istaNetPlus, psnr: [38.73, 40.89, 42.52, 44.09]),
  ]

  private static func other(_ name: String, _ nmse: [Double?], _ psnr: [Double?]) -> Published {
    Published(name: name, why: "not among the methods here", nmse: nmse, psnr: psnr)
  }

  /// - Parameter report: told in a few words what is being done.
  public func run(report: (String) -> Void = { _ in }) throws -> ResultTable {
    let (published, ratios, clips) =
      switch table {
      case .admmNet2: (Self.chest, [0.2], false)
      case .istaNet3: (Self.ista, [0.2, 0.3, 0.4, 0.5], true)
      default: (Self.brain, [0.2, 0.3, 0.4, 0.5], false)
      }
    var rows: [ResultTable.Row] = []
    for entry in published {
      for (i, ratio) in ratios.enumerated() {
        let column = "\(Int((100 * ratio).rounded())) %"
        func add(_ mean: Scores?, _ why: String?) {
          let figures: [(Metric, Double?, Double?)] = [
            (.nmse, i < entry.nmse.count ? entry.nmse[i] : nil, mean?.nmse), (.psnr, entry.psnr[i], mean?.psnr),
          ]
          for (metric, figure, measured) in figures {
            guard let figure else { continue }
            let isShort = measured.map { metric.fallsShort(measured: $0, published: figure) } ?? true
            rows.append(
              ResultTable.Row(
                method: entry.name, column: column, metric: metric, published: figure, measured: measured,
                seconds: mean?.seconds ?? 0,
                why: isShort ? why ?? entry.usualReason(onPublishedImages: table != .admmNet2) : nil))
          }
        }
        guard let method = entry.method else {
          add(nil, entry.why)
          continue
        }
        var options = MRISolver.Options()
        options.isUntrained = entry.untrainedStages != nil
        options.depth = entry.untrainedStages
        if method.isTrained, !options.isUntrained {
          let path = library.mri(method, ratio: ratio, trainedOn: entry.trainedOn)
          guard FileManager.default.fileExists(atPath: path) else {
            add(nil, "no weights ship for it")
            continue
          }
          options.weights = path
        }
        report("\(entry.name), \(column)")
        let sampling = try MRISampling(.radial, ratio: ratio, seed: 0)
        add(
          try MRIEvaluation(method, sampling: sampling, options: options, seed: 0, library: library).run(
            images: images, clip: clips
          ).mean,
          nil)
      }
    }
    return ResultTable(
      table: table.rawValue, rows: rows, data: "\(images.count) images of \(source)",
      protocol:
        "pseudo-radial masks, no noise, \(clips ? "clipped to [0, 1]" : "unclipped real part"), peak 1, mean of the images' figures; time of an image, "
        + "images side by side, one a core"
    )
  }
}
