/* Every public function, called with NULL for each of its pointers in turn (and with {NULL, 2} for
 * each list) while its other arguments are good. A call must make an error or be listed below, as
 * its comment in the header says what NULL means there; it must not crash.
 *
 * The calls are made from the headers by null_calls.sh. They run in a child process, so that one
 * that crashes is told and the next ones run. */
#define _GNU_SOURCE /* mkdtemp */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

typedef struct null_call {
    const char *function, *argument;
    void (*run)(void);
} null_call;

#pragma GCC diagnostic ignored "-Wunused-function" /* what no header wants any more */

/* --- good values, by type --------------------------------------------------------------------- */

static fv_tensor *good_tensor(void)
{
    return fv_requires_grad(TENSOR(FV_FLOAT64, FV_SHAPE(2, 2), 1, 2, 3, 4), true);
}

static fv_tensor **good_tensors(void)
{
    static fv_tensor *tensors[8];
    for (int i = 0; i < 8; i++) tensors[i] = good_tensor();
    return tensors;
}

static fv_module *good_module(void)
{
    return fv_sequential(fv_nn_relu());
}

static fv_optim *good_optim(void)
{
    return fv_sgd(FV_TENSORS(good_tensor()));
}

static fv_scheduler *good_scheduler(void)
{
    return fv_step_lr(good_optim(), 1);
}

static fv_dataset *good_dataset(void)
{
    return fv_tensor_dataset(good_tensor(), good_tensor());
}

static fv_loader *good_loader(void)
{
    return fv_loader_new(good_dataset(), 1);
}

/* Has a number of that name, with and without a prefix of that name. */
static fv_state *good_state(void)
{
    fv_state *state = fv_state_new();
    fv_state_put_double(state, NULL, "name", 1);
    fv_state_put_double(state, "name", "name", 1);
    return state;
}

/* One whose file is there. */
static fv_checkpoint *good_checkpoint(void)
{
    fv_checkpoint *checkpoint = fv_checkpoint_new("checkpoint");
    fv_checkpoint_save(checkpoint);
    return checkpoint;
}

static fv_tensor *first_of(fv_tensor *const *in, void *context)
{
    (void)context;
    return in[0];
}

static fv_status good_get(void *context, int64_t index, fv_tensor **x, fv_tensor **y)
{
    (void)context, (void)index;
    *x = *y = good_tensor();
    return FV_OK;
}

static int64_t good_length(void *context)
{
    (void)context;
    return 4;
}

static void good_release(void *context)
{
    (void)context;
}

static fv_tensor *good_hook(fv_tensor *grad, void *context)
{
    (void)context;
    return grad;
}

static void good_after(fv_tensor *leaf, void *context)
{
    (void)leaf, (void)context;
}

static void good_end(fv_status status, void *context)
{
    (void)status, (void)context;
}

static void good_rank(int rank, void *context)
{
    (void)rank, (void)context;
}

static void good_observer(const fv_event *event, void *context)
{
    (void)event, (void)context;
}

static double good_rate(int64_t step, void *context)
{
    (void)step, (void)context;
    return 1;
}

static void good_log(const char *message, void *context)
{
    (void)message, (void)context;
}

static void good_intercept(const fv_op *op, void *options, void *context)
{
    (void)op, (void)options, (void)context;
}

static int frame_text(const void *object, const void *outer, char *text, size_t size)
{
    (void)object, (void)outer;
    return snprintf(text, size, "frame");
}

static const char *frame_type(const void *object)
{
    (void)object;
    return "Frame";
}

static fv_tensor *good_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    return x;
}

static const fv_module_type good_type = {.name = "Good", .forward = good_forward};
static const fv_frame_kind good_kind = {frame_text, frame_type};
static const fv_metadata good_metadata[] = {{"key", "value"}, {NULL, NULL}};
static const char *const good_names[8] = {"a", "b", "c", "d", "e", "f", "g", "h"};
static char room[4096];
static int64_t numbers[8] = {1, 1, 1, 1, 1, 1, 1, 1};
static fv_shape good_shape = {2, {2, 2}};
static fv_gradcheck_report good_report;
static fv_batch good_batch;
static fv_event good_event;
static fv_receptive_field good_field;
static fv_window good_window;

