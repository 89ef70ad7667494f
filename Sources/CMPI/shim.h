// SPDX-License-Identifier: Apache-2.0
// What of MPI are macros, which Swift does not see, as functions; messages of any number of bytes above 0.
#include <mpi.h>
#include <stddef.h>
#include <time.h>

static inline int unfold_mpi_join(int *rank, int *count) {
  int given = 0, running = 0;
  MPI_Initialized(&running);
  if (!running && MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &given) != MPI_SUCCESS) return 1;
  if (MPI_Query_thread(&given) != MPI_SUCCESS || given < MPI_THREAD_SERIALIZED) return 2;
  return MPI_Comm_rank(MPI_COMM_WORLD, rank) != MPI_SUCCESS || MPI_Comm_size(MPI_COMM_WORLD, count) != MPI_SUCCESS;
}

enum { unfold_mpi_piece = 1 << 30 };

static inline void unfold_mpi_send(const void *bytes, size_t count, int rank) {
  for (size_t at = 0; at < count; at += unfold_mpi_piece) {
    size_t piece = count - at < unfold_mpi_piece ? count - at : unfold_mpi_piece;
    MPI_Send((const char *)bytes + at, (int)piece, MPI_BYTE, rank, 0, MPI_COMM_WORLD);
  }
}

static inline void unfold_mpi_receive(void *bytes, size_t count, int rank) {
  for (size_t at = 0; at < count; at += unfold_mpi_piece) {
    size_t piece = count - at < unfold_mpi_piece ? count - at : unfold_mpi_piece;
    MPI_Recv((char *)bytes + at, (int)piece, MPI_BYTE, rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
}

static inline void unfold_mpi_exchange(const void *bytes, void *received, size_t count, int rank) {
  for (size_t at = 0; at < count; at += unfold_mpi_piece) {
    int piece = (int)(count - at < unfold_mpi_piece ? count - at : unfold_mpi_piece);
    MPI_Sendrecv((const char *)bytes + at, piece, MPI_BYTE, rank, 0, (char *)received + at, piece, MPI_BYTE, rank, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
}

static inline void unfold_mpi_broadcast(void *bytes, size_t count) {
  for (size_t at = 0; at < count; at += unfold_mpi_piece) {
    size_t piece = count - at < unfold_mpi_piece ? count - at : unfold_mpi_piece;
    MPI_Bcast((char *)bytes + at, (int)piece, MPI_BYTE, 0, MPI_COMM_WORLD);
  }
}

// 1 when all ranks come here within so many seconds.
static inline int unfold_mpi_meet(double seconds) {
  MPI_Request request;
  int done = 0;
  struct timespec pause = {0, 10000000};
  if (MPI_Ibarrier(MPI_COMM_WORLD, &request) != MPI_SUCCESS) return 0;
  for (double end = MPI_Wtime() + seconds; !done && MPI_Wtime() < end; nanosleep(&pause, NULL)) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
  }
  return done;
}

static inline void unfold_mpi_leave(void) { MPI_Finalize(); }
static inline void unfold_mpi_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }
