/* The arithmetic of space in a convolutional network, from the library's own functions: sizes,
 * paddings, parameters, what layers see, and identities that a lecture proves on the board.
 *
 *     spatial
 *
 * Nothing here is computed by a formula of its own: sizes come of calls on tensors that have a
 * shape only, fields and counts of fv_inspect, and every identity is tried on numbers. */
#include <fovea.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static int wrong; /* identities that do not hold */

/* --- sizes ------------------------------------------------------------------------------------ */

static void print_size(int64_t n, int64_t f, int64_t stride, int64_t padding)
{
    FV_SCOPE;
    fv_module *conv = fv_nn_conv2d(1, 1, f, .stride = stride, .padding = padding);
    fv_inspection *seen = fv_inspect(conv, 1, 1, n, n);
    const fv_layer_info *layer = fv_inspection_layer(seen, 0);
    int64_t out = layer->output.dim[2], first, last = -1;
    /* The last window ends where the padded input does, or something is left over. */
    int64_t end = (out - 1) * stride - padding + f;
    printf("  %" PRId64 "x%" PRId64 "  F %" PRId64 "  stride %" PRId64 "  padding %" PRId64
           "  ->  %" PRId64 "x%" PRId64,
           n, n, f, stride, padding, out, out);
    if (end < n + padding) {
        fv_field_range(&layer->field, 1, out - 1, n, &first, &last);
        printf("   does not fit: rounded down");
        if (last < n - 1) printf(", column %" PRId64 " is never seen", last + 2);
    }
    printf("\n");
    fv_free(seen);
    fv_free(conv);
}

static void print_sizes(void)
{
    printf("Output size: (N + 2 padding - F) / stride + 1\n");
    for (int64_t stride = 1; stride <= 3; stride++) print_size(7, 3, stride, 0);
    print_size(7, 3, 3, 1);
    print_size(7, 3, 1, 1);
    print_size(32, 5, 1, 2);
    printf("\nTransposed: (N - 1) stride + F - 2 padding + output padding\n");
    for (int64_t stride = 1; stride <= 2; stride++)
        for (int64_t more = 0; more < stride; more++) {
            fv_module *up =
                fv_nn_conv_transpose2d(1, 1, 3, .stride = stride, .output_padding = more);
            fv_inspection *seen = fv_inspect(up, 1, 1, 4, 4);
            printf("  4x4  F 3  stride %" PRId64 "  output padding %" PRId64 "  ->  %" PRId64
                   "x%" PRId64 "\n",
                   stride, more, fv_inspection_layer(seen, 0)->output.dim[2],
                   fv_inspection_layer(seen, 0)->output.dim[3]);
            fv_free(seen);
            fv_free(up);
        }
}

/* --- full, same, valid ------------------------------------------------------------------------ */

enum { SIDE = 5, KERNEL = 3 };

/* One row of the padded input: where the first window lies, and what is padding. */
static void print_grid_row(int64_t row, int64_t padding)
{
    for (int64_t column = -padding; column < SIDE + padding; column++) {
        const bool inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
        const bool window = row < KERNEL - padding && column < KERNEL - padding;
        printf(" %s", window ? (inside ? "X" : "o") : inside ? "x" : ".");
    }
}

static void print_paddings(void)
{
    static const char *const names[] = {"full", "same", "valid"};
    const fv_dims paddings[] = {FV_FULL, FV_SAME, FV_VALID};
    printf("\nThree paddings of 5x5 for a kernel of 3x3 (x input, . padding, X and o the first "
           "window)\n");
    for (int i = 0; i < 3; i++) {
        fv_module *conv = fv_nn_conv2d(1, 1, KERNEL, .padding = paddings[i]);
        fv_inspection *seen = fv_inspect(conv, 1, 1, SIDE, SIDE);
        const fv_layer_info *layer = fv_inspection_layer(seen, 0);
        const int64_t padding = (int64_t)layer->field.padding[0], out = layer->output.dim[2];
        printf("\n  %s: padding %" PRId64 ", result %" PRId64 "x%" PRId64 "\n", names[i], padding,
               out, out);
        for (int64_t row = -padding; row < SIDE + padding; row++) {
            printf("  ");
            print_grid_row(row, padding);
            printf("\n");
        }
        fv_free(seen);
        fv_free(conv);
    }
}

/* --- counts ----------------------------------------------------------------------------------- */

static void print_counts_of(const char *what, fv_module *m)
{
    fv_inspection *seen = fv_inspect(m, 1, 3, 32, 32);
    const fv_layer_info *all = fv_inspection_layer(seen, 0);
    if (all)
        printf("  %-34s %10" PRId64 " parameters %10" PRId64 " operations with the bias\n", what,
               all->parameters, all->multiply_adds + all->bias_adds);
    fv_free(seen);
    fv_free(m);
}

static void print_counts(void)
{
    printf("\nFrom 32x32x3 to 32x32x10\n");
    print_counts_of("convolution, 10 filters of 5x5x3", fv_nn_conv2d(3, 10, 5, .padding = 2));
    const bool before = fv_set_shapes_only(true); /* 126 MB of weights that nobody reads */
    fv_module *full = fv_sequential(fv_nn_flatten(), fv_nn_linear(32 * 32 * 3, 32 * 32 * 10));
    fv_set_shapes_only(before);
    print_counts_of("fully connected", full);
}

