#include <dnnl.h>

/// libgomp's number of threads for parallel regions the calling thread starts; its header is not on every compiler's path.
void omp_set_num_threads(int threads);
