// SPDX-License-Identifier: Apache-2.0
import _Differentiation

/// Something with named learnable parameters: a part, a stage, a network.
///
/// One method lists them, once: the names are those in a weights file, the order is the optimiser's. A part without learnable
/// parameters has the empty default.
public protocol Parameterized: Differentiable, Sendable {
  /// Shows every parameter with its gradient to `visit`, under the name `path` + its own.
  ///
  /// `gradient` may be a zero without structure; containers give it their structure before they descend.
  mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor)
  /// Shows every buffer to `visit`, under the name `path` + its own: an array that is saved and loaded with the parameters but is none,
  /// such as the statistics of a batch normalisation. No optimiser, no average of weights and no clipping sees it. The shape must stay.
  ///
  /// What holds parts with buffers passes the call on, as it does for parameters.
  mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void)
}

extension Parameterized {
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {}
  public mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void) {}
}

/// What walks over parameters: an optimiser, a reader or writer of weights, a counter.
public protocol ParameterVisitor: AnyObject {
  /// A scalar parameter.
  func callAsFunction(_ name: String, _ value: inout Double, _ gradient: inout Double)
  /// An array parameter. `gradient` is `.zero` when the parameter was not used.
  func callAsFunction(_ name: String, _ value: inout Tensor, _ gradient: inout Tensor)
}

extension Array where Element: Parameterized & Differentiable {
  /// Visits every element under `path` + its index + `"."`.
  public mutating func visitParameters(
    _ gradient: inout Array<Element>.DifferentiableView.TangentVector, _ path: String, _ visit: any ParameterVisitor
  ) {
    if gradient.base.isEmpty { gradient.base = Array<Element.TangentVector>(repeating: .zero, count: count) }
    for i in indices { self[i].visitParameters(&gradient.base[i], "\(path)\(i).", visit) }
  }

  /// The same for buffers.
  public mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void) {
    for i in indices { self[i].visitBuffers("\(path)\(i).", visit) }
  }
}

/// A named parameter, copied out of a model.
public struct NamedParameter: Sendable, Equatable {
  public var name: String
  /// The value; a scalar is a tensor of shape `[]` in double precision.
  public var value: Tensor

  public init(name: String, value: Tensor) {
    self.name = name
    self.value = value
  }
}

extension Parameterized {
  /// Shows every parameter with its gradient to `body`, in order, scalars as tensors of shape `[]` in double precision.
  ///
  /// A gradient is `.zero` when the parameter was not used; a scalar's is `.zero` when it is exactly 0. What `body` writes to
  /// a value or a gradient stays; the shape of a value must.
  public mutating func forEachParameter(
    _ gradient: inout TangentVector, _ body: (_ name: String, _ value: inout Tensor, _ gradient: inout Tensor) -> Void
  ) {
    withoutActuallyEscaping(body) { body in visitParameters(&gradient, "", TensorVisitor(body)) }
  }

  /// Shows every parameter to `body`, in order, to be read or replaced by one of the same shape.
  public mutating func forEachParameter(_ body: (_ name: String, _ value: inout Tensor) -> Void) {
    var gradient = TangentVector.zero
    forEachParameter(&gradient) { name, value, _ in body(name, &value) }
  }

  /// Every parameter, in order.
  public var parameters: [NamedParameter] {
    var found: [NamedParameter] = []
    var copy = self
    copy.forEachParameter { name, value in found.append(NamedParameter(name: name, value: value)) }
    return found
  }

  /// Every buffer, in order.
  public var buffers: [NamedParameter] {
    var found: [NamedParameter] = []
    var copy = self
    copy.visitBuffers("") { name, value in found.append(NamedParameter(name: name, value: value)) }
    return found
  }

  /// The parameters and then the buffers: all that a file of weights holds of a model.
  public var parametersAndBuffers: [NamedParameter] { parameters + buffers }

  /// Number of learnable numbers.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.count } }

  /// Replaces every parameter by `value(name, current)`; the shape must stay.
  public mutating func updateParameters(_ value: (String, Tensor) -> Tensor) {
    forEachParameter { name, current in current = value(name, current) }
  }
}

/// Presents scalars as tensors, so that what works on all parameters is written once.
private final class TensorVisitor: ParameterVisitor {
  typealias Body = (_ name: String, _ value: inout Tensor, _ gradient: inout Tensor) -> Void
  let body: Body
  init(_ body: @escaping Body) { self.body = body }

  func callAsFunction(_ name: String, _ value: inout Double, _ gradient: inout Double) {
    var (v, g) = (Tensor([value], shape: []), gradient == 0 ? Tensor.zero : Tensor([gradient], shape: []))
    body(name, &v, &g)
    precondition(v.shape == [] && v.count == 1, "parameter \(name): \(v.shape) in place of a scalar")
    value = v[flat: 0]
    gradient = g[flat: 0]
  }

  func callAsFunction(_ name: String, _ value: inout Tensor, _ gradient: inout Tensor) {
    let shape = value.shape
    body(name, &value, &gradient)
    precondition(value.shape == shape, "parameter \(name): \(value.shape) in place of \(shape)")
  }
}
