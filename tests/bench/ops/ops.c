/* Ops, timed: Fovea's side of ops.sh.
 *
 *   ops --list               what there is to time, one JSON object a line
 *   ops --peaks THREADS      the peaks of the machine
 *   ops --check              each case once, at its smallest size; the ops that ran
 *   ops --bits ELEMENTS      each case whose inputs have no more: the same bits at 1 to 16 threads?
 *   ops                      answers the lines of its standard input
 *
 * "set NUMBER FILE" takes one of the list and writes its inputs to FILE, as x0, x1, ... and g, the
 * gradient of the result. "time PASS THREADS WARM_UP STEPS" gives the milliseconds of a step and
 * the mean of the results' magnitudes, by which the sides are compared. Passes: forward; backward,
 * of all inputs that want a gradient, or of a convolution grad0 and grad1, of one of them; step, of
 * an optimizer. pytorch_ops.py answers the same lines. */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clock.h"
#include "bits.h"
#include "peaks.h"
#include "subject.h"

enum { GROUPS = 5 };

/* --- its passes ------------------------------------------------------------------------------- */

static double magnitude(fv_tensor *t)
{
    return fv_item(fv_mean(fv_abs(fv_to(t, FV_FLOAT64))));
}

static double forward_seconds(subject *s, int steps)
{
    FV_NO_GRAD;
    double start = now_seconds();
    for (int i = 0; i < steps; i++) {
        FV_SCOPE;
        subject_call(s);
    }
    return now_seconds() - start;
}

static double step_seconds(subject *s, int steps)
{
    double start = now_seconds();
    for (int i = 0; i < steps; i++) fv_step(s->optimizer);
    return now_seconds() - start;
}

/* The gradients alone; the calls before them take no time. */
static double backward_seconds(subject *s, int only, int steps, double *value)
{
    fv_tensor *wanted[CASE_INPUTS], *grads[CASE_INPUTS];
    int count = subject_wanted(s, only, wanted);
    double seconds = 0;
    for (int i = 0; i < steps; i++) {
        FV_SCOPE;
        fv_tensor *y = subject_call(s);
        double start = now_seconds();
        fv_grad(FV_TENSORS(y), ((fv_tensor_list){wanted, count}), grads,
                .grad_outputs = FV_TENSORS(s->g));
        seconds += now_seconds() - start;
        for (int k = 0; value && k < count; k++) *value += magnitude(grads[k]);
    }
    return seconds;
}

static double pass_seconds(subject *s, const char *pass, int steps)
{
    if (strcmp(pass, "step") == 0) return step_seconds(s, steps);
    if (strcmp(pass, "forward") == 0) return forward_seconds(s, steps);
    return backward_seconds(s, strncmp(pass, "grad", 4) == 0 ? pass[4] - '0' : -1, steps, NULL);
}

static double pass_value(subject *s, const char *pass)
{
    FV_SCOPE;
    double value = 0;
    if (strcmp(pass, "step") == 0) return magnitude(s->x[0]);
    if (strcmp(pass, "forward") == 0) {
        FV_NO_GRAD;
        return magnitude(subject_call(s));
    }
    backward_seconds(s, strncmp(pass, "grad", 4) == 0 ? pass[4] - '0' : -1, 1, &value);
    return value;
}

/* Milliseconds of a step: the median of several groups of steps. */
static double time_pass(subject *s, const char *pass, int warm_up, int steps)
{
    double times[GROUPS];
    int groups = steps < GROUPS ? steps : GROUPS, size = steps / groups;
    if (warm_up > 0) pass_seconds(s, pass, warm_up);
    for (int i = 0; i < groups; i++) times[i] = pass_seconds(s, pass, size) / size * 1e3;
    qsort(times, (size_t)groups, sizeof *times, compare_doubles);
    return times[groups / 2];
}

/* --- answers ---------------------------------------------------------------------------------- */

static fv_status write_inputs(const subject *s, const char *path)
{
    static const char *const names[] = {"x0", "x1", "x2", "x3", "x4", "x5"};
    const char *pointers[CASE_INPUTS + 1];
    fv_tensor *tensors[CASE_INPUTS + 1];
    for (int i = 0; i < s->inputs; i++) {
        pointers[i] = names[i];
        tensors[i] = s->x[i];
    }
    pointers[s->inputs] = "g";
    tensors[s->inputs] = s->g;
    return fv_save_tensors(path, pointers, tensors, s->inputs + 1, NULL, 0);
}

static fv_status answer_set(subject *s, const char *line)
{
    int number;
    char path[512];
    variant v;
    if (sscanf(line, "set %d %511s", &number, path) != 2 || !variant_at(number, &v))
        return FV_ERR_OPTION;
    if (subject_prepare(s, &v) != FV_OK || write_inputs(s, path) != FV_OK) return fv_error_status();
    const char *pass[3];
    int count = subject_passes(s, pass);
    printf("{\"passes\": [");
    for (int i = 0; i < count; i++) printf("%s\"%s\"", i ? ", " : "", pass[i]);
    printf("], \"differentiable\": [");
    for (int i = 0; i < s->inputs; i++)
        printf("%s%s", i ? ", " : "", s->v.call && subject_wants_gradient(s, i) ? "true" : "false");
    printf("], \"flops\": %.0f, \"in_bytes\": %.0f, \"out_bytes\": %.0f}\n", s->flops, s->in_bytes,
           s->out_bytes);
    return FV_OK;
}

