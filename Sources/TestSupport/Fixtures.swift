// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import Testing

/// scale sin(a i + b) + offset in this shape, i counted from 0: data that any language can make again.
public func wave(
  _ shape: [Int], _ a: Double, _ b: Double, scale: Double = 1, offset: Double = 0, precision: Precision = .double
) -> Tensor {
  Tensor((0..<shape.reduce(1, *)).map { offset + scale * sin(a * Double($0) + b) }, shape: shape, precision: precision)
}

/// sin(a (i + 1)² + b).
public func chirp(_ shape: [Int], _ a: Double, _ b: Double = 0, precision: Precision = .double) -> Tensor {
  let values: [Double] = (0..<shape.reduce(1, *)).map { sin(a * Double(($0 + 1) * ($0 + 1)) + b) }
  return Tensor(values, shape: shape, precision: precision)
}

/// A gray image in [0.1, 0.9]: 0.5 + 0.4 sin(a i + b (i mod width)), i counted from 0.
public func texture(_ height: Int, _ width: Int, _ a: Double, _ b: Double = 0.3) -> Tensor {
  let values = (0..<height * width).map { i in 0.5 + 0.4 * sin(a * Double(i) + b * Double(i % width)) }
  return Tensor(values, shape: [height, width])
}

/// A folder that goes away with its last reference.
public final class Folder {
  public let path = (NSTemporaryDirectory() as NSString).appendingPathComponent("unfold-tests-" + UUID().uuidString)

  public init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func file(_ name: String) -> String { path + "/" + name }
  /// Names of the files in it, hidden ones too.
  public var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}

/// What `body` is refused with, which must be one line and an error of this type; "" where it is accepted.
public func refusal<Failure: Error>(
  _: Failure.Type = (any Error).self, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> some Any
) -> String {
  do {
    _ = try body()
    return ""
  } catch {
    let line = "\(error)"
    #expect(error is Failure && !line.contains("\n"), "\(type(of: error)): \(line)", sourceLocation: sourceLocation)
    return line
  }
}
