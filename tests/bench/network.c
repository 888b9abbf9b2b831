/* The networks of compare.sh, timed: Fovea's side.
 *
 *   network --list                 names and batches
 *   network NAME --check           one training step and one inference of two samples: the losses
 *   network NAME --dump FILE       initial weights, and a batch with its targets
 *   network NAME --load FILE       starts from them and answers the lines of its standard input
 *
 * A line is MODE THREADS WARM_UP STEPS. Modes: train (forward, loss, backward, SGD with momentum),
 * infer, batch1, the inference of a single sample, and batchN, that of the first N. The answer is
 * one JSON object: the median milliseconds of the steps, the losses of the first steps of warming
 * up, and the peak memory of the process so far. pytorch_network.py and onnx_network.js answer the
 * same lines. */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "networks.h"

enum { MAX_STEPS = 10000, MAX_LOSSES = 3, MAX_PARAMETERS = 256, OTHERS = 3, NAME_SIZE = 16 };

typedef struct bench {
    const bench_network *network;
    fv_module *net;
    fv_optim *opt;
    fv_tensor *x, *y; /* the batch */
    fv_tensor *x1, *y1;
} bench;

static double now_ms(void)
{
    return now_seconds() * 1e3;
}

static double peak_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* --- weights and batch ------------------------------------------------------------------------ */

/* The shape of n samples. */
static fv_shape batched(int64_t n, const fv_shape *sample)
{
    fv_shape s = {sample->ndim + 1, {n}};
    for (int i = 0; i < sample->ndim; i++) s.dim[i + 1] = sample->dim[i];
    return s;
}

static fv_tensor *random_inputs(const bench_network *network, int64_t n)
{
    return fv_randn(.shape = batched(n, &network->input));
}

static fv_tensor *random_targets(const bench_network *network, int64_t n)
{
    fv_shape shape = batched(n, &network->target);
    if (network->classes == 0) return fv_sub(fv_mul(fv_rand(.shape = shape), 2), 1);
    return fv_randint(.shape = shape, .high = network->classes);
}

/* He et al. 2015, so that signals are neither lost nor blown up on the way through any of them. */
static void initialise(fv_module *net)
{
    fv_tensor_list parameters = fv_parameters(net);
    for (int64_t i = 0; i < parameters.count; i++)
        if (fv_ndim(parameters.items[i]) > 1)
            fv_init_kaiming_normal_(parameters.items[i], .nonlinearity = FV_NONLINEARITY_RELU);
}

/* Parameters go by their number, p000, p001, ..., which both sides agree on. */
static fv_status dump(const bench *b, const char *path)
{
    static char names[MAX_PARAMETERS + OTHERS][NAME_SIZE];
    const char *pointers[MAX_PARAMETERS + OTHERS];
    fv_tensor *tensors[MAX_PARAMETERS + OTHERS];
    fv_tensor_list parameters = fv_parameters(b->net);
    int64_t n = 0;
    initialise(b->net);
    for (; n < parameters.count && n < MAX_PARAMETERS; n++) {
        snprintf(names[n], NAME_SIZE, "p%03d", (int)n);
        tensors[n] = parameters.items[n];
    }
    strcpy(names[n], "x");
    tensors[n++] = random_inputs(b->network, b->network->batch);
    strcpy(names[n], "y");
    tensors[n++] = random_targets(b->network, b->network->batch);
    strcpy(names[n], "lr");
    tensors[n++] = fv_full(1, .value = b->network->lr);
    for (int64_t i = 0; i < n; i++) pointers[i] = names[i];
    return fv_save_tensors(path, pointers, tensors, n, NULL, 0);
}

static fv_tensor *read_named(const fv_tensor_file *file, const char *name)
{
    return fv_tensor_file_read(file, fv_tensor_file_find(file, name));
}

/* Takes x and y as the batch, in the memory order that suits. */
static void take_batch(bench *b, fv_tensor *x, fv_tensor *y)
{
    if (fv_ndim(x) > 2) x = fv_to_channels_last(x);
    b->x = fv_retain(x);
    b->y = fv_retain(y);
    b->x1 = b->y1 = NULL;
}

static fv_status restore(bench *b, const char *path)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_tensor_file *file = fv_tensor_file_open(path);
    if (!file) return fv_error_status();
    fv_tensor_list parameters = fv_parameters(b->net);
    for (int64_t i = 0; i < parameters.count; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "p%03d", (int)i);
        fv_copy_(parameters.items[i], read_named(file, name));
    }
    take_batch(b, read_named(file, "x"), read_named(file, "y"));
    fv_tensor_file_free(file);
    return fv_error_status();
}

/* --- steps ------------------------------------------------------------------------------------ */

static fv_tensor *loss_of(const bench *b, fv_tensor *out, fv_tensor *y)
{
    return b->network->classes == 0 ? fv_mse_loss(out, y) : fv_cross_entropy(out, y);
}

