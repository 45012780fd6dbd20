# The whole core, included by one small module for each instruction set.

cimport cython
from libc.math cimport ceil, sqrt, sqrtf
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

include "memory.pxi"
include "magnitude.pxi"
include "random.pxi"
include "converters.pxi"
include "array.pxi"
include "read.pxi"
include "rules.pxi"
include "words.pxi"
include "draw.pxi"
include "trains.pxi"
include "update.pxi"
include "release.pxi"
include "transfers.pxi"