static void print_fields(void)
{
    printf("\nLayers of KxK see 1 + L (K - 1)\n  layers");
    for (int layers = 1; layers <= 6; layers++) printf(" %4d", layers);
    for (int64_t k = 3; k <= 7; k += 2) {
        fv_module *net = fv_sequential();
        printf("\n  %" PRId64 "x%" PRId64 "   ", k, k);
        for (int layers = 1; layers <= 6; layers++) {
            fv_module_append(net, fv_nn_conv2d(1, 1, k));
            printf(" %4g", fv_receptive_field_of(net, 1, 1, 64, 64).size[0]);
        }
        fv_free(net);
    }
    printf("\n");
}

/* --- identities ------------------------------------------------------------------------------- */

static double largest(fv_tensor *t)
{
    return fv_item(fv_max(fv_abs(t)));
}

static void print_identity(const char *what, fv_tensor *a, fv_tensor *b, bool holds)
{
    const double difference = largest(fv_sub(a, b)), limit = 1e-5 * largest(b);
    const bool equal = difference <= limit;
    printf("  %-60s %s (largest difference %.1e)\n", what, equal ? "equal" : "different",
           difference);
    if (equal != holds) wrong++;
}

static void try_identities(void)
{
    FV_SCOPE;
    fv_tensor *x = fv_randn(1, 3, 12, 12), *g = fv_randn(1, 5, 5, 5);
    fv_tensor *w1 = fv_randn(4, 3, 3, 3), *w2 = fv_randn(5, 4, 3, 3);
    printf("\nIdentities, tried on random numbers\n");

    /* Kernels compose by full convolution, which is what a transposed one does with them. */
    fv_tensor *both = fv_conv_transpose2d(w2, w1);
    fv_tensor *once = fv_conv2d(x, both);
    print_identity("two linear 3x3 convolutions = one of 5x5", fv_conv2d(fv_conv2d(x, w1), w2),
                   once, true);
    print_identity("the same with a ReLU between them", fv_conv2d(fv_relu(fv_conv2d(x, w1)), w2),
                   once, false);

    fv_tensor *columns = fv_unfold(x, 3); /* im2col: [1,27,100], a window in each column */
    fv_tensor *product = fv_matmul(fv_reshape(w1, 4, -1), columns);
    print_identity("im2col and a matrix product = conv2d", fv_reshape(product, 1, 4, 10, 10),
                   fv_conv2d(x, w1), true);

    /* y = conv2d(x) has 5 channels of 5x5; its gradient in x is a transposed convolution of g. */
    fv_tensor *w = fv_randn(5, 3, 4, 4), *in = fv_randn(1, 3, 12, 12, .requires_grad = true);
    fv_tensor *y = fv_conv2d(in, w, NULL, .stride = 2), *back;
    fv_grad(FV_TENSORS(y), FV_TENSORS(in), &back, .grad_outputs = FV_TENSORS(g));
    print_identity("conv_transpose2d = the gradient of conv2d in its input",
                   fv_conv_transpose2d(g, w, NULL, .stride = 2), back, true);
}

/* --- pooling ---------------------------------------------------------------------------------- */

/* The rows of [1,1,H,W]. */
static void print_map(const char *title, fv_tensor *t)
{
    printf("  %s\n", title);
    for (int64_t row = 0; row < fv_size(t, 2); row++) {
        printf("   ");
        for (int64_t column = 0; column < fv_size(t, 3); column++)
            printf(" %5.4g", fv_at(t, (const int64_t[]){0, 0, row, column}));
        printf("\n");
    }
}

static void show_pooling(const char *name, fv_tensor *(*pool)(fv_tensor *x), fv_tensor *x,
                         fv_tensor *g, const double *expected)
{
    char title[96];
    fv_tensor *y = pool(x), *back;
    snprintf(title, sizeof title, "%s of 2x2", name);
    print_map(title, y);
    for (int64_t k = 0; k < 4; k++)
        if (fv_at(y, (const int64_t[]){0, 0, k / 2, k % 2}) != expected[k]) wrong++;
    fv_grad(FV_TENSORS(y), FV_TENSORS(x), &back, .grad_outputs = FV_TENSORS(g));
    print_map("  the way back of 1 2 3 4", back);
}

static fv_tensor *max_of(fv_tensor *x)
{
    return fv_max_pool2d(x, 2);
}

static fv_tensor *mean_of(fv_tensor *x)
{
    return fv_avg_pool2d(x, 2);
}

static void print_pooling(void)
{
    FV_SCOPE;
    const float values[] = {1, 1, 2, 4, 5, 6, 7, 8, 3, 2, 1, 0, 1, 2, 3, 4};
    const float gradient[] = {1, 2, 3, 4};
    fv_tensor *x = fv_requires_grad(fv_tensor_from(values, 1, 1, 4, 4), true);
    fv_tensor *g = fv_tensor_from(gradient, 1, 1, 2, 2);
    printf("\nPooling\n");
    print_map("input", x);
    show_pooling("maximum", max_of, x, g, (const double[]){6, 8, 3, 4});
    show_pooling("average", mean_of, x, g, (const double[]){3.25, 5.25, 2, 2});
}

int main(void)
{
    fv_manual_seed(0);
    print_sizes();
    print_paddings();
    print_counts();
    print_fields();
    try_identities();
    print_pooling();
    if (wrong) printf("\n%d of these should have come out otherwise\n", wrong);
    const bool failed = wrong || fv_error_status() != FV_OK;
    fv_shutdown();
    return failed;
}
