/* Optimizers: each with the options that add work. */
#include "optimizers.h"

static fv_optim *sgd(fv_tensor_list params)
{
    return fv_sgd(params, .lr = 1e-3);
}

static fv_optim *sgd_momentum(fv_tensor_list params)
{
    return fv_sgd(params, .lr = 1e-3, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true);
}

static fv_optim *adam(fv_tensor_list params)
{
    return fv_adam(params, .lr = 1e-3);
}

static fv_optim *adamw(fv_tensor_list params)
{
    return fv_adamw(params, .lr = 1e-3);
}

static const bench_optimizer optimizers[] = {
    {"sgd", "torch.optim.SGD([x0], lr=1e-3)", sgd},
    {"sgd_momentum",
     "torch.optim.SGD([x0], lr=1e-3, momentum=0.9, weight_decay=5e-4, nesterov=True)",
     sgd_momentum},
    {"adam", "torch.optim.Adam([x0], lr=1e-3)", adam},
    {"adamw", "torch.optim.AdamW([x0], lr=1e-3)", adamw},
};

const bench_optimizer *bench_optimizers(int *count)
{
    *count = (int)(sizeof optimizers / sizeof *optimizers);
    return optimizers;
}
