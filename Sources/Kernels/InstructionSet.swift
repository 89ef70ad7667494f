// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The vector instructions the element-wise kernels use. The best the processor has is chosen when the program starts.
public enum InstructionSet: Int32, CaseIterable, Sendable {
  case baseline = 0
  case avx2 = 1
  case avx512 = 2

  /// The best this processor has.
  public static var best: InstructionSet { InstructionSet(rawValue: ck_best_instruction_set())! }
  /// The one in use.
  public static var current: InstructionSet { InstructionSet(rawValue: ck_instruction_set())! }
  /// Uses `level`, or the best below it that the processor has, in the whole process. For tests and comparisons.
  @discardableResult public static func use(_ level: InstructionSet) -> InstructionSet {
    InstructionSet(rawValue: ck_set_instruction_set(level.rawValue))!
  }

  /// Uses `level`, or the best below it that the processor has, in the calling thread while `body` runs: other threads are not
  /// disturbed. For tests and comparisons.
  public static func with<Result>(_ level: InstructionSet, _ body: () throws -> Result) rethrows -> Result {
    ck_set_thread_instruction_set(level.rawValue)
    defer { ck_set_thread_instruction_set(-1) }
    return try body()
  }
}