/* Each gives the loss and adds to *ms what is timed: the whole step, or the forward pass alone. */
static double train_step(bench *b, double *ms)
{
    FV_SCOPE;
    double start = now_ms();
    fv_zero_grad(b->opt);
    fv_tensor *loss = loss_of(b, fv_forward(b->net, b->x), b->y);
    fv_backward(loss);
    fv_step(b->opt);
    double value = fv_item(loss);
    *ms = now_ms() - start;
    return value;
}

static double forward_of(bench *b, fv_tensor *x, fv_tensor *y, bool loss, double *ms)
{
    FV_NO_GRAD;
    FV_SCOPE;
    double start = now_ms();
    fv_tensor *out = fv_forward(b->net, x);
    *ms = now_ms() - start;
    return loss ? fv_item(loss_of(b, out, y)) : 0;
}

/* The first n samples, in memory of their own, as the batch of a user's would lie. */
static void take_samples(bench *b, int64_t n)
{
    FV_SCOPE;
    fv_release(b->x1);
    fv_release(b->y1);
    b->x1 = fv_retain(fv_clone(fv_narrow(b->x, 0, 0, n)));
    b->y1 = fv_retain(fv_clone(fv_narrow(b->y, 0, 0, n)));
}

static double step(bench *b, const char *mode, bool loss, double *ms)
{
    if (strcmp(mode, "train") == 0) return train_step(b, ms);
    if (strcmp(mode, "infer") == 0) return forward_of(b, b->x, b->y, loss, ms);
    return forward_of(b, b->x1, b->y1, loss, ms);
}

/* --- the answers ------------------------------------------------------------------------------ */

static fv_status answer(bench *b, const char *mode, int warm_up, int steps)
{
    static double times[MAX_STEPS];
    double ms = 0;
    if (strcmp(mode, "train") == 0)
        fv_train(b->net);
    else
        fv_eval(b->net);
    printf("{\"losses\": [");
    for (int i = 0; i < warm_up; i++) {
        double loss = step(b, mode, i < MAX_LOSSES, &ms);
        if (i < MAX_LOSSES) printf("%s%.7g", i ? ", " : "", loss);
    }
    for (int i = 0; i < steps; i++) step(b, mode, false, &times[i]);
    qsort(times, (size_t)steps, sizeof *times, compare_doubles);
    printf("], \"ms\": %.5f, \"peak_mb\": %.1f}\n", times[steps / 2], peak_mb());
    fflush(stdout);
    return fv_error_status();
}

static fv_status serve(bench *b)
{
    char line[128], mode[16];
    int threads, warm_up, steps;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%15s %d %d %d", mode, &threads, &warm_up, &steps) != 4 || warm_up < 0 ||
            steps < 1 || steps > MAX_STEPS) {
            fprintf(stderr, "network: what is '%s'?\n", line);
            return FV_ERR_OPTION;
        }
        fv_set_num_threads(threads);
        if (strncmp(mode, "batch", 5) == 0) take_samples(b, atoll(mode + 5));
        if (answer(b, mode, warm_up, steps) != FV_OK) break;
    }
    return fv_error_status();
}

static fv_status check(bench *b)
{
    double ms;
    {
        FV_SCOPE;
        take_batch(b, random_inputs(b->network, 2), random_targets(b->network, 2));
    }
    take_samples(b, 1);
    double trained = step(b, "train", true, &ms);
    fv_eval(b->net);
    double inferred = step(b, "infer", true, &ms), single = step(b, "batch1", true, &ms);
    printf("%s %g %g %g\n", b->network->name, trained, inferred, single);
    return fv_error_status();
}

static int list(void)
{
    int count;
    const bench_network *networks = bench_networks(&count);
    for (int i = 0; i < count; i++)
        printf("%s %lld\n", networks[i].name, (long long)networks[i].batch);
    return 0;
}

static fv_status run(bench *b, const char *what, const char *path)
{
    if (strcmp(what, "--check") == 0) return check(b);
    if (strcmp(what, "--dump") == 0) {
        FV_SCOPE;
        return dump(b, path);
    }
    fv_status status = restore(b, path);
    return status == FV_OK ? serve(b) : status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) return list();
    bool plain = argc == 3 && strcmp(argv[2], "--check") == 0;
    bool file = argc == 4 && (strcmp(argv[2], "--dump") == 0 || strcmp(argv[2], "--load") == 0);
    if (!plain && !file) {
        fprintf(stderr, "usage: network --list | NAME (--check | --dump FILE | --load FILE)\n");
        return 2;
    }
    bench b = {.network = bench_find_network(argv[1])};
    if (!b.network) {
        fprintf(stderr, "network: no network '%s'\n", argv[1]);
        return 2;
    }
    fv_manual_seed(1);
    b.net = b.network->make();
    b.opt = fv_sgd(fv_parameters(b.net), .lr = b.network->lr, .momentum = 0.9);
    int rc = b.net && run(&b, argv[2], argv[3]) == FV_OK ? 0 : 1;
    fv_release(b.x);
    fv_release(b.y);
    fv_release(b.x1);
    fv_release(b.y1);
    fv_free(b.opt);
    fv_free(b.net);
    fv_shutdown();
    return rc;
}
