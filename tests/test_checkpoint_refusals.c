/* Checkpoints that are refused: those of another run, other files, bad calls; nothing is changed by
 * them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint_run.h"

/* Everything of a run as a file, to see that nothing has changed. */
static void expect_untouched(run *t, const char *name)
{
    save(t);
    ck_assert(same_files(name, "plain"));
}

typedef struct mismatch {
    recipe saved, loaded;
    fv_status status;
    const char *part; /* of the message */
} mismatch;

static recipe changed(int optim, int scheduler, int64_t channels, int64_t batch_size,
                      int64_t step_size)
{
    return (recipe){optim, scheduler, channels, batch_size, step_size, FV_FLOAT32, false};
}

static void check_mismatch(const mismatch *m)
{
    run a;
    start(&a, &m->saved, 1, "b.safetensors");
    train(&a, 3);
    save(&a);
    stop(&a);
    run b;
    start(&b, &m->loaded, 2, "plain");
    train(&b, 2);
    save(&b);
    fv_free(b.checkpoint);
    b.checkpoint = NULL;
    /* the same objects at another path: what is saved there must be what was saved before */
    fv_checkpoint *c =
        fv_checkpoint_new(in_folder("a.safetensors"), b.net, b.opt, b.scheduler, b.batches);
    fv_checkpoint_double(c, "total", &b.total);
    fv_checkpoint_int(c, "seen", &b.seen);
    fv_checkpoint_tensor(c, "average", b.average);
    b.checkpoint = c;
    const fv_status status = fv_checkpoint_load(c, in_folder("b.safetensors"));
    ck_assert_msg(status == m->status && strstr(fv_error(), m->part),
                  "wanted status %d and \"%s\", got %d and \"%s\"", (int)m->status, m->part,
                  (int)status, fv_error());
    fv_clear_error();
    expect_untouched(&b, "a.safetensors");
    stop(&b);
}

START_TEST(another_run_is_refused_and_nothing_changes)
{
    const recipe sgd = changed(1, 1, 4, 4, 3);
    recipe doubles = sgd, one_group = sgd;
    doubles.dtype = FV_FLOAT64;
    one_group.one_group = true;
    const mismatch mismatches[] = {
        {sgd, changed(3, 1, 4, 4, 3), FV_ERR_STATE, "is that of sgd, the optimizer is adam"},
        {changed(3, 1, 4, 4, 3), changed(5, 1, 4, 4, 3), FV_ERR_STATE,
         "is that of adam, the optimizer is adamw"},
        {sgd, changed(1, 3, 4, 4, 3), FV_ERR_STATE,
         "is that of step_lr, the scheduler is exponential_lr"},
        {sgd, changed(1, 1, 5, 4, 3), FV_ERR_SHAPE,
         "model.0.weight is [4,1,3,3] in the file, [5,1,3,3] in the program"},
        {sgd, changed(1, 1, 4, 6, 3), FV_ERR_STATE, "5 batches in the file, 3 in the program"},
        {sgd, changed(1, 1, 4, 4, 4), FV_ERR_STATE, "step_lr: step_size is 3 in the state and 4"},
        {changed(1, 2, 4, 4, 3), changed(1, 2, 4, 4, 4), FV_ERR_STATE, "other milestones"},
        {changed(1, 7, 4, 4, 3), changed(1, 7, 4, 4, 4), FV_ERR_STATE,
         "one_cycle_lr: total_steps is 14 in the state and 15"},
        {changed(1, 8, 4, 4, 3), changed(1, 8, 4, 4, 4), FV_ERR_STATE, "cooldown is 3"},
        {sgd, doubles, FV_ERR_DTYPE, "model.0.weight is float32 in the file, float64"},
        {sgd, one_group, FV_ERR_STATE, "2 parameter groups, the optimizer 1"},
        {changed(1, 0, 4, 4, 3), sgd, FV_ERR_STATE, "no scheduler under the prefix"},
        {
            sgd,
            changed(1, 0, 4, 4, 3),
            FV_ERR_STATE,
            "scheduler.",
        },
    };
    for (size_t i = 0; i < sizeof mismatches / sizeof *mismatches; i++) {
        set_context("mismatch %zu", i);
        check_mismatch(&mismatches[i]);
    }
}
END_TEST

