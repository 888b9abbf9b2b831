/* What a piece of work may use of the machine: threads, instruction-set level, and the modes in
 * which it is to be done.
 *
 * Whoever starts the work (fv_apply for an op, an optimizer for its step) settles it once with
 * fv_machine_now and hands it down; nothing below asks again. So another thread may change the
 * number of threads at any time, and a plan made for one machine is never run on another. */
#ifndef FOVEA_TENSOR_MACHINE_H
#define FOVEA_TENSOR_MACHINE_H

#include "conv_mode.h"
#include "kernels/isa.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_machine {
    int threads;                      /* at most so many, >= 1 */
    fv_isa isa;                       /* which table of kernels: FV_ISA_PICK(stem, machine.isa) */
    fv_conv_precision conv_precision; /* 0 is FV_CONV_FAST too */
    const char *conv_algorithm;       /* to be taken where it suits, or NULL */
    bool conv_benchmark;              /* algorithms are chosen by timing */
    bool weights_stay;                /* as in inference, where packed weights are kept */
} fv_machine;

/* What this thread's next piece of work may use. */
fv_machine fv_machine_now(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
