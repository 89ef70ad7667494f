// SPDX-License-Identifier: Apache-2.0
import COneDNN

/// An array in our layout, where the caller's buffer is, and the same in oneDNN's, which is its own memory if they differ.
final class OneDNNArgument {
  private let argument: Int32
  private let ours: OneDNNMemory
  private let theirs: OneDNNMemory
  private var toTheirs: OneDNNReorder?
  private var toOurs: OneDNNReorder?

  init(_ argument: Int32, ours: dnnl_memory_desc_t, theirs: dnnl_memory_desc_t) {
    var (outside, inside) = (ours, theirs)
    self.argument = argument
    self.ours = OneDNNMemory(outside, allocating: false)
    if dnnl_memory_desc_equal(&outside, &inside) == 1 {
      self.theirs = self.ours
    } else {
      self.theirs = OneDNNMemory(inside, allocating: true)
      toTheirs = OneDNNReorder(from: outside, to: inside)
      toOurs = OneDNNReorder(from: inside, to: outside)
    }
  }

  /// Memory for oneDNN alone.
  init(_ argument: Int32, allocating description: dnnl_memory_desc_t) {
    self.argument = argument
    ours = OneDNNMemory(description, allocating: true)
    theirs = ours
  }

  var execution: dnnl_exec_arg_t { dnnl_exec_arg_t(arg: argument, memory: theirs.handle) }

  /// Names the caller's buffer. One that is read only is not written: oneDNN has one pointer type for both.
  func point(to buffer: UnsafePointer<Float>) {
    oneDNN(dnnl_memory_set_data_handle(ours.handle, UnsafeMutableRawPointer(mutating: buffer)), "buffer")
  }

  /// Brings an input from the caller's buffer to oneDNN's layout.
  func load(on stream: dnnl_stream_t) { toTheirs?.run(ours, theirs, on: stream) }
  /// Brings an output from oneDNN's layout to the caller's buffer.
  func store(on stream: dnnl_stream_t) { toOurs?.run(theirs, ours, on: stream) }
}

/// A described buffer: oneDNN's own, or one that is named later.
final class OneDNNMemory {
  let handle: dnnl_memory_t

  init(_ description: dnnl_memory_desc_t, allocating: Bool) {
    var description = description
    var memory: dnnl_memory_t?
    let buffer = allocating ? UnsafeMutableRawPointer(bitPattern: UInt.max) : nil  // DNNL_MEMORY_ALLOCATE, DNNL_MEMORY_NONE
    oneDNN(dnnl_memory_create(&memory, &description, OneDNNDescription.engine, buffer), "memory")
    handle = memory!
  }

  deinit { dnnl_memory_destroy(handle) }
}

/// A copy from one layout to another.
private final class OneDNNReorder {
  private let primitive: dnnl_primitive_t
  private let scratchpad: OneDNNMemory

  init(from source: dnnl_memory_desc_t, to destination: dnnl_memory_desc_t) {
    var (source, destination) = (source, destination)
    let attributes = OneDNNDescription.attributes()
    defer { dnnl_primitive_attr_destroy(attributes) }
    let engine = OneDNNDescription.engine
    var description: dnnl_primitive_desc_t?
    oneDNN(dnnl_reorder_primitive_desc_create(&description, &source, engine, &destination, engine, attributes), "reordering")
    defer { dnnl_primitive_desc_destroy(description) }
    var made: dnnl_primitive_t?
    oneDNN(dnnl_primitive_create(&made, description), "reordering")
    primitive = made!
    scratchpad = OneDNNMemory(dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0).pointee, allocating: true)
  }

  deinit { dnnl_primitive_destroy(primitive) }

  func run(_ from: OneDNNMemory, _ to: OneDNNMemory, on stream: dnnl_stream_t) {
    let arguments = [
      dnnl_exec_arg_t(arg: DNNL_ARG_FROM, memory: from.handle), dnnl_exec_arg_t(arg: DNNL_ARG_TO, memory: to.handle),
      dnnl_exec_arg_t(arg: DNNL_ARG_SCRATCHPAD, memory: scratchpad.handle),
    ]
    oneDNN(dnnl_primitive_execute(primitive, stream, Int32(arguments.count), arguments), "reordering")
  }
}
