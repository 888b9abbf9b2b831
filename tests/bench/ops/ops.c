/* Ops, timed: Fovea's side of ops.sh.
 *
 *   ops --list               what there is to time, one JSON object a line
 *   ops --peaks THREADS      the peaks of the machine
 *   ops --check              each case once, at its smallest size; the ops that ran
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
#include "cases.h"
#include "peaks.h"

enum { GROUPS = 5 };

typedef struct subject {
    variant v;
    int inputs;
    fv_tensor *x[CASE_INPUTS];
    fv_tensor *g; /* NULL: there is no gradient */
    fv_optim *optimizer;
    bool differentiable;
    double flops, in_bytes, out_bytes;
} subject;

/* --- a subject -------------------------------------------------------------------------------- */

static fv_tensor *filled(const case_input *in, fv_shape shape, fv_dtype dtype)
{
    switch (in->fill) {
    case FILL_POSITIVE: return fv_add(fv_mul(fv_rand(.shape = shape, .dtype = dtype), 1.5), 0.5);
    case FILL_UNIT: return fv_add(fv_mul(fv_rand(.shape = shape, .dtype = dtype), 0.9), 0.05);
    case FILL_INDEX: return fv_randint(.shape = shape, .high = in->limit);
    case FILL_MASK: return fv_gt(fv_rand(.shape = shape), 0.5);
    default: return fv_randn(.shape = shape, .dtype = dtype);
    }
}

static void forget(subject *s)
{
    for (int i = 0; i < s->inputs; i++) fv_release(s->x[i]);
    fv_release(s->g);
    fv_free(s->optimizer);
    *s = (subject){0};
}

static fv_tensor *call(const subject *s)
{
    fv_tensor *y[CASE_OUTPUTS] = {NULL};
    s->v.call->call(s->x, y);
    return y[0];
}

static double bytes_of(const fv_tensor *t)
{
    return (double)fv_numel(t) * (double)fv_dtype_size(fv_dtype_of(t));
}

/* Of a forward pass; a gradient of one input has as many. */
static double flops_of(const subject *s, const fv_tensor *y)
{
    const fv_tensor *w = s->inputs > 1 ? s->x[1] : NULL;
    if (strncmp(s->v.op, "conv_transpose", 14) == 0)
        return 2.0 * (double)fv_numel(s->x[0]) * (double)fv_numel(w) / (double)fv_size(w, 0);
    if (strncmp(s->v.op, "conv", 4) == 0 || strcmp(s->v.op, "linear") == 0)
        return 2.0 * (double)fv_numel(y) * (double)fv_numel(w) / (double)fv_size(w, 0);
    if (strcmp(s->v.op, "matmul") == 0 || strcmp(s->v.op, "bmm") == 0)
        return 2.0 * (double)fv_numel(y) * (double)fv_size(s->x[0], -1);
    return 0;
}

static bool wants_gradient(const subject *s, int i)
{
    return !s->v.call->in[i].constant && fv_dtype_of(s->x[i]) == s->v.dtype;
}

/* Which inputs ask for a gradient: all that can, or number `only`. */
static void ask_for_gradients(subject *s, int only)
{
    for (int i = 0; i < s->inputs; i++)
        if (fv_dtype_of(s->x[i]) == s->v.dtype)
            fv_requires_grad(s->x[i], wants_gradient(s, i) && (only < 0 || i == only));
}

static bool is_convolution(const subject *s)
{
    return s->v.call && strncmp(s->v.op, "conv", 4) == 0 && strcmp(s->v.op, "contiguous") != 0;
}

/* Calls once, for what depends on the result. */
static void describe_result(subject *s)
{
    FV_SCOPE;
    ask_for_gradients(s, -1);
    fv_tensor *y = call(s);
    s->flops = flops_of(s, y);
    s->out_bytes = bytes_of(y);
    for (int i = 0; i < s->inputs; i++) s->in_bytes += bytes_of(s->x[i]);
    s->differentiable = y->requires_grad;
    fv_tensor *g = fv_to(fv_randn(.shape = fv_shape_of(y)), fv_dtype_of(y));
    s->g = fv_retain(fv_is_channels_last(y) ? fv_to_channels_last(g) : g); /* as a layer gets it */
}

