/* Tensors that are used after their scope closed or after they were released: every op and every
 * public function that takes a tensor answers as with a failed one and says so, once.
 * test_public_functions.sh sees to it that none is left out here. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* --- dead tensors ----------------------------------------------------------------------------- */

typedef enum death { BY_SCOPE, BY_RELEASE, BY_BOTH, IN_ANOTHER_THREAD, DEATHS } death;

static const char *const deaths[DEATHS] = {
    "was used after its scope closed; ",
    "was used after it was released",
    "was used after its scope closed and its last reference was released",
    "was used after it was released",
};

static void *release(void *t)
{
    fv_release(t);
    return NULL;
}

static void release_elsewhere(fv_tensor *t)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, release, t), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static fv_tensor *dead_like(const fv_tensor *t, death how)
{
    fv_shape shape = fv_shape_of(t);
    fv_tensor *dead;
    if (how == BY_RELEASE || how == IN_ANOTHER_THREAD) {
        dead = fv_tensor_alloc(t->dtype, &shape, NULL);
        dead->requires_grad = t->requires_grad;
    } else {
        FV_SCOPE;
        dead = fv_zeros_like(t);
        dead->requires_grad = t->requires_grad;
        if (how == BY_BOTH) fv_retain(dead);
    }
    if (how == IN_ANOTHER_THREAD) release_elsewhere(dead);
    if (how == BY_RELEASE || how == BY_BOTH) fv_release(dead);
    return dead;
}

/* --- what is said about them ------------------------------------------------------------------ */

static int messages;

static void count_message(const char *message, void *context)
{
    (void)message;
    (void)context;
    messages++;
}

static void start_listening(void)
{
    fv_set_log(count_message, NULL);
    messages = 0;
}

/* One message: "<name>: ... [2,3] was used after ...". The name may be that of an op within. */
static void check_told(const fv_tensor *dead, death how)
{
    fv_shape shape = {.ndim = dead->ndim};
    memcpy(shape.dim, dead->shape, sizeof shape.dim);
    char wanted[256];
    snprintf(wanted, sizeof wanted, "%s %s", fv_shape_text(&shape), deaths[how]);
    size_t name =
        strspn(fv_error(), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    if (fv_error_status() != FV_ERR_STATE || !strstr(fv_error(), wanted) || messages != 1)
        note_failure("%d messages, the standing one is \"%s\"", messages, fv_error());
    else if (name == 0 || fv_error()[name] != ':')
        note_failure("the message names no function: \"%s\"", fv_error());
    fv_clear_error();
    messages = 0;
}

/* --- ops -------------------------------------------------------------------------------------- */

static void check_input(const op_case *c, int i, death how)
{
    FV_SCOPE;
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS] = {NULL};
    case_inputs(c, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, true, x);
    set_case_context(c, "input %d is dead", i);
    fv_tensor *dead = x[i] = dead_like(x[i], how);
    c->call(x, y);
    for (int j = 0; j < CASE_OUTPUTS; j++)
        if (y[j] && fv_usable(y[j])) note_failure("output %d is a tensor", j);
    if (!y[0] && fv_find_op(c->op)->outputs != FV_ANY) note_failure("the result is NULL");
    check_told(dead, how);
}

START_TEST(every_op_tells_of_every_dead_input)
{
    int tried = 0;
    start_listening();
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        char difference[128];
        memory_mark mark = mark_memory();
        for (int i = 0; i < c->inputs; i++)
            if (!c->in[i].absent) check_input(c, i, (death)(tried++ % DEATHS));
        if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
    }
    printf("%d calls with a dead input\n", tried);
    fv_set_log(fv_default_log, NULL);
    ck_assert(no_failures());
}
END_TEST

/* --- ops in place or with a number ------------------------------------------------------------ */

typedef struct form {
    const char *name;
    fv_tensor *(*unary)(fv_tensor *x);
    fv_tensor *(*number)(fv_tensor *x, double p);
    fv_tensor *(*whole)(fv_tensor *x, int64_t p);
    fv_tensor *(*binary)(fv_tensor *x, fv_tensor *y);
} form;

