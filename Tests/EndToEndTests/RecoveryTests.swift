// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct RecoveryTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.recoveryInputs()
    let made = try Program.run(
      "simulate", "sparse-recovery", "codes.npy", "-o", "m.h5", "--matrix", "A.npy", "--ground-truth", in: folder)
    #expect(made.status == 0 && made.errors == "", "\(made.errors)")
  }

  private func product(_ x: [Double], _ A: [Double]) -> [Double] {
    (0..<8).map { i in (0..<12).reduce(0) { $0 + A[i * 12 + $1] * x[$1] } }
  }

  @Test func measurementIsAx() throws {
    let file = try HDF5File(contentsOf: folder.file("m.h5"))
    let (A, x) = (try folder.table("A.npy").doubles, try folder.table("codes.npy"))
    for row in 0..<6 {
      let expected = product(x.row(row).doubles, A)
      #expect(zip(file["measurement/0"]!.real!.row(row).doubles, expected).allSatisfy { abs($0 - $1) < 1e-12 })
    }
    #expect(file["ground_truth/0"]?.real?.doubles == x.doubles)
  }

  /// The solution satisfies the optimality conditions of ½‖A x − b‖² + λ‖x‖₁, looked at by hand.
  @Test(arguments: ["ista", "fista"]) func solutionIsOptimal(method: String) throws {
    let done = try Program.run(
      "reconstruct", "sparse-recovery", method, "m.h5", "-o", "x.npy", "--lambda", "0.05", "--iterations", "20000", "--json", "-",
      in: folder)
    #expect(done.status == 0 && done.json["converged"] as? Bool == true, "\(done.errors)")
    let (A, b) = (try folder.table("A.npy").doubles, try HDF5File(contentsOf: folder.file("m.h5"))["measurement/0"]!.real!)
    let x = try folder.table("x.npy")
    for row in 0..<6 {
      let code = x.row(row).doubles
      let residual = zip(product(code, A), b.row(row).doubles).map { $0 - $1 }
      for j in 0..<12 {
        let g = (0..<8).reduce(0) { $0 + A[$1 * 12 + j] * residual[$1] }
        #expect(abs(code[j]) < 1e-3 ? abs(g) <= 0.05 + 5e-3 : abs(g + (code[j] > 0 ? 0.05 : -0.05)) < 5e-3)
      }
    }
  }

  /// Step-LISTA with all steps 1/L is ISTA stopped after as many iterations.
  @Test func untrainedStepLISTAIsISTA() throws {
    let ista = try Program.run(
      "reconstruct", "sparse-recovery", "ista", "m.h5", "-o", "ista.npy", "--lambda", "0.1", "--iterations", "4", in: folder)
    #expect(ista.status == 0)
    let L = try lipschitz() * 1.001
    let steps = (0..<6).map { NamedArray(name: "stages.\($0).stepSize", value: Tensor([1 / L], shape: [])) }
    try NPZ.write(steps, to: folder.file("steps.npz"))
    let network = try Program.run(
      "reconstruct", "sparse-recovery", "step-lista", "m.h5", "-o", "net.npy", "--weights", "steps.npz", "--lambda", "0.1",
      "--depth", "4", in: folder)
    #expect(network.status == 0, "\(network.errors)")
    let pairs = zip(try folder.table("ista.npy").doubles, try folder.table("net.npy").doubles)
    #expect(pairs.allSatisfy { abs($0 - $1) < 1e-9 })
    let deep = try Program.run(
      "reconstruct", "sparse-recovery", "step-lista", "m.h5", "-o", "deep.npy", "--weights", "steps.npz", "--depth", "7", in: folder
    )
    #expect(deep.status == 2 && deep.errorLines.count == 1 && deep.errors.contains("6 stages") && !folder.has("deep.npy"))
  }

  /// λ_max(AᵀA) by a thousand power iterations.
  private func lipschitz() throws -> Double {
    let A = try folder.table("A.npy").doubles
    var v = [Double](repeating: 1, count: 12).enumerated().map { 1 + 0.1 * Double($0.offset) }
    var value = 0.0
    for _ in 0..<3000 {
      let u = product(v, A)
      v = (0..<12).map { j in (0..<8).reduce(0) { $0 + A[$1 * 12 + j] * u[$1] } }
      value = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
      v = v.map { $0 / value }
    }
    return value
  }

  @Test func evaluationGivesDecibels() throws {
    let done = try Program.run(
      "evaluate", "sparse-recovery", "fista", "--data", "codes.npy", "--matrix", "A.npy", "--json", "-", "--iterations", "50",
      in: folder)
    #expect(done.status == 0 && done.errors == "", "\(done.errors)")
    let mean = try #require(done.json["mean"] as? [String: Any])
    let (decibel, error) = (try #require(mean["nmse_db"] as? Double), try #require(mean["nmse"] as? Double))
    // Over one set, nmse_db = 20 log10(nmse).
    #expect(abs(decibel - 20 * log10(error)) < 1e-9 && decibel < 0)
    #expect(mean["psnr"] == nil && (done.json["images"] as? [[String: Any]])?.first?["name"] as? String == "codes.npy")
  }

  /// White noise at 20 dB: the deviation of each sample's noise is a tenth of its own.
  @Test func noiseHasTheRatioAskedFor() throws {
    var generator = RandomGenerator(seed: 3)
    try NPY.write(Tensor.normal([400, 12], using: &generator), to: folder.file("many.npy"))
    for (name, noise) in [("clean.h5", []), ("noisy.h5", ["--noise-snr", "20"])] {
      let process = try Program.process(
        ["simulate", "sparse-recovery", "many.npy", "-o", name, "--matrix", "A.npy", "--quiet"] + noise, in: folder)
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
    let clean = try HDF5File(contentsOf: folder.file("clean.h5"))["measurement/0"]!.real!.doubles
    let noisy = try HDF5File(contentsOf: folder.file("noisy.h5"))["measurement/0"]!.real!.doubles
    var (noise, signal) = (0.0, 0.0)
    for row in 0..<400 {
      let part = row * 8..<(row + 1) * 8
      let mean = clean[part].reduce(0, +) / 8
      signal += clean[part].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      noise += part.reduce(0) { $0 + (noisy[$1] - clean[$1]) * (noisy[$1] - clean[$1]) }
    }
    #expect(abs(10 * log10(signal / noise) - 20) < 0.5)
  }
}
