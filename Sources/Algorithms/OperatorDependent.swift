// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// What holds the forward operator and can be given another of its type: a network whose weights serve every sampling matrix and every
/// size of image.
public protocol OperatorDependent<Op> {
  associatedtype Op: LinearOperator
  /// The same parameters with A in the place of the operator.
  func with(_ A: Op) -> Self
}

extension GradientStep: OperatorDependent {
  public func with(_ A: Op) -> Self { Self(A, stepSize: stepSize) }
}

extension FrozenData: OperatorDependent where Part: OperatorDependent {
  public func with(_ A: Part.Op) -> Self { Self(part.with(A)) }
}

extension ProximalGradient: OperatorDependent where Data: OperatorDependent {
  public func with(_ A: Data.Op) -> Self { Self(data: data.with(A), prior: prior, momentum: momentum) }
}

extension Repeated: OperatorDependent where Stage: OperatorDependent {
  public func with(_ A: Stage.Op) -> Self { Self(iteration.with(A)) }
}

extension Untied: OperatorDependent where Stage: OperatorDependent {
  public func with(_ A: Stage.Op) -> Self { Self(stages.map { $0.with(A) }) }
}

extension Unrolled: OperatorDependent
where
  Start: OperatorDependent, Stages: OperatorDependent, Output: OperatorDependent, Stages.Op == Start.Op, Output.Op == Start.Op
{
  /// The network for another operator, differentiable with respect to its parameters: the tangents of both are the same numbers.
  @differentiable(reverse,wrt: self)
  public func with(_ A: Start.Op) -> Self {
    Self(encoder: encoder, start: start.with(A), schedule: schedule.with(A), output: output.with(A), depth: depth)
  }

  @derivative(of: with, wrt: self) @usableFromInline
  func _vjpWith(_ A: Start.Op) -> (value: Self, pullback: (TangentVector) -> TangentVector) { (with(A), { $0 }) }
}
