/* Losses, steps of optimizers and norms of gradients over lengths that are cut into many pieces:
 * against plain sums, at every instruction-set level, with the same bits for one to eight threads.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "long_work.h"

/* --- losses ----------------------------------------------------------------------------------- */

typedef struct pair_context {
    int kind;
    fv_tensor *x, *t;
} pair_context;

static const char *const pair_names[] = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
                                         "binary_cross_entropy_with_logits"};

static fv_tensor *pair_loss(const void *context)
{
    const pair_context *p = context;
    switch (p->kind) {
    case 0: return fv_mse_loss(p->x, p->t);
    case 1: return fv_l1_loss(p->x, p->t);
    case 2: return fv_smooth_l1_loss(p->x, p->t, .beta = 0.25);
    case 3: return fv_huber_loss(p->x, p->t, .delta = 0.25);
    default: return fv_binary_cross_entropy_with_logits(p->x, p->t);
    }
}

static double plain_pair(int kind, double x, double t)
{
    double d = fabs(x - t), b = 0.25;
    switch (kind) {
    case 0: return d * d;
    case 1: return d;
    case 2: return d < b ? d * d / (2 * b) : d - b / 2;
    case 3: return d < b ? d * d / 2 : b * (d - b / 2);
    default: return log1p(exp(-fabs(x))) + fmax(x, 0) - x * t;
    }
}

START_TEST(losses_over_many_elements_lose_no_part)
{
    enum { COUNT = 300001 };
    double *values = numbers(COUNT + 7);
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1))
        for (int kind = 0; kind < 5; kind++) {
            FV_SCOPE;
            pair_context context = {kind, tensor_of(d, FV_SHAPE(COUNT), values),
                                    tensor_of(d, FV_SHAPE(COUNT), values + 7)};
            double sum = 0;
            for (int i = 0; i < COUNT; i++) sum += plain_pair(kind, values[i], values[i + 7]);
            sum /= COUNT;
            on_every_machine(pair_names[kind], pair_loss, &context, &sum, 1, 2e-6);
        }
    free(values);
}
END_TEST

typedef struct class_context {
    int64_t samples, classes;
    double smoothing;
    bool weighted;
    fv_reduction reduction;
    fv_tensor *x, *target, *weight;
} class_context;

static int64_t class_of(int64_t sample, int64_t classes)
{
    return sample % 11 == 5 ? -100 : (int64_t)((uint32_t)(sample * 2246822519u) >> 8) % classes;
}

/* The loss, or losses, and the gradient of the input in a row. */
static fv_tensor *cross_entropy(const void *context)
{
    const class_context *c = context;
    fv_tensor *x = fv_requires_grad(fv_detach(c->x), true);
    fv_tensor *loss = fv_cross_entropy(x, c->target, .weight = c->weighted ? c->weight : NULL,
                                       .label_smoothing = c->smoothing, .reduction = c->reduction);
    fv_backward(fv_sum(loss));
    fv_tensor *grad = fv_grad_of(x);
    return fv_cat(FV_TENSORS(fv_reshape(fv_detach(loss), -1), fv_reshape(grad, -1)), .dim = 0);
}

static double class_weight(const class_context *c, int64_t k)
{
    return c->weighted ? number(k) : 1;
}

/* Writes losses (unreduced) and gradients; returns the total weight. */
static double plain_cross_entropy(const class_context *c, double *losses, double *gradients)
{
    double total = 0;
    for (int64_t n = 0; n < c->samples; n++) {
        int64_t t = class_of(n, c->classes);
        double sum = 0, mass = 0, *g = gradients + n * c->classes;
        losses[n] = 0;
        for (int64_t k = 0; k < c->classes; k++) g[k] = 0;
        if (t < 0) continue;
        total += class_weight(c, t);
        for (int64_t k = 0; k < c->classes; k++) sum += exp(number(n * c->classes + k));
        for (int64_t k = 0; k < c->classes; k++) {
            double p = (k == t ? 1 - c->smoothing : 0) + c->smoothing / (double)c->classes;
            p *= class_weight(c, k);
            losses[n] -= p * (number(n * c->classes + k) - log(sum));
            g[k] = -p;
            mass += p;
        }
        for (int64_t k = 0; k < c->classes; k++)
            g[k] += mass * exp(number(n * c->classes + k)) / sum;
    }
    return total;
}

static void check_classes(class_context c, fv_dtype dtype)
{
    int64_t elements = c.samples * c.classes;
    double *values = numbers(elements), *targets = malloc((size_t)c.samples * sizeof *targets);
    double *wanted = malloc((size_t)(c.samples + elements) * sizeof *wanted), reduced = 0;
    ck_assert(targets && wanted);
    for (int64_t n = 0; n < c.samples; n++) targets[n] = (double)class_of(n, c.classes);
    double total = plain_cross_entropy(&c, wanted, wanted + c.samples);
    double divisor = c.reduction == FV_MEAN ? total : 1;
    for (int64_t n = 0; n < c.samples; n++) reduced += wanted[n] / divisor;
    for (int64_t k = 0; k < elements; k++) wanted[c.samples + k] /= divisor;
    bool none = c.reduction == FV_NONE;
    if (!none) wanted[c.samples - 1] = reduced;
    {
        FV_SCOPE;
        char name[96];
        c.x = tensor_of(dtype, FV_SHAPE(c.samples, c.classes), values);
        c.target = tensor_of(FV_INT64, FV_SHAPE(c.samples), targets);
        c.weight = tensor_of(dtype, FV_SHAPE(c.classes), values);
        snprintf(name, sizeof name, "cross_entropy of %d classes, smoothing %g, %s, reduction %d",
                 (int)c.classes, c.smoothing, c.weighted ? "weighted" : "plain", (int)c.reduction);
        on_every_machine(name, cross_entropy, &c, none ? wanted : wanted + c.samples - 1,
                         elements + (none ? c.samples : 1), 2e-5);
    }
    free(values);
    free(targets);
    free(wanted);
}

