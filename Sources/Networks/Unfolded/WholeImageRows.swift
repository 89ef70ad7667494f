// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Kernels
import Operators
import Tensors

// Whole images by rows of blocks, from top to bottom: what the networks compute, in memory that does not hold all their maps.
//
// A stage of SCNet needs its neighbours alone: stage k works on a row of blocks two steps after stage k − 1, all stages side by side on the
// threads, and the maps of no more than two rows of blocks are held for each. A stage of SODAS-Net needs means over the image: the stages
// go over it one after another, in place in one array of maps.

extension Unrolled {
  /// The image `[height, width]` of whole blocks from measurements `[blocks, M]`, in single precision; at most `stages` stages are run.
  ///
  /// The same as the network on the image as a whole but for the rounding of its convolutions, 1e-6 relative.
  public func byRows(_ y: Tensor, stages: Int? = nil) -> Tensor where Self == SCNet<BlockSampling> {
    let A = output.A
    let bands = BlockBands(A, y)
    var steps: [any RowStep] = [FirstRows(start, bands)]
    for k in 0..<min(stages ?? depth, depth) {
      let stage = schedule.stages[k]
      steps.append(ModuleRows(stage.data.data, stage.prior, bands))
    }
    steps.append(LastRows(output, bands))
    return Tensor(throughWave(steps, bands), shape: [A.grid.height, A.grid.width])
  }

  /// The image `[height, width]` of whole blocks from measurements `[blocks, M]`, in single precision; at most `stages` stages are run.
  ///
  /// The same as the network on the image as a whole but for rounding. One array holds all maps of the image, 128 bytes a pixel with 32
  /// channels; besides it some rows of blocks.
  public func byRows(_ y: Tensor, stages: Int? = nil) -> Tensor where Self == SODASNet<BlockSampling> {
    let bands = BlockBands(start.A, y)
    let first = FirstRows(start, bands)
    let channels = start.layer.weight.shape[0] + 1
    var maps: [Float] = []
    maps.reserveCapacity(start.A.grid.height * bands.width * channels)
    for b in 0..<bands.count { maps += first.push([], band: b) }
    for k in 0..<min(stages ?? depth, depth) {
      let stage = schedule.stages[k]
      MeanThresholdRows(stage.data.data, stage.prior, bands).run(&maps)
    }
    let (height, width) = (start.A.grid.height, bands.width)
    return firstChannel(Tensor(maps, shape: [1, height, width, channels])).reshaped([height, width])
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
}

/// What is done to the rows of maps that come, one row of blocks at a time.
private protocol RowStep: AnyObject, Sendable {
  /// Numbers of a row of pixels that comes in.
  var rowLength: Int { get }
  /// What the rows of block row `band`, all of them, make ready.
  func push(_ rows: [Float], band: Int) -> ArraySlice<Float>
}

/// All steps over all rows of blocks, each step as soon as the one before it has made a row of blocks ready, side by side on the threads.
private func throughWave(_ steps: [any RowStep], _ bands: BlockBands) -> [Float] {
  var waiting = [RowQueue](repeating: RowQueue(), count: steps.count + 1)
  var done = [Int](repeating: 0, count: steps.count)
  while done.last! < bands.count {
    // The first step reads measurements, the others rows.
    let due = steps.indices.filter { done[$0] < bands.count && waiting[$0].count >= bands.height * steps[$0].rowLength }
    let inputs = due.map { waiting[$0].take(bands.height * steps[$0].rowLength) }
    let places = due.map { done[$0] }
    let results = Parallel.map(due.count) { i in steps[due[i]].push(inputs[i], band: places[i]) }
    for (i, k) in due.enumerated() {
      done[k] += 1
      waiting[k + 1].append(results[i])
    }
  }
  return waiting[steps.count].take(waiting[steps.count].count)
}

/// Only one thread at a time pushes rows into a step.
private final class FirstRows: RowStep, @unchecked Sendable {
  private let bands: BlockBands
  private let image: @Sendable (Tensor) -> Tensor
  private var layer: ConvolutionRows
  let rowLength = 0

  init(_ start: RatioStart<BlockSampling>, _ bands: BlockBands) {
    self.bands = bands
    layer = ConvolutionRows(start.layer.weight, bias: start.layer.bias, width: bands.width)
    image = { besideConstant($0, bands.operators.samplingRatio) }
  }

  init(_ start: FeatureStart<BlockSampling>, _ bands: BlockBands) {
    self.bands = bands
    layer = ConvolutionRows(filtersAfterIdentity(start.layer.weight), bias: afterZero(start.layer.bias), width: bands.width)
    image = { $0 }
  }

  func push(_: [Float], band: Int) -> ArraySlice<Float> {
    layer.push(image(bands.operators.adjoint(bands.y(band))).floats[...], isLast: band == bands.count - 1)
  }
}

/// The data step of a stage on the rows of a row of blocks.
private struct DataRows<Data: DataStep>: Sendable where Data.Signal == Tensor, Data.Measurement == Tensor {
  let data: Data
  let bands: BlockBands
  let channels: Int

  func callAsFunction(_ rows: [Float], band: Int) -> [Float] {
    let (height, width) = (bands.height, bands.width)
    var values = rows
    var x = [Float](repeating: 0, count: height * width)
    ChannelCopies.first(values, channels: channels, into: &x, rows: height * width)
    let next = data(Tensor(x, shape: [1, height, width]), measurement: bands.y(band)).floats
    ChannelCopies.setFirst(next, of: &values, channels: channels, rows: height * width)
    return values
  }
}

private final class ModuleRows: RowStep, @unchecked Sendable {
  private let data: DataRows<GradientStep<BlockSampling>>
  private var first: ConvolutionRows
  private var second: ConvolutionRows
  /// R whose corrections have not come yet.
  private var waiting = RowQueue()
  let rowLength: Int

