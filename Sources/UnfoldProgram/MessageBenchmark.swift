// SPDX-License-Identifier: Apache-2.0
import Communication
import Evaluation
import Foundation
import WeightFiles

/// Messages between the first two of several processes: the time of one of every size, half of there and back, the median of many; and the
/// latency L and the bandwidth β of L + bytes / β, by least squares of relative errors.
struct MessageBenchmark: Report {
  private let times: [(bytes: Int, seconds: Double)]
  /// In seconds, and bytes a second.
  let latency: Double
  let bandwidth: Double

  /// - Throws: ``InputError`` on one process.
  init() throws {
    let world = World.current
    guard world.count > 1 else { throw InputError("found one process; expected two: mpirun -n 2 unfold bench messages") }
    times = [8, 1 << 10, 1 << 14, 1 << 17, 1 << 20, 1 << 23, 1 << 25].map { bytes in
      let rounds = max(10, min(1000, (1 << 26) / bytes))
      var buffer = [UInt8](repeating: 1, count: bytes)
      guard world.rank < 2 else { return (bytes, 0) }
      let there = (0..<rounds).map { _ in
        let begin = DispatchTime.now().uptimeNanoseconds
        if world.rank == 0 { buffer.withUnsafeBytes { world.send($0, to: 1) } }
        buffer.withUnsafeMutableBytes { world.receive($0, from: 1 - world.rank) }
        if world.rank == 1 { buffer.withUnsafeBytes { world.send($0, to: 0) } }
        return Double(DispatchTime.now().uptimeNanoseconds - begin) * 1e-9 / 2
      }
      return (bytes, there.sorted()[rounds / 2])
    }
    // Σ ((L + s b − t) / t)² over L and s = 1 / β.
    var (aa, ab, bb, a, b) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for (bytes, seconds) in times where seconds > 0 {
      let (u, v) = (1 / seconds, Double(bytes) / seconds)
      (aa, ab, bb, a, b) = (aa + u * u, ab + u * v, bb + v * v, a + u, b + v)
    }
    let determinant = aa * bb - ab * ab
    (latency, bandwidth) = ((a * bb - b * ab) / determinant, determinant / (aa * b - ab * a))
  }

  var json: JSONValue {
    .object([
      "work": .string("messages"), "latency": .number(latency), "bandwidth": .number(bandwidth),
      "times": .array(times.map { .object(["bytes": .integer($0.bytes), "seconds": .number($0.seconds)]) }),
    ])
  }

  var text: String {
    (times.map { String(format: "%10d bytes  %10.2f µs", $0.bytes, $0.seconds * 1e6) }
      + [String(format: "latency %.2f µs, bandwidth %.2f GB/s", latency * 1e6, bandwidth * 1e-9)]).joined(separator: "\n")
  }
}
