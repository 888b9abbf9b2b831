/* A contest: every algorithm that suits a pass of a layer, planned and timed. */
#ifndef FOVEA_BENCH_CHOICES_TIME_H
#define FOVEA_BENCH_CHOICES_TIME_H

#include "tensor/kernels/conv/conv.h"

/* Those of convolution, and forward in inference, where weights come packed. */
typedef enum choices_pass { FORWARD, GRAD_INPUT, GRAD_WEIGHT, KEPT, CHOICES_PASSES } choices_pass;
const char *choices_pass_name(choices_pass pass);
fv_conv_pass choices_kernel_pass(choices_pass pass);

enum { MAX_CONTENDERS = 16 };

typedef struct contender {
    fv_conv_plan plan;
    const char *name;
    double estimate, ms; /* milliseconds; of the quickest run, 0: not timed */
} contender;

typedef struct contest {
    choices_pass pass;
    int count, chosen;
    contender of[MAX_CONTENDERS];
} contest;

/* Plans all that suit, and tells which one is chosen when none is asked for; false if that one is
 * not among them. */
bool plan_contest(contest *c, const fv_conv_geometry *g, choices_pass pass, fv_machine machine);

/* x, w, y, and room for a result. */
typedef struct layer_memory {
    void *block[4];
    size_t token[4];
} layer_memory;
bool take_layer(layer_memory *m, const fv_conv_geometry *g);
void free_layer(layer_memory *m);

/* Times them in turn, each for so many milliseconds in all and at least four runs. One that takes
 * three times as long as the chosen one is given up after the first turn, one that is estimated at
 * thirty times is not tried. False without the memory for scratch. */
bool time_contest(contest *c, const layer_memory *m, double budget_ms);

/* The quickest. */
int quickest_of(const contest *c);

#endif
