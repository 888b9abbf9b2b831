/* Trains a network on CIFAR-10 and tells its accuracy on the test images.
 *
 *     train_cifar10 --model small                   about 77% in six epochs
 *     train_cifar10 --model resnet20 --save net.safetensors
 *
 * The last line of stdout is "test_accuracy 0.7695". Every model has a recipe, which options can
 * change; all use SGD with Nesterov momentum and a one-cycle learning rate. On many processes, each
 * with its part of a batch:
 *
 *     mpirun -np 4 train_cifar10 --model resnet20 --threads 2 */
#define _POSIX_C_SOURCE 200809L
#include "models.h"
#include "training.h"

typedef struct recipe {
    const char *name;
    fv_module *(*build)(void);
    int64_t epochs, batch_size;
    double lr, weight_decay;
    bool augment;
} recipe;

static const recipe recipes[] = {
    {"small", small_net, 6, 128, 0.05, 5e-4, false},
    {"lenet", lenet, 10, 128, 0.02, 5e-4, false},
    {"resnet20", resnet20, 30, 128, 0.2, 5e-4, true},
    {"resnet18", resnet18, 30, 128, 0.1, 5e-4, true},
};

/* --- options ---------------------------------------------------------------------------------- */

typedef struct arguments {
    settings common; /* first, for the options that all examples share */
    const recipe *recipe;
} arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    if (key == ARGP_KEY_INIT) state->child_inputs[0] = &a->common;
    if (key == ARGP_KEY_ARG) argp_usage(state);
    if (key != 'm') return key == ARGP_KEY_INIT ? 0 : ARGP_ERR_UNKNOWN;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
        if (strcmp(arg, recipes[i].name) == 0) a->recipe = &recipes[i];
    if (strcmp(arg, a->recipe->name) != 0)
        argp_error(state, "no model '%s'; there are small, lenet, resnet20, resnet18", arg);
    return 0;
}

static arguments read_arguments(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"model", 'm', "NAME", 0, "small (default), lenet, resnet20 or resnet18", 0}, {0}};
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .doc = "Trains a network on CIFAR-10.",
                                     .children = children};
    arguments a = {.common = default_settings(), .recipe = &recipes[0]};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    settings *s = &a.common;
    const recipe *r = a.recipe;
    if (s->epochs < 0) s->epochs = r->epochs;
    if (s->batch_size < 0) s->batch_size = r->batch_size;
    if (s->lr < 0) s->lr = r->lr;
    if (s->weight_decay < 0) s->weight_decay = r->weight_decay;
    if (s->augment < 0) s->augment = r->augment;
    return a;
}

/* --- training --------------------------------------------------------------------------------- */

static fv_tensor *step(training *t, const fv_batch *b)
{
    fv_tensor *loss = fv_cross_entropy(fv_forward(t->net, b->x), b->y);
    fv_zero_grad(t->opt);
    fv_backward(loss);
    fv_step(t->opt);
    fv_scheduler_step(t->schedule);
    return loss;
}

int main(int argc, char **argv)
{
    arguments a = read_arguments(argc, argv);
    const settings *s = &a.common;
    if (!join_ranks(&a.common)) return 1;
    fv_manual_seed(s->seed);
    if (s->threads > 0) fv_set_num_threads(s->threads);

    fv_dataset *images = fv_cifar10(s->data, .train = true, .limit = s->limit,
                                    .random_crop = s->augment ? 4 : 0, .random_flip = s->augment);
    fv_dataset *test_images = fv_cifar10(s->data, .train = false, .limit = s->limit);
    training t = {.s = s, .net = a.recipe->build()};
    t.train = fv_loader_new(images, s->batch_size / fv_get_world_size(), .shuffle = true,
                            .num_replicas = fv_get_world_size(), .rank = fv_get_rank());
    t.test = fv_loader_new(test_images, 250);
    t.opt = fv_sgd(fv_parameters(t.net), .lr = s->lr, .momentum = 0.9, .nesterov = true,
                   .weight_decay = s->weight_decay);
    t.schedule = fv_one_cycle_lr(t.opt, s->lr, .epochs = s->epochs,
                                 .steps_per_epoch = fv_loader_batches(t.train));

    t.parallel = fv_distributed_data_parallel(t.net);

    char text[256];
    describe(&t, a.recipe->name, images, text, sizeof text);
    make_notes(&t.notes, a.recipe->name, "CIFAR-10", "3 32 32", &fv_cifar10_defaults, PICTURES);
    int status = train_and_save(&t, step, text, argv);

    free_training(&t);
    fv_free(images);
    fv_free(test_images);
    if (fv_destroy_process_group() != FV_OK) status = 1;
    fv_shutdown();
    return status;
}
