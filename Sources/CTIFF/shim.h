// libtiff takes tags through variable arguments, which Swift cannot pass.
#ifndef UNFOLD_CTIFF_SHIM_H
#define UNFOLD_CTIFF_SHIM_H
#include <stdint.h>
#include <tiffio.h>

static inline int unfold_tiff_u16(TIFF *file, uint32_t tag, uint16_t *value) { return TIFFGetFieldDefaulted(file, tag, value); }
static inline int unfold_tiff_u32(TIFF *file, uint32_t tag, uint32_t *value) { return TIFFGetFieldDefaulted(file, tag, value); }
// Text that lives as long as the directory, or null.
static inline const char *unfold_tiff_text(TIFF *file, uint32_t tag) {
  char *value = NULL;
  return TIFFGetField(file, tag, &value) == 1 ? value : NULL;
}
// Number of images that lie within a page.
static inline int unfold_tiff_children(TIFF *file) {
  uint16_t count = 0;
  void *places = NULL;
  return TIFFGetField(file, TIFFTAG_SUBIFD, &count, &places) == 1 ? count : 0;
}
// Red, green and blue of a palette, 2^bits numbers each.
static inline int unfold_tiff_palette(TIFF *file, const uint16_t *colours[3]) {
  uint16_t *red, *green, *blue;
  if (TIFFGetField(file, TIFFTAG_COLORMAP, &red, &green, &blue) != 1) return 0;
  colours[0] = red, colours[1] = green, colours[2] = blue;
  return 1;
}
#endif
