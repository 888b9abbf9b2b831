/* Learning-rate schedulers.
 *
 *     fv_scheduler *s = fv_step_lr(opt, 30, .gamma = 0.1);
 *     for (each epoch) { ...; fv_scheduler_step(s); }
 *     fv_free(s);
 *
 * Making a scheduler sets the rates of step 0; each fv_scheduler_step goes one on. The rates of
 * most are the group's present rate times a factor, so that several schedulers on one optimizer
 * chain. The optimizer is borrowed and must outlive the steps; every group is scheduled.
 * Constructors return NULL after an error: a NULL optimizer, an option that is outside its range,
 * NaN or infinite. */
#ifndef FOVEA_OPTIM_SCHEDULER_H
#define FOVEA_OPTIM_SCHEDULER_H

#include "../tensor/constants.h"
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_scheduler fv_scheduler;

typedef struct fv_scheduler_step_args {
    size_t size;
    fv_scheduler *scheduler;
    double metric; /* for fv_reduce_lr_on_plateau, and for it alone */
} fv_scheduler_step_args;
#define FV_SCHEDULER_STEP_DEFAULTS FV_DEFAULTS(fv_scheduler_step_args, .metric = (double)FV_UNSET)
extern const fv_scheduler_step_args fv_scheduler_step_defaults;

/* Goes to the next step and sets rates. fv_scheduler_step(s), or fv_scheduler_step(s, loss).
 * Errors: a one-cycle schedule past its end, a plateau schedule without a metric or with one that
 * is NaN, a metric for another schedule, a rate that is negative or not finite (from a function,
 * say); rates and step stay then. Source: torch.optim.lr_scheduler.LRScheduler.step. */
fv_status fv_scheduler_step_ex(const fv_scheduler_step_args *a);
#define fv_scheduler_step(...)                                                                     \
    FV_CALL(fv_scheduler_step_ex, fv_scheduler_step_args, FV_SCHEDULER_STEP_DEFAULTS, __VA_ARGS__)

/* Steps done so far; 0 for NULL.  Source: last_epoch. */
int64_t fv_scheduler_last_epoch(const fv_scheduler *scheduler);

/* Leaves the optimizer alone. NULL is fine. */
void fv_scheduler_free(fv_scheduler *scheduler);

typedef struct fv_step_lr_args {
    size_t size;
    fv_optim *optim;
    int64_t step_size; /* >= 1 */
    double gamma;
} fv_step_lr_args;
#define FV_STEP_LR_DEFAULTS FV_DEFAULTS(fv_step_lr_args, .gamma = 0.1)
extern const fv_step_lr_args fv_step_lr_defaults;
/* Times gamma at every step_size-th step.  Source: torch.optim.lr_scheduler.StepLR. */
fv_scheduler *fv_step_lr_ex(const fv_step_lr_args *a);
#define fv_step_lr(...) FV_CALL(fv_step_lr_ex, fv_step_lr_args, FV_STEP_LR_DEFAULTS, __VA_ARGS__)

/* Step numbers in a row: FV_MILESTONES(30, 80). */
typedef struct fv_milestones {
    const int64_t *steps;
    int64_t count;
} fv_milestones;
#define FV_MILESTONES(...)                                                                         \
    ((fv_milestones){(const int64_t[]){__VA_ARGS__},                                               \
                     (int64_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))})

typedef struct fv_multi_step_lr_args {
    size_t size;
    fv_optim *optim;
    fv_milestones milestones; /* copied */
    double gamma;
} fv_multi_step_lr_args;
#define FV_MULTI_STEP_LR_DEFAULTS FV_DEFAULTS(fv_multi_step_lr_args, .gamma = 0.1)
extern const fv_multi_step_lr_args fv_multi_step_lr_defaults;
/* Times gamma at each milestone.  Source: torch.optim.lr_scheduler.MultiStepLR. */
fv_scheduler *fv_multi_step_lr_ex(const fv_multi_step_lr_args *a);
#define fv_multi_step_lr(...)                                                                      \
    FV_CALL(fv_multi_step_lr_ex, fv_multi_step_lr_args, FV_MULTI_STEP_LR_DEFAULTS, __VA_ARGS__)

/* Times gamma at every step.  Source: torch.optim.lr_scheduler.ExponentialLR. */
fv_scheduler *fv_exponential_lr(fv_optim *optim, double gamma);

typedef struct fv_cosine_annealing_lr_args {
    size_t size;
    fv_optim *optim;
    int64_t t_max; /* >= 1 */
    double eta_min;
} fv_cosine_annealing_lr_args;
#define FV_COSINE_ANNEALING_LR_DEFAULTS FV_NO_DEFAULTS(fv_cosine_annealing_lr_args)
extern const fv_cosine_annealing_lr_args fv_cosine_annealing_lr_defaults;
/* From the initial rate to eta_min along half a cosine in t_max steps, and back in t_max more:
 * eta_min + (initial - eta_min) * (1 + cos(pi * t / t_max)) / 2, reckoned step by step.
 * Source: torch.optim.lr_scheduler.CosineAnnealingLR; Loshchilov & Hutter 2017. */
fv_scheduler *fv_cosine_annealing_lr_ex(const fv_cosine_annealing_lr_args *a);
#define fv_cosine_annealing_lr(...)                                                                \
    FV_CALL(fv_cosine_annealing_lr_ex, fv_cosine_annealing_lr_args,                                \
            FV_COSINE_ANNEALING_LR_DEFAULTS, __VA_ARGS__)

