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
#include "picture.h"

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

/* The picture as the network's input [1,C,H,W]. */
static fv_tensor *as_input(const picture *p, const network_notes *n, polarity how)
{
    const int64_t area = n->height * n->width;
    double *pixels = malloc((size_t)(n->channels * area) * sizeof *pixels);
    if (!pixels) return fv_zeros(0); /* which no network takes */
    fit_picture(p, n->channels, n->height, n->width, pixels);
    if (p->width * n->height != p->height * n->width)
        fprintf(stderr, "the picture is %" PRId64 " x %" PRId64 ": its shape is changed\n",
                p->width, p->height);
    if (how == BY_BORDER && n->channels == 1 && border_mean(pixels, n->height, n->width) > 0.5) {
        fprintf(stderr, "its border is bright: taken inverted (--as-is takes it as it is)\n");
        how = INVERT;
    }
    for (int64_t i = 0; i < n->channels * area; i++) {
        if (how == INVERT) pixels[i] = 1 - pixels[i];
        const int64_t c = i / area;
        pixels[i] = (pixels[i] - n->mean[c]) / n->std[c];
    }
    fv_tensor *x = fv_to(fv_tensor_from(pixels, 1, n->channels, n->height, n->width), FV_FLOAT32);
    free(pixels);
    return x;
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

static bool predict(fv_module *net, const picture *p, const network_notes *n, polarity how)
{
    FV_SCOPE;
    FV_NO_GRAD;
    double probability[MAX_CLASSES];
    fv_eval(net);
    fv_tensor *answer = fv_softmax(fv_forward(net, as_input(p, n, how)), 1);
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
    picture p = {0};
    fv_module *net = NULL;
    bool done = read_notes(&n, a.weights) && read_picture(&p, a.image) &&
                (net = load_network(&n, a.weights)) != NULL && predict(net, &p, &n, a.polarity);
    fv_free(net);
    free(p.samples);
    fv_shutdown();
    return done ? 0 : 1;
}
