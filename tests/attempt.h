/* The bad-argument matrix: every case, every input and every option takes wrong values.
 *
 * Whatever comes in, a call either fails - with a message that names the op and shows a shape or
 * the option, with tensors, nodes and bytes as before, and with the next good call right - or it
 * is legal, and then it agrees with the reference twin and its backward runs. Memory is limited, so
 * that a result may also be too large. */
#ifndef FOVEA_TESTS_ATTEMPT_H
#define FOVEA_TESTS_ATTEMPT_H

#include "support.h"

enum { HANG_SECONDS = 60 };

/* What an option of the op under test becomes, on its way into the op. */
typedef struct changed_option {
    const fv_option *field; /* NULL: none */
    int64_t integer;
    double number;
} changed_option;

/* One call of the matrix: a case with changed inputs or with a changed option. */
typedef struct attempt {
    const op_case *good;
    const fv_op *op;
    op_case c; /* the good case with changes */
    fv_dtype dtype[CASE_INPUTS];
    int special_input; /* whose values are all `special`, or -1 */
    double special;    /* infinite ones may give an infinity or a NaN, as sums go */
    changed_option option;
    bool must_fail;
    bool any_message; /* the message need not show a shape or an option */
} attempt;

attempt start_attempt(const op_case *c);

/* The number of outputs, 0 after an error. */
int attempt_run(attempt *a, bool twin, bool grads, fv_tensor **y);

/* Runs the attempt and judges what comes of it; what names the change in messages. */
void try_attempt(attempt *a, const char *what);

/* Which inputs of a case are inputs of the op itself and must be there? */
bool is_required(const op_case *c, int i);

/* A call refused by its first op leaves nothing behind, even before its scope ends. */
void check_failure_is_traceless(const op_case *c);

/* Runs fn, and asserts that nothing was wrong. */
void for_each_case(void (*fn)(const op_case *c));

#endif
