/* What the programs share that each show one thing: their options, the folder of their pictures,
 * numbers for samples that they draw themselves, and the training of a classifier. */
#ifndef EXAMPLES_DEMO_H
#define EXAMPLES_DEMO_H

#include <errno.h>
#include <sys/stat.h>

#include "arguments.h"
#include "progress.h"

/* --- options ---------------------------------------------------------------------------------- */

typedef struct demo {
    const char *data; /* NULL: $FOVEA_DATA or datasets */
    const char *out;
    int64_t epochs, limit; /* 0: as the program says */
    uint64_t seed;
    int threads;
    bool quick;
} demo;

enum { DEMO_LIMIT = 512, DEMO_QUICK };

static inline error_t parse_demo(int key, char *arg, struct argp_state *state)
{
    demo *d = state->input;
    switch (key) {
    case 'o': d->out = path_given(state, arg); return 0;
    case 'e': d->epochs = whole_number(state, arg, 1); return 0;
    case 's': d->seed = (uint64_t)whole_number(state, arg, 0); return 0;
    case 't': d->threads = (int)whole_number_to(state, arg, 1, MOST_THREADS); return 0;
    case DEMO_QUICK: d->quick = true; return 0;
    case ARGP_KEY_ARG: argp_usage(state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option demo_options[] = {
    {"out", 'o', "DIR", 0, "Folder of the pictures (default: the working directory)", 0},
    {"epochs", 'e', "N", 0, "Passes over the training samples", 0},
    {"seed", 's', "N", 0, "Of everything drawn at random (default: 0)", 0},
    {"threads", 't', "N", 0, "Threads (default: the physical cores)", 0},
    {"quick", DEMO_QUICK, NULL, 0, "Seconds in place of a minute, and worse results", 0},
    {0}};

/* Options of a program that makes its samples itself. */
static const struct argp demo_argp = {.options = demo_options, .parser = parse_demo};

static inline error_t parse_demo_data(int key, char *arg, struct argp_state *state)
{
    demo *d = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = d; return 0;
    case 'd': d->data = path_given(state, arg); return 0;
    case DEMO_LIMIT: d->limit = whole_number(state, arg, 1); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option demo_data_options[] = {
    {"data", 'd', "DIR", 0, "Folder with the data sets (default: $FOVEA_DATA or datasets)", 0},
    {"limit", DEMO_LIMIT, "N", 0, "Only the first N images of each part", 0},
    {0}};

static const struct argp_child demo_data_children[] = {{&demo_argp, 0, NULL, 0}, {0}};

/* Options of a program that reads a data set. */
static const struct argp demo_data_argp = {
    .options = demo_data_options, .parser = parse_demo_data, .children = demo_data_children};

/* What was read takes hold: the seed, the threads, the folder, which is made if it is not there.
 * False, with a message, when it cannot be. */
static inline bool begin_demo(const demo *d)
{
    fv_manual_seed(d->seed);
    if (d->threads > 0) fv_set_num_threads(d->threads);
    if (mkdir(d->out, 0777) == 0 || errno == EEXIST) return true;
    fprintf(stderr, "%s: %s\n", d->out, strerror(errno));
    return false;
}

/* The whole of it for a program without options of its own: `options` is one of the two above. */
static inline bool read_demo(demo *d, int argc, char **argv, const char *doc,
                             const struct argp *options)
{
    const struct argp_child children[] = {{options, 0, NULL, 0}, {0}};
    const struct argp argp = {.doc = doc, .children = children};
    *d = (demo){.out = "."};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, d);
    return begin_demo(d);
}

/* --- files ------------------------------------------------------------------------------------ */

/* The path of a file in the folder of --out, for the call that writes it; it is told, and holds
 * until the next call. */
static inline const char *output_path(const demo *d, const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", d->out, name);
    printf("-> %s\n", path);
    return path;
}

/* The status to exit with, after everything has been freed. */
static inline int end_demo(void)
{
    const int status = fv_error_status() == FV_OK ? 0 : 1; /* stderr has the message */
    fv_shutdown();
    return status;
}

/* --- samples ---------------------------------------------------------------------------------- */

/* n numbers of [0, 1): inside of a data set's get they follow from the loader's seed, the epoch and
 * the sample's number alone. */
static inline void draw_numbers(int64_t n, double *numbers)
{
    FV_SCOPE;
    fv_copy_out(fv_rand(n), FV_FLOAT64, numbers);
}

static inline int64_t count_made(void *context)
{
    return *(const int64_t *)context;
}

/* Batches of `count` samples that get makes, from chance alone and their number: others in every
 * epoch. */
static inline fv_loader *made_batches(fv_get_fn get, int64_t count, int64_t batch_size,
                                      uint64_t seed)
{
    int64_t *context = malloc(sizeof *context);
    if (!context) return NULL;
    *context = count;
    fv_dataset *samples = fv_dataset_new(count_made, get, context, .release = free);
    fv_loader *batches = fv_loader_new(samples, batch_size, .seed = seed);
    fv_free(samples); /* the loader keeps it */
    return batches;
}

/* --- testing ---------------------------------------------------------------------------------- */

/* count[i * classes + j]: how many samples, or pixels, of class i the network takes for class j. */
static inline void count_answers(fv_module *net, fv_loader *test, int64_t classes, int64_t *count)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_tensor *sum = fv_zeros(classes, classes, .dtype = FV_INT64);
    fv_eval(net);
    FV_EACH_BATCH (b, test) {
        FV_SCOPE;
        fv_add_(sum, fv_confusion_matrix(fv_forward(net, b.x), b.y));
    }
    fv_copy_out(sum, FV_INT64, count);
}

/* The same as a table. */
static inline void print_answers(const int64_t *count, int classes, const char *const *names)
{
    printf("%-9s", "taken for");
    for (int j = 0; j < classes; j++) printf(" %8s", names[j]);
    for (int i = 0; i < classes; i++) {
        printf("\n%-9s", names[i]);
        for (int j = 0; j < classes; j++) printf(" %8" PRId64, count[i * classes + j]);
    }
    printf("\n");
}

/* --- training --------------------------------------------------------------------------------- */

/* One pass of Adam over the batches; the mean loss. */
static inline double classifier_epoch(fv_module *net, fv_optim *opt, fv_scheduler *schedule,
                                      fv_loader *batches)
{
    double total = 0;
    int64_t seen = 0;
    fv_train(net);
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, b.x), b.y);
        fv_zero_grad(opt);
        fv_backward(loss);
        if (fv_step(opt) != FV_OK) break;
        fv_scheduler_step(schedule);
        total += fv_item(loss) * (double)b.n;
        seen += b.n;
    }
    return total / (double)seen;
}

/* Trains by Adam with decoupled weight decay, whose rate rises to lr and falls once, and prints a
 * line after each epoch. Labels may be of samples or of pixels. Returns the last accuracy on the
 * test batches, -1 after an error. */
static inline double train_classifier(fv_module *net, fv_loader *batches, fv_loader *test,
                                      int64_t epochs, double lr)
{
    fv_optim *opt = fv_adamw(fv_parameters(net), .lr = lr);
    fv_scheduler *schedule =
        fv_one_cycle_lr(opt, lr, .epochs = epochs, .steps_per_epoch = fv_loader_batches(batches));
    double accuracy = -1;
    for (int64_t epoch = 0; epoch < epochs && fv_error_status() == FV_OK; epoch++) {
        const double start = now(), loss = classifier_epoch(net, opt, schedule, batches);
        accuracy = test_accuracy(net, test);
        if (accuracy < 0) break;
        printf("epoch %" PRId64 "/%" PRId64 "  loss %.4f  test_accuracy %.4f  %.1f s\n", epoch + 1,
               epochs, loss, accuracy, now() - start);
        fflush(stdout);
    }
    fv_free(schedule);
    fv_free(opt);
    return accuracy;
}

#endif
