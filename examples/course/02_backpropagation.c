/* Chapter 2: a network of two layers, its gradients by hand and by the tape, and how it learns the
 * exclusive or. */
#include "course.h"

enum { POINTS = 4, HIDDEN = 4 };

/* The weights of both layers. */
typedef struct network {
    fv_tensor *w1, *b1; /* [HIDDEN,2] [HIDDEN] */
    fv_tensor *w2, *b2; /* [1,HIDDEN] [1] */
} network;

/* y = W2 tanh(W1 x + b1) + b2;  x [n,2]  ->  y [n,1]. *h gets what the hidden layer puts out. */
static fv_tensor *forward(const network *n, fv_tensor *x, fv_tensor **h)
{
    *h = fv_tanh(fv_linear(x, n->w1, n->b1));
    return fv_linear(*h, n->w2, n->b2);
}

/* The mean of the squared errors. */
static fv_tensor *mean_square(fv_tensor *y, fv_tensor *t)
{
    return fv_mean(fv_square(fv_sub(y, t)));
}

/* --- the gradients by hand: the chain rule from the loss back to the weights ------------------ */

static network gradients_by_hand(const network *n, fv_tensor *x, fv_tensor *t)
{
    fv_tensor *h, *y = forward(n, x, &h);
    network g;
    /* L = mean (y - t)^2 */
    fv_tensor *dy = fv_mul(fv_sub(y, t), 2.0 / POINTS);
    /* y = h W2' + b2 */
    g.w2 = fv_matmul(fv_t(dy), h);
    g.b2 = fv_sum(dy, .dim = 0);
    fv_tensor *dh = fv_matmul(dy, n->w2);
    /* h = tanh(a), whose slope is 1 - h^2 */
    fv_tensor *da = fv_mul(dh, fv_add(fv_neg(fv_square(h)), 1));
    /* a = x W1' + b1 */
    g.w1 = fv_matmul(fv_t(da), x);
    g.b1 = fv_sum(da, .dim = 0);
    return g;
}

static void compare(const char *name, fv_tensor *by_hand, fv_tensor *weight)
{
    FV_SCOPE;
    const double apart = fv_item(fv_max(fv_abs(fv_sub(by_hand, fv_grad_of(weight)))));
    printf("dL/d%s: norm %.4f, %s\n", name, fv_item(fv_norm(by_hand)),
           apart < 1e-12 ? "the same by hand and by the tape" : "DIFFERENT");
}

static void compare_gradients(const network *n, fv_tensor *x, fv_tensor *t)
{
    FV_SCOPE;
    fv_tensor *h;
    fv_backward(mean_square(forward(n, x, &h), t));
    const network g = gradients_by_hand(n, x, t);
    compare("W1", g.w1, n->w1);
    compare("b1", g.b1, n->b1);
    compare("W2", g.w2, n->w2);
    compare("b2", g.b2, n->b2);
}

/* --- a third opinion: finite differences ------------------------------------------------------ */

/* (L(w + e) - L(w - e)) / 2e for the first weight of W1. */
static void finite_difference(const network *n, fv_tensor *x, fv_tensor *t)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_tensor *h, *w = fv_select(fv_select(n->w1, 0, 0), 0, 0);
    const double e = 1e-5, exact = fv_at(fv_grad_of(n->w1), (const int64_t[]){0, 0});
    fv_add_(w, e);
    const double above = fv_item(mean_square(forward(n, x, &h), t));
    fv_sub_(w, 2 * e);
    const double below = fv_item(mean_square(forward(n, x, &h), t));
    fv_add_(w, e);
    printf("dL/dW1[0,0]: %.8f exact, %.8f by differences\n", exact, (above - below) / (2 * e));
}

/* --- learning --------------------------------------------------------------------------------- */

/* The answer over the square from (-0.5, -0.5) to (1.5, 1.5): where it is red the network says 1.
 */
static void show_plane(const course *c, const network *n)
{
    FV_SCOPE;
    FV_NO_GRAD;
    enum { SIDE = 41 };
    fv_tensor *along = fv_linspace(-0.5, 1.5, SIDE, .dtype = FV_FLOAT64);
    fv_tensor *x = fv_expand(fv_view(along, 1, SIDE), SIDE, SIDE);
    fv_tensor *y = fv_expand(fv_view(along, SIDE, 1), SIDE, SIDE);
    fv_tensor *places = fv_view(fv_stack(FV_TENSORS(x, y), 2), SIDE * SIDE, 2);
    fv_tensor *h, *answer = forward(n, places, &h);
    fv_save_image(fv_sub(fv_view(answer, SIDE, SIDE), 0.5), course_path(c, "02_xor.png"),
                  .diverging = true, .value_range = {-1, 1}, .upscale = 6);
}

static void learn(const network *n, fv_tensor *x, fv_tensor *t)
{
    fv_optim *opt = fv_sgd(FV_TENSORS(n->w1, n->b1, n->w2, n->b2), .lr = 0.1);
    for (int step = 0; step <= 400; step++) {
        FV_SCOPE;
        fv_tensor *h, *loss = mean_square(forward(n, x, &h), t);
        if (step % 80 == 0) printf("step %3d: loss %.4f\n", step, fv_item(loss));
        fv_zero_grad(opt);
        fv_backward(loss);
        if (fv_step(opt) != FV_OK) break;
    }
    fv_free(opt);
}

/* What the network says at the four corners. */
static void show_answers(const network *n, fv_tensor *x)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_tensor *h, *y = forward(n, x, &h);
    for (int64_t i = 0; i < POINTS; i++)
        printf("%g xor %g: %.2f\n", fv_at(x, (const int64_t[]){i, 0}),
               fv_at(x, (const int64_t[]){i, 1}), fv_at(y, (const int64_t[]){i, 0}));
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    FV_SCOPE;
    const double corners[POINTS][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, answers[] = {0, 1, 1, 0};
    fv_tensor *x = fv_tensor_from(corners[0], POINTS, 2), *t = fv_tensor_from(answers, POINTS, 1);
    const network n = {
        .w1 = fv_randn(HIDDEN, 2, .dtype = FV_FLOAT64, .requires_grad = true),
        .b1 = fv_zeros(HIDDEN, .dtype = FV_FLOAT64, .requires_grad = true),
        .w2 = fv_randn(1, HIDDEN, .dtype = FV_FLOAT64, .requires_grad = true),
        .b2 = fv_zeros(1, .dtype = FV_FLOAT64, .requires_grad = true),
    };
    compare_gradients(&n, x, t);
    finite_difference(&n, x, t);
    learn(&n, x, t);
    show_answers(&n, x);
    show_plane(&c, &n);
    return course_end();
}
