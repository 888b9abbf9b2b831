/* Weights that are kept packed: from which use on, how long, in how much memory, and that no change
 * of a weight is ever missed. Threads that share them: test_kept_threads.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kept_weights.h"
#include "tensor/kept.h"

/* --- from which use on ------------------------------------------------------------------------ */

START_TEST(the_second_use_keeps_and_the_first_does_not)
{
    fv_manual_seed(1);
    for (int i = 0; i < USERS; i++) {
        fv_tensor *w = new_weight();
        use(&users[i], w, 1, "once");
        ck_assert_int_eq(kept(), 0);
        use(&users[i], w, 1, "twice");
        const int64_t bytes = kept();
        ck_assert_int_ge(bytes, 12 * 9 * 4);
        use(&users[i], w, 5, "often");
        ck_assert_int_eq(kept(), bytes);
        fv_release(w);
        ck_assert_int_eq(kept(), 0);
    }
    ck_assert(no_failures());
}
END_TEST

enum { PARAMETERS = 4 };

/* Sum of squares of a small network of all users, the last with a weight in three parts. */
static fv_tensor *loss_of(fv_tensor *const *w)
{
    fv_tensor *h = fv_conv2d(fv_full(40, 3, 8, 8, .value = 0.5), w[0], NULL, .padding = 1);
    h = fv_conv_transpose2d(fv_relu(h), w[1], NULL);
    h = fv_linear(fv_flatten(h, .start_dim = 1), w[2], NULL);
    for (int64_t i = 0; i < 3; i++) h = fv_matmul(h, fv_narrow(w[3], 1, 20 * i, 20));
    return fv_sum(fv_mul(h, h));
}

/* Steps of so many backward passes each; the first gradients' bits. */
static void train(fv_tensor *const *w, int steps, int passes, int64_t *most)
{
    fv_optim *opt = fv_sgd(((fv_tensor_list){w, PARAMETERS}), .lr = 1e-12);
    *most = 0;
    for (int i = 0; i < steps; i++) {
        {
            FV_SCOPE;
            fv_zero_grad(opt);
            for (int k = 0; k < passes; k++) {
                fv_backward(loss_of(w));
                if (kept() > *most) *most = kept();
            }
            fv_step(opt);
        }
        ck_assert_int_eq(kept(), 0); /* the weights have changed */
    }
    fv_free(opt);
}

static void make_network(fv_tensor **w)
{
    FV_SCOPE;
    fv_manual_seed(4);
    w[0] = fv_retain(fv_randn(6, 3, 3, 3, .requires_grad = true));
    w[1] = fv_retain(fv_randn(6, 4, 3, 3, .requires_grad = true));
    w[2] = fv_retain(fv_randn(20, 4 * 10 * 10, .requires_grad = true));
    w[3] = fv_retain(fv_randn(20, 60, .requires_grad = true));
}

START_TEST(training_keeps_nothing_and_accumulation_does)
{
    for (int passes = 1; passes <= 3; passes++) {
        fv_tensor *w[PARAMETERS], *plain[PARAMETERS];
        int64_t most;
        make_network(w);
        train(w, 3, passes, &most);
        ck_assert(passes == 1 ? most == 0 : most > 0);
        fv_set_kept_weights_limit(0);
        make_network(plain);
        train(plain, 3, passes, &most);
        ck_assert_int_eq(most, 0);
        fv_set_kept_weights_limit(1 << 30);
        for (int i = 0; i < PARAMETERS; i++) {
            ck_assert(same(w[i], plain[i]));
            fv_release(w[i]);
            fv_release(plain[i]);
        }
    }
}
END_TEST

