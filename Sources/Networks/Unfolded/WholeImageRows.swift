// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Kernels
import Operators
import Tensors

// Networks on one whole image, as fast as may be and in bounded memory: what `Unrolled` computes of it, without new maps at every step.
//
// An image of up to a million pixels is taken as a whole, in one or two arrays of maps. Larger ones go by rows of blocks, from top to bottom. A
// stage of SCNet needs its neighbours alone: stage k works on a row of blocks two steps after stage k − 1, all stages side by side on the
// threads, and the maps of no more than two rows of blocks are held for each. A stage of SODAS-Net needs means over the image: its stages go
// over it one after another, in place in one array of maps.

/// How an image is gone through.
public enum ImageTraversal: Sendable {
  /// All rows at once, in one or two arrays of maps.
  case whole
  /// A row of blocks after the other.
  case rows

  /// The one for an image of this many pixels.
  static func suited(to grid: BlockGrid) -> ImageTraversal { grid.height * grid.width <= 1 << 20 ? .whole : .rows }
}

extension Unrolled {
  /// The image `[height, width]` of whole blocks from measurements `[blocks, M]`, in single precision; at most `stages` stages are run.
  ///
  /// The same as the network but for the rounding of its convolutions, 1e-6 relative.
  public func image(
    _ y: Tensor, stages: Int? = nil, traversal: ImageTraversal? = nil
  ) -> Tensor where Self == SCNet<BlockSampling> {
    let (A, count) = (output.A, min(stages ?? depth, depth))
    let bands = BlockBands(A, y)
    if (traversal ?? .suited(to: A.grid)) == .whole {
      var maps = WholeMaps(start(y.reshaped([1] + y.shape)), bands)
      for stage in schedule.stages.prefix(count) {
        maps.take(stage.data.data.part)
        maps.correct(RowLayer(stage.prior.first, rectified: true), RowLayer(stage.prior.second))
      }
      return output(maps.tensor, measurement: y.reshaped([1] + y.shape)).reshaped([A.grid.height, A.grid.width])
    }
    var steps: [any RowStep] = [FirstRows(start, bands)]
    for stage in schedule.stages.prefix(count) { steps.append(ModuleRows(stage.data.data, stage.prior, bands)) }
    steps.append(LastRows(output, bands))
    return Tensor(throughWave(steps, bands), shape: [A.grid.height, A.grid.width])
  }

  /// The image `[height, width]` of whole blocks from measurements `[blocks, M]`, in single precision; at most `stages` stages are run.
  ///
  /// The same as the network but for rounding. By rows, one array holds all maps of the image, 128 bytes a pixel with 32 channels; besides it
  /// there are some rows of blocks.
  public func image(
    _ y: Tensor, stages: Int? = nil, traversal: ImageTraversal? = nil
  ) -> Tensor where Self == SODASNet<BlockSampling> {
    let (grid, count) = (start.A.grid, min(stages ?? depth, depth))
    let bands = BlockBands(start.A, y)
    if (traversal ?? .suited(to: grid)) == .whole {
      var maps = WholeMaps(start(y.reshaped([1] + y.shape)), bands)
      for stage in schedule.stages.prefix(count) {
        maps.take(stage.data.data)
        maps.analyse(stage.prior.analysis)
        maps.shrink(by: stage.prior.threshold)
        maps.synthesise(stage.prior.synthesis)
      }
      return firstChannel(maps.tensor).reshaped([grid.height, grid.width])
    }
    let first = FirstRows(start, bands)
    let channels = start.layer.weight.shape[0] + 1
    var maps: [Float] = []
    maps.reserveCapacity(grid.height * grid.width * channels)
    var none = RowQueue()
    for b in 0..<bands.count { maps += first.push(&none, band: b) }
    for stage in schedule.stages.prefix(count) {
      let rows = MeanThresholdRows(stage.data.data, stage.prior, bands)
      maps.withUnsafeMutableBufferPointer { rows.run($0.baseAddress!) }
    }
    return firstChannel(Tensor(maps, shape: [1, grid.height, grid.width, channels])).reshaped([grid.height, grid.width])
  }
}

extension RowLayer {
  fileprivate init(_ layer: ConvolutionLayer, rectified: Bool = false) {
    self.init(layer.weight, bias: layer.bias, rectified: rectified)
  }
}

/// The maps of an image in two arrays that all stages share: X and, where there is one, f = F(X).
private struct WholeMaps {
  private let bands: BlockBands
  private let channels: Int
  private var x: [Float]
  private var f: [Float] = []
  /// Rows of blocks that a data step takes at a time: their product reads Φ once.
  private static let bandsAtATime = 4