START_TEST(another_network_is_told_by_its_names)
{
    fv_module *a = fv_sequential(fv_nn_linear(2, 2), fv_nn_linear(2, 2)), *b = fv_nn_linear(2, 2);
    fv_checkpoint *x = fv_checkpoint_new(in_folder("a.safetensors"), a);
    fv_checkpoint *y = fv_checkpoint_new(in_folder("b.safetensors"), b);
    ck_assert_int_eq(fv_checkpoint_save(x), FV_OK);
    ck_assert_int_eq(fv_checkpoint_load(y, in_folder("a.safetensors")), FV_ERR_STATE);
    expect_error(FV_ERR_STATE,
                 "of model.* 2 are missing in the file (weight, ...), 4 in it are not "
                 "in the module (0.");
    fv_free(x);
    fv_free(y);
    fv_free(a);
    fv_free(b);
}
END_TEST

START_TEST(values_and_texts_must_agree)
{
    int64_t whole = 3;
    double number = 0.5;
    fv_tensor *t = fv_retain(fv_ones(.shape = FV_SHAPE(2)));
    fv_checkpoint *a = fv_checkpoint_new(in_folder("a.safetensors"));
    ck_assert_int_eq(fv_checkpoint_int(a, "whole", &whole), FV_OK);
    ck_assert_int_eq(fv_checkpoint_expect(a, "recipe", "four layers"), FV_OK);
    ck_assert_int_eq(fv_checkpoint_save(a), FV_OK);

    fv_checkpoint *b = fv_checkpoint_new(in_folder("a.safetensors"));
    ck_assert_int_eq(fv_checkpoint_load(b), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "the file has value.whole, which this run does not have");
    ck_assert_int_eq(fv_checkpoint_expect(b, "recipe", "five layers"), FV_OK);
    ck_assert_int_eq(fv_checkpoint_load(b), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "is \"four layers\" in the file, \"five layers\" in the program");
    fv_free(b);

    b = fv_checkpoint_new(in_folder("a.safetensors"));
    ck_assert_int_eq(fv_checkpoint_expect(b, "recipe", "four layers"), FV_OK);
    ck_assert_int_eq(fv_checkpoint_int(b, "whole", &whole), FV_OK);
    whole = 4;
    ck_assert_int_eq(fv_checkpoint_load(b), FV_OK);
    ck_assert_int_eq(whole, 3);
    ck_assert_int_eq(fv_checkpoint_double(b, "number", &number), FV_OK);
    ck_assert_int_eq(fv_checkpoint_load(b), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "value.number is missing");
    fv_free(b);

    b = fv_checkpoint_new(in_folder("a.safetensors"));
    ck_assert_int_eq(fv_checkpoint_tensor(b, "whole", t), FV_OK);
    ck_assert_int_eq(fv_checkpoint_load(b), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "value.whole is [] in the file, [2] in the program");
    ck_assert_int_eq(fv_checkpoint_tensor(b, "t", t), FV_OK);
    ck_assert_int_eq(fv_checkpoint_expect(b, "text", "x"), FV_OK);
    fv_free(b);
    b = fv_checkpoint_new(in_folder("a.safetensors"));
    ck_assert_int_eq(fv_checkpoint_tensor(b, "t", t), FV_OK);
    ck_assert_int_eq(fv_checkpoint_load(b), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "the file has no value.t");
    fv_free(b);
    b = fv_checkpoint_new(in_folder("a.safetensors"));
    ck_assert_int_eq(fv_checkpoint_expect(b, "text", "x"), FV_OK);
    ck_assert_int_eq(fv_checkpoint_load(b), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "the file has no value.text");
    fv_free(b);
    fv_free(a);
    fv_release(t);
}
END_TEST

START_TEST(nothing_is_saved_or_loaded_while_an_error_stands)
{
    recipe r = usual;
    run t;
    start(&t, &r, 1, "a.safetensors");
    save(&t);
    FV_SCOPE;
    fv_add(fv_ones(.shape = FV_SHAPE(2)), fv_ones(.shape = FV_SHAPE(3)));
    train(&t, 0);
    ck_assert_int_eq(fv_checkpoint_save(t.checkpoint, .metric = 1), FV_ERR_STATE);
    ck_assert(!file_exists("a.best.safetensors"));
    ck_assert_int_eq(fv_checkpoint_load(t.checkpoint), FV_ERR_STATE);
    ck_assert_ptr_null(fv_checkpoint_new(in_folder("a.safetensors"), .module = t.net));
    expect_error(FV_ERR_SHAPE, "add");
    ck_assert_int_eq(fv_checkpoint_save(t.checkpoint), FV_OK);
    stop(&t);
}
END_TEST

