/* SPDX-License-Identifier: Apache-2.0

   Unfold's C interface: linear operators, classical solvers, unfolded networks and their training. Documentation/Python.md shows it in use.

   Every function returns UNF_OK, or a code whose message is unf_message(). Facts of a call, as JSON, are unf_facts(). Both are of the
   calling thread and live until its next call. Objects are handles, released by unf_release; all functions may be called from any thread.
   Arrays are dense, the last axis fastest. Options are JSON objects; NULL takes the usual ones. */
#ifndef UNFOLDNET_H
#define UNFOLDNET_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function returns. */
enum {
  UNF_OK = 0,
  UNF_INPUT = 1,     /* an input or a choice that cannot be used */
  UNF_HANDLE = 2,    /* no object, or one of another kind */
  UNF_CALLBACK = 3,  /* a function of the caller's failed */
  UNF_STOPPED = 4,   /* the caller stopped it */
  UNF_FAILED = 5     /* it could not be done although its inputs were right */
};

/* Types of numbers; a complex one is its real and its imaginary part. */
enum { UNF_FLOAT32 = 0, UNF_FLOAT64 = 1, UNF_COMPLEX64 = 2, UNF_COMPLEX128 = 3 };

typedef int64_t unf_handle;

typedef struct unf_array {
  void *data;
  const int64_t *shape;
  int32_t rank;
  int32_t type;
} unf_array;

/* y = A x, or x = A^H y where `adjoint` is 1, of one signal, in single precision where `single` is 1. Called from any thread, from several
   at once. Another value than 0 ends the work. */
typedef int32_t (*unf_function)(void *context, int32_t adjoint, int32_t single, const void *input, void *output);

/* After every step of a training; `validation` is NaN but when the step was validated. Another value than 0 stops it. */
typedef int32_t (*unf_progress)(void *context, int64_t step, int64_t steps, double loss, double validation);

const char *unf_version(void);
const char *unf_message(void);
const char *unf_facts(void);
/* Classical methods and networks with titles and sources. */
int32_t unf_methods(void);
/* Threads of every call; 0: all cores. */
int32_t unf_set_threads(int32_t threads);
int32_t unf_release(unf_handle object);

/* Operators. Options: "name", "lipschitz" (the squared norm, where it is known), "noise" (a standard deviation, or {"snr": dB}).

   Steps as in a YAML description: {"shape": [64, 64], "complex": false, "operator": [{"blur": {"sigma": 1.6}}]}. Where a step names a file,
   it names one of `arrays`. */
int32_t unf_operator_steps(
    const char *description, int32_t count, const char *const *names, const unf_array *arrays, const char *options, unf_handle *out);
/* A matrix [m, n], on signals of `shape`; NULL: vectors. */
int32_t unf_operator_matrix(
    const unf_array *matrix, int32_t rank, const int64_t *shape, const char *options, unf_handle *out);
/* A sparse one: entries of row i are row_starts[i] to row_starts[i + 1] of `column_indices` and `values`. */
int32_t unf_operator_sparse(
    int64_t rows, int64_t columns, const int64_t *row_starts, const int64_t *column_indices, const unf_array *values, int32_t rank,
    const int64_t *shape, const char *options, unf_handle *out);
/* A function of the caller's. `domain` and `codomain` say shape and type; their data is not looked at. */
int32_t unf_operator_function(
    unf_function function, void *context, const unf_array *domain, const unf_array *codomain, const char *options, unf_handle *out);
/* Spaces and noise; the norm too where `norm` is 1, which may take a while. */
int32_t unf_operator_facts(unf_handle op, int32_t norm);
/* A x or A^H y of one array or of a batch. */
int32_t unf_operator_apply(unf_handle op, int32_t adjoint, const unf_array *input, unf_array *output);
/* |Re<A x, y> - Re<x, A^H y>| / (|A x| |y|) of random arrays. */
int32_t unf_operator_adjoint_error(unf_handle op, uint64_t seed, double *error);
/* A x and the operator's noise. */
int32_t unf_operator_measure(unf_handle op, const unf_array *x, uint64_t seed, unf_array *y);
/* Ends what runs on the operator, as soon as it is applied next. */
int32_t unf_operator_stop(unf_handle op);

/* x from y by a classical method. Options: "prior" (a list), "iterations", "tolerance", "choose_by", "precision", "trace",
   "denoiser_weights", "noise". */
int32_t unf_solve(unf_handle op, const char *method, const char *options, const unf_array *y, unf_array *x);

/* Networks. Options: "stages", "channels", "seed", "precision" (single or double), "denoiser_weights" (a file, of plug-and-play-net). */
int32_t unf_network(unf_handle op, const char *name, const char *options, unf_handle *out);
/* From a file of weights; its recipe says the name where `name` is NULL. */
int32_t unf_network_load(unf_handle op, const char *path, const char *name, const char *options, unf_handle *out);
int32_t unf_network_save(unf_handle network, const char *path);
/* The same weights on another operator. */
int32_t unf_network_move(unf_handle network, unf_handle op, unf_handle *out);
int32_t unf_network_facts(unf_handle network);
/* A parameter's numbers, or new ones for it. */
int32_t unf_network_parameter(unf_handle network, const char *name, int32_t set, unf_array *value);
/* Trains by signals that the operator measures, or where `measurements` is not NULL by these, with as many signals or none. Options:
   "steps", "epochs", "batch", "learning_rate", "quick", "recompute", "noise", "warm_start", "checkpoint" (a file that says where the training
   stands), "checkpoint_every" (steps, besides once a minute), "resume" (from that file). */
int32_t unf_network_fit(
    unf_handle network, int32_t signals, const unf_array *signal, int32_t validations, const unf_array *validation,
    const unf_array *measurements, const char *options, unf_progress progress, void *context);
/* The estimates; `stages` 0: all. */
int32_t unf_network_apply(unf_handle network, const unf_array *y, int32_t stages, unf_array *x);
/* J^H v, J the network's derivative at y; of complex numbers as of pairs of real ones. */
int32_t unf_network_pullback(unf_handle network, const unf_array *y, int32_t stages, const unf_array *v, unf_array *out);

/* "psnr", "ssim", "rmse", "nmse" of an estimate. */
int32_t unf_metric(const char *name, const unf_array *estimate, const unf_array *truth, double peak, double *value);

#ifdef __cplusplus
}
#endif
#endif