static fv_sizes good_sizes(void)
{
    static const fv_shape none = {.ndim = FV_NO_SHAPE};
    fv_sizes sizes = {.end = (const struct fv_too_many_sizes *)fv_sizes_end, .shape = &none};
    for (int i = 0; i < FV_MAX_DIMS; i++) sizes.n[i] = i < 2 ? 2 : FV_UNSET;
    return sizes;
}

static fv_load_report good_load_report;
static bool good_flag;
static double good_number;

static fv_data_parallel *good_parallel(void)
{
    return fv_distributed_data_parallel(fv_nn_linear(1, 1));
}

static fv_inspection *good_inspection(void)
{
    return fv_inspect(good_module(), 2, 2);
}

static fv_sync_mode *good_sync_mode(void)
{
    static fv_sync_mode mode;
    mode = fv_sync_mode_open(good_parallel(), false);
    return &mode;
}

static fv_scope *good_scope(void)
{
    static fv_scope scope;
    scope = fv_scope_open(&scope);
    return &scope;
}

/* The first op of one input without options. */
static const fv_op *good_op(void)
{
    return fv_find_op("exp");
}

#define GOOD_FILE_p                     stdout
#define GOOD__Bool                      true
#define GOOD__Bool_p                    (&good_flag)
#define GOOD_char_p                     (strcpy(room, "name"))
#define GOOD_char_pp                    good_names
#define GOOD_double                     0.5
#define GOOD_double_p                   (&good_number)
#define GOOD_fv_after_fn                good_after
#define GOOD_fv_batch_p                 (&good_batch)
#define GOOD_fv_checkpoint_p            good_checkpoint()
#define GOOD_fv_data_parallel_p         good_parallel()
#define GOOD_fv_dataset_p               good_dataset()
#define GOOD_fv_dims                    1
#define GOOD_fv_dtype                   FV_FLOAT64
#define GOOD_fv_event_p                 (&good_event)
#define GOOD_fv_figure_p                fv_figure_new()
#define GOOD_fv_frame_kind_p            (&good_kind)
#define GOOD_fv_get_fn                  good_get
#define GOOD_fv_gradcheck_report_p      (&good_report)
#define GOOD_fv_hook_fn                 good_hook
#define GOOD_fv_inspection_p            good_inspection()
#define GOOD_fv_intercept_fn            good_intercept
#define GOOD_fv_length_fn               good_length
#define GOOD_fv_loader_p                good_loader()
#define GOOD_fv_load_report_p           (&good_load_report)
#define GOOD_fv_loader_state            ((fv_loader_state){0})
#define GOOD_fv_log_fn                  good_log
#define GOOD_fv_lr_fn                   good_rate
#define GOOD_fv_metadata_p              good_metadata
#define GOOD_fv_milestones              FV_MILESTONES(1, 2)
#define GOOD_fv_module_p                good_module()
#define GOOD_fv_module_type_p           (&good_type)
#define GOOD_fv_modules                 FV_MODULES(good_module())
#define GOOD_fv_names                   ((fv_names){0})
#define GOOD_fv_observer_fn             good_observer
#define GOOD_fv_op_p                    good_op()
#define GOOD_fv_optim_p                 good_optim()
#define GOOD_fv_pass_end_fn             good_end
#define GOOD_fv_receptive_field_p       (&good_field)
#define GOOD_fv_window_p                (&good_window)
#define GOOD_fv_rank_fn                 good_rank
#define GOOD_fv_sync_mode_p             good_sync_mode()
#define GOOD_fv_post_accumulate_hook_fn good_after
#define GOOD_fv_release_fn              good_release
#define GOOD_fv_rng_state               fv_get_rng_state()
#define GOOD_fv_scheduler_p             good_scheduler()
#define GOOD_fv_scope_p                 good_scope()
#define GOOD_fv_shape                   good_shape
#define GOOD_fv_shape_p                 (&good_shape)
#define GOOD_fv_sizes                   good_sizes()
#define GOOD_fv_state_p                 good_state()
#define GOOD_fv_status                  FV_ERR_STATE
#define GOOD_fv_tensor_file_p           NULL /* every function refuses it by itself */
#define GOOD_fv_tensor_fn               first_of
#define GOOD_fv_tensor_list             FV_TENSORS(good_tensor())
#define GOOD_fv_tensor_p                good_tensor()
#define GOOD_fv_tensor_pp               good_tensors()
#define GOOD_int                        1
#define GOOD_int64_t                    1
#define GOOD_int64_t_p                  numbers
#define GOOD_size_t                     16
#define GOOD_uint64_t                   1
#define GOOD_void_p                     ((void *)room)