START_TEST(files_that_are_no_checkpoint_are_told)
{
    fv_module *net = fv_nn_linear(2, 2);
    fv_checkpoint *c = fv_checkpoint_new(in_folder("a.safetensors"), net);
    ck_assert(!fv_checkpoint_exists(c));
    ck_assert_int_eq(fv_checkpoint_load(c), FV_ERR_IO);
    expect_error(FV_ERR_IO, "a.safetensors");
    ck_assert_int_eq(fv_save(net, in_folder("b.safetensors")), FV_OK);
    ck_assert_int_eq(fv_checkpoint_load(c, in_folder("b.safetensors")), FV_ERR_FORMAT);
    expect_error(FV_ERR_FORMAT, "no checkpoint; fv_load reads weights");
    FILE *file = fopen(in_folder("plain"), "wb");
    fputs("{\"not\": \"a checkpoint\"}", file);
    fclose(file);
    ck_assert_int_eq(fv_checkpoint_load(c, in_folder("plain")), FV_ERR_FORMAT);
    expect_error(FV_ERR_FORMAT, "plain");
    fv_state *state = fv_state_new();
    fv_state_put_text(state, NULL, "fovea", "checkpoint 9");
    ck_assert_int_eq(fv_state_save(state, in_folder("plain")), FV_OK);
    ck_assert_int_eq(fv_checkpoint_load(c, in_folder("plain")), FV_ERR_FORMAT);
    expect_error(FV_ERR_FORMAT, "is a \"checkpoint 9\"");
    fv_free(state);
    fv_free(c);
    fv_free(net);
}
END_TEST

START_TEST(bad_calls_are_told)
{
    fv_module *net = fv_nn_linear(2, 2);
    int64_t whole = 0;
    double number = 0;
    ck_assert_ptr_null(fv_checkpoint_new(NULL));
    expect_error(FV_ERR_OPTION, "a path is needed");
    ck_assert_ptr_null(fv_checkpoint_new(""));
    expect_error(FV_ERR_OPTION, "a path is needed");
    ck_assert_ptr_null(fv_checkpoint_new(in_folder("none/a"), net));
    expect_error(FV_ERR_IO, "none/a");
    ck_assert_ptr_null(fv_checkpoint_new(in_folder("a"), net, .keep_last = 0));
    expect_error(FV_ERR_OPTION, "keep_last is 0");
    ck_assert_ptr_null(fv_checkpoint_new(in_folder("a"), net, .best = (fv_plateau_mode)7));
    expect_error(FV_ERR_OPTION, "best is 7");
    fv_checkpoint *c = fv_checkpoint_new(in_folder("a"), net);
    ck_assert_int_eq(fv_checkpoint_int(c, "n", NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a value are needed");
    ck_assert_int_eq(fv_checkpoint_int(NULL, "n", &whole), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a checkpoint");
    ck_assert_int_eq(fv_checkpoint_double(c, "", &number), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a name");
    ck_assert_int_eq(fv_checkpoint_tensor(c, "t", NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a value");
    ck_assert_int_eq(fv_checkpoint_tensor(c, "t", fv_failed_tensor()), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "t has failed");
    ck_assert_int_eq(fv_checkpoint_expect(c, "t", NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a value");
    ck_assert_int_eq(fv_checkpoint_int(c, "n", &whole), FV_OK);
    ck_assert_int_eq(fv_checkpoint_double(c, "n", &number), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "value.n is in use");
    ck_assert_int_eq(fv_checkpoint_add(c, "critic"), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "nothing to add under critic");
    ck_assert_int_eq(fv_checkpoint_add(c, "", .module = net), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a name");
    ck_assert_int_eq(fv_checkpoint_add(c, "twice", .module = net), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "the model of \"twice\" is in it already");
    ck_assert_int_eq(fv_checkpoint_save(NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert_int_eq(fv_checkpoint_load(NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert(!fv_checkpoint_exists(NULL));
    ck_assert(isnan(fv_checkpoint_best(NULL)));
    fv_free(c);
    fv_free(net);
    fv_checkpoint_free(NULL);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("checkpoint refusals");
    TCase *refused = add_case(suite, "refused");
    tcase_add_checked_fixture(refused, make_folder, remove_folder);
    tcase_add_test(refused, another_run_is_refused_and_nothing_changes);
    tcase_add_test(refused, another_network_is_told_by_its_names);
    tcase_add_test(refused, values_and_texts_must_agree);
    tcase_add_test(refused, nothing_is_saved_or_loaded_while_an_error_stands);
    tcase_add_test(refused, files_that_are_no_checkpoint_are_told);
    tcase_add_test(refused, bad_calls_are_told);
    return suite;
}
