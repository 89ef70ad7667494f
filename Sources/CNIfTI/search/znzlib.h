// nifti2_io.h looks for this name in folders that a compiler does not search by itself.
#include <nifti/znzlib.h>
