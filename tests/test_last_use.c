/* Gradients that are written over where nobody else needs them, and those that are added to in the
 * store of a convolution: what users see of either is the right numbers, and their own tensors
 * untouched. */
#include <string.h>

#include "support.h"

/* --- an op that writes its gradient over the one it gets ----------------------------------------
 */

static struct {
    int calls, taken;
    bool view; /* also adds a view of the gradient, made after it was given up */

} told;

static fv_status twofold_infer(fv_call *c)
{
    fv_output_like(c, 0, c->in[0]);
    return FV_OK;
}

static void twofold_forward(fv_call *c)
{
    const double *x = c->in[0]->data;
    double *y = c->out[0]->data;
    for (int64_t i = 0; i < c->in[0]->numel; i++) y[i] = 2 * x[i];
}

static const fv_op twofold_op;

static void twofold_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    (void)c;
    const void *before = gout[0]->data;
    fv_tensor *g = fv_last_use(gout[0]), *view = told.view ? fv_unsqueeze(g, 0) : NULL;
    gin[0] = FV_APPLY(&twofold_op, NULL, g);
    if (view) gin[0] = fv_add(gin[0], fv_squeeze(view, 0));
    told.calls++;
    told.taken += gin[0]->data == before;
}

static const fv_op twofold_op = {.name = "test_twofold",
                                 .inputs = 1,
                                 .outputs = 1,
                                 .infer = twofold_infer,
                                 .forward = twofold_forward,
                                 .reference = twofold_forward,
                                 .inplace = true,
                                 .gradient = twofold_gradient};
FV_REGISTER(twofold_op);

static fv_tensor *twofold(fv_tensor *x)
{
    return FV_APPLY(&twofold_op, NULL, x);
}

static fv_tensor *leaf(int64_t n, uint64_t seed)
{
    fv_manual_seed(seed);
    return fv_requires_grad(fv_randn(n, .dtype = FV_FLOAT64), true);
}

/* d of sum(twofold(x) * w): 2 w. */
static void expect_twice(fv_tensor *grad, fv_tensor *w)
{
    ck_assert_ptr_nonnull(grad);
    ck_assert(tensors_same(grad, fv_mul(fv_detach(w), 2)));
}

START_TEST(a_gradient_that_nobody_holds_is_written_over)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *w = leaf(6, 2);
    told.calls = told.taken = 0;
    fv_backward(fv_sum(fv_mul(twofold(x), w)));
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.taken, 1);
    expect_twice(fv_grad_of(x), w);
}
END_TEST

START_TEST(a_gradient_that_the_user_gave_is_left_alone)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *g = fv_ones(6, .dtype = FV_FLOAT64);
    told.calls = told.taken = 0;
    fv_backward(twofold(x), g);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.taken, 0);
    ck_assert(tensors_same(g, fv_ones(6, .dtype = FV_FLOAT64)));
    ck_assert(tensors_same(fv_grad_of(x), fv_full(6, .value = 2, .dtype = FV_FLOAT64)));
}
END_TEST

START_TEST(a_retained_gradient_is_left_alone)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *w = leaf(6, 2), *y = twofold(x);
    fv_retain_grad(y);
    fv_backward(fv_sum(fv_mul(y, w)));
    ck_assert(tensors_same(fv_grad_of(y), fv_detach(w)));
    expect_twice(fv_grad_of(x), w);
}
END_TEST

static fv_tensor *keep(fv_tensor *grad, void *context)
{
    *(fv_tensor **)context = fv_retain(grad);
    return NULL;
}

START_TEST(a_gradient_that_a_hook_keeps_is_left_alone)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *w = leaf(6, 2), *y = twofold(x), *kept = NULL;
    fv_register_hook(y, keep, &kept);
    told.taken = 0;
    fv_backward(fv_sum(fv_mul(y, w)));
    ck_assert_int_eq(told.taken, 0);
    ck_assert(tensors_same(kept, fv_detach(w)));
    fv_release(kept);
    expect_twice(fv_grad_of(x), w);
}
END_TEST

START_TEST(a_captured_gradient_is_left_alone)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *w = leaf(6, 2), *y = twofold(x), *g[2];
    ck_assert_int_eq(fv_grad(FV_TENSORS(fv_sum(fv_mul(y, w))), FV_TENSORS(y, x), g), FV_OK);
    ck_assert(tensors_same(g[0], fv_detach(w)));
    expect_twice(g[1], w);
}
END_TEST

