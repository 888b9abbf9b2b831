/* Every op of the registry on every case: the contract, and the values.
 *
 * The reference twin (plain loops on contiguous inputs) is the oracle; the kernels must agree with
 * it in both floating types, in every memory order, at every instruction-set level and with every
 * number of threads. Gradients are tested in test_ops_gradients.c. */
#include <stdio.h>
#include <string.h>

#include "support.h"
#include "tensor/kernels/isa.h"

enum { ALL_INPUTS = 0xffff };

typedef void (*case_fn)(const fv_op *op, const fv_case *c, fv_dtype floating);

/* Calls fn on every case, in both floating types where the case has floating inputs. */
static void for_each_case(const char *what, case_fn fn)
{
    fv_set_log(NULL, NULL);
    for (const fv_op_entry *e = next_op(NULL); e; e = next_op(e)) {
        for (const fv_case *c = e->op->cases; c && c->name; c++) {
            for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
                if (d == FV_FLOAT64 && !case_is_floating(c)) continue;
                set_context("%s/%s %s: %s", e->op->name, c->name, fv_dtype_name(d), what);
                FV_SCOPE
                    fn(e->op, c, d);
                if (fv_error()[0]) note_failure("an error was left standing: %s", fv_error());
                fv_clear_error();
            }
        }
    }
    ck_assert(no_failures());
}

/* Runs the case; false, after a note, when it fails. */
static bool run(const fv_op *op, const fv_case *c, fv_tensor *const *in, fv_tensor **out)
{
    if (case_apply(op, c, in, out) == FV_OK) return true;
    note_failure("refused: %s", fv_error());
    fv_clear_error();
    return false;
}

static void compare_outputs(const fv_op *op, const fv_case *c, fv_dtype floating,
                            fv_tensor *const *found, fv_tensor *const *wanted, const char *where)
{
    char message[256];
    for (int j = 0; j < op->outputs; j++)
        if (!tensors_close(found[j], wanted[j], case_tolerance(c, floating), message,
                           sizeof message))
            note_failure("%s: output %d: %s", where, j, message);
}

/* The oracle: the twin on contiguous inputs whose values suit `order`. Also gives the inputs as
 * the call left them, since some ops write to their buffers. */
static bool run_twin(const fv_op *op, const fv_case *c, fv_dtype floating, layout order,
                     fv_tensor **in, fv_tensor **out)
{
    static fv_op twin; /* no tape is recorded, so nothing points at it later */
    twin = reference_twin(op);
    case_inputs(op, c, floating, order, 0, false, in);
    return run(&twin, c, in, out);
}

static void compare_inputs(const fv_op *op, const fv_case *c, fv_dtype floating,
                           fv_tensor *const *found, fv_tensor *const *wanted, const char *where)
{
    char message[256];
    (void)op;
    for (int i = 0; i < c->inputs; i++)
        if (found[i] && !tensors_close(found[i], wanted[i], case_tolerance(c, floating), message,
                                       sizeof message))
            note_failure("%s: input %d after the call: %s", where, i, message);
}

/* --- the contract ----------------------------------------------------------------------------- */

static void check_cases(const fv_op *op)
{
    if (!op->cases || !op->cases->name) {
        note_failure("has no cases");
        return;
    }
    for (const fv_case *c = op->cases; c->name; c++) {
        set_context("%s/%s", op->name, c->name);
        if (c->inputs < 0 || c->inputs > FV_MAX_SAVED_INPUTS)
            note_failure("%d inputs in a case", c->inputs);
        if (op->inputs != FV_ANY && c->inputs != op->inputs)
            note_failure("%d inputs, the op has %d", c->inputs, op->inputs);
        if (op->options_size > 0 && !c->options) note_failure("options are missing");
        for (const fv_case *other = op->cases; other < c; other++)
            if (strcmp(other->name, c->name) == 0) note_failure("the name is not unique");
    }
}

