// SPDX-License-Identifier: Apache-2.0

/// An error that says whether an input is at fault, or else the work.
public protocol InputFault: Error {
  var isOfInput: Bool { get }
}

/// An input or a choice that cannot be used: what was found, what was expected, what to do, in one line.
public struct InputError: InputFault, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
  public var isOfInput: Bool { true }
}
