/* Every case of every op: the contract, and the values.
 *
 * The reference twin (the same call by plain loops, on contiguous inputs) is the oracle; the
 * kernels must agree with it in both floating types, in every memory order, at every
 * instruction-set level and with every number of threads. Gradients are tested in
 * test_ops_gradients.c. */
#include <stdio.h>
#include <string.h>

#include "support.h"
#include "tensor/kernels/isa.h"

enum { ALL_INPUTS = 0xffff };

typedef void (*case_fn)(const op_case *c, fv_dtype floating);

/* Calls fn on every case, in both floating types where the case has floating inputs. */
static void for_each_case(const char *what, case_fn fn)
{
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
            if (d == FV_FLOAT64 && !case_is_floating(c)) continue;
            set_case_context(c, "%s, %s", fv_dtype_name(d), what);
            {
                FV_SCOPE;
                fn(c, d);
            }
            if (fv_error()[0]) note_failure("an error was left standing: %s", fv_error());
            fv_clear_error();
        }
    }
    ck_assert(no_failures());
}

static void note_refusal(void)
{
    note_failure("refused: %s", fv_error());
    fv_clear_error();
}

/* Runs the case and returns the number of outputs; 0, after a note, when it fails. */
static int run(const op_case *c, fv_tensor *const *x, fv_tensor **y)
{
    int outputs = case_run(c, x, y);
    if (outputs == 0) note_refusal();
    return outputs;
}

/* The oracle: the twin on contiguous inputs whose values suit `order`. Also gives the inputs as
 * the call left them, since some ops write to their buffers. */
static int run_twin(const op_case *c, fv_dtype floating, layout order, fv_tensor **x, fv_tensor **y)
{
    case_inputs(c, floating, order, 0, false, x);
    int outputs = case_run_twin(c, x, y);
    if (outputs == 0) note_refusal();
    return outputs;
}

static void compare_outputs(const op_case *c, fv_dtype floating, fv_tensor *const *found,
                            fv_tensor *const *wanted, const char *where)
{
    char message[256];
    for (int j = 0; j < CASE_OUTPUTS && (found[j] || wanted[j]); j++) {
        if (!found[j] || !wanted[j])
            note_failure("%s: output %d is missing", where, j);
        else if (!tensors_close(found[j], wanted[j], case_tolerance(c, floating), message,
                                sizeof message))
            note_failure("%s: output %d %s", where, j, message);
    }
}

static void compare_inputs(const op_case *c, fv_dtype floating, fv_tensor *const *found,
                           fv_tensor *const *wanted, const char *where)
{
    char message[256];
    for (int i = 0; i < c->inputs; i++)
        if (found[i] && !tensors_close(found[i], wanted[i], case_tolerance(c, floating), message,
                                       sizeof message))
            note_failure("%s: input %d after the call %s", where, i, message);
}

/* --- the contract ----------------------------------------------------------------------------- */

/* Messages, printing and export speak of inputs and options by the user's names. */
static void check_description(const fv_op *op)
{
    int inputs = op->inputs == FV_ANY ? 1 : op->inputs;
    for (int i = 0; i < inputs && i < FV_MAX_SAVED_INPUTS; i++)
        if (!op->input[i].name) note_failure("input %d has no name", i);
    if (op->options_size > 0 && (!op->option_fields || !op->option_fields->name))
        note_failure("has options that are not described");
    for (const fv_option *f = op->option_fields; f && f->name; f++) {
        if (f->offset >= op->options_size) note_failure("%s lies outside of the options", f->name);
        if ((f->kind == FV_OPTION_ENUM) != (f->values != NULL))
            note_failure("%s: an enum has values, nothing else", f->name);
        for (const fv_option *other = op->option_fields; other < f; other++)
            if (strcmp(other->name, f->name) == 0) note_failure("two options are %s", f->name);
    }
}

