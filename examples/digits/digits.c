/* What the page computes: a network from a file of weights, every layer of it for one image, and
 * its training.
 *
 * JavaScript puts files into Emscripten's file system, images where digits_image says, and reads
 * numbers where the functions point. What a function cannot do, digits_error says in words. */
#include "../models.h"
#include "../notes.h"
#include "describe.h"
#include <math.h>

/* Callable from the page. */
#define EXPORT __attribute__((used, visibility("default")))

enum { SIDE = 28, AREA = SIDE * SIDE, LARGEST_BATCH = 256 };

static struct {
    fv_module *net; /* NULL until a file was opened or a training begun */
    network_notes notes;
    fv_optim *opt;
    fv_tensor *output[MAX_LAYERS]; /* of each layer, for the image of digits_run */
    float image[AREA];             /* 0 is paper, 1 is ink */
    float probability[MAX_CLASSES];
    uint8_t batch[LARGEST_BATCH * AREA], labels[LARGEST_BATCH];
    int right; /* of the last batch */
    text description;
    char error[512];
} page;

/* Says what went wrong; false. */
__attribute__((format(printf, 1, 2))) static bool refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(page.error, sizeof page.error, format, args);
    va_end(args);
    return false;
}

/* Did the library do all that was asked of it? If not, its message is ours. */
static bool succeeded(void)
{
    if (fv_error_status() == FV_OK) return true;
    refuse("%s", fv_error());
    fv_clear_error();
    return false;
}

static void forget_outputs(void)
{
    for (int i = 0; i < MAX_LAYERS; i++) {
        fv_release(page.output[i]);
        page.output[i] = NULL;
    }
}

/* --- a file of weights ------------------------------------------------------------------------ */

static bool read_file_notes(network_notes *notes, const char *path)
{
    fv_tensor_file *file = fv_tensor_file_open(path);
    if (!file) return succeeded();
    const bool known = parse_notes(notes, file);
    fv_tensor_file_free(file);
    return known || refuse("The file does not say which network it is: those do that train_mnist "
                           "and this page save.");
}

static bool fits_page(const network_notes *notes)
{
    if (!find_network(notes->network))
        return refuse("The file is of a network called '%s', which is not known here.",
                      notes->network);
    if (notes->channels != 1 || notes->height != SIDE || notes->width != SIDE)
        return refuse("The network '%s' reads images of %d x %d x %d; a drawing is 1 x 28 x 28.",
                      notes->network, (int)notes->channels, (int)notes->height, (int)notes->width);
    return true;
}

/* The new network takes the place of the old one; notes that were copied keep their own names. */
static void take_network(fv_module *net, const network_notes *notes)
{
    forget_outputs();
    fv_free(page.opt);
    fv_free(page.net);
    page.opt = NULL;
    page.net = net;
    const network_notes *from = &page.notes;
    page.notes = *notes;
    if (notes == from) return;
    for (int i = 0; i < notes->class_count; i++)
        page.notes.class_name[i] = page.notes.classes + (notes->class_name[i] - notes->classes);
}

static bool gives_classes(fv_module *net, const network_notes *notes)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_eval(net);
    fv_tensor *y = fv_forward(net, fv_zeros(1, 1, SIDE, SIDE));
    if (!succeeded()) return false;
    return fv_numel(y) == notes->class_count ||
           refuse("The file names %d classes; its network has %d.", notes->class_count,
                  (int)fv_numel(y));
}

/* Opens a safetensors file of train_mnist. False leaves what was open as it was. */
EXPORT bool digits_open(const char *path);
bool digits_open(const char *path)
{
    static network_notes notes;
    if (!read_file_notes(&notes, path) || !fits_page(&notes)) return false;
    fv_module *net = find_network(notes.network)();
    if (fv_load(net, path) != FV_OK) {
        fv_free(net);
        return succeeded();
    }
    if (!gives_classes(net, &notes)) {
        fv_free(net);
        return false;
    }
    take_network(net, &notes);
    return true;
}

/* Writes the weights, as they are now, with what there is to know of them. */
EXPORT bool digits_save(const char *path);
bool digits_save(const char *path)
{
    if (!page.net) return refuse("There is no network yet.");
    static char classes[sizeof page.notes.classes];
    size_t used = 0;
    for (int i = 0; i < page.notes.class_count; i++)
        used += (size_t)snprintf(classes + used, sizeof classes - used, i ? ",%s" : "%s",
                                 page.notes.class_name[i]);
    fv_vision_args images = {0};
    images.mean[0] = page.notes.mean[0];
    images.std[0] = page.notes.std[0];
    file_notes list;
    make_notes(&list, page.notes.network, page.notes.images, "1 28 28", &images, classes);
    fv_save(page.net, path, .metadata = list.list);
    return succeeded();
}

/* --- one image -------------------------------------------------------------------------------- */

/* Where the image goes: 28 x 28 numbers from 0, paper, to 1, ink. */
EXPORT float *digits_image(void);
float *digits_image(void)
{
    return page.image;
}

static fv_tensor *normalized_image(void)
{
    fv_tensor *x = fv_tensor_from(page.image, 1, 1, SIDE, SIDE);
    return fv_div(fv_sub(x, page.notes.mean[0]), page.notes.std[0]);
}

