// SPDX-License-Identifier: Apache-2.0
import Platform

/// What is wrong with a file, in one line: what was found, what was expected, what to do.
///
/// Names found in a file may be anything; control characters in them are shown as `?`, so that a message stays one line and
/// cannot steer a terminal.
public struct FileFormatError: InputFault, CustomStringConvertible, Equatable, Sendable {
  public let description: String
  /// The disk is full or failed while a file was written: nothing is wrong with the input.
  public let isDiskFailure: Bool
  public var isOfInput: Bool { !isDiskFailure }

  public init(_ message: String, isDiskFailure: Bool = false) {
    self.isDiskFailure = isDiskFailure
    description = String(
      String.UnicodeScalarView(message.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
  }
}
