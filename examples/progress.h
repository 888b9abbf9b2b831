/* How a training goes: the time, a line that tells where it stands, the accuracy on test images. */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include <fovea.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
