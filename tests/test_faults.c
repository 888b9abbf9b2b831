/* Fault injection: every allocation of a training step fails once. The step then reports an error,
 * leaks nothing and leaves the weights as they were; the next one is right. The same for building,
 * printing, saving and loading models, for optimizers, schedules and data sets, where the C
 * library's allocations fail as well: the linker puts functions of this test before those. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

enum { MOST_ALLOCATIONS = 20000, PARAMETERS = 4, CALM = 32 };

/* A small network with weights at fixed values, and an optimizer with state. */
typedef struct network {
    fv_tensor *p[PARAMETERS]; /* conv weight and bias, linear weight and bias */
    fv_optim *opt;
} network;

static const fv_shape shapes[PARAMETERS] = {{4, {3, 2, 3, 3}}, {1, {3}}, {2, {4, 27}}, {1, {4}}};

static bool network_make(network *n)
{
    fv_manual_seed(8);
    for (int k = 0; k < PARAMETERS; k++)
        n->p[k] = fv_retain(fv_randn(.shape = shapes[k], .requires_grad = true));
    n->opt = fv_sgd(((fv_tensor_list){n->p, PARAMETERS}), .lr = 0.1, .momentum = 0.9);
    return n->opt != NULL;
}

static void network_drop(network *n)
{
    fv_free(n->opt);
    for (int k = 0; k < PARAMETERS; k++) fv_release(n->p[k]);
}

static fv_status network_step(network *n)
{
    fv_status status = FV_OK;
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(2, 2, 6, 6);
        fv_tensor *y = fv_zeros(2, .dtype = FV_INT64);
        fv_tensor *h = fv_relu(fv_conv2d(x, n->p[0], n->p[1], .padding = 1));
        h = fv_flatten(fv_max_pool2d(h, 2), .start_dim = 1);
        fv_tensor *loss = fv_cross_entropy(fv_linear(h, n->p[2], n->p[3]), y);
        fv_zero_grad(n->opt);
        status = fv_backward(loss);
        if (status == FV_OK) status = fv_step(n->opt);
    }
    return status;
}

/* The weights, one after the other. */
enum { WEIGHTS = 54 + 3 + 108 + 4 };
static void read_weights(const network *n, float *out)
{
    for (int k = 0; k < PARAMETERS; k++) {
        fv_copy_out(n->p[k], FV_FLOAT32, out);
        out += n->p[k]->numel;
    }
}

/* The weights after `steps` undisturbed steps. */
static void wanted_weights(int steps, float *out)
{
    network n;
    {
        FV_SCOPE;
        ck_assert(network_make(&n));
        for (int k = 0; k < steps; k++) ck_assert_int_eq(network_step(&n), FV_OK);
        read_weights(&n, out);
        network_drop(&n);
    }
}

/* One step whose allocation number `failing` fails. Returns whether the step failed. */
static bool disturbed_step(int failing, const float *start, const float *once)
{
    float now[WEIGHTS];
    network n;
    char difference[128];
    bool failed = false;
    memory_mark mark = mark_memory();
    {
        FV_SCOPE;
        ck_assert(network_make(&n));
        fv_inject_alloc_failure(failing);
        fv_status status = network_step(&n);
        fv_inject_alloc_failure(-1);
        failed = status != FV_OK;
        read_weights(&n, now);
        if (failed && fv_error()[0] == '\0')
            note_failure("%d: a status without a message", failing);
        if (failed && memcmp(now, start, sizeof now) != 0)
            note_failure("%d: the step failed (%s) but changed weights", failing, fv_error());
        if (!failed && memcmp(now, once, sizeof now) != 0)
            note_failure("%d: the step succeeded with wrong weights", failing);
        if (!failed && fv_error()[0]) note_failure("%d: FV_OK, but \"%s\"", failing, fv_error());
        fv_clear_error();
        if (failed) {
            if (network_step(&n) != FV_OK)
                note_failure("%d: the next step: %s", failing, fv_error());
            fv_clear_error();
            read_weights(&n, now);
            if (memcmp(now, once, sizeof now) != 0)
                note_failure("%d: the next step gives wrong weights", failing);
        }
        network_drop(&n);
    }
    if (!same_memory(mark, difference, sizeof difference))
        note_failure("%d: leaks %s", failing, difference);
    return failed;
}