/* An addition hands one gradient to both of its sides. */
START_TEST(a_gradient_of_two_is_written_over_by_the_last)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *z = leaf(6, 3), *w = leaf(6, 2);
    told.calls = told.taken = 0;
    fv_backward(fv_sum(fv_mul(fv_add(twofold(x), twofold(z)), w)));
    ck_assert_int_eq(told.calls, 2);
    ck_assert_int_eq(told.taken, 1);
    expect_twice(fv_grad_of(x), w);
    expect_twice(fv_grad_of(z), w);
}
END_TEST

START_TEST(a_view_of_what_was_given_up_is_left_alone)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *w = leaf(6, 2);
    told.view = true;
    fv_backward(fv_sum(fv_mul(twofold(x), w)));
    told.view = false;
    ck_assert(tensors_same(fv_grad_of(x), fv_mul(fv_detach(w), 3)));
}
END_TEST

/* What the first said of it must not bind the second, which reads it twice. */
START_TEST(a_gradient_of_two_is_read_twice_by_the_last)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *z = leaf(6, 3), *u = leaf(6, 4), *w = leaf(6, 2);
    fv_tensor *product = fv_mul(z, u);
    told.calls = told.taken = 0;
    fv_backward(fv_sum(fv_mul(fv_add(twofold(x), product), w)));
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.taken, 0);
    expect_twice(fv_grad_of(x), w);
    ck_assert(tensors_same(fv_grad_of(z), fv_mul(fv_detach(w), fv_detach(u))));
    ck_assert(tensors_same(fv_grad_of(u), fv_mul(fv_detach(w), fv_detach(z))));
}
END_TEST

START_TEST(nothing_is_written_over_with_create_graph)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *w = leaf(6, 2);
    told.calls = told.taken = 0;
    fv_backward(fv_sum(fv_mul(twofold(x), w)), .create_graph = true);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.taken, 0);
    expect_twice(fv_grad_of(x), w);
    fv_set_grad(x, NULL); /* else a circle */
    fv_set_grad(w, NULL);
}
END_TEST

static void look(const fv_event *event, void *context)
{
    fv_tensor **seen = context;
    if (event->kind == FV_EVENT_GRADIENT && strcmp(event->name, "test_twofold") == 0)
        *seen = fv_retain(fv_clone(event->in[0]));
}

START_TEST(an_observer_sees_the_gradient_that_came)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *w = leaf(6, 2), *seen = NULL;
    int observer = fv_observe(look, &seen);
    fv_backward(fv_sum(fv_mul(twofold(x), w)));
    fv_unobserve(observer);
    ck_assert_ptr_nonnull(seen);
    ck_assert(tensors_same(seen, fv_detach(w)));
    fv_release(seen);
}
END_TEST

START_TEST(reference_twins_have_memory_of_their_own)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1), *w = leaf(6, 2);
    told.taken = 0;
    bool before = fv_use_reference(true);
    fv_backward(fv_sum(fv_mul(twofold(x), w)));
    fv_use_reference(before);
    ck_assert_int_eq(told.taken, 0);
    expect_twice(fv_grad_of(x), w);
}
END_TEST

/* --- batch norm ------------------------------------------------------------------------------- */

/* Inputs of a batch norm behind an op; the gradients of both, and of weight and bias. */
typedef struct norm_case {
    fv_tensor *a, *w, *b, *r, *x, *y;
} norm_case;

static norm_case norm_of(bool relu, bool residual)
{
    norm_case n;
    fv_manual_seed(5);
    n.a = fv_requires_grad(fv_randn(4, 3, 5, 5), true);
    n.r = fv_requires_grad(fv_randn(4, 3, 5, 5), true);
    n.w = fv_requires_grad(fv_randn(3), true);
    n.b = fv_requires_grad(fv_randn(3), true);
    n.x = fv_mul(n.a, 3);
    n.y = fv_batch_norm(n.x, .weight = n.w, .bias = n.b, .training = true, .relu = relu,
                        .residual = residual ? fv_tanh(n.r) : NULL);
    return n;
}

static void gradients_of(const norm_case *n, bool residual, bool retain_graph, fv_tensor *g[4])
{
    fv_tensor *leaves[] = {n->a, n->w, n->b, n->r};
    fv_manual_seed(9);
    fv_tensor *weights = fv_to_channels_last(fv_randn(4, 3, 5, 5)); /* else it gets a copy */
    fv_backward(fv_sum(fv_mul(n->y, weights)), .retain_graph = retain_graph);
    for (int i = 0; i < 3 + residual; i++) {
        g[i] = fv_clone(fv_grad_of(leaves[i]));
        fv_set_grad(leaves[i], NULL);
    }
}