/* Copies of an evaluation would stand beside gradients and optimizer state in the first step. */
START_TEST(training_ends_what_evaluation_kept)
{
    fv_tensor *w[PARAMETERS];
    int64_t most;
    make_network(w);
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < 3; k++) {
            FV_NO_GRAD;
            FV_SCOPE;
            loss_of(w);
        }
        const int64_t evaluated = kept();
        ck_assert_int_gt(evaluated, 0);
        train(w, 1, 1, &most);
        ck_assert_int_eq(most, 0);
    }
    {
        FV_SCOPE; /* accumulation keeps, and what it keeps serves evaluation as well */
        for (int k = 0; k < 2; k++) fv_backward(loss_of(w));
        const int64_t accumulated = kept();
        ck_assert_int_gt(accumulated, 0);
        FV_NO_GRAD;
        loss_of(w);
        ck_assert_int_eq(kept(), accumulated);
    }
    for (int i = 0; i < PARAMETERS; i++) fv_release(w[i]);
}
END_TEST

static void use_halves(fv_tensor *w)
{
    FV_NO_GRAD;
    FV_SCOPE;
    fv_tensor *half[2] = {fv_narrow(w, 0, 0, 6), fv_narrow(w, 0, 6, 6)};
    fv_tensor *x = fv_full(1, 8, 7, 7, .value = 0.5), *g = fv_full(3, 6, 4, 4, .value = 0.5);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 2; k++) {
            fv_tensor *copy = fv_clone(half[k]);
            ck_assert(same(fv_conv2d(x, half[k], NULL), fv_conv2d(x, copy, NULL)));
            ck_assert(same(fv_conv2d(x, fv_transpose(half[k], 2, 3), NULL),
                           fv_conv2d(x, fv_clone(fv_transpose(half[k], 2, 3)), NULL)));
            for (int64_t s = 1; s < 4; s++)
                for (int64_t p = 0; p < 2; p++)
                    ck_assert(same(fv_conv_transpose2d(g, half[k], NULL, .stride = s, .padding = p),
                                   fv_conv_transpose2d(g, copy, NULL, .stride = s, .padding = p)));
        }
    }
}

START_TEST(several_layouts_of_one_weight)
{
    fv_tensor *w = new_weight();
    use_halves(w);
    ck_assert_int_gt(kept(), 0);
    fv_release(w);
    ck_assert_int_eq(kept(), 0);
}
END_TEST

START_TEST(views_at_other_places_have_copies_of_their_own)
{
    fv_tensor *w = new_weight();
    {
        FV_NO_GRAD;
        FV_SCOPE;
        fv_tensor *x = fv_full(1, 8, 7, 7, .value = 0.5), *right[2];
        for (int k = 0; k < 2; k++)
            right[k] = fv_conv2d(x, fv_clone(fv_narrow(w, 0, 6 * k, 6)), NULL);
        for (int i = 0; i < 6; i++)
            ck_assert(same(fv_conv2d(x, fv_narrow(w, 0, i % 2 * 6, 6), NULL), right[i % 2]));
    }
    ck_assert_int_gt(kept(), 0);
    fv_release(w);
}
END_TEST

/* --- copies in use ---------------------------------------------------------------------------- */

START_TEST(what_is_being_packed_is_nobody_else_s)
{
    fv_tensor *w = new_weight();
    const char key[] = "key";
    fv_kept *mine = fv_kept_hold(w, key, sizeof key, 1000);
    ck_assert(mine && !fv_kept_is_packed(mine));
    ck_assert_ptr_null(fv_kept_hold(w, key, sizeof key, 1000));
    memset(fv_kept_memory(mine), 1, 1000);
    fv_kept_finish(mine);
    fv_kept *other = fv_kept_hold(w, key, sizeof key, 1000);
    ck_assert(other == mine && fv_kept_is_packed(other));
    fv_kept_let_go(mine);
    fv_kept_let_go(other);
    ck_assert_int_gt(kept(), 0);
    fv_kept *left = fv_kept_hold(w, "other", 5, 1000); /* never packed */
    fv_kept_let_go(left);
    ck_assert_int_eq(kept(), 1024);
    fv_release(w);
    ck_assert_int_eq(kept(), 0);
}
END_TEST

