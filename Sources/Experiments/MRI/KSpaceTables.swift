// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation

/// The tables `admm-net-1` and `admm-net-2` (Yang, Sun, Li & Xu, NIPS 2016, brain and chest) and `ista-net-3` (Zhang & Ghanem, CVPR
/// 2018, brain): images measured by pseudo-radial masks.
enum KSpaceTable {
  static let all = [
    PublishedTable(
      "ista-net-3", "Mean PSNR of brain images from k-space, pseudo-radial sampling", source: "\(Papers.istaNet), table 3",
      hasPlots: true
    ) { try run(ista, [0.2, 0.3, 0.4, 0.5], clips: true, $0) },
    PublishedTable(
      "admm-net-1", "Error and PSNR of brain images from k-space, pseudo-radial sampling",
      source: "Yang, Sun, Li & Xu, NIPS 2016, table 1", hasPlots: true
    ) { try run(brain, [0.2, 0.3, 0.4, 0.5], $0) },
    PublishedTable(
      "admm-net-2", "Error and PSNR of chest images from k-space, pseudo-radial sampling of 20 %",
      source: "Yang, Sun, Li & Xu, NIPS 2016, table 2", hasPlots: true
    ) { try run(chest, [0.2], onPublishedImages: false, $0) },
  ]

  /// A row as printed: NMSE and PSNR at the ratios of the table; nil where it prints none.
  private struct Published {
    let name: String
    let method: String
    /// Stages of a network before training.
    var untrainedStages: Int?
    /// What sets its weights apart, in their name; nil for those of label 15, trained on brains.
    var variant: String?
    var nmse: [Double?] = []
    let psnr: [Double?]
    /// What heads it below the published table; nil: a row of that.
    var group: String?

    /// Why a figure that was measured may fall short on the images of the table, or on others of the same organ.
    func usualReason(onPublishedImages: Bool) -> String {
      let isTrained = KSpace.method(method)?.isTrained == true
      if !onPublishedImages {
        return isTrained ? "other chests than the paper's, and a shorter training" : "other chests than the paper's"
      }
      if isTrained, untrainedStages == nil { return "a training shorter than the published one, on other images" }
      return method == "zero-filling" || untrainedStages != nil
        ? "the images are rounded to 8 bits" : "parameters chosen on other images, those rounded to 8 bits"
    }
  }

  private static let brain: [Published] = [
    Published(
      name: "zero-filling", method: "zero-filling", nmse: [0.1700, 0.1247, 0.0968, 0.0770], psnr: [29.96, 32.59, 34.76, 36.73]),
    Published(name: "tv", method: "tv", nmse: [0.0929, 0.0673, 0.0534, 0.0440], psnr: [35.20, 37.99, 40.00, 41.69]),
    Published(name: "recpf", method: "recpf", nmse: [0.0917, 0.0668, 0.0533, 0.0440], psnr: [35.32, 38.06, 40.03, 41.71]),
    Published(name: "sidwt", method: "sidwt", nmse: [0.0885, 0.0620, 0.0484, 0.0393], psnr: [35.66, 38.72, 40.88, 42.67]),
    Published(name: "pbdw", method: "pbdw", nmse: [0.0814, 0.0627, 0.0518, 0.0437], psnr: [36.34, 38.64, 40.31, 41.81]),
    Published(name: "pano", method: "pano", nmse: [0.0800, 0.0592, 0.0477, 0.0390], psnr: [36.52, 39.13, 41.01, 42.76]),
    Published(name: "fdlcp", method: "fdlcp", nmse: [0.0759, 0.0592, 0.0500, 0.0428], psnr: [36.95, 39.13, 40.62, 42.00]),
    Published(
      name: "bm3d-mri", method: "bm3d-mri", nmse: [0.0674, 0.0515, 0.0426, 0.0359], psnr: [37.98, 40.33, 41.99, 43.47]),
    Published(
      name: "init-net-13", method: "admm-net", untrainedStages: 13, nmse: [0.1394, 0.1225, 0.1128, 0.1066],
      psnr: [31.58, 32.71, 33.44, 33.95]),
    Published(
      name: "admm-net-13", method: "admm-net", variant: "label-13", nmse: [0.0752, 0.0553, 0.0456, 0.0395],
      psnr: [37.01, 39.70, 41.37, 42.62]),
    Published(
      name: "admm-net-14", method: "admm-net", variant: "label-14", nmse: [0.0742, 0.0548, 0.0448, 0.0380],
      psnr: [37.13, 39.78, 41.54, 42.99]),
    Published(
      name: "admm-net-15", method: "admm-net", nmse: [0.0739, 0.0544, 0.0447, 0.0379], psnr: [37.17, 39.84, 41.56, 43.00]),
  ]
  private static let chest: [Published] = [
    Published(name: "tv", method: "tv", nmse: [0.1019], psnr: [35.49]),
    Published(name: "recpf", method: "recpf", nmse: [0.1017], psnr: [35.51]),
    Published(name: "pano", method: "pano", nmse: [0.0858], psnr: [37.01]),
    Published(name: "fdlcp", method: "fdlcp", nmse: [0.0775], psnr: [37.77]),
    Published(name: "admm-net-15, trained on brain", method: "admm-net", nmse: [0.0790], psnr: [37.68]),
    Published(name: "admm-net-15", method: "admm-net", variant: "chest", nmse: [0.0775], psnr: [37.84]),
    Published(name: "admm-net-17", method: "admm-net", variant: "chest-label-17", nmse: [0.0768], psnr: [37.92]),
  ]
  private static let ista: [Published] = [
    Published(name: "admm-net", method: "admm-net", psnr: [37.17, 39.84, 41.56, 43.00]),
    Published(name: "ista-net", method: "ista-net", psnr: [38.30, 40.52, 42.12, 43.60]),
    Published(name: "ista-net-plus", method: "ista-net-plus", psnr: [38.73, 40.89, 42.52, 44.09]),
    Published(
      name: "scnet", method: "scnet", psnr: [nil, nil, nil, nil],
      group: "A network with memory, unpublished for k-space; ours, trained on the magnitudes of 144 brains"),
  ]