static void expect_same(fv_tensor *const *a, fv_tensor *const *b, int count)
{
    for (int i = 0; i < count; i++) ck_assert_msg(tensors_same(a[i], b[i]), "gradient %d", i);
}

/* relu and residual by the bits of i */
START_TEST(batch_norm_leaves_what_the_user_holds)
{
    FV_SCOPE;
    const bool relu = _i & 1, residual = _i & 2;
    fv_tensor *g[4], *again[4], *last[4], *twin[4];
    char message[256];
    norm_case n = norm_of(relu, residual);
    bool before = fv_use_reference(true); /* twins write over nothing */
    gradients_of(&n, residual, false, twin);
    fv_use_reference(before);
    n = norm_of(relu, residual);
    fv_tensor *x = fv_clone(n.x), *y = fv_clone(n.y);
    gradients_of(&n, residual, true, g);
    gradients_of(&n, residual, true, again);
    gradients_of(&n, residual, false, last);
    expect_same(g, again, 3 + residual);
    expect_same(g, last, 3 + residual);
    for (int i = 0; i < 3 + residual; i++)
        ck_assert_msg(tensors_close(g[i], twin[i], 1e-3, message, sizeof message), "%s", message);
    ck_assert(tensors_same(n.x, x));
    ck_assert(tensors_same(n.y, y));
}
END_TEST

/* The input that only the tape holds is written over: with the same gradients. */
START_TEST(batch_norm_writes_over_its_own_input)
{
    FV_SCOPE;
    const bool relu = _i & 1, residual = _i & 2;
    fv_tensor *held[4], *g[4];
    norm_case n = norm_of(relu, residual);
    gradients_of(&n, residual, false, held);
    {
        fv_scope inner = fv_scope_open(&inner);
        n = norm_of(relu, residual);
        fv_retain(n.a), fv_retain(n.r), fv_retain(n.w), fv_retain(n.b), fv_retain(n.y);
        fv_scope_close(&inner);
    }
    gradients_of(&n, residual, false, g);
    expect_same(held, g, 3 + residual);
    fv_release(n.a), fv_release(n.r), fv_release(n.w), fv_release(n.b), fv_release(n.y);
}
END_TEST

static fv_tensor *fails(fv_tensor *grad, void *context)
{
    (void)grad;
    (void)context;
    return fv_ones(17);
}

/* What was written over says so, should somebody come back to it. */
START_TEST(a_failed_backward_cannot_be_repeated_silently)
{
    FV_SCOPE;
    fv_tensor *a, *y;
    {
        fv_scope inner = fv_scope_open(&inner);
        a = fv_requires_grad(fv_randn(4, 3, 5, 5), true);
        fv_tensor *x = fv_mul(a, 3), *r = fv_mul(a, 2);
        fv_register_hook(x, fails, NULL);
        y = fv_sum(fv_batch_norm(x, .training = true, .relu = true, .residual = r));
        fv_retain(a), fv_retain(y);
        fv_scope_close(&inner);
    }
    fv_backward(y);
    expect_error(FV_ERR_AUTOGRAD, "hook");
    fv_backward(y);
    expect_error(FV_ERR_AUTOGRAD, "freed");
    fv_release(a), fv_release(y);
}
END_TEST

/* --- what has come to the input of a convolution so far -----------------------------------------
 */

typedef fv_tensor *(*block_fn)(fv_tensor *x, fv_tensor *w);

static fv_tensor *skip(fv_tensor *x, fv_tensor *w)
{
    return fv_add(fv_conv2d(x, w, .padding = 1), fv_mul(x, 0.5));
}

/* Some positions of the input have no taps. */
static fv_tensor *strided_skip(fv_tensor *x, fv_tensor *w)
{
    fv_tensor *way = fv_conv2d(x, fv_narrow(fv_narrow(w, 2, 0, 1), 3, 0, 1), .stride = 2);
    return fv_add(fv_mean(fv_mul(way, way)), fv_mul(fv_tanh(x), 0.5));
}

static fv_tensor *transposed_skip(fv_tensor *x, fv_tensor *w)
{
    return fv_add(fv_conv_transpose2d(x, w, .padding = 1), fv_mul(x, 0.5));
}

static fv_tensor *two_ways(fv_tensor *x, fv_tensor *w)
{
    fv_tensor *one = fv_conv2d(x, w, .padding = 1), *two = fv_conv2d(x, fv_mul(w, w), .padding = 1);
    return fv_add(fv_mul(one, two), x);
}