START_TEST(what_is_held_stays_until_it_is_let_go)
{
    for (int how = 0; how < 3; how++) {
        fv_tensor *w = new_weight();
        fv_kept *k = fv_kept_hold(w, "key", 3, 1000);
        ck_assert_ptr_nonnull(k);
        memset(fv_kept_memory(k), 1, 1000);
        fv_kept_finish(k);
        if (how == 0) fv_set_kept_weights_limit(0);
        if (how == 1) fv_bump_version(w);
        if (how == 2) fv_release(w);
        ck_assert_int_eq(kept(), 1024);
        ck_assert_int_eq(((char *)fv_kept_memory(k))[999], 1);
        fv_kept_let_go(k);
        if (how == 0) ck_assert_int_eq(kept(), 1024); /* found again where the limit allows */
        fv_set_kept_weights_limit(0);
        ck_assert_int_eq(kept(), 0);
        fv_set_kept_weights_limit(1 << 30);
        if (how != 2) fv_release(w);
    }
}
END_TEST

/* --- changes of a weight ---------------------------------------------------------------------- */

static void by_step(fv_tensor *w)
{
    fv_optim *opt = fv_sgd(FV_TENSORS(w), .lr = 0.1);
    fv_backward(fv_sum(fv_mul(w, w)));
    fv_step(opt);
    fv_free(opt);
}

static void by_copy(fv_tensor *w)
{
    FV_NO_GRAD;
    fv_copy_(w, fv_randn_like(w));
}

static void by_scaling(fv_tensor *w)
{
    FV_NO_GRAD;
    fv_mul_(w, 0.75);
}

static void by_view(fv_tensor *w)
{
    FV_NO_GRAD;
    fv_fill_(fv_select(fv_select(w, 0, 3), 0, 0), 0.125);
}

static void by_alias(fv_tensor *w)
{
    fv_fill_(fv_detach(w), 0.5);
}

static void by_copy_in(fv_tensor *w)
{
    float values[12 * 8 * 9];
    for (int i = 0; i < 12 * 8 * 9; i++) values[i] = (float)i / 1000;
    fv_copy_in(w, FV_FLOAT32, values);
}

static void by_pointer(fv_tensor *w)
{
    fv_data_float32(w)[0] += 1;
}

static void by_pointer_and_told(fv_tensor *w)
{
    fv_data_float32(w)[5] -= 1;
    fv_bump_version(w);
}

static void by_pointer_of_a_view(fv_tensor *w)
{
    FV_NO_GRAD;
    fv_data_float32(fv_select(w, 0, 2))[0] += 1;
}

static void by_initializer(fv_tensor *w)
{
    fv_init_constant_(w, 0.5);
}

static const struct {
    const char *name;
    void (*make)(fv_tensor *w);
} changes[] = {
    {"an optimizer's step", by_step},  {"fv_copy_", by_copy},
    {"an op in place", by_scaling},    {"a view", by_view},
    {"a detached tensor", by_alias},   {"fv_copy_in", by_copy_in},
    {"a pointer", by_pointer},         {"a pointer and fv_bump_version", by_pointer_and_told},
    {"a pointer again", by_pointer},   {"a view's pointer", by_pointer_of_a_view},
    {"an initializer", by_initializer}};
enum { CHANGES = sizeof changes / sizeof *changes };

START_TEST(no_change_of_a_weight_is_missed)
{
    fv_manual_seed(2);
    for (int i = 0; i < USERS; i++) {
        fv_tensor *w = new_weight();
        use(&users[i], w, 3, "at first");
        for (int k = 0; k < CHANGES; k++) {
            FV_SCOPE;
            changes[k].make(w);
            use(&users[i], w, 3, changes[k].name);
        }
        fv_release(w);
    }
    ck_assert_int_eq(kept(), 0);
    ck_assert(no_failures());
}
END_TEST

START_TEST(a_pointer_forbids_keeping_until_told)
{
    fv_tensor *w = new_weight();
    use(&users[0], w, 2, "at first");
    ck_assert_int_gt(kept(), 0);
    float *elements = fv_data_float32(w);
    ck_assert_int_eq(kept(), 0);
    for (int i = 0; i < 5; i++) {
        elements[i] = 3;
        use(&users[0], w, 1, "while somebody writes");
        ck_assert_int_eq(kept(), 0);
    }
    fv_bump_version(w);
    use(&users[0], w, 2, "afterwards");
    ck_assert_int_gt(kept(), 0);
    fv_release(w);
    ck_assert(no_failures());
}
END_TEST

