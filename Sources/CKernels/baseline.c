#define LEVEL baseline
#define VL 4
#include "instantiate.inc"
