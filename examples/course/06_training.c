/* Chapter 6: one small network on 4,000 images of CIFAR-10, trained by eight recipes. */
#include "course.h"

/* What one training does otherwise than the next. */
typedef struct recipe {
    const char *name;
    bool squared_error; /* in place of cross-entropy */
    bool adam;          /* in place of SGD */
    double lr, momentum;
    bool cosine; /* the rate falls to 0 along half a cosine */
    bool batch_norm;
    double dropout; /* before the last layers; 0: none */
    bool augment;   /* random crops and flips */
} recipe;

static const recipe recipes[] = {
    {"squared error", .squared_error = true, .lr = 0.05},
    {"cross-entropy", .lr = 0.05},
    {"+ momentum", .lr = 0.05, .momentum = 0.9},
    {"Adam instead", .adam = true, .lr = 2e-3},
    {"momentum + cosine", .lr = 0.05, .momentum = 0.9, .cosine = true},
    {"+ batch norm", .lr = 0.05, .momentum = 0.9, .cosine = true, .batch_norm = true},
    {"+ dropout", .lr = 0.05, .momentum = 0.9, .cosine = true, .batch_norm = true, .dropout = 0.3},
    {"+ augmentation", .lr = 0.05, .momentum = 0.9, .cosine = true, .batch_norm = true,
     .augment = true},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

/* --- the network ------------------------------------------------------------------------------ */

static fv_module *block(const recipe *r, int64_t in, int64_t out)
{
    return fv_sequential(fv_nn_conv2d(in, out, 3, .padding = 1, .bias = !r->batch_norm),
                         r->batch_norm ? fv_nn_batch_norm2d(out) : fv_nn_identity(), fv_nn_relu(),
                         fv_nn_max_pool2d(2));
}

static fv_module *new_network(const recipe *r)
{
    return fv_sequential(block(r, 3, 16), block(r, 16, 32), block(r, 32, 64), fv_nn_flatten(),
                         fv_nn_dropout(r->dropout), fv_nn_linear(64 * 4 * 4, 64), fv_nn_relu(),
                         fv_nn_dropout(r->dropout), fv_nn_linear(64, 10));
}

/* --- training --------------------------------------------------------------------------------- */

static fv_tensor *loss_of(const recipe *r, fv_tensor *scores, fv_tensor *labels)
{
    if (!r->squared_error) return fv_cross_entropy(scores, labels);
    fv_tensor *wanted = fv_to(fv_eq(fv_unsqueeze(labels, 1), fv_arange(10)), FV_FLOAT32);
    return fv_mse_loss(scores, wanted);
}

/* The data, as several loaders hand it out. */
typedef struct images {
    fv_loader *plain, *augmented; /* of the training images */
    fv_loader *seen, *unseen;     /* for accuracies: training and test images */
} images;

/* How many of the images are right in the end. */
typedef struct outcome {
    double seen, unseen;
} outcome;

static outcome train(const recipe *r, const images *data, int epochs)
{
    fv_manual_seed(0);
    fv_module *net = new_network(r);
    fv_tensor_list weights = fv_parameters(net);
    fv_optim *opt = r->adam ? fv_adam(weights, .lr = r->lr)
                            : fv_sgd(weights, .lr = r->lr, .momentum = r->momentum);
    fv_loader *batches = r->augment ? data->augmented : data->plain;
    fv_scheduler *schedule =
        r->cosine ? fv_cosine_annealing_lr(opt, epochs * fv_loader_batches(batches)) : NULL;

    double last_loss = 0;
    for (int epoch = 0; epoch < epochs && fv_error_status() == FV_OK; epoch++) {
        double sum = 0;
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            fv_tensor *loss = loss_of(r, fv_forward(net, b.x), b.y);
            fv_zero_grad(opt);
            fv_backward(loss);
            if (fv_step(opt) != FV_OK) break;
            if (schedule) fv_scheduler_step(schedule);
            sum += fv_item(loss);
        }
        last_loss = sum / (double)fv_loader_batches(batches);
    }
    const outcome end = {course_accuracy(net, data->seen), course_accuracy(net, data->unseen)};
    printf("%-18s loss %.3f   training images %.3f   test images %.3f\n", r->name, last_loss,
           end.seen, end.unseen);
    fv_free(schedule), fv_free(opt), fv_free(net);
    return end;
}

static void draw(const course *c, const double *seen, const double *unseen)
{
    FV_SCOPE;
    const char *names[RECIPES];
    for (int i = 0; i < RECIPES; i++) names[i] = recipes[i].name;
    fv_figure *f = fv_figure_new("Eight recipes", .y_label = "accuracy", .width = 900);
    fv_plot_bars(f, fv_tensor_from(seen, RECIPES), .names = {names, RECIPES},
                 .label = "training images", .numbers = true);
    fv_plot_bars(f, fv_tensor_from(unseen, RECIPES), .label = "test images", .numbers = true);
    fv_figure_save(f, course_path(c, "06_recipes.svg"));
    fv_free(f);
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    const int64_t limit = c.quick ? 64 : 4000;
    fv_dataset *train_set = fv_cifar10(c.data, .train = true, .limit = limit);
    fv_dataset *more =
        fv_cifar10(c.data, .train = true, .limit = limit, .random_crop = 4, .random_flip = true);
    fv_dataset *test_set = fv_cifar10(c.data, .train = false, .limit = limit);
    const images data = {
        .plain = fv_loader_new(train_set, .batch_size = 64, .shuffle = true, .seed = 1),
        .augmented = fv_loader_new(more, .batch_size = 64, .shuffle = true, .seed = 1),
        .seen = fv_loader_new(train_set, .batch_size = 500),
        .unseen = fv_loader_new(test_set, .batch_size = 500),
    };
    double seen[RECIPES], unseen[RECIPES];
    for (int i = 0; i < RECIPES; i++) {
        const outcome end = train(&recipes[i], &data, c.quick ? 1 : 12);
        seen[i] = end.seen, unseen[i] = end.unseen;
    }
    draw(&c, seen, unseen);
    fv_free(data.plain), fv_free(data.augmented), fv_free(data.seen), fv_free(data.unseen);
    fv_free(train_set), fv_free(more), fv_free(test_set);
    return course_end();
}