static fv_tensor *with_an_epilogue(fv_tensor *x, fv_tensor *w)
{
    fv_tensor *y = fv_conv2d(x, w, .padding = 1, .residual = x, .relu = true);
    return fv_add(fv_conv2d(y, w, fv_select(fv_select(fv_select(w, 1, 0), 1, 0), 1, 0),
                            .padding = 1, .relu = true),
                  y);
}

static const block_fn blocks[] = {skip, strided_skip, transposed_skip, two_ways, with_an_epilogue};
enum { BLOCKS = sizeof blocks / sizeof *blocks };

static fv_tensor *run_block(fv_tensor *const *x, void *context)
{
    const block_fn *block = context;
    return (*block)(fv_mul(x[0], 1.5), x[1]);
}

START_TEST(sums_in_the_store_agree_with_finite_differences)
{
    FV_SCOPE;
    fv_manual_seed(3);
    fv_tensor *x = fv_requires_grad(fv_randn(2, 3, 5, 4, .dtype = FV_FLOAT64), true);
    fv_tensor *w = fv_requires_grad(fv_randn(3, 3, 3, 3, .dtype = FV_FLOAT64), true);
    block_fn block = blocks[_i];
    fv_gradcheck_report report;
    ck_assert_msg(fv_gradcheck(run_block, FV_TENSORS(x, w), &report, &block), "%s", report.message);
    ck_assert_msg(fv_gradgradcheck(run_block, FV_TENSORS(x, w), &report, &block), "%s",
                  report.message);
}
END_TEST

/* The gradients of a block in float32, all that the user can see of them. */
static void see(block_fn block, int64_t channels, int64_t size, fv_tensor *seen[3])
{
    fv_manual_seed(3);
    fv_tensor *a = fv_requires_grad(fv_randn(4, channels, size, size), true);
    fv_tensor *w = fv_requires_grad(fv_randn(channels, channels, 3, 3), true);
    fv_tensor *x = fv_mul(a, 1.5);
    fv_retain_grad(x);
    fv_backward(fv_mean(fv_tanh(block(x, fv_mul(w, 0.1)))));
    seen[0] = fv_grad_of(x);
    seen[1] = fv_grad_of(a);
    seen[2] = fv_grad_of(w);
}

static void expect_close(fv_tensor *a, fv_tensor *b)
{
    double difference = fv_item(fv_max(fv_abs(fv_sub(a, b)))), size = fv_item(fv_max(fv_abs(b)));
    ck_assert_msg(difference <= 2e-5 * size, "%g of %g", difference, size);
}

static const char *const algorithms[] = {NULL, "gemm", "winograd", "product"};

/* Each algorithm in turn, on maps that they take, against reference twins, which never write over
 * anything. */
START_TEST(sums_in_the_store_agree_with_reference_twins)
{
    FV_SCOPE;
    const block_fn block = blocks[_i / 4];
    const int64_t channels[] = {3, 16, 20}, sizes[] = {5, 12, 9};
    for (int k = 0; k < 3; k++) {
        FV_SCOPE;
        fv_tensor *seen[3], *twin[3];
        fv_set_conv_algorithm(algorithms[_i % 4]);
        see(block, channels[k], sizes[k], seen);
        fv_set_conv_algorithm(NULL);
        bool before = fv_use_reference(true);
        see(block, channels[k], sizes[k], twin);
        fv_use_reference(before);
        for (int i = 0; i < 3; i++) expect_close(seen[i], twin[i]);
    }
}
END_TEST

static fv_tensor *count(fv_tensor *grad, void *context)
{
    (void)grad;
    ++*(int *)context;
    return NULL;
}

START_TEST(a_hook_sees_the_whole_sum_once)
{
    FV_SCOPE;
    int calls = 0;
    fv_manual_seed(3);
    fv_tensor *a = fv_requires_grad(fv_randn(2, 16, 8, 8), true), *kept = NULL;
    fv_tensor *w = fv_requires_grad(fv_randn(16, 16, 3, 3), true), *x = fv_mul(a, 1.5);
    fv_register_hook(x, count, &calls);
    fv_register_hook(x, keep, &kept);
    fv_backward(fv_sum(skip(x, w)));
    ck_assert_int_eq(calls, 1);
    expect_close(fv_mul(kept, 1.5), fv_grad_of(a));
    fv_release(kept);
}
END_TEST

/* An op of a user's own: half of its input; its gradient adds what has come to that already. */
static int64_t sums_taken;

