// SPDX-License-Identifier: Apache-2.0
import CBLAS
import CKernels
import COneDNN
import Platform

/// How OpenBLAS may be called from many threads. It never starts threads of its own here: parallelism is above, over samples.
///
/// Its serial build, as Debian and others package it, hands out work buffers without a lock (OpenBLAS issue 2126): about one matrix
/// product in 10 000 is wrong when two run at once. With that build calls take turns. The build for POSIX threads
/// (`libopenblas-pthread-dev`), held to one thread a call, and that for OpenMP have the lock and run side by side.
public enum BLAS {
  /// False when products and factorisations of different threads wait for each other: the library is the serial build.
  public static let isConcurrent = openblas_get_parallel() != 0

  /// The processor whose kernels OpenBLAS runs, as it calls it; "" where it does not say, or is not OpenBLAS on Linux and x86-64. One newer
  /// than itself it takes for one of 2004, which is mended before `main` (`Sources/CKernels/openblas.c`).
  public static var kernels: String { String(cString: ck_openblas_kernels()) }

  private static let turn = Lock()

  private static let usesOpenMP: Bool = {
    openblas_set_num_threads(1)
    return openblas_get_parallel() == 2
  }()

  /// Runs calls of BLAS and LAPACK, and nothing that calls this again.
  static func call<Result>(_ body: () -> Result) -> Result {
    if usesOpenMP { omp_set_num_threads(1) }  // of the calling thread
    if isConcurrent { return body() }
    return turn.withLock(body)
  }
}
