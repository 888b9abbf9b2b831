/* Planning and timing what competes for a pass of a layer. */
#include "choices_time.h"

#include <string.h>

#include "clock.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"

enum { ROUNDS = 3, MAX_RUNS = 200, MAX_SCRATCH = 2000000000 };
/* Times as long as the chosen one: by estimate, not to be tried; measured, not to go on with. */
enum { ABSURD = 30, HOPELESS = 3 };

static const struct {
    const char *name;
    fv_conv_pass pass;
} passes[CHOICES_PASSES] = {[FORWARD] = {"forward", FV_CONV_FORWARD},
                            [GRAD_INPUT] = {"input gradient", FV_CONV_GRAD_INPUT},
                            [GRAD_WEIGHT] = {"weight gradient", FV_CONV_GRAD_WEIGHT},
                            [KEPT] = {"kept weights", FV_CONV_FORWARD}};

const char *choices_pass_name(choices_pass pass)
{
    return passes[pass].name;
}

fv_conv_pass choices_kernel_pass(choices_pass pass)
{
    return passes[pass].pass;
}

/* --- planning --------------------------------------------------------------------------------- */

static void plan_one(contender *one, const fv_conv_geometry *g, choices_pass pass,
                     fv_machine machine)
{
    machine.weights_stay = pass == KEPT;
    fv_conv_make_plan(&one->plan, g, FV_FLOAT32, choices_kernel_pass(pass), NULL, machine);
    one->plan.packed = pass == KEPT && fv_conv_packed_bytes(&one->plan) > 0;
    one->name = fv_conv_planned_algorithm(&one->plan);
    one->estimate = one->plan.cost / fv_threads_for(machine, one->plan.cost) * 1e-6;
    one->ms = 0;
}

bool plan_contest(contest *c, const fv_conv_geometry *g, choices_pass pass, fv_machine machine)
{
    const fv_conv_pass kernel = choices_kernel_pass(pass);
    contender usual;
    machine.conv_benchmark = false;
    machine.conv_algorithm = NULL;
    plan_one(&usual, g, pass, machine);
    *c = (contest){.pass = pass, .chosen = -1};
    for (int i = 0; c->count < MAX_CONTENDERS && fv_conv_algorithm_name(kernel, i); i++) {
        contender *one = &c->of[c->count];
        machine.conv_algorithm = fv_conv_algorithm_name(kernel, i);
        plan_one(one, g, pass, machine);
        if (strcmp(one->name, machine.conv_algorithm) != 0) continue;
        if (strcmp(one->name, usual.name) == 0) c->chosen = c->count;
        c->count++;
    }
    return c->chosen >= 0;
}

int quickest_of(const contest *c)
{
    int best = c->chosen;
    for (int i = 0; i < c->count; i++)
        if (c->of[i].ms > 0 && c->of[i].ms < c->of[best].ms) best = i;
    return best;
}

/* --- memory ----------------------------------------------------------------------------------- */

static bool take_numbers(layer_memory *m, int i, int64_t count)
{
    float *numbers = m->block[i] = fv_block_alloc((size_t)count * sizeof(float), &m->token[i]);
    uint32_t state = 1;
    for (int64_t k = 0; numbers && k < count; k++) {
        state = state * 1664525 + 1013904223;
        numbers[k] = (float)(state >> 8) * 0x1p-23F - 1;
    }
    return numbers;
}

bool take_layer(layer_memory *m, const fv_conv_geometry *g)
{
    int64_t count[4] = {g->n * g->c, g->o * (g->c / g->groups), g->n * g->o};
    bool ok = true;
    *m = (layer_memory){0};
    for (int d = 0; d < 3; d++) {
        count[0] *= g->in[d];
        count[1] *= g->k[d];
        count[2] *= g->out[d];
    }
    for (int i = 0; i < 3; i++)
        if (count[i] > count[3]) count[3] = count[i];
    for (int i = 0; i < 4 && ok; i++) ok = take_numbers(m, i, count[i]);
    if (!ok) free_layer(m);
    return ok;
}

void free_layer(layer_memory *m)
{
    for (int i = 0; i < 4; i++)
        if (m->block[i]) fv_block_free(m->block[i], m->token[i]);
}

/* --- timing ----------------------------------------------------------------------------------- */

/* Scratch and packed weights of a contender. */
typedef struct corner {
    fv_conv_operands o;
    void *scratch, *packed;
    size_t token[2];
} corner;

static bool take_corner(corner *k, const contender *one, const layer_memory *m)
{
    const fv_conv_plan *p = &one->plan;
    const size_t scratch = fv_conv_scratch(p), packed = p->packed ? fv_conv_packed_bytes(p) : 0;
    *k = (corner){.o = {.a = m->block[p->pass == FV_CONV_GRAD_INPUT ? 2 : 0],
                        .b = m->block[p->pass == FV_CONV_GRAD_WEIGHT ? 2 : 1],
                        .out = m->block[3]}};
    if (scratch > MAX_SCRATCH) return false;
    k->scratch = fv_block_alloc(scratch ? scratch : 64, &k->token[0]);
    if (packed) {
        k->packed = fv_block_alloc(packed, &k->token[1]);
        if (k->packed) fv_conv_pack(p, m->block[1], k->packed);
        k->o.packed = k->packed;
    }
    return k->scratch && (!packed || k->packed);
}

static void free_corner(corner *k)
{
    if (k->scratch) fv_block_free(k->scratch, k->token[0]);
    if (k->packed) fv_block_free(k->packed, k->token[1]);
}

static void run_turn(contender *one, const corner *k, int least, double budget_ms)
{
    double spent = 0;
    for (int i = 0; i < least || (i < MAX_RUNS && spent < budget_ms); i++) {
        const double start = now_seconds();
        fv_conv_run(&one->plan, &k->o, k->scratch);
        const double took = (now_seconds() - start) * 1e3;
        if (one->ms == 0 || took < one->ms) one->ms = took;
        spent += took;
    }
}

static bool goes_on(const contest *c, int i, int round)
{
    const contender *one = &c->of[i], *chosen = &c->of[c->chosen];
    return round == 0 ? one->estimate < ABSURD * chosen->estimate
                      : one->ms > 0 && one->ms < HOPELESS * chosen->ms;
}

bool time_contest(contest *c, const layer_memory *m, double budget_ms)
{
    corner corners[MAX_CONTENDERS];
    bool ok = true;
    int taken = 0;
    while (taken < c->count && ok) {
        ok = take_corner(&corners[taken], &c->of[taken], m);
        taken++;
    }
    for (int round = 0; ok && round < ROUNDS; round++)
        for (int i = 0; i < c->count; i++)
            if (goes_on(c, i, round))
                run_turn(&c->of[i], &corners[i], round ? 1 : 2, budget_ms / ROUNDS);
    for (int i = 0; i < taken; i++) free_corner(&corners[i]);
    return ok;
}
