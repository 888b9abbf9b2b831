/* A tour of what the training programs do not show: tensors from and to arrays, printing, a data
 * set of one's own, a gradient by hand, evaluation without a tape, saving and loading. */
#include <fovea.h>
#include <math.h>
#include <stdio.h>

/* --- tensors ---------------------------------------------------------------------------------- */

static void tensors(void)
{
    FV_SCOPE; /* what is made from here to the closing brace dies there */
    const float data[] = {1, 2, 3, 4, 5, 6};

    fv_tensor *x = fv_tensor_from(data, 2, 3); /* a copy; the dtype follows from the pointer */
    fv_print(x);                               /* in PyTorch's form */
    fv_print(fv_add(fv_mul(x, 10), 1));        /* a number may stand in a tensor's place */
    fv_print(fv_sum(x, .dim = 1));

    double columns[6];
    fv_tensor *turned = fv_permute(x, 1, 0);  /* a view: nothing has moved */
    fv_copy_out(turned, FV_FLOAT64, columns); /* out again, row-major and converted */
    printf("column by column: %g %g %g %g ...\n", columns[0], columns[1], columns[2], columns[3]);
}

/* --- a gradient by hand ----------------------------------------------------------------------- */

static void gradient(void)
{
    FV_SCOPE;
    fv_tensor *x = fv_full(3, .value = 2, .requires_grad = true);
    fv_tensor *y = fv_sum(fv_pow(x, 3));
    fv_backward(y);
    fv_print(fv_grad_of(x)); /* 3 x^2 */
}

/* --- a data set of one's own: points in a plane, inside of a circle or outside -----------------
 */

static int64_t count_points(void *context)
{
    return *(const int64_t *)context;
}

/* Sample number index: an input and a target, in tensors that may be made here. The loader's seed
 * and the sample's number decide what fv_rand draws. */
static fv_status get_point(void *context, int64_t index, fv_tensor **x, fv_tensor **y)
{
    (void)context;
    const float angle = 2.4F * (float)index, radius = (float)(index % 100) / 50.0F;
    const float point[] = {radius * cosf(angle), radius * sinf(angle)};
    const int64_t inside = radius < 1;
    *x = fv_add(fv_tensor_from(point, 2), fv_mul(fv_rand(2), 0.01));
    *y = fv_scalar(inside, FV_INT64);
    return FV_OK;
}

/* --- training, evaluation ----------------------------------------------------------------------
 */

static fv_module *new_net(void)
{
    return fv_sequential(fv_nn_linear(2, 32), fv_nn_relu(), fv_nn_linear(32, 2));
}

static void train(fv_module *net, fv_loader *batches)
{
    fv_optim *opt = fv_adam(fv_parameters(net), .lr = 0.02);
    for (int epoch = 0; epoch < 20; epoch++)
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            fv_tensor *loss = fv_cross_entropy(fv_forward(net, b.x), b.y);
            fv_zero_grad(opt);
            fv_backward(loss);
            if (fv_step(opt) != FV_OK) break; /* refused while an error stands */
        }
    fv_free(opt);
}

static double accuracy(fv_module *net, fv_loader *batches)
{
    double right = 0;
    int64_t seen = 0;
    fv_eval(net); /* batch norm and dropout, if it had any, as they are in use */
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        FV_NO_GRAD; /* no tape: less memory, less time */
        right += fv_accuracy(fv_forward(net, b.x), b.y) * (double)b.n;
        seen += b.n;
    }
    fv_train(net);
    return right / (double)seen;
}

/* Two parts of one set; weights that go through a file into another network. */
static bool learn(const char *path)
{
    int64_t count = 1000;
    fv_dataset *points = fv_dataset_new(count_points, get_point, &count), *part[2] = {NULL, NULL};
    fv_random_split(points, .fractions = {0.8, 0.2}, .out = {&part[0], &part[1]});
    fv_loader *batches = fv_loader_new(part[0], .batch_size = 50, .shuffle = true);
    fv_loader *tests = fv_loader_new(part[1], .batch_size = 200);
    fv_module *net = new_net(), *again = new_net();

    train(net, batches);
    const double first = accuracy(net, tests);
    fv_save(net, path, .metadata = FV_METADATA({"made by", "tour"}));
    fv_load(again, path); /* names and shapes must agree; .strict = false lets names differ */
    const double second = accuracy(again, tests);
    printf("accuracy %.2f, and %.2f after fv_save and fv_load\n", first, second);

    fv_free(net);
    fv_free(again);
    fv_free(batches);
    fv_free(tests);
    fv_free(part[0]);
    fv_free(part[1]);
    fv_free(points);
    return first > 0.9 && first == second;
}

/* --- a mistake ---------------------------------------------------------------------------------
 */

/* Nothing ends the program: the result is a failed tensor, and a message tells why. */
static bool mistake(void)
{
    FV_SCOPE;
    fv_tensor *sum = fv_add(fv_ones(2, 3), fv_ones(4)); /* told on stderr as well */
    const bool told = fv_failed(sum);
    printf("told: %s\n", fv_error());
    fv_clear_error();
    return told;
}

int main(void)
{
    fv_manual_seed(0);
    tensors();
    gradient();
    const bool fine = learn("tour.safetensors") && fv_error_status() == FV_OK && mistake();
    fv_shutdown();
    return fine ? 0 : 1;
}
