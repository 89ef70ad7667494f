// SPDX-License-Identifier: Apache-2.0
// Headers of NIfTI files, versions 1 and 2, through nifticlib; the numbers behind them are not its business.
#ifndef UNFOLD_CNIFTI_H
#define UNFOLD_CNIFTI_H
#include <stddef.h>
#include <stdint.h>

struct unfold_nifti {
  int version, datatype, is_swapped;
  int qform, sform;  // codes, 0 where there is none
  int64_t offset;  // of the numbers; the library mends a damaged one, so reading leaves it to the caller
  int64_t dim[8];  // number of dimensions, then their sizes, the fastest first
  double pixdim[8];
  double slope, intercept;
  int space_units, time_units;
  double affine[4][4];  // voxel indices to coordinates in the units of space
};

enum {
  UNFOLD_NIFTI_HEADER_LIMIT = 540,
  UNFOLD_NIFTI_METRE = 1,
  UNFOLD_NIFTI_MILLIMETRE = 2,
  UNFOLD_NIFTI_MICROMETRE = 3,
  UNFOLD_NIFTI_SECOND = 8,
  UNFOLD_NIFTI_MILLISECOND = 16,
  UNFOLD_NIFTI_MICROSECOND = 24
};

// Understands the 348 bytes of a header of version 1 or the 540 of version 2. Returns 1, or 0 when the library refuses them.
int unfold_nifti_read(const uint8_t *bytes, int version, struct unfold_nifti *header);

// The header of `header` in millimetres and seconds, as many bytes as its version has. Returns their number, or 0.
size_t unfold_nifti_write(const struct unfold_nifti *header, uint8_t *bytes);
#endif
