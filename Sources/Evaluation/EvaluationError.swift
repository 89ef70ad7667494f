// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What can go wrong when results are scored or shown: one line that says what was found, what was expected and what to do.
public struct EvaluationError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  public let description: String

  public init(_ description: String) { self.description = description }

  public var errorDescription: String? { description }
}
