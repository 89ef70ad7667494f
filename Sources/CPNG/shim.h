// libpng reports errors by longjmp, which must not cross Swift frames: the calls that can fail stay between setjmp and return here.
#ifndef UNFOLD_CPNG_SHIM_H
#define UNFOLD_CPNG_SHIM_H
#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct unfold_png {
  const uint8_t *bytes;
  size_t count, offset;
  uint32_t width, height;
  int channels, depth;  // after the transformations: 1 or 3 channels of 8 or 16 bits, 16-bit samples big-endian
  size_t row_bytes;
  int alpha;  // 1 an alpha channel, 2 a transparent colour or palette
  char message[128];
};

static inline void unfold_png_error(png_structp png, png_const_charp message) {
  struct unfold_png *file = (struct unfold_png *)png_get_error_ptr(png);
  snprintf(file->message, sizeof file->message, "%s", message);
  png_longjmp(png, 1);
}

static inline void unfold_png_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static inline void unfold_png_read(png_structp png, png_bytep out, size_t count) {
  struct unfold_png *file = (struct unfold_png *)png_get_io_ptr(png);
  if (count > file->count - file->offset) png_error(png, "the file is cut off");
  memcpy(out, file->bytes + file->offset, count);
  file->offset += count;
}

// With `out` null reads the header and fills in the sizes; else decodes into `out`, height × row_bytes bytes. Returns 1, or 0 with a message.
static inline int unfold_png_decode(struct unfold_png *file, uint8_t *out) {
  file->offset = 0;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, file, unfold_png_error, unfold_png_warning);
  if (!png) return 0;
  png_infop info = png_create_info_struct(png);
  if (!info || setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, info ? &info : NULL, NULL);
    return 0;
  }
  png_set_user_limits(png, 1000000, 1000000);
  png_set_chunk_malloc_max(png, 8000000);
  png_set_chunk_cache_max(png, 100);
  png_set_read_fn(png, file, unfold_png_read);
  png_read_info(png, info);
  png_set_palette_to_rgb(png);
  if (png_get_color_type(png, info) == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
  file->alpha = png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA ? 1 : png_get_valid(png, info, PNG_INFO_tRNS) ? 2 : 0;
  png_set_strip_alpha(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t row_bytes = png_get_rowbytes(png, info);
  if (!out) {
    file->width = png_get_image_width(png, info);
    file->height = png_get_image_height(png, info);
    file->channels = png_get_channels(png, info);
    file->depth = png_get_bit_depth(png, info);
    file->row_bytes = row_bytes;
  } else if (row_bytes != file->row_bytes) {
    png_error(png, "the header changed");
  } else {
    for (int pass = 0; pass < passes; pass++)
      for (uint32_t y = 0; y < file->height; y++) png_read_row(png, out + (size_t)y * row_bytes, NULL);
    png_read_end(png, NULL);
  }
  png_destroy_read_struct(&png, &info, NULL);
  return 1;
}
#endif
