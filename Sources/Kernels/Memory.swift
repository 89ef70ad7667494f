// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The process's memory.
public enum Memory {
  /// For programs that run networks, before anything else: blocks that are freed stay with the process, so that a step which
  /// allocates the sizes of the step before does not fault its pages in anew. Does nothing but with glibc.
  public static func keepFreedBlocks() { ck_keep_freed_memory() }
}
