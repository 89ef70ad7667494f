// SPDX-License-Identifier: Apache-2.0
import Communication
import Networks
import Operators
import Platform
import Tensors
import WeightFiles

extension Network where Measurement: Batched, Signal: ImageSpace {
  /// ``predict(_:stages:samplesAtATime:)`` shared out among the processes of a ``World``, which all come to it with the same: the same bytes as
  /// of one.
  ///
  /// - Returns: the estimate on the first process, nil elsewhere.
  public func sharedPrediction(_ y: Measurement, stages: Int, samplesAtATime size: Int) -> Signal? {
    let (count, processes) = (y.sampleCount, World.count)
    let groups = (count + size - 1) / size
    guard processes > 1, groups > 1 else { return World.isFirst ? predict(y, stages: stages, samplesAtATime: size) : nil }
    // One message a process; groups are cut as ever.
    let parts = min(processes, groups)
    let found = World.map(parts) { part in
      let range = (part * groups / parts * size)..<min((part + 1) * groups / parts * size, count)
      return Estimate(x: predict(y.rows(range), stages: stages, samplesAtATime: size))
    }
    return found.map { parts in
      do { return Signal.concatenated(try parts.map { try $0.get().x }) } catch {
        preconditionFailure("an estimate of another process: \(error)")
      }
    }
  }
}

/// Signals as bytes: their numbers and their extents in pixels.
private struct Estimate<Signal: ImageSpace>: Message {
  let x: Signal

  init(x: Signal) { self.x = x }

  init(bytes: [UInt8]) throws {
    let file = try SafeTensors(decoding: Data(bytes), path: "the message of a process")
    guard let numbers = file["x"], let shape = file["shape"] else { throw InputError("found no signals; expected some") }
    x = Signal(numbers: numbers, shape: shape.doubles.map { Int($0) })
  }

  func bytes() -> [UInt8] {
    let tensors = [
      NamedParameter(name: "x", value: x.numbers), NamedParameter(name: "shape", value: Tensor(x.shape.map(Double.init))),
    ]
    return Array(SafeTensors(tensors: tensors).encoded())
  }
}