START_TEST(label_smoothing_spreads_over_all_of_many_classes)
{
    static const int64_t sizes[][2] = {{6000, 2}, {900, 20}, {900, 21}, {600, 33}, {90, 1000}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int kept = FV_MEAN; kept <= FV_NONE; kept++)
            for (int weighted = 0; weighted <= 1; weighted++)
                for (int smooth = 0; smooth <= 1; smooth++) {
                    class_context c = {.samples = sizes[s][0],
                                       .classes = sizes[s][1],
                                       .smoothing = smooth ? 0.15 : 0,
                                       .weighted = weighted,
                                       .reduction = (fv_reduction)kept};
                    check_classes(c, (weighted ^ smooth) ? FV_FLOAT32 : FV_FLOAT64);
                }
}
END_TEST

/* --- optimizers ------------------------------------------------------------------------------- */

enum { WEIGHTS = 300001 };

/* The weights after two steps; what is clipped away on the first is in the second. */
static fv_tensor *two_steps(const void *context)
{
    const char *name = context;
    double *values = numbers(WEIGHTS);
    fv_tensor *w = fv_requires_grad(tensor_of(FV_FLOAT32, FV_SHAPE(WEIGHTS), values), true);
    fv_optim *optim = name[0] == 'a' ? fv_adam(FV_TENSORS(w), .lr = 0.1)
                                     : fv_sgd(FV_TENSORS(w), .lr = 0.1, .momentum = 0.9);
    for (int step = 0; step < 2; step++) {
        fv_zero_grad(optim);
        fv_backward(fv_sum(fv_mul(w, w)));
        fv_clip_grad_norm_(FV_TENSORS(w), step ? 100.0 : 1e9);
        ck_assert_int_eq(fv_step(optim), FV_OK);
    }
    fv_free(optim);
    free(values);
    return fv_detach(w);
}

START_TEST(long_steps_have_the_same_bits_on_every_thread)
{
    on_every_machine("sgd", two_steps, "sgd", NULL, 0, 0);
    on_every_machine("adam", two_steps, "adam", NULL, 0, 0);
}
END_TEST

static fv_tensor *norm_of_gradient(const void *context)
{
    const double *p = context;
    double *values = numbers(WEIGHTS);
    fv_tensor *w = fv_requires_grad(fv_zeros(WEIGHTS), true);
    fv_set_grad(w, tensor_of(FV_FLOAT32, FV_SHAPE(WEIGHTS), values));
    double norm = fv_clip_grad_norm_(FV_TENSORS(w), 1e9, .norm_type = *p);
    free(values);
    return tensor_of(FV_FLOAT64, FV_SCALAR, &norm);
}

START_TEST(the_norm_of_a_long_gradient_loses_no_part)
{
    static const double kinds[] = {1, 2, 3, (double)INFINITY};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        double wanted = 0, most = 0;
        for (int64_t i = 0; i < WEIGHTS; i++) wanted += pow(number(i), kinds[k]);
        for (int64_t i = 0; i < WEIGHTS; i++) most = fmax(most, number(i));
        wanted = isinf(kinds[k]) ? most : pow(wanted, 1 / kinds[k]);
        on_every_machine("clip_grad_norm_", norm_of_gradient, &kinds[k], &wanted, 1, 1e-9);
    }
}
END_TEST

/* Wherever it stands, and whatever larger number comes after it. */
START_TEST(a_norm_keeps_a_nan)
{
    enum { PLACES = 24 };
    static const double kinds[] = {1, 2, 3, (double)INFINITY};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (int place = 0; place <= PLACES; place++) {
            FV_SCOPE;
            fv_tensor *w = fv_requires_grad(fv_zeros(WEIGHTS), true);
            fv_tensor *g = fv_arange(0, WEIGHTS, .dtype = FV_FLOAT32);
            fv_data_float32(g)[(int64_t)(WEIGHTS - 1) * place / PLACES] = NAN;
            fv_set_grad(w, g);
            ck_assert(isnan(fv_clip_grad_norm_(FV_TENSORS(w), 1.0, .norm_type = kinds[k])));
        }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("training_long");
    TCase *losses = add_case(suite, "losses");
    tcase_add_test(losses, losses_over_many_elements_lose_no_part);
    tcase_add_test(losses, label_smoothing_spreads_over_all_of_many_classes);
    TCase *optimizers = add_case(suite, "optimizers");
    tcase_add_test(optimizers, long_steps_have_the_same_bits_on_every_thread);
    tcase_add_test(optimizers, the_norm_of_a_long_gradient_loses_no_part);
    tcase_add_test(optimizers, a_norm_keeps_a_nan);
    return suite;
}
