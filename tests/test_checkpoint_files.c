/* The files of checkpoints: how many are kept, the best, what a process that died in a save has
 * left, and the names in one. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "checkpoint_run.h"

/* The number that a checkpoint of one number holds; -1 when there is no such file. */
static int64_t number_in(const char *name)
{
    if (!file_exists(name)) return -1;
    int64_t n = -2;
    fv_checkpoint *c = fv_checkpoint_new(in_folder(name));
    fv_checkpoint_int(c, "n", &n);
    ck_assert_msg(fv_checkpoint_load(c) == FV_OK, "%s", fv_error());
    fv_free(c);
    return n;
}

START_TEST(the_last_ones_are_kept)
{
    int64_t n = 0;
    fv_checkpoint *c = fv_checkpoint_new(in_folder("a.safetensors"), .keep_last = 3);
    fv_checkpoint_int(c, "n", &n);
    for (n = 0; n < 5; n++) {
        ck_assert_int_eq(fv_checkpoint_save(c), FV_OK);
        ck_assert_int_eq(number_in("a.safetensors"), n);
        ck_assert_int_eq(number_in("a.1.safetensors"), n - 1);
        ck_assert_int_eq(number_in("a.2.safetensors"), n > 1 ? n - 2 : -1);
        ck_assert(!file_exists("a.3.safetensors"));
        ck_assert(!file_exists("a.previous.safetensors"));
    }
    ck_assert(fv_checkpoint_exists(c));
    fv_free(c);
    c = fv_checkpoint_new(in_folder("plain"), .keep_last = 2);
    fv_checkpoint_int(c, "n", &n);
    for (n = 0; n < 3; n++) ck_assert_int_eq(fv_checkpoint_save(c), FV_OK);
    ck_assert_int_eq(number_in("plain"), 2);
    ck_assert_int_eq(number_in("plain.1"), 1);
    fv_free(c);
}
END_TEST

/* A process may die at any instant of a save. */
START_TEST(what_a_dead_process_left_is_taken_away)
{
    int64_t n = 0;
    fv_checkpoint *c = fv_checkpoint_new(in_folder("a.safetensors"), .keep_last = 2);
    fv_checkpoint_int(c, "n", &n);
    for (n = 0; n < 2; n++) ck_assert_int_eq(fv_checkpoint_save(c), FV_OK);
    FILE *file = fopen(in_folder("a.previous.safetensors"), "wb");
    fclose(file);
    ck_assert_int_eq(fv_checkpoint_save(c), FV_OK);
    ck_assert_int_eq(number_in("a.safetensors"), 2);
    ck_assert_int_eq(number_in("a.1.safetensors"), 1);
    ck_assert(!file_exists("a.previous.safetensors"));
    fv_free(c);
}
END_TEST

/* Between the rename of the new file and those of the older ones. */
START_TEST(a_load_finishes_what_a_dead_process_had_begun)
{
    int64_t n = 0;
    fv_checkpoint *c = fv_checkpoint_new(in_folder("a.safetensors"), .keep_last = 4);
    fv_checkpoint_int(c, "n", &n);
    for (n = 0; n < 4; n++) ck_assert_int_eq(fv_checkpoint_save(c), FV_OK);
    /* it died before the save: the second name has nothing to say */
    ck_assert_int_eq(link(in_folder("a.safetensors"), in_folder("a.previous.safetensors")), 0);
    ck_assert_int_eq(fv_checkpoint_load(c), FV_OK);
    ck_assert_int_eq(number_in("a.1.safetensors"), 2);
    ck_assert(!file_exists("a.previous.safetensors"));
    /* after the save of 4, when 1 had become 2: 3, the second name, is still to be 1 */
    ck_assert_int_eq(rename(in_folder("a.2.safetensors"), in_folder("a.3.safetensors")), 0);
    ck_assert_int_eq(rename(in_folder("a.1.safetensors"), in_folder("a.2.safetensors")), 0);
    ck_assert_int_eq(rename(in_folder("a.safetensors"), in_folder("a.previous.safetensors")), 0);
    fv_checkpoint *d = fv_checkpoint_new(in_folder("b.safetensors"));
    n = 4;
    fv_checkpoint_int(d, "n", &n);
    ck_assert_int_eq(fv_checkpoint_save(d), FV_OK);
    fv_free(d);
    ck_assert_int_eq(rename(in_folder("b.safetensors"), in_folder("a.safetensors")), 0);
    ck_assert_int_eq(fv_checkpoint_load(c), FV_OK);
    ck_assert_int_eq(n, 4);
    ck_assert_int_eq(number_in("a.1.safetensors"), 3);
    ck_assert_int_eq(number_in("a.2.safetensors"), 2);
    ck_assert_int_eq(number_in("a.3.safetensors"), 1);
    ck_assert(!file_exists("a.previous.safetensors"));
    fv_free(c);
}
END_TEST

