// ISMRMRD's structures are packed and hold C's complex numbers, which Swift cannot see; what is in use gets a plain twin here.
#ifndef UNFOLD_CISMRMRD_SHIM_H
#define UNFOLD_CISMRMRD_SHIM_H
#include <ismrmrd/dataset.h>
#include <string.h>

struct unfold_ismrmrd_counters {
  uint16_t step1, step2, average, slice, contrast, phase, repetition, set;
};

struct unfold_ismrmrd_line {
  uint64_t flags;
  uint16_t samples, channels, center, discard_pre, discard_post, space;
  struct unfold_ismrmrd_counters counters;
};

// The members of a line that are read, by their names in the file; HDF5 leaves the others out.
static inline hid_t unfold_ismrmrd_line_type(void) {
  hid_t counters = H5Tcreate(H5T_COMPOUND, sizeof(struct unfold_ismrmrd_counters));
  H5Tinsert(counters, "kspace_encode_step_1", HOFFSET(struct unfold_ismrmrd_counters, step1), H5T_NATIVE_UINT16);
  H5Tinsert(counters, "kspace_encode_step_2", HOFFSET(struct unfold_ismrmrd_counters, step2), H5T_NATIVE_UINT16);
  H5Tinsert(counters, "average", HOFFSET(struct unfold_ismrmrd_counters, average), H5T_NATIVE_UINT16);
  H5Tinsert(counters, "slice", HOFFSET(struct unfold_ismrmrd_counters, slice), H5T_NATIVE_UINT16);
  H5Tinsert(counters, "contrast", HOFFSET(struct unfold_ismrmrd_counters, contrast), H5T_NATIVE_UINT16);
  H5Tinsert(counters, "phase", HOFFSET(struct unfold_ismrmrd_counters, phase), H5T_NATIVE_UINT16);
  H5Tinsert(counters, "repetition", HOFFSET(struct unfold_ismrmrd_counters, repetition), H5T_NATIVE_UINT16);
  H5Tinsert(counters, "set", HOFFSET(struct unfold_ismrmrd_counters, set), H5T_NATIVE_UINT16);
  hid_t head = H5Tcreate(H5T_COMPOUND, sizeof(struct unfold_ismrmrd_line));
  H5Tinsert(head, "flags", HOFFSET(struct unfold_ismrmrd_line, flags), H5T_NATIVE_UINT64);
  H5Tinsert(head, "number_of_samples", HOFFSET(struct unfold_ismrmrd_line, samples), H5T_NATIVE_UINT16);
  H5Tinsert(head, "active_channels", HOFFSET(struct unfold_ismrmrd_line, channels), H5T_NATIVE_UINT16);
  H5Tinsert(head, "center_sample", HOFFSET(struct unfold_ismrmrd_line, center), H5T_NATIVE_UINT16);
  H5Tinsert(head, "discard_pre", HOFFSET(struct unfold_ismrmrd_line, discard_pre), H5T_NATIVE_UINT16);
  H5Tinsert(head, "discard_post", HOFFSET(struct unfold_ismrmrd_line, discard_post), H5T_NATIVE_UINT16);
  H5Tinsert(head, "encoding_space_ref", HOFFSET(struct unfold_ismrmrd_line, space), H5T_NATIVE_UINT16);
  H5Tinsert(head, "idx", HOFFSET(struct unfold_ismrmrd_line, counters), counters);
  hid_t line = H5Tcreate(H5T_COMPOUND, sizeof(struct unfold_ismrmrd_line));
  H5Tinsert(line, "head", 0, head);
  H5Tclose(head);
  H5Tclose(counters);
  return line;
}

// A line's samples: real and imaginary parts in turn, channel by channel.
static inline hid_t unfold_ismrmrd_samples_type(void) {
  hid_t samples = H5Tvlen_create(H5T_NATIVE_FLOAT);
  hid_t line = H5Tcreate(H5T_COMPOUND, sizeof(hvl_t));
  H5Tinsert(line, "data", 0, samples);
  H5Tclose(samples);
  return line;
}

// Appends a line with its samples, 2 × samples × channels numbers. Returns 0 or the library's error.
static inline int unfold_ismrmrd_append(const ISMRMRD_Dataset *dataset, const struct unfold_ismrmrd_line *line, const float *samples) {
  ISMRMRD_Acquisition acquisition;
  ismrmrd_init_acquisition(&acquisition);
  acquisition.head.flags = line->flags;
  acquisition.head.number_of_samples = line->samples;
  acquisition.head.available_channels = acquisition.head.active_channels = line->channels;
  acquisition.head.center_sample = line->center;
  acquisition.head.read_dir[0] = acquisition.head.phase_dir[1] = acquisition.head.slice_dir[2] = 1;
  acquisition.head.idx.kspace_encode_step_1 = line->counters.step1;
  acquisition.head.idx.slice = line->counters.slice;
  int status = ismrmrd_make_consistent_acquisition(&acquisition);
  if (status == ISMRMRD_NOERROR) {
    memcpy(acquisition.data, samples, ismrmrd_size_of_acquisition_data(&acquisition));
    status = ismrmrd_append_acquisition(dataset, &acquisition);
  }
  ismrmrd_cleanup_acquisition(&acquisition);
  return status;
}

static inline uint64_t unfold_ismrmrd_flag(int number) { return (uint64_t)1 << (number - 1); }
#endif
