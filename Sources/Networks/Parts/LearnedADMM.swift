// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Platform
import Tensors
import _Differentiation

// The layers of Deep ADMM-Net as the parts of ``ADMM``, on images and stacks of maps `[planes, L, h, w]` of their real planes.

/// Filters as mixtures of fixed atoms: h_l = Σ_m γ_lm B_m. Only γ is learned.
public struct FilterBank: Parameterized {
  /// γ, `[L, atoms]`.
  public var coefficients: Tensor
  /// B, `[atoms, kh · kw]`.
  @noDerivative public let atoms: Tensor
  @noDerivative public let height: Int
  @noDerivative public let width: Int

  /// - Parameters: `coefficients` of shape `[L, atoms]`, `atoms` of shape `[atoms, kh, kw]`, both of one precision.
  public init(coefficients: Tensor, atoms: Tensor) {
    precondition(
      atoms.shape.count == 3 && coefficients.shape.count == 2 && coefficients.shape[1] == atoms.shape[0],
      "FilterBank: coefficients \(coefficients.shape) of atoms \(atoms.shape)")
    self.coefficients = coefficients
    self.atoms = atoms.reshaped([atoms.shape[0], atoms.shape[1] * atoms.shape[2]])
    (height, width) = (atoms.shape[1], atoms.shape[2])
  }

  /// Every atom itself.
  public init(atoms: Tensor) {
    self.init(coefficients: .identity(atoms.shape[0], precision: atoms.precision), atoms: atoms)
  }

  /// h, `[L, kh, kw]`.
  @differentiable(reverse)
  public var filters: Tensor {
    let count = withoutDerivative(at: coefficients.shape[0])
    return reshaped(linearTransposed(coefficients, atoms), [count, height, width])
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "filters", &coefficients, &gradient.coefficients)
  }

  /// The basis of the two-dimensional cosine transform (DCT-II) without its constant, B_m[i, j] = d_v[i] d_u[j] for
  /// m = size · u + v = 1 … size² − 1: `[size² − 1, size, size]`.
  public static func cosineAtoms(size: Int = 3, precision: Precision = .double) -> Tensor {
    func d(_ k: Int, _ i: Int) -> Double {
      if k == 0 { return (1 / Double(size)).squareRoot() }
      let angle = Double.pi * Double((2 * i + 1) * k) / Double(2 * size)
      return (2 / Double(size)).squareRoot() * cos(angle)
    }
    var atoms: [Double] = []
    for m in 1..<size * size {
      for i in 0..<size {
        for j in 0..<size { atoms.append(d(m % size, i) * d(m / size, j)) }
      }
    }
    return Tensor(atoms, shape: [size * size - 1, size, size], precision: precision)
  }
}

/// The layer X: x = argmin ½‖A x − y‖² + Σ_l (ρ_l/2)‖h_l * x − u_l‖², from b = Aᴴ y in the place of y. H and ρ are learned; of complex
/// images h_l acts on both parts.
///
/// For images from k-space exactly, of real ones by ``Tensors/kSpaceSolve(_:pulledTo:filters:penalties:mask:)``, else by conjugate gradients.
public struct FilteredReconstruction<Op: LinearOperator>: ReconstructionStep where Op.Domain: ImageSpace {
  /// H.
  public var bank: FilterBank
  /// ρ, `[L]`. Not forced to be positive; trained ones are.
  public var penalties: Tensor
  @noDerivative public let A: Op
  @noDerivative public let height: Int
  @noDerivative public let width: Int
  /// What PᴴP is for real images: the half of k-space, ``SamplingMask/symmetricHalf``; nil for other operators.
  @noDerivative private let mask: Tensor?

  public init(_ A: Op, bank: FilterBank, penalties: Tensor, height: Int, width: Int) {
    self.A = A
    self.bank = bank
    self.penalties = penalties
    self.height = height
    self.width = width
    mask = (A as? RealMaskedFourier)?.A.mask.symmetricHalf
  }

  @differentiable(reverse,wrt: (self, b, u))
  public func callAsFunction(_ b: Op.Domain, pulledTo u: Tensor, near x: Op.Domain) -> Op.Domain { self(b, pulledTo: u) }

  @differentiable(reverse,wrt: (self, b, u))
  public func callAsFunction(_ b: Op.Domain, pulledTo u: Tensor) -> Op.Domain {
    let filters = bank.filters
    if let mask = withoutDerivative(at: mask) {
      let x = kSpaceSolve(
        planes(b, height: height, width: width), pulledTo: u, filters: filters, penalties: penalties, mask: mask)
      return images(ofPlanes: x, shape: withoutDerivative(at: b.shape))
    }
    return filteredSolve(A, b, pulledTo: u, filters: filters, penalties: penalties, height: height, width: width)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    bank.visitParameters(&gradient.bank, path + "reconstruction.", visit)
    visit(path + "penalties", &penalties, &gradient.penalties)
  }
}

/// (AᴴA + Σ_l ρ_l h_lᵀ h_l)⁻¹ (b + Σ_l ρ_l h_lᵀ u_l), by conjugate gradients where it is not diagonal in k-space.
@differentiable(reverse,wrt: (b, u, filters, penalties))
private func filteredSolve<Op: LinearOperator>(
  _ A: Op, _ b: Op.Domain, pulledTo u: Tensor, filters: Tensor, penalties: Tensor, height: Int, width: Int
) -> Op.Domain where Op.Domain: ImageSpace {
  let shape = withoutDerivative(at: b.shape)
  func back(_ maps: Tensor) -> Op.Domain {
    images(ofPlanes: circularCorrelation(mapsScaled(maps, by: penalties), filters), shape: shape)
  }
  if let A = A as? MaskedFourier, let right = b + back(u) as? ComplexTensor {
    let inverse = inverseGain(filters, penalties, mask: A.mask.values, width: width)
    return right.spectrallyFiltered(by: inverse.doubles, height: height, width: width) as! Op.Domain
  }
  func forward(_ x: Op.Domain) -> Tensor { circularConvolution(planes(x, height: height, width: width), filters) }
  return conjugateGradient(
    { A.normal($0) + back(forward($0)) }, b + back(u), tolerance: filters.precision == .double ? 1e-11 : 1e-5,
    maximumIterations: 200
  ).x
}

