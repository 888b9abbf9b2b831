/* One network, timed: the Fovea side of compare.sh.
 *
 *   network NAME --batch N --dump FILE          writes initial weights and a batch
 *   network NAME --batch N --load FILE [--infer] [--steps N]
 * prints one JSON object: milliseconds a step (median), the losses of the first steps and the peak
 * memory of the process. Training is forward, cross-entropy, backward and SGD with momentum. */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "examples/models.h"

enum { WARM_UP = 3, MAX_STEPS = 1000, MAX_PARAMETERS = 256, NAME_SIZE = 16 };

typedef struct options {
    const char *name, *dump, *load;
    int64_t batch;
    int steps;
    bool infer;
} options;

static fv_module *model_new(const char *name)
{
    static const struct {
        const char *name;
        fv_module *(*make)(void);
    } models[] = {
        {"lenet", lenet}, {"small", small_net}, {"resnet20", resnet20}, {"resnet18", resnet18}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i].name, name) == 0) return models[i].make();
    fprintf(stderr, "network: unknown network '%s'\n", name);
    return NULL;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double peak_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* Parameters go by their number, p000, p001, ..., which both sides agree on. */
static fv_status dump(fv_module *net, const options *o)
{
    static char names[MAX_PARAMETERS + 2][NAME_SIZE];
    const char *pointers[MAX_PARAMETERS + 2];
    fv_tensor *tensors[MAX_PARAMETERS + 2];
    fv_tensor_list parameters = fv_parameters(net);
    int64_t n = 0;
    for (; n < parameters.count && n < MAX_PARAMETERS; n++) {
        snprintf(names[n], NAME_SIZE, "p%03d", (int)n);
        tensors[n] = parameters.items[n];
    }
    strcpy(names[n], "x");
    tensors[n++] = fv_randn(o->batch, 3, 32, 32);
    strcpy(names[n], "y");
    tensors[n++] = fv_randint(o->batch, .high = 10);
    for (int64_t i = 0; i < n; i++) pointers[i] = names[i];
    return fv_save_tensors(o->dump, pointers, tensors, n, NULL, 0);
}

static fv_tensor *read_named(const fv_tensor_file *file, const char *name)
{
    return fv_tensor_file_read(file, fv_tensor_file_find(file, name));
}

static fv_status restore(fv_module *net, const options *o, fv_tensor **x, fv_tensor **y)
{
    fv_tensor_file *file = fv_tensor_file_open(o->load);
    if (!file) return fv_error_status();
    fv_tensor_list parameters = fv_parameters(net);
    for (int64_t i = 0; i < parameters.count; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "p%03d", (int)i);
        {
            FV_NO_GRAD;
            fv_copy_(parameters.items[i], read_named(file, name));
        }
    }
    *x = fv_retain(fv_to_channels_last(read_named(file, "x")));
    *y = fv_retain(read_named(file, "y"));
    fv_tensor_file_free(file);
    return fv_error_status();
}

static double train_step(fv_module *net, fv_optim *opt, fv_tensor *x, fv_tensor *y)
{
    double value = 0;
    {
        FV_SCOPE;
        fv_zero_grad(opt);
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, x), y);
        fv_backward(loss);
        fv_step(opt);
        value = fv_item(loss);
    }
    return value;
}

static double infer_step(fv_module *net, fv_tensor *x, fv_tensor *y)
{
    double value = 0;
    {
        FV_NO_GRAD;
        FV_SCOPE;
        value = fv_item(fv_cross_entropy(fv_forward(net, x), y));
    }
    return value;
}

static int measure(fv_module *net, const options *o)
{
    static double times[MAX_STEPS];
    double losses[WARM_UP];
    fv_tensor *x = NULL, *y = NULL;
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01, .momentum = 0.9);
    {
        FV_SCOPE;
        if (restore(net, o, &x, &y) != FV_OK) return 1;
    }
    if (o->infer) fv_eval(net);
    for (int i = -WARM_UP; i < o->steps; i++) {
        double start = now_ms();
        double loss = o->infer ? infer_step(net, x, y) : train_step(net, opt, x, y);
        if (i < 0)
            losses[i + WARM_UP] = loss;
        else
            times[i] = now_ms() - start;
    }
    qsort(times, (size_t)o->steps, sizeof *times, compare);
    printf("{\"ms\": %.3f, \"losses\": [%.7g, %.7g, %.7g], \"peak_mb\": %.0f}\n",
           times[o->steps / 2], losses[0], losses[1], losses[2], peak_mb());
    fv_release(x);
    fv_release(y);
    fv_free(opt);
    return fv_error_status() == FV_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    options o = {.batch = 128, .steps = 10};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--infer") == 0)
            o.infer = true;
        else if (argv[i][0] != '-')
            o.name = argv[i];
        else if (strcmp(argv[i], "--batch") == 0 && ++i)
            o.batch = atoll(value);
        else if (strcmp(argv[i], "--steps") == 0 && ++i)
            o.steps = atoi(value);
        else if (strcmp(argv[i], "--dump") == 0 && ++i)
            o.dump = value;
        else if (strcmp(argv[i], "--load") == 0 && ++i)
            o.load = value;
    }
    if (!o.name || (!o.dump && !o.load) || o.batch < 1 || o.steps < 1 || o.steps > MAX_STEPS) {
        fprintf(stderr, "usage: network NAME --batch N (--dump FILE | --load FILE [--infer] "
                        "[--steps N])\n");
        return 2;
    }
    fv_manual_seed(1);
    fv_module *net = model_new(o.name);
    if (!net) return 1;
    int rc = 1;
    if (o.dump) {
        FV_SCOPE;
        rc = dump(net, &o) == FV_OK ? 0 : 1;
    } else {
        rc = measure(net, &o);
    }
    fv_free(net);
    fv_shutdown();
    return rc;
}