static fv_status answer_time(subject *s, const char *line)
{
    char pass[16];
    int threads, warm_up, steps;
    if (sscanf(line, "time %15s %d %d %d", pass, &threads, &warm_up, &steps) != 4 || steps < 1)
        return FV_ERR_OPTION;
    fv_set_num_threads(threads);
    if (s->v.call) subject_ask(s, strncmp(pass, "grad", 4) == 0 ? pass[4] - '0' : -1);
    double value = pass_value(s, pass), ms = time_pass(s, pass, warm_up, steps);
    printf("{\"ms\": %.7f, \"value\": %.9g}\n", ms, value);
    return fv_error_status();
}

static fv_status serve(subject *s)
{
    char line[1024];
    fv_status status = FV_OK;
    while (status == FV_OK && fgets(line, sizeof line, stdin)) {
        status = strncmp(line, "set", 3) == 0 ? answer_set(s, line) : answer_time(s, line);
        fflush(stdout);
        if (status != FV_OK) fprintf(stderr, "ops: failed at %s", line);
    }
    return status;
}

static void list(void)
{
    variant v;
    for (int i = 0; variant_at(i, &v); i++)
        printf(
            "{\"number\": %d, \"family\": \"%s\", \"op\": \"%s\", \"name\": \"%s\", \"n\": %lld, "
            "\"dtype\": \"%s\", \"torch\": \"%s\", \"ordered\": %s}\n",
            i, v.family, v.op, v.name, (long long)v.n, fv_dtype_name(v.dtype), v.torch,
            variant_is_ordered(&v) ? "true" : "false");
}

static void print_peaks(int threads)
{
    printf("{\"gflops\": %.1f, \"copy_gbs\": {", peak_gflops(threads));
    for (int shift = 12; shift <= 28; shift += 2)
        printf("%s\"%d\": %.1f", shift > 12 ? ", " : "", 1 << shift,
               copy_gbs(threads, 1U << shift));
    printf("}}\n");
}

/* --- the check -------------------------------------------------------------------------------- */

enum { MAX_SEEN = 256, CHECKED_ELEMENTS = 150000 };

typedef struct seen {
    const char *name[MAX_SEEN];
    int count;
} seen;

static void note_op(const fv_event *e, void *context)
{
    seen *s = context;
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->name[i], e->name) == 0) return;
    if (s->count < MAX_SEEN) s->name[s->count++] = e->name;
}

/* Every pass of every case of the smallest size runs and gives numbers; layers of their own size
 * are left to the benchmark. */
static fv_status check(subject *s)
{
    variant v;
    seen ran = {.count = 0};
    int observer = fv_observe(note_op, &ran);
    for (int i = 0; variant_at(i, &v); i++) {
        const char *pass[3];
        if (v.n > 1 << 10 || (v.n == 0 && variant_elements(&v) > CHECKED_ELEMENTS)) continue;
        if (subject_prepare(s, &v) != FV_OK) return fv_error_status();
        int count = subject_passes(s, pass);
        for (int k = 0; k < count; k++) {
            double value = pass_value(s, pass[k]);
            pass_seconds(s, pass[k], 1);
            if (fv_error_status() == FV_OK && value - value == 0) continue;
            fprintf(stderr, "ops: %s %s, %s: %g\n", v.op, v.name, pass[k], value);
            return FV_ERR_OPTION;
        }
    }
    fv_unobserve(observer);
    for (int i = 0; i < ran.count; i++) printf("%s\n", ran.name[i]);
    return fv_error_status();
}

static fv_status compare_bits(int64_t most)
{
    variant v;
    int compared = 0, other = 0;
    for (int i = 0; variant_at(i, &v); i++) {
        if (variant_elements(&v) > most || v.n > most) continue;
        if (!same_bits(&v)) other++;
        if (fv_error_status() != FV_OK) return fv_error_status();
        compared++;
    }
    printf("%d cases, %d with other bits\n", compared, other);
    return other ? FV_ERR_STATE : FV_OK;
}

int main(int argc, char **argv)
{
    subject s = {0};
    fv_status status = FV_OK;
    fv_manual_seed(1);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
    } else if (argc == 3 && strcmp(argv[1], "--peaks") == 0 && atoi(argv[2]) > 0) {
        print_peaks(atoi(argv[2]));
    } else if (argc == 2 && strcmp(argv[1], "--check") == 0) {
        status = check(&s);
    } else if (argc == 3 && strcmp(argv[1], "--bits") == 0) {
        status = compare_bits(atoll(argv[2]));
    } else if (argc == 1) {
        status = serve(&s);
    } else {
        fprintf(stderr, "usage: ops [--list | --peaks THREADS | --check | --bits ELEMENTS]\n");
        return 2;
    }
    subject_forget(&s);
    fv_shutdown();
    return status == FV_OK ? 0 : 1;
}
