/* Trains a small convolutional network on MNIST, or on Fashion-MNIST: above 98.5% and about 91%.
 *
 *     train_mnist                               reads datasets/mnist
 *     train_mnist --fashion --data /usr/share/datasets
 *
 * The last line of stdout is "test_accuracy 0.9895". */
#define _POSIX_C_SOURCE 200809L
#include "training.h"

typedef struct arguments {
    settings common; /* first, for the options that all examples share */
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
    default: return ARGP_ERR_UNKNOWN;
    }
}

static arguments read_arguments(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"fashion", 'f', NULL, 0, "Fashion-MNIST: clothes in place of digits", 0}, {0}};
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .doc = "Trains a network on MNIST.",
                                     .children = children};
    arguments a = {.common = default_settings()};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    settings *s = &a.common;
    if (s->epochs < 0) s->epochs = a.fashion ? 4 : 2;
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

/* 1 x 28 x 28 to ten classes. */
static fv_module *build(void)
{
    return fv_sequential(fv_nn_conv2d(1, 16, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(16, 32, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_flatten(), fv_nn_linear(32 * 7 * 7, 128), fv_nn_relu(),
                         fv_nn_linear(128, 10));
}

/* Adam with decoupled weight decay, its rate rising and falling once; returns the accuracy. */
static double train(fv_module *net, fv_loader *batches, fv_loader *test, const settings *s)
{
    fv_optim *opt = fv_adamw(fv_parameters(net), .lr = s->lr, .weight_decay = s->weight_decay);
    progress p = {.quiet = s->quiet,
                  .epochs = s->epochs,
                  .batches = fv_loader_batches(batches),
                  .images_per_batch = s->batch_size,
                  .start = now(),
                  .shown = now()};
    fv_scheduler *schedule =
        fv_one_cycle_lr(opt, s->lr, .epochs = s->epochs, .steps_per_epoch = p.batches);
    double accuracy = -1;
    for (p.epoch = 0; p.epoch < s->epochs && fv_error_status() == FV_OK; p.epoch++) {
        double total = 0;
        int64_t seen = 0, batch = 0;
        p.epoch_start = now();
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            fv_tensor *loss = fv_cross_entropy(fv_forward(net, b.x), b.y);
            fv_zero_grad(opt);
            fv_backward(loss);
            fv_step(opt);
            fv_scheduler_step(schedule);
            total += fv_item(loss) * (double)b.n;
            seen += b.n;
            show_progress(&p, ++batch, total / (double)seen, fv_get_lr(opt));
        }
        clear_progress(&p);
        accuracy = test_accuracy(net, test);
        if (accuracy >= 0) print_epoch(&p, total / (double)seen, accuracy);
        if (s->memory) print_memory();
    }
    fv_free(schedule);
    fv_free(opt);
    return accuracy;
}

int main(int argc, char **argv)
{
    const arguments a = read_arguments(argc, argv);
    const settings *s = &a.common;
    fv_manual_seed(s->seed);
    if (s->threads > 0) fv_set_num_threads(s->threads);

    fv_dataset *images = load(&a, true), *test_images = load(&a, false);
    fv_loader *batches = fv_loader_new(images, s->batch_size, .shuffle = true);
    fv_loader *test = fv_loader_new(test_images, 500);
    fv_module *net = build();

    double accuracy = -1;
    if (fv_error_status() == FV_OK && can_save(s)) { /* else the library has told what is wrong */
        if (!s->quiet)
            printf("%s: %" PRId64 " training images, %" PRId64 " weights, epochs %" PRId64
                   "  batch_size %" PRId64 "  lr %g  weight_decay %g  seed %" PRIu64
                   "  threads %d\n",
                   a.fashion ? "Fashion-MNIST" : "MNIST", fv_dataset_size(images),
                   fv_parameter_count(net), s->epochs, s->batch_size, s->lr, s->weight_decay,
                   s->seed, fv_get_num_threads());
        fflush(stdout);
        accuracy = train(net, batches, test, s);
    }
    if (accuracy >= 0 && s->save && fv_save(net, s->save) != FV_OK) accuracy = -1;
    if (accuracy >= 0) printf("test_accuracy %.4f\n", accuracy);

    fv_free(net);
    fv_free(batches);
    fv_free(test);
    fv_free(images);
    fv_free(test_images);
    fv_shutdown();
    return accuracy >= 0 ? 0 : 1;
}