START_TEST(every_op_keeps_the_contract)
{
    int count = 0;
    const char *before = "";
    for (const fv_op_entry *e = next_op(NULL); e; e = next_op(e), count++) {
        const fv_op *op = e->op;
        set_context("%s", op->name);
        if (strcmp(before, op->name) >= 0) note_failure("comes after %s in the registry", before);
        before = op->name;
        if (fv_find_op(op->name) != op) note_failure("fv_find_op finds another op");
        if (!op->infer) note_failure("has no infer");
        if (!op->gradient) note_failure("has no gradient (FV_NO_GRADIENT says that on purpose)");
        if (op->forward && !op->reference) note_failure("has no reference twin");
        if (op->outputs < 1 || op->outputs > FV_MAX_OUTPUTS)
            note_failure("has %d outputs", op->outputs);
        check_cases(op);
    }
    ck_assert_int_gt(count, 0);
    ck_assert_ptr_null(fv_find_op("no such op"));
    ck_assert(no_failures());
}
END_TEST

/* --- values ----------------------------------------------------------------------------------- */

static void check_twin(const fv_op *op, const fv_case *c, fv_dtype floating)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *twin_in[FV_MAX_SAVED_INPUTS];
    fv_tensor *out[FV_MAX_OUTPUTS], *wanted[FV_MAX_OUTPUTS];
    case_inputs(op, c, floating, LAYOUT_CONTIGUOUS, 0, false, in);
    if (!run(op, c, in, out)) return;
    for (int j = 0; j < op->outputs; j++)
        if (!op->forward && out[j]->storage != in[0]->storage && out[j]->numel > 0)
            note_failure("has no forward, but output %d is no view", j);
    if (!run_twin(op, c, floating, LAYOUT_CONTIGUOUS, twin_in, wanted)) return;
    compare_outputs(op, c, floating, out, wanted, "kernel and twin");
    compare_inputs(op, c, floating, in, twin_in, "kernel and twin");
}

START_TEST(kernels_agree_with_their_reference_twins)
{
    for_each_case("twin", check_twin);
}
END_TEST

/* The inputs that come in the unusual order: all, the first alone, all but the first. */
static const uint32_t masks[] = {ALL_INPUTS, FV_IN(0), ALL_INPUTS & ~FV_IN(0)};

static bool order_matters(const fv_case *c, layout order, uint32_t which)
{
    for (int i = 0; i < c->inputs; i++)
        if ((which & FV_IN(i)) && !c->in[i].absent && layout_fits(order, &c->in[i].shape))
            return true;
    return false;
}

/* The twin, too, takes any strides. */
static void compare_strided_twin(const fv_op *op, const fv_case *c, fv_dtype floating, layout order,
                                 uint32_t which, fv_tensor *const *wanted)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS];
    static fv_op twin;
    twin = reference_twin(op);
    case_inputs(op, c, floating, order, which, false, in);
    if (run(&twin, c, in, out)) compare_outputs(op, c, floating, out, wanted, "strided twin");
}

static void check_layout(const fv_op *op, const fv_case *c, fv_dtype floating, layout order)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *twin_in[FV_MAX_SAVED_INPUTS];
    fv_tensor *out[FV_MAX_OUTPUTS], *wanted[FV_MAX_OUTPUTS];
    if (!run_twin(op, c, floating, order, twin_in, wanted)) return;
    bool fixed = !follows_memory_order(op);
    for (int m = 0; m < (c->inputs > 1 ? 3 : 1); m++) {
        if (!order_matters(c, order, masks[m])) continue;
        char where[64];
        snprintf(where, sizeof where, "%s, inputs %#x", layout_name(order), masks[m]);
        case_inputs(op, c, floating, order, masks[m], false, in);
        if (!run(op, c, in, out)) {
            note_failure("%s", where);
            continue;
        }
        compare_inputs(op, c, floating, in, twin_in, where);
        if (fixed) compare_outputs(op, c, floating, out, wanted, where);
        compare_strided_twin(op, c, floating, order, masks[m], fixed ? wanted : out);
    }
}

static void check_layouts(const fv_op *op, const fv_case *c, fv_dtype floating)
{
    for (int order = 0; order < LAYOUT_COUNT; order++)
        FV_SCOPE
            check_layout(op, c, floating, (layout)order);
}

START_TEST(every_memory_order_gives_the_same_values)
{
    for_each_case("memory order", check_layouts);
}
END_TEST

