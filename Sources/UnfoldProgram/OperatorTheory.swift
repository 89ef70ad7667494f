// SPDX-License-Identifier: Apache-2.0
import Checks
import Experiments
import FileFormats
import Operators
import Problems
import ProximalMaps
import Tensors

extension Linear {
  /// What theory says of ISTA, FISTA and ADMM, held to an operator of one's own: ``theoryChecks(of:measurement:stepSize:iterations:seed:)``.
  ///
  /// - Parameters: `measurement`, a file; without, that of a signal of which one number in ten is not 0; `priors`, ℓ₁ of a tenth of max |Aᴴ y|
  ///   without.
  static func theory(
    of file: String, shape: [Int], variable: String?, measurement: String?, priors: [String], seed: UInt64
  ) throws -> [CheckItem] {
    var opening = Opening()
    (opening.operator, opening.shape, opening.variable) = (file, shape, variable)
    let system: LinearSystem
    let y: Tensor
    if let measurement {
      let scan = try open(measurement, opening)[0]
      system = scan.system
      switch scan.measured {
      case .real(let x): y = x.rows(0..<1)
      case .complex(let z): y = z.pairs.rows(0..<1)
      }
    } else {
      let experiment = try Linear(opening, seed: seed)
      guard let shape = experiment.shape else {
        throw InputError("\(file): found an operator of any extent; expected --shape, such as --shape 64 64")
      }
      system = try experiment.system(shape: shape)
      var generator = RandomGenerator(seed: seed)
      let x = Tensor.normal([1] + system.domain.numbers, using: &generator)
      let kept = Tensor.uniform(x.shape, using: &generator)
      y = system.double.forward(Tensor(zip(x.doubles, kept.doubles).map { $1 < 0.1 ? $0 : 0 }, shape: x.shape))
    }
    var terms = try priors.map(PriorTerm.init(parsing:))
    if terms.isEmpty {
      let largest = system.double.adjoint(y).maximumMagnitude
      guard largest > 0 else { throw InputError("\(file): found Aᴴ y = 0; expected a measurement that says something") }
      terms = [PriorTerm(.l1, weight: 0.1 * largest)]
    }
    func checked<Signal: NumberSpace, Measurement: NumberSpace>(_: Signal.Type, _: Measurement.Type) throws -> [CheckItem] {
      let A: OnArrays<Signal, Measurement> = system.typed(precision: .double)
      let given = Measurement(numbers: y, shape: [1] + system.codomain.shape)
      return try theoryChecks(of: VariationalProblem(A, priors: terms), measurement: given, seed: seed)
    }
    return try checked(system.signals, system.measurements)
  }
}