#include "null_calls.inc"

enum { CALLS = sizeof null_calls / sizeof *null_calls };

/* --- what NULL means somewhere ---------------------------------------------------------------- */

/* "function argument": documented in the header. Beside them every *_free takes NULL, and a context
 * is handed on unread. */
static const char *const accepted[] = {
    "fv_set_log log",
    "fv_set_conv_algorithm name",
    "fv_failed_in function",
    "fv_failed_in t",
    "fv_usable t",
    "fv_failure_text t",
    "fv_reference_count t",
    "fv_rng_redirect state",
    "fv_sizes_settle function",
    "fv_need_no_error action",
    "fv_need_no_error object",
    "fv_tensor_file_metadata_count file",
    "fv_tensor_file_metadata_at file",
    "fv_printable out",
    "fv_printable text",
    "fv_save_ex metadata",
    "fv_load_ex prefix",
    "fv_load_ex report",
    "fv_default_log text",
    "fv_warn format",
    "fv_figure_new_ex title",
    "fv_figure_new_ex x_label",
    "fv_figure_new_ex y_label",
    "fv_plot_image_ex name",
    "fv_plot_image_ex note",
    "fv_print_image_ex file",
    "fv_image_folder_classes dataset",
    "fv_image_folder_class dataset",
    "fv_image_folder_path dataset",
    "fv_last_use t",
    "fv_retain t",
    "fv_release t",
    "fv_scope_adopt t",
    "fv_scope_close_with t",
    "fv_failed t",
    "fv_shape_of t",
    "fv_ndim t",
    "fv_numel t",
    "fv_dtype_of t",
    "fv_size t",
    "fv_is_contiguous t",
    "fv_is_channels_last t",
    "fv_is_dense t",
    "fv_is_shapes_only t",
    "fv_version t",
    "fv_need_elements function",
    "fv_tensor_alloc strides",
    "fv_tensor_alloc_as strides",
    "fv_from_blob release",
    "fv_frame_push object",
    "fv_frame_forget object",
    "fv_frame_path text",
    "fv_frame_push_place place",
    "fv_to_string t",
    "fv_print_to t",
    "fv_print t",
    "fv_tensor_file_count file",
    "fv_tensor_file_name file",
    "fv_tensor_file_shape file",
    "fv_tensor_file_type file",
    "fv_tensor_file_find file",
    "fv_tensor_file_find name",
    "fv_tensor_file_metadata file",
    "fv_tensor_file_metadata key",
    "fv_grad_of t",
    "fv_set_grad grad",
    "fv_is_leaf t",
    "fv_grad_fn_name t",
    "fv_gradcheck_ex function",
    "fv_gradcheck_ex inputs",
    "fv_gradcheck_ex report",
    "fv_gradgradcheck_ex function",
    "fv_gradgradcheck_ex inputs",
    "fv_gradgradcheck_ex report",
    "fv_set_isa_named name",
    "fv_apply options",
    "fv_apply_all options",
    "fv_apply_many options",
    "fv_set_intercept function",
    "fv_text t",
    "fv_options_text options",
    "fv_options_text text",
    "fv_span_begin name",
    "fv_cross_entropy_ex weight",
    "fv_binary_cross_entropy_with_logits_ex weight",
    "fv_binary_cross_entropy_with_logits_ex pos_weight",
    "fv_linear_ex bias",
    "fv_nn_residual_ex shortcut",
    "fv_adaptive_max_pool1d_ex indices",
    "fv_max_dim indices",
    "fv_min_dim indices",
    "fv_module_finish m",
    "fv_is_training m",
    "fv_module_context m",
    "fv_module_const_context m",
    "fv_module_name m",
    "fv_module_tensor m",
    "fv_module_tensor name",
    "fv_child_count m",
    "fv_module_to_string m",
    "fv_print_module m",
    "fv_field_text text",
    "fv_inspection_layers inspection",
    "fv_inspection_layer inspection",
    "fv_inspection_memory_of inspection",
    "fv_inspection_print file",
    "fv_summary_ex file",
    "fv_data_parallel_get_times parallel",
    "fv_sync_mode_close mode",
    "fv_optim_group_count optim",
    "fv_scheduler_last_epoch scheduler",
    "fv_dataset_new_ex release",
    "fv_tensor_dataset y",
    "fv_dataset_size dataset",
    "fv_dataset_get y",
    "fv_loader_batches loader",
    "fv_loader_get_state loader",
    "fv_free_null null",
    "fv_state_put_tensor prefix",
    "fv_state_put_int prefix",
    "fv_state_put_double prefix",
    "fv_state_put_bool prefix",
    "fv_state_put_text prefix",
    "fv_state_tensor state",
    "fv_state_tensor prefix",
    "fv_state_tensor name",
    "fv_state_text state",
    "fv_state_text prefix",
    "fv_state_text name",
    "fv_state_int prefix",
    "fv_state_double prefix",
    "fv_state_bool prefix",
    "fv_state_count state",
    "fv_state_name state",
    "fv_optim_get_state prefix",
    "fv_scheduler_get_state prefix",
    "fv_checkpoint_new_ex module",
    "fv_checkpoint_new_ex optim",
    "fv_checkpoint_new_ex scheduler",
    "fv_checkpoint_new_ex loader",
    "fv_checkpoint_add_ex module",
    "fv_checkpoint_add_ex optim",
    "fv_checkpoint_add_ex scheduler",
    "fv_checkpoint_add_ex loader",
    "fv_checkpoint_load_ex path",
    "fv_checkpoint_exists checkpoint",
    "fv_checkpoint_best checkpoint",
    NULL,
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool is_listed(const null_call *c)
{
    char name[128];
    snprintf(name, sizeof name, "%s %s", c->function, c->argument);
    for (int i = 0; accepted[i]; i++)
        if (strcmp(accepted[i], name) == 0) return true;
    return false;
}

static bool may_be_null(const null_call *c)
{
    return is_listed(c) || ends_with(c->function, "_free") || strcmp(c->argument, "context") == 0;
}

/* --- running them ----------------------------------------------------------------------------- */

/* Calls from `first` on, a byte of answer each: does an error stand? */
static void answer(int first, int out)
{
    char folder[] = "/tmp/fovea_nulls_XXXXXX";
    if (!mkdtemp(folder) || chdir(folder) != 0 || !freopen("/dev/null", "w", stdout)) _exit(3);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    fv_set_log(NULL, NULL);
    for (int i = first; i < CALLS; i++) {
        FV_SCOPE;
        null_calls[i].run();
        const char refused = fv_error_status() != FV_OK;
        fv_clear_error();
        fv_set_log(NULL, NULL);
        if (write(out, &refused, 1) != 1) _exit(3);
    }
    _exit(0);
}

static int refused_calls, accepted_calls;

static void judge(const null_call *c, bool refused)
{
    set_context("%s(%s = NULL)", c->function, c->argument);
    refused_calls += refused;
    accepted_calls += !refused;
    if (!refused && !may_be_null(c)) note_failure("accepted, and not documented");
    if (refused && is_listed(c)) note_failure("refused, but listed as accepted");
}

/* Reads answers until the child ends; returns the number of the call that it did not survive. */
static int run_from(int first)
{
    int ends[2], status, at = first;
    char refused;
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(ends[0]);
        answer(first, ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &refused, 1) == 1) judge(&null_calls[at++], refused != 0);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return at;
}

START_TEST(null_is_refused_or_documented)
{
    for (int at = run_from(0); at < CALLS; at = run_from(at + 1)) {
        set_context("%s(%s = NULL)", null_calls[at].function, null_calls[at].argument);
        note_failure("crashes");
    }
    printf("%d calls with NULL: %d refused, %d accepted as documented\n", CALLS, refused_calls,
           accepted_calls);
    ck_assert_int_gt(CALLS, 400);
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("NULL");
    TCase *calls = add_case(suite, "calls");
    tcase_add_test(calls, null_is_refused_or_documented);
    return suite;
}
