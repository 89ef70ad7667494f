// 3 x 3 convolutions on channels-last maps: buffers and layouts around the vectorised loops.
#include "CKernels.h"
#include "table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Two vectors a time; AVX-512 leaves the 16 channels that would be one of its vectors to AVX2, which a processor with it has.
int64_t ck_convolution_channels(void) {
  const int64_t pair = 2 * ck_convolution_table(ck_instruction_set())->lanes;
  return pair < 16 ? pair : 16;
}

static const struct ck_convolution_table *table_of(int level, int64_t in, int64_t out) {
  const struct ck_convolution_table *table = ck_convolution_table(level);
#if defined(__x86_64__)
  if (in % (2 * table->lanes) || out % (2 * table->lanes)) return &ck_avx2_convolution;
#endif
  return table;
}

static int64_t minimum(int64_t a, int64_t b) { return a < b ? a : b; }

static float *buffer(int64_t count) {
  float *p = aligned_alloc(64, (size_t)(count * 4 + 63) / 64 * 64);
  if (!p) abort();
  return p;
}

// MARK: buffers of a thread

// A thread keeps what its convolutions work in, which is then still in its cache, up to a size: two buffers, one for filters that
// several threads may read and one for what only the thread itself works in.
enum { FILTERS, WORK, MOST_KEPT = 1 << 20 };
struct kept {
  float *buffer[2];
  int64_t count[2];
};
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void forget(void *p) {
  struct kept *kept = p;
  free(kept->buffer[FILTERS]);
  free(kept->buffer[WORK]);
  free(kept);
}
static void make_key(void) {
  if (pthread_key_create(&key, forget)) abort();
}

// A buffer of the calling thread, its own until the next call; to be given to `release`.
static float *lend(int which, int64_t count) {
  if (count > MOST_KEPT) return buffer(count);
  pthread_once(&once, make_key);
  struct kept *kept = pthread_getspecific(key);
  if (!kept) {
    kept = calloc(1, sizeof *kept);
    if (!kept || pthread_setspecific(key, kept)) abort();
  }
  if (kept->count[which] < count) {
    free(kept->buffer[which]);
    kept->buffer[which] = buffer(count);
    kept->count[which] = count;
  }
  return kept->buffer[which];
}
static void release(float *p, int64_t count) {
  if (count > MOST_KEPT) free(p);
}

// MARK: Winograd's

enum { POINTS = 64 };

struct ck_convolution ck_convolution_of(int64_t h, int64_t w, int64_t in, int64_t out) {
  return (struct ck_convolution){h, w, in, out, ck_instruction_set()};
}

int64_t ck_convolution_tiles(const struct ck_convolution *l) { return (l->h + CK_TILE - 1) / CK_TILE * ((l->w + CK_TILE - 1) / CK_TILE); }

static const struct ck_convolution_table *table(const struct ck_convolution *l) { return table_of(l->level, l->in, l->out); }

static int64_t filter_count(const struct ck_convolution *l) { return POINTS * table(l)->plane(l->in * l->out); }

// Tiles at a time, so that what they become and the filters stay in a core's cache; more of them where the filters fill it anyway. The
// gradients of filters are sums over them, which are better long.
static int64_t chunk_of(const struct ck_convolution *l, int64_t of_64_channels) {
  const int64_t channels = l->in + l->out, chunk = of_64_channels * 64 / channels / 6 * 6, least = channels < 192 ? 6 : 12;
  return chunk < least ? least : chunk;
}
// Vectors of 16 tell of a second-level cache of a megabyte or more.
static int64_t forward_chunk(const struct ck_convolution *l) { return chunk_of(l, table(l)->lanes < 16 ? 6 : 36); }
static int64_t backward_chunk(const struct ck_convolution *l) { return chunk_of(l, table(l)->lanes < 16 ? 18 : 36); }

// Numbers that a chunk of tiles becomes, and that filters by taps are.
static int64_t scratch_count(const struct ck_convolution *l, int64_t chunk) {
  long (*plane)(long) = table(l)->plane;
  return POINTS * (plane(chunk * l->in) + plane(chunk * l->out));
}
static int64_t tap_count(const struct ck_convolution *l) { return 9 * table(l)->plane(l->in * l->out); }

// weights [o][i][9] under the transform of kernels, [point][o / panel][i][panel], or when transposed [point][i / panel][o][panel]; g is
// for the filters by taps.
static void transformed(const struct ck_convolution *l, const float *weights, int transposed, float *g, float *u) {
  const int64_t in = l->in, out = l->out, panel = 2 * table(l)->lanes, plane = table(l)->plane(in * out);
  const int64_t inner = transposed ? in : out, outer = transposed ? out : in;
  const int64_t step = transposed ? 9 : 9 * in, jump = transposed ? 9 * in : 9;  // between neighbours of a panel, and from one to the next
  float *to = g;
  for (int64_t q = 0; q < inner; q += panel)
    for (int64_t k = 0; k < outer; k++, to += panel) {
      const float *from = weights + q * step + k * jump;
      for (int t = 0; t < 9; t++)
        for (int64_t j = 0; j < panel; j++) to[t * plane + j] = from[j * step + t];
    }
  table(l)->kernel_transform(g, in * out, u);
}

