// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import WeightFiles

/// A space whose samples a file can hold.
public protocol StoredSpace: Batched {
  var stored: NumericArray { get }
  init?(_ stored: NumericArray)
}

extension Tensor: StoredSpace {
  public var stored: NumericArray { .real(self) }
  public init?(_ stored: NumericArray) {
    guard let real = stored.real else { return nil }
    self = real
  }
}

extension ComplexTensor: StoredSpace {
  public var stored: NumericArray { .complex(self) }
  public init?(_ stored: NumericArray) { self = stored.complex }
}

/// A space of real or of complex arrays that files hold.
public protocol NumberSpace: FourierSpace, StoredSpace {}
extension Tensor: NumberSpace {}
extension ComplexTensor: NumberSpace {}

extension ArraySpace {
  /// What its arrays are.
  public var type: any NumberSpace.Type { isComplex ? ComplexTensor.self : Tensor.self }
}
