// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An array from a file: real or complex, in single or double precision.
public enum NumericArray: Sendable, Equatable {
  case real(Tensor)
  case complex(ComplexTensor)

  public var shape: [Int] {
    switch self {
    case .real(let x): x.shape
    case .complex(let z): z.shape
    }
  }
  public var precision: Precision {
    switch self {
    case .real(let x): x.precision
    case .complex(let z): z.precision
    }
  }
  /// The array when it is real.
  public var real: Tensor? { if case .real(let x) = self { x } else { nil } }
  /// The array as complex numbers; a real one gets the imaginary part 0.
  public var complex: ComplexTensor {
    switch self {
    case .real(let x): ComplexTensor(real: x, imaginary: .zeros(x.shape, precision: x.precision))
    case .complex(let z): z
    }
  }

  /// The numbers as they are stored: a complex number is two along a last axis.
  package var stored: Tensor {
    switch self {
    case .real(let x): x
    case .complex(let z): z.pairs
    }
  }

  /// Refuses the shapeless zero, which no file can hold.
  package func checkStorable(_ name: String, path: String) throws {
    guard !stored.isShapelessZero else {
      throw FileFormatError("\(path): \(name) is a zero without shape and cannot be stored; give it a shape.")
    }
  }
}

/// An array with its name in the file.
public struct NamedArray: Sendable, Equatable {
  public var name: String
  public var value: NumericArray

  public init(name: String, value: NumericArray) { (self.name, self.value) = (name, value) }
  public init(name: String, value: Tensor) { self.init(name: name, value: .real(value)) }
  public init(name: String, value: ComplexTensor) { self.init(name: name, value: .complex(value)) }
}

/// Refuses arrays without shape and names that occur twice, before anything is written.
package func checkStorable(_ arrays: [NamedArray], path: String) throws {
  var names: Set<String> = []
  for array in arrays {
    guard names.insert(array.name).inserted else {
      throw FileFormatError("\(path): two arrays are named \(array.name), expected distinct names; rename one.")
    }
    try array.value.checkStorable(array.name, path: path)
  }
}
