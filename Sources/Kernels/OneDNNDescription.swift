// SPDX-License-Identifier: Apache-2.0
import COneDNN

/// Stops with oneDNN's status; only a lack of memory or a defect of this package leads here.
func oneDNN(_ status: dnnl_status_t, _ what: StaticString) {
  precondition(status == dnnl_success, "oneDNN: \(what) failed with status \(status.rawValue)")
}

/// What oneDNN will do for a convolution of one sample: the kernel and its layouts. Immutable.
final class OneDNNDescription: @unchecked Sendable {
  let shape: ConvolutionShape
  let direction: ConvolutionDirection
  let primitive: dnnl_primitive_desc_t
  let hasBias: Bool
  /// oneDNN's name of the kernel, such as `jit:avx2`.
  let implementation: String

  /// The processor; made once, shared by all threads.
  nonisolated(unsafe) static let engine: dnnl_engine_t = {
    var engine: dnnl_engine_t?
    oneDNN(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine")
    return engine!
  }()

  /// Nil when oneDNN has no such convolution.
  init?(_ shape: ConvolutionShape, _ direction: ConvolutionDirection, bias: Bool) {
    self.shape = shape
    self.direction = direction
    hasBias = bias
    var data = Self.memory(shape.dataExtents, dnnl_format_tag_any)
    var weights = Self.memory(shape.weightExtents, dnnl_format_tag_any)
    var result = Self.memory(shape.resultExtents, dnnl_format_tag_any)
    var biases = bias ? Self.memory([Int64(shape.outputChannels)], dnnl_x) : dnnl_memory_desc_t()
    let strides: [Int64] = [1, 1]
    let padding = [Int64(shape.paddingHeight), Int64(shape.paddingWidth)]

    let attributes = Self.attributes()
    defer { dnnl_primitive_attr_destroy(attributes) }
    var description = dnnl_convolution_desc_t()
    var found: dnnl_primitive_desc_t?
    func make(_ hint: dnnl_primitive_desc_t?) -> dnnl_primitive_desc_t? {
      var made: dnnl_primitive_desc_t?
      let status = dnnl_primitive_desc_create(&made, &description, attributes, Self.engine, hint)
      return status == dnnl_success ? made : nil
    }
    oneDNN(
      dnnl_convolution_forward_desc_init(
        &description, dnnl_forward_training, dnnl_convolution_direct, &data, &weights, &biases, &result, strides, padding, padding),
      "convolution")
    found = make(nil)
    if direction != .forward {
      guard let hint = found else { return nil }
      defer { dnnl_primitive_desc_destroy(hint) }
      if direction == .backwardData {
        oneDNN(
          dnnl_convolution_backward_data_desc_init(
            &description, dnnl_convolution_direct, &data, &weights, &result, strides, padding, padding), "convolution")
      } else {
        oneDNN(
          dnnl_convolution_backward_weights_desc_init(
            &description, dnnl_convolution_direct, &data, &weights, nil, &result, strides, padding, padding), "convolution")
      }
      found = make(hint)
    }
    guard let found else { return nil }
    primitive = found
    var name: UnsafePointer<CChar>?
    dnnl_primitive_desc_query(found, dnnl_query_impl_info_str, 0, &name)
    implementation = name.map { String(cString: $0) } ?? "unknown"
  }

  deinit { dnnl_primitive_desc_destroy(primitive) }

  /// The default scratchpad belongs to the thread that made a primitive; one of our own travels with it.
  static func attributes() -> dnnl_primitive_attr_t? {
    var attributes: dnnl_primitive_attr_t?
    oneDNN(dnnl_primitive_attr_create(&attributes), "attributes")
    oneDNN(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "scratchpad mode")
    return attributes
  }

  private static func memory(_ extents: [Int64], _ tag: dnnl_format_tag_t) -> dnnl_memory_desc_t {
    var description = dnnl_memory_desc_t()
    oneDNN(dnnl_memory_desc_init_by_tag(&description, Int32(extents.count), extents, dnnl_f32, tag), "memory description")
    return description
  }

  private func layout(_ query: dnnl_query_t) -> dnnl_memory_desc_t { dnnl_primitive_desc_query_md(primitive, query, 0).pointee }

  // MARK: Arguments

  func data() -> OneDNNArgument {
    let output = direction == .backwardData
    return OneDNNArgument(
      output ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, ours: Self.memory(shape.dataExtents, dnnl_nchw),
      theirs: layout(output ? dnnl_query_diff_src_md : dnnl_query_src_md))
  }

  func weights() -> OneDNNArgument {
    let output = direction == .backwardWeights
    return OneDNNArgument(
      output ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, ours: Self.memory(shape.weightExtents, dnnl_oihw),
      theirs: layout(output ? dnnl_query_diff_weights_md : dnnl_query_weights_md))
  }

  func result() -> OneDNNArgument {
    let output = direction == .forward
    return OneDNNArgument(
      output ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, ours: Self.memory(shape.resultExtents, dnnl_nchw),
      theirs: layout(output ? dnnl_query_dst_md : dnnl_query_diff_dst_md))
  }

  func bias() -> OneDNNArgument? {
    let ours = Self.memory([Int64(shape.outputChannels)], dnnl_x)
    return hasBias ? OneDNNArgument(DNNL_ARG_BIAS, ours: ours, theirs: ours) : nil
  }

  func scratchpad() -> OneDNNArgument { OneDNNArgument(DNNL_ARG_SCRATCHPAD, allocating: layout(dnnl_query_scratchpad_md)) }
}

extension ConvolutionShape {
  fileprivate var dataExtents: [Int64] { [1, Int64(inputChannels), Int64(height), Int64(width)] }
  fileprivate var weightExtents: [Int64] {
    [Int64(outputChannels), Int64(inputChannels), Int64(kernelHeight), Int64(kernelWidth)]
  }
  fileprivate var resultExtents: [Int64] { [1, Int64(outputChannels), Int64(outputHeight), Int64(outputWidth)] }
}
