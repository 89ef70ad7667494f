// SPDX-License-Identifier: Apache-2.0
import FileFormats
import ArgumentParser
import Evaluation
import Experiments
import Foundation
import Networks
import Operators
import Problems
import Tensors
import UnfoldProgram

// A family of one's own in one file: sharp images from blurred ones of half the extent. It has simulate, train, reconstruct, evaluate, their
// options and --help, YAML settings and --resume, as the families of the package have.

/// The same weights along rows and along columns: images `[…, h, w]` to `[…, h', w']`, V x Hᵀ.
struct Separable: LinearOperator {
  /// V, h' × h, and H, w' × w.
  let vertical: Matrix
  let horizontal: Matrix
  private let transpose = Orientation(transposes: true, flipsRows: false, flipsColumns: false)

  func forward(_ x: Tensor) -> Tensor {
    if x.isShapelessZero { return x }
    return transpose.adjoint(vertical.forward(transpose.forward(horizontal.forward(x))))
  }
  func adjoint(_ y: Tensor) -> Tensor {
    if y.isShapelessZero { return y }
    return transpose.adjoint(vertical.adjoint(transpose.forward(horizontal.adjoint(y))))
  }
  var domainShape: [Int] { [vertical.columns, horizontal.columns] }
  var codomainShape: [Int] { [vertical.rows, horizontal.rows] }
  var lipschitz: Double { vertical.lipschitz * horizontal.lipschitz }
}

/// y = A x + ε: a Gaussian blur of which every `factor`-th pixel is kept, white noise.
struct Downsampling: Model {
  let A: Separable
  /// Bicubic interpolation back to the pixels of x.
  let bicubic: Separable
  /// Standard deviation of the noise.
  let noise: Double

  init(height: Int, width: Int, sigma: Double, factor: Int, noise: Double) {
    func blurred(_ n: Int) -> Matrix {
      Self.matrix(rows: (n + factor - 1) / factor, columns: n) { i in
        let reach = Int((4 * sigma).rounded(.up))
        let weights = (-reach...reach).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
        let sum = weights.reduce(0, +)
        return zip(-reach...reach, weights).map { (i * factor + $0, $1 / sum) }
      }
    }
    func interpolated(_ n: Int) -> Matrix {
      Self.matrix(rows: n, columns: (n + factor - 1) / factor) { i in
        let place = Double(i) / Double(factor)
        let first = Int(place.rounded(.down))
        return (first - 1...first + 2).map { ($0, Self.keys(abs(place - Double($0)))) }
      }
    }
    A = Separable(vertical: blurred(height), horizontal: blurred(width))
    bicubic = Separable(vertical: interpolated(height), horizontal: interpolated(width))
    self.noise = noise
  }

  func noisy(_ clean: Tensor, using generator: inout RandomGenerator) -> Tensor {
    Noise.deviation(noise).added(to: clean, using: &generator)
  }
  var initial: any LinearOperator<Tensor, Tensor> { bicubic }

  /// Keys' cubic kernel, a = −1/2.
  private static func keys(_ t: Double) -> Double {
    t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0
  }

  /// A matrix of few weights a row; those beyond the border count for the pixel at it.
  private static func matrix(rows: Int, columns: Int, _ weights: (Int) -> [(column: Int, weight: Double)]) -> Matrix {
    var entries = [Double](repeating: 0, count: rows * columns)
    for i in 0..<rows { for (j, w) in weights(i) { entries[i * columns + min(max(j, 0), columns - 1)] += w } }
    return Matrix(Tensor(entries, shape: [rows, columns])).converted(to: .single)
  }
}

struct SuperResolution: ImageExperiment, CommandLineExperiment {
  struct Setup: Settings {
    /// Of the blur, in pixels.
    var sigma = 1.2
    var factor = 2
    var noise = 1.0 / 255
  }
  struct SetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Standard deviation of the blur (default: 1.2).", valueName: "pixels")) var sigma: Double?
    @Option(help: "Every how many-th pixel is kept (default: 2).") var factor: Int?
    @Option(help: "Standard deviation of the noise (default: 1 / 255).") var noise: Double?
  }
  typealias System = Downsampling
  typealias Measured = Tensor
  typealias TrainingSetup = TrainingCrops
  typealias TrainingSetupOptions = TrainingCropOptions

  static let name = "super-resolution"
  static let title = "Sharp images from every second pixel of blurred ones"
  static let source = "Example of the package"
  static var methods: [Method<SuperResolution>] {
    [
      Method("bicubic", "Bicubic interpolation", source: "Keys, IEEE Trans. Acoust. Speech Signal Process. 29 (1981)") {
        system, _ in
        Reconstructor { Reconstruction(.real(system.bicubic.forward($0).row(0).converted(to: .double))) }
      },
      .istaNetPlus { system, _ in
        DataGradient(system.A, back: Scaled(1 / system.A.lipschitz, system.A.H), initial: system.bicubic)
      },
    ]
  }

  let setup: Setup
  let seed: UInt64

  init(_ setup: Setup, seed: UInt64) throws {
    guard setup.sigma > 0, setup.sigma < 100, (1...16).contains(setup.factor), setup.noise >= 0 else {
      throw InputError("found \(setup); expected a blur of 0 to 100 pixels, a factor of 1 to 16, noise of at least 0")
    }
    (self.setup, self.seed) = (setup, seed)
  }

  func system(height: Int, width: Int) throws -> Downsampling {
    Downsampling(height: height, width: width, sigma: setup.sigma, factor: setup.factor, noise: setup.noise)
  }
}

@main
struct Program: UnfoldProgram {
  static var experiments: [any CommandLineExperiment.Type] { standardExperiments + [SuperResolution.self] }
}
