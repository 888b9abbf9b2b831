/* Trains a small convolutional network on MNIST, or on Fashion-MNIST: above 98.5% and about 91%.
 *
 *     train_mnist                               reads datasets/mnist
 *     train_mnist --fashion --data /usr/share/datasets
 *     train_mnist --model digits --compact --save digits.safetensors      for the page in digits/
 *
 * The last line of stdout is "test_accuracy 0.9895". */
#define _POSIX_C_SOURCE 200809L
#include "models.h"
#include "training.h"

typedef struct arguments {
    settings common; /* first, for the options that all examples share */
    const char *model;
    bool fashion;
} arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; return 0;
    case ARGP_KEY_ARG: argp_usage(state); return 0;
    case 'f': a->fashion = true; return 0;
    case OPTION_COMPACT: a->common.compact = true; return 0;
    case 'm':
        if (strcmp(arg, "mnist") != 0 && strcmp(arg, "digits") != 0)
            argp_error(state, "--model: '%s' is neither mnist nor digits", arg);
        a->model = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static arguments read_arguments(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"fashion", 'f', NULL, 0, "Fashion-MNIST: clothes in place of digits", 0},
        {"model", 'm', "NAME", 0, "mnist (default) or digits, the network of the page", 0},
        {"compact", OPTION_COMPACT, NULL, 0,
         "Round the weights at the end, so that the file packs to a sixth", 0},
        {0}};
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .doc = "Trains a network on MNIST.",
                                     .children = children};
    arguments a = {.common = default_settings(), .model = "mnist"};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    settings *s = &a.common;
    if (s->epochs < 0) s->epochs = a.fashion ? 4 : strcmp(a.model, "digits") == 0 ? 3 : 2;
    if (s->batch_size < 0) s->batch_size = 100;
    if (s->lr < 0) s->lr = 4e-3;
    if (s->weight_decay < 0) s->weight_decay = 1e-2;
    return a;
}

static fv_dataset *load(const arguments *a, bool train)
{
    const settings *s = &a->common;
    const int64_t crop = train && s->augment == 1 ? 2 : 0;
    return a->fashion
               ? fv_fashion_mnist(s->data, .train = train, .limit = s->limit, .random_crop = crop)
               : fv_mnist(s->data, .train = train, .limit = s->limit, .random_crop = crop);
}

/* What predict.c will want to know. */
static void note(file_notes *n, const arguments *a)
{
    if (a->fashion)
        make_notes(n, a->model, "Fashion-MNIST", "1 28 28", &fv_fashion_mnist_defaults, CLOTHES);
    else
        make_notes(n, a->model, "MNIST", "1 28 28", &fv_mnist_defaults, DIGITS);
}

/* Adam with decoupled weight decay, its rate rising and falling once. */
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
    const arguments a = read_arguments(argc, argv);
    const settings *s = &a.common;
    fv_manual_seed(s->seed);
    if (s->threads > 0) fv_set_num_threads(s->threads);

    fv_dataset *images = load(&a, true), *test_images = load(&a, false);
    training t = {.s = s};
    t.train = fv_loader_new(images, s->batch_size, .shuffle = true);
    t.test = fv_loader_new(test_images, 500);
    t.net = find_network(a.model)();
    t.opt = fv_adamw(fv_parameters(t.net), .lr = s->lr, .weight_decay = s->weight_decay);
    t.schedule = fv_one_cycle_lr(t.opt, s->lr, .epochs = s->epochs,
                                 .steps_per_epoch = fv_loader_batches(t.train));

    char text[256];
    describe(&t, a.fashion ? "Fashion-MNIST" : "MNIST", images, text, sizeof text);
    note(&t.notes, &a);
    int status = train_and_save(&t, step, text, argv);

    free_training(&t);
    fv_free(images);
    fv_free(test_images);
    fv_shutdown();
    return status;
}