START_TEST(lent_memory_is_never_kept)
{
    static float elements[12 * 8 * 9];
    FV_SCOPE;
    fv_tensor *w = fv_from_blob(elements, (fv_shape){4, {12, 8, 3, 3}}, FV_FLOAT32, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        elements[i] = 1;
        use(&users[0], w, 1, "lent");
        fv_bump_version(w);
        use(&users[0], w, 2, "lent");
    }
    ck_assert_int_eq(kept(), 0);
    ck_assert(no_failures());
}
END_TEST

START_TEST(a_loaded_state_is_used)
{
    char path[] = "/tmp/fovea-kept-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    fv_module *a = fv_nn_conv2d(8, 12, 3), *b = fv_nn_conv2d(8, 12, 3);
    {
        FV_SCOPE;
        FV_NO_GRAD;
        fv_tensor *x = fv_randn(1, 8, 6, 6), *right = fv_forward(a, x);
        for (int i = 0; i < 3; i++) ck_assert(!same(fv_forward(b, x), right));
        ck_assert_int_eq(fv_save(a, path), FV_OK);
        ck_assert_int_eq(fv_load(b, path), FV_OK);
        for (int i = 0; i < 3; i++) ck_assert(same(fv_forward(b, x), right));
    }
    fv_free(a);
    fv_free(b);
    unlink(path);
    ck_assert_int_eq(kept(), 0);
}
END_TEST

/* --- modes ------------------------------------------------------------------------------------ */

START_TEST(shapes_and_references_keep_nothing)
{
    FV_NO_GRAD;
    FV_SCOPE;
    fv_tensor *w = new_weight(), *x = fv_zeros(1, 8, 5, 5);
    fv_set_shapes_only(true);
    fv_tensor *shape = fv_zeros(1, 8, 5, 5);
    fv_set_shapes_only(false);
    for (int i = 0; i < 3; i++) ck_assert(fv_is_shapes_only(fv_conv2d(shape, w, NULL)));
    fv_use_reference(true);
    for (int i = 0; i < 3; i++) fv_conv2d(x, w, NULL);
    fv_use_reference(false);
    fv_conv2d(x, w, NULL); /* the first that counts */
    ck_assert_int_eq(kept(), 0);
    fv_conv2d(x, w, NULL);
    ck_assert_int_gt(kept(), 0);
    fv_release(w);
}
END_TEST

static void read_plan(const fv_event *e, void *text)
{
    snprintf(text, 128, "%s", e->plan);
}

START_TEST(plans_say_so_and_book_less_scratch)
{
    FV_NO_GRAD;
    FV_SCOPE;
    char plan[128];
    fv_tensor *w = fv_retain(fv_randn(64, 64, 3, 3)), *x = fv_zeros(1, 64, 4, 4);
    const int handle = fv_observe(read_plan, plan);
    fv_conv2d(x, w, NULL);
    ck_assert_ptr_null(strstr(plan, "kept weights"));
    const int64_t before = fv_memory_stats().live_bytes;
    fv_conv2d(x, w, NULL);
    ck_assert_ptr_nonnull(strstr(plan, "kept weights"));
    fv_reset_peak_memory();
    fv_conv2d(x, w, NULL);
    ck_assert_ptr_nonnull(strstr(plan, "kept weights"));
    ck_assert_int_lt(fv_memory_stats().peak_bytes - before, w->numel * 4);
    fv_unobserve(handle);
    fv_release(w);
}
END_TEST

/* --- the limit -------------------------------------------------------------------------------- */

static void use_square(fv_tensor *w)
{
    FV_NO_GRAD;
    FV_SCOPE;
    fv_conv2d(fv_zeros(1, w->shape[1], 4, 4), w, NULL);
}

/* Weights whose copies are all of other sizes, used twice. Returns the bytes that each keeps. */
static void make_squares(fv_tensor **w, int64_t *bytes, int count)
{
    for (int i = 0; i < count; i++) {
        const int64_t before = kept();
        w[i] = fv_retain(fv_randn(32, 64 << i, 3, 3));
        use_square(w[i]);
        use_square(w[i]);
        bytes[i] = kept() - before;
        ck_assert_int_gt(bytes[i], 0);
    }
}