  private static func run(
    _ published: [Published], _ ratios: [Double], clips: Bool = false, onPublishedImages: Bool = true, _ request: TableRequest
  ) throws -> ResultTable {
    try request.refuseTraining()
    let folder = onPublishedImages ? ("/mri/brain_test", "the brain images") : ("/mri/chest", "the chest images")
    let (path, source) = try request.testImages(folder.0, folder.1)
    var paths = try NamedImage.paths(path)
    if request.images == nil, !onPublishedImages {
      let names = try DataSplit(contentsOf: (request.data ?? "") + "/split.json").test("mri/chest")
      paths = paths.filter { names.contains(($0 as NSString).lastPathComponent) }
    }
    let images = try paths.map { try NamedImage($0, toMaximum: true) }
    if let plots = request.plots {
      try KSpacePage(images[images.count / 2], source: source, library: request.library)
        .page(command: "unfold reproduce \(request.table) --plots \(plots)")
        .write(to: (plots as NSString).appendingPathComponent("index.html"))
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
            guard figure != nil || (entry.group != nil && metric == .psnr) else { continue }
            var row = ResultTable.Row(
              method: entry.name, column: column, metric: metric, published: figure, measured: measured,
              seconds: mean?.seconds ?? 0, group: entry.group)
            if row.needsReason { row.why = why ?? entry.usualReason(onPublishedImages: onPublishedImages) }
            rows.append(row)
          }
        }
        guard let method = KSpace.method(entry.method) else { preconditionFailure("no method \(entry.method)") }
        var options = SolverOptions<KSpace.Knobs>()
        if method.knobs.contains("scale") { options.knobs.scale = 1 }
        if let stages = entry.untrainedStages {
          (options.untrained, options.depth) = (true, stages)
        } else if method.isTrained {
          let path = request.library.file(KSpace.weightsName(method.name, ratio: ratio, variant: entry.variant))
          guard FileManager.default.fileExists(atPath: path) else {
            add(nil, "no weights ship for it")
            continue
          }
          options.weights = path
        }
        request.report("\(entry.name), \(column)")
        var setup = KSpace.Setup()
        setup.ratio = ratio
        let scans = try KSpace(setup, seed: 0).scans(of: images)
        add(try Runner(method, options: options, clip: clips, library: request.library).evaluation(scans, seed: 0).mean, nil)
      }
    }
    return ResultTable(
      table: request.table, rows: rows, data: "\(images.count) images of \(source)",
      protocol:
        "pseudo-radial masks, no noise, \(clips ? "clipped to [0, 1]" : "unclipped real part"), peak 1, mean of the images' figures; time of an image, "
        + "images side by side, one a core")
  }
}