START_TEST(every_op_keeps_the_contract)
{
    int count = 0;
    const char *before = "";
    for (const fv_op_entry *e = fv_ops(); e; e = e->next, count++) {
        const fv_op *op = e->op;
        set_context("%s", op->name);
        if (strcmp(before, op->name) >= 0) note_failure("comes after %s in the registry", before);
        before = op->name;
        if (fv_find_op(op->name) != op) note_failure("fv_find_op finds another op");
        if (!op->infer) note_failure("has no infer");
        if (!op->gradient) note_failure("has no gradient (FV_NO_GRADIENT says that on purpose)");
        if (op->forward && !op->reference) note_failure("has no reference twin");
        check_description(op);
        if (op->outputs != FV_ANY && (op->outputs < 1 || op->outputs > FV_MAX_OUTPUTS))
            note_failure("has %d outputs", op->outputs);
    }
    ck_assert_int_gt(count, 0);
    ck_assert_ptr_null(fv_find_op("no such op"));
    ck_assert(no_failures());
}
END_TEST

START_TEST(every_case_is_well_formed)
{
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        set_case_context(c, "the case");
        if (!fv_find_op(c->op)) note_failure("there is no such op");
        if (c->inputs < 1 || c->inputs > CASE_INPUTS) note_failure("%d inputs", c->inputs);
        for (const op_case *d = next_case(c); d && strcmp(c->op, d->op) == 0; d = next_case(d))
            if (strcmp(c->name, d->name) == 0) note_failure("the name is not unique");
    }
    ck_assert(no_failures());
}
END_TEST

/* Which ops some case has run, forward, in a gradient or in the gradient of one. */
static const fv_op *seen[1024];
static int seen_count;

static void add_seen(const op_record *record)
{
    for (int k = 0; k < record->count; k++) {
        int at = 0;
        while (at < seen_count && seen[at] != record->op[k]) at++;
        if (at == seen_count && seen_count < (int)(sizeof seen / sizeof seen[0]))
            seen[seen_count++] = record->op[k];
    }
}

static bool is_seen(const fv_op *op)
{
    for (int k = 0; k < seen_count; k++)
        if (seen[k] == op) return true;
    return false;
}

/* A backward that leaves a graph, and one through that. */
static void run_gradients(const op_case *c, fv_tensor *const *x, fv_tensor *const *y)
{
    fv_tensor *vary[CASE_INPUTS], *first[CASE_INPUTS];
    int64_t count = 0;
    for (int i = 0; i < c->inputs; i++)
        if (x[i] && x[i]->requires_grad) vary[count++] = x[i];
    fv_tensor_list list = {vary, count};
    for (int j = 0; j < CASE_OUTPUTS && y[j]; j++) {
        if (!y[j]->requires_grad) continue;
        fv_tensor *seed = fv_requires_grad(fixed_gradient_like(y[j], j), true);
        if (fv_grad(FV_TENSORS(y[j]), list, first, .grad_outputs = FV_TENSORS(seed),
                    .create_graph = true, .allow_unused = true) != FV_OK)
            note_refusal();
        if (fv_backward(y[j], seed, .retain_graph = true) != FV_OK) note_refusal();
        for (int k = 0; k < count; k++) {
            if (fv_failed(first[k]) || !first[k]->requires_grad) continue;
            fv_tensor *second = fixed_gradient_like(first[k], 1);
            if (fv_backward(first[k], second, .retain_graph = true) != FV_OK) note_refusal();
        }
    }
}

/* Some calls do nothing in one floating type, such as a conversion to it. */
static bool op_ran;

static void record_case(const op_case *c, fv_dtype floating)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    op_record record = {0};
    if (floating == FV_FLOAT32) op_ran = false;
    case_inputs(c, floating, LAYOUT_CONTIGUOUS, 0, true, x);
    start_recording(&record);
    int outputs = run(c, x, y);
    op_ran |= was_recorded(&record, c->op);
    if (outputs) run_gradients(c, x, y);
    stop_recording(&record);
    add_seen(&record);
    bool last = floating == FV_FLOAT64 || !case_is_floating(c);
    if (last && !op_ran) note_failure("%s was not run", c->op);
}

START_TEST(every_case_runs_its_op_and_every_op_is_run)
{
    seen_count = 0;
    for_each_case("ops that run", record_case);
    for (const fv_op_entry *e = fv_ops(); e && all_cases_are_wanted(); e = e->next) {
        set_context("%s", e->op->name);
        if (!is_seen(e->op)) note_failure("no case runs this op");
    }
    ck_assert(no_failures());
}
END_TEST

/* --- values ----------------------------------------------------------------------------------- */