float *ck_convolution_filters(const struct ck_convolution *l, const float *weights) {
  float *u = lend(FILTERS, filter_count(l));
  ck_convolution_filters_into(l, weights, u);
  return u;
}

int64_t ck_convolution_filter_count(const struct ck_convolution *l) { return filter_count(l); }

void ck_convolution_filters_into(const struct ck_convolution *l, const float *weights, float *u) {
  float *g = lend(WORK, tap_count(l));
  transformed(l, weights, 0, g, u);
  release(g, tap_count(l));
}

void ck_release_filters(const struct ck_convolution *l, float *filters) { release(filters, filter_count(l)); }

void ck_convolve3x3(const struct ck_convolution *l, const float *x, const float *filters, const float *bias, float *y,
                    enum ck_finish finish, float threshold, int64_t first, int64_t last) {
  const int64_t chunk = minimum(forward_chunk(l), last - first), count = scratch_count(l, chunk);
  float *scratch = lend(WORK, count);
  table(l)->forward(x, filters, bias, y, l->h, l->w, l->in, l->out, finish, threshold, first, last, chunk, scratch);
  release(scratch, count);
}

void ck_convolve3x3_pullback(const struct ck_convolution *l, const float *x, const float *weights, const float *y, const float *v,
                             float *dx, float *dweights, float *dbias, int64_t batch) {
  const int64_t in = l->in, out = l->out, count = filter_count(l), taps = tap_count(l), chunk = backward_chunk(l), plane = taps / 9;
  const int64_t working = 2 * count + taps + scratch_count(l, chunk);
  float *u = lend(WORK, working), *du = u + count, *dg = du + count, *scratch = dg + taps;
  transformed(l, weights, 1, dg, u);
  if (dbias) memset(dbias, 0, (size_t)out * 4);
  table(l)->backward(x, u, y, v, dx, du, dbias, batch, l->h, l->w, in, out, chunk, scratch);
  table(l)->kernel_gradient(du, in * out, dg);
  for (int64_t o = 0; o < out; o++)
    for (int64_t i = 0; i < in; i++)
      for (int t = 0; t < 9; t++) dweights[(o * in + i) * 9 + t] = dg[t * plane + i * out + o];
  release(u, working);
}

// MARK: Between one channel and many

// Rows first - 1 ... last of a map of one channel with a border of zeros.
static void padded(const float *s, int64_t h, int64_t w, int64_t first, int64_t last, float *out) {
  memset(out, 0, (size_t)((last - first + 2) * (w + 2)) * 4);
  for (int64_t i = first > 0 ? first - 1 : 0; i <= last && i < h; i++)
    memcpy(out + (i - first + 1) * (w + 2) + 1, s + i * w, (size_t)w * 4);
}

// weights [c][9] to [9][c], the taps in opposite order when flipped.
static void taps(const float *weights, int64_t c, int flipped, float *g) {
  for (int64_t k = 0; k < c; k++)
    for (int t = 0; t < 9; t++) g[(flipped ? 8 - t : t) * c + k] = weights[k * 9 + t];
}

void ck_expand3x3(const float *s, const float *weights, const float *bias, float *y, int64_t h, int64_t w, int64_t c, int flipped,
                  int64_t first, int64_t last) {
  const struct ck_convolution_table *table = table_of(ck_instruction_set(), c, c);
  float *g = buffer(10 * c), *border = buffer((minimum(h, last - first) + 2) * (w + 2));
  taps(weights, c, flipped, g);
  if (!bias) {
    memset(g + 9 * c, 0, (size_t)c * 4);
    bias = g + 9 * c;
  }
  while (first < last) {
    const int64_t sample = first / h, begin = first % h, end = minimum(h, begin + last - first);
    padded(s + sample * h * w, h, w, begin, end, border);
    table->expand(border, g, bias, y + first * w * c, end - begin, w, c);
    first += end - begin;
  }
  free(g);
  free(border);
}

void ck_collapse3x3(const float *x, const float *weights, float *s, int64_t h, int64_t w, int64_t c, int flipped, int64_t first,
                    int64_t last) {
  const struct ck_convolution_table *table = table_of(ck_instruction_set(), c, c);
  float *g = buffer(9 * c), *zeros = buffer(c);
  taps(weights, c, flipped, g);
  memset(zeros, 0, (size_t)c * 4);
  while (first < last) {
    const int64_t sample = first / h, begin = first % h, end = minimum(h, begin + last - first);
    table->collapse(x + sample * h * w * c, g, s + sample * h * w, h, w, c, zeros, begin, end);
    first += end - begin;
  }
  free(g);
  free(zeros);
}

void ck_correlate3x3(const float *s, const float *v, float *dweights, int64_t batch, int64_t h, int64_t w, int64_t c, int flipped) {
  float *g = buffer(9 * c), *border = buffer((h + 2) * (w + 2));
  memset(g, 0, (size_t)(9 * c) * 4);
  for (int64_t b = 0; b < batch; b++) {
    padded(s + b * h * w, h, w, 0, h, border);
    table_of(ck_instruction_set(), c, c)->correlate(border, v + b * h * w * c, g, h, w, c);
  }
  for (int64_t k = 0; k < c; k++)
    for (int t = 0; t < 9; t++) dweights[k * 9 + t] = g[(flipped ? 8 - t : t) * c + k];
  free(g);
  free(border);
}