typedef struct fv_linear_lr_args {
    size_t size;
    fv_optim *optim;
    double start_factor; /* 1/3; in (0, 1] */
    double end_factor;   /* 1; in [0, 1] */
    int64_t total_iters; /* 5 */
} fv_linear_lr_args;
#define FV_LINEAR_LR_DEFAULTS                                                                      \
    FV_DEFAULTS(fv_linear_lr_args, .start_factor = 1.0 / 3.0, .end_factor = 1.0, .total_iters = 5)
extern const fv_linear_lr_args fv_linear_lr_defaults;
/* From start_factor to end_factor times the initial rate, in total_iters steps: a warm-up.
 * Source: torch.optim.lr_scheduler.LinearLR. */
fv_scheduler *fv_linear_lr_ex(const fv_linear_lr_args *a);
#define fv_linear_lr(...)                                                                          \
    FV_CALL(fv_linear_lr_ex, fv_linear_lr_args, FV_LINEAR_LR_DEFAULTS, __VA_ARGS__)

typedef double (*fv_lr_fn)(int64_t step, void *context);
typedef struct fv_lambda_lr_args {
    size_t size;
    fv_optim *optim;
    fv_lr_fn function;
    void *context;
} fv_lambda_lr_args;
#define FV_LAMBDA_LR_DEFAULTS FV_NO_DEFAULTS(fv_lambda_lr_args)
extern const fv_lambda_lr_args fv_lambda_lr_defaults;
/* The initial rate times function(step).  Source: torch.optim.lr_scheduler.LambdaLR. */
fv_scheduler *fv_lambda_lr_ex(const fv_lambda_lr_args *a);
#define fv_lambda_lr(...)                                                                          \
    FV_CALL(fv_lambda_lr_ex, fv_lambda_lr_args, FV_LAMBDA_LR_DEFAULTS, __VA_ARGS__)

typedef enum fv_anneal { FV_ANNEAL_COS = FV_ANNEAL_FIRST, FV_ANNEAL_LINEAR } fv_anneal;
typedef struct fv_one_cycle_lr_args {
    size_t size;
    fv_optim *optim;
    double max_lr;
    int64_t total_steps; /* or both of the next, not all three: */
    int64_t epochs, steps_per_epoch;
    double pct_start; /* 0.3: part of the cycle in which the rate rises */
    fv_anneal anneal_strategy;
    bool cycle_momentum; /* true: momentum (Adam: beta1) falls while the rate rises */
    double base_momentum, max_momentum; /* 0.85, 0.95 */
    double div_factor;                  /* 25: the initial rate is max_lr / div_factor */
    double final_div_factor;            /* 1e4: the last one is the initial / final_div_factor */
    bool three_phase;
} fv_one_cycle_lr_args;
#define FV_ONE_CYCLE_LR_DEFAULTS                                                                   \
    FV_DEFAULTS(fv_one_cycle_lr_args, .total_steps = FV_UNSET, .epochs = FV_UNSET,                 \
                .steps_per_epoch = FV_UNSET, .pct_start = 0.3, .anneal_strategy = FV_ANNEAL_COS,   \
                .cycle_momentum = true, .base_momentum = 0.85, .max_momentum = 0.95,               \
                .div_factor = 25.0, .final_div_factor = 1e4)
extern const fv_one_cycle_lr_args fv_one_cycle_lr_defaults;
/* One rise to max_lr and one fall far below the start, over all steps of the training.
 * Source: torch.optim.lr_scheduler.OneCycleLR; Smith & Topin 2018. */
fv_scheduler *fv_one_cycle_lr_ex(const fv_one_cycle_lr_args *a);
#define fv_one_cycle_lr(...)                                                                       \
    FV_CALL(fv_one_cycle_lr_ex, fv_one_cycle_lr_args, FV_ONE_CYCLE_LR_DEFAULTS, __VA_ARGS__)

typedef enum fv_plateau_mode { FV_MODE_MIN = FV_PLATEAU_MODE_FIRST, FV_MODE_MAX } fv_plateau_mode;
typedef enum fv_threshold_mode {
    FV_THRESHOLD_REL = FV_THRESHOLD_MODE_FIRST,
    FV_THRESHOLD_ABS
} fv_threshold_mode;
typedef struct fv_reduce_lr_on_plateau_args {
    size_t size;
    fv_optim *optim;
    fv_plateau_mode mode; /* the metric should fall (min) or rise (max) */
    double factor;        /* 0.1; below 1 */
    int64_t patience;     /* 10 steps without an improvement are borne */
    double threshold;     /* 1e-4: what counts as one */
    fv_threshold_mode threshold_mode;
    int64_t cooldown; /* steps after a reduction in which nothing is counted */
    double min_lr;
    double eps; /* 1e-8: smaller reductions are left out */
} fv_reduce_lr_on_plateau_args;
#define FV_REDUCE_LR_ON_PLATEAU_DEFAULTS                                                           \
    FV_DEFAULTS(fv_reduce_lr_on_plateau_args, .mode = FV_MODE_MIN, .factor = 0.1, .patience = 10,  \
                .threshold = 1e-4, .threshold_mode = FV_THRESHOLD_REL, .eps = 1e-8)
extern const fv_reduce_lr_on_plateau_args fv_reduce_lr_on_plateau_defaults;
/* Times factor when the metric given to fv_scheduler_step has stopped improving.
 * Source: torch.optim.lr_scheduler.ReduceLROnPlateau. */
fv_scheduler *fv_reduce_lr_on_plateau_ex(const fv_reduce_lr_on_plateau_args *a);
#define fv_reduce_lr_on_plateau(...)                                                               \
    FV_CALL(fv_reduce_lr_on_plateau_ex, fv_reduce_lr_on_plateau_args,                              \
            FV_REDUCE_LR_ON_PLATEAU_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
