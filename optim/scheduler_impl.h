/* The scheduler from the inside. Private to optim/. */
#ifndef FOVEA_OPTIM_SCHEDULER_IMPL_H
#define FOVEA_OPTIM_SCHEDULER_IMPL_H

#include "optim/optimizer_impl.h"
#include "optim/scheduler.h"

/* Rate of a group at scheduler->last_epoch, from its rate at the step before. */
typedef double (*fv_rate_fn)(const fv_scheduler *scheduler, const fv_group *group);

struct fv_scheduler {
    const char *name;
    const fv_field *options;  /* of this struct: what it was made with */
    const fv_field *counters; /* of this struct: what steps change besides last_epoch, or NULL */
    fv_optim *optim;
    int64_t last_epoch;
    fv_rate_fn rate;                                           /* NULL for a plateau schedule */
    double (*momentum)(const fv_scheduler *scheduler);         /* NULL: momentum is left alone */
    fv_status (*step)(fv_scheduler *scheduler, double metric); /* NULL: the usual one */
    int64_t last_step;                                         /* stepping past it is an error */
    union {
        fv_step_lr_args step_lr;
        fv_multi_step_lr_args multi_step;
        double gamma;
        fv_cosine_annealing_lr_args cosine;
        fv_linear_lr_args linear;
        fv_lambda_lr_args lambda;
        fv_one_cycle_lr_args one_cycle;
        struct {
            fv_reduce_lr_on_plateau_args args;
            double best;
            int64_t bad, cooling; /* steps */
        } plateau;
    } of;
    int64_t *milestones; /* owned */
};

/* A scheduler at step 0 that has set no rate, or NULL after an error. */
fv_scheduler *fv_scheduler_new(const char *name, const fv_field *options, fv_optim *optim,
                               fv_rate_fn rate);

/* Sets the rates of step 0. Returns the scheduler; NULL, freeing it, when one is no rate. */
fv_scheduler *fv_scheduler_begin(fv_scheduler *scheduler);

/* For options by which a rate is multiplied, or that are one. */
fv_status fv_scheduler_check_factor(const char *name, const char *option, double value);

#endif
