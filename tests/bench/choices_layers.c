/* The list of layers: those of tables, of a grid, and drawn. */
#include "choices_layers.h"

#include <stdio.h>
#include <string.h>

enum { MAX_LAYERS = 1000, DRAWN = 320, LEAST_DRAWN = 100000, MAX_ELEMENTS = 1 << 25 };
static const double most_products = 2.5e9, most_drawn = 1e9;

static choices_layer layers[MAX_LAYERS];
static int layer_count;

/* --- geometries ------------------------------------------------------------------------------- */

/* False where the kernel does not fit. */
static bool set_out(fv_conv_geometry *g)
{
    for (int d = 0; d < 3; d++) {
        const int64_t room = g->in[d] + 2 * g->pad[d] - g->dilation[d] * (g->k[d] - 1) - 1;
        if (room < 0) return false;
        g->out[d] = room / g->stride[d] + 1;
    }
    return true;
}

static double pixels(const int64_t *dims)
{
    return (double)dims[0] * (double)dims[1] * (double)dims[2];
}

static double products(const fv_conv_geometry *g)
{
    return (double)g->n * (double)g->o * pixels(g->out) * (double)(g->c / g->groups) * pixels(g->k);
}

/* " 8x56x56", or what is left of it in fewer dimensions. */
static int print_dims(char *text, size_t size, const int64_t *dims, int first)
{
    int length = 0;
    for (int d = first; d < 3; d++)
        length += snprintf(text + length, size - (size_t)length, "%s%lld", d > first ? "x" : " ",
                           (long long)dims[d]);
    return length;
}

/* Dimensions in front that are none. */
static int first_dim(const fv_conv_geometry *g)
{
    int first = 0;
    while (first < 2 && g->in[first] == 1 && g->k[first] == 1) first++;
    return first;
}

static void describe(const char *family, int number, choices_layer *layer)
{
    const fv_conv_geometry *g = &layer->g;
    const int first = first_dim(g);
    char *text = layer->text;
    const size_t size = sizeof layer->text;
    int at = snprintf(text, size, "%s/%03d %lld,", family, number, (long long)g->n);
    at += print_dims(text + at, size - (size_t)at, g->in, first);
    at +=
        snprintf(text + at, size - (size_t)at, ", %lld to %lld,", (long long)g->c, (long long)g->o);
    at += print_dims(text + at, size - (size_t)at, g->k, first);
    const struct {
        const char *form;
        int64_t value, usual;
    } rest[] = {{"/%lld", g->stride[2], 0},
                {", padding %lld", g->pad[2], 0},
                {", dilation %lld", g->dilation[2], 1},
                {", %lld groups", g->groups, 1}};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        if (rest[i].value != rest[i].usual)
            at += snprintf(text + at, size - (size_t)at, rest[i].form, (long long)rest[i].value);
}

/* Number `number` of its family, from a geometry without its output; false if it does not suit. */
static bool add(const char *family, int number, fv_conv_geometry g, double most)
{
    if (layer_count == MAX_LAYERS || !set_out(&g) || products(&g) > most) return false;
    choices_layer *layer = &layers[layer_count++];
    layer->g = g;
    describe(family, number, layer);
    return true;
}

/* --- tables ----------------------------------------------------------------------------------- */

static fv_conv_geometry line(int64_t n, int64_t c, int64_t o, int64_t length, int64_t k,
                             int64_t pad, int64_t step, int64_t dilation)
{
    return (fv_conv_geometry){.n = n,
                              .c = c,
                              .o = o,
                              .groups = 1,
                              .in = {1, 1, length},
                              .k = {1, 1, k},
                              .stride = {1, 1, step},
                              .pad = {0, 0, pad},
                              .dilation = {1, 1, dilation}};
}

static fv_conv_geometry plane(int64_t n, int64_t c, int64_t o, int64_t map, int64_t k, int64_t pad,
                              int64_t step, int64_t groups)
{
    fv_conv_geometry g = line(n, c, o, map, k, pad, step, 1);
    g.groups = groups;
    g.in[1] = map;
    g.k[1] = k;
    g.stride[1] = step;
    g.pad[1] = pad;
    return g;
}

static fv_conv_geometry cube(int64_t n, int64_t c, int64_t o, int64_t depth, int64_t map, int64_t k,
                             int64_t pad, int64_t step)
{
    fv_conv_geometry g = plane(n, c, o, map, k, pad, step, 1);
    g.in[0] = depth;
    g.k[0] = k;
    g.stride[0] = step;
    g.pad[0] = pad;
    return g;
}

/* What a transposed convolution makes of that size. */
static int64_t back(int64_t size, int64_t k, int64_t pad, int64_t step)
{
    return (size - 1) * step - 2 * pad + k;
}

static void add_networks(void)
{
    int number = 0;
#define ROW(g)                             add("network", number++, g, most_products);
#define CONV2D(N, C, O, map, k, pad, step) ROW(plane(N, C, O, map, k, pad, step, 1))
#define GROUPED(N, C, map, groups)         ROW(plane(N, C, C, map, 3, 1, 1, groups))
#define TRANSPOSED(N, C, O, map, k, pad, step)                                                     \
    ROW(plane(N, O, C, back(map, k, pad, step), k, pad, step, 1))
#define CONV1D(N, C, O, length, k, d)       ROW(line(N, C, O, length, k, (d) * ((k) / 2), 1, d))
#define STRIDED1D(N, C, O, length, k, step) ROW(line(N, C, O, length, k, 0, step, 1))
#define TRANSPOSED1D(N, C, O, length, k, pad, step)                                                \
    ROW(line(N, O, C, back(length, k, pad, step), k, pad, step, 1))
#define TRANSPOSED3D(N, C, O, depth, map, k, step)                                                 \
    ROW(cube(N, O, C, back(depth, k, 0, step), back(map, k, 0, step), k, 0, step))
#define CONV3D(N, C, O, depth, map) ROW(cube(N, C, O, depth, map, 3, 1, 1))
#include "ops/conv_layers.inc"
#undef ROW
}

