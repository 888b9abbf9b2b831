/* Says what is on a picture, by a network that train_mnist, train_cifar10 or quickstart.sh saved.
 *
 *     predict build/fashion-mnist.safetensors shoe.png
 *     predict digits.safetensors seven.pgm --as-is
 *
 * The file of weights says which network it is and how its images were normalised (notes.h). A
 * picture of another size is resized. MNIST and its like are bright on black: a grey picture with a
 * bright border is inverted, unless --invert or --as-is decides. The last lines of stdout are the
 * three likeliest classes: "sneaker 0.9712". */
#include "models.h"
#include "notes.h"

typedef enum polarity { BY_BORDER, INVERT, AS_IS } polarity;

typedef struct arguments {
    const char *weights, *image;
    polarity polarity;
} arguments;

static bool read_arguments(arguments *a, int argc, char **argv)
{
    *a = (arguments){0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--invert") == 0)
            a->polarity = INVERT;
        else if (strcmp(argv[i], "--as-is") == 0)
            a->polarity = AS_IS;
        else if (argv[i][0] == '-' || a->image)
            return false;
        else if (a->weights)
            a->image = argv[i];
        else
            a->weights = argv[i];
    }
    return a->image != NULL;
}

/* The network that the file is of, with its weights; NULL, with a message, if it is none of ours.
 */
static fv_module *load_network(const network_notes *n, const char *path)
{
    const network_fn build = find_network(n->network);
    if (!build) {
        fprintf(stderr, "%s: no network '%s' is known here\n", path, n->network);
        return NULL;
    }
    fv_module *net = build();
    if (fv_load(net, path) == FV_OK) return net;
    fv_free(net);
    return NULL;
}

/* The picture of a file from 0 to 1, [C,H,W]; what is transparent in it becomes white. */
static fv_tensor *read_picture(const char *path, int64_t channels)
{
    const fv_image_mode mode = channels == 1 ? FV_IMAGE_GRAY_ALPHA : FV_IMAGE_RGB_ALPHA;
    fv_tensor *bytes = fv_read_image(path, .mode = mode, .apply_exif_orientation = true);
    if (fv_failed(bytes)) return bytes;
    fv_tensor *x = fv_div(fv_to(bytes, FV_FLOAT32), 255);
    fv_tensor *colors = fv_narrow(x, 0, 0, channels), *alpha = fv_narrow(x, 0, channels, 1);
    return fv_add(fv_mul(fv_sub(colors, 1), alpha), 1);
}

/* The mean of the outermost pixels of [C,H,W]: bright for ink on paper. */
static double border_mean(fv_tensor *x)
{
    const int64_t height = fv_size(x, 1), width = fv_size(x, 2);
    if (height < 3 || width < 3) return fv_item(fv_mean(x));
    fv_tensor *inside = fv_narrow(fv_narrow(x, 1, 1, height - 2), 2, 1, width - 2);
    const double all = fv_item(fv_sum(x)), inner = fv_item(fv_sum(inside));
    return (all - inner) / (double)(fv_numel(x) - fv_numel(inside));
}

/* The picture as the network's input [1,C,H,W]. */
static fv_tensor *as_input(fv_tensor *picture, const network_notes *n, polarity how)
{
    const int64_t height = fv_size(picture, 1), width = fv_size(picture, 2);
    fv_tensor *x = fv_resize(fv_detach(picture), n->height, n->width);
    if (width * n->height != height * n->width)
        fprintf(stderr, "the picture is %" PRId64 " x %" PRId64 ": its shape is changed\n", width,
                height);
    if (how == BY_BORDER && n->channels == 1 && border_mean(x) > 0.5) {
        fprintf(stderr, "its border is bright: taken inverted (--as-is takes it as it is)\n");
        how = INVERT;
    }
    if (how == INVERT) x = fv_add(fv_mul(x, -1), 1);
    fv_tensor *mean = fv_to(fv_tensor_from(n->mean, n->channels, 1, 1), FV_FLOAT32);
    fv_tensor *std = fv_to(fv_tensor_from(n->std, n->channels, 1, 1), FV_FLOAT32);
    return fv_unsqueeze(fv_div(fv_sub(x, mean), std), 0);
}

/* Prints the likeliest classes, best first. */
static void print_best(double *probability, const network_notes *n)
{
    for (int rank = 0; rank < 3 && rank < n->class_count; rank++) {
        int best = 0;
        for (int i = 1; i < n->class_count; i++)
            if (probability[i] > probability[best]) best = i;
        printf("%s %.4f\n", n->class_name[best], probability[best]);
        probability[best] = -1;
    }
}

static bool predict(fv_module *net, fv_tensor *picture, const network_notes *n, polarity how)
{
    FV_SCOPE;
    FV_NO_GRAD;
    double probability[MAX_CLASSES];
    fv_eval(net);
    fv_tensor *answer = fv_softmax(fv_forward(net, as_input(picture, n, how)), 1);
    if (fv_error_status() != FV_OK) return false;
    if (fv_shape_of(answer).dim[1] != n->class_count) {
        fprintf(stderr, "the file names %d classes, the network has another number\n",
                n->class_count);
        return false;
    }
    if (fv_copy_out(answer, FV_FLOAT64, probability) != FV_OK) return false;
    print_best(probability, n);
    return true;
}

int main(int argc, char **argv)
{
    arguments a;
    if (!read_arguments(&a, argc, argv)) {
        fprintf(stderr, "usage: %s WEIGHTS.safetensors PICTURE [--invert | --as-is]\n", argv[0]);
        return 2;
    }
    network_notes n;
    bool done = false;
    fv_module *net = NULL;
    if (read_notes(&n, a.weights)) {
        FV_SCOPE;
        fv_tensor *picture = read_picture(a.image, n.channels);
        if (!fv_failed(picture)) net = load_network(&n, a.weights);
        done = net && predict(net, picture, &n, a.polarity);
    }
    fv_free(net);
    fv_shutdown();
    return done ? 0 : 1;
}
