#include <dnnl.h>

/// libgomp's number of threads for parallel regions the calling thread starts; its header is the compiler's own and not always found.
void omp_set_num_threads(int threads);
