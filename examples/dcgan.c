/* A DCGAN (Radford, Metz, Chintala 2016) learns to draw clothes, or digits: a generator makes
 * images of noise, a discriminator tells them from real ones, and each learns from the other.
 *
 *     dcgan --data /usr/share/datasets           Fashion-MNIST; a grid of samples after each epoch
 *     dcgan --mnist                              digits
 *     dcgan --sample dcgan.safetensors --seed 7  more samples of a generator that was trained
 * before
 *
 * The paper's recipe: no pooling, strides instead; batch norm in both networks, but not at the
 * generator's end nor at the discriminator's beginning; weights from N(0, 0.02); Adam with rate
 * 2e-4 and beta1 0.5; tanh at the end, so images lie in [-1, 1]. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

/* --- options ---------------------------------------------------------------------------------- */

typedef struct arguments {
    demo common; /* first, for the options that these programs share */
    bool mnist;
    const char *sample;
} arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; return 0;
    case 'm': a->mnist = true; return 0;
    case 'f': a->sample = path_given(state, arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool read_arguments(arguments *a, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"mnist", 'm', NULL, 0, "Digits in place of clothes", 0},
        {"sample", 'f', "FILE", 0, "Train nothing: draw with the generator saved in FILE", 0},
        {0}};
    static const struct argp_child children[] = {{&demo_data_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .doc = "Learns to draw clothes from Fashion-MNIST.",
                                     .children = children};
    *a = (arguments){.common = {.out = "."}};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, a);
    return begin_demo(&a->common);
}

/* --- the networks ----------------------------------------------------------------------------- */

enum { NOISE = 100, WIDTH = 64 };

static fv_module *up(int64_t in, int64_t out)
{
    return fv_nn_conv_transpose2d(in, out, 4, .stride = 2, .padding = 1, .bias = false);
}
static fv_module *down(int64_t in, int64_t out)
{
    return fv_nn_conv2d(in, out, 4, .stride = 2, .padding = 1, .bias = false);
}

/* [N,100,1,1]  ->  [N,1,28,28] */
static fv_module *new_generator(void)
{
    return fv_sequential(fv_nn_conv_transpose2d(NOISE, 2 * WIDTH, 7, .bias = false), /* 7 x 7 */
                         fv_nn_batch_norm2d(2 * WIDTH), fv_nn_relu(),
                         up(2 * WIDTH, WIDTH), /* 14 x 14 */
                         fv_nn_batch_norm2d(WIDTH), fv_nn_relu(), up(WIDTH, 1), fv_nn_tanh());
}

/* [N,1,28,28]  ->  [N,1,1,1]: above 0 for an image that looks real */
static fv_module *new_discriminator(void)
{
    return fv_sequential(down(1, WIDTH), fv_nn_leaky_relu(0.2), /* 14 x 14 */
                         down(WIDTH, 2 * WIDTH), fv_nn_batch_norm2d(2 * WIDTH),
                         fv_nn_leaky_relu(0.2), /* 7 x 7 */
                         fv_nn_conv2d(2 * WIDTH, 1, 7, .bias = false));
}

/* Convolutions from N(0, 0.02), the factors of batch norm from N(1, 0.02). */
static void draw_weights(fv_module *net)
{
    const fv_named_list weights = fv_named_parameters(net);
    for (int64_t i = 0; i < weights.count; i++) {
        fv_tensor *w = weights.items[i].tensor;
        if (fv_ndim(w) == 4)
            fv_init_normal_(w, 0, 0.02);
        else if (strstr(weights.items[i].name, "weight"))
            fv_init_normal_(w, 1, 0.02);
    }
}

/* --- training --------------------------------------------------------------------------------- */

typedef struct players {
    fv_module *generator, *discriminator;
    fv_optim *generator_opt, *discriminator_opt;
} players;

/* How far the discriminator's answers on x are from "real" (1) or "made" (0). */
static fv_tensor *distance(fv_module *discriminator, fv_tensor *x, double answer)
{
    fv_tensor *y = fv_forward(discriminator, x);
    return fv_binary_cross_entropy_with_logits(y, fv_full_like(y, answer));
}

/* One step of each on a batch of real images. */
static void play(players *p, fv_tensor *real, double *d_loss, double *g_loss)
{
    fv_tensor *made = fv_forward(p->generator, fv_randn(fv_size(real, 0), NOISE, 1, 1));

    /* detached: the discriminator's step stops in front of the generator */
    fv_tensor *loss =
        fv_add(distance(p->discriminator, real, 1), distance(p->discriminator, fv_detach(made), 0));
    fv_zero_grad(p->discriminator_opt);
    fv_backward(loss);
    fv_step(p->discriminator_opt);
    *d_loss = fv_item(loss);

    /* the generator wants its images to be taken for real */
    loss = distance(p->discriminator, made, 1);
    fv_zero_grad(p->generator_opt);
    fv_backward(loss);
    fv_step(p->generator_opt);
    *g_loss = fv_item(loss);
}

/* --- what there is to see --------------------------------------------------------------------- */

/* Samples of the same noise, always; batch norm has its running statistics. */
static fv_tensor *draw(fv_module *generator, fv_tensor *noise)
{
    FV_NO_GRAD;
    fv_eval(generator);
    fv_tensor *made = fv_forward(generator, noise);
    fv_train(generator);
    return made;
}

static void save_samples(const demo *d, fv_tensor *images, const char *name, int64_t nrow)
{
    fv_save_image(images, output_path(d, name), .nrow = nrow, .normalize = true,
                  .value_range = {-1, 1}, .upscale = 2);
}

