// SPDX-License-Identifier: Apache-2.0

/// An input or a choice that cannot be used: what was found, what was expected, what to do, in one line.
public struct InputError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
