/* What the training examples share: options, a progress line, and the test accuracy. Plain
 * housekeeping; how a network is trained stands in the programs themselves. */
#ifndef EXAMPLES_TRAINING_H
#define EXAMPLES_TRAINING_H

#include <argp.h>
#include <fovea.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

/* --- options ---------------------------------------------------------------------------------- */

typedef struct settings {
    const char *data, *save;
    int64_t epochs, batch_size, limit;
    double lr, weight_decay;
    uint64_t seed;
    int threads;
    int augment; /* -1: as the recipe says */
    bool quiet, memory;
} settings;

enum { OPTION_LIMIT = 256, OPTION_DECAY, OPTION_AUGMENT, OPTION_PLAIN, OPTION_SAVE, OPTION_MEMORY };

static const struct argp_option common_options[] = {
    {"data", 'd', "DIR", 0, "Folder with the data sets (default: $FOVEA_DATA or datasets)", 0},
    {"epochs", 'e', "N", 0, "Passes over the training images", 0},
    {"batch-size", 'b', "N", 0, "Images a step", 0},
    {"lr", 'l', "RATE", 0, "Largest learning rate", 0},
    {"weight-decay", OPTION_DECAY, "X", 0, "L2 penalty", 0},
    {"augment", OPTION_AUGMENT, NULL, 0, "Random crops and, for photos, flips", 0},
    {"no-augment", OPTION_PLAIN, NULL, 0, "Images as they are", 0},
    {"seed", 's', "N", 0, "Of weights, order and augmentation (default: 0)", 0},
    {"threads", 't', "N", 0, "Threads (default: the physical cores)", 0},
    {"limit", OPTION_LIMIT, "N", 0, "Only the first N images of each part", 0},
    {"save", OPTION_SAVE, "FILE", 0, "Save the trained weights as safetensors", 0},
    {"memory", OPTION_MEMORY, NULL, 0, "Tell the memory in use after each epoch", 0},
    {"quiet", 'q', NULL, 0, "Print the last line only, and what --memory asks for", 0},
    {0},
};

enum { MOST_THREADS = 4096 }; /* that the library takes */

/* Says what is wrong with an option's value and leaves. */
static inline void refuse(struct argp_state *state, const char *text, const char *what, double low,
                          double high)
{
    const char *last = state->argv[state->next - 1]; /* the value, or --lr=VALUE, or -lVALUE */
    const char letter[] = {'-', text[-(last != text)], '\0'};
    const char *option = last == text ? state->argv[state->next - 2] : last;
    if (last != text && last[1] != '-') option = letter;
    int length = (int)strcspn(option, "=");
    argp_error(state, "%.*s: '%s' is no %s from %.15g to %.15g", length, option, text, what, low,
               high);
}

static inline int64_t whole_number_to(struct argp_state *state, const char *text, int64_t low,
                                      int64_t high)
{
    int64_t v = low;
    if (!read_whole(text, low, high, &v))
        refuse(state, text, "whole number", (double)low, (double)high);
    return v;
}

/* As large as a double holds exactly, so that a message can name it. */
static inline int64_t whole_number(struct argp_state *state, const char *text, int64_t low)
{
    return whole_number_to(state, text, low, INT64_C(1000000000000));
}

static inline double number_from(struct argp_state *state, const char *text, double low,
                                 double high)
{
    double v = low;
    if (!read_number(text, low, high, &v)) refuse(state, text, "number", low, high);
    return v;
}

static inline const char *path_given(struct argp_state *state, const char *text)
{
    if (!*text) argp_error(state, "an empty path");
    return text;
}

