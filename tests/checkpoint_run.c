/* See checkpoint_run.h. */
#include "checkpoint_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/fovea_checkpoint_XXXXXX";

void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    fv_set_log(NULL, NULL);
}

/* One of 8 buffers in turn. */
const char *in_folder(const char *name)
{
    static char paths[8][128];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *const file_names[] = {
    "a.safetensors",
    "b.safetensors",
    "a.best.safetensors",
    "a.1.safetensors",
    "a.2.safetensors",
    "a.3.safetensors",
    "plain",
    "plain.1",
    "a.previous.safetensors",
    "link",
};

void remove_folder(void)
{
    for (size_t i = 0; i < sizeof file_names / sizeof *file_names; i++)
        unlink(in_folder(file_names[i]));
    ck_assert_int_eq(rmdir(folder), 0); /* also shows that nothing else was left */
    fv_set_log(fv_default_log, NULL);
}

bool file_exists(const char *name)
{
    struct stat info;
    return stat(in_folder(name), &info) == 0;
}

bool same_files(const char *a, const char *b)
{
    FILE *x = fopen(in_folder(a), "rb"), *y = fopen(in_folder(b), "rb");
    ck_assert(x && y);
    int c, d;
    do c = getc(x), d = getc(y);
    while (c == d && c != EOF);
    fclose(x);
    fclose(y);
    return c == d;
}

/* --- a run -------------------------------------------------------------------------------- */

const recipe usual = {.channels = 4, .batch_size = 4, .step_size = 3, .dtype = FV_FLOAT32};

static fv_optim *make_optim(int kind, fv_tensor_list p)
{
    switch (kind) {
    case 0: return fv_sgd(p, .lr = 0.05);
    case 1: return fv_sgd(p, .lr = 0.05, .momentum = 0.9, .dampening = 0.3);
    case 2: return fv_sgd(p, .lr = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-2);
    case 3: return fv_adam(p, .lr = 0.01, .weight_decay = 1e-2);
    case 4: return fv_adam(p, .lr = 0.01, .beta1 = 0.8, .amsgrad = true, .eps = 1e-6);
    case 5: return fv_adamw(p, .lr = 0.01, .maximize = true);
    default: return fv_adamw(p, .lr = 0.01, .amsgrad = true);
    }
}

static double falling(int64_t step, void *context)
{
    return *(const double *)context / (double)(step + 1);
}

static fv_scheduler *make_scheduler(const recipe *r, fv_optim *opt)
{
    static double factor = 1.5;
    switch (r->scheduler) {
    case 1: return fv_step_lr(opt, r->step_size, .gamma = 0.7);
    case 2: return fv_multi_step_lr(opt, FV_MILESTONES(2, r->step_size + 2, 9), .gamma = 0.6);
    case 3: return fv_exponential_lr(opt, 0.93);
    case 4: return fv_cosine_annealing_lr(opt, 2 * r->step_size, .eta_min = 1e-4);
    case 5: return fv_linear_lr(opt, .total_iters = 3 * r->step_size, .end_factor = 0.9);
    case 6: return fv_lambda_lr(opt, falling, &factor);
    case 7: return fv_one_cycle_lr(opt, .max_lr = 0.1, .total_steps = 11 + r->step_size);
    case 8:
        return fv_reduce_lr_on_plateau(opt, .factor = 0.5, .patience = 1, .cooldown = r->step_size,
                                       .threshold = 0.5);
    default: return NULL;
    }
}

static fv_dataset *make_images(void)
{
    FV_SCOPE;
    const fv_rng_state before = fv_get_rng_state();
    fv_manual_seed(5);
    fv_tensor *images =
        fv_randint(.low = 0, .high = 256, .shape = FV_SHAPE(IMAGES, 1, 6, 6), .dtype = FV_UINT8);
    fv_tensor *labels = fv_randint(.low = 0, .high = 3, .shape = FV_SHAPE(IMAGES));
    fv_set_rng_state(before);
    return fv_image_dataset(images, labels, .random_crop = 2, .random_flip = true);
}

/* The checkpoint borrows *t-> */
void start(run *t, const recipe *r, uint64_t seed, const char *name)
{
    fv_manual_seed(seed);
    *t = (run){.set = make_images(), .plateau = r->scheduler == 8};
    t->batches = fv_loader_new(t->set, r->batch_size, .shuffle = true);
    t->net = fv_sequential(fv_nn_conv2d(1, r->channels, 3, .padding = 1, .dtype = r->dtype),
                           fv_nn_batch_norm2d(r->channels, .dtype = r->dtype), fv_nn_relu(),
                           fv_nn_dropout(0.3), fv_nn_max_pool2d(2), fv_nn_flatten(),
                           fv_nn_linear(r->channels * 9, 3, .dtype = r->dtype));
    const fv_tensor_list all = fv_parameters(t->net);
    ck_assert_int_eq(all.count, 6);
    t->opt = make_optim(r->optim, r->one_group ? all : (fv_tensor_list){all.items, 4});
    if (!r->one_group)
        ck_assert_int_eq(fv_optim_add_group(t->opt, (fv_tensor_list){all.items + 4, 2}, .lr = 0.02),
                         FV_OK);
    t->scheduler = make_scheduler(r, t->opt);
    {
        FV_SCOPE;
        t->average = fv_retain(fv_zeros_like(fv_parameters(t->net).items[0]));
    }
    t->checkpoint = fv_checkpoint_new(in_folder(name), .module = t->net, .optim = t->opt,
                                      .scheduler = t->scheduler, .loader = t->batches);
    ck_assert_msg(t->checkpoint != NULL, "%s", fv_error());
    ck_assert_int_eq(fv_checkpoint_double(t->checkpoint, "total", &t->total), FV_OK);
    ck_assert_int_eq(fv_checkpoint_int(t->checkpoint, "seen", &t->seen), FV_OK);
    ck_assert_int_eq(fv_checkpoint_tensor(t->checkpoint, "average", t->average), FV_OK);
}

void stop(run *t)
{
    fv_free(t->checkpoint);
    fv_free(t->scheduler);
    fv_free(t->opt);
    fv_free(t->net);
    fv_free(t->batches);
    fv_free(t->set);
    fv_release(t->average);
}

static void end_epoch(run *t)
{
    if (t->plateau) fv_scheduler_step(t->scheduler, t->total / (double)t->seen);
    t->total = 0;
    t->seen = 0;
}

void train(run *t, int steps)
{
    fv_batch b;
    for (int i = 0; i < steps; i++) {
        FV_SCOPE;
        while (!fv_loader_next(t->batches, &b)) {
            ck_assert_msg(fv_error_status() == FV_OK, "%s", fv_error());
            end_epoch(t);
        }
        fv_tensor *x = fv_to(b.x, fv_dtype_of(t->average));
        fv_tensor *loss = fv_cross_entropy(fv_forward(t->net, x), b.y);
        fv_zero_grad(t->opt);
        fv_backward(loss);
        ck_assert_int_eq(fv_step(t->opt), FV_OK);
        if (t->scheduler && !t->plateau) fv_scheduler_step(t->scheduler);
        t->total += fv_item(loss) * (double)b.n;
        t->seen += b.n;
        FV_NO_GRAD;
        fv_tensor *mix = fv_mul_scalar(fv_add(t->average, fv_parameters(t->net).items[0]), 0.5);
        fv_copy_elements(t->average, mix);
    }
}

void save(run *t)
{
    ck_assert_msg(fv_checkpoint_save(t->checkpoint) == FV_OK, "%s", fv_error());
}
