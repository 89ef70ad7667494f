// SPDX-License-Identifier: Apache-2.0
import FileFormats

/// Scores of one image or of a set; a score that does not apply is nil and left out of the answer.
public struct Scores: Sendable, Equatable {
  public var psnr: Double?
  public var ssim: Double?
  public var nmse: Double?
  /// Of a whole set only: a ratio of sums, never a mean of decibels.
  public var nmseDecibel: Double?
  public var rmse: Double?
  public var codeError: Double?
  public var seconds: Double?

  public init(
    psnr: Double? = nil, ssim: Double? = nil, nmse: Double? = nil, nmseDecibel: Double? = nil, rmse: Double? = nil,
    codeError: Double? = nil, seconds: Double? = nil
  ) {
    self.psnr = psnr
    self.ssim = ssim
    self.nmse = nmse
    self.nmseDecibel = nmseDecibel
    self.rmse = rmse
    self.codeError = codeError
    self.seconds = seconds
  }

  public subscript(metric: Metric) -> Double? {
    get {
      switch metric {
      case .psnr: psnr
      case .ssim: ssim
      case .nmse: nmse
      case .nmseDecibel: nmseDecibel
      case .rmse: rmse
      case .codeError: codeError
      case .iterations: nil
      case .seconds: seconds
      }
    }
    set {
      switch metric {
      case .psnr: psnr = newValue
      case .ssim: ssim = newValue
      case .nmse: nmse = newValue
      case .nmseDecibel: nmseDecibel = newValue
      case .rmse: rmse = newValue
      case .codeError: codeError = newValue
      case .iterations: break
      case .seconds: seconds = newValue
      }
    }
  }

  /// The scores there are, as members of a JSON object.
  public var members: [JSONMember] {
    Metric.allCases.compactMap { metric in self[metric].map { JSONMember(metric.rawValue, .number($0)) } }
  }

  /// The scores that ``members`` wrote; nil where one is no number.
  public init?(_ object: JSONValue) {
    self.init()
    for metric in Metric.allCases {
      switch object[metric.rawValue] {
      case nil: continue
      case .null?: self[metric] = .nan
      case .number(let score)?: self[metric] = score
      case .integer(let score)?: self[metric] = Double(score)
      case .string("Infinity")?: self[metric] = .infinity
      case .string("-Infinity")?: self[metric] = -.infinity
      default: return nil
      }
    }
  }

  /// The scores there are, for people.
  public var figures: [String] {
    Metric.allCases.compactMap { metric in self[metric].map { "\(metric.title) \(metric.text($0))" } }
  }

  /// Means of the scores that every image has, over the finite ones.
  static func mean(of scores: [Scores]) throws(InputError) -> Scores {
    func mean(_ score: (Scores) -> Double?) throws(InputError) -> Double? {
      let values = scores.compactMap(score)
      return values.count == scores.count ? try meanScore(values) : nil
    }
    return Scores(
      psnr: try mean(\.psnr), ssim: try mean(\.ssim), nmse: try mean(\.nmse), rmse: try mean(\.rmse),
      codeError: try mean(\.codeError), seconds: try mean(\.seconds))
  }
}

/// How images are scored. A field that does not apply to the problem is nil and left out of the answer.
public struct ScoringProtocol: Sendable, Equatable {
  /// Estimates are clipped to [0, peak] before they are scored.
  public var clip: Bool?
  public var peak: Double?
  public var ssim: SimilarityWindow?

  public init(clip: Bool? = nil, peak: Double? = nil, ssim: SimilarityWindow? = nil) {
    self.clip = clip
    self.peak = peak
    self.ssim = ssim
  }

  /// What ``json`` wrote.
  init(_ object: JSONValue) {
    if case .bool(let clip)? = object["clip"] { self.clip = clip }
    peak = object["peak"]?.doubleValue
    ssim = object["ssim"]?.stringValue.flatMap { SimilarityWindow(rawValue: $0) }
  }

  var json: JSONValue {
    .object(["clip": clip.map(JSONValue.bool), "peak": peak.map(JSONValue.number), "ssim": ssim.map { .string($0.rawValue) }])
  }
}

