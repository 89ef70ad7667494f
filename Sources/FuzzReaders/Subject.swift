// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation

/// What is tried with numbered inputs.
protocol Subject {
  var name: String { get }
  /// Inputs that come before those drawn at random.
  var prefixCount: Int { get }
  /// Seconds of processor time, and on the clock, that one input may take.
  var limits: (processor: Int, clock: UInt32) { get }
  /// Whether input `number` was taken; false where it was refused as it should be. Everything else ends the process.
  func accepts(_ number: Int, folder: String) -> Bool
  /// The input as a file, where it is one.
  func file(_ number: Int) -> Data?
}

extension Mutator: Subject {
  var name: String { format.rawValue }
  var limits: (processor: Int, clock: UInt32) { (1, 20) }
  func file(_ number: Int) -> Data? { Data(input(number)) }

  func accepts(_ number: Int, folder: String) -> Bool {
    do {
      try format.read(Data(input(number)), file: "\(folder)/input")
      return true
    } catch is FileFormatError {
      return false
    } catch {
      fatalError("the reader threw \(error), expected a FileFormatError")
    }
  }
}
