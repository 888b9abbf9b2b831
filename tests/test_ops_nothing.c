/* Every op over nothing: with a dimension of length 0 in one input, or in all that have it, a call
 * that is taken must have gradients of the first and the second order without NaN, as in PyTorch:
 * sums over no elements are 0 whatever they are divided by. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static int taken;

/* Those that divide by what they found over nothing, a 0 or a NaN, have NaN in PyTorch as well. */
static bool divides_by_its_result(const op_case *c)
{
    static const char *const ops[] = {"std", "nll_loss", "cross_entropy"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(c->op, ops[i]) == 0) return true;
    return false;
}

static bool has_nan(const fv_tensor *t)
{
    bool found = false;
    double *values = malloc(((size_t)t->numel + 1) * sizeof(double));
    if (!values) abort();
    fv_copy_out(t, FV_FLOAT64, values);
    for (int64_t k = 0; k < t->numel; k++) found |= isnan(values[k]);
    free(values);
    return found;
}

/* The gradients of `of` in those of `in` that it depends on, checked; returns how many there are.
 */
static int64_t differentiate(fv_tensor_list of, fv_tensor *const *seeds, fv_tensor_list in,
                             bool create_graph, const char *order, fv_tensor **out)
{
    fv_tensor *found[CASE_INPUTS + CASE_OUTPUTS];
    int64_t count = 0;
    fv_grad(of, in, found, .grad_outputs = (fv_tensor_list){seeds, of.count},
            .create_graph = create_graph, .allow_unused = true);
    for (int64_t i = 0; i < in.count; i++) {
        if (!found[i]) continue;
        if (fv_failed(found[i]))
            note_failure("%s gradient %lld: %s", order, (long long)i, fv_error());
        else if (has_nan(found[i]))
            note_failure("%s gradient %lld: NaN", order, (long long)i);
        out[count++] = found[i];
    }
    fv_clear_error();
    return count;
}

/* Of gradients, by ones, in the inputs and in the seeds that they were made with. */
static void differentiate_again(fv_tensor *const *first, int64_t count, fv_tensor_list leaves)
{
    fv_tensor *of[CASE_INPUTS], *ones[CASE_INPUTS], *second[CASE_INPUTS + CASE_OUTPUTS];
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        if (fv_failed(first[i]) || !first[i]->requires_grad) continue;
        ones[kept] = fv_ones_like(first[i]);
        of[kept++] = first[i];
    }
    if (kept > 0) differentiate((fv_tensor_list){of, kept}, ones, leaves, false, "second", second);
}

static void check_case(const op_case *c)
{
    FV_SCOPE;
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS], *of[CASE_OUTPUTS], *seeds[CASE_OUTPUTS];
    fv_tensor *leaves[CASE_INPUTS + CASE_OUTPUTS], *first[CASE_INPUTS];
    int64_t inputs = 0, outputs = 0;
    case_inputs(c, FV_FLOAT64, LAYOUT_CONTIGUOUS, 0, true, x);
    if (case_run(c, x, y) == 0) {
        fv_clear_error();
        return;
    }
    taken++;
    for (int i = 0; i < c->inputs; i++)
        if (x[i] && x[i]->requires_grad) leaves[inputs++] = x[i];
    for (int j = 0; j < CASE_OUTPUTS && y[j]; j++) {
        if (!y[j]->requires_grad) continue;
        seeds[outputs] = fv_requires_grad(fixed_gradient_like(y[j], j), true);
        leaves[inputs + outputs] = seeds[outputs];
        of[outputs++] = y[j];
    }
    if (inputs == 0 || outputs == 0) return;
    int64_t count = differentiate((fv_tensor_list){of, outputs}, seeds,
                                  (fv_tensor_list){leaves, inputs}, true, "first", first);
    differentiate_again(first, count, (fv_tensor_list){leaves, inputs + outputs});
}

/* Input i alone, or all for -1, has length 0 in dimension d; false when none has the dimension. */
static bool check_empty(const op_case *c, int only, int d)
{
    op_case changed = *c;
    bool has = false;
    for (int i = 0; i < c->inputs; i++) {
        if ((only >= 0 && i != only) || c->in[i].absent || d >= c->in[i].shape.ndim) continue;
        changed.in[i].shape.dim[d] = 0;
        has = true;
    }
    if (!has) return false;
    set_case_context(c, "nothing in dimension %d of input %d", d, only);
    check_case(&changed);
    return true;
}

START_TEST(gradients_over_nothing_are_numbers)
{
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        const fv_op *op = fv_find_op(c->op);
        if (!op || op->gradient == FV_NO_GRADIENT || c->not_gradcheck || divides_by_its_result(c))
            continue;
        for (int only = -1; only < c->inputs; only++)
            for (int d = 0; d < FV_MAX_DIMS; d++)
                if (!check_empty(c, only, d)) break;
    }
    printf("%d calls on nothing\n", taken);
    if (all_cases_are_wanted()) ck_assert_int_gt(taken, 1000);
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("ops over nothing");
    tcase_add_test(add_case(suite, "nothing"), gradients_over_nothing_are_numbers);
    return suite;
}
