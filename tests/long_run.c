/* A training that resume.sh kills: long_run CHECKPOINT WEIGHTS sgd|adam EVERY KEEP
 *
 * Trains a small network (convolution, batch norm, dropout) on made-up images (shuffled, cropped,
 * flipped), saves a checkpoint after every EVERY steps and after each epoch, goes on from one that
 * is there, and writes the weights at the end. Tells where it starts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fovea.h"

enum { IMAGES = 50, BATCH = 8, EPOCHS = 6, CLASSES = 3 };

typedef struct run {
    fv_module *net;
    fv_optim *opt;
    fv_scheduler *schedule;
    fv_loader *batches;
    fv_checkpoint *checkpoint;
    int64_t every, steps, seen;
    double total;
    bool adam;
} run;

static fv_dataset *make_images(void)
{
    FV_SCOPE;
    fv_tensor *images =
        fv_randint(.low = 0, .high = 256, .shape = FV_SHAPE(IMAGES, 2, 8, 8), .dtype = FV_UINT8);
    fv_tensor *labels = fv_randint(.low = 0, .high = CLASSES, .shape = FV_SHAPE(IMAGES));
    return fv_image_dataset(images, labels, .mean = {0.5, 0.5, 0, 0}, .std = {0.25, 0.25, 1, 1},
                            .random_crop = 2, .random_flip = true);
}

/* Adam with a plateau schedule, or SGD with momentum and a one-cycle schedule. */
static void make_run(run *r, fv_dataset *images)
{
    r->batches = fv_loader_new(images, BATCH, .shuffle = true);
    r->net = fv_sequential(fv_nn_conv2d(2, 8, 3, .padding = 1), fv_nn_batch_norm2d(8), fv_nn_relu(),
                           fv_nn_max_pool2d(2), fv_nn_dropout(0.2), fv_nn_flatten(),
                           fv_nn_linear(8 * 4 * 4, CLASSES));
    const int64_t steps = EPOCHS * fv_loader_batches(r->batches);
    if (r->adam) {
        r->opt = fv_adam(fv_parameters(r->net), .lr = 5e-3, .amsgrad = true);
        r->schedule = fv_reduce_lr_on_plateau(r->opt, .factor = 0.5, .patience = 0);
    } else {
        r->opt = fv_sgd(fv_parameters(r->net), .lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3);
        r->schedule = fv_one_cycle_lr(r->opt, 0.1, .total_steps = steps);
    }
}

static void one_step(run *r, const fv_batch *b)
{
    FV_SCOPE;
    fv_tensor *loss = fv_cross_entropy(fv_forward(r->net, b->x), b->y);
    fv_zero_grad(r->opt);
    fv_backward(loss);
    fv_step(r->opt);
    if (!r->adam) fv_scheduler_step(r->schedule);
    r->total += fv_item(loss) * (double)b->n;
    r->seen += b->n;
    r->steps++;
}

static void train(run *r)
{
    fv_batch b;
    while (fv_loader_get_state(r->batches).epoch < EPOCHS && fv_error_status() == FV_OK) {
        while (fv_loader_next(r->batches, &b)) {
            one_step(r, &b);
            if (r->steps % r->every == 0) fv_checkpoint_save(r->checkpoint);
        }
        const double loss = r->total / (double)r->seen;
        if (r->adam) fv_scheduler_step(r->schedule, loss);
        r->total = 0;
        r->seen = 0;
        fv_checkpoint_save(r->checkpoint, .metric = loss);
    }
}

static bool open_checkpoint(run *r, const char *path, int64_t keep)
{
    r->checkpoint = fv_checkpoint_new(path, r->net, r->opt, r->schedule, r->batches,
                                      .keep_last = keep, .best = FV_MODE_MIN);
    fv_checkpoint_int(r->checkpoint, "steps", &r->steps);
    fv_checkpoint_int(r->checkpoint, "seen", &r->seen);
    fv_checkpoint_double(r->checkpoint, "total", &r->total);
    if (fv_checkpoint_exists(r->checkpoint)) fv_checkpoint_load(r->checkpoint);
    printf("starts at step %lld\n", (long long)r->steps);
    fflush(stdout);
    return fv_error_status() == FV_OK;
}

int main(int argc, char **argv)
{
    if (argc != 6) return 2;
    run r = {.adam = strcmp(argv[3], "adam") == 0, .every = strtoll(argv[4], NULL, 10)};
    fv_manual_seed(7);
    fv_dataset *images = make_images();
    make_run(&r, images);
    if (open_checkpoint(&r, argv[1], strtoll(argv[5], NULL, 10))) train(&r);
    if (fv_error_status() == FV_OK) fv_save(r.net, argv[2]);
    const bool failed = fv_error_status() != FV_OK;
    fv_free(r.checkpoint);
    fv_free(r.schedule);
    fv_free(r.opt);
    fv_free(r.net);
    fv_free(r.batches);
    fv_free(images);
    fv_shutdown();
    return failed;
}
