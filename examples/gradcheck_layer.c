/* An op of one's own, with its gradient, checked by finite differences.
 *
 * The op is Swish with a learned slope:  y = x * s(beta * x),  s the logistic function.
 * Its gradient, with s = s(beta * x):
 *     dy/dx    = s + beta * x * s * (1 - s)
 *     dy/dbeta = x * x * s * (1 - s)
 * The program checks it, its second derivatives as well, and then shows what a check says of a
 * gradient in which a term was forgotten.  Source: Ramachandran, Zoph, Le 2017. */
#include <fovea.h>
#include <math.h>
#include <stdio.h>

/* --- the op ----------------------------------------------------------------------------------- */

/* infer: checks the inputs and describes the output. It alone may refuse a call. */
static fv_status swish_infer(fv_call *c)
{
    const fv_tensor *x = c->in[0], *beta = c->in[1];
    fv_status status = fv_need_floating(c, 0, "x");
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, "x", 1, "beta");
    if (status != FV_OK) return status;
    if (beta->numel != 1)
        return fv_reject(c, FV_ERR_SHAPE, "beta %s needs one element", fv_text(beta));
    fv_shape shape = fv_shape_of(x);
    fv_output_contiguous(c, 0, x->dtype, &shape);
    return FV_OK;
}

/* forward: computes. swish() below has made x contiguous, and infer has checked all else. */
static void swish_forward(fv_call *c)
{
    const int64_t n = c->in[0]->numel;
    if (c->in[0]->dtype == FV_FLOAT32) {
        const float *x = c->in[0]->data, beta = *(const float *)c->in[1]->data;
        float *y = c->out[0]->data;
        for (int64_t i = 0; i < n; i++) y[i] = x[i] / (1.0f + expf(-beta * x[i]));
    } else {
        const double *x = c->in[0]->data, beta = *(const double *)c->in[1]->data;
        double *y = c->out[0]->data;
        for (int64_t i = 0; i < n; i++) y[i] = x[i] / (1.0 + exp(-beta * x[i]));
    }
}

/* gradient: written with ops, so that it can be differentiated again. A result may be larger than
 * its input by broadcasting: backward sums the one of beta over all elements. */
static void swish_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *x = c->in[0], *beta = c->in[1], *g = gout[0];
    fv_tensor *s = fv_sigmoid(fv_mul(x, beta));
    fv_tensor *slope = fv_mul(x, fv_mul(s, fv_add(fv_neg(s), 1.0))); /* x s (1 - s) */
    if (fv_wants(c, 0)) gin[0] = fv_mul(g, fv_add(s, fv_mul(beta, slope)));
    if (fv_wants(c, 1)) gin[1] = fv_mul(g, fv_mul(x, slope));
}

static const fv_op swish_op = {
    .name = "swish",
    .inputs = 2,
    .outputs = 1,
    .infer = swish_infer,
    .forward = swish_forward,
    .gradient = swish_gradient,
    .saves = {FV_IN(0) | FV_IN(1), FV_IN(0) | FV_IN(1)}, /* what the gradient of each input reads */
};

/* What the rest of a program calls. */
static fv_tensor *swish(fv_tensor *x, fv_tensor *beta)
{
    return FV_APPLY(&swish_op, NULL, fv_contiguous(x), beta);
}

/* --- the same op with a mistake: dy/dx without its second term -------------------------------- */

static void wrong_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    swish_gradient(c, gout, gin);
    if (fv_wants(c, 0)) gin[0] = fv_mul(gout[0], fv_sigmoid(fv_mul(c->in[0], c->in[1])));
}

static const fv_op wrong_op = {
    .name = "wrong_swish",
    .inputs = 2,
    .outputs = 1,
    .infer = swish_infer,
    .forward = swish_forward,
    .gradient = wrong_gradient,
    .saves = {FV_IN(0) | FV_IN(1), FV_IN(0) | FV_IN(1)},
};

/* --- the checks ------------------------------------------------------------------------------- */

static fv_tensor *call_swish(fv_tensor *const *in, void *context)
{
    (void)context;
    return swish(in[0], in[1]);
}

static fv_tensor *call_wrong(fv_tensor *const *in, void *context)
{
    (void)context;
    return FV_APPLY(&wrong_op, NULL, fv_contiguous(in[0]), in[1]);
}

int main(void)
{
    bool as_expected = false;
    fv_manual_seed(1);
    {
        FV_SCOPE;
        /* Differences need double precision; in training the op takes float32 as well. */
        fv_tensor *x = fv_randn(3, 4, .dtype = FV_FLOAT64, .requires_grad = true);
        fv_tensor *beta = fv_full(1, .value = 1.5, .dtype = FV_FLOAT64, .requires_grad = true);
        fv_gradcheck_report report;

        bool first = fv_gradcheck(call_swish, FV_TENSORS(x, beta), &report);
        printf("swish, gradient: %s\n", first ? "right" : report.message);
        bool second = fv_gradgradcheck(call_swish, FV_TENSORS(x, beta), &report);
        printf("swish, second derivatives: %s\n", second ? "right" : report.message);

        bool wrong = fv_gradcheck(call_wrong, FV_TENSORS(x, beta), &report);
        printf("with a term forgotten: %s\n", wrong ? "right" : report.message);
        as_expected = first && second && !wrong;
    }
    fv_shutdown();
    return as_expected ? 0 : 1;
}
