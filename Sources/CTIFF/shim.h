// libtiff takes tags through variable arguments, which Swift cannot pass.
#ifndef UNFOLD_CTIFF_SHIM_H
#define UNFOLD_CTIFF_SHIM_H
#include <stdint.h>
#include <tiffio.h>

static inline int unfold_tiff_u16(TIFF *file, uint32_t tag, uint16_t *value) { return TIFFGetFieldDefaulted(file, tag, value); }
static inline int unfold_tiff_u32(TIFF *file, uint32_t tag, uint32_t *value) { return TIFFGetFieldDefaulted(file, tag, value); }
#endif
