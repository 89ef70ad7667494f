// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Problems
import Tensors

/// y = A x + ε of a described operator, for signals of one shape.
public struct LinearSystem: Sendable {
  /// In double precision, and in single, which networks compute in.
  public let double: ArrayOperator
  public let single: ArrayOperator
  /// ‖A‖², or a little more.
  public let lipschitz: Double
  public let noise: Noise
  /// A as a dense matrix on vectors, where it is one.
  public let matrix: Matrix?
  /// The operator's file, for answers.
  public let name: String

  /// - Throws: ``InputError`` with the line of the step that does not fit.
  public init(_ description: OperatorDescription, shape: [Int], noise: Noise) throws {
    double = try description.made(shape: shape, precision: .double)
    single = try description.made(shape: shape, precision: .single)
    let squared = double.bound ?? single.squaredNorm(precision: .single)
    guard squared > 0, squared.isFinite else {
      throw InputError(
        "\(description.path): found an operator of norm \(squared.squareRoot()); expected one that measures something")
    }
    lipschitz = squared
    self.noise = noise
    matrix = description.matrix
    name = (description.path as NSString).lastPathComponent
  }

  public var domain: ArraySpace { double.domain }
  public var codomain: ArraySpace { double.codomain }
  /// What signals and measurements are.
  public var signals: any NumberSpace.Type { domain.isComplex ? ComplexTensor.self : Tensor.self }
  public var measurements: any NumberSpace.Type { codomain.isComplex ? ComplexTensor.self : Tensor.self }

  /// A, between spaces that fit.
  public func typed<Signal: NumberSpace, Measurement: NumberSpace>(
    _: Signal.Type = Signal.self, _: Measurement.Type = Measurement.self, precision: Precision
  ) -> OnArrays<Signal, Measurement> {
    OnArrays(precision == .single ? single : double, lipschitz: lipschitz)
  }

  /// What measurements are multiplied by for networks, whose operator has norm 1.
  public var unit: Double { networkUnit(squaredNorm: lipschitz) }

  /// A / ‖A‖ in single precision: what networks are of.
  public func normalised<Signal: NumberSpace, Measurement: NumberSpace>(
    _: Signal.Type = Signal.self, _: Measurement.Type = Measurement.self
  ) -> OnArrays<Signal, Measurement> {
    OnArrays(unit == 1 ? single : single.scaled(by: unit), lipschitz: unit == 1 ? lipschitz : 1)
  }

  /// A x + ε of signals `[batch]` + domain.
  public func measure<Signal: NumberSpace, Measurement: NumberSpace>(
    _ x: Signal, _: Measurement.Type = Measurement.self, using generator: inout RandomGenerator
  ) -> Measurement {
    let A: OnArrays<Signal, Measurement> = typed(precision: x.numbers.precision)
    let clean = A.forward(x)
    return Measurement(
      numbers: noise.added(to: clean.numbers, support: double.support, using: &generator), shape: clean.shape)
  }
}

extension NumericArray {
  /// The numbers, the parts of complex ones side by side.
  var numbers: Tensor { real ?? complex.pairs }
  var isComplex: Bool { real == nil }

  /// Numbers `[…]` + ``ArraySpace/numbers`` as an array.
  init(numbers: Tensor, isComplex: Bool) { self = isComplex ? .complex(ComplexTensor(pairs: numbers)) : .real(numbers) }

  /// As samples of a space; nil where it is none. Real numbers are complex ones too.
  func samples(of space: ArraySpace) -> Tensor? {
    if isComplex, !space.isComplex { return nil }
    let (shape, own) = (self.shape, space.shape)
    let numbers = space.isComplex ? self.complex.pairs : self.numbers
    guard shape.count >= own.count, shape.suffix(own.count) == own[...], !shape.contains(0) else { return nil }
    return numbers.reshaped([shape.dropLast(own.count).reduce(1, *)] + space.numbers)
  }
}
