// SPDX-License-Identifier: Apache-2.0
import UnfoldProgram

/// The program with the experiments of the package.
@main
struct Unfold: UnfoldProgram {
  static var experiments: [any CommandLineExperiment.Type] { standardExperiments }
}