START_TEST(every_allocation_of_a_training_step_may_fail)
{
    float start[WEIGHTS], once[WEIGHTS];
    fv_set_log(NULL, NULL);
    wanted_weights(0, start);
    wanted_weights(1, once);
    ck_assert(memcmp(start, once, sizeof start) != 0);
    int failures = 0, calm = 0, n = 0;
    for (; n < MOST_ALLOCATIONS && calm < CALM; n++) {
        set_context("allocation %d", n);
        bool failed = disturbed_step(n, start, once);
        failures += failed;
        calm = failed ? 0 : calm + 1;
    }
    printf("allocations of a training step that were made to fail: %d\n", failures);
    ck_assert_int_gt(failures, 10);
    ck_assert_int_eq(calm, CALM);
    ck_assert(no_failures());
}
END_TEST

/* --- the C library's allocations -------------------------------------------------------- */

/* How many more of them succeed; negative: all. */
static long left = -1;

#ifdef FOVEA_LINKER_WRAPS
void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
char *__wrap_strndup(const char *text, size_t length);

static bool refused(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return refused() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    return refused() ? NULL : __real_realloc(block, bytes);
}

char *__wrap_strdup(const char *text)
{
    return refused() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length)
{
    return refused() ? NULL : __real_strndup(text, length);
}
#endif

/* --- models, optimizers, data ----------------------------------------------------------- */

static char saved_path[] = "/tmp/fovea_faults_XXXXXX";

static fv_module *small_model(void)
{
    return fv_sequential(
        fv_nn_conv2d(1, 2, 3, .padding = FV_SAME, .padding_mode = FV_PAD_REFLECT, .bias = false),
        fv_nn_batch_norm2d(2), fv_nn_relu(), fv_nn_max_pool2d(2),
        fv_sequential(fv_nn_dropout(0.5), fv_nn_flatten()), fv_nn_linear(2 * 2 * 2, 3));
}

/* All that a model is asked; true when everything came out whole. */
static bool use_model(void)
{
    bool whole = false;
    fv_module *net = small_model(), *other = small_model();
    if (net && other) {
        char *text = fv_module_to_string(net);
        fv_tensor *y = fv_forward(net, fv_ones(2, 1, 4, 4));
        whole = text && !fv_failed(y) && fv_named_parameters(net).count == 5 &&
                fv_named_buffers(net).count == 3 && fv_state_dict(net).count == 8 &&
                fv_parameter_count(net) == 18 + 4 + 27;
        free(text);
    }
    fv_free(net);
    fv_free(other);
    return whole;
}

static bool save_and_load(void)
{
    fv_load_report report = {0}; /* filled after an error as well */
    fv_module *net = small_model(), *other = small_model();
    bool whole = net && other && fv_can_save(saved_path) &&
                 fv_save(net, saved_path, .metadata = FV_METADATA({"mean", "0.5"}, {"std", "1"}),
                         .dtype = FV_FLOAT16) == FV_OK &&
                 fv_load(other, saved_path, .strict = false, .report = &report) == FV_OK;
    fv_load_report_free(&report);
    fv_free(net);
    fv_free(other);
    return whole;
}

/* A run to save and to go on with, and what of it a load would change. */
typedef struct small_run {
    fv_module *net;
    fv_optim *opt;
    fv_scheduler *schedule;
    fv_loader *batches;
    fv_checkpoint *checkpoint;
    double number;
} small_run;

static bool make_run(small_run *r, fv_dataset *set)
{
    r->net = fv_nn_linear(3, 2);
    r->batches = set ? fv_loader_new(set, 2, .shuffle = true, .seed = 5) : NULL;
    r->opt = r->net ? fv_adam(fv_parameters(r->net), .amsgrad = true) : NULL;
    r->schedule = r->opt ? fv_multi_step_lr(r->opt, FV_MILESTONES(1, 2)) : NULL;
    if (!r->batches || !r->schedule) return false;
    fv_checkpoint *c =
        fv_checkpoint_new(saved_path, r->net, r->opt, r->schedule, r->batches, .keep_last = 1);
    r->checkpoint = c;
    return c && fv_checkpoint_double(c, "number", &r->number) == FV_OK &&
           fv_checkpoint_expect(c, "recipe", "small") == FV_OK;
}

