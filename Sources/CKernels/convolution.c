// 3 x 3 convolutions on channels-last maps: buffers and layouts around the vectorised loops.
#include "CKernels.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

// Two vectors a time; AVX-512 leaves the 16 channels that would be one of its vectors to AVX2, which a processor with it has.
int64_t ck_convolution_channels(void) {
  const int64_t pair = 2 * ck_convolution_table()->lanes;
  return pair < 16 ? pair : 16;
}

static const struct ck_convolution_table *table_of(int64_t in, int64_t out) {
  const struct ck_convolution_table *table = ck_convolution_table();
#if defined(__x86_64__)
  if (in % (2 * table->lanes) || out % (2 * table->lanes)) return &ck_avx2_convolution;
#endif
  return table;
}

// Tiles at a time, so that what they become stays in a core's cache; more of them where the filters fill it anyway.
static int64_t chunk_of(int64_t in, int64_t out) {
  const int64_t chunk = 18 * 64 / (in + out) / 6 * 6, least = in + out < 192 ? 6 : 12;
  return chunk < least ? least : chunk;
}

// What a chunk of tiles becomes, or the filters by taps.
static int64_t scratch_of(int64_t chunk, int64_t in, int64_t out) {
  const int64_t tiles = 36 * chunk * (in + out), filters = 9 * in * out;
  return tiles > filters ? tiles : filters;
}

static float *buffer(int64_t count) {
  float *p = aligned_alloc(64, (size_t)(count * 4 + 63) / 64 * 64);
  if (!p) abort();
  return p;
}

// weights [o][i][9] to [9][o / panel][i][panel], or when transposed to [9][i / panel][o][panel].
static void tap_major(const float *weights, int64_t in, int64_t out, int transposed, int64_t panel, float *g) {
  for (int64_t o = 0; o < out; o++)
    for (int64_t i = 0; i < in; i++) {
      const int64_t at = transposed ? (i / panel * out + o) * panel + i % panel : (o / panel * in + i) * panel + o % panel;
      for (int t = 0; t < 9; t++) g[t * in * out + at] = weights[(o * in + i) * 9 + t];
    }
}

void ck_convolve3x3(const float *x, const float *weights, const float *bias, float *y, int64_t batch, int64_t h, int64_t w, int64_t in,
                    int64_t out, int relu) {
  const struct ck_convolution_table *table = table_of(in, out);
  const int64_t chunk = chunk_of(in, out);
  float *u = buffer(36 * in * out), *scratch = buffer(scratch_of(chunk, in, out));
  tap_major(weights, in, out, 0, 2 * table->lanes, scratch);
  table->kernel_transform(scratch, in * out, u);
  table->winograd_forward(x, u, bias, y, batch, h, w, in, out, relu, chunk, scratch);
  free(u);
  free(scratch);
}

void ck_convolve3x3_pullback(const float *x, const float *weights, const float *y, const float *v, float *dx, float *dweights,
                             float *dbias, int64_t batch, int64_t h, int64_t w, int64_t in, int64_t out) {
  const struct ck_convolution_table *table = table_of(in, out);
  const int64_t chunk = chunk_of(in, out);
  float *u = buffer(36 * in * out), *du = buffer(36 * in * out), *scratch = buffer(scratch_of(chunk, in, out));
  tap_major(weights, in, out, 1, 2 * table->lanes, scratch);
  table->kernel_transform(scratch, in * out, u);
  memset(du, 0, (size_t)(36 * in * out) * 4);
  memset(dx, 0, (size_t)(batch * h * w * in) * 4);
  if (dbias) memset(dbias, 0, (size_t)out * 4);
  table->winograd_backward(x, u, y, v, dx, du, dbias, batch, h, w, in, out, chunk, scratch);
  table->kernel_gradient(du, in * out, scratch);
  for (int64_t o = 0; o < out; o++)
    for (int64_t i = 0; i < in; i++)
      for (int t = 0; t < 9; t++) dweights[(o * in + i) * 9 + t] = scratch[t * in * out + i * out + o];
  free(u);
  free(du);
  free(scratch);
}

// A map of one channel with a border of zeros.
static void padded(const float *s, int64_t h, int64_t w, float *out) {
  memset(out, 0, (size_t)((h + 2) * (w + 2)) * 4);
  for (int64_t i = 0; i < h; i++) memcpy(out + (i + 1) * (w + 2) + 1, s + i * w, (size_t)w * 4);
}

// weights [c][9] to [9][c], the taps in opposite order when flipped.
static void taps(const float *weights, int64_t c, int flipped, float *g) {
  for (int64_t k = 0; k < c; k++)
    for (int t = 0; t < 9; t++) g[(flipped ? 8 - t : t) * c + k] = weights[k * 9 + t];
}

void ck_expand3x3(const float *s, const float *weights, const float *bias, float *y, int64_t batch, int64_t h, int64_t w, int64_t c,
                  int flipped) {
  float *g = buffer(10 * c), *border = buffer((h + 2) * (w + 2));
  taps(weights, c, flipped, g);
  if (!bias) {
    memset(g + 9 * c, 0, (size_t)c * 4);
    bias = g + 9 * c;
  }
  for (int64_t b = 0; b < batch; b++) {
    padded(s + b * h * w, h, w, border);
    table_of(c, c)->expand(border, g, bias, y + b * h * w * c, h, w, c);
  }
  free(g);
  free(border);
}

void ck_collapse3x3(const float *x, const float *weights, float *s, int64_t batch, int64_t h, int64_t w, int64_t c, int flipped) {
  float *g = buffer(9 * c), *zeros = buffer(c);
  taps(weights, c, flipped, g);
  memset(zeros, 0, (size_t)c * 4);
  for (int64_t b = 0; b < batch; b++) table_of(c, c)->collapse(x + b * h * w * c, g, s + b * h * w, h, w, c, zeros);
  free(g);
  free(zeros);
}

void ck_correlate3x3(const float *s, const float *v, float *dweights, int64_t batch, int64_t h, int64_t w, int64_t c, int flipped) {
  float *g = buffer(9 * c), *border = buffer((h + 2) * (w + 2));
  memset(g, 0, (size_t)(9 * c) * 4);
  for (int64_t b = 0; b < batch; b++) {
    padded(s + b * h * w, h, w, border);
    table_of(c, c)->correlate(border, v + b * h * w * c, g, h, w, c);
  }
  for (int64_t k = 0; k < c; k++)
    for (int t = 0; t < 9; t++) dweights[k * 9 + t] = g[(flipped ? 8 - t : t) * c + k];
  free(g);
  free(border);
}
