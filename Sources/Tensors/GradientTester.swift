// SPDX-License-Identifier: Apache-2.0
import _Differentiation

// Derivatives held against central differences, in double precision: what `unfold check` and the tests measure.

/// The largest relative error of a directional derivative over `directions` random directions.
///
/// A direction across a kink (the quotients at h and h/2 disagree) is left out and another drawn; the error is infinite when fewer than
/// `directions` of twenty times as many could be used.
///
/// - Parameters: `norm`, of the gradient, to which errors are relative where the derivative is small; `draw`, a direction; `derivative`, the
///   exact one along it; `loss`, at a distance along it.
private func directionalError<Direction>(
  _ directions: Int, step h: Double, norm: Double, draw: () -> Direction, derivative: (Direction) -> Double,
  loss: (Direction, Double) -> Double
) -> Double {
  var (worst, used) = (0.0, 0)
  for _ in 0..<20 * directions where used < directions {
    let d = draw()
    let coarse = (loss(d, h) - loss(d, -h)) / (2 * h)
    let fine = (loss(d, h / 2) - loss(d, -h / 2)) / h
    let scale = max(abs(fine), norm * 1e-3, 1e-6)
    if abs(coarse - fine) > 1e-6 * scale { continue }
    used += 1
    worst = max(worst, abs(derivative(d) - fine) / scale)
  }
  return used == directions ? worst : .infinity
}

/// The largest relative error of the gradient of a function of one tensor, against central differences with step `h`.
public func inputGradientError(
  at x: Tensor, directions: Int = 20, step h: Double = 1e-6, seed: UInt64, _ f: @differentiable(reverse) (Tensor) -> Double
) -> Double {
  let g = gradient(at: x, of: f)
  var generator = RandomGenerator(seed: seed)
  return directionalError(
    directions, step: h, norm: g.norm, draw: { Tensor.normal(x.shape, using: &generator) }, derivative: { g.inner($0) },
    loss: { f(x + $1 * $0) })
}

/// The largest relative error of a loss's gradient in the parameters of a model, against central differences with step `h`.
public func parameterGradientError<Model: Parameterized>(
  _ model: Model, directions: Int = 20, step h: Double = 1e-6, seed: UInt64, _ loss: @differentiable(reverse) (Model) -> Double
) -> Double {
  let gradients = model.flat(gradient(at: model, of: loss))
  let shapes = model.parameters
  var generator = RandomGenerator(seed: seed)
  return directionalError(
    directions, step: h, norm: gradients.reduce(0) { $0 + $1.inner($1) }.squareRoot(),
    draw: { shapes.map { Tensor.normal($0.value.shape, using: &generator) } },
    derivative: { zip(gradients, $0).reduce(0) { $0 + $1.0.inner($1.1) } },
    loss: { direction, t in
      let steps = Dictionary(zip(shapes.map(\.name), direction), uniquingKeysWith: { $1 })
      var moved = model
      moved.updateParameters { name, value in steps[name].map { value + t * $0 } ?? value }
      return loss(moved)
    })
}

extension Parameterized {
  /// The gradient of every parameter, in order; that of a scalar of shape `[]`.
  public func flat(_ gradient: TangentVector) -> [Tensor] {
    var (copy, gradient) = (self, gradient)
    let reader = GradientReader()
    copy.visitParameters(&gradient, "", reader)
    return reader.gradients
  }

  /// The parameters moved off their values at random, so that no two stages are alike.
  public func disturbed(by amount: Double = 0.02, seed: UInt64 = 33) -> Self {
    var generator = RandomGenerator(seed: seed)
    var result = self
    let noise = parameters.map { ($0.name, amount * Tensor.normal($0.value.shape, using: &generator)) }
    let steps = Dictionary(noise, uniquingKeysWith: { $1 })
    result.updateParameters { name, value in steps[name].map { value + $0 } ?? value }
    return result
  }
}

private final class GradientReader: ParameterVisitor {
  var gradients: [Tensor] = []
  func callAsFunction(_ name: String, _ value: inout Double, _ gradient: inout Double) {
    gradients.append(Tensor([gradient], shape: []))
  }
  func callAsFunction(_ name: String, _ value: inout Tensor, _ gradient: inout Tensor) { gradients.append(gradient) }
}
