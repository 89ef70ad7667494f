// SPDX-License-Identifier: Apache-2.0
import Platform

#if MPI
  import CMPI

  /// The processes that `mpirun` or `srun` began.
  private struct MPIWorld: Communicator {
    let rank: Int
    let count: Int

    func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) { unfold_mpi_send(bytes.baseAddress, bytes.count, Int32(rank)) }
    func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
      unfold_mpi_receive(bytes.baseAddress, bytes.count, Int32(rank))
    }
    func exchange(_ bytes: UnsafeRawBufferPointer, into received: UnsafeMutableRawBufferPointer, with rank: Int) {
      unfold_mpi_exchange(bytes.baseAddress, received.baseAddress, bytes.count, Int32(rank))
    }
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer) { unfold_mpi_broadcast(bytes.baseAddress, bytes.count) }
  }
#endif

extension World {
  /// The processes that began with this one, by what their launcher says in the environment; a world of one where there is none.
  ///
  /// - Throws: ``InputError`` where there are several and the package was built without MPI, or MPI does not begin.
  public static func joined(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> any Communicator {
    guard let launched = launch(environment), launched.count > 1 else { return Alone() }
    #if MPI
      var (rank, count): (Int32, Int32) = (0, 0)
      guard unfold_mpi_join(&rank, &count) == 0 else {
        throw InputError("found an MPI that does not begin, or not for threads; expected one with MPI_THREAD_SERIALIZED")
      }
      guard Int(count) == launched.count else {
        throw InputError(
          "found \(count) processes in MPI and \(launched.count) by \(launched.variable); expected one number: start with the launcher of the MPI that was built with"
        )
      }
      return MPIWorld(rank: Int(rank), count: Int(count))
    #else
      throw InputError(
        "found \(launched.count) processes (\(launched.variable)); expected one, or a build with MPI: swift build -c release --traits MPI,FFTW"
      )
    #endif
  }

  /// Ends what ``joined(_:)`` began, when every process comes to it.
  public static func leave(_ world: any Communicator) {
    #if MPI
      if world is MPIWorld { unfold_mpi_leave() }
    #endif
  }

  /// Whether every process comes here within so many seconds.
  public static func meet(_ world: any Communicator, seconds: Double) -> Bool {
    #if MPI
      if world is MPIWorld { return unfold_mpi_meet(seconds) == 1 }
    #endif
    return true
  }

  /// Ends all processes with a status.
  public static func abort(_ world: any Communicator, status: Int32) -> Never {
    #if MPI
      if world is MPIWorld { unfold_mpi_abort(status) }
    #endif
    exit(status)
  }

  /// How many processes were launched, and the variable that says so.
  static func launch(_ environment: [String: String]) -> (variable: String, count: Int)? {
    for variable in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] {
      if let count = environment[variable].flatMap({ Int($0) }), count > 0 { return (variable, count) }
    }
    return nil
  }
}
