// SPDX-License-Identifier: Apache-2.0
import CKernels
import COneDNN
import Platform
import Synchronization

/// One convolution primitive of oneDNN for one sample, with the memory it works in. Used by one thread at a time; see ``Pool``.
///
/// oneDNN chooses the layouts of all arrays (asking it for rows of pixels can force its slow reference kernels); where its choice
/// is not ours, arrays are reordered before and after.
final class OneDNNConvolution {
  private let stream: dnnl_stream_t
  private let primitive: dnnl_primitive_t
  private let data: OneDNNArgument  // x, or dx
  private let weights: OneDNNArgument  // w, or dw
  private let result: OneDNNArgument  // y, or v
  private let bias: OneDNNArgument?
  private let scratchpad: OneDNNArgument
  private let shape: ConvolutionShape

  /// Runs x · w + bias → y for every sample.
  func forward(
    batch: Int, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, bias b: UnsafePointer<Float>?,
    into y: UnsafeMutablePointer<Float>
  ) {
    weights.point(to: w)
    weights.load(on: stream)
    if let b { bias?.point(to: b) }
    for sample in 0..<batch {
      data.point(to: x + sample * shape.inputCount)
      result.point(to: y + sample * shape.outputCount)
      data.load(on: stream)
      execute()
      result.store(on: stream)
    }
  }

  /// Runs v · w → dx for every sample.
  func backwardData(batch: Int, _ v: UnsafePointer<Float>, _ w: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>) {
    weights.point(to: w)
    weights.load(on: stream)
    for sample in 0..<batch {
      result.point(to: v + sample * shape.outputCount)
      data.point(to: dx + sample * shape.inputCount)
      result.load(on: stream)
      execute()
      data.store(on: stream)
    }
  }

  /// Runs x · v → dw for every sample and adds them up, in order.
  func backwardWeights(batch: Int, _ x: UnsafePointer<Float>, _ v: UnsafePointer<Float>, into dw: UnsafeMutablePointer<Float>) {
    let count = shape.weightCount
    dw.update(repeating: 0, count: count)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { part in
      weights.point(to: part.baseAddress!)
      for sample in 0..<batch {
        data.point(to: x + sample * shape.inputCount)
        result.point(to: v + sample * shape.outputCount)
        data.load(on: stream)
        result.load(on: stream)
        execute()
        weights.store(on: stream)
        Float.axpy(1, part.baseAddress!, dw, count)
      }
    }
  }

  private func execute() {
    var arguments = [data, weights, result, scratchpad].map(\.execution)
    if let bias { arguments.append(bias.execution) }
    ck_prepare_signal_stack()
    oneDNN(dnnl_primitive_execute(primitive, stream, Int32(arguments.count), arguments), "execution")
  }

  private init(_ description: OneDNNDescription) {
    shape = description.shape
    var stream: dnnl_stream_t?
    oneDNN(dnnl_stream_create(&stream, OneDNNDescription.engine, UInt32(dnnl_stream_default_flags.rawValue)), "stream")
    self.stream = stream!
    var primitive: dnnl_primitive_t?
    oneDNN(dnnl_primitive_create(&primitive, description.primitive), "primitive")
    self.primitive = primitive!
    data = description.data()
    weights = description.weights()
    result = description.result()
    bias = description.bias()
    scratchpad = description.scratchpad()
  }

  deinit {
    dnnl_primitive_destroy(primitive)
    dnnl_stream_destroy(stream)
  }

  // MARK: Sharing between threads

  /// The convolutions of one description: as many as threads have used at once.
  final class Pool: Sendable {
    let description: OneDNNDescription
    private let idle = Mutex<[Idle]>([])

    /// Handed from thread to thread through the lock alone.
    private struct Idle: @unchecked Sendable { let convolution: OneDNNConvolution }

    var implementation: String { description.implementation }

    fileprivate init(_ description: OneDNNDescription) { self.description = description }

    func use(_ body: (OneDNNConvolution) -> Void) {
      omp_set_num_threads(1)  // of the calling thread: parallelism is above, over samples
      let held = idle.withLock { $0.popLast() } ?? Idle(convolution: OneDNNConvolution(description))
      body(held.convolution)
      idle.withLock { $0.append(held) }
    }
  }

  private struct Key: Hashable, Sendable {
    let shape: ConvolutionShape
    let direction: ConvolutionDirection
    let bias: Bool
  }

  private static let pools = PlanCache<Key, Pool?>()

  /// The pool for a convolution; nil where oneDNN has only a reference kernel, or none.
  static func pool(_ shape: ConvolutionShape, _ direction: ConvolutionDirection, bias: Bool) -> Pool? {
    if shape.isEmpty { return nil }
    return pools.plan(Key(shape: shape, direction: direction, bias: bias)) {
      omp_set_num_threads(1)  // kernels are built for a number of threads
      guard let description = OneDNNDescription(shape, direction, bias: bias) else { return nil }
      return description.implementation.contains("ref") ? nil : Pool(description)
    }
  }
}
