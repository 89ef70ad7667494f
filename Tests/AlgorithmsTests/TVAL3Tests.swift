// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Kernels
import Operators
import ProximalMaps
import Tensors
import TestSupport
import Testing

private let (height, width, rows) = (7, 8, 26)
private let pixels = height * width

/// A[i, j] = cos(1.7 (i + 1)(j + ½) + 0.3 i²), which any program can repeat.
private let A = Matrix(
  Tensor(
    (0..<rows * pixels).map {
      let (i, j) = (Double($0 / pixels), Double($0 % pixels))
      return cos((i + 1) * (j + 0.5) * 1.7 + 0.3 * i * i)
    }, shape: [rows, pixels]))

/// A bright rectangle with an error of 0.2 sin i in every measurement.
private let disturbed: Tensor = {
  let image = Tensor((0..<pixels).map { $0 / width > 3 && $0 % width < 5 ? 0.7 : 0 })
  return A.forward(image) + Tensor((0..<rows).map { 0.2 * sin(Double($0)) })
}()

/// Rectangles of two values on a third, of 20 × 18 pixels.
private let phantom = Tensor(
  (0..<20 * 18).map { at in
    let (i, j) = (at / 18, at % 18)
    return (4..<15).contains(i) && (3..<9).contains(j) ? 0.9 : (8..<18).contains(i) && (11..<16).contains(j) ? 0.1 : 0.4
  })

private func exact<Op>(_ solver: TVAL3<Op>, tolerance: Double = 1e-9) -> TVAL3<Op> {
  var solver = solver
  solver.tolerance = tolerance
  solver.maximumIterations = 50_000
  return solver
}

@Suite struct TVAL3Tests {
  /// A piecewise-constant image from 30 % Gaussian measurements.
  @Test(arguments: TotalVariation.allCases) func recoversAPhantom(kind: TotalVariation) {
    let sensing = Matrix.gaussian(rows: 108, columns: 360, variance: 1.0 / 108, seed: 3)
    var solver = exact(TVAL3(sensing, height: 20, width: 18), tolerance: 1e-7)
    solver.totalVariation = kind
    let found = solver.reconstruct(sensing.forward(phantom))
    #expect(found.converged == [true])
    #expect(relativeError(found.estimate, phantom) < 1e-4, "\(relativeError(found.estimate, phantom))")
  }

  /// min ‖D u‖₁ subject to A u = y is a linear program; its values with and without u ≥ 0 by SciPy 1.17.1,
  /// linprog(method="highs-ds") with both feasibility tolerances at 1e-10.
  @Test(arguments: [(false, 7.224211053485241), (true, 7.338128942719836)])
  func isTheLinearProgram(isNonNegative: Bool, value: Double) {
    var solver = exact(TVAL3(A, height: height, width: width))
    solver.totalVariation = .anisotropic
    solver.isNonNegative = isNonNegative
    let found = solver.reconstruct(disturbed)
    #expect(found.converged == [true])
    #expect((A.forward(found.estimate) - disturbed).maximumMagnitude < 1e-5)
    #expect(abs(solver.D.totalVariation(found.estimate, .anisotropic) - value) < 1e-5 * value)
    #expect((found.estimate.doubles.min()! >= 0) == isNonNegative)
  }

  /// The regularised problem against ADMM with an exact solve, an algorithm of its own.
  @Test(arguments: TotalVariation.allCases) func isTheRegularisedOptimum(kind: TotalVariation) {
    let mu = 3.0
    var solver = exact(TVAL3(A, height: height, width: width))
    solver.totalVariation = kind
    solver.dataTerm = .leastSquares
    solver.isNonNegative = false
    solver.dataPenalty = mu
    let D = Matrix(solver.D.forward(.identity(pixels)).reshaped([pixels, 2 * pixels]).transposed)
    let penalty = 1.0
    let update = RegularisedLeastSquares(A, D, solver: CholeskySolver(A, D), penalty: penalty)
    let expected =
      kind == .isotropic
      ? solve(
        ADMM(solve: update, prior: Proximal(GroupL1(weight: 1 / mu, groupSize: 2), stepSize: 1 / penalty)), measurement: disturbed,
        until: .iterations(4000)
      ).estimate
      : solve(
        ADMM(solve: update, prior: SoftThreshold(threshold: 1 / (mu * penalty))), measurement: disturbed, until: .iterations(4000)
      ).estimate
    func objective(_ u: Tensor) -> Double {
      0.5 * mu * squaredNorm(A.forward(u) - disturbed) + solver.D.totalVariation(u, kind)
    }
    let found = solver.reconstruct(disturbed)
    #expect(found.converged == [true])
    #expect(abs(objective(found.estimate) / objective(expected) - 1) < 1e-7)
    expectClose(found.estimate, expected, relative: 1e-3)
  }

