/* Variants of a case: its call with inputs of other values or other types than it has itself, so
 * that special values and integer types need no cases of their own. PyTorch's answers lie in
 * tests/golden/special and tests/golden/types; test_ops_variants.c compares. */
#ifndef FOVEA_TESTS_VARIANTS_H
#define FOVEA_TESTS_VARIANTS_H

#include "support.h"

typedef struct case_variant {
    char name[64];               /* "NaN, float32", "input 1 bool" */
    fv_dtype dtype[CASE_INPUTS]; /* of each input */
    int values, turn;            /* which list of values, and where in it they start */
} case_variant;

typedef enum variant_kind { VARIANT_SPECIAL, VARIANT_TYPES } variant_kind;
enum { VARIANT_KINDS = 2 };

/* The folder of a kind in tests/golden. */
const char *variant_folder(variant_kind kind);

/* Describes variant `number` of a case, counted from 0; false when there are no more. Special
 * values are for the elementwise ops, reductions, pools, losses, softmax and norms; types for
 * whatever users call. */
bool get_variant(variant_kind kind, const op_case *c, int number, case_variant *v);

/* Its inputs, owned by the innermost scope; those of special values require gradients as the case
 * says. */
void variant_inputs(variant_kind kind, const op_case *c, const case_variant *v, fv_tensor **x);

/* Is each element of the result made of one element of each input? */
bool is_pointwise(const op_case *c);

#endif