/* The probabilities of the classes; NULL after an error. */
EXPORT const float *digits_predict(void);
const float *digits_predict(void)
{
    FV_SCOPE;
    FV_NO_GRAD;
    if (!page.net) return NULL;
    fv_eval(page.net);
    fv_tensor *y = fv_softmax(fv_forward(page.net, normalized_image()), 1);
    if (!succeeded()) return NULL;
    fv_copy_out(y, FV_FLOAT32, page.probability);
    return page.probability;
}

/* Runs layer after layer and keeps what each gives; false after an error. */
EXPORT bool digits_run(void);
bool digits_run(void)
{
    FV_SCOPE;
    FV_NO_GRAD;
    if (!page.net) return refuse("There is no network yet.");
    forget_outputs();
    fv_eval(page.net);
    fv_tensor *x = normalized_image();
    const int64_t layers = fv_child_count(page.net);
    for (int i = 0; i < layers && i < MAX_LAYERS; i++) {
        x = fv_forward(fv_child_at(page.net, i), x);
        page.output[i] = fv_retain(fv_contiguous(x));
    }
    return succeeded();
}

/* What layer i gave, in the order of its shape; NULL before digits_run. */
EXPORT const float *digits_output(int i);
const float *digits_output(int i)
{
    return i >= 0 && i < MAX_LAYERS && page.output[i] ? fv_data_float32(page.output[i]) : NULL;
}

/* The layer's weights and biases; NULL where it has none. They are only read, so that packed copies
 * of them stay (fv_data_float32 would end those). */
static const float *parameter(int i, const char *name)
{
    const fv_tensor *t = page.net ? fv_module_tensor(fv_child_at(page.net, i), name) : NULL;
    return t && fv_is_contiguous(t) ? t->data : NULL;
}

EXPORT const float *digits_weight(int i);
const float *digits_weight(int i)
{
    return parameter(i, "weight");
}

EXPORT const float *digits_bias(int i);
const float *digits_bias(int i)
{
    return parameter(i, "bias");
}

/* --- training --------------------------------------------------------------------------------- */

/* Where images (28 x 28 bytes each, 255 is ink) and labels of a batch go, and how many do. */
EXPORT uint8_t *digits_batch(void);
uint8_t *digits_batch(void)
{
    return page.batch;
}

EXPORT uint8_t *digits_labels(void);
uint8_t *digits_labels(void)
{
    return page.labels;
}

EXPORT int digits_largest_batch(void);
int digits_largest_batch(void)
{
    return LARGEST_BATCH;
}

/* Begins a training of the open network, from new random weights if so asked. */
EXPORT bool digits_begin(bool anew, double lr, int seed);
bool digits_begin(bool anew, double lr, int seed)
{
    if (!page.net) return refuse("There is no network yet.");
    fv_manual_seed((uint64_t)seed);
    if (anew) {
        fv_module *net = find_network(page.notes.network)();
        if (!net) return succeeded();
        take_network(net, &page.notes);
    }
    fv_free(page.opt);
    page.opt = fv_adamw(fv_parameters(page.net), .lr = lr);
    return succeeded();
}

/* The batch as tensors: x [n,1,28,28], normalised, and y [n]. */
static fv_tensor *batch_images(int n)
{
    fv_tensor *x = fv_to(fv_tensor_from(page.batch, n, 1, SIDE, SIDE), FV_FLOAT32);
    const double mean = 255 * page.notes.mean[0], std = 255 * page.notes.std[0];
    return fv_div(fv_sub(x, mean), std);
}

static fv_tensor *batch_labels(int n)
{
    return fv_to(fv_tensor_from(page.labels, n), FV_INT64);
}

static bool batch_is_sound(int n)
{
    if (!page.net) return refuse("There is no network yet.");
    return (n >= 1 && n <= LARGEST_BATCH) || refuse("A batch is of 1 to %d images.", LARGEST_BATCH);
}

/* A step on n images; the loss before it, or -1 after an error. */
EXPORT double digits_step(int n);
double digits_step(int n)
{
    FV_SCOPE;
    if (!batch_is_sound(n)) return -1;
    if (!page.opt) {
        refuse("No training has begun.");
        return -1;
    }
    fv_train(page.net);
    fv_tensor *labels = batch_labels(n), *scores = fv_forward(page.net, batch_images(n));
    fv_tensor *loss = fv_cross_entropy(scores, labels);
    fv_zero_grad(page.opt);
    fv_backward(loss);
    fv_step(page.opt);
    page.right = (int)lround(fv_accuracy(scores, labels) * n);
    const double value = fv_item(loss);
    return succeeded() ? value : -1;
}

/* How many of the n images of the batch are named rightly; -1 after an error. */
EXPORT int digits_test(int n);
int digits_test(int n)
{
    FV_SCOPE;
    FV_NO_GRAD;
    if (!batch_is_sound(n)) return -1;
    fv_eval(page.net);
    const double accuracy = fv_accuracy(fv_forward(page.net, batch_images(n)), batch_labels(n));
    page.right = (int)lround(accuracy * n);
    return succeeded() ? page.right : -1;
}

/* How many of the last step's images were named rightly, before it. */
EXPORT int digits_right(void);
int digits_right(void)
{
    return page.right;
}

/* --- words ------------------------------------------------------------------------------------ */

/* What went wrong last. */
EXPORT const char *digits_error(void);
const char *digits_error(void)
{
    return page.error;
}

/* The open network in JSON, see describe.h; NULL when there is none. */
EXPORT const char *digits_describe(void);
const char *digits_describe(void)
{
    if (!page.net) return NULL;
    describe_network(&page.description, page.net, &page.notes);
    return succeeded() ? page.description.bytes : NULL;
}