static void prepare_case(subject *s)
{
    FV_SCOPE;
    FV_NO_GRAD;
    s->inputs = s->v.call->inputs;
    for (int i = 0; i < s->inputs; i++) {
        fv_tensor *x = filled(&s->v.call->in[i], variant_shape(&s->v, i), s->v.dtype);
        if (i == 0 && variant_is_ordered(&s->v)) x = fv_to_channels_last(x);
        s->x[i] = fv_retain(x);
    }
}

/* A parameter that has a gradient, which stays. */
static void prepare_optimizer(subject *s)
{
    FV_SCOPE;
    fv_shape shape = variant_shape(&s->v, 0);
    s->inputs = 1;
    s->x[0] = fv_retain(fv_randn(.shape = shape, .requires_grad = true));
    s->g = fv_retain(fv_randn(.shape = shape));
    fv_set_grad(s->x[0], s->g);
    s->in_bytes = bytes_of(s->x[0]);
    s->out_bytes = bytes_of(s->x[0]);
    s->optimizer = s->v.optimizer(FV_TENSORS(s->x[0]));
}

static fv_status prepare(subject *s, const variant *v)
{
    forget(s);
    s->v = *v;
    if (v->optimizer) {
        prepare_optimizer(s);
    } else {
        prepare_case(s);
        describe_result(s);
    }
    return fv_error_status();
}

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
        call(s);
    }
    return now_seconds() - start;
}

static double step_seconds(subject *s, int steps)
{
    double start = now_seconds();
    for (int i = 0; i < steps; i++) fv_step(s->optimizer);
    return now_seconds() - start;
}

static int wanted_inputs(const subject *s, int only, fv_tensor **wanted)
{
    int count = 0;
    for (int i = 0; i < s->inputs; i++)
        if (wants_gradient(s, i) && (only < 0 || i == only)) wanted[count++] = s->x[i];
    return count;
}

/* The gradients alone; the calls before them take no time. */
static double backward_seconds(subject *s, int only, int steps, double *value)
{
    fv_tensor *wanted[CASE_INPUTS], *grads[CASE_INPUTS];
    int count = wanted_inputs(s, only, wanted);
    double seconds = 0;
    for (int i = 0; i < steps; i++) {
        FV_SCOPE;
        fv_tensor *y = call(s);
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
        return magnitude(call(s));
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

static int passes_of(const subject *s, const char **pass)
{
    int count = 0;
    if (s->optimizer) {
        pass[count++] = "step";
        return count;
    }
    pass[count++] = "forward";
    if (s->differentiable && is_convolution(s)) {
        pass[count++] = "grad0";
        pass[count++] = "grad1";
    } else if (s->differentiable) {
        pass[count++] = "backward";
    }
    return count;
}

/* --- answers ---------------------------------------------------------------------------------- */

static fv_status answer_set(subject *s, const char *line)
{
    int number;
    char path[512];
    variant v;
    if (sscanf(line, "set %d %511s", &number, path) != 2 || !variant_at(number, &v))
        return FV_ERR_OPTION;
    if (prepare(s, &v) != FV_OK || write_inputs(s, path) != FV_OK) return fv_error_status();
    const char *pass[3];
    int count = passes_of(s, pass);
    printf("{\"passes\": [");
    for (int i = 0; i < count; i++) printf("%s\"%s\"", i ? ", " : "", pass[i]);
    printf("], \"differentiable\": [");
    for (int i = 0; i < s->inputs; i++)
        printf("%s%s", i ? ", " : "", s->v.call && wants_gradient(s, i) ? "true" : "false");
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
    if (s->v.call) ask_for_gradients(s, strncmp(pass, "grad", 4) == 0 ? pass[4] - '0' : -1);
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

static int64_t elements_of(const variant *v)
{
    int64_t elements = 0;
    for (int i = 0; v->call && i < v->call->inputs; i++) {
        fv_shape shape = variant_shape(v, i);
        int64_t n = 1;
        for (int d = 0; d < shape.ndim; d++) n *= shape.dim[d];
        elements += n;
    }
    return elements;
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
        if (v.n > 1 << 10 || (v.n == 0 && elements_of(&v) > CHECKED_ELEMENTS)) continue;
        if (prepare(s, &v) != FV_OK) return fv_error_status();
        int count = passes_of(s, pass);
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
    } else if (argc == 1) {
        status = serve(&s);
    } else {
        fprintf(stderr, "usage: ops [--list | --peaks THREADS | --check]\n");
        return 2;
    }
    forget(&s);
    fv_shutdown();
    return status == FV_OK ? 0 : 1;
}
