/* What the training examples share: options, what they print, and how a run is saved, stopped and
 * taken up again. Plain housekeeping; how a network is trained stands in the programs themselves.
 */
#ifndef EXAMPLES_TRAINING_H
#define EXAMPLES_TRAINING_H

#include <argp.h>
#include <fovea.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "compact.h"
#include "notes.h"
#include "progress.h"

/* --- options ---------------------------------------------------------------------------------- */

typedef struct settings {
    const char *data, *save, *checkpoint;
    int64_t epochs, batch_size, limit, every, keep_last;
    double lr, weight_decay;
    uint64_t seed;
    int threads;
    int augment; /* -1: as the recipe says */
    bool quiet, memory, resume;
    bool compact; /* weights are rounded at the end, see compact.h */
} settings;

enum {
    OPTION_LIMIT = 256,
    OPTION_DECAY,
    OPTION_AUGMENT,
    OPTION_PLAIN,
    OPTION_SAVE,
    OPTION_MEMORY,
    OPTION_CHECKPOINT,
    OPTION_EVERY,
    OPTION_KEEP,
    OPTION_RESUME,
    OPTION_COMPACT
};

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
    {"checkpoint", OPTION_CHECKPOINT, "FILE", 0,
     "Save the whole run there after each epoch and when it is interrupted", 0},
    {"checkpoint-every", OPTION_EVERY, "N", 0, "And after every N steps", 0},
    {"keep-last", OPTION_KEEP, "N", 0, "How many checkpoints are kept (default: 1)", 0},
    {"resume", OPTION_RESUME, NULL, 0, "Go on from the checkpoint, if there is one", 0},
    {"memory", OPTION_MEMORY, NULL, 0, "Tell the memory in use after each epoch", 0},
    {"quiet", 'q', NULL, 0, "Print the last line only, and what --memory asks for", 0},
    {0},
};

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
    case OPTION_CHECKPOINT: s->checkpoint = arg; return 0;
    case OPTION_EVERY: s->every = whole_number(state, arg, 1); return 0;
    case OPTION_KEEP: s->keep_last = whole_number(state, arg, 1); return 0;
    case OPTION_RESUME: s->resume = true; return 0;
    case ARGP_KEY_END:
        if (!s->checkpoint && (s->resume || s->every || s->keep_last > 1))
            argp_error(state,
                       "--resume, --checkpoint-every and --keep-last need --checkpoint FILE");
        return 0;
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
                      .augment = -1,
                      .keep_last = 1};
}

/* Under mpirun this process is one of several, of which the first one speaks. False, with a
 * message, when they cannot train together. */
static inline bool join_ranks(settings *s)
{
    if (fv_init_process_group() != FV_OK) return false;
    const int ranks = fv_get_world_size();
    if (s->batch_size % ranks != 0) {
        fprintf(stderr, "a batch of %" PRId64 " images has no %d equal parts\n", s->batch_size,
                ranks);
        return false;
    }
    if (!fv_is_writer()) s->quiet = true;
    return true;
}

/* False, with a message, if the result could not be saved: told before an hour of training. */
static inline bool can_save(const settings *s)
{
    return !s->save || fv_can_save(s->save);
}

/* --- progress --------------------------------------------------------------------------------- */

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

/* --- saving and going on ---------------------------------------------------------------------- */

/* What a run takes up again beside network, optimizer, scheduler and loader. */
typedef struct saved_run {
    fv_checkpoint *checkpoint; /* NULL: nobody asked for one */
    int64_t every, steps;      /* steps between checkpoints, and done so far */
    double total;              /* losses of this epoch */
    int64_t seen;              /* images of this epoch */
    double accuracy;           /* of the last epoch */
} saved_run;

/* The signal that asked the run to stop; 0: none has. */
static volatile sig_atomic_t stop_signal;

static void ask_to_stop(int number)
{
    stop_signal = number;
}

/* A second one ends the program at once, as it would have without a checkpoint. */
static inline void stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Opens the checkpoint that --checkpoint names and, with --resume, goes on from it. `recipe` says
 * what the run is bound to. False, with a message, when the run must not start. */