/* An op without forward makes nothing but views, if it ran alone. */
static void check_views(const op_case *c, const op_record *record, fv_tensor *const *x,
                        fv_tensor *const *y)
{
    if (record->calls != 1 || record->op[0]->forward) return;
    for (int j = 0; j < CASE_OUTPUTS && y[j]; j++)
        if (y[j]->storage != x[0]->storage && y[j]->numel > 0)
            note_failure("%s has no forward, but output %d is no view", c->op, j);
}

static void check_twin(const op_case *c, fv_dtype floating)
{
    fv_tensor *x[CASE_INPUTS], *twin_x[CASE_INPUTS], *y[CASE_OUTPUTS], *wanted[CASE_OUTPUTS];
    op_record record = {0};
    case_inputs(c, floating, LAYOUT_CONTIGUOUS, 0, false, x);
    start_recording(&record);
    int outputs = run(c, x, y);
    stop_recording(&record);
    if (outputs == 0) return;
    check_views(c, &record, x, y);
    if (!run_twin(c, floating, LAYOUT_CONTIGUOUS, twin_x, wanted)) return;
    compare_outputs(c, floating, y, wanted, "kernel and twin");
    compare_inputs(c, floating, x, twin_x, "kernel and twin");
}

START_TEST(kernels_agree_with_their_reference_twins)
{
    for_each_case("twin", check_twin);
}
END_TEST

/* The inputs that come in the unusual order: all, the first alone, all but the first. */
static const uint32_t masks[] = {ALL_INPUTS, FV_IN(0), ALL_INPUTS & ~FV_IN(0)};

static bool order_matters(const op_case *c, layout order, uint32_t which)
{
    for (int i = 0; i < c->inputs; i++)
        if ((which & FV_IN(i)) && !c->in[i].absent && layout_fits(order, &c->in[i].shape))
            return true;
    return false;
}

/* The twin, too, takes any strides. */
static void compare_strided_twin(const op_case *c, fv_dtype floating, layout order, uint32_t which,
                                 fv_tensor *const *wanted)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    case_inputs(c, floating, order, which, false, x);
    if (case_run_twin(c, x, y) == 0)
        note_refusal();
    else
        compare_outputs(c, floating, y, wanted, "strided twin");
}

static void check_layout(const op_case *c, fv_dtype floating, layout order)
{
    fv_tensor *x[CASE_INPUTS], *twin_x[CASE_INPUTS], *y[CASE_OUTPUTS], *wanted[CASE_OUTPUTS];
    if (!run_twin(c, floating, order, twin_x, wanted)) return;
    bool fixed = !follows_memory_order(c);
    for (int m = 0; m < (c->inputs > 1 ? 3 : 1); m++) {
        if (!order_matters(c, order, masks[m])) continue;
        char where[64];
        snprintf(where, sizeof where, "%s, inputs %#x", layout_name(order), masks[m]);
        case_inputs(c, floating, order, masks[m], false, x);
        if (!run(c, x, y)) continue;
        compare_inputs(c, floating, x, twin_x, where);
        if (fixed) compare_outputs(c, floating, y, wanted, where);
        compare_strided_twin(c, floating, order, masks[m], fixed ? wanted : y);
    }
}

static void check_layouts(const op_case *c, fv_dtype floating)
{
    for (int order = 0; order < LAYOUT_COUNT; order++) {
        FV_SCOPE;
        check_layout(c, floating, (layout)order);
    }
}

START_TEST(every_memory_order_gives_the_same_values)
{
    for_each_case("memory order", check_layouts);
}
END_TEST

static void check_levels(const op_case *c, fv_dtype floating)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS], *wanted[CASE_OUTPUTS];
    fv_isa before = fv_isa_level();
    bool ready = run_twin(c, floating, LAYOUT_CONTIGUOUS, x, wanted) > 0;
    for (fv_isa level = 0; ready && level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        for (int order = LAYOUT_CONTIGUOUS; order <= LAYOUT_CHANNELS_LAST; order++) {
            if (order != LAYOUT_CONTIGUOUS && follows_memory_order(c)) break;
            case_inputs(c, floating, (layout)order, ALL_INPUTS, false, x);
            if (run(c, x, y)) compare_outputs(c, floating, y, wanted, fv_isa_name(level));
        }
    }
    fv_set_isa(before);
}

START_TEST(every_instruction_set_gives_the_same_values)
{
    for_each_case("instruction set", check_levels);
}
END_TEST