/// Implicitly, with one more solve: for w = K⁻¹ v, db = w, and the others are derivatives of ⟨w, Σ_l ρ_l h_lᵀ (u_l − h_l * x)⟩ at fixed w
/// and x.
@derivative(of: filteredSolve, wrt: (b, u, filters, penalties))
private func _vjpFilteredSolve<Op: LinearOperator>(
  _ A: Op, _ b: Op.Domain, pulledTo u: Tensor, filters: Tensor, penalties: Tensor, height: Int, width: Int
) -> (value: Op.Domain, pullback: (Op.Domain) -> (Op.Domain, Tensor, Tensor, Tensor)) where Op.Domain: ImageSpace {
  func solved(_ b: Op.Domain, _ u: Tensor) -> Op.Domain {
    filteredSolve(A, b, pulledTo: u, filters: filters, penalties: penalties, height: height, width: width)
  }
  let x = solved(b, u)
  return (
    x,
    { v in
      if v.isShapelessZero { return (.zero, .zero, .zero, .zero) }
      let w = solved(v, .zero)
      let (wPlanes, xPlanes) = (planes(w, height: height, width: width), planes(x, height: height, width: width))
      let d = gradient(at: u, filters, penalties) { u, filters, penalties in
        innerProduct(
          circularConvolution(wPlanes, filters), mapsScaled(u - circularConvolution(xPlanes, filters), by: penalties))
      }
      return (w, u.isShapelessZero ? .zero : d.0, d.1, d.2)
    }
  )
}

/// The layer C: c_l = d_l * x, D learned; of complex images on both parts.
public struct FilterAnalysis<Space: ImageSpace>: AnalysisStep {
  public var bank: FilterBank
  @noDerivative public let height: Int
  @noDerivative public let width: Int

  public init(bank: FilterBank, height: Int, width: Int) {
    self.bank = bank
    self.height = height
    self.width = width
  }

  @differentiable(reverse,wrt: (self, x))
  public func callAsFunction(_ x: Space) -> Tensor { circularConvolution(planes(x, height: height, width: width), bank.filters) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    bank.visitParameters(&gradient.bank, path, visit)
  }
}

/// The layers Z and M, by ``Tensors/curveSplit(_:multiplier:values:first:spacing:rates:)``:
///
///     z_l = S_l(c_l + β_l),   β'_l = β_l + η_l (c_l − z_l)
///
/// S_l a learned piecewise-linear curve for every map, of slope 1 outside its knots, and η_l a learned rate.
public struct CurveSplit: SplitStep {
  /// q, `[L, knots]`.
  public var values: Tensor
  /// η, `[L]`.
  public var rates: Tensor
  @noDerivative public let firstKnot: Double
  @noDerivative public let spacing: Double

  public init(values: Tensor, rates: Tensor, firstKnot: Double = -1, spacing: Double = 0.02) {
    self.values = values
    self.rates = rates
    self.firstKnot = firstKnot
    self.spacing = spacing
  }

  /// Starts as the soft threshold, on `knots` knots over [−1, 1]; exactly that there when `threshold` is a knot.
  public init(softThreshold threshold: Double, knots: Int = 101, rates: Tensor) {
    let curve = PiecewiseLinearShrinkage(softThreshold: threshold, knots: knots)
    self.init(
      values: Tensor.stacked(Array(repeating: curve.values.converted(to: rates.precision), count: rates.count)), rates: rates,
      firstKnot: curve.firstKnot, spacing: curve.spacing)
  }

  @differentiable(reverse,wrt: (self, c, multiplier))
  public func callAsFunction(_ c: Tensor, multiplier: Tensor, recording: Bool) -> SplitOutput<Tensor> {
    curveSplit(c, multiplier: multiplier, values: values, first: firstKnot, spacing: spacing, rates: rates)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "prior.values", &values, &gradient.values)
    visit(path + "updateRates", &rates, &gradient.rates)
  }
}

/// x⁽⁰⁾ = X(Aᴴ y) without maps to be pulled to: the first reconstruction layer, with filters and penalties of its own.
public struct FilteredStart<Op: LinearOperator>: InitialMap where Op.Domain: ImageSpace {
  public var solve: FilteredReconstruction<Op>
  public init(solve: FilteredReconstruction<Op>) { self.solve = solve }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Op.Codomain) -> Op.Domain {
    solve(withoutDerivative(at: solve.A).H(y), pulledTo: withoutDerivative(at: Tensor.zero))
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    solve.visitParameters(&gradient.solve, path, visit)
  }
}

/// x⁽⁰⁾ = argmin ½‖A x − y‖² + (ρ/2)‖D x‖² with a learned ρ.
public struct RegularisedStart<Op: LinearOperator, Analysis: LinearOperator, Solver: NormalEquationSolver>: InitialMap
where Op.Domain == Analysis.Domain, Solver.Signal == Op.Domain {
  public var solve: RegularisedLeastSquares<Op, Analysis, Solver>
  public init(solve: RegularisedLeastSquares<Op, Analysis, Solver>) { self.solve = solve }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Op.Codomain) -> Op.Domain {
    solve(y, pulledTo: withoutDerivative(at: Analysis.Codomain.zero))
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    solve.visitParameters(&gradient.solve, path, visit)
  }
}
