/* Checkpoints of runs: they go on with the same bits, wherever they were stopped. What is refused:
 * test_checkpoint_refusals.c; which files are kept: test_checkpoint_files.c. */
#include "checkpoint_run.h"

/* Leaves the checkpoint of an uninterrupted run in b.safetensors. */
static void run_through(const recipe *r)
{
    run t;
    start(&t, r, 1, "b.safetensors");
    train(&t, STEPS);
    save(&t);
    stop(&t);
}

static void run_in_two_parts(const recipe *r, int first)
{
    run t;
    start(&t, r, 1, "a.safetensors");
    train(&t, first);
    save(&t);
    stop(&t);
    start(&t, r, 2, "a.safetensors"); /* other weights, other random numbers, another order */
    ck_assert_msg(fv_checkpoint_load(t.checkpoint) == FV_OK, "%s", fv_error());
    train(&t, STEPS - first);
    save(&t);
    stop(&t);
}

START_TEST(a_run_that_is_loaded_ends_with_the_same_bits)
{
    static const int firsts[] = {1, 8};
    for (int optim = 0; optim < OPTIMS; optim++)
        for (int scheduler = 0; scheduler < SCHEDULERS; scheduler++) {
            recipe r = usual;
            r.optim = optim;
            r.scheduler = scheduler;
            r.dtype = optim % 2 ? FV_FLOAT64 : FV_FLOAT32;
            set_context("optimizer %d, scheduler %d", optim, scheduler);
            run_through(&r);
            for (int i = 0; i < 2; i++) {
                run_in_two_parts(&r, firsts[i]);
                if (!same_files("a.safetensors", "b.safetensors"))
                    note_failure("optimizer %d, scheduler %d, stopped after %d: other bits", optim,
                                 scheduler, firsts[i]);
            }
        }
    ck_assert(no_failures());
}
END_TEST

/* Also before the first step, when no state is there, and after the last. */
START_TEST(any_step_is_a_good_one_to_stop_at)
{
    recipe r = usual;
    r.optim = 2;
    r.scheduler = 8;
    run_through(&r);
    for (int first = 0; first <= STEPS; first++) {
        run_in_two_parts(&r, first);
        if (!same_files("a.safetensors", "b.safetensors"))
            note_failure("stopped after %d: other bits", first);
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(a_saved_run_goes_on_undisturbed)
{
    recipe r = usual;
    r.optim = 4;
    r.scheduler = 7;
    run_through(&r);
    run t;
    start(&t, &r, 1, "a.safetensors");
    for (int i = 0; i < STEPS; i++) {
        save(&t);
        train(&t, 1);
    }
    save(&t);
    ck_assert(same_files("a.safetensors", "b.safetensors"));
    const uint32_t version = fv_version(fv_parameters(t.net).items[0]);
    ck_assert_int_eq(fv_checkpoint_load(t.checkpoint), FV_OK); /* onto itself */
    ck_assert_uint_ne(fv_version(fv_parameters(t.net).items[0]), version);
    save(&t);
    ck_assert(same_files("a.safetensors", "b.safetensors"));
    stop(&t);
}
END_TEST

START_TEST(a_second_network_has_names_of_its_own)
{
    recipe r = usual;
    r.optim = 3;
    r.scheduler = 1;
    run a, b, c;
    start(&a, &r, 1, "a.safetensors");
    start(&b, &r, 7, "b.safetensors");
    ck_assert_int_eq(fv_checkpoint_add(a.checkpoint, "critic", .module = b.net, .optim = b.opt,
                                       .scheduler = b.scheduler, .loader = b.batches),
                     FV_OK);
    train(&a, 3);
    train(&b, 7);
    save(&a);
    save(&b);
    start(&c, &r, 8, "b.safetensors");
    ck_assert_int_eq(fv_checkpoint_add(a.checkpoint, "critic", .module = c.net), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "critic.model. is in use");
    fv_free(a.checkpoint);
    a.checkpoint =
        fv_checkpoint_new(in_folder("a.safetensors"), a.net, a.opt, a.scheduler, a.batches);
    ck_assert_int_eq(
        fv_checkpoint_add(a.checkpoint, "critic", c.net, c.opt, c.scheduler, c.batches), FV_OK);
    fv_checkpoint_double(a.checkpoint, "total", &a.total);
    fv_checkpoint_int(a.checkpoint, "seen", &a.seen);
    fv_checkpoint_tensor(a.checkpoint, "average", a.average);
    ck_assert_msg(fv_checkpoint_load(a.checkpoint) == FV_OK, "%s", fv_error());
    ck_assert_int_eq(fv_scheduler_last_epoch(c.scheduler), 7);
    ck_assert_int_eq(fv_loader_get_state(c.batches).batch, 2);
    ck_assert_int_eq(fv_scheduler_last_epoch(a.scheduler), 3);
    stop(&a);
    stop(&b);
    stop(&c);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *run_case = add_case(suite, "run");
    tcase_add_checked_fixture(run_case, make_folder, remove_folder);
    tcase_add_test(run_case, a_run_that_is_loaded_ends_with_the_same_bits);
    tcase_add_test(run_case, any_step_is_a_good_one_to_stop_at);
    tcase_add_test(run_case, a_saved_run_goes_on_undisturbed);
    tcase_add_test(run_case, a_second_network_has_names_of_its_own);
    return suite;
}
