// SPDX-License-Identifier: Apache-2.0
#include "CNIfTI.h"

#include <nifti/nifti2_io.h>
#include <string.h>

int unfold_nifti_read(const uint8_t *bytes, int version, struct unfold_nifti *header) {
  nifti_set_debug_level(0);
  nifti_image *image;
  if (version == 1) {
    nifti_1_header stored;
    memcpy(&stored, bytes, sizeof stored);
    image = nifti_convert_n1hdr2nim(stored, NULL);
  } else {
    nifti_2_header stored;
    memcpy(&stored, bytes, sizeof stored);
    image = nifti_convert_n2hdr2nim(stored, NULL);
  }
  if (!image) return 0;
  header->version = version;
  header->datatype = image->datatype;
  header->qform = image->qform_code;
  header->sform = image->sform_code;
  header->is_swapped = image->byteorder != nifti_short_order();
  memcpy(header->dim, image->dim, sizeof header->dim);
  memcpy(header->pixdim, image->pixdim, sizeof header->pixdim);
  header->slope = image->scl_slope;
  header->intercept = image->scl_inter;
  header->space_units = image->xyz_units;
  header->time_units = image->time_units;
  memcpy(header->affine, image->sform_code > 0 ? image->sto_xyz.m : image->qto_xyz.m, sizeof header->affine);
  nifti_image_free(image);
  return 1;
}

size_t unfold_nifti_write(const struct unfold_nifti *header, uint8_t *bytes) {
  nifti_set_debug_level(0);
  nifti_image *image = nifti_make_new_nim(header->dim, header->datatype, 0);
  if (!image) return 0;
  memcpy(image->pixdim, header->pixdim, sizeof image->pixdim);
  image->dx = header->pixdim[1];
  image->dy = header->pixdim[2];
  image->dz = header->pixdim[3];
  image->dt = header->pixdim[4];
  image->scl_slope = 1;
  image->scl_inter = 0;
  image->xyz_units = NIFTI_UNITS_MM;
  image->time_units = NIFTI_UNITS_SEC;
  image->sform_code = NIFTI_XFORM_SCANNER_ANAT;
  memcpy(image->sto_xyz.m, header->affine, sizeof header->affine);
  image->iname_offset = header->offset;
  nifti_1_header first;
  nifti_2_header second;
  size_t count = 0;
  if (header->version == 1) {
    image->nifti_type = NIFTI_FTYPE_NIFTI1_1;
    if (nifti_convert_nim2n1hdr(image, &first) == 0) memcpy(bytes, &first, count = sizeof first);
  } else {
    image->nifti_type = NIFTI_FTYPE_NIFTI2_1;
    if (nifti_convert_nim2n2hdr(image, &second) == 0) {
      memcpy(second.magic + 4, "\r\n\032\n", 4);  // the library leaves this half of the mark out
      memcpy(bytes, &second, count = sizeof second);
    }
  }
  nifti_image_free(image);
  return count;
}
