// SPDX-License-Identifier: Apache-2.0
// Gray images of DICOM files through DCMTK. No exception leaves these functions.
#ifndef UNFOLD_CDICOM_H
#define UNFOLD_CDICOM_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct unfold_dicom_file;  // owned by the caller of unfold_dicom_open

// What a file says of its pixels; texts end with 0, values that are not there are 0.
struct unfold_dicom_image {
  uint32_t width, height, frames, samples, bits_allocated, bits_stored, high_bit;
  int is_signed, is_compressed;
  int has_number, has_table;  // an instance number; a table (modality LUT) in the place of slope and intercept
  int32_t number;
  int has_padding;  // a sample that stands for no pixel
  uint16_t padding;
  char photometric[20], transfer_syntax[80], series[72], modality[20];
};

// What it says of one frame; `has_…` are 0 or 1.
struct unfold_dicom_frame {
  double slope, intercept;
  double spacing[2];  // from row to row and from column to column, millimetres
  double position[3], orientation[6];
  double thickness;
  int has_spacing, has_position, has_orientation, has_thickness;
};

// Reads a file's bytes, which stay the caller's. Returns null with a message of at most 255 bytes.
struct unfold_dicom_file *unfold_dicom_open(const uint8_t *bytes, size_t count, struct unfold_dicom_image *image, char *message);
void unfold_dicom_frame_facts(struct unfold_dicom_file *file, uint32_t frame, struct unfold_dicom_frame *facts);
// Bytes of a frame once decompressed, or 0.
uint32_t unfold_dicom_frame_size(struct unfold_dicom_file *file);
// Decompresses a frame, samples in the processor's byte order. Returns 1, or 0 with a message.
int unfold_dicom_frame_samples(struct unfold_dicom_file *file, uint32_t frame, uint8_t *out, uint32_t size, char *message);
void unfold_dicom_close(struct unfold_dicom_file *file);

#ifdef __cplusplus
}
#endif
#endif