static bool train_run(small_run *r)
{
    fv_batch b;
    if (!fv_loader_next(r->batches, &b)) return false;
    fv_tensor *loss = fv_sum(fv_forward(r->net, b.x));
    fv_zero_grad(r->opt);
    return fv_backward(loss) == FV_OK && fv_step(r->opt) == FV_OK &&
           fv_scheduler_step(r->schedule) == FV_OK;
}

static void drop_run(small_run *r)
{
    fv_free(r->checkpoint);
    fv_free(r->schedule);
    fv_free(r->opt);
    fv_free(r->net);
    fv_free(r->batches);
}

/* A load that fails leaves the run as it was. */
static bool load_run(small_run *r)
{
    float before[6], after[6];
    fv_tensor *weight = fv_module_tensor(r->net, "weight");
    const double lr = fv_get_lr(r->opt);
    fv_copy_out(weight, FV_FLOAT32, before);
    const bool loaded = fv_checkpoint_load(r->checkpoint) == FV_OK;
    fv_copy_out(weight, FV_FLOAT32, after);
    const int changes = (memcmp(before, after, sizeof before) != 0) + (fv_get_lr(r->opt) != lr) +
                        (fv_scheduler_last_epoch(r->schedule) != 0) + (r->number != 0) +
                        (fv_loader_get_state(r->batches).batch != 0);
    if (changes != (loaded ? 5 : 0))
        note_failure("the load %s and changed %d of 5", loaded ? "succeeded" : "failed", changes);
    return loaded;
}

static bool go_on(void)
{
    fv_tensor *rows = fv_ones(.shape = FV_SHAPE(4, 3)), *labels = fv_zeros(.shape = FV_SHAPE(4));
    fv_dataset *set = fv_tensor_dataset(rows, labels);
    small_run a = {.number = 4}, b = {.number = 0};
    bool whole = make_run(&a, set) && train_run(&a) && fv_checkpoint_save(a.checkpoint) == FV_OK &&
                 make_run(&b, set) && load_run(&b);
    drop_run(&a);
    drop_run(&b);
    fv_free(set);
    return whole;
}

static bool use_optimizers(void)
{
    fv_tensor *a = fv_ones(3, .requires_grad = true);
    fv_tensor *b = fv_ones(4, 2, .requires_grad = true);
    fv_tensor *ga = fv_ones(3), *gb = fv_ones(2, 4);
    bool whole = fv_set_grad(a, ga) == FV_OK && fv_set_grad(b, fv_transpose(gb, 0, 1)) == FV_OK;
    fv_optim *optim = whole ? fv_adam(FV_TENSORS(a), .amsgrad = true) : NULL;
    if (optim && fv_optim_add_group(optim, FV_TENSORS(b)) == FV_OK) {
        fv_scheduler *s[] = {fv_step_lr(optim, 2), fv_multi_step_lr(optim, FV_MILESTONES(1, 2)),
                             fv_reduce_lr_on_plateau(optim)};
        whole = s[0] && s[1] && s[2] && fv_step(optim) == FV_OK &&
                fv_scheduler_step(s[1]) == FV_OK &&
                fv_clip_grad_value_(FV_TENSORS(a, b), 0.5) == FV_OK;
        for (int k = 0; k < 3; k++) fv_free(s[k]);
    } else {
        whole = false;
    }
    fv_free(optim);
    return whole;
}

static int64_t two(void *context)
{
    (void)context;
    return 2;
}

static fv_status get_sample(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context;
    *x = fv_full(3, 2, .value = (double)i);
    *y = fv_scalar((double)i, FV_INT64);
    return fv_failed(*x) || fv_failed(*y) ? fv_error_status() : FV_OK;
}

/* Takes the first sample and an epoch of a set, and frees it. */
static bool use_set(fv_dataset *set)
{
    fv_tensor *x, *y;
    fv_batch b;
    fv_loader *loader = set ? fv_loader_new(set, 2, .shuffle = true) : NULL;
    bool whole = loader && fv_dataset_get(set, 0, &x, &y) == FV_OK && fv_loader_next(loader, &b);
    if (whole) ck_assert(!fv_failed(x) && !fv_failed(y) && b.n == 2);
    fv_free(loader);
    fv_free(set);
    return whole;
}

