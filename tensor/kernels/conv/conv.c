/* The list of algorithms, and planning: the cheapest that suits. */
#include "conv.h"

#include <stdio.h>
#include <string.h>

#include "conv_winograd_impl.h"

_Static_assert(sizeof(fv_conv_plan) <= 1024, "a plan fits a call's frame");
_Static_assert(sizeof(conv_winograd_plan) <= sizeof((fv_conv_plan *)0)->own,
               "and so does its largest part");

static const conv_algorithm *const window_algorithms[] = {&fv_conv_gemm,    &fv_conv_depthwise,
                                                          &fv_conv_product, &fv_conv_few,
                                                          &fv_conv_merged,  &fv_conv_winograd};
static const conv_algorithm *const weight_algorithms[] = {
    &fv_conv_gemm_weight, &fv_conv_depthwise_weight, &fv_conv_product, &fv_conv_merged,
    &fv_conv_winograd_weight};

const conv_algorithm *const *fv_conv_algorithms(fv_conv_pass pass, int *count)
{
    const bool weight = pass == FV_CONV_GRAD_WEIGHT;
    *count = (int)(weight ? sizeof weight_algorithms / sizeof *weight_algorithms
                          : sizeof window_algorithms / sizeof *window_algorithms);
    return weight ? weight_algorithms : window_algorithms;
}

static void choose(fv_conv_plan *p, const conv_window *w, fv_machine machine)
{
    int count;
    const conv_algorithm *const *list = fv_conv_algorithms(p->pass, &count);
    p->algorithm = NULL;
    for (int i = 0; i < count; i++) {
        double cost = list[i]->cost(w, p->pass, machine);
        const bool forced =
            machine.conv_algorithm && strcmp(list[i]->name, machine.conv_algorithm) == 0;
        if (cost < 0 || (p->algorithm && cost >= p->cost && !forced)) continue;
        p->algorithm = list[i];
        p->cost = cost;
        if (forced) return;
    }
}

static void row_major(const fv_conv_geometry *g, int64_t *stride)
{
    stride[4] = 1;
    stride[3] = g->k[2];
    stride[2] = g->k[1] * stride[3];
    stride[1] = g->k[0] * stride[2];
    stride[0] = g->c / g->groups * stride[1];
}

void fv_conv_make_plan(fv_conv_plan *p, const fv_conv_geometry *g, fv_dtype dtype,
                       fv_conv_pass pass, const int64_t *w_stride, fv_machine machine)
{
    const conv_window w = fv_conv_make_window(g, dtype, pass);
    if (machine.conv_benchmark && !machine.conv_algorithm)
        machine.conv_algorithm = fv_conv_quickest(&w, g, dtype, pass, machine);
    p->g = *g;
    p->dtype = dtype;
    p->pass = pass;
    p->isa = machine.isa;
    p->packed = false;
    if (w_stride && pass != FV_CONV_GRAD_WEIGHT)
        memcpy(p->w_stride, w_stride, sizeof p->w_stride);
    else
        row_major(g, p->w_stride);
    choose(p, &w, machine);
    p->algorithm->plan(p, &w, machine);
}

const char *fv_conv_algorithm_name(fv_conv_pass pass, int i)
{
    int count;
    const conv_algorithm *const *list = fv_conv_algorithms(pass, &count);
    return i >= 0 && i < count ? list[i]->name : NULL;
}

const char *fv_conv_planned_algorithm(const fv_conv_plan *p)
{
    return p->algorithm->name;
}

size_t fv_conv_scratch(const fv_conv_plan *p)
{
    fv_scratch s = {NULL, 0};
    p->algorithm->layout(p, &s);
    return s.used;
}

size_t fv_conv_packed_bytes(const fv_conv_plan *p)
{
    return p->algorithm->packed_bytes ? p->algorithm->packed_bytes(p) : 0;
}

void fv_conv_pack(const fv_conv_plan *p, const void *w, void *packed)
{
    p->algorithm->pack(p, w, packed);
}

size_t fv_conv_packed_key(const fv_conv_plan *p, unsigned char key[FV_CONV_KEY_BYTES])
{
    const uint64_t first[] = {(uint64_t)(uintptr_t)p->algorithm, (uint64_t)p->isa,
                              (uint64_t)p->pass, (uint64_t)p->g.groups};
    memcpy(key, first, sizeof first);
    uint64_t rest = p->algorithm->packed_key(p);
    memcpy(key + sizeof first, &rest, sizeof rest);
    return sizeof first + sizeof rest;
}

/* Addresses of algorithms are even. */
uint32_t fv_conv_packed_layout(const fv_conv_plan *p)
{
    return (uint32_t)(uintptr_t)p->algorithm + (p->pass == FV_CONV_GRAD_INPUT);
}

bool fv_conv_stores_over_residual(const fv_conv_plan *p)
{
    return p->algorithm->over_residual;
}

void fv_conv_run(const fv_conv_plan *p, const fv_conv_operands *o, void *scratch)
{
    p->algorithm->run(p, o, scratch);
}

int fv_conv_describe(const fv_conv_plan *p, char *text, size_t size)
{
    int length = p->algorithm->describe(p, text, size);
    if (length < 0 || !p->packed) return length;
    const size_t used = (size_t)length < size ? (size_t)length : size;
    return length + snprintf(text + used, size - used, ", kept weights");
}