/* A grid for each epoch, and the beginnings of all of them below one another. */
static void show_epoch(const demo *d, fv_module *generator, fv_tensor *noise, int64_t epoch,
                       fv_tensor **history)
{
    enum { COLUMNS = 12 };
    FV_SCOPE;
    char name[64];
    fv_tensor *made = draw(generator, noise), *first = fv_narrow(made, 0, 0, COLUMNS);
    snprintf(name, sizeof name, "dcgan_epoch_%02" PRId64 ".png", epoch);
    save_samples(d, made, name, 8);
    fv_tensor *all = fv_retain(*history ? fv_cat(FV_TENSORS(*history, first)) : first);
    fv_release(*history);
    *history = all;
    save_samples(d, all, "dcgan_epochs.png", COLUMNS);
}

/* The losses, each point the mean of so many steps: discriminator and generator. */
enum { STEPS_A_POINT = 20 };
typedef struct curves {
    int64_t steps; /* so far */
    float *loss[2];
} curves;

static void note_losses(curves *c, double discriminator, double generator)
{
    const int64_t point = c->steps / STEPS_A_POINT, within = c->steps % STEPS_A_POINT + 1;
    c->loss[0][point] += ((float)discriminator - c->loss[0][point]) / (float)within;
    c->loss[1][point] += ((float)generator - c->loss[1][point]) / (float)within;
    c->steps++;
}

static void draw_losses(const demo *d, fv_tensor *const losses[2])
{
    fv_figure *f = fv_figure_new("DCGAN", .x_label = "steps", .y_label = "loss");
    fv_tensor *steps = fv_mul(fv_arange((double)fv_numel(losses[0])), STEPS_A_POINT);
    fv_plot_line(f, losses[0], steps, .label = "discriminator");
    fv_plot_line(f, losses[1], steps, .label = "generator");
    fv_figure_save(f, output_path(d, "dcgan_losses.png"));
    fv_free(f);
}

/* --- the program ------------------------------------------------------------------------------ */

static void train(const demo *d, players *p, fv_loader *batches, fv_tensor *noise, curves *c)
{
    fv_tensor *history = NULL;
    for (int64_t epoch = 1; epoch <= d->epochs; epoch++) {
        const double start = now();
        double d_loss = 0, g_loss = 0;
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            double d_one, g_one;
            play(p, b.x, &d_one, &g_one);
            note_losses(c, d_one, g_one);
            d_loss += d_one, g_loss += g_one;
        }
        if (fv_error_status() != FV_OK) break;
        const double steps = (double)fv_loader_batches(batches);
        printf("epoch %" PRId64 "/%" PRId64 "  discriminator %.3f  generator %.3f  %.1f s\n", epoch,
               d->epochs, d_loss / steps, g_loss / steps, now() - start);
        show_epoch(d, p->generator, noise, epoch, &history);
        fflush(stdout);
    }
    fv_release(history);
}

static players new_players(void)
{
    players p = {.generator = new_generator(), .discriminator = new_discriminator()};
    draw_weights(p.generator);
    draw_weights(p.discriminator);
    p.generator_opt = fv_adam(fv_parameters(p.generator), .lr = 2e-4, .beta1 = 0.5);
    p.discriminator_opt = fv_adam(fv_parameters(p.discriminator), .lr = 2e-4, .beta1 = 0.5);
    return p;
}

static void free_players(players *p)
{
    fv_free(p->generator_opt);
    fv_free(p->discriminator_opt);
    fv_free(p->generator);
    fv_free(p->discriminator);
}

/* Draws 64 samples with a generator that an earlier run has saved. */
static void sample(const demo *d, const char *path)
{
    FV_SCOPE;
    fv_module *generator = new_generator();
    if (fv_load(generator, path) == FV_OK) {
        fv_manual_seed(d->seed);
        save_samples(d, draw(generator, fv_randn(64, NOISE, 1, 1)), "dcgan_samples.png", 8);
    }
    fv_free(generator);
}

static void train_and_save(const arguments *a)
{
    FV_SCOPE;
    const demo *d = &a->common;
    fv_dataset *images =
        a->mnist ? fv_mnist(d->data, .mean = {0.5}, .std = {0.5}, .limit = d->limit)
                 : fv_fashion_mnist(d->data, .mean = {0.5}, .std = {0.5}, .limit = d->limit);
    fv_loader *batches = fv_loader_new(images, 64, .shuffle = true);
    players p = new_players();
    fv_tensor *noise = fv_randn(64, NOISE, 1, 1);
    printf("generator %" PRId64 " weights, discriminator %" PRId64 "\n",
           fv_parameter_count(p.generator), fv_parameter_count(p.discriminator));
    const int64_t steps = d->epochs * fv_loader_batches(batches);
    const int64_t points = (steps + STEPS_A_POINT - 1) / STEPS_A_POINT;
    fv_tensor *losses[2] = {fv_zeros(points), fv_zeros(points)};
    curves c = {.loss = {fv_data_float32(losses[0]), fv_data_float32(losses[1])}};
    train(d, &p, batches, noise, &c);
    draw_losses(d, losses);
    fv_save(p.generator, output_path(d, "dcgan.safetensors"));
    free_players(&p);
    fv_free(batches);
    fv_free(images);
}

int main(int argc, char **argv)
{
    arguments a;
    if (!read_arguments(&a, argc, argv)) return 1;
    demo *d = &a.common;
    if (d->epochs == 0) d->epochs = d->quick ? 1 : 10;
    if (d->quick && d->limit == 0) d->limit = 640;
    if (a.sample)
        sample(d, a.sample);
    else
        train_and_save(&a);
    return end_demo();
}