/// The answer of `evaluate`: every image's scores and their mean.
public struct EvaluationReport: Report, Sendable, Equatable {
  public struct ImageScore: Sendable, Equatable {
    public var name: String
    public var scores: Scores

    public init(name: String, scores: Scores) {
      self.name = name
      self.scores = scores
    }
  }

  public let method: String
  /// The problem and its options, a JSON object.
  public let problem: JSONValue
  public let `protocol`: ScoringProtocol
  public let images: [ImageScore]
  public let mean: Scores
  /// Number of learnable numbers.
  public let parameters: Int
  /// The file of weights, nil for a classical method.
  public let weights: String?
  public let seed: UInt64
  /// What was passed over, scaled or guessed.
  public var remarks: [String] = []
  /// What part of the set it is of; nil: of all.
  public var shard: Shard?

  /// Scores that are not finite and so not in the mean, one line a metric; none where no score is finite.
  public var leftOut: [String] {
    Metric.allCases.compactMap { metric in
      let scores = images.compactMap { image in image.scores[metric].map { (name: image.name, value: $0) } }
      let odd = scores.filter { !$0.value.isFinite }
      guard !odd.isEmpty, odd.count < scores.count, mean[metric] != nil else { return nil }
      let kind =
        odd.allSatisfy(\.value.isNaN) ? "not defined" : odd.allSatisfy(\.value.isInfinite) ? "infinite" : "infinite or not defined"
      let names = odd.prefix(3).map(\.name).joined(separator: ", ") + (odd.count > 3 ? ", …" : "")
      return
        "\(metric.title) is \(kind) for \(odd.count) of \(scores.count) (\(names)); the mean is of the other\(scores.count - odd.count == 1 ? " one" : " \(scores.count - odd.count)")"
    }
  }

  /// - Parameter nmseDecibel: the error of the whole set, ``nmseDecibel(_:_:)-([Tensor],_)``, where the problem is judged by it.
  /// - Throws: when there are no images.
  public init(
    method: String, problem: JSONValue, protocol: ScoringProtocol, images: [ImageScore], nmseDecibel: Double? = nil,
    parameters: Int, weights: String?, seed: UInt64
  ) throws(InputError) {
    guard !images.isEmpty else {
      throw InputError("\(method): no images were evaluated; name a folder that holds at least one.")
    }
    var mean = try Scores.mean(of: images.map(\.scores))
    mean.nmseDecibel = nmseDecibel
    self.method = method
    self.problem = problem
    self.protocol = `protocol`
    self.images = images
    self.mean = mean
    self.parameters = parameters
    self.weights = weights
    self.seed = seed
  }

  public var json: JSONValue {
    let remarks = self.remarks + (shard == nil ? leftOut : [])  // what is left out of a mean is said of that of all shards
    let rows = images.map { image in JSONValue.object([JSONMember("name", .string(image.name))] + image.scores.members) }
    return .object([
      "method": .string(method), "problem": problem, "protocol": `protocol`.json, "images": .array(rows),
      "mean": .object(mean.members), "parameters": .integer(parameters), "weights": weights.map(JSONValue.string) ?? .null,
      "seed": .unsigned(seed), "shard": shard.map { .string("\($0)") },
      "remarks": remarks.isEmpty ? nil : .array(remarks.map(JSONValue.string)),
    ])
  }

  /// Metrics that the set or at least one image has.
  var metrics: [Metric] { Metric.allCases.filter { metric in mean[metric] != nil || images.contains { $0.scores[metric] != nil } } }

  public var text: String {
    let metrics = metrics
    var cells = TextTable(
      header: ["Image"] + metrics.map { $0 == .seconds ? "Time" : $0.title },
      alignments: [.left] + metrics.map { _ in .right })
    func row(_ scores: Scores) -> [String] {
      metrics.map { metric in metric == .seconds ? scores.seconds.map(duration) ?? "–" : metric.text(scores[metric]) }
    }
    for image in images { cells.append([image.name] + row(image.scores)) }
    cells.append(["Mean of \(images.count)"] + row(mean))
    for line in leftOut { cells.append(note: line) }
    return cells.text
  }
}
