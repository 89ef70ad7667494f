// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation

/// The tables `fista-net-2` (phantoms from coils and electrodes) and `fista-net-5` (CT slices) of Xiang, Dong & Yang, IEEE Trans. Med.
/// Imaging 40 (2021), on sets of this package: the published data are not available.
enum TomographyTable {
  static let views = [60, 120]
  /// Photons of the noisy columns.
  static let photons = 1e5

  /// PSNR, SSIM and RMSE as printed.
  private typealias Figures = (psnr: Double, ssim: Double, rmse: Double)

  private static let publishedPhantoms: [(method: String, sets: [Figures])] = [
    ("laplacian", [(16.140, 0.556, 0.155), (14.975, 0.472, 0.178)]),
    ("fista-tv", [(17.996, 0.661, 0.1259), (16.508, 0.630, 0.149)]),
    ("fbpconvnet", [(20.574, 0.873, 0.094), (19.432, 0.841, 0.106)]),
    ("ista-net-plus", [(20.074, 0.772, 0.099), (19.215, 0.725, 0.109)]),
    ("fista-net", [(21.304, 0.912, 0.086), (20.013, 0.882, 0.099)]),
  ]
  /// The RMSE of FBPConvNet at 120 views is printed 0.157, which its PSNR contradicts: 0.0157 is meant.
  private static let publishedProjections: [(method: String, views: [Figures])] = [
    ("fbp", [(27.533, 0.704, 0.042), (29.152, 0.815, 0.035)]),
    ("fista-tv", [(33.251, 0.866, 0.021), (35.217, 0.949, 0.017)]),
    ("fbpconvnet", [(33.976, 0.942, 0.020), (36.091, 0.950, 0.0157)]),
    ("ista-net-plus", [(33.734, 0.920, 0.021), (35.452, 0.948, 0.016)]),
    ("fista-net", [(37.319, 0.951, 0.013), (40.189, 0.968, 0.009)]),
  ]

  /// Table 2 of test sets 1 (discs as in training) and 2 (unseen shapes, more noise), of coils, then of electrodes; the published figures
  /// stand beside the former.
  static let phantoms = PublishedTable(
    "fista-net-2", "PSNR, SSIM and RMSE of phantoms from measurements of coils, and of electrodes",
    source: "\(Papers.fistaNet), table 2",
    hasPlots: true
  ) { request in
    try request.refuseTraining()
    if request.images != nil { throw InputError("found --images for fista-net-2; leave it out, its phantoms are of --seed") }
    var (rows, parameters) = ([ResultTable.Row](), [String: Int]())
    func add<Around: Sensor>(_: DiscTomography<Around>.Type, isPublished: Bool) throws {
      typealias E = DiscTomography<Around>
      request.report("simulating the sets of \(E.name)")
      let data = try E(.init(), seed: request.seed ?? E.standardSeed).sets()
      if isPublished, let plots = request.plots {
        try TomographyPage(E.scans(data, .test)[0], source: "the test set", library: request.library).write(to: plots, request)
        if let folder = request.data("/emt") {
          let sensor = try MeasuredEMT(contentsOf: folder)
          try TomographyPage(
            EMT.scans(sensor)[0], source: "a 12-coil sensor", places: sensor.reference, library: request.library
          ).write(to: plots, request, name: "measured.html")
        }
      }
      for (i, part) in [TomographyData.Part.test, .unseenShapes].enumerated() {
        for (method, published) in publishedPhantoms {
          try Self.add(
            method, E.scans(data, part), column: "\(E.name), set \(i + 1)", isPublished ? published[i] : nil, request, &rows,
            &parameters)
        }
      }
    }
    try add(EMT.self, isPublished: true)
    try add(EIT.self, isPublished: false)
    return ResultTable(
      table: request.table, rows: rows,
      data: "200 phantoms a set, never trained on: discs at 50 dB, ellipses and rectangles at 30 dB; of eit by finite elements",
      protocol: protocolText(parameters))
  }

