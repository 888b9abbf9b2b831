/* What tests/parallel.sh runs under mpirun:
 *
 *   parallel_run losses STEPS             trains with the batch of all ranks in one; rank 0 prints
 *                                         the mean loss of each step and a number of each rank's
 *                                         weights
 *   parallel_run train CHECKPOINT STEPS   the same, with pauses, until a rank goes or all is done:
 *                                         saves then and every five steps, and goes on from there
 *   parallel_run overlap STEPS            a network with 4 MiB of gradients: times
 *
 * Every rank prints "rank R pid P" before it trains. */
#define _GNU_SOURCE
#include <fovea.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 256, BATCH = 16, CLASSES = 4 };

typedef struct run {
    fv_dataset *images;
    fv_loader *batches;
    fv_module *net;
    fv_data_parallel *parallel;
    fv_optim *opt;
    fv_checkpoint *checkpoint;
    int64_t steps;
} run;

static fv_dataset *make_images(void)
{
    FV_SCOPE;
    fv_tensor *images =
        fv_randint(.low = 0, .high = 256, .shape = FV_SHAPE(SAMPLES, 3, 16, 16), .dtype = FV_UINT8);
    fv_tensor *labels = fv_randint(.low = 0, .high = CLASSES, .shape = FV_SHAPE(SAMPLES));
    return fv_image_dataset(images, labels, .mean = {0.5, 0.5, 0.5, 0}, .std = {0.3, 0.3, 0.3, 1},
                            .random_crop = 2, .random_flip = true);
}

