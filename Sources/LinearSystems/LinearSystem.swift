// SPDX-License-Identifier: Apache-2.0
import WeightFiles
import Platform
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
  public private(set) var noise: Noise
  /// A as a dense matrix on vectors, where it is one.
  public let matrix: Matrix?
  /// The operator's file, for answers.
  public let name: String

  /// - Throws: ``InputError`` with the line of the step that does not fit.
  public init(_ description: OperatorDescription, shape: [Int], noise: Noise) throws {
    try self.init(
      double: description.made(shape: shape, precision: .double), single: description.made(shape: shape, precision: .single),
      noise: noise, matrix: description.matrix, path: description.path)
  }

  /// - Parameters: `single`, the same operator as `double`; `lipschitz`, ‖A‖² where it is known; `path`, what errors call it.
  /// - Throws: ``InputError`` for an operator without a norm.
  public init(
    double: ArrayOperator, single: ArrayOperator, lipschitz: Double? = nil, noise: Noise = .none, matrix: Matrix? = nil,
    path: String
  ) throws {
    let squared = lipschitz ?? double.bound ?? single.squaredNorm(precision: .single)
    guard squared > 0, squared.isFinite else {
      throw InputError("\(path): found an operator of norm \(squared.squareRoot()); expected one that measures something")
    }
    (self.double, self.single, self.lipschitz, self.noise, self.matrix) = (double, single, squared, noise, matrix)
    name = path.split(separator: "/").last.map(String.init) ?? path
  }

  /// The same operator with other noise.
  public func with(noise: Noise) -> LinearSystem {
    var other = self
    other.noise = noise
    return other
  }

  public var domain: ArraySpace { double.domain }
  public var codomain: ArraySpace { double.codomain }
  /// What signals and measurements are.
  public var signals: any NumberSpace.Type { domain.type }
  public var measurements: any NumberSpace.Type { codomain.type }

  /// A, between spaces that fit.
  public func typed<Signal: NumberSpace, Measurement: NumberSpace>(
    _: Signal.Type = Signal.self, _: Measurement.Type = Measurement.self, precision: Precision
  ) -> OnArrays<Signal, Measurement> {
    OnArrays(precision == .single ? single : double, lipschitz: lipschitz)
  }

  /// What measurements are multiplied by for networks, whose operator has norm 1.
  public var unit: Double { networkUnit(squaredNorm: lipschitz) }

  /// A / ‖A‖: what networks are of.
  public func normalised<Signal: NumberSpace, Measurement: NumberSpace>(
    _: Signal.Type = Signal.self, _: Measurement.Type = Measurement.self, precision: Precision = .single
  ) -> OnArrays<Signal, Measurement> {
    let A = precision == .single ? single : double
    return OnArrays(unit == 1 ? A : A.scaled(by: unit), lipschitz: unit == 1 ? lipschitz : 1)
  }

  /// σ of a measurement, where the noise is known.
  public func noiseDeviation(of y: Tensor) -> Double? {
    noise == .none ? nil : noise.deviation(for: y.doubles[...], support: double.support)
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

/// 1 / ‖A‖, by which operator and measurements are multiplied for networks; 1 where ‖A‖² is as good as 1.
public func networkUnit(squaredNorm: Double) -> Double { abs(squaredNorm - 1) < 1e-4 ? 1 : 1 / squaredNorm.squareRoot() }

extension NumericArray {
  /// The numbers, the parts of complex ones side by side.
  public var numbers: Tensor { real ?? complex.pairs }
  public var isComplex: Bool { real == nil }

  /// Numbers `[…]` + ``ArraySpace/numbers`` as an array.
  public init(numbers: Tensor, isComplex: Bool) { self = isComplex ? .complex(ComplexTensor(pairs: numbers)) : .real(numbers) }

  /// As samples of a space; nil where it is none. Real numbers are complex ones too.
  public func samples(of space: ArraySpace) -> Tensor? {
    if isComplex, !space.isComplex { return nil }
    let (shape, own) = (self.shape, space.shape)
    let numbers = space.isComplex ? self.complex.pairs : self.numbers
    guard shape.count >= own.count, shape.suffix(own.count) == own[...], !shape.contains(0) else { return nil }
    return numbers.reshaped([shape.dropLast(own.count).reduce(1, *)] + space.numbers)
  }
}
