/* Random programs on the tape: graphs against finite differences, and memory after programs with
 * mistakes. */
#include <string.h>

#include "support.h"

/* --- random numbers --------------------------------------------------------------------------- */

/* The same sequence everywhere. */
static uint64_t state;

static int below(int n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (int)(state % (uint64_t)n);
}

static void seed_with(int seed)
{
    state = 0x9e3779b97f4a7c15u * (uint64_t)(seed + 1);
    for (int k = 0; k < 4; k++) below(2);
}

/* --- graphs against differences --------------------------------------------------------------- */

enum { LEAVES = 3, STEPS = 9 };

static const fv_shape leaf_shapes[LEAVES] = {{2, {2, 3}}, {1, {3}}, {2, {2, 1}}};

/* A smooth step whose gradient reads inputs, outputs or nothing; writes in place go to a result
 * that nobody has seen yet. */
static fv_tensor *smooth_step(fv_tensor *a, fv_tensor *b)
{
    fv_tensor *y;
    switch (below(10)) {
    case 0: return fv_add(a, b);
    case 1: return fv_mul(a, b);
    case 2: return fv_sub(fv_tanh(a), b);
    case 3: return fv_sin(a);
    case 4: return fv_transpose(fv_tanh(fv_transpose(a, 0, -1)), 0, -1);
    case 5: return fv_mul(fv_select(fv_unsqueeze(a, 0), 0, 0), b);
    case 6: y = fv_add(a, b); return fv_mul_(y, y);
    case 7: y = fv_add(a, b); return fv_sin_(fv_mul_(y, 0.5));
    case 8: y = fv_mul(fv_add(a, b), 1); return fv_mul_(y, fv_tanh(b));
    default: y = fv_add(a, b); return fv_tanh_(fv_add_(y, y));
    }
}

static fv_tensor *smooth_program(fv_tensor *const *in, void *context)
{
    fv_tensor *pool[LEAVES + STEPS];
    seed_with(*(const int *)context);
    memcpy(pool, in, LEAVES * sizeof *in);
    for (int n = LEAVES; n < LEAVES + STEPS; n++)
        pool[n] = smooth_step(pool[n - 1 - below(n < 4 ? n : 4)], pool[below(n)]);
    return fv_sum(fv_add(fv_add(pool[LEAVES + STEPS - 1], pool[LEAVES + STEPS - 2]), pool[0]));
}

START_TEST(random_graphs_have_the_gradients_of_differences)
{
    enum { PROGRAMS = 150 };
    memory_mark mark = mark_memory();
    char difference[128];
    for (int seed = 0; seed < PROGRAMS; seed++) {
        FV_SCOPE;
        fv_tensor *in[LEAVES];
        fv_gradcheck_report report;
        fv_manual_seed((uint64_t)seed);
        set_context("program %d", seed);
        for (int k = 0; k < LEAVES; k++)
            in[k] = fv_rand(.shape = leaf_shapes[k], .dtype = FV_FLOAT64, .requires_grad = true);
        fv_tensor_list list = {in, LEAVES};
        if (!fv_gradcheck(smooth_program, list, &report, &seed)) note_failure("%s", report.message);
        if (seed % 5 == 0 && !fv_gradgradcheck(smooth_program, list, &report, &seed))
            note_failure("twice: %s", report.message);
    }
    ck_assert(no_failures());
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

/* --- programs with mistakes ------------------------------------------------------------------- */

enum { POOL = 40 };

static fv_tensor *doubled(fv_tensor *grad, void *context)
{
    (void)context;
    return fv_mul(grad, 2);
}

static fv_tensor *differentiated(fv_tensor *x, fv_tensor *y)
{
    fv_tensor *grad[1];
    fv_grad(FV_TENSORS(fv_sum(x)), FV_TENSORS(y), grad, .retain_graph = below(2),
            .create_graph = below(2), .allow_unused = below(2));
    return grad[0] ? grad[0] : x;
}

/* Any call on any tensors of the pool, sensible or not. Returns what joins the pool. */
static fv_tensor *wild_step(fv_tensor *x, fv_tensor *y)
{
    switch (below(22)) {
    case 0: return fv_add(x, y);
    case 1: return fv_mul(x, y);
    case 2: return fv_exp(fv_neg(fv_abs(x)));
    case 3: return fv_reshape(x, -1);
    case 4: return fv_transpose(x, 0, -1);
    case 5: return fv_select(x, 0, 0);
    case 6: return fv_expand(x, 2, 2, 3);
    case 7: return fv_sum(x, .dim = 0);
    case 8: return fv_mul_(x, y);
    case 9: return fv_add_(x, y);
    case 10: return fv_tanh_(x);
    case 11: return fv_zero_(x);
    case 12: return fv_detach(x);
    case 13: fv_set_grad_enabled(below(3) > 0); return x;
    case 14: fv_retain_grad(x); return x;
    case 15: fv_register_hook(x, doubled, NULL); return x;
    case 16: return differentiated(x, y);
    case 17: fv_backward(fv_sum(x), .retain_graph = below(2)); return x;
    case 18: fv_backward(fv_sum(x), .create_graph = true); return x;
    case 19: fv_set_grad(x, below(2) ? y : NULL); return x;
    case 20: return fv_requires_grad(x, true);
    default: return fv_clone(x);
    }
}

static void wild_program(int seed)
{
    fv_tensor *pool[POOL];
    seed_with(seed);
    for (int k = 0; k < LEAVES; k++)
        pool[k] =
            fv_full_like(fv_zeros(.shape = leaf_shapes[k], .dtype = FV_FLOAT64), 0.5 + 0.1 * k);
    fv_requires_grad(pool[0], true);
    for (int n = LEAVES; n < POOL; n++) {
        pool[n] = wild_step(pool[n - 1 - below(n < 5 ? n : 5)], pool[below(n)]);
        if (fv_failed(pool[n])) pool[n] = pool[below(n)];
        fv_clear_error();
    }
    fv_set_grad_enabled(true);
    /* the documented cycle of create_graph, and those that a program makes with fv_set_grad */
    for (int n = 0; n < POOL; n++) fv_set_grad(pool[n], NULL);
}

START_TEST(programs_with_mistakes_leave_nothing_behind)
{
    enum { PROGRAMS = 4000 };
    memory_mark mark = mark_memory();
    char difference[128];
    fv_set_log(NULL, NULL);
    for (int seed = 0; seed < PROGRAMS; seed++) {
        set_context("program %d", seed);
        {
            FV_SCOPE;
            wild_program(seed);
        }
        if (!same_memory(mark, difference, sizeof difference)) {
            note_failure("%s", difference);
            mark = mark_memory();
        }
    }
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("tape, at random");
    TCase *fuzz = add_case(suite, "fuzz");
    tcase_add_test(fuzz, random_graphs_have_the_gradients_of_differences);
    tcase_add_test(fuzz, programs_with_mistakes_leave_nothing_behind);
    return suite;
}
