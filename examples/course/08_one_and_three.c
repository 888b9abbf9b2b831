/* Chapter 8: convolution in one dimension, over time, and in three, over space. */
#include "course.h"

/* --- sizes: the same formula, once a dimension ------------------------------------------------ */

static void sizes(void)
{
    FV_SCOPE;
    fv_set_shapes_only(true);
    fv_tensor *sound = fv_conv1d(fv_zeros(1, 1, 16000), fv_zeros(64, 1, 80), .stride = 4);
    fv_tensor *scan = fv_conv3d(fv_zeros(1, 1, 32, 64, 64), fv_zeros(8, 1, 3, 3, 3),
                                .stride = FV_DIMS(1, 2, 2), .padding = 1);
    const fv_shape s = fv_shape_of(sound), v = fv_shape_of(scan);
    printf("a second of sound, 64 filters of 80, stride 4: %s\n", fv_shape_text(&s));
    printf("a scan, 8 filters of 3x3x3, stride 1x2x2:      %s\n", fv_shape_text(&v));
    fv_set_shapes_only(false);
}

/* --- one dimension: does the tone rise or fall? ----------------------------------------------- */

enum { LENGTH = 256 };

/* n tones [n,1,LENGTH] with noise, and what they are [n]: 0 falls, 1 stays, 2 rises. */
static void tones(int64_t n, fv_tensor **x, fv_tensor **y)
{
    *y = fv_randint(n, .high = 3);
    fv_tensor *slope = fv_mul(fv_sub(fv_to(*y, FV_FLOAT32), 1), 0.15); /* of the frequency */
    fv_tensor *t = fv_div(fv_arange(LENGTH), (double)LENGTH);          /* 0 to 1 */
    fv_tensor *start = fv_add(fv_mul(fv_rand(n, 1), 0.1), 0.35);       /* radians a sample */
    fv_tensor *bend = fv_mul(fv_view(slope, n, 1), fv_sub(t, 1.0 / 2));
    fv_tensor *phase = fv_cumsum(fv_add(start, bend), 1);
    fv_tensor *noise = fv_mul(fv_randn(n, LENGTH), 0.5);
    *x = fv_unsqueeze(fv_add(fv_sin(phase), noise), 1);
}

/* Strided filters over time, then the mean over all time: how long the sound is does not matter. */
static fv_module *listener(void)
{
    return fv_sequential(fv_nn_conv1d(1, 16, 16, .stride = 2), fv_nn_relu(),
                         fv_nn_conv1d(16, 32, 8, .stride = 2), fv_nn_relu(),
                         fv_nn_conv1d(32, 32, 8, .stride = 2), fv_nn_relu(),
                         fv_nn_adaptive_avg_pool1d(1), fv_nn_flatten(), fv_nn_linear(32, 3));
}

/* --- three dimensions: a ball or a box? ------------------------------------------------------- */

enum { SIDE = 16 };

/* n bodies [n,1,SIDE,SIDE,SIDE] of voxels, and what they are [n]: 0 a ball, 1 a box. */
static void bodies(int64_t n, fv_tensor **x, fv_tensor **y)
{
    *y = fv_randint(n, .high = 2);
    fv_tensor *place = fv_add(fv_mul(fv_rand(3, n, 1, 1, 1), 3), 6);
    fv_tensor *size = fv_add(fv_mul(fv_rand(n, 1, 1, 1), 2), 4);
    fv_tensor *along = fv_to(fv_arange(SIDE), FV_FLOAT32);
    fv_tensor *dz = fv_abs(fv_sub(fv_view(along, 1, SIDE, 1, 1), fv_select(place, 0, 0)));
    fv_tensor *dy = fv_abs(fv_sub(fv_view(along, 1, 1, SIDE, 1), fv_select(place, 0, 1)));
    fv_tensor *dx = fv_abs(fv_sub(along, fv_select(place, 0, 2)));
    fv_tensor *round = fv_sqrt(fv_add(fv_add(fv_square(dz), fv_square(dy)), fv_square(dx)));
    fv_tensor *straight = fv_mul(fv_maximum(fv_maximum(dz, dy), dx), 1.24); /* of equal volume */
    fv_tensor *distance = fv_where(fv_eq(fv_view(*y, n, 1, 1, 1), 0), round, straight);
    fv_tensor *noise = fv_mul(fv_randn(n, SIDE, SIDE, SIDE), 0.3);
    *x = fv_unsqueeze(fv_add(fv_to(fv_le(distance, size), FV_FLOAT32), noise), 1);
}

static fv_module *feeler(void)
{
    return fv_sequential(fv_nn_conv3d(1, 8, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool3d(2),
                         fv_nn_conv3d(8, 16, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool3d(2),
                         fv_nn_flatten(), fv_nn_linear(16 * 4 * 4 * 4, 2));
}

/* --- both learn in the same way --------------------------------------------------------------- */

typedef void (*maker)(int64_t n, fv_tensor **x, fv_tensor **y);

static double right(fv_module *net, maker make)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_tensor *x, *y;
    make(500, &x, &y);
    return fv_accuracy(fv_forward(net, x), y);
}

static void learn(const char *what, fv_module *net, maker make, int steps)
{
    fv_optim *opt = fv_adam(fv_parameters(net), .lr = 2e-3);
    printf("%s: %d weights, right at first %.2f", what, (int)fv_parameter_count(net),
           right(net, make));
    for (int step = 0; step < steps; step++) {
        FV_SCOPE;
        fv_tensor *x, *y;
        make(64, &x, &y);
        fv_zero_grad(opt);
        fv_backward(fv_cross_entropy(fv_forward(net, x), y));
        if (fv_step(opt) != FV_OK) break;
    }
    printf(", after %d steps %.2f\n", steps, right(net, make));
    fv_free(opt), fv_free(net);
}

/* A tone of each kind, without its noise, above each other. */
static void draw(const course *c)
{
    FV_SCOPE;
    static const char *const names[] = {"falls", "stays", "rises"};
    fv_tensor *x, *y;
    tones(64, &x, &y);
    fv_figure *f = fv_figure_new("Three tones with noise", .x_label = "sample", .width = 800);
    for (int64_t kind = 0; kind < 3; kind++) {
        int64_t i = 0;
        while (i < 63 && fv_at(y, &i) != (double)kind) i++;
        fv_tensor *line = fv_select(fv_select(x, 0, i), 0, 0);
        fv_plot_line(f, fv_add(line, 4.0 * (double)kind), .label = names[kind], .width = 1.5);
    }
    fv_figure_save(f, course_path(c, "08_tones.svg"));
    fv_free(f);
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    sizes();
    draw(&c);
    learn("tones ", listener(), tones, c.quick ? 5 : 300);
    learn("bodies", feeler(), bodies, c.quick ? 5 : 150);
    return course_end();
}