static void check_levels(const fv_op *op, const fv_case *c, fv_dtype floating)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS], *wanted[FV_MAX_OUTPUTS];
    fv_isa before = fv_isa_level();
    bool ready = run_twin(op, c, floating, LAYOUT_CONTIGUOUS, in, wanted);
    for (fv_isa level = 0; ready && level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        for (int order = LAYOUT_CONTIGUOUS; order <= LAYOUT_CHANNELS_LAST; order++) {
            if (order != LAYOUT_CONTIGUOUS && follows_memory_order(op)) break;
            case_inputs(op, c, floating, (layout)order, ALL_INPUTS, false, in);
            if (run(op, c, in, out))
                compare_outputs(op, c, floating, out, wanted, fv_isa_name(level));
        }
    }
    fv_set_isa(before);
}

START_TEST(every_instruction_set_gives_the_same_values)
{
    for_each_case("instruction set", check_levels);
}
END_TEST

static void check_repetition(const fv_op *op, const fv_case *c, fv_dtype floating)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS], *again[FV_MAX_OUTPUTS];
    case_inputs(op, c, floating, LAYOUT_CONTIGUOUS, 0, false, in);
    if (!run(op, c, in, out)) return;
    case_inputs(op, c, floating, LAYOUT_CONTIGUOUS, 0, false, in);
    if (!run(op, c, in, again)) return;
    for (int j = 0; j < op->outputs; j++)
        if (!tensors_same(out[j], again[j])) note_failure("output %d has other bits", j);
}

START_TEST(a_second_run_gives_the_same_bits)
{
    for_each_case("second run", check_repetition);
}
END_TEST

static int other_bits;

static void check_threads(const fv_op *op, const fv_case *c, fv_dtype floating)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS], *wanted[FV_MAX_OUTPUTS];
    for (int order = LAYOUT_CONTIGUOUS; order <= LAYOUT_CHANNELS_LAST; order++) {
        for (int threads = 1; threads <= 3; threads++) {
            char where[32];
            snprintf(where, sizeof where, "%d threads", threads);
            fv_set_num_threads(threads);
            force_threads(threads);
            case_inputs(op, c, floating, (layout)order, ALL_INPUTS, false, in);
            if (!run(op, c, in, threads == 1 ? wanted : out)) break;
            if (threads == 1) continue;
            compare_outputs(op, c, floating, out, wanted, where);
            for (int j = 0; j < op->outputs; j++) {
                if (tensors_same(out[j], wanted[j])) continue;
                other_bits++;
                printf("other bits with %s: %s/%s %s\n", where, op->name, c->name,
                       fv_dtype_name(floating));
            }
        }
    }
    force_threads(0);
}

START_TEST(every_number_of_threads_gives_the_same_values)
{
    int before = fv_get_num_threads();
    other_bits = 0;
    if (!force_threads(0)) printf("this linker cannot force threads on small work\n");
    for_each_case("threads", check_threads);
    fv_set_num_threads(before);
    printf("outputs whose last bits depend on the number of threads: %d\n", other_bits);
}
END_TEST

/* --- failed tensors --------------------------------------------------------------------------- */

static void check_failed_input(const fv_op *op, const fv_case *c, fv_dtype floating)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS] = {NULL};
    for (int i = 0; i < c->inputs; i++) {
        case_inputs(op, c, floating, LAYOUT_CONTIGUOUS, 0, true, in);
        if (!in[i]) continue;
        memory_mark mark = mark_memory();
        char difference[128];
        fv_fail(FV_ERR_SHAPE, "first: the first mistake");
        in[i] = fv_failed_tensor();
        if (case_apply(op, c, in, out) == FV_OK) note_failure("input %d: FV_OK", i);
        for (int j = 0; j < op->outputs; j++)
            if (out[j] != fv_failed_tensor())
                note_failure("input %d: output %d is not failed", i, j);
        if (strcmp(fv_error(), "first: the first mistake") != 0)
            note_failure("input %d: the message became \"%s\"", i, fv_error());
        if (!same_memory(mark, difference, sizeof difference)) note_failure("%s", difference);
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
    tcase_add_test(values, kernels_agree_with_their_reference_twins);
    tcase_add_test(values, a_second_run_gives_the_same_bits);
    tcase_add_test(values, a_failed_input_gives_a_failed_output_and_keeps_the_message);
    TCase *layouts = add_case(suite, "layouts");
    tcase_add_test(layouts, every_memory_order_gives_the_same_values);
    TCase *machine = add_case(suite, "machine");
    tcase_add_test(machine, every_instruction_set_gives_the_same_values);
    tcase_add_test(machine, every_number_of_threads_gives_the_same_values);
    return suite;
}