static void check_repetition(const op_case *c, fv_dtype floating)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS], *again[CASE_OUTPUTS];
    case_inputs(c, floating, LAYOUT_CONTIGUOUS, 0, false, x);
    if (!run(c, x, y)) return;
    case_inputs(c, floating, LAYOUT_CONTIGUOUS, 0, false, x);
    if (!run(c, x, again)) return;
    for (int j = 0; j < CASE_OUTPUTS && y[j]; j++)
        if (!again[j] || !tensors_same(y[j], again[j])) note_failure("output %d has other bits", j);
}

START_TEST(a_second_run_gives_the_same_bits)
{
    for_each_case("second run", check_repetition);
}
END_TEST

static void compare_bits(fv_tensor *const *found, fv_tensor *const *wanted, const char *where)
{
    for (int j = 0; j < CASE_OUTPUTS && found[j] && wanted[j]; j++)
        if (!tensors_same(found[j], wanted[j]))
            note_failure("%s: output %d has other bits than with one", where, j);
}

static void check_threads(const op_case *c, fv_dtype floating)
{
    static const int numbers[] = {1, 2, 3, 8};
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS], *wanted[CASE_OUTPUTS];
    for (int order = LAYOUT_CONTIGUOUS; order <= LAYOUT_CHANNELS_LAST; order++) {
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            char where[32];
            snprintf(where, sizeof where, "%d threads", numbers[k]);
            fv_set_num_threads(numbers[k]);
            force_threads(numbers[k]);
            case_inputs(c, floating, (layout)order, ALL_INPUTS, false, x);
            if (!run(c, x, k == 0 ? wanted : y)) break;
            if (k == 0) continue;
            compare_outputs(c, floating, y, wanted, where);
            compare_bits(y, wanted, where);
        }
    }
    force_threads(0);
}

START_TEST(every_number_of_threads_gives_the_same_bits)
{
    int before = fv_get_num_threads();
    if (!force_threads(0)) printf("this linker cannot force threads on small work\n");
    for_each_case("threads", check_threads);
    fv_set_num_threads(before);
}
END_TEST

/* --- failed tensors --------------------------------------------------------------------------- */

static void check_failed_output(fv_tensor *const *y, int outputs, int i)
{
    if (outputs > 0) note_failure("input %d: no error", i);
    for (int j = 0; j < CASE_OUTPUTS && y[j]; j++)
        if (y[j] != fv_failed_tensor()) note_failure("input %d: output %d is not failed", i, j);
    if (strcmp(fv_error(), "first: the first mistake") != 0)
        note_failure("input %d: the message became \"%s\"", i, fv_error());
}

static void check_failed_input(const op_case *c, fv_dtype floating)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    char difference[128];
    for (int i = 0; i < c->inputs; i++) {
        case_inputs(c, floating, LAYOUT_CONTIGUOUS, 0, true, x);
        if (!x[i]) continue;
        fv_fail(FV_ERR_SHAPE, "first: the first mistake");
        x[i] = fv_failed_tensor();
        memory_mark mark = mark_memory();
        {
            FV_SCOPE;
            check_failed_output(y, case_run(c, x, y), i);
        }
        if (!same_memory(mark, difference, sizeof difference))
            note_failure("input %d: leaks %s", i, difference);
        fv_clear_error();
    }
}

START_TEST(a_failed_input_gives_a_failed_output_and_keeps_the_message)
{
    for_each_case("failed input", check_failed_input);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("ops");
    TCase *values = add_case(suite, "values");
    tcase_add_test(values, every_op_keeps_the_contract);
    tcase_add_test(values, every_case_is_well_formed);
    tcase_add_test(values, every_case_runs_its_op_and_every_op_is_run);
    tcase_add_test(values, kernels_agree_with_their_reference_twins);
    tcase_add_test(values, a_second_run_gives_the_same_bits);
    tcase_add_test(values, a_failed_input_gives_a_failed_output_and_keeps_the_message);
    TCase *layouts = add_case(suite, "layouts");
    tcase_add_test(layouts, every_memory_order_gives_the_same_values);
    TCase *machine = add_case(suite, "machine");
    tcase_add_test(machine, every_instruction_set_gives_the_same_values);
    tcase_add_test(machine, every_number_of_threads_gives_the_same_bits);
    return suite;
}