static bool use_data(void)
{
    fv_tensor *rows = fv_ones(2, 3), *labels = fv_zeros(2, .dtype = FV_INT64);
    fv_tensor *images = fv_zeros(2, 2, 4, 4, .dtype = FV_UINT8);
    fv_tensor *turned = fv_transpose(rows, 0, 1);
    if (fv_failed(turned) || fv_failed(images) || fv_failed(labels)) return false;
    return use_set(fv_dataset_new(two, get_sample)) && use_set(fv_tensor_dataset(rows, labels)) &&
           use_set(fv_tensor_dataset(turned, fv_ones(3, 2))) &&
           use_set(fv_image_dataset(images, labels, .random_crop = 1, .random_flip = true));
}

/* Beside saved_path; one path at a time. */
static const char *beside(const char *ending)
{
    static char path[64];
    snprintf(path, sizeof path, "%s%s", saved_path, ending);
    return path;
}

static const char *const picture_files[] = {".ppm", ".png", ".svg", ".d/a/1.ppm", ".d/a/2.ppm"};

static bool write_pictures(void)
{
    fv_tensor *image = fv_zeros(3, 4, 5, .dtype = FV_UINT8);
    mkdir(beside(".d"), 0700);
    mkdir(beside(".d/a"), 0700);
    for (int i = 0; i < 5; i++)
        if (i != 2 && fv_write_image(image, beside(picture_files[i])) != FV_OK) return false;
    fv_tensor *again = fv_read_image(beside(".ppm"));
    return fv_usable(fv_resize(again, 2, 3)) &&
           fv_save_image(fv_ones(2, 3, 4, 4), beside(".ppm"), .upscale = 2) == FV_OK &&
           use_set(fv_image_folder(beside(".d"), .height = 2, .width = 2));
}

/* A figure of one kind; true when it came out whole. */
static bool draw_figure(int kind, const char *path)
{
    fv_figure *f = fv_figure_new("title", .width = 120, .height = 110);
    const fv_names names = FV_NAMES("a", "b");
    fv_tensor *v = fv_ones(2), *square = fv_ones(2, 2);
    bool whole = f && fv_usable(v) && fv_usable(square);
    if (whole && kind == 0)
        whole = fv_plot_line(f, v, .label = "line") == FV_OK &&
                fv_plot_bars(f, v, .names = names) == FV_OK;
    if (whole && kind == 1)
        whole = fv_plot_heat_map(f, square, .row_names = names, .column_names = names) == FV_OK;
    if (whole && kind == 2) whole = fv_plot_image(f, square, .name = "picture") == FV_OK;
    whole = whole && fv_figure_save(f, path, .scale = 1) == FV_OK;
    fv_free(f);
    return whole;
}

static bool use_pictures(void)
{
    FILE *nowhere = fopen("/dev/null", "w");
    bool whole = nowhere && write_pictures();
    for (int kind = 0; kind < 3 && whole; kind++)
        whole = draw_figure(kind, beside(".svg")) && draw_figure(kind, beside(".png"));
    for (int sixel = 0; sixel < 2 && whole; sixel++)
        whole = fv_print_image(fv_ones(3, 4, 4), .file = nowhere, .sixel = sixel, .columns = 2) ==
                FV_OK;
    if (nowhere) fclose(nowhere);
    for (int i = 0; i < 5; i++) unlink(beside(picture_files[i]));
    rmdir(beside(".d/a"));
    rmdir(beside(".d"));
    return whole;
}

static bool train(void)
{
    network n;
    bool whole = network_make(&n) && network_step(&n) == FV_OK;
    network_drop(&n);
    return whole;
}

/* More nodes and tensors than the first lists have room for. */
static bool differentiate_a_chain(void)
{
    fv_tensor *x = fv_ones(2, .requires_grad = true), *y = x;
    for (int k = 0; k < 400; k++) y = fv_mul(y, 1.0);
    return !fv_failed(y) && fv_backward(fv_sum(y)) == FV_OK;
}