  init(_ step: FrozenData<GradientStep<BlockSampling>>, _ prior: ResidualConvolutions, _ bands: BlockBands) {
    let channels = prior.first.weight.shape[1]
    rowLength = bands.width * channels
    data = DataRows(data: step.part.with(bands.operators), bands: bands, channels: channels)
    first = ConvolutionRows(prior.first.weight, bias: prior.first.bias, rectified: true, width: bands.width)
    second = ConvolutionRows(prior.second.weight, bias: prior.second.bias, width: bands.width)
  }

  func push(_ rows: [Float], band: Int) -> ArraySlice<Float> {
    let isLast = band == data.bands.count - 1
    let r = data(rows, band: band)
    waiting.append(r[...])
    return waiting.take(adding: second.push(first.push(r[...], isLast: isLast), isLast: isLast))[...]
  }
}

private final class LastRows: RowStep, @unchecked Sendable {
  private let bands: BlockBands
  private let data: GradientStep<BlockSampling>
  private var layer: ConvolutionRows
  /// Rows of the image that are no whole row of blocks yet.
  private var waiting = RowQueue()
  private var band = 0
  let rowLength: Int

  init(_ output: ConsistentReadout<BlockSampling>, _ bands: BlockBands) {
    self.bands = bands
    data = GradientStep(bands.operators, stepSize: 1)
    layer = ConvolutionRows(output.layer.weight, bias: output.layer.bias, width: bands.width)
    rowLength = bands.width * output.layer.weight.shape[1]
  }

  func push(_ rows: [Float], band: Int) -> ArraySlice<Float> {
    waiting.append(layer.push(rows[...], isLast: band == bands.count - 1))
    var result: [Float] = []
    let size = bands.height * bands.width
    while waiting.count >= size {
      let x = Tensor(waiting.take(size), shape: [1, bands.height, bands.width])
      result += data(x, measurement: bands.y(self.band)).floats
      self.band += 1
    }
    return result[...]
  }
}

/// A stage of SODAS-Net over all rows, in place: the data step and the sums of F(R), then the corrections.
private struct MeanThresholdRows {
  let data: DataRows<GradientStep<BlockSampling>>
  let prior: MeanThresholdCorrection
  var bands: BlockBands { data.bands }

  init(_ step: GradientStep<BlockSampling>, _ prior: MeanThresholdCorrection, _ bands: BlockBands) {
    self.prior = prior
    data = DataRows(data: step.with(bands.operators), bands: bands, channels: prior.analysis.first.shape[1])
  }

  func run(_ maps: inout [Float]) {
    let size = bands.height * bands.width * data.channels
    func analysis() -> (ConvolutionRows, ConvolutionRows) {
      (
        ConvolutionRows(prior.analysis.first, rectified: true, width: bands.width),
        ConvolutionRows(prior.analysis.second, width: bands.width)
      )
    }
    let channels = prior.analysis.second.shape[0]
    var sums = [Double](repeating: 0, count: channels)
    var (first, second) = analysis()
    for band in 0..<bands.count {
      let place = band * size..<(band + 1) * size
      let r = data(Array(maps[place]), band: band)
      maps.withUnsafeMutableBufferPointer { ($0.baseAddress! + place.lowerBound).update(from: r, count: size) }
      let isLast = band == bands.count - 1
      let f = second.push(first.push(r[...], isLast: isLast), isLast: isLast)
      add(f, to: &sums)
    }
    let pixels = Double(bands.count * bands.height * bands.width)
    let thresholds = sums.map { Float(prior.threshold * ($0 / pixels)) }

    (first, second) = analysis()
    var third = ConvolutionRows(prior.synthesis.first, rectified: true, width: bands.width)
    var fourth = ConvolutionRows(prior.synthesis.second, width: bands.width)
    var written = 0
    for band in 0..<bands.count {
      let isLast = band == bands.count - 1
      let f = second.push(first.push(maps[band * size..<(band + 1) * size], isLast: isLast), isLast: isLast)
      let s = shrunk(f, thresholds)
      let correction = fourth.push(third.push(s[...], isLast: isLast), isLast: isLast)
      // Above the rows that later corrections read.
      let place = written..<written + correction.count
      maps.withUnsafeMutableBufferPointer { maps in
        correction.withUnsafeBufferPointer { correction in
          let rows = maps.baseAddress! + written
          if let correction = correction.baseAddress { Float.add(rows, correction, into: rows, count: place.count) }
        }
      }
      written += correction.count
    }
  }

  private func add(_ f: ArraySlice<Float>, to sums: inout [Double]) {
    f.withUnsafeBufferPointer { f in
      guard let base = f.baseAddress, !f.isEmpty else { return }
      let found = ChannelRows(rows: f.count / sums.count, channels: sums.count).sums(base)
      for c in sums.indices { sums[c] += found[c] }
    }
  }

  private func shrunk(_ f: ArraySlice<Float>, _ thresholds: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: f.count) { out, filled in
      f.withUnsafeBufferPointer { f in
        guard let base = f.baseAddress, !f.isEmpty else { return }
        Float.softThresholdColumns(
          base, thresholds, into: out.baseAddress!, rows: f.count / thresholds.count, width: thresholds.count)
      }
      filled = f.count
    }
  }
}
