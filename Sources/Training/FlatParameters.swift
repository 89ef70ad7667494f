// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// The trainable parameters of a model as one vector in double precision, in the model's order.
enum FlatParameters {
  static func values<Model: Parameterized>(of model: Model, groups: ParameterGroups) -> Tensor {
    var (model, flat) = (model, [Double]())
    model.forEachParameter { name, value in if groups[name].isTrainable { flat += value.doubles } }
    return Tensor(flat)
  }

  /// The gradient as a vector; 0 where a parameter was not used.
  static func gradient<Model: Parameterized>(
    _ gradient: Model.TangentVector, of model: Model, groups: ParameterGroups
  ) -> Tensor {
    var (model, gradient, flat) = (model, gradient, [Double]())
    model.forEachParameter(&gradient) { name, value, gradient in
      guard groups[name].isTrainable else { return }
      if gradient.isShapelessZero {
        flat += Array(repeating: 0, count: value.count)
      } else {
        flat += gradient.doubles
      }
    }
    return Tensor(flat)
  }

  /// Writes `flat` to the parameters, rounded to their precision; those it does not change keep every bit.
  static func write<Model: Parameterized>(_ flat: Tensor, to model: inout Model, groups: ParameterGroups) {
    let flat = flat.doubles
    var begin = 0
    model.forEachParameter { name, value in
      guard groups[name].isTrainable else { return }
      let part = flat[begin..<begin + value.count]
      begin += value.count
      if !value.doubles.elementsEqual(part) { value = Tensor(Array(part), shape: value.shape, precision: value.precision) }
    }
    precondition(begin == flat.count, "FlatParameters: \(flat.count) numbers for \(begin) parameters")
  }
}