static inline error_t parse_common(int key, char *arg, struct argp_state *state)
{
    settings *s = state->input;
    switch (key) {
    case 'd': s->data = path_given(state, arg); return 0;
    case 'e': s->epochs = whole_number(state, arg, 1); return 0;
    case 'b': s->batch_size = whole_number_to(state, arg, 1, 1000000); return 0;
    case 'l': s->lr = number_from(state, arg, 1e-12, 1000); return 0;
    case 's': s->seed = (uint64_t)whole_number(state, arg, 0); return 0;
    case 't': s->threads = (int)whole_number_to(state, arg, 1, MOST_THREADS); return 0;
    case 'q': s->quiet = true; return 0;
    case OPTION_DECAY: s->weight_decay = number_from(state, arg, 0, 1000); return 0;
    case OPTION_AUGMENT: s->augment = 1; return 0;
    case OPTION_PLAIN: s->augment = 0; return 0;
    case OPTION_LIMIT: s->limit = whole_number(state, arg, 1); return 0;
    case OPTION_SAVE: s->save = path_given(state, arg); return 0;
    case OPTION_MEMORY: s->memory = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp common_argp = {.options = common_options, .parser = parse_common};

/* What holds before any option is read. Numbers below 0 stand for "as the recipe says". */
static inline settings default_settings(void)
{
    const char *data = getenv("FOVEA_DATA");
    return (settings){.data = data && *data ? data : "datasets",
                      .epochs = -1,
                      .batch_size = -1,
                      .lr = -1,
                      .weight_decay = -1,
                      .augment = -1};
}

/* False, with a message, if the result could not be saved: told before an hour of training. */
static inline bool can_save(const settings *s)
{
    return !s->save || fv_can_save(s->save);
}

/* --- progress --------------------------------------------------------------------------------- */

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct progress {
    bool quiet;
    int64_t epoch, epochs, batches; /* of the training, and of an epoch */
    int64_t images_per_batch;
    double start, shown, epoch_start;
    int64_t done; /* batches of the whole training */
} progress;

/* Tells, on stderr, where the training stands: a bar on a terminal, else a line every ten seconds.
 */
static inline void show_progress(progress *p, int64_t batch, double loss, double lr)
{
    const double t = now();
    const bool terminal = isatty(STDERR_FILENO);
    p->done++;
    if (p->quiet || t - p->shown < (terminal ? 0.1 : 10.0)) return;
    p->shown = t;
    const double speed = (double)p->done / (t - p->start); /* batches a second */
    const int64_t left = (p->epochs - p->epoch) * p->batches - batch;
    const int eta = (int)((double)left / speed);
    char bar[21] = "....................";
    memset(bar, '#', (size_t)(20 * batch / p->batches));
    fprintf(stderr,
            "%sepoch %" PRId64 "/%" PRId64 " [%s] loss %.4f  lr %.4f  %.0f images/s  ETA %d:%02d%s",
            terminal ? "\r" : "", p->epoch + 1, p->epochs, bar, loss, lr,
            speed * (double)p->images_per_batch, eta / 60, eta % 60, terminal ? "\033[K" : "\n");
    fflush(stderr);
}

static inline void clear_progress(const progress *p)
{
    if (!p->quiet && isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
}

static inline void print_epoch(const progress *p, double loss, double accuracy)
{
    if (p->quiet) return;
    printf("epoch %" PRId64 "/%" PRId64 "  train_loss %.4f  test_accuracy %.4f  %.1f s\n",
           p->epoch + 1, p->epochs, loss, accuracy, now() - p->epoch_start);
    fflush(stdout);
}

static inline void print_memory(void)
{
    fv_memory_info m = fv_memory_stats();
    printf("memory  live_tensors %" PRId64 "  live_nodes %" PRId64
           "  live_MiB %.1f  peak_MiB %.1f  "
           "system_allocs %" PRId64 "\n",
           m.live_tensors, m.live_nodes, (double)m.live_bytes / 1048576,
           (double)m.peak_bytes / 1048576, m.system_allocs);
}

/* --- testing ---------------------------------------------------------------------------------- */

/* Part of the images whose largest output is that of their label; -1 after an error. */
static inline double test_accuracy(fv_module *net, fv_loader *images)
{
    double right = 0;
    int64_t seen = 0;
    fv_eval(net);
    FV_EACH_BATCH (b, images) {
        FV_SCOPE;
        FV_NO_GRAD;
        right += fv_accuracy(fv_forward(net, b.x), b.y) * (double)b.n;
        seen += b.n;
    }
    fv_train(net);
    return fv_error_status() == FV_OK && seen > 0 ? right / (double)seen : -1;
}

#endif
