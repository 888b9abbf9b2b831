/* Checkpoints: runs that go on with the same bits, files that are refused, files that are kept. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"
#include "tensor/durable.h"

static char folder[] = "/tmp/fovea_checkpoint_XXXXXX";

static void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    fv_set_log(NULL, NULL);
}

/* One of 8 buffers in turn. */
static const char *in_folder(const char *name)
{
    static char paths[8][128];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *const file_names[] = {
    "a.safetensors",
    "b.safetensors",
    "a.best.safetensors",
    "a.1.safetensors",
    "a.2.safetensors",
    "a.3.safetensors",
    "plain",
    "plain.1",
    "a.previous.safetensors",
    "link",
};

static void remove_folder(void)
{
    for (size_t i = 0; i < sizeof file_names / sizeof *file_names; i++)
        unlink(in_folder(file_names[i]));
    ck_assert_int_eq(rmdir(folder), 0); /* also shows that nothing else was left */
    fv_set_log(fv_default_log, NULL);
}

static bool file_exists(const char *name)
{
    struct stat info;
    return stat(in_folder(name), &info) == 0;
}

static bool same_files(const char *a, const char *b)
{
    FILE *x = fopen(in_folder(a), "rb"), *y = fopen(in_folder(b), "rb");
    ck_assert(x && y);
    int c, d;
    do c = getc(x), d = getc(y);
    while (c == d && c != EOF);
    fclose(x);
    fclose(y);
    return c == d;
}

/* --- a run -------------------------------------------------------------------------------- */

/* Which optimizer, which scheduler, and what a mismatch changes. */
typedef struct recipe {
    int optim, scheduler;
    int64_t channels, batch_size, step_size;
    fv_dtype dtype;
    bool one_group;
} recipe;

enum { OPTIMS = 7, SCHEDULERS = 9, STEPS = 14, IMAGES = 18 };

static const recipe usual = {.channels = 4, .batch_size = 4, .step_size = 3, .dtype = FV_FLOAT32};

typedef struct run {
    fv_dataset *set;
    fv_loader *batches;
    fv_module *net;
    fv_optim *opt;
    fv_scheduler *scheduler;
    fv_checkpoint *checkpoint;
    bool plateau;
    double total; /* loss of this epoch */
    int64_t seen;
    fv_tensor *average; /* of the first parameter */
} run;

static fv_optim *make_optim(int kind, fv_tensor_list p)
{
    switch (kind) {
    case 0: return fv_sgd(p, .lr = 0.05);
    case 1: return fv_sgd(p, .lr = 0.05, .momentum = 0.9, .dampening = 0.3);
    case 2: return fv_sgd(p, .lr = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-2);
    case 3: return fv_adam(p, .lr = 0.01, .weight_decay = 1e-2);
    case 4: return fv_adam(p, .lr = 0.01, .beta1 = 0.8, .amsgrad = true, .eps = 1e-6);
    case 5: return fv_adamw(p, .lr = 0.01, .maximize = true);
    default: return fv_adamw(p, .lr = 0.01, .amsgrad = true);
    }
}

static double falling(int64_t step, void *context)
{
    return *(const double *)context / (double)(step + 1);
}

static fv_scheduler *make_scheduler(const recipe *r, fv_optim *opt)
{
    static double factor = 1.5;
    switch (r->scheduler) {
    case 1: return fv_step_lr(opt, r->step_size, .gamma = 0.7);
    case 2: return fv_multi_step_lr(opt, FV_MILESTONES(2, r->step_size + 2, 9), .gamma = 0.6);
    case 3: return fv_exponential_lr(opt, 0.93);
    case 4: return fv_cosine_annealing_lr(opt, 2 * r->step_size, .eta_min = 1e-4);
    case 5: return fv_linear_lr(opt, .total_iters = 3 * r->step_size, .end_factor = 0.9);
    case 6: return fv_lambda_lr(opt, falling, &factor);
    case 7: return fv_one_cycle_lr(opt, .max_lr = 0.1, .total_steps = 11 + r->step_size);
    case 8:
        return fv_reduce_lr_on_plateau(opt, .factor = 0.5, .patience = 1, .cooldown = r->step_size,
                                       .threshold = 0.5);
    default: return NULL;
    }
}

static fv_dataset *make_images(void)
{
    FV_SCOPE;
    const fv_rng_state before = fv_get_rng_state();
    fv_manual_seed(5);
    fv_tensor *images =
        fv_randint(.low = 0, .high = 256, .shape = FV_SHAPE(IMAGES, 1, 6, 6), .dtype = FV_UINT8);
    fv_tensor *labels = fv_randint(.low = 0, .high = 3, .shape = FV_SHAPE(IMAGES));
    fv_set_rng_state(before);
    return fv_image_dataset(images, labels, .random_crop = 2, .random_flip = true);
}

/* The checkpoint borrows *t-> */
static void start(run *t, const recipe *r, uint64_t seed, const char *name)
{
    fv_manual_seed(seed);
    *t = (run){.set = make_images(), .plateau = r->scheduler == 8};
    t->batches = fv_loader_new(t->set, r->batch_size, .shuffle = true);
    t->net = fv_sequential(fv_nn_conv2d(1, r->channels, 3, .padding = 1, .dtype = r->dtype),
                           fv_nn_batch_norm2d(r->channels, .dtype = r->dtype), fv_nn_relu(),
                           fv_nn_dropout(0.3), fv_nn_max_pool2d(2), fv_nn_flatten(),
                           fv_nn_linear(r->channels * 9, 3, .dtype = r->dtype));
    const fv_tensor_list all = fv_parameters(t->net);
    ck_assert_int_eq(all.count, 6);
    t->opt = make_optim(r->optim, r->one_group ? all : (fv_tensor_list){all.items, 4});
    if (!r->one_group)
        ck_assert_int_eq(fv_optim_add_group(t->opt, (fv_tensor_list){all.items + 4, 2}, .lr = 0.02),
                         FV_OK);
    t->scheduler = make_scheduler(r, t->opt);
    {
        FV_SCOPE;
        t->average = fv_retain(fv_zeros_like(fv_parameters(t->net).items[0]));
    }
    t->checkpoint = fv_checkpoint_new(in_folder(name), .module = t->net, .optim = t->opt,
                                      .scheduler = t->scheduler, .loader = t->batches);
    ck_assert_msg(t->checkpoint != NULL, "%s", fv_error());
    ck_assert_int_eq(fv_checkpoint_double(t->checkpoint, "total", &t->total), FV_OK);
    ck_assert_int_eq(fv_checkpoint_int(t->checkpoint, "seen", &t->seen), FV_OK);
    ck_assert_int_eq(fv_checkpoint_tensor(t->checkpoint, "average", t->average), FV_OK);
}

static void stop(run *t)
{
    fv_free(t->checkpoint);
    fv_free(t->scheduler);
    fv_free(t->opt);
    fv_free(t->net);
    fv_free(t->batches);
    fv_free(t->set);
    fv_release(t->average);
}

static void end_epoch(run *t)
{
    if (t->plateau) fv_scheduler_step(t->scheduler, t->total / (double)t->seen);
    t->total = 0;
    t->seen = 0;
}

static void train(run *t, int steps)
{
    fv_batch b;
    for (int i = 0; i < steps; i++) {
        FV_SCOPE;
        while (!fv_loader_next(t->batches, &b)) {
            ck_assert_msg(fv_error_status() == FV_OK, "%s", fv_error());
            end_epoch(t);
        }
        fv_tensor *x = fv_to(b.x, fv_dtype_of(t->average));
        fv_tensor *loss = fv_cross_entropy(fv_forward(t->net, x), b.y);
        fv_zero_grad(t->opt);
        fv_backward(loss);
        ck_assert_int_eq(fv_step(t->opt), FV_OK);
        if (t->scheduler && !t->plateau) fv_scheduler_step(t->scheduler);
        t->total += fv_item(loss) * (double)b.n;
        t->seen += b.n;
        FV_NO_GRAD;
        fv_tensor *mix = fv_mul_scalar(fv_add(t->average, fv_parameters(t->net).items[0]), 0.5);
        fv_copy_elements(t->average, mix);
    }
}

static void save(run *t)
{
    ck_assert_msg(fv_checkpoint_save(t->checkpoint) == FV_OK, "%s", fv_error());
}

/* --- going on ----------------------------------------------------------------------------- */

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

/* --- refusals ----------------------------------------------------------------------------- */

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

/* --- files -------------------------------------------------------------------------------- */

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
    Suite *suite = suite_create("checkpoint");
    TCase *run_case = add_case(suite, "run");
    tcase_add_checked_fixture(run_case, make_folder, remove_folder);
    tcase_add_test(run_case, a_run_that_is_loaded_ends_with_the_same_bits);
    tcase_add_test(run_case, any_step_is_a_good_one_to_stop_at);
    tcase_add_test(run_case, a_saved_run_goes_on_undisturbed);
    tcase_add_test(run_case, a_second_network_has_names_of_its_own);
    TCase *refused = add_case(suite, "refused");
    tcase_add_checked_fixture(refused, make_folder, remove_folder);
    tcase_add_test(refused, another_run_is_refused_and_nothing_changes);
    tcase_add_test(refused, another_network_is_told_by_its_names);
    tcase_add_test(refused, values_and_texts_must_agree);
    tcase_add_test(refused, nothing_is_saved_or_loaded_while_an_error_stands);
    tcase_add_test(refused, files_that_are_no_checkpoint_are_told);
    tcase_add_test(refused, bad_calls_are_told);
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
