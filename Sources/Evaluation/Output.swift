// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation

/// Writes a file whole or not at all; see ``AtomicFile``.
func writeAtomically(_ bytes: Data, to path: String) throws(InputError) {
  do {
    try AtomicFile.write(bytes, to: path)
  } catch {
    throw InputError("\(error)")
  }
}

/// An answer of the program: the same content as one JSON object and as text for a terminal.
public protocol Report {
  var json: JSONValue { get }
  /// Lines for a terminal, without a line break at the end.
  var text: String { get }
}

extension Report {
  /// Writes the answer as one JSON object and a line break.
  public func writeJSON(to path: String) throws(InputError) { try writeAtomically(Data((json.text() + "\n").utf8), to: path) }
}

extension Plot {
  /// Writes the plot as an SVG file.
  public func writeSVG(to path: String, width: Double = 720, height: Double = 420) throws(InputError) {
    try writeAtomically(Data((svg(width: width, height: height) + "\n").utf8), to: path)
  }

  /// Writes the plot as a PNG file.
  public func writePNG(
    to path: String, width: Double = 720, height: Double = 420, scale: Double = 2, scheme: ColorScheme = .light
  ) throws(InputError) {
    try writeAtomically(try encodedPNG(width: width, height: height, scale: scale, scheme: scheme), to: path)
  }
}

extension Picture {
  /// Writes the picture as a PNG file.
  public func writePNG(to path: String) throws(InputError) { try writeAtomically(try encodedPNG(), to: path) }
}
