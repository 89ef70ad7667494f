// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation

/// Writes a file whole or not at all; see ``AtomicFile``.
func writeAtomically(_ bytes: Data, to path: String) throws(EvaluationError) {
  do {
    try AtomicFile.write(bytes, to: path)
  } catch {
    throw EvaluationError("\(error)")
  }
}

extension Report {
  /// Writes the answer as one JSON object and a line break.
  public func writeJSON(to path: String) throws(EvaluationError) { try writeAtomically(Data((json.text() + "\n").utf8), to: path) }
}

extension Plot {
  /// Writes the plot as an SVG file.
  public func writeSVG(to path: String, width: Double = 720, height: Double = 420) throws(EvaluationError) {
    try writeAtomically(Data((svg(width: width, height: height) + "\n").utf8), to: path)
  }

  /// Writes the plot as a PNG file.
  public func writePNG(
    to path: String, width: Double = 720, height: Double = 420, scale: Double = 2, scheme: ColorScheme = .light
  ) throws(EvaluationError) {
    try writeAtomically(try encodedPNG(width: width, height: height, scale: scale, scheme: scheme), to: path)
  }
}

extension Picture {
  /// Writes the picture as a PNG file.
  public func writePNG(to path: String) throws(EvaluationError) { try writeAtomically(try encodedPNG(), to: path) }
}