  init(_ maps: Tensor, _ bands: BlockBands) {
    self.bands = bands
    channels = maps.width
    x = maps.floats
  }

  private var height: Int { bands.count * bands.height }
  private var width: Int { bands.width }
  var tensor: Tensor { Tensor(x, shape: [1, height, width, channels]) }

  /// The data step of a stage.
  mutating func take(_ step: GradientStep<BlockSampling>) {
    let (bands, channels, size) = (bands, channels, bands.height * bands.width * channels)
    x.withUnsafeMutableBufferPointer { x in
      let x = SharedMutable(x.baseAddress!)
      RowPieces(rows: bands.count, size: Self.bandsAtATime).forEach { range in
        DataRows(data: step, bands: bands, channels: channels)(x.pointer + range.lowerBound * size, range)
      }
    }
  }

  /// X += second * first * X.
  mutating func correct(_ first: RowLayer, _ second: RowLayer) {
    RowLayerPair(first, second, height: height, width: width)(addingTo: &x)
  }

  /// f = F(X).
  mutating func analyse(_ pair: ConvolutionPair) {
    if f.isEmpty { f = Array(repeating: 0, count: x.count) }
    layers(pair)(x, into: &f)
  }

  /// X += F̃(f).
  mutating func synthesise(_ pair: ConvolutionPair) { layers(pair)(f, addingTo: &x) }

  private func layers(_ pair: ConvolutionPair) -> RowLayerPair {
    RowLayerPair(RowLayer(pair.first, rectified: true), RowLayer(pair.second), height: height, width: width)
  }

  /// Soft thresholds of f, by a multiple of every channel's mean.
  mutating func shrink(by scale: Double) {
    let (rows, channels) = (height * width, channels)
    let sums = ChannelRows(rows: rows, channels: channels).sums(f)
    let thresholds = sums.prefix(channels).map { Float(scale * ($0 / Double(rows))) }
    f.withUnsafeMutableBufferPointer { f in
      let f = SharedMutable(f.baseAddress!)
      RowPieces(rows: rows, size: max(1, (1 << 16) / channels)).forEach { range in
        let f = f.pointer + range.lowerBound * channels
        Float.softThresholdColumns(f, thresholds, f, range.count, channels)
      }
    }
  }
}

/// The rows of blocks of an image, each with its operator and its measurements.
private struct BlockBands: Sendable {
  let operators: BlockSampling
  let measurements: Tensor
  let count: Int
  var width: Int { operators.grid.width }
  /// Rows of pixels of a row of blocks.
  var height: Int { operators.grid.height }

  init(_ A: BlockSampling, _ y: Tensor) {
    let grid = A.grid
    precondition(
      grid.height % grid.side == 0 && grid.width % grid.side == 0 && y.shape == [grid.count, A.phi.rows],
      "measurements \(y.shape) of \(grid.height) × \(grid.width) pixels in whole blocks of \(grid.side)")
    operators = BlockSampling(phi: A.phi, grid: BlockGrid(height: grid.side, width: grid.width, side: grid.side))
    measurements = y.reshaped([grid.rows, grid.columns, A.phi.rows])
    count = grid.rows
  }

  /// y of a row of blocks, `[1, columns, M]`.
  func y(_ band: Int) -> Tensor { measurements.rows(band..<band + 1) }

  /// The operator of some rows of blocks together, and their y, `[1, blocks, M]`.
  func part(_ bands: Range<Int>) -> (A: BlockSampling, y: Tensor) {
    let (grid, M) = (operators.grid, operators.phi.rows)
    return (
      BlockSampling(phi: operators.phi, grid: BlockGrid(height: bands.count * grid.height, width: grid.width, side: grid.side)),
      measurements.rows(bands).reshaped([1, bands.count * grid.columns, M])
    )
  }
}

/// What is done to the rows of maps that come, one row of blocks at a time.
private protocol RowStep: AnyObject, Sendable {
  /// Numbers of a row of pixels that comes in.
  var rowLength: Int { get }
  /// What the rows of block row `band`, the next of `input`, make ready.
  func push(_ input: inout RowQueue, band: Int) -> ArraySlice<Float>
}