static void half_forward(fv_call *c)
{
    const double *x = c->in[0]->data;
    double *y = c->out[0]->data;
    for (int64_t i = 0; i < c->in[0]->numel; i++) y[i] = x[i] / 2;
}

static void half_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *so_far = fv_take_gradient(c, 0);
    gin[0] = fv_mul(gout[0], 0.5);
    sums_taken += so_far != NULL;
    if (so_far) gin[0] = fv_add(gin[0], so_far);
}

static const fv_op half_op = {.name = "test_half",
                              .inputs = 1,
                              .outputs = 1,
                              .infer = twofold_infer,
                              .forward = half_forward,
                              .reference = half_forward,
                              .gradient = half_gradient};
FV_REGISTER(half_op);

static fv_tensor *halves(fv_tensor *const *x, void *context)
{
    (void)context;
    fv_tensor *h = fv_mul(x[0], x[0]);
    return fv_add(FV_APPLY(&half_op, NULL, h), fv_mul(fv_tanh(h), FV_APPLY(&half_op, NULL, h)));
}

START_TEST(an_op_may_add_what_has_come_to_its_input)
{
    FV_SCOPE;
    fv_tensor *x = leaf(6, 1);
    fv_gradcheck_report report;
    sums_taken = 0;
    ck_assert_msg(fv_gradcheck(halves, FV_TENSORS(x), &report), "%s", report.message);
    ck_assert_int_gt(sums_taken, 0);
    ck_assert_msg(fv_gradgradcheck(halves, FV_TENSORS(x), &report), "%s", report.message);
    sums_taken = 0; /* a leaf's gradient is not on the tape */
    fv_backward(fv_sum(fv_add(fv_mul(x, x), FV_APPLY(&half_op, NULL, x))));
    ck_assert_int_eq(sums_taken, 0);
    ck_assert(tensors_same(fv_grad_of(x), fv_add(fv_mul(fv_detach(x), 2), 0.5)));
}
END_TEST

/* The gradient that comes first may be somebody's: here the user's, handed through an addition. */
START_TEST(what_came_first_is_left_alone_where_others_hold_it)
{
    FV_SCOPE;
    fv_manual_seed(3);
    fv_tensor *a = fv_requires_grad(fv_randn(2, 16, 8, 8), true);
    fv_tensor *w = fv_requires_grad(fv_randn(16, 16, 3, 3), true), *x = fv_mul(a, 1.5);
    fv_tensor *y = fv_add(fv_conv2d(x, w, .padding = 1), x);
    fv_tensor *g = fv_to_channels_last(fv_ones(2, 16, 8, 8)), *before = fv_clone(g);
    fv_backward(y, g);
    ck_assert(tensors_same(g, before));
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *s = suite_create("last use");
    TCase *over = add_case(s, "written over");
    tcase_add_test(over, a_gradient_that_nobody_holds_is_written_over);
    tcase_add_test(over, a_gradient_that_the_user_gave_is_left_alone);
    tcase_add_test(over, a_retained_gradient_is_left_alone);
    tcase_add_test(over, a_gradient_that_a_hook_keeps_is_left_alone);
    tcase_add_test(over, a_captured_gradient_is_left_alone);
    tcase_add_test(over, a_gradient_of_two_is_written_over_by_the_last);
    tcase_add_test(over, a_view_of_what_was_given_up_is_left_alone);
    tcase_add_test(over, a_gradient_of_two_is_read_twice_by_the_last);
    tcase_add_test(over, nothing_is_written_over_with_create_graph);
    tcase_add_test(over, an_observer_sees_the_gradient_that_came);
    tcase_add_test(over, reference_twins_have_memory_of_their_own);

    TCase *norm = add_case(s, "batch norm");
    tcase_add_loop_test(norm, batch_norm_leaves_what_the_user_holds, 0, 4);
    tcase_add_loop_test(norm, batch_norm_writes_over_its_own_input, 0, 4);
    tcase_add_test(norm, a_failed_backward_cannot_be_repeated_silently);

    TCase *sums = add_case(s, "sums");
    tcase_add_loop_test(sums, sums_in_the_store_agree_with_finite_differences, 0, BLOCKS);
    tcase_add_loop_test(sums, sums_in_the_store_agree_with_reference_twins, 0, 4 * BLOCKS);
    tcase_add_test(sums, an_op_may_add_what_has_come_to_its_input);
    tcase_add_test(sums, a_hook_sees_the_whole_sum_once);
    tcase_add_test(sums, what_came_first_is_left_alone_where_others_hold_it);
    return s;
}
