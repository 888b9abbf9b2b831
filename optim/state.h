/* The state of optimizers and schedulers, out and in.
 *
 *     fv_optim_get_state(opt, state, "optim.");         fv_scheduler_get_state(s, state,
 * "scheduler.");
 *     ...
 *     fv_optim_set_state(opt, state, "optim.");         fv_scheduler_set_state(s, state,
 * "scheduler.");
 *
 * After it every step, and every rate, is what it would have been: bit for bit. Names are
 * PyTorch's, behind the prefix (NULL: none); parameters are numbered through all groups from 0:
 *
 *   type                          "sgd", "adam", "adamw"
 *   state.N.step                  updates so far
 *   state.N.momentum_buffer       SGD    state.N.exp_avg, exp_avg_sq, max_exp_avg_sq   Adam, AdamW
 *   param_groups.G.lr, ...        the group's options as they are now; betas is of shape [2]
 *   param_groups.G.initial_lr     once there was a scheduler
 *   param_groups.G.params         the numbers of its parameters
 *
 *   type, last_epoch              schedulers: "step_lr", ...; steps done so far
 *   step_size, gamma, ...         its options
 *   best, num_bad_epochs, cooldown_counter         reduce_lr_on_plateau
 *
 * A whole run, with the network, in one file: train/checkpoint.h. */
#ifndef FOVEA_OPTIM_STATE_H
#define FOVEA_OPTIM_STATE_H

#include "optimizer.h"
#include "scheduler.h"
#include "../tensor/state.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Adds the state of the optimizer. Its tensors are shared, not copied: the next step changes them.
 * Errors: NULL, a prefix of more than 200 letters, memory.
 * Source: torch.optim.Optimizer.state_dict. */
fv_status fv_optim_get_state(const fv_optim *optim, fv_state *state, const char *prefix);

/* Overwrites the state of an optimizer of the same type, over parameters of the same shapes in the
 * same groups, options included; floating types are converted.
 * Errors: another type, number of groups or parameters, or shape; an option outside its range;
 * something that is missing, or that the optimizer has not; memory. Nothing is touched then.
 * Source: torch.optim.Optimizer.load_state_dict. */
fv_status fv_optim_set_state(fv_optim *optim, const fv_state *state, const char *prefix);

/* The checks of fv_optim_set_state without the writing. It makes the memory too: after it, the same
 * fv_optim_set_state succeeds. */
fv_status fv_optim_check_state(fv_optim *optim, const fv_state *state, const char *prefix);

/* The same of a scheduler. The rates themselves are the optimizer's, so set its state too. A
 * scheduler with other options is refused: a state has no say in what the program asks for. (The
 * function of fv_lambda_lr and its context are the program's alone.)
 * Source: torch.optim.lr_scheduler.LRScheduler.state_dict, load_state_dict. */
fv_status fv_scheduler_get_state(const fv_scheduler *scheduler, fv_state *state,
                                 const char *prefix);
fv_status fv_scheduler_set_state(fv_scheduler *scheduler, const fv_state *state,
                                 const char *prefix);
fv_status fv_scheduler_check_state(fv_scheduler *scheduler, const fv_state *state,
                                   const char *prefix);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