static inline bool open_run(saved_run *run, const settings *s, const char *recipe, fv_module *net,
                            fv_optim *opt, fv_scheduler *schedule, fv_loader *batches)
{
    *run = (saved_run){.every = s->every, .accuracy = -1};
    if (!s->checkpoint) return true;
    run->checkpoint =
        fv_checkpoint_new(s->checkpoint, net, opt, schedule, batches, .keep_last = s->keep_last);
    fv_checkpoint *c = run->checkpoint;
    const bool there = fv_any_rank(fv_is_writer() && fv_checkpoint_exists(c));
    if (!c || fv_checkpoint_expect(c, "recipe", recipe) != FV_OK ||
        fv_checkpoint_int(c, "steps", &run->steps) != FV_OK ||
        fv_checkpoint_double(c, "total", &run->total) != FV_OK ||
        fv_checkpoint_int(c, "seen", &run->seen) != FV_OK ||
        fv_checkpoint_double(c, "accuracy", &run->accuracy) != FV_OK)
        return false;
    if (there && !s->resume) {
        fprintf(stderr, "%s is there already: --resume goes on from it; remove it to start anew\n",
                s->checkpoint);
        return false;
    }
    if (there) {
        if (fv_checkpoint_load(c) != FV_OK) return false;
        if (!s->quiet) printf("going on from %s, step %" PRId64 "\n", s->checkpoint, run->steps);
    } else if (s->resume && !s->quiet) {
        printf("no %s yet: starting anew\n", s->checkpoint);
    }
    stop_on_signals();
    return true;
}

/* Saves the run. When that fails the training goes on: the last checkpoint still stands, and the
 * disk may have room again by the next. */
static inline void save_run(saved_run *run, double metric)
{
    if (!run->checkpoint || fv_error_status() != FV_OK) return;
    if (fv_checkpoint_save(run->checkpoint, metric) == FV_OK) return;
    fprintf(stderr, "not saved: the checkpoint before stands, the training goes on\n");
    fv_clear_error();
}

/* After each step. */
static inline void end_step(saved_run *run, double loss, int64_t images)
{
    run->total += loss * (double)images;
    run->seen += images;
    run->steps++;
    if (run->every && run->steps % run->every == 0) save_run(run, FV_UNSET_NUMBER);
}

/* After each epoch and its test. */
static inline void end_epoch(saved_run *run, double accuracy)
{
    run->accuracy = accuracy;
    run->total = 0;
    run->seen = 0;
    save_run(run, accuracy);
}

/* Saves what was interrupted and says how to go on. */
static inline int leave_run(saved_run *run, char **argv)
{
    bool resumes = false;
    if (fv_checkpoint_save(run->checkpoint) != FV_OK) return 1; /* the library has told why */
    if (!fv_is_writer()) return 128 + stop_signal;
    fprintf(stderr, "stopped after step %" PRId64 "; this goes on:\n ", run->steps);
    for (char **arg = argv; *arg; arg++) {
        fprintf(stderr, strpbrk(*arg, " \t'\"\\$*?&;|<>()") ? " '%s'" : " %s", *arg);
        resumes |= strcmp(*arg, "--resume") == 0;
    }
    fprintf(stderr, "%s\n", resumes ? "" : " --resume");
    return 128 + stop_signal; /* as a shell has it */
}

/* --- the whole training ----------------------------------------------------------------------- */

typedef struct training {
    const settings *s;
    fv_module *net;
    fv_loader *train, *test;
    fv_optim *opt;
    fv_scheduler *schedule;
    fv_data_parallel *parallel; /* NULL: on one process */
    saved_run run;
    file_notes notes; /* saved with the weights */
} training;

/* What a program does with a batch: forward, backward, step. Returns the loss. */
typedef fv_tensor *(*step_fn)(training *t, const fv_batch *b);

/* A batch whose step did not come about, as another rank has gone, comes again after --resume. */
static inline void repeat_batch(fv_loader *batches)
{
    fv_loader_state state = fv_loader_get_state(batches);
    state.batch--;
    fv_loader_set_state(batches, state);
}

/* Has a signal asked for the end? All ranks stop at the same step, whichever has got it. */
static inline bool stop_together(void)
{
    if (fv_any_rank(stop_signal) && !stop_signal) stop_signal = SIGTERM;
    return stop_signal;
}