#define NUMBER_ROWS(op)                                                                            \
    {.name = #op "_", .number = fv_##op##_}, {.name = #op "_int64", .whole = fv_##op##_int64},     \
        {.name = #op "_int64_", .whole = fv_##op##_int64_},
#define FV_UNARY(op, ...)       {.name = #op "_", .unary = fv_##op##_},
#define FV_NUMBER(op, ...)      NUMBER_ROWS(op)
#define FV_BINARY(op, ...)      {.name = #op "_", .binary = fv_##op##_},
#define FV_TEST_NUMBER(op, ...) {.name = #op "_int64", .whole = fv_##op##_int64},
static const form forms[] = {
#include "tensor/kernels/elementwise/elementwise.inc"
    NUMBER_ROWS(maximum_scalar) /* no rows of the table */
    NUMBER_ROWS(minimum_scalar){.name = "maximum_scalar", .number = fv_maximum_scalar},
    {.name = "minimum_scalar", .number = fv_minimum_scalar},
    {.name = "copy_", .binary = fv_copy_},
};

static void check_form(const form *r, fv_tensor *x, fv_tensor *y, const fv_tensor *dead, death how)
{
    fv_tensor *result = r->unary    ? r->unary(x)
                        : r->number ? r->number(x, 1.5)
                        : r->whole  ? r->whole(x, 2)
                                    : r->binary(x, y);
    if (!result || fv_usable(result)) note_failure("the result is a tensor");
    check_told(dead, how);
}

START_TEST(every_op_in_place_or_with_a_number_tells_of_a_dead_tensor)
{
    start_listening();
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
        FV_SCOPE;
        const form *r = &forms[k];
        death how = (death)(k % DEATHS);
        fv_tensor *x = fv_ones(2, 3), *dead = dead_like(x, how);
        set_context("%s", r->name);
        check_form(r, dead, x, dead, how);
        if (r->binary) check_form(r, x, dead, dead, how);
        ASSERT_VALUES(x, 0, 1, 1, 1, 1, 1, 1);
    }
    fv_set_log(fv_default_log, NULL);
    ck_assert(no_failures());
}
END_TEST

/* --- other functions -------------------------------------------------------------------------- */

/* Each hands the dead tensor d on, with the live x where another is needed, and is true when the
 * answer is that for a failed tensor. */
typedef bool function(fv_tensor *d, fv_tensor *x);

#define FUNCTION(name, ...)                                                                        \
    static bool name(fv_tensor *d, fv_tensor *x)                                                   \
    {                                                                                              \
        (void)x;                                                                                   \
        return (__VA_ARGS__);                                                                      \
    }

static const int64_t at_00[] = {0, 0};
static double numbers[6];
static char *text_of(const fv_tensor *t)
{
    static char kept[64];
    char *text = fv_to_string(t);
    snprintf(kept, sizeof kept, "%s", text ? text : "");
    free(text);
    return kept;
}
static bool printed(const fv_tensor *t, bool to_stdout)
{
    FILE *file = tmpfile();
    if (to_stdout)
        fv_print(t);
    else
        fv_print_to(file, t);
    bool wrote = to_stdout || ftell(file) > 0;
    fclose(file);
    return wrote;
}
static fv_tensor *hook(fv_tensor *grad, void *context)
{
    (void)grad;
    return context;
}
static void after(fv_tensor *leaf, void *context)
{
    (void)leaf;
    (void)context;
}
static void retain_grad(fv_tensor *t)
{
    fv_retain_grad(t);
}
static fv_tensor *self(fv_tensor *const *x, void *context)
{
    (void)context;
    return x[0];
}
static fv_tensor *grad_in(fv_tensor *y, fv_tensor *x)
{
    fv_tensor *g = NULL;
    return fv_grad(FV_TENSORS(y), FV_TENSORS(x), &g) == FV_OK ? x : g;
}
static bool forwards(fv_tensor *t)
{
    fv_module *m = fv_nn_relu();
    bool failed = !fv_usable(fv_forward(m, t));
    fv_free(m);
    return failed;
}
static bool adds(fv_tensor *t, bool parameter)
{
    fv_module *m = fv_sequential(fv_nn_relu());
    fv_status status =
        parameter ? fv_module_add_parameter(m, "t", t) : fv_module_add_buffer(m, "t", t);
    fv_free(m);
    return status != FV_OK;
}
static bool groups(fv_tensor *t, fv_tensor *x)
{
    fv_tensor *leaf = fv_requires_grad(fv_detach(x), true);
    fv_optim *o = fv_sgd(FV_TENSORS(leaf), .lr = 0.1);
    fv_status status = fv_optim_add_group(o, FV_TENSORS(t));
    fv_free(o);
    return status != FV_OK;
}
static int64_t one_sample(void *context)
{
    (void)context;
    return 1;
}
static fv_status sample(void *context, int64_t index, fv_tensor **x, fv_tensor **y)
{
    (void)index;
    (void)y;
    *x = context;
    return FV_OK;
}
static bool plots(fv_tensor *d)
{
    fv_figure *f = fv_figure_new();
    const bool refused = fv_plot_line(f, d) != FV_OK && fv_plot_bars(f, d) != FV_OK &&
                         fv_plot_heat_map(f, d) != FV_OK && fv_plot_image(f, d) != FV_OK;
    fv_free(f);
    return refused;
}
static bool gets(fv_tensor *t)
{
    fv_tensor *x;
    fv_dataset *d = fv_dataset_new(one_sample, sample, t);
    bool failed = fv_dataset_get(d, 0, &x, NULL) != FV_OK;
    fv_free(d);
    return failed;
}
static bool saves(fv_tensor *t)
{
    static const char *const name = "t";
    return fv_save_tensors("dead.safetensors", &name, &t, 1, NULL, 0) != FV_OK;
}
static bool enters_a_state(fv_tensor *t)
{
    fv_state *state = fv_state_new();
    bool failed = fv_state_put_tensor(state, NULL, "t", t) != FV_OK;
    fv_state_free(state);
    return failed;
}
static bool enters_a_checkpoint(fv_tensor *t)
{
    fv_checkpoint *c = fv_checkpoint_new("dead.safetensors");
    bool failed = fv_checkpoint_tensor(c, "t", t) != FV_OK;
    fv_free(c);
    return failed;
}
static bool applies(fv_tensor *t)
{
    fv_tensor *out = NULL;
    return fv_apply_all(fv_find_op("relu"), NULL, 1, &t, &out) != FV_OK && !fv_usable(out);
}
static bool applies_many(fv_tensor *t)
{
    fv_tensor *out[1];
    return fv_apply_many(fv_find_op("relu"), NULL, 1, &t, out, 1) == 0;
}
static bool hands_back(fv_tensor *t)
{
    fv_scope scope = fv_scope_open(&scope);
    return !fv_usable(fv_scope_close_with(&scope, t));
}
static bool set_elements(fv_tensor *t)
{
    fv_bump_version(t);
    return true;
}

#define FUNCTIONS(F)                                                                               \
    F(failed, fv_failed_in("test", d))                                                             \
    F(item, fv_item(d) != fv_item(d))                                                              \
    F(state, enters_a_state(d))                                                                    \
    F(checkpoint, enters_a_checkpoint(d))                                                          \
    F(item_int64, fv_item_int64(d) == 0)                                                           \
    F(accuracy, fv_accuracy(d, d) != fv_accuracy(d, d))                                            \
    F(confusion_matrix, !fv_usable(fv_confusion_matrix(d, d, .classes = 2)))                       \
    F(at, fv_at(d, at_00) != fv_at(d, at_00))                                                      \
    F(size, fv_size(d, 0) == 0)                                                                    \
    F(ndim, fv_ndim(d) == 0)                                                                       \
    F(numel, fv_numel(d) == 0)                                                                     \
    F(dtype_of, fv_dtype_of(d) == FV_FLOAT32)                                                      \
    F(shape_of, fv_shape_of(d).ndim == 0)                                                          \
    F(contiguous, !fv_is_contiguous(d))                                                            \
    F(channels_last, !fv_is_channels_last(d))                                                      \
    F(dense, !fv_is_dense(d))                                                                      \
    F(shapes_only, !fv_is_shapes_only(d))                                                          \
    F(bump, set_elements(d))                                                                       \
    F(version, fv_version(d) == 0)                                                                 \
    F(float32, !fv_data_float32(d))                                                                \
    F(float64, !fv_data_float64(d))                                                                \
    F(int64, !fv_data_int64(d))                                                                    \
    F(int32, !fv_data_int32(d))                                                                    \
    F(int16, !fv_data_int16(d))                                                                    \
    F(int8, !fv_data_int8(d))                                                                      \
    F(uint8, !fv_data_uint8(d))                                                                    \
    F(boolean, !fv_data_bool(d))                                                                   \
    F(float16, !fv_data_float16(d))                                                                \
    F(bfloat16, !fv_data_bfloat16(d))                                                              \
    F(copy_out, fv_copy_out(d, FV_FLOAT64, numbers) != FV_OK)                                      \
    F(copy_in, fv_copy_in(d, FV_FLOAT64, numbers) != FV_OK)                                        \
    F(to_string, strcmp(text_of(d), "tensor(<failed>)") == 0)                                      \
    F(print, printed(d, true))                                                                     \
    F(print_to, printed(d, false))                                                                 \
    F(empty_like, !fv_usable(fv_empty_like(d)))                                                    \
    F(zeros_like, !fv_usable(fv_zeros_like(d)))                                                    \
    F(ones_like, !fv_usable(fv_ones_like(d)))                                                      \
    F(full_like, !fv_usable(fv_full_like(d, 2)))                                                   \
    F(rand_like, !fv_usable(fv_rand_like(d)))                                                      \
    F(randn_like, !fv_usable(fv_randn_like(d)))                                                    \
    F(bernoulli, !fv_usable(fv_bernoulli(d)))                                                      \
    F(expand_to, !fv_usable(fv_expand_to(d, FV_SHAPE(2, 3))))                                      \
    F(permute_to, !fv_usable(fv_permute_to(d, FV_SHAPE(1, 0))))                                    \
    F(scalar_pow, !fv_usable(fv_scalar_pow(2.5, d)))                                               \
    F(scalar_pow_int64, !fv_usable(fv_scalar_pow_int64(2, d)))                                     \
    F(escape, !fv_usable(fv_escape(d)))                                                            \
    F(retain, fv_retain(d) == d)                                                                   \
    F(released, (fv_release(d), true))                                                             \
    F(adopt, !fv_usable(fv_scope_adopt(d)))                                                        \
    F(close_with, hands_back(d))                                                                   \
    F(requires_grad, !fv_usable(fv_requires_grad(d, true)))                                        \
    F(detach, !fv_usable(fv_detach(d)))                                                            \
    F(grad_of, !fv_grad_of(d))                                                                     \
    F(set_grad, fv_set_grad(d, NULL) != FV_OK)                                                     \
    F(set_grad_to, fv_set_grad(x, d) != FV_OK)                                                     \
    F(retains_grad, (retain_grad(d), true))                                                        \
    F(leaf, !fv_is_leaf(d))                                                                        \
    F(fn_name, !fv_grad_fn_name(d))                                                                \
    F(registers, !fv_register_hook(d, hook, NULL))                                                 \
    F(registers_after, !fv_register_post_accumulate_grad_hook(d, after, NULL))                     \
    F(removes, (fv_remove_hook(d, 1), true))                                                       \
    F(backward, fv_backward(d) != FV_OK)                                                           \
    F(backward_by, fv_backward(fv_mul(x, x), d) != FV_OK)                                          \
    F(grad_of_output, !fv_usable(grad_in(d, x)))                                                   \
    F(grad_of_input, !fv_usable(grad_in(x, d)))                                                    \
    F(gradcheck, !fv_gradcheck(self, FV_TENSORS(d)))                                               \
    F(gradgradcheck, !fv_gradgradcheck(self, FV_TENSORS(d)))                                       \
    F(inspect, !fv_inspect_function(self, NULL, FV_TENSORS(d)))                                    \
    F(apply, !fv_usable(fv_apply(fv_find_op("relu"), NULL, 1, &d)))                                \
    F(apply_all, applies(d))                                                                       \
    F(apply_inplace, !fv_usable(fv_apply_inplace(fv_find_op("relu"), NULL, 1, &d)))                \
    F(apply_many, applies_many(d))                                                                 \
    F(forward, forwards(d))                                                                        \
    F(add_parameter, adds(d, true))                                                                \
    F(add_buffer, adds(d, false))                                                                  \
    F(fan_in, fv_init_calculate_fan_in(d) <= 0)                                                    \
    F(fan_out, fv_init_calculate_fan_out(d) <= 0)                                                  \
    F(init_constant, !fv_usable(fv_init_constant_(d, 1)))                                          \
    F(init_ones, !fv_usable(fv_init_ones_(d)))                                                     \
    F(init_zeros, !fv_usable(fv_init_zeros_(d)))                                                   \
    F(init_uniform, !fv_usable(fv_init_uniform_(d)))                                               \
    F(init_normal, !fv_usable(fv_init_normal_(d)))                                                 \
    F(init_kaiming_uniform, !fv_usable(fv_init_kaiming_uniform_(d)))                               \
    F(init_kaiming_normal, !fv_usable(fv_init_kaiming_normal_(d)))                                 \
    F(init_xavier_uniform, !fv_usable(fv_init_xavier_uniform_(d)))                                 \
    F(init_xavier_normal, !fv_usable(fv_init_xavier_normal_(d)))                                   \
    F(sums_over_ranks, fv_all_reduce_(d) != FV_OK)                                                 \
    F(sums_in_a_graph, fv_failed(fv_all_reduce(d)))                                                \
    F(comes_from_rank, fv_broadcast_(d, 0) != FV_OK)                                               \
    F(clips_norm, fv_clip_grad_norm_(FV_TENSORS(d), 1) != 0)                                       \
    F(clips_value, fv_clip_grad_value_(FV_TENSORS(d), 1) != FV_OK)                                 \
    F(sgd, !fv_sgd(FV_TENSORS(d), .lr = 0.1))                                                      \
    F(adam, !fv_adam(FV_TENSORS(d)))                                                               \
    F(adamw, !fv_adamw(FV_TENSORS(d)))                                                             \
    F(add_group, groups(d, x))                                                                     \
    F(tensor_dataset, !fv_tensor_dataset(d, NULL))                                                 \
    F(tensor_dataset_y, !fv_tensor_dataset(x, d))                                                  \
    F(image_dataset, !fv_image_dataset(d, d))                                                      \
    F(decode_image, !fv_usable(fv_decode_image(d)))                                                \
    F(write_image, fv_write_image(d, "dead.png") != FV_OK)                                         \
    F(resize, !fv_usable(fv_resize(d, 2, 2)))                                                      \
    F(print_image, fv_print_image(d) != FV_OK)                                                     \
    F(figures, plots(d))                                                                           \
    F(make_grid, !fv_usable(fv_make_grid(d)))                                                      \
    F(save_image, fv_save_image(d, "dead.png") != FV_OK)                                           \
    F(dataset_get, gets(d))                                                                        \
    F(save_tensors, saves(d))

FUNCTIONS(FUNCTION)

#define ROW(name, ...) {#name, name},
static const struct {
    const char *name;
    function *call;
} functions[] = {FUNCTIONS(ROW)};

START_TEST(every_function_tells_of_a_dead_tensor)
{
    start_listening();
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        for (int how = 0; how < DEATHS; how++) {
            FV_SCOPE;
            set_context("%s of a tensor that %s", functions[k].name, deaths[how]);
            fv_tensor *x = fv_randn(2, 3, .requires_grad = true);
            fv_tensor *dead = dead_like(x, (death)how);
            bool right = functions[k].call(dead, x);
            check_told(dead, (death)how);
            if (!right) note_failure("the answer is not that for a failed tensor");
        }
    fv_set_log(fv_default_log, NULL);
    ck_assert(no_failures());
}
END_TEST

/* fv_failed, which a user asks, has no other name to say. */
START_TEST(failed_tells_of_a_dead_tensor)
{
    FV_SCOPE;
    fv_tensor *x = fv_zeros(2, 3), *dead = dead_like(x, BY_SCOPE);
    fv_set_log(NULL, NULL);
    ck_assert(!fv_failed(x));
    ck_assert(fv_failed(dead));
    ck_assert_str_eq(fv_error(), "the tensor [2,3] was used after its scope closed; fv_retain lets "
                                 "a tensor outlive its scope, fv_escape moves it to the scope "
                                 "around");
    fv_clear_error();
    ck_assert(fv_failed(fv_failed_tensor()) && fv_failed(NULL));
    ck_assert_str_eq(fv_error(), "");
    ck_assert_str_eq(fv_failure_text(fv_failed_tensor()), "[] has failed");
}
END_TEST

Suite *fovea_suite(void)
{
    watch_crashes(120);
    Suite *suite = suite_create("dead handles");
    TCase *told = add_case(suite, "told");
    tcase_add_test(told, every_op_tells_of_every_dead_input);
    tcase_add_test(told, every_op_in_place_or_with_a_number_tells_of_a_dead_tensor);
    tcase_add_test(told, every_function_tells_of_a_dead_tensor);
    tcase_add_test(told, failed_tells_of_a_dead_tensor);
    return suite;
}