static void add_whole(void)
{
    int number = 0;
#define ROW(g)                   add("whole", number++, g, most_products);
#define WHOLE1D(N, C, O, k, pad) ROW(line(N, C, O, k, k, pad, 1, 1))
#define WHOLE2D(N, C, O, k, pad) ROW(plane(N, C, O, k, k, pad, 1, 1))
#define WHOLE3D(N, C, O, k, pad) ROW(cube(N, C, O, k, k, k, pad, 1))
#include "ops/whole_layers.inc"
#undef ROW
}

/* Layers that keep the map, and those that halve it. */
static void add_grid(void)
{
    static const int64_t batches[] = {1, 4, 32};
    static const struct {
        int64_t map, in, kept, halved; /* channels read, and made by either kind */
    } stages[] = {{224, 3, 64, 64},    {112, 32, 32, 64},   {56, 64, 64, 128},
                  {28, 128, 128, 256}, {14, 256, 256, 512}, {7, 512, 512, 1024},
                  {32, 16, 16, 32},    {16, 32, 32, 64},    {8, 64, 64, 128}};
    static const struct {
        int64_t k, step;
    } kernels[] = {{1, 1}, {3, 1}, {5, 1}, {1, 2}, {3, 2}, {7, 2}};
    int number = 0;
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (size_t s = 0; s < sizeof stages / sizeof *stages; s++)
            for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
                const int64_t k = kernels[i].k, step = kernels[i].step;
                const int64_t made = step == 1 ? stages[s].kept : stages[s].halved;
                add("grid", number++,
                    plane(batches[b], stages[s].in, made, stages[s].map, k, k / 2, step, 1),
                    most_products);
            }
}

/* --- drawn ------------------------------------------------------------------------------------ */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* One of a list; a number that stands there twice comes twice as often. */
#define ONE_OF(state, ...)                                                                         \
    one_of(state, (const int64_t[]){__VA_ARGS__},                                                  \
           sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))
static int64_t one_of(uint64_t *state, const int64_t *list, size_t count)
{
    return list[next(state) % count];
}

static void draw_dims(uint64_t *state, fv_conv_geometry *g)
{
    const int64_t dims = ONE_OF(state, 1, 2, 2, 2, 2, 3);
    const int64_t k = ONE_OF(state, 1, 2, 3, 3, 3, 4, 5, 7, 9);
    const int64_t step = ONE_OF(state, 1, 1, 1, 1, 2, 2, 3, k);
    const int64_t pad = ONE_OF(state, 0, 0, 1, k / 2, k / 2);
    const int64_t dilation = ONE_OF(state, 1, 1, 1, 1, 1, 2);
    const int64_t length = ONE_OF(state, 64, 100, 500, 1000, 4000, 8000);
    const int64_t map = ONE_OF(state, 2, 4, 7, 8, 13, 14, 16, 28, 32, 56, 112, 128);
    const int64_t longer = ONE_OF(state, 0, 0, 1);
    const bool flat = dims == 2 && ONE_OF(state, 0, 0, 0, 0, 0, 0, 0, 1); /* 1 x k */
    for (int d = 0; d < 3; d++) {
        const bool used = d >= 3 - dims;
        const bool moved = used && !(flat && d == 1);
        g->in[d] = !used ? 1 : dims == 1 ? length : dims == 2 && d == 2 ? map + longer : map;
        g->k[d] = moved ? k : 1;
        g->stride[d] = moved ? step : 1;
        g->pad[d] = moved && k > 1 ? pad : 0;
        g->dilation[d] = moved && k > 1 ? dilation : 1;
    }
}

static void draw_channels(uint64_t *state, fv_conv_geometry *g)
{
    g->n = ONE_OF(state, 1, 2, 3, 4, 8, 16, 32, 64, 128);
    g->c = ONE_OF(state, 1, 3, 4, 8, 16, 24, 32, 48, 64, 96, 128, 160, 256, 320, 512);
    g->o = ONE_OF(state, 1, 3, 8, 10, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024);
    g->groups = ONE_OF(state, 1, 1, 1, 1, 1, 1, 1, 1, 4, g->c);
    if (g->groups == g->c) g->o = g->c;
}

static bool suits(fv_conv_geometry *g)
{
    return g->c % g->groups == 0 && g->o % g->groups == 0 && set_out(g) &&
           products(g) >= LEAST_DRAWN && products(g) <= most_drawn &&
           (double)(g->n * g->c) * pixels(g->in) < MAX_ELEMENTS &&
           (double)(g->n * g->o) * pixels(g->out) < MAX_ELEMENTS;
}

static void add_drawn(void)
{
    uint64_t state = 1;
    for (int i = 0; i < DRAWN; i++) {
        fv_conv_geometry g;
        do {
            draw_dims(&state, &g);
            draw_channels(&state, &g);
        } while (!suits(&g));
        add("drawn", i, g, most_drawn);
    }
}

const choices_layer *choices_layers(int *count)
{
    if (layer_count == 0) {
        add_networks();
        add_whole();
        add_grid();
        add_drawn();
    }
    *count = layer_count;
    return layers;
}