START_TEST(what_was_unused_longest_goes_first)
{
    FV_SCOPE;
    enum { COUNT = 3 };
    fv_tensor *w[COUNT];
    int64_t bytes[COUNT];
    make_squares(w, bytes, COUNT);
    use_square(w[0]); /* w[1] is the oldest now */
    fv_set_kept_weights_limit(kept() - 1);
    ck_assert_int_eq(kept(), bytes[0] + bytes[2]);
    use_square(w[1]); /* takes the place of w[2] */
    ck_assert_int_eq(kept(), bytes[0] + bytes[1]);
    use_square(w[0]);
    fv_set_kept_weights_limit(bytes[0]);
    ck_assert_int_eq(kept(), bytes[0]);
    use_square(w[2]); /* has no room at all */
    ck_assert_int_eq(kept(), bytes[0]);
    fv_set_kept_weights_limit(0);
    ck_assert_int_eq(kept(), 0);
    for (int i = 0; i < COUNT; i++) use_square(w[i]);
    ck_assert_int_eq(kept(), 0);
    ck_assert_int_eq(fv_get_kept_weights_limit(), 0);
    fv_set_kept_weights_limit(-1);
    expect_error(FV_ERR_OPTION, "set_kept_weights_limit");
    fv_set_kept_weights_limit(1 << 30);
    for (int i = 0; i < COUNT; i++) fv_release(w[i]);
}
END_TEST

/* --- failing allocations ---------------------------------------------------------------------- */

START_TEST(no_memory_to_keep_is_no_error)
{
    fv_manual_seed(6);
    for (int i = 0; i < USERS; i++) {
        int kept_none = 0, failed = 0;
        for (int n = 0; n < 40; n++) {
            fv_tensor *w = new_weight();
            {
                FV_NO_GRAD;
                FV_SCOPE;
                fv_tensor *right = wanted(&users[i], w);
                users[i].use(w);
                fv_inject_alloc_failure(n);
                fv_tensor *y = users[i].use(w);
                fv_inject_alloc_failure(-1);
                failed += fv_failed(y);
                kept_none += !fv_failed(y) && kept() == 0;
                if (!fv_failed(y) && !same(y, right))
                    note_failure("%s: wrong without allocation %d", users[i].name, n);
                fv_clear_error();
            }
            use(&users[i], w, 3, "after a failed allocation");
            fv_release(w);
            ck_assert_int_eq(kept(), 0);
        }
        ck_assert_int_ge(kept_none, 2); /* the entry, and its memory */
        ck_assert_int_gt(failed, 0);
    }
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("kept");
    TCase *uses = add_case(suite, "uses");
    tcase_add_test(uses, the_second_use_keeps_and_the_first_does_not);
    tcase_add_test(uses, training_keeps_nothing_and_accumulation_does);
    tcase_add_test(uses, training_ends_what_evaluation_kept);
    tcase_add_test(uses, several_layouts_of_one_weight);
    tcase_add_test(uses, views_at_other_places_have_copies_of_their_own);
    tcase_add_test(uses, what_is_being_packed_is_nobody_else_s);
    tcase_add_test(uses, what_is_held_stays_until_it_is_let_go);
    tcase_add_test(uses, shapes_and_references_keep_nothing);
    tcase_add_test(uses, plans_say_so_and_book_less_scratch);
    TCase *changing = add_case(suite, "changes");
    tcase_add_test(changing, no_change_of_a_weight_is_missed);
    tcase_add_test(changing, a_pointer_forbids_keeping_until_told);
    tcase_add_test(changing, lent_memory_is_never_kept);
    tcase_add_test(changing, a_loaded_state_is_used);
    TCase *bounds = add_case(suite, "bounds");
    tcase_add_test(bounds, what_was_unused_longest_goes_first);
    tcase_add_test(bounds, no_memory_to_keep_is_no_error);
    return suite;
}
