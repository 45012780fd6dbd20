/* Exact products of a crossbar matrix and a block of vectors, in an order of additions that depends on nothing.
 *
 * A BLAS picks its order by processor, version and batch. Here forward sums run over 16 interleaved partial sums that
 * are added pairwise at the end, and transposed sums run from the first output to the last; so a vector's product has
 * the same bits on every instruction set and in every block. No fused multiply-adds: not every processor has them.
 *
 * Vectors are strided and padded to whole strips, an input by zeros, a result by room for anything.
 */
#ifndef ARCHSIM_PRODUCT_H
#define ARCHSIM_PRODUCT_H

#include "native.h"

/* Interleaved partial sums of a forward product. */
#define STRIP 16
#define PARTS (STRIP / NATIVE)

/* As many sums at a time as the registers hold beside what is multiplied: columns and vectors of a matrix that is read
 * along its columns, vectors and rows of one that is read across them. */
#if NATIVE == 16
#define TILE_COLUMNS 4
#define TILE_VECTORS 4
#define DEEP 8
#elif NATIVE == 8
#define TILE_COLUMNS 3
#define TILE_VECTORS 2
#define DEEP 6
#else
#define TILE_COLUMNS 3
#define TILE_VECTORS 1
#define DEEP 6
#endif
#define SIDE_BY_SIDE 2
#define WIDTH (SIDE_BY_SIDE * NATIVE)

#include "product_forward.h"
#include "product_transposed.h"

#endif
