#define LEVEL baseline
#include "instantiate.inc"
