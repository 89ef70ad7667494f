// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// One thing that must hold: the error measured and the most it may be.
public struct CheckItem: Sendable {
  public let name: String
  public let error: Double
  public let tolerance: Double
  public init(_ name: String, error: Double, tolerance: Double) {
    self.name = name
    self.error = error
    self.tolerance = tolerance
  }
  /// False also when the error is NaN.
  public var ok: Bool { error <= tolerance }
}

/// ‖a − b‖ / max(‖b‖, 1e-300).
func relativeDifference<V: VectorSpace>(_ a: V, _ b: V) -> Double { (a - b).norm / max(b.norm, 1e-300) }

/// The largest relative error of a loss's gradient over `directions` random directions in parameter space, against central
/// differences with step `h` in double precision.
///
/// A direction across a kink (the quotients at h and h/2 disagree) is left out and another drawn; the error is infinite when
/// fewer than `directions` of twenty times as many could be used.
func parameterGradientError<Model: Parameterized>(
  _ model: Model, directions: Int = 20, step h: Double = 1e-6, seed: UInt64, _ loss: @differentiable(reverse) (Model) -> Double
) -> Double {
  var gradient = gradient(at: model, of: loss)
  var copy = model
  let reader = GradientReader()
  copy.visitParameters(&gradient, "", reader)
  let shapes = model.parameters
  var generator = RandomGenerator(seed: seed)
  var worst = 0.0
  var used = 0
  for _ in 0..<20 * directions where used < directions {
    let direction = shapes.map { Tensor.normal($0.value.shape, using: &generator) }
    func quotient(_ h: Double) -> Double {
      func moved(_ t: Double) -> Model {
        var result = model
        let steps = Dictionary(uniqueKeysWithValues: zip(shapes.map(\.name), direction))
        result.updateParameters { name, value in value + t * steps[name]! }
        return result
      }
      return (loss(moved(h)) - loss(moved(-h))) / (2 * h)
    }
    let (coarse, fine) = (quotient(h), quotient(h / 2))
    let scale = max(abs(fine), reader.norm * 1e-3, 1e-6)
    if abs(coarse - fine) > 1e-6 * scale { continue }
    used += 1
    let exact = zip(reader.gradients, direction).reduce(0) { $0 + $1.0.inner($1.1) }
    worst = max(worst, abs(exact - fine) / scale)
  }
  return used == directions ? worst : .infinity
}

/// Collects the gradient of every parameter, in order.
final class GradientReader: ParameterVisitor {
  var gradients: [Tensor] = []
  var norm: Double { gradients.reduce(0) { $0 + $1.inner($1) }.squareRoot() }
  func callAsFunction(_ name: String, _ value: inout Double, _ gradient: inout Double) {
    gradients.append(Tensor([gradient], shape: []))
  }
  func callAsFunction(_ name: String, _ value: inout Tensor, _ gradient: inout Tensor) { gradients.append(gradient) }
}

/// The same for a function of one tensor.
func inputGradientError(
  at x: Tensor, directions: Int = 20, step h: Double = 1e-6, seed: UInt64, _ f: @differentiable(reverse) (Tensor) -> Double
) -> Double {
  let g = gradient(at: x, of: f)
  var generator = RandomGenerator(seed: seed)
  var worst = 0.0
  var used = 0
  for _ in 0..<20 * directions where used < directions {
    let d = Tensor.normal(x.shape, using: &generator)
    let coarse = (f(x + h * d) - f(x - h * d)) / (2 * h)
    let fine = (f(x + 0.5 * h * d) - f(x - 0.5 * h * d)) / h
    let scale = max(abs(fine), g.norm * 1e-3, 1e-6)
    if abs(coarse - fine) > 1e-6 * scale { continue }
    used += 1
    worst = max(worst, abs(g.inner(d) - fine) / scale)
  }
  return used == directions ? worst : .infinity
}