/// All steps over all rows of blocks, each step as soon as the one before it has made a row of blocks ready, side by side on the threads.
private func throughWave(_ steps: [any RowStep], _ bands: BlockBands) -> [Float] {
  var waiting = [RowQueue](repeating: RowQueue(), count: steps.count + 1)
  var done = [Int](repeating: 0, count: steps.count)
  while done.last! < bands.count {
    // The first step reads measurements, the others rows.
    let due = steps.indices.filter { done[$0] < bands.count && waiting[$0].count >= bands.height * steps[$0].rowLength }
    let (queues, places) = (due.map { waiting[$0] }, due.map { done[$0] })
    for k in due { waiting[k] = RowQueue() }
    let results = Parallel.map(due.count) { i in
      var queue = queues[i]
      return (ready: steps[due[i]].push(&queue, band: places[i]), left: queue)
    }
    for (i, k) in due.enumerated() {
      done[k] += 1
      waiting[k] = results[i].left
    }
    for (i, k) in due.enumerated() { waiting[k + 1].append(results[i].ready) }
  }
  return waiting[steps.count].take(waiting[steps.count].count)
}

// Only one thread at a time pushes rows into a step.

private final class FirstRows: RowStep, @unchecked Sendable {
  private let bands: BlockBands
  private let image: @Sendable (Tensor) -> Tensor
  private let layer: RowLayer
  private var source: RowWindow
  private var made = 0
  let rowLength = 0

  init(_ start: RatioStart<BlockSampling>, _ bands: BlockBands) {
    self.bands = bands
    layer = RowLayer(start.layer)
    source = RowWindow(width: bands.width, channels: 2)
    image = { besideConstant($0, bands.operators.samplingRatio) }
  }

  init(_ start: FeatureStart<BlockSampling>, _ bands: BlockBands) {
    self.bands = bands
    layer = RowLayer(filtersAfterIdentity(start.layer.weight), bias: afterZero(start.layer.bias))
    source = RowWindow(width: bands.width, channels: 1)
    image = { $0 }
  }

  func push(_: inout RowQueue, band: Int) -> ArraySlice<Float> {
    source.append(image(bands.operators.adjoint(bands.y(band))).floats[...])
    let result = layer.rows(from: made, of: source, isLast: band == bands.count - 1)
    made += result.count / (source.width * layer.outputChannels)
    source.drop(before: made - 1)
    return result
  }
}

/// The data step of a stage on rows of blocks, in place.
private struct DataRows: Sendable {
  let data: GradientStep<BlockSampling>
  let bands: BlockBands
  let channels: Int

  func callAsFunction(_ rows: UnsafeMutablePointer<Float>, _ range: Range<Int>) {
    let (height, width) = (range.count * bands.height, bands.width)
    let image = [Float](unsafeUninitializedCapacity: height * width) { image, filled in
      ChannelCopies.first(rows, channels: channels, into: image.baseAddress!, rows: height * width)
      filled = height * width
    }
    let (A, y) = bands.part(range)
    let next = data.with(A)(Tensor(image, shape: [1, height, width]), measurement: y).floats
    ChannelCopies.setFirst(next, of: rows, channels: channels, rows: height * width)
  }
}

private final class ModuleRows: RowStep, @unchecked Sendable {
  private let data: DataRows
  private var pair: PairRows
  var rowLength: Int { pair.rowLength }

  init(_ step: FrozenData<GradientStep<BlockSampling>>, _ prior: ResidualConvolutions, _ bands: BlockBands) {
    pair = PairRows(RowLayer(prior.first, rectified: true), RowLayer(prior.second), width: bands.width, addsInput: true)
    data = DataRows(data: step.part, bands: bands, channels: prior.first.weight.shape[1])
  }

  func push(_ input: inout RowQueue, band: Int) -> ArraySlice<Float> {
    let count = data.bands.height * rowLength
    return pair.push(rows: data.bands.height, isLast: band == data.bands.count - 1) { rows in
      input.take(count, into: rows)
      data(rows, band..<band + 1)
    }
  }
}

private final class LastRows: RowStep, @unchecked Sendable {
  private let bands: BlockBands
  private let data: GradientStep<BlockSampling>
  private let layer: RowLayer
  private var source: RowWindow
  /// Rows of the image that are no whole row of blocks yet.
  private var waiting = RowQueue()
  private var (made, consistent) = (0, 0)
  var rowLength: Int { source.rowLength }

  init(_ output: ConsistentReadout<BlockSampling>, _ bands: BlockBands) {
    self.bands = bands
    data = GradientStep(bands.operators, stepSize: 1)
    layer = RowLayer(output.layer)
    source = RowWindow(width: bands.width, channels: layer.inputChannels)
  }

