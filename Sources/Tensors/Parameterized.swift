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
}

extension Parameterized {
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {}
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
  /// Every parameter, in order.
  public var parameters: [NamedParameter] {
    let collector = Collector()
    var copy = self
    var gradient = TangentVector.zero
    copy.visitParameters(&gradient, "", collector)
    return collector.found
  }

  /// Number of learnable numbers.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.count } }

  /// Replaces every parameter by `value(name, current)`; the shape must stay.
  public mutating func updateParameters(_ value: @escaping (String, Tensor) -> Tensor) {
    var gradient = TangentVector.zero
    visitParameters(&gradient, "", Updater(value))
  }
}

private final class Collector: ParameterVisitor {
  var found: [NamedParameter] = []
  func callAsFunction(_ name: String, _ value: inout Double, _ gradient: inout Double) {
    found.append(NamedParameter(name: name, value: Tensor([value], shape: [])))
  }
  func callAsFunction(_ name: String, _ value: inout Tensor, _ gradient: inout Tensor) {
    found.append(NamedParameter(name: name, value: value))
  }
}

private final class Updater: ParameterVisitor {
  let value: (String, Tensor) -> Tensor
  init(_ value: @escaping (String, Tensor) -> Tensor) { self.value = value }
  func callAsFunction(_ name: String, _ current: inout Double, _ gradient: inout Double) {
    current = value(name, Tensor([current], shape: []))[flat: 0]
  }
  func callAsFunction(_ name: String, _ current: inout Tensor, _ gradient: inout Tensor) {
    let new = value(name, current)
    precondition(new.shape == current.shape, "parameter \(name): \(new.shape) in place of \(current.shape)")
    current = new
  }
}