  /// Table 5, with noise of photons and without it; the published figures stand beside the first set of slices.
  static let projections = PublishedTable(
    "fista-net-5", "PSNR, SSIM and RMSE of CT slices from 60 and 120 views", source: "\(Papers.fistaNet), table 5", hasPlots: true
  ) { request in
    try request.refuseTraining()
    let sets = try slices(request)
    func experiment(views: Int, photons: Double?) throws -> CT {
      var setup = CT.Setup()
      (setup.scan.views, setup.photons) = (views, photons)
      return try CT(setup, seed: request.seed ?? 1)
    }
    if let plots = request.plots, let (name, images) = sets.first {
      let scans = try experiment(views: 60, photons: photons).scans(of: images)
      try TomographyPage(
        scans[images.count / 2], source: "\(name) slices that training never saw", photons: photons, library: request.library
      ).write(to: plots, request)
    }
    var (rows, parameters) = ([ResultTable.Row](), [String: Int]())
    for (i, views) in Self.views.enumerated() {
      for (j, set) in sets.enumerated() {
        for photons in [Self.photons, nil] {
          let scans = try experiment(views: views, photons: photons).scans(of: set.images)
          let column = "\(views) views, \(set.name), \(photons == nil ? "no noise" : "1e5 photons")"
          for (method, published) in publishedProjections {
            try add(method, scans, column: column, j == 0 ? published[i] : nil, request, &rows, &parameters)
          }
        }
      }
    }
    let counts = sets.map { "\($0.images.count) slices of \($0.name)" }.joined(separator: ", ")
    return ResultTable(
      table: request.table, rows: rows, data: counts + ", never trained on",
      protocol: "parallel beam over half a turn, networks trained with 1e5 photons a ray; " + protocolText(parameters))
  }

  /// Of every set its name and its test slices.
  private static func slices(_ request: TableRequest) throws -> [(name: String, images: [NamedImage])] {
    if let images = request.images {
      return [((images as NSString).lastPathComponent, try NamedImage.slices(of: images))]
    }
    guard let split = request.data("/split.json"), request.data("/ct/body_mu.npy") != nil else {
      throw InputError("found no CT slices; expected --images DIR, or UNFOLD_DATA")
    }
    return try [("body", "/ct/body_mu.npy", CTUnits.attenuation), ("head", "/ct/head_hu.npy", .hounsfield)].map {
      name, file, units in
      let path = (request.data ?? "") + file
      let all = try NamedImage.slices(of: path, units: units)
      return (name, try DataSplit(contentsOf: split).rows("test", of: path).filter(all.indices.contains).map { all[$0] })
    }
  }

  private static func protocolText(_ parameters: [String: Int]) -> String {
    "PSNR and RMSE of the mean squared error of a whole set, peak 1, unclipped; SSIM 11 × 11 Gaussian, zeros outside; time of an image, "
      + "images side by side, one a core; parameters: "
      + parameters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  private static func add<E: TomographyExperiment>(
    _ name: String, _ scans: Scans<E>, column: String, _ published: Figures?, _ request: TableRequest,
    _ rows: inout [ResultTable.Row], _ parameters: inout [String: Int]
  ) throws {
    request.report("\(column), \(name)")
    var scores: Scores?
    if let method = E.method(name), request.library.has(method, for: try scans[0].system) {
      let report = try Runner(method, library: request.library).evaluation(scans, seed: 0)
      // PSNR and RMSE of all images together, as the authors of FISTA-Net score.
      let square = report.images.reduce(0) { $0 + pow($1.scores.rmse ?? .nan, 2) } / Double(report.images.count)
      scores = Scores(
        psnr: -10 * log10(square), ssim: report.mean.ssim, rmse: square.squareRoot(), seconds: report.mean.seconds)
      if method.isTrained { parameters[name] = report.parameters }
    }
    for (metric, figure, measured) in [
      (Metric.psnr, published?.psnr, scores?.psnr), (.ssim, published?.ssim, scores?.ssim), (.rmse, published?.rmse, scores?.rmse),
    ] {
      var row = ResultTable.Row(
        method: name, column: column, metric: metric, published: figure, measured: measured, seconds: scores?.seconds ?? 0)
      if row.needsReason {
        row.why =
          scores == nil ? "no weights ship for it" : "other images, geometry and noise: the published ones are not available"
      }
      rows.append(row)
    }
  }
}

extension TomographyPage {
  fileprivate func write(to folder: String, _ request: TableRequest, name: String = "index.html") throws {
    try write(to: folder, name: name, command: "unfold reproduce \(request.table) --plots \(folder)")
  }
}
