// SPDX-License-Identifier: Apache-2.0
import Platform

/// Why training cannot begin or go on: one line for the user.
public enum TrainingError: InputFault, Equatable, CustomStringConvertible {
  /// The recipe does not fit together, the model or the samples.
  case recipe(String)
  /// The loss or a parameter is no longer a finite number.
  case diverged(String)
  /// The file is not a checkpoint, is damaged, or belongs to another run.
  case checkpoint(String)
  /// The file's weights are not those of the model.
  case weights(String)

  public var isOfInput: Bool { if case .diverged = self { false } else { true } }

  public var description: String {
    switch self {
    case .recipe(let text), .diverged(let text), .checkpoint(let text), .weights(let text): text
    }
  }
}