static fv_module *make_net(bool large)
{
    if (large)
        return fv_sequential(fv_nn_flatten(), fv_nn_linear(768, 512), fv_nn_relu(),
                             fv_nn_linear(512, 512), fv_nn_relu(), fv_nn_linear(512, 512),
                             fv_nn_relu(), fv_nn_linear(512, CLASSES));
    return fv_sequential(fv_nn_conv2d(3, 8, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(8, 16, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_flatten(), fv_nn_linear(16 * 4 * 4, CLASSES));
}

static void make_run(run *r, bool large)
{
    const int ranks = fv_get_world_size();
    r->images = make_images();
    r->batches = fv_loader_new(r->images, BATCH / ranks, .shuffle = true, .num_replicas = ranks,
                               .rank = fv_get_rank());
    r->net = make_net(large);
    r->opt = fv_sgd(fv_parameters(r->net), .lr = 0.02, .momentum = 0.9);
    r->parallel = fv_distributed_data_parallel(r->net, .bucket_cap_mb = large ? 1.0 : 0.01);
}

static void free_run(run *r)
{
    fv_free(r->checkpoint);
    fv_free(r->opt);
    fv_free(r->parallel);
    fv_free(r->net);
    fv_free(r->batches);
    fv_free(r->images);
}

/* The loss of this rank's part; NaN after an error. */
static double one_step(run *r)
{
    FV_SCOPE;
    fv_batch b;
    if (!fv_loader_next(r->batches, &b)) fv_loader_next(r->batches, &b);
    if (fv_error_status() != FV_OK) return 0;
    fv_tensor *loss = fv_cross_entropy(fv_forward(r->net, b.x), b.y);
    fv_zero_grad(r->opt);
    fv_backward(loss);
    fv_clip_grad_norm_(fv_parameters(r->net), 1.0);
    fv_step(r->opt);
    return fv_item(loss);
}

static double mean_over_ranks(double value)
{
    FV_SCOPE;
    fv_tensor *t = fv_scalar(value, FV_FLOAT64);
    fv_all_reduce_(t);
    return fv_item(t) / fv_get_world_size();
}

/* A number that tells weights apart: FNV-1a of their bits, 62 of them. */
static int64_t number_of(fv_module *net)
{
    uint64_t hash = 0xcbf29ce484222325u;
    const fv_named_list state = fv_state_dict(net);
    for (int64_t i = 0; i < state.count; i++) {
        FV_SCOPE;
        fv_tensor *t = fv_contiguous(state.items[i].tensor);
        const unsigned char *bytes = t->data;
        const size_t count = (size_t)t->numel * fv_dtype_size(t->dtype);
        for (size_t k = 0; k < count; k++) hash = (hash ^ bytes[k]) * 0x100000001b3u;
    }
    return (int64_t)(hash >> 2);
}

static void print_numbers(fv_module *net)
{
    FV_SCOPE;
    fv_tensor *numbers = fv_zeros(fv_get_world_size(), .dtype = FV_INT64);
    fv_data_int64(numbers)[fv_get_rank()] = number_of(net);
    fv_all_reduce_(numbers);
    for (int r = 0; r < fv_get_world_size() && fv_is_writer(); r++)
        printf("weights %" PRId64 "\n", fv_data_int64(numbers)[r]);
}

static void losses(run *r, int64_t steps)
{
    for (int64_t step = 0; step < steps && fv_error_status() == FV_OK; step++) {
        const double loss = mean_over_ranks(one_step(r));
        if (fv_is_writer()) printf("loss %.9f\n", loss);
    }
    print_numbers(r->net);
}

static void pause_ms(long ms)
{
    nanosleep(&(const struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void train(run *r, const char *path, int64_t steps)
{
    r->checkpoint = fv_checkpoint_new(path, r->net, r->opt, .loader = r->batches);
    fv_checkpoint_int(r->checkpoint, "steps", &r->steps);
    if (fv_checkpoint_exists(r->checkpoint)) fv_checkpoint_load(r->checkpoint);
    if (fv_is_writer()) printf("starts at step %" PRId64 "\n", r->steps);
    fflush(stdout);
    while (r->steps < steps && fv_error_status() == FV_OK) {
        one_step(r);
        if (fv_error_status() == FV_OK) r->steps++;
        if (r->steps % 5 == 0) fv_checkpoint_save(r->checkpoint);
        if (fv_get_world_size() > 1) pause_ms(20);
    }
    const bool gone = fv_error_status() == FV_ERR_PEER;
    if (gone) fv_clear_error();
    if (fv_checkpoint_save(r->checkpoint) == FV_OK && fv_is_writer())
        printf("rank %d saved step %" PRId64 "\n", fv_get_rank(), r->steps);
    fflush(stdout);
    if (gone) fv_fail(FV_ERR_PEER, "stopped after step %" PRId64, r->steps);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void overlap(run *r, int64_t steps)
{
    for (int64_t k = 0; k < 5; k++) one_step(r);
    const fv_data_parallel_times a = fv_data_parallel_get_times(r->parallel);
    const double start = now();
    for (int64_t k = 0; k < steps; k++) one_step(r);
    const double step = (now() - start) / (double)steps * 1e3;
    const fv_data_parallel_times b = fv_data_parallel_get_times(r->parallel);
    const double passes = (double)(b.passes > a.passes ? b.passes - a.passes : 1);
    const double communication = (b.communication - a.communication) / passes * 1e3;
    const double waited = (b.waited - a.waited) / passes * 1e3;
    if (fv_is_writer())
        printf("overlap ranks %d  step %.3f ms  gradients %.2f MiB  communication %.3f ms  waited "
               "%.3f ms  hidden %.0f%%\n",
               fv_get_world_size(), step, (double)(b.bytes - a.bytes) / passes / 1048576,
               communication, waited, communication > 0 ? 100 * (1 - waited / communication) : 0);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    const bool trains = strcmp(mode, "train") == 0;
    if (argc != (trains ? 4 : 3)) return 2;
    const int64_t steps = strtoll(argv[argc - 1], NULL, 10);
    fv_manual_seed(3);
    if (fv_init_process_group(.timeout = 6) != FV_OK) return 1;
    printf("rank %d pid %ld\n", fv_get_rank(), (long)getpid());
    fflush(stdout);
    run r = {.images = NULL};
    make_run(&r, strcmp(mode, "overlap") == 0);
    if (strcmp(mode, "losses") == 0) losses(&r, steps);
    if (strcmp(mode, "overlap") == 0) overlap(&r, steps);
    if (trains) train(&r, argv[2], steps);
    const bool failed = fv_error_status() != FV_OK;
    free_run(&r);
    const bool left = fv_destroy_process_group() == FV_OK;
    fv_shutdown();
    return failed || !left;
}
