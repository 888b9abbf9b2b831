/* Chapter 9: the way back up: transposed convolution, unpooling, interpolation, an autoencoder. */
#include "course.h"

/* --- a convolution is a matrix, and has a transpose ------------------------------------------- */

/* The matrix of the linear map x -> conv1d(x, w), stride 2: its columns are the images of the unit
 * vectors. */
static fv_tensor *matrix_of_convolution(fv_tensor *w, int64_t n)
{
    fv_tensor *unit = fv_unsqueeze(fv_eye(n), 1); /* a batch of n unit vectors */
    return fv_t(fv_squeeze(fv_conv1d(unit, w, .stride = 2), 1));
}

static void transpose(void)
{
    FV_SCOPE;
    fv_tensor *w = fv_tensor_from(((float[]){1, 2, 3}), 1, 1, 3);
    fv_tensor *matrix = matrix_of_convolution(w, 7);
    fv_print(matrix);
    fv_tensor *y = fv_tensor_from(((float[]){1, 10, 100}), 1, 1, 3);
    fv_print(fv_view(fv_conv_transpose1d(y, w, .stride = 2), 7));
    fv_print(fv_matmul(fv_t(matrix), fv_view(y, 3)));
}

/* --- sizes ------------------------------------------------------------------------------------ */

static void sizes(void)
{
    FV_SCOPE;
    fv_set_shapes_only(true);
    fv_tensor *w = fv_zeros(1, 1, 3, 3);
    for (int64_t n = 7; n <= 8; n++) {
        fv_tensor *small = fv_conv2d(fv_zeros(1, 1, n, n), w, .stride = 2, .padding = 1);
        const int m = (int)fv_size(small, 2);
        fv_tensor *back =
            fv_conv_transpose2d(small, w, .stride = 2, .padding = 1, .output_padding = n - 7);
        printf("%d -> %d -> %d: (%d - 1) 2 + 3 - 2 + %d\n", (int)n, m, (int)fv_size(back, 2), m,
               (int)n - 7);
    }
    fv_set_shapes_only(false);
}

/* --- the checkerboard ------------------------------------------------------------------------- */

/* How often each place is written to: filters of 3 overlap at every second place, those of 4
 * evenly. */
static void checkerboard(void)
{
    FV_SCOPE;
    for (int64_t f = 3; f <= 4; f++) {
        fv_tensor *y =
            fv_conv_transpose1d(fv_ones(1, 1, 4), fv_ones(1, 1, f), .stride = 2, .padding = 1);
        printf("filter %d, stride 2: ", (int)f);
        fv_print(fv_flatten(y));
    }
}

/* --- without weights -------------------------------------------------------------------------- */

static void unpool(void)
{
    FV_SCOPE;
    const float data[] = {1, 1, 2, 4, 5, 6, 7, 8, 3, 2, 1, 0, 1, 2, 3, 4};
    fv_tensor *where;
    fv_tensor *y = fv_max_pool2d(fv_tensor_from(data, 1, 1, 4, 4), 2, .indices = &where);
    fv_print(fv_view(fv_max_unpool2d(y, where, 2), 4, 4));
    fv_tensor *nearest = fv_interpolate(y, .scale_factor = 2, .mode = FV_NEAREST);
    fv_tensor *smooth = fv_interpolate(y, .scale_factor = 2, .mode = FV_BILINEAR);
    fv_print(fv_view(nearest, 4, 4));
    fv_print(fv_view(smooth, 4, 4));
}

/* --- an autoencoder --------------------------------------------------------------------------- */

/* [1,28,28] to [16,1,1]: a digit in 16 numbers. */
static fv_module *encoder(void)
{
    return fv_sequential(fv_nn_conv2d(1, 8, 3, .stride = 2, .padding = 1), fv_nn_relu(),
                         fv_nn_conv2d(8, 16, 3, .stride = 2, .padding = 1), fv_nn_relu(),
                         fv_nn_conv2d(16, 16, 7));
}

/* And back. */
static fv_module *decoder(void)
{
    return fv_sequential(fv_nn_conv_transpose2d(16, 16, 7), fv_nn_relu(),
                         fv_nn_conv_transpose2d(16, 8, 4, .stride = 2, .padding = 1), fv_nn_relu(),
                         fv_nn_conv_transpose2d(8, 1, 4, .stride = 2, .padding = 1),
                         fv_nn_sigmoid());
}

static void learn_digits(const course *c)
{
    fv_dataset *train =
        fv_mnist(c->data, .train = true, .limit = c->quick ? 200 : 20000, .normalize = false);
    fv_dataset *test = fv_mnist(c->data, .train = false, .limit = 16, .normalize = false);
    fv_loader *batches = fv_loader_new(train, .batch_size = 50, .shuffle = true);
    fv_loader *sixteen = fv_loader_new(test, .batch_size = 16);
    fv_module *net = fv_sequential(encoder(), decoder());
    fv_optim *opt = fv_adam(fv_parameters(net), .lr = 3e-3);
    for (int epoch = 1; epoch <= (c->quick ? 1 : 3) && fv_error_status() == FV_OK; epoch++) {
        double sum = 0;
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            fv_tensor *loss = fv_mse_loss(fv_forward(net, b.x), b.x);
            fv_zero_grad(opt);
            fv_backward(loss);
            if (fv_step(opt) != FV_OK) break;
            sum += fv_item(loss);
        }
        printf("epoch %d: squared error a pixel %.4f\n", epoch,
               sum / (double)fv_loader_batches(batches));
    }
    FV_EACH_BATCH (b, sixteen) {
        FV_SCOPE;
        FV_NO_GRAD;
        fv_save_image(fv_cat(FV_TENSORS(b.x, fv_forward(net, b.x)), 0),
                      course_path(c, "09_autoencoder.png"), .nrow = 16, .upscale = 2,
                      .pad_value = 0.5);
    }
    fv_free(net), fv_free(opt), fv_free(batches), fv_free(sixteen);
    fv_free(train), fv_free(test);
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    transpose();
    sizes();
    checkerboard();
    unpool();
    learn_digits(&c);
    return course_end();
}