/* One pass over the training images, or the rest of one; true when it is complete. */
static inline bool train_epoch(training *t, step_fn step, progress *p)
{
    saved_run *run = &t->run;
    FV_EACH_BATCH (b, t->train) {
        FV_SCOPE;
        const double loss = fv_item(step(t, &b));
        if (fv_error_status() == FV_ERR_PEER) repeat_batch(t->train);
        if (fv_error_status() != FV_OK) break;
        end_step(run, loss, b.n);
        show_progress(p, fv_loader_get_state(t->train).batch, run->total / (double)run->seen,
                      fv_get_lr(t->opt));
        if (stop_together()) break;
    }
    clear_progress(p);
    return !stop_signal && fv_error_status() == FV_OK;
}

/* All epochs that are left. */
static inline void train(training *t, step_fn step)
{
    const settings *s = t->s;
    progress p = {.quiet = s->quiet,
                  .epochs = s->epochs,
                  .batches = fv_loader_batches(t->train),
                  .images_per_batch = s->batch_size,
                  .start = now(),
                  .shown = now()};
    for (p.epoch = fv_loader_get_state(t->train).epoch; p.epoch < s->epochs; p.epoch++) {
        p.epoch_start = now();
        if (stop_signal || !train_epoch(t, step, &p)) return;
        const double loss = t->run.total / (double)t->run.seen;
        const double accuracy = test_accuracy(t->net, t->test);
        if (accuracy < 0) return;
        print_epoch(&p, loss, accuracy);
        end_epoch(&t->run, accuracy);
        if (s->memory) print_memory();
    }
}

/* After the last epoch, an error or a signal: saves what there is to save, prints the last line,
 * and gives the status to exit with. */
static inline int end_run(training *t, char **argv)
{
    const char *path = t->s->save;
    if (fv_error_status() == FV_ERR_PEER &&
        t->run.checkpoint) { /* what the others have done stays */
        fv_clear_error();
        leave_run(&t->run, argv);
        return 1;
    }
    if (fv_error_status() != FV_OK) return 1;
    if (stop_signal) return leave_run(&t->run, argv);
    if (!fv_is_writer()) return 0;
    if (t->s->compact) {
        round_weights(t->net);
        t->run.accuracy = test_accuracy(t->net, t->test); /* of what is in the file */
    }
    if (path && fv_save(t->net, path, .metadata = t->notes.list,
                        .dtype = t->s->compact ? FV_BFLOAT16 : FV_UNSET_DTYPE) != FV_OK)
        return 1;
    printf("test_accuracy %.4f\n", t->run.accuracy);
    return 0;
}

/* Opens the run, trains, ends the run; the status to exit with. `recipe` is printed as well. */
static inline int train_and_save(training *t, step_fn step, const char *recipe, char **argv)
{
    const settings *s = t->s;
    if (fv_error_status() != FV_OK || (fv_is_writer() && !can_save(s)))
        return 1; /* the library has told why */
    if (!open_run(&t->run, s, recipe, t->net, t->opt, t->schedule, t->train)) return 1;
    if (!s->quiet)
        printf("%s\n%" PRId64 " weights, images from %s, %d threads\n", recipe,
               fv_parameter_count(t->net), s->data, fv_get_num_threads());
    fflush(stdout);
    train(t, step);
    return end_run(t, argv);
}

/* "NAME  images N  epochs N ...": what makes a run the one that it is. */
static inline void describe(const training *t, const char *name, const fv_dataset *images,
                            char *text, size_t size)
{
    const settings *s = t->s;
    snprintf(text, size,
             "%s  images %" PRId64 "  epochs %" PRId64 "  batch_size %" PRId64
             "  lr %g  weight_decay %g  augment %s  seed %" PRIu64,
             name, fv_dataset_size(images), s->epochs, s->batch_size, s->lr, s->weight_decay,
             s->augment == 1 ? "yes" : "no", s->seed);
}

static inline void free_training(training *t)
{
    fv_free(t->run.checkpoint);
    fv_free(t->parallel);
    fv_free(t->schedule);
    fv_free(t->opt);
    fv_free(t->net);
    fv_free(t->train);
    fv_free(t->test);
}

#endif