  func push(_ input: inout RowQueue, band: Int) -> ArraySlice<Float> {
    let count = bands.height * rowLength
    source.append(rows: bands.height) { input.take(count, into: $0) }
    let rows = layer.rows(from: made, of: source, isLast: band == bands.count - 1)
    made += rows.count / bands.width
    source.drop(before: made - 1)
    waiting.append(rows)
    var result: [Float] = []
    let size = bands.height * bands.width
    while waiting.count >= size {
      let x = Tensor(waiting.take(size), shape: [1, bands.height, bands.width])
      result += data(x, measurement: bands.y(consistent)).floats
      consistent += 1
    }
    return result[...]
  }
}

/// Two layers over rows that come, second * first * x, with `addsInput` x + second * first * x.
private struct PairRows {
  private let (first, second): (RowLayer, RowLayer)
  private let addsInput: Bool
  private var (x, h): (RowWindow, RowWindow)
  private var made = 0
  var rowLength: Int { x.rowLength }

  init(_ first: RowLayer, _ second: RowLayer, width: Int, addsInput: Bool) {
    (self.first, self.second, self.addsInput) = (first, second, addsInput)
    x = RowWindow(width: width, channels: first.inputChannels)
    h = RowWindow(width: width, channels: first.outputChannels)
  }

  init(_ pair: ConvolutionPair, width: Int) {
    self.init(RowLayer(pair.first, rectified: true), RowLayer(pair.second), width: width, addsInput: false)
  }

  /// What `count` rows that `body` writes make ready.
  mutating func push(rows count: Int, isLast: Bool, _ body: (UnsafeMutablePointer<Float>) -> Void) -> ArraySlice<Float> {
    x.append(rows: count, body)
    first.append(to: &h, of: x, isLast: isLast)
    let result = second.rows(from: made, of: h, adding: addsInput ? x : nil, isLast: isLast)
    made += result.count / (x.width * second.outputChannels)
    h.drop(before: made - 1)
    x.drop(before: addsInput ? min(h.end - 1, made) : h.end - 1)
    return result
  }
}

/// A stage of SODAS-Net over all rows, in place: the data step and the sums of F(R), then the corrections.
private struct MeanThresholdRows {
  let data: DataRows
  let prior: MeanThresholdCorrection
  var bands: BlockBands { data.bands }

  init(_ step: GradientStep<BlockSampling>, _ prior: MeanThresholdCorrection, _ bands: BlockBands) {
    self.prior = prior
    data = DataRows(data: step, bands: bands, channels: prior.analysis.first.shape[1])
  }

  func run(_ maps: UnsafeMutablePointer<Float>) {
    let (size, channels) = (bands.height * bands.width * data.channels, prior.analysis.second.shape[0])
    /// F(R) of every row of blocks, as soon as it is ready.
    func forEachAnalysis(dataStep: Bool, _ body: (_ f: UnsafePointer<Float>, _ pixels: Int, _ isLast: Bool) -> Void) {
      var analysis = PairRows(prior.analysis, width: bands.width)
      for band in 0..<bands.count {
        let (rows, isLast) = (maps + band * size, band == bands.count - 1)
        if dataStep { data(rows, band..<band + 1) }
        let f = analysis.push(rows: bands.height, isLast: isLast) { $0.update(from: rows, count: size) }
        f.withUnsafeBufferPointer { if !f.isEmpty { body($0.baseAddress!, f.count / channels, isLast) } }
      }
    }
    var sums = [Double](repeating: 0, count: channels)
    forEachAnalysis(dataStep: true) { f, pixels, _ in
      let found = ChannelRows(rows: pixels, channels: channels).sums(f)
      for c in 0..<channels { sums[c] += found[c] }
    }
    let pixels = Double(bands.count * bands.height * bands.width)
    let thresholds = sums.map { Float(prior.threshold * ($0 / pixels)) }

    var synthesis = PairRows(prior.synthesis, width: bands.width)
    // Rows are written above those that F(R) still reads.
    var rows = maps
    forEachAnalysis(dataStep: false) { f, pixels, isLast in
      let correction = synthesis.push(rows: pixels / bands.width, isLast: isLast) {
        Float.softThresholdColumns(f, thresholds, $0, pixels, channels)
      }
      correction.withUnsafeBufferPointer { if let c = $0.baseAddress { Float.add(rows, c, rows, $0.count) } }
      rows += correction.count
    }
  }
}
