/* A case of the benchmark with everything that it is called with. */
#ifndef FOVEA_BENCH_OPS_SUBJECT_H
#define FOVEA_BENCH_OPS_SUBJECT_H

#include "cases.h"

typedef struct subject {
    variant v;
    int inputs;
    fv_tensor *x[CASE_INPUTS];
    fv_tensor *g; /* NULL: there is no gradient */
    fv_optim *optimizer;
    bool differentiable;
    double flops, in_bytes, out_bytes;
} subject;

/* Frees what s had and makes the inputs, the gradient of the result and the figures of a variant.
 * s begins as zeros and ends with subject_forget. */
fv_status subject_prepare(subject *s, const variant *v);
void subject_forget(subject *s);

/* The passes it has: "forward" and "backward" or, of a convolution, "grad0" and "grad1"; "step". */
int subject_passes(const subject *s, const char **pass);

/* The first result. */
fv_tensor *subject_call(const subject *s);

/* Which inputs ask for a gradient: all that can, or number `only`; these inputs. */
bool subject_wants_gradient(const subject *s, int i);
void subject_ask(subject *s, int only);
int subject_wanted(const subject *s, int only, fv_tensor **wanted);

/* Elements of all inputs. */
int64_t variant_elements(const variant *v);

#endif