START_TEST(a_save_that_fails_leaves_all_files)
{
    int64_t n = 0;
    fv_checkpoint *c = fv_checkpoint_new(in_folder("a.safetensors"), .keep_last = 2);
    fv_checkpoint_int(c, "n", &n);
    for (n = 0; n < 2; n++) ck_assert_int_eq(fv_checkpoint_save(c), FV_OK);
    fv_tensor *shape_only = NULL;
    {
        FV_SCOPE;
        const bool before = fv_set_shapes_only(true);
        shape_only = fv_retain(fv_zeros(.shape = FV_SHAPE(2)));
        fv_set_shapes_only(before);
    }
    fv_checkpoint_tensor(c, "t", shape_only); /* cannot be written */
    ck_assert_int_ne(fv_checkpoint_save(c, .metric = 1), FV_OK);
    fv_clear_error();
    ck_assert(isnan(fv_checkpoint_best(c)));
    ck_assert_int_eq(number_in("a.safetensors"), 1);
    ck_assert_int_eq(number_in("a.1.safetensors"), 0);
    ck_assert(!file_exists("a.previous.safetensors"));
    fv_free(c);
    fv_release(shape_only);
}
END_TEST

START_TEST(older_ones_of_a_linked_file_are_whole)
{
    int64_t n = 0;
    ck_assert_int_eq(symlink(in_folder("plain"), in_folder("link")), 0);
    fv_checkpoint *c = fv_checkpoint_new(in_folder("plain"), .keep_last = 2);
    fv_checkpoint_int(c, "n", &n);
    ck_assert_int_eq(fv_checkpoint_save(c), FV_OK);
    fv_free(c);
    c = fv_checkpoint_new(in_folder("link"), .keep_last = 2);
    fv_checkpoint_int(c, "n", &n);
    n = 1;
    ck_assert_int_eq(fv_checkpoint_save(c), FV_OK);
    ck_assert_int_eq(number_in("link"), 1);
    ck_assert_int_eq(number_in("link.1"), 0);
    unlink(in_folder("link.1"));
    fv_free(c);
}
END_TEST

static void save_with(fv_checkpoint *c, double metric)
{
    ck_assert_int_eq(fv_checkpoint_save(c, metric), FV_OK);
}

START_TEST(the_best_is_kept_apart)
{
    static const double metrics[] = {(double)NAN, 0.5, 0.7, 0.6, (double)NAN, 0.7, 0.8};
    static const int64_t best_up[] = {-1, 1, 2, 2, 2, 2, 6}, best_down[] = {-1, 1, 1, 1, 1, 1, 1};
    for (int down = 0; down < 2; down++) {
        unlink(in_folder("a.best.safetensors"));
        int64_t n = 0;
        fv_checkpoint *c =
            fv_checkpoint_new(in_folder("a.safetensors"), .best = down ? FV_MODE_MIN : FV_MODE_MAX);
        fv_checkpoint_int(c, "n", &n);
        ck_assert(isnan(fv_checkpoint_best(c)));
        for (n = 0; n < 7; n++) {
            save_with(c, metrics[n]);
            ck_assert_int_eq(number_in("a.best.safetensors"), down ? best_down[n] : best_up[n]);
            if (n != 3) continue; /* a run that goes on knows what was the best */
            const double best = fv_checkpoint_best(c);
            fv_free(c);
            c = fv_checkpoint_new(in_folder("a.safetensors"),
                                  .best = down ? FV_MODE_MIN : FV_MODE_MAX);
            fv_checkpoint_int(c, "n", &n);
            ck_assert_int_eq(fv_checkpoint_load(c), FV_OK);
            ck_assert_double_eq(fv_checkpoint_best(c), best);
        }
        fv_free(c);
    }
}
END_TEST

/* What the page says of names, for other programs. */
START_TEST(the_file_has_the_names_of_the_page)
{
    static const char *const names[] = {"model.0.weight",
                                        "model.1.running_mean",
                                        "optim.state.0.exp_avg",
                                        "optim.state.5.step",
                                        "optim.param_groups.0.betas",
                                        "optim.param_groups.1.lr",
                                        "loader.seed",
                                        "optim.param_groups.1.params",
                                        "scheduler.last_epoch",
                                        "rng.offset",
                                        "value.total",
                                        "optim.param_groups.0.initial_lr",
                                        "scheduler.total_steps"};
    recipe r = usual;
    r.optim = 3;
    r.scheduler = 7;
    run t;
    start(&t, &r, 1, "a.safetensors");
    train(&t, 2);
    save(&t);
    fv_state *state = fv_state_load(in_folder("a.safetensors"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(fv_state_tensor(state, NULL, names[i]) != NULL, "no %s", names[i]);
    ck_assert(
        tensors_same(fv_state_tensor(state, "model.", "0.weight"), fv_parameters(t.net).items[0]));
    fv_module *weight_only = fv_nn_linear(36, 3); /* fv_load finds the network, and parts of it */
    ck_assert_msg(fv_load(weight_only, in_folder("a.safetensors"), .prefix = "model.6.") == FV_OK,
                  "%s", fv_error());
    ck_assert(tensors_same(fv_module_tensor(weight_only, "weight"), fv_parameters(t.net).items[4]));
    fv_free(weight_only);
    ck_assert_str_eq(fv_state_text(state, "optim.", "type"), "adam");
    ck_assert_str_eq(fv_state_text(state, "scheduler.", "type"), "one_cycle_lr");
    fv_free(state);
    stop(&t);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("checkpoint files");
    TCase *files = add_case(suite, "files");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, the_last_ones_are_kept);
    tcase_add_test(files, what_a_dead_process_left_is_taken_away);
    tcase_add_test(files, a_load_finishes_what_a_dead_process_had_begun);
    tcase_add_test(files, a_save_that_fails_leaves_all_files);
    tcase_add_test(files, older_ones_of_a_linked_file_are_whole);
    tcase_add_test(files, the_best_is_kept_apart);
    tcase_add_test(files, the_file_has_the_names_of_the_page);
    return suite;
}
