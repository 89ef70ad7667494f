// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Checks
import Communication
import Evaluation
import Foundation
import Kernels
import Platform

struct Bench: ParsableCommand, RunsOnManyProcesses {
  enum Work: String, CaseIterable, ExpressibleByArgument {
    case listaForward = "lista-forward"
    case listaTrain = "lista-train"
    case istaNetPlusTrain = "ista-net-plus-train"
    case istaNetPlusReconstruct = "ista-net-plus-reconstruct"
    case admmNetTrain = "admm-net-train"
    case admmNetReconstruct = "admm-net-reconstruct"
    case ctProject = "ct-project"
    case fistaNetTrain = "fista-net-train"
    case fistaNetReconstruct = "fista-net-reconstruct"
    case scNetTrain = "scnet-train"
    case scNetReconstruct = "scnet-reconstruct"
    case sodasNetReconstruct = "sodas-net-reconstruct"
    case bm3d
    case costs
    case messages

    /// What mixed precision is for.
    var isConvolutional: Bool {
      [
        .istaNetPlusTrain, .istaNetPlusReconstruct, .fistaNetTrain, .fistaNetReconstruct, .scNetTrain, .scNetReconstruct,
        .sodasNetReconstruct,
      ].contains(self)
    }
  }
  static let configuration = CommandConfiguration(
    abstract: "Time one piece of work.",
    discussion: """
      lista-forward, lista-train: LISTA with 400 units and 7 iterations on 10 000 patches of 100 pixels, single precision, random \
      data; training in batches of 500 with Adam. ista-net-plus-train, ista-net-plus-reconstruct: 9 stages, 64 blocks of 33 × 33 pixels \
      at 25 %, single precision, random data; one training step with the constraint and Adam, or 64 blocks reconstructed. \
      admm-net-train, admm-net-reconstruct: 17 stages, one image of 256 × 256 at 20 %, double precision, random data; the loss and its \
      gradient, or the image. ct-project: 512 × 512 pixels, 60 parallel views of 729 bins, single precision; a projection and its adjoint. fista-net-train, \
      fista-net-reconstruct: 7 stages, 64 images of 64 × 64 from 28 measurements each, single precision; one training step with Adam, or the \
      images. scnet-train: 20 modules, 4 crops of 99 × 99 pixels at 25 %, single precision, random data; one training step with Adam. \
      scnet-reconstruct, sodas-net-reconstruct: an image of 256 × 256 at 25 %, 20 modules or 25 stages. bm3d: both steps on an image \
      of 256 × 256 with noise of σ = 25, single precision. costs: slopes of pullbacks over size, a gradient over its forward pass. \
      messages: those of two processes of MPI, their latency and bandwidth.
      """)
  @Argument(help: "The piece of work.") var work: Work
  @Option(help: "Timed runs, after one that is not counted.") var runs = 5
  @Flag(help: "ista-net-plus-train: recompute the stages in the backward pass, for less memory.") var recompute = false
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if !(1...1000).contains(runs) { throw ValidationError("--runs is \(runs); expected 1 to 1000") }
  }

  func run() throws {
    try common.withArithmetic(of: work.rawValue, isConvolutional: work.isConvolutional) { try measure() }
  }

  private func measure() throws {
    if work == .messages { return try common.answer(MessageBenchmark()) }
    guard World.count == 1 else {
      throw InputError("found \(World.count) processes for bench \(work.rawValue); expected one, or bench messages")
    }
    if work == .costs {
      let items = costChecks().map { CheckReport.Item(name: $0.name, error: $0.error, tolerance: $0.tolerance) }
      return try common.answer(CheckReport(items: items))
    }
    let once: () throws -> Void =
      switch work {
      case .listaForward, .listaTrain: ListaBenchmark().work(training: work == .listaTrain)
      case .ctProject: projectionBenchmark()
      case .bm3d: bm3dBenchmark()
      case .scNetTrain: WholeImageBenchmark().training()
      case .scNetReconstruct: WholeImageBenchmark().reconstruction("scnet")
      case .sodasNetReconstruct: WholeImageBenchmark().reconstruction("sodas-net")
      case .fistaNetTrain, .fistaNetReconstruct: FISTANetBenchmark().work(training: work == .fistaNetTrain)
      case .admmNetTrain, .admmNetReconstruct: ADMMNetBenchmark().work(training: work == .admmNetTrain)
      default: BlockBenchmark().work(training: work == .istaNetPlusTrain, recomputing: recompute)
      }
    try once()
    let times = try (0..<runs).map { _ in
      let begin = DispatchTime.now().uptimeNanoseconds
      try once()
      return Double(DispatchTime.now().uptimeNanoseconds - begin) * 1e-9
    }
    try common.answer(
      BenchReport(work: work.rawValue, runs: times, threads: Parallel.threads, peakMebibytes: peakMebibytes()))
  }
}

/// The most memory this process has held, in MiB.
func peakMebibytes() -> Double {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return Double(usage.ru_maxrss) / 1_048_576  // in bytes there
  #else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
  #endif
}
