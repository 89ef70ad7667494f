// HDF5 spells types and versions of functions as macros with side effects, which Swift cannot see; each gets a name here.
#ifndef UNFOLD_CHDF5_SHIM_H
#define UNFOLD_CHDF5_SHIM_H
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static inline hid_t unfold_h5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t unfold_h5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t unfold_h5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t unfold_h5_file_float(void) { return H5T_IEEE_F32LE; }
static inline hid_t unfold_h5_file_double(void) { return H5T_IEEE_F64LE; }
static inline hid_t unfold_h5_c_string(void) { return H5T_C_S1; }
static inline hid_t unfold_h5_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t unfold_h5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t unfold_h5_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t unfold_h5_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t unfold_h5_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t unfold_h5_file_uint64(void) { return H5T_STD_U64LE; }
static inline hid_t unfold_h5_file_int32(void) { return H5T_STD_I32LE; }
static inline hid_t unfold_h5_object_reference(void) { return H5T_STD_REF_OBJ; }
static inline int unfold_h5_is_object_reference(hid_t type) { return H5Tequal(type, H5T_STD_REF_OBJ) > 0; }
static inline hid_t unfold_h5_dereference(hid_t object, const void *reference) {
  return H5Rdereference2(object, H5P_DEFAULT, H5R_OBJECT, reference);
}
static inline unsigned unfold_h5_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned unfold_h5_truncate(void) { return H5F_ACC_TRUNC; }
static inline size_t unfold_h5_variable(void) { return H5T_VARIABLE; }

// No messages on standard error, and no filter code loaded from files on disk.
static inline void unfold_h5_quiet(void) {
  H5open();
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5PLset_loading_state(0);
}

// The innermost reason of the last failure, or an empty text.
static inline herr_t unfold_h5_first_reason(unsigned n, const H5E_error2_t *error, void *text) {
  if (n == 0 && error->desc) snprintf((char *)text, 200, "%s", error->desc);
  return 0;
}
static inline void unfold_h5_reason(char *text) {
  text[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, unfold_h5_first_reason, text);
}

// The k-th link of a group: its name (at most 1023 bytes) and whether it is a hard link. Returns the name's length, negative on failure.
static inline long unfold_h5_link(hid_t group, hsize_t k, char *name, int *is_hard, int *is_external) {
  H5L_info_t info;
  if (H5Lget_info_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, k, &info, H5P_DEFAULT) < 0) return -1;
  *is_hard = info.type == H5L_TYPE_HARD;
  *is_external = info.type == H5L_TYPE_EXTERNAL;
  return (long)H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, k, name, 1024, H5P_DEFAULT);
}

// The number of a filter of a dataset that the library does not have, with its name (64 bytes) where the file says it; 0: none.
static inline int unfold_h5_missing_filter(hid_t dataset, char *name) {
  int found = 0;
  hid_t creation = H5Dget_create_plist(dataset);
  if (creation < 0) return 0;
  for (int k = 0; k < H5Pget_nfilters(creation) && !found; ++k) {
    unsigned flags, config;
    size_t count = 0;
    name[0] = 0;
    H5Z_filter_t filter = H5Pget_filter2(creation, (unsigned)k, &flags, &count, NULL, 64, name, &config);
    if (filter > 0 && H5Zfilter_avail(filter) <= 0) found = filter;
  }
  name[63] = 0;
  H5Pclose(creation);
  return found;
}

static inline herr_t unfold_h5_count_one(hid_t object, const char *name, const H5A_info_t *info, void *count) {
  (void)object;
  (void)name;
  (void)info;
  ++*(long *)count;
  return 0;
}
// Number of an object's attributes, negative on failure.
static inline long unfold_h5_attribute_count(hid_t object) {
  long count = 0;
  hsize_t start = 0;
  return H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &start, unfold_h5_count_one, &count) < 0 ? -1 : count;
}

// A copy of this process of which nothing is seen or kept, with the system's own answers to signals; it ends after so many seconds of
// processor time, or on the clock. Returns 0 in the copy.
static inline pid_t unfold_h5_child(double work, unsigned clock) {
  pid_t child = fork();
  if (child != 0) return child;
  for (int k = 1; k < 32; ++k) signal(k, SIG_DFL);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  int null = open("/dev/null", O_WRONLY);
  if (null >= 0) {
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
  }
  struct itimerval timer = {{0, 0}, {(time_t)work, (suseconds_t)((work - (double)(time_t)work) * 1e6)}};
  setitimer(ITIMER_PROF, &timer, NULL);
  alarm(clock);
  return 0;
}
#endif