  /// More inner iterations, a continuation and other penalties are other ways to the same minimiser.
  @Test func penaltiesDoNotMoveTheMinimum() {
    let reference = exact(TVAL3(A, height: height, width: width))
    let value = reference.D.totalVariation(reference.reconstruct(disturbed).estimate)
    var other = reference
    other.maximumInnerIterations = 5
    other.initialGradientPenalty = 1
    other.initialDataPenalty = 2
    other.gradientPenalty = 16
    other.dataPenalty = 128
    let found = other.reconstruct(disturbed)
    #expect(found.converged == [true])
    #expect(abs(reference.D.totalVariation(found.estimate) / value - 1) < 1e-5)
  }

  /// Every image has its own steps and end: in a batch of more than one group it is what it is alone.
  @Test func aBatchIsItsImages() {
    let solver = TVAL3(A, height: height, width: width)
    let y = Tensor.stacked((1...20).map { Double($0) * 0.3 * disturbed + A.forward(.filled(0.1, shape: [pixels])) })
    let together = solver.reconstruct(y)
    #expect(together.estimate.shape == [20, pixels] && Set(together.iterations).count > 1)
    for i in [0, 7, 15, 16, 19] {
      let alone = solver.reconstruct(y.row(i))
      #expect(alone.iterations == [together.iterations[i]])
      expectClose(together.estimate.row(i), alone.estimate, relative: 1e-6)
    }
    #expect(Parallel.with(threads: 1) { solver.reconstruct(y).estimate } == together.estimate)
  }

  @Test func singlePrecision() {
    let solver = TVAL3(A, height: height, width: width)
    let single = TVAL3(A.converted(to: .single), height: height, width: width)
    let found = single.reconstruct(disturbed.converted(to: .single)).estimate
    #expect(found.precision == .single)
    expectClose(found.converted(to: .double), solver.reconstruct(disturbed).estimate, relative: 2e-3)
  }

  @Test(arguments: Precision.allCases) func degenerateInput(precision: Precision) {
    let zero = Tensor.zeros([rows], precision: precision)
    let y = disturbed.converted(to: precision)
    let broken = Tensor([.nan] + y.doubles.dropFirst(), precision: precision)
    let infinite = Tensor([.infinity] + y.doubles.dropFirst(), precision: precision)
    let solver = TVAL3(A.converted(to: precision), height: height, width: width)
    let found = solver.reconstruct(.stacked([zero, broken, y, infinite, 1e-42 * y]))
    #expect(found.estimate.row(0) == .zeros([pixels], precision: precision) && found.converged[0])
    #expect(found.estimate.row(1).doubles.allSatisfy { $0.isNaN } && !found.converged[1] && found.iterations[1] == 0)
    expectClose(found.estimate.row(2), solver.reconstruct(y).estimate, relative: precision == .double ? 1e-6 : 5e-3)
    #expect(found.estimate.row(3).doubles.allSatisfy { $0.isNaN })
    #expect(found.estimate.row(4).maximumMagnitude < 1e-40)
    #expect(solver.reconstruct(broken).estimate.doubles.allSatisfy { $0.isNaN })

    // One pixel, one measurement of either sign, and an operator that measures nothing.
    for boundary in Gradient2D.Boundary.allCases {
      let point = TVAL3(Matrix(Tensor([2], shape: [1, 1], precision: precision)), height: 1, width: 1, boundary: boundary)
      #expect(abs(point.reconstruct(Tensor([1], precision: precision)).estimate[flat: 0] - 0.5) < 1e-3)
      #expect(point.reconstruct(Tensor([-1], precision: precision)).estimate[flat: 0] == 0)
      let blind = TVAL3(Matrix(.zeros([1, 4], precision: precision)), height: 2, width: 2, boundary: boundary)
      #expect(blind.reconstruct(Tensor([1], precision: precision)).estimate == .zeros([4], precision: precision))
    }
  }
}