/* Views written to, and stale ones. */
static bool differentiate_views(void)
{
    fv_tensor *x = fv_ones(2, 3, .requires_grad = true), *h = fv_mul(x, 2);
    fv_tensor *row = fv_select(h, 0, 0), *stale = fv_reshape(h, -1);
    bool written = !fv_failed(fv_mul_(row, 3));
    return written && fv_backward(fv_add(fv_sum(fv_mul(stale, stale)), fv_sum(h))) == FV_OK;
}

static bool print_tensors(void)
{
    fv_tensor *t = fv_ones(40, 3);
    char *text = fv_failed(t) ? NULL : fv_to_string(t);
    bool whole = text != NULL;
    free(text);
    return whole;
}

/* Runs a use with its n-th allocation failing, for every n, of blocks or of the C library. */
static int fail_each(const char *name, bool (*use)(void), bool of_library)
{
    char difference[128];
    int failures = 0;
    bool whole = false;
    for (int n = 0; n < MOST_ALLOCATIONS && !whole; n++) {
        set_context("%s, allocation %d%s", name, n, of_library ? " of the C library" : "");
        memory_mark mark = mark_memory();
        {
            FV_SCOPE;
            if (of_library)
                left = n;
            else
                fv_inject_alloc_failure(n);
            whole = use();
            left = -1;
            fv_inject_alloc_failure(-1);
        }
        failures += !whole;
        if (whole && fv_error()[0]) note_failure("whole, but \"%s\"", fv_error());
        if (!whole && fv_error_status() != FV_ERR_MEMORY)
            note_failure("failed with status %d, \"%s\"", (int)fv_error_status(), fv_error());
        fv_clear_error();
        if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
    }
    if (!whole) note_failure("%s never succeeds", name);
    return failures;
}

START_TEST(every_allocation_of_all_else_may_fail)
{
    static const struct {
        const char *name;
        bool (*use)(void);
    } uses[] = {{"training", train},
                {"chain", differentiate_a_chain},
                {"views", differentiate_views},
                {"model", use_model},
                {"save and load", save_and_load},
                {"go on", go_on},
                {"optimizers", use_optimizers},
                {"data", use_data},
                {"pictures", use_pictures},
                {"print", print_tensors}};
    fv_set_log(NULL, NULL);
    strcpy(saved_path + strlen(saved_path) - 6, "XXXXXX");
    int fd = mkstemp(saved_path), blocks = 0, others = 0;
    ck_assert_int_ge(fd, 0);
    close(fd);
    for (size_t k = 0; k < sizeof uses / sizeof uses[0]; k++) {
        {
            FV_SCOPE;
            ck_assert_msg(uses[k].use(), "%s: %s", uses[k].name, fv_error());
        }
        blocks += fail_each(uses[k].name, uses[k].use, false);
        others += fail_each(uses[k].name, uses[k].use, true);
    }
    unlink(saved_path);
    printf("allocations that were made to fail: %d of blocks, %d of the C library\n", blocks,
           others);
    ck_assert_int_gt(blocks, 50);
    ck_assert(no_failures());
}
END_TEST

START_TEST(constructors_survive_failed_allocations)
{
    fv_set_log(NULL, NULL);
    for (int n = 0; n < 50; n++) {
        memory_mark mark = mark_memory();
        char difference[128];
        {
            FV_SCOPE;
            fv_inject_alloc_failure(n);
            fv_tensor *t = fv_requires_grad(fv_randn(3, 3), true);
            fv_tensor *parts[] = {t, fv_ones(3, 3), fv_arange(0, 3, .dtype = FV_FLOAT32)};
            fv_tensor *sum = fv_add(fv_add(parts[0], parts[1]), parts[2]);
            if (fv_failed(sum) && !fv_error()[0]) note_failure("%d: failed without a message", n);
            if (!fv_failed(sum) && fv_error()[0]) note_failure("%d: \"%s\"", n, fv_error());
            fv_inject_alloc_failure(-1);
        }
        fv_clear_error();
        if (!same_memory(mark, difference, sizeof difference))
            note_failure("%d: %s", n, difference);
    }
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *faults = add_case(suite, "faults");
    tcase_add_test(faults, every_allocation_of_a_training_step_may_fail);
    tcase_add_test(faults, every_allocation_of_all_else_may_fail);
    tcase_add_test(faults, constructors_survive_failed_allocations);
    return suite;
}
