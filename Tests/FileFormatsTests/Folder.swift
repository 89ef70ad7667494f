// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport

extension Folder {
  func write(_ base64: String, as name: String) throws -> String {
    try bytes(base64).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

func bytes(_ base64: String) -> Data { Data(base64Encoded: base64, options: .ignoreUnknownCharacters)! }

/// Equal shapes, precisions and bit patterns, NaN included.
func identical(_ a: Tensor, _ b: Tensor) -> Bool {
  a.shape == b.shape && a.precision == b.precision && a.doubles.map(\.bitPattern) == b.doubles.map(\.bitPattern)
}

func identical(_ a: ComplexTensor, _ b: ComplexTensor) -> Bool { identical(a.pairs, b.pairs) }
