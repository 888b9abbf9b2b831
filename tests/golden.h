/* Stored PyTorch values: what golden_inputs.c writes and test_ops_golden.c and test_ops_variants.c
 * read. A file holds cases, each with an empty line behind it; a case is lines of a label and the
 * rest:
 *     case 3x3, padding 1
 *     torch F.conv2d(x0, x1, x2, padding=1)
 *     inputs 5f0c96d2a33e8b14
 *     output 0 [2,4,5,6] 0.25 ...
 *     gradient 1 [4,3,3,3] -1.5 ...
 * In those of variants a type stands before the shape, and 0*7 for seven zeros. */
#ifndef FOVEA_TESTS_GOLDEN_H
#define FOVEA_TESTS_GOLDEN_H

#include "support.h"

/* A number that changes with the inputs and the expression, so that values stored for others are
 * found out. */
uint64_t golden_fingerprint(const op_case *c);
uint64_t golden_tensors_fingerprint(const op_case *c, fv_tensor *const *x);

/* The text of folder/op.txt, empty if there is none; the caller frees it. */
char *golden_load(const char *folder, const char *op);

/* The case of that name in a file, or NULL. */
const char *golden_case(const char *text, const char *name);

/* What follows "<label> " at the beginning of a line, up to the end of the case; NULL if no line
 * of the case at `text` begins so. */
const char *golden_line(const char *text, const char *label);
bool golden_line_is(const char *line, const char *wanted);

#endif
