/* The convolution kernels against their plain loops: random geometries, every level, bits that do
 * not follow the threads, epilogues, strides far beyond the kernel, plans while the number of
 * threads changes. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support.h"
#include "tensor/kernels/conv/conv.h"

/* --- numbers and memory ----------------------------------------------------------------------- */

static uint64_t state;

static int64_t draw(int64_t low, int64_t high)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((state >> 33) % (uint64_t)(high - low + 1));
}

static void *fresh(size_t bytes)
{
    void *p = NULL;
    ck_assert_int_eq(posix_memalign(&p, 64, bytes ? bytes : 1), 0);
    memset(p, 0xff, bytes); /* NaN in both types: what is not written shows */
    return p;
}

static void *random_numbers(int64_t count, fv_dtype dtype)
{
    void *p = fresh((size_t)count * fv_dtype_size(dtype));
    for (int64_t i = 0; i < count; i++) {
        double v = (double)draw(-1000, 1000) / 1000;
        if (dtype == FV_FLOAT64)
            ((double *)p)[i] = v;
        else
            ((float *)p)[i] = (float)v;
    }
    return p;
}

static double number(const void *p, int64_t i, fv_dtype dtype)
{
    return dtype == FV_FLOAT64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

/* --- geometries ------------------------------------------------------------------------------- */

static int64_t pixels(const int64_t *dims)
{
    return dims[0] * dims[1] * dims[2];
}

static int64_t x_count(const fv_conv_geometry *g)
{
    return g->n * g->c * pixels(g->in);
}

static int64_t y_count(const fv_conv_geometry *g)
{
    return g->n * g->o * pixels(g->out);
}

static int64_t w_count(const fv_conv_geometry *g)
{
    return g->o * (g->c / g->groups) * pixels(g->k);
}

static int64_t count_of(const fv_conv_geometry *g, fv_conv_pass pass, int operand)
{
    int64_t (*const counts[3][3])(const fv_conv_geometry *) = {
        {x_count, w_count, y_count}, {y_count, w_count, x_count}, {x_count, y_count, w_count}};
    return counts[pass][operand](g);
}

static void text_of(const fv_conv_geometry *g, char *text, size_t size)
{
    int used = snprintf(text, size, "n %lld c %lld o %lld groups %lld", (long long)g->n,
                        (long long)g->c, (long long)g->o, (long long)g->groups);
    const int64_t *const lists[] = {g->in, g->out, g->k, g->stride, g->pad, g->dilation};
    static const char *const names[] = {"in", "out", "k", "stride", "pad", "dilation"};
    for (int i = 0; i < 6 && used > 0 && (size_t)used < size; i++)
        used += snprintf(text + used, size - (size_t)used, " %s %lld,%lld,%lld", names[i],
                         (long long)lists[i][0], (long long)lists[i][1], (long long)lists[i][2]);
}

/* Fills `out` from the rest; false when the kernel does not fit. */
static bool set_out(fv_conv_geometry *g)
{
    for (int d = 0; d < 3; d++) {
        int64_t room = g->in[d] + 2 * g->pad[d] - g->dilation[d] * (g->k[d] - 1) - 1;
        if (room < 0) return false;
        g->out[d] = room / g->stride[d] + 1;
    }
    return true;
}

static void set_channels(fv_conv_geometry *g)
{
    switch (draw(0, 5)) {
    case 0:
        g->groups = 1;
        g->c = draw(1, 40);
        g->o = draw(1, 40);
        break;
    case 1:
        g->groups = draw(2, 4);
        g->c = g->groups * draw(1, 9);
        g->o = g->groups * draw(1, 9);
        break;
    case 2: g->groups = g->c = g->o = draw(2, 37); break; /* depthwise */
    case 3:                                               /* groups of 4 and 8 */
        g->groups = draw(2, 9);
        g->c = g->o = g->groups * 4 * draw(1, 2);
        break;
    case 4: /* few of many, and many of few */
        g->groups = 1;
        g->c = draw(0, 1) ? draw(1, 9) : 16 * draw(1, 3);
        g->o = g->c < 16 ? 16 * draw(1, 3) : draw(1, 9);
        break;
    default:
        g->groups = 1;
        g->c = 16 * draw(1, 2);
        g->o = 32 * draw(1, 2);
    }
}

static fv_conv_geometry random_geometry(void)
{
    static const int64_t longest[4] = {0, 40, 14, 7};
    for (;;) {
        fv_conv_geometry g = {.n = draw(0, 8) ? draw(1, 4) : 0};
        const int nd = (int)draw(1, 3);
        set_channels(&g);
        for (int d = 0; d < 3; d++) {
            const bool used = d >= 3 - nd;
            g.in[d] = used ? draw(1, longest[nd]) : 1;
            g.k[d] = used ? draw(1, 4) : 1;
            g.stride[d] = used && draw(0, 1) ? draw(1, 6) : 1;
            g.dilation[d] = used && draw(0, 2) == 0 ? draw(2, 4) : 1;
            g.pad[d] = used ? draw(0, 3) : 0;
        }
        if (!set_out(&g)) continue;
        double products = (double)y_count(&g) * (double)w_count(&g) / (double)g.o;
        if (products < 1e6) return g;
    }
}

/* Kernels up to the size of their map, padding included, and beyond the map itself. */
static fv_conv_geometry random_large_kernel(void)
{
    static const int64_t longest[4] = {0, 40, 12, 6};
    for (;;) {
        fv_conv_geometry g = {.n = draw(1, 9)};
        const int nd = (int)draw(1, 3);
        set_channels(&g);
        for (int d = 0; d < 3; d++) {
            const bool used = d >= 3 - nd;
            g.in[d] = used ? draw(1, longest[nd]) : 1;
            g.dilation[d] = used && draw(0, 3) == 0 ? 2 : 1;
            g.k[d] = used ? draw(1, g.in[d] + 2) : 1;
            g.pad[d] = used ? draw(0, 1) * draw(0, g.k[d]) : 0;
            g.stride[d] = used && draw(0, 2) == 0 ? draw(2, g.k[d] + 2) : 1;
        }
        if (!set_out(&g)) continue;
        double products = (double)y_count(&g) * (double)w_count(&g) / (double)g.o;
        if (products < 1e6) return g;
    }
}

static fv_conv_geometry plane(int64_t n, int64_t c, int64_t o, int64_t groups, int64_t size,
                              int64_t k, int64_t stride)
{
    fv_conv_geometry g = {.n = n,
                          .c = c,
                          .o = o,
                          .groups = groups,
                          .in = {1, size, size},
                          .k = {1, k, k},
                          .stride = {1, stride, stride},
                          .pad = {0, k / 2, k / 2},
                          .dilation = {1, 1, 1}};
    ck_assert(set_out(&g));
    return g;
}

static fv_conv_geometry line(int64_t c, int64_t size, int64_t k, int64_t stride)
{
    fv_conv_geometry g = {.n = 2,
                          .c = c,
                          .o = 3,
                          .groups = 1,
                          .in = {1, 1, size},
                          .k = {1, 1, k},
                          .stride = {1, 1, stride},
                          .pad = {0, 0, 1},
                          .dilation = {1, 1, 1}};
    ck_assert(set_out(&g));
    return g;
}

/* --- running ---------------------------------------------------------------------------------- */

/* What the machines of the tests ask for; NULL: the cheapest. */
static const char *algorithm;
static fv_conv_precision precision = FV_CONV_EXACT;
static double float_tolerance = 2e-5;

/* A result of the fast kernels; the caller frees it. */
static void *run(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass,
                 const fv_conv_operands *of, const int64_t *w_stride, fv_machine machine)
{
    fv_conv_plan *plan = fresh(sizeof *plan), *moved = fresh(sizeof *moved);
    fv_conv_make_plan(plan, g, dtype, pass, w_stride, machine);
    *moved = *plan; /* it points nowhere into itself */
    memset(plan, 0xff, sizeof *plan);
    size_t bytes = fv_conv_scratch(moved);
    void *scratch = fresh(bytes + 64);
    fv_conv_operands o = *of;
    o.out = fresh((size_t)count_of(g, pass, 2) * fv_dtype_size(dtype));
    fv_conv_run(moved, &o, scratch);
    for (size_t i = 0; i < 64; i++)
        ck_assert_msg(((unsigned char *)scratch)[bytes + i] == 0xff, "wrote behind its scratch");
    free(scratch);
    free(plan);
    free(moved);
    return o.out;
}

static void *run_reference(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass,
                           const fv_conv_operands *of)
{
    fv_conv_plan plan;
    fv_conv_operands o = *of;
    fv_conv_make_plan(&plan, g, dtype, pass, NULL, (fv_machine){.threads = 1, .isa = 0});
    o.out = fresh((size_t)count_of(g, pass, 2) * fv_dtype_size(dtype));
    fv_conv_run_reference(&plan, &o);
    return o.out;
}

static bool close_to(const void *got, const void *wanted, int64_t count, fv_dtype dtype)
{
    double square = 0, tolerance = dtype == FV_FLOAT64 ? 1e-12 : float_tolerance;
    for (int64_t i = 0; i < count; i++) square += pow(number(wanted, i, dtype), 2);
    double size = count ? sqrt(square / (double)count) : 0;
    for (int64_t i = 0; i < count; i++) {
        double a = number(got, i, dtype), b = number(wanted, i, dtype);
        if (!(fabs(a - b) <= tolerance * fmax(size, fabs(b)))) {
            note_failure("element %lld: %.9g, reference %.9g", (long long)i, a, b);
            return false;
        }
    }
    return true;
}

static const int thread_counts[] = {1, 2, 3, 8};

static fv_machine machine_of(int threads, fv_isa isa)
{
    return (fv_machine){
        .threads = threads, .isa = isa, .conv_precision = precision, .conv_algorithm = algorithm};
}

/* One pass at one level: near the reference, and the same bits with any number of threads. */
static void check_level(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass,
                        const fv_conv_operands *of, const void *wanted, fv_isa level)
{
    const int64_t count = count_of(g, pass, 2);
    const size_t bytes = (size_t)count * fv_dtype_size(dtype);
    char text[400];
    void *first = NULL;
    text_of(g, text, sizeof text);
    for (size_t i = 0; i < sizeof thread_counts / sizeof *thread_counts; i++) {
        const fv_machine machine = machine_of(thread_counts[i], level);
        set_context("%s, pass %d, %s, %s, %d threads", text, pass, fv_dtype_name(dtype),
                    fv_isa_name(level), machine.threads);
        force_threads(machine.threads);
        void *got = run(g, dtype, pass, of, NULL, machine);
        if (!first)
            close_to(got, wanted, count, dtype);
        else if (memcmp(got, first, bytes) != 0)
            note_failure("other bits than with one thread");
        if (first)
            free(got);
        else
            first = got;
    }
    force_threads(0);
    free(first);
}

static void check_pass(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass)
{
    void *a = random_numbers(count_of(g, pass, 0), dtype);
    void *b = random_numbers(count_of(g, pass, 1), dtype);
    void *bias = random_numbers(pass == FV_CONV_FORWARD ? g->o : g->c, dtype);
    fv_conv_operands of = {.a = a, .b = b};
    if (pass != FV_CONV_GRAD_WEIGHT && draw(0, 1)) of.epilogue.bias = bias;
    void *wanted = run_reference(g, dtype, pass, &of);
    for (fv_isa level = 0; level < fv_isa_count(); level++)
        if (fv_isa_available(level)) check_level(g, dtype, pass, &of, wanted, level);
    free(wanted);
    free(bias);
    free(b);
    free(a);
}

static void check_geometry(const fv_conv_geometry *g)
{
    for (fv_conv_pass pass = FV_CONV_FORWARD; pass <= FV_CONV_GRAD_WEIGHT; pass++) {
        check_pass(g, FV_FLOAT32, pass);
        check_pass(g, FV_FLOAT64, pass);
    }
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(random_geometries_agree_with_the_plain_loops)
{
    state = 7;
    for (int i = 0; i < 160; i++) {
        fv_conv_geometry g = random_geometry();
        check_geometry(&g);
    }
    ck_assert(no_failures());
}
END_TEST

/* Wherever one of its forms suits; test_conv_winograd.c has the bounds of its errors. */
START_TEST(winograd_agrees_with_the_plain_loops)
{
    state = 9;
    algorithm = "winograd";
    precision = FV_CONV_FAST;
    float_tolerance = 3e-4;
    for (int i = 0; i < 120; i++) {
        fv_conv_geometry g = random_geometry();
        for (int d = 0; d < 3; d++) {
            if (g.k[d] == 1) continue;
            g.k[d] = draw(0, 4) ? 3 : 5;
            g.stride[d] = 1;
        }
        if (set_out(&g)) check_geometry(&g);
    }
    float_tolerance = 2e-5;
    precision = FV_CONV_EXACT;
    algorithm = NULL;
    ck_assert(no_failures());
}
END_TEST

START_TEST(kernels_as_large_as_their_maps)
{
    state = 8;
    for (int i = 0; i < 120; i++) {
        fv_conv_geometry g = random_large_kernel();
        check_geometry(&g);
    }
    fv_conv_geometry g = plane(5, 6, 20, 1, 7, 3, 1); /* and a dilated one */
    g.dilation[1] = g.dilation[2] = 3;
    g.pad[1] = g.pad[2] = 0;
    ck_assert(set_out(&g));
    check_geometry(&g);
    ck_assert(no_failures());
}
END_TEST

/* Work enough for several boxes, parts and ranges. */
START_TEST(larger_geometries_are_cut_without_a_trace)
{
    const fv_conv_geometry all[] = {
        plane(9, 16, 16, 1, 16, 3, 1),  plane(1, 40, 35, 1, 33, 3, 1),
        plane(3, 64, 96, 1, 8, 3, 1),   plane(2, 160, 130, 1, 4, 3, 1),
        plane(6, 48, 48, 48, 26, 3, 1), plane(4, 3, 20, 1, 29, 5, 1),
        plane(2, 32, 64, 1, 20, 1, 2),  plane(2, 24, 24, 2, 21, 3, 2),
        plane(3, 32, 32, 32, 30, 3, 2), plane(21, 40, 70, 1, 4, 3, 1),
        plane(33, 24, 24, 2, 2, 3, 1),  plane(12, 3, 40, 1, 32, 16, 16),
        plane(18, 20, 33, 1, 6, 5, 2),  plane(5, 36, 36, 9, 26, 3, 1),
        plane(5, 40, 40, 5, 26, 3, 2),  plane(4, 3, 48, 1, 29, 4, 2),
        plane(4, 64, 7, 1, 21, 3, 1),   plane(3, 21, 21, 21, 31, 5, 1),
        plane(3, 50, 50, 50, 31, 7, 2), plane(9, 3, 6, 1, 32, 5, 1),
        plane(5, 5, 3, 1, 28, 3, 2),
    };
    state = 11;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check_geometry(&all[i]);
    ck_assert(no_failures());
}
END_TEST

/* The weight gradient of a shape for which the plan says how it goes. */
static void check_way(const fv_conv_geometry *g, const char *way)
{
    fv_conv_plan plan;
    char text[200];
    fv_conv_make_plan(&plan, g, FV_FLOAT32, FV_CONV_GRAD_WEIGHT, NULL, machine_of(2, 0));
    fv_conv_describe(&plan, text, sizeof text);
    ck_assert_msg(strstr(text, way), "%s, not %s", text, way);
    check_pass(g, FV_FLOAT32, FV_CONV_GRAD_WEIGHT);
}

START_TEST(large_weight_gradients_go_their_own_ways)
{
    const fv_conv_geometry many = plane(7, 165, 141, 1, 15, 3, 1);
    const fv_conv_geometry few = plane(2, 165, 141, 1, 15, 3, 1);
    const fv_conv_geometry dense = plane(5, 330, 310, 1, 7, 1, 1);
    state = 12;
    check_way(&dense, "product");
    algorithm = "winograd";
    precision = FV_CONV_FAST;
    float_tolerance = 3e-4;
    check_way(&many, "by planes");
    check_way(&few, "panels,");
    float_tolerance = 2e-5;
    precision = FV_CONV_EXACT;
    algorithm = NULL;
    ck_assert(no_failures());
}
END_TEST

START_TEST(strides_may_exceed_kernel_and_image)
{
    const fv_conv_geometry all[] = {line(2, 10000, 3, 9000),    line(3, 10000, 1, 4999),
                                    line(1, 40000, 4, 39998),   line(2, 100, 5, 1 << 24),
                                    line(1, 1 << 19, 2, 99999), line(5, 300, 3, 7)};
    state = 13;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check_geometry(&all[i]);
    ck_assert(no_failures());
}
END_TEST

/* Windows that reach far beyond the image, where most taps only meet padding. */
START_TEST(wide_padding_and_dilation)
{
    fv_conv_geometry g = line(2, 5, 3, 1);
    state = 15;
    g.dilation[2] = 4000;
    g.pad[2] = 4000;
    ck_assert(set_out(&g));
    check_geometry(&g);
    g.stride[2] = 3;
    g.pad[2] = 9000;
    ck_assert(set_out(&g));
    check_geometry(&g);
    ck_assert(no_failures());
}
END_TEST

/* Bit i of `which`: bias, scale, shift, residual, relu. */
static void check_epilogue(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass, int which)
{
    const int64_t channels = pass == FV_CONV_FORWARD ? g->o : g->c, count = count_of(g, pass, 2);
    void *a = random_numbers(count_of(g, pass, 0), dtype), *b = random_numbers(w_count(g), dtype);
    void *parts[3], *residual = random_numbers(count, dtype);
    for (int i = 0; i < 3; i++) parts[i] = random_numbers(channels, dtype);
    fv_conv_operands of = {.a = a,
                           .b = b,
                           .epilogue = {.bias = which & 1 ? parts[0] : NULL,
                                        .scale = which & 2 ? parts[1] : NULL,
                                        .shift = which & 4 ? parts[2] : NULL,
                                        .residual = which & 8 ? residual : NULL,
                                        .relu = which & 16}};
    void *wanted = run_reference(g, dtype, pass, &of);
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        set_context("epilogue %d, pass %d, %s, %s", which, pass, fv_dtype_name(dtype),
                    fv_isa_name(level));
        void *got = run(g, dtype, pass, &of, NULL, machine_of(2, level));
        close_to(got, wanted, count, dtype);
        free(got);
    }
    for (int i = 0; i < 3; i++) free(parts[i]);
    free(residual);
    free(wanted);
    free(b);
    free(a);
}

START_TEST(epilogues_agree_with_the_plain_loops)
{
    const fv_conv_geometry all[] = {
        plane(2, 5, 37, 1, 7, 3, 1), plane(1, 21, 21, 21, 6, 3, 2), plane(2, 6, 64, 2, 9, 1, 3),
        line(19, 50, 3, 11),         plane(6, 5, 7, 1, 3, 3, 1),    plane(2, 8, 12, 4, 12, 4, 4),
        plane(2, 32, 5, 1, 9, 3, 2), plane(2, 20, 20, 5, 9, 3, 1),  plane(2, 4, 3, 1, 24, 5, 1)};
    state = 17;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (int which = 0; which < 32; which++) {
            check_epilogue(&all[i], FV_FLOAT32, FV_CONV_FORWARD, which);
            check_epilogue(&all[i], FV_FLOAT32, FV_CONV_GRAD_INPUT, which);
            check_epilogue(&all[i], FV_FLOAT64, (fv_conv_pass)(which % 2), which);
        }
    }
    ck_assert(no_failures());
}
END_TEST

/* w[o][c][k] laid out as [k][c][o], with a gap. */
static void check_strides(const fv_conv_geometry *g, fv_conv_pass pass)
{
    const int64_t cg = g->c / g->groups, taps = pixels(g->k), o = g->o + 3;
    const int64_t stride[5] = {1, o, g->k[1] * g->k[2] * cg * o, g->k[2] * cg * o, cg * o};
    const fv_machine machine = machine_of(2, fv_isa_best());
    float *a = random_numbers(count_of(g, pass, 0), FV_FLOAT32);
    float *w = random_numbers(w_count(g), FV_FLOAT32), *other = fresh((size_t)(o * cg * taps) * 4);
    for (int64_t i = 0; i < g->o; i++)
        for (int64_t c = 0; c < cg; c++)
            for (int64_t t = 0; t < taps; t++)
                other[t * cg * o + c * o + i] = w[(i * cg + c) * taps + t];
    fv_conv_operands of = {.a = a, .b = w};
    void *wanted = run(g, FV_FLOAT32, pass, &of, NULL, machine);
    of.b = other;
    void *got = run(g, FV_FLOAT32, pass, &of, stride, machine);
    ck_assert_mem_eq(got, wanted, (size_t)count_of(g, pass, 2) * 4);
    fv_conv_plan plan;
    fv_conv_make_plan(&plan, g, FV_FLOAT32, pass, stride, machine);
    const size_t all = fv_conv_scratch(&plan);
    plan.packed = true;
    ck_assert_uint_lt(fv_conv_scratch(&plan), all);
    void *packed = fresh(fv_conv_packed_bytes(&plan)), *scratch = fresh(fv_conv_scratch(&plan));
    fv_conv_pack(&plan, other, packed);
    memset(other, 0xff, (size_t)(o * cg * taps) * 4); /* not read again */
    of.packed = packed;
    of.out = got;
    fv_conv_run(&plan, &of, scratch);
    ck_assert_mem_eq(got, wanted, (size_t)count_of(g, pass, 2) * 4);
    void *const memory[] = {a, w, other, wanted, got, packed, scratch};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
}

START_TEST(weights_have_any_strides_and_may_stay_packed)
{
    const fv_conv_geometry all[] = {plane(2, 20, 35, 1, 7, 3, 1), plane(1, 21, 21, 21, 6, 3, 1),
                                    plane(2, 8, 12, 4, 9, 2, 2),  plane(5, 6, 34, 1, 4, 3, 1),
                                    plane(2, 24, 24, 3, 9, 3, 2), plane(2, 32, 5, 1, 9, 3, 2),
                                    plane(2, 4, 3, 1, 24, 5, 1)};
    state = 19;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        check_strides(&all[i], FV_CONV_FORWARD);
        check_strides(&all[i], FV_CONV_GRAD_INPUT);
    }
}
END_TEST

/* The weights of g as a plan with another number of images, map, stride, padding or dilation packs
 * them: the same where the keys say so. Counts what the keys said. */
static void compare_keys(const fv_conv_geometry *g, const fv_conv_geometry *h, fv_conv_pass pass,
                         const void *w, int said[2])
{
    const fv_machine machine = machine_of(2, fv_isa_best());
    fv_conv_plan of_g, of_h;
    unsigned char key_g[FV_CONV_KEY_BYTES], key_h[FV_CONV_KEY_BYTES];
    fv_conv_make_plan(&of_g, g, FV_FLOAT32, pass, NULL, machine);
    fv_conv_make_plan(&of_h, h, FV_FLOAT32, pass, NULL, machine);
    const size_t bytes = fv_conv_packed_bytes(&of_g), size = fv_conv_packed_key(&of_g, key_g);
    if (!bytes || !fv_conv_packed_bytes(&of_h)) return;
    const bool same = fv_conv_packed_key(&of_h, key_h) == size && !memcmp(key_g, key_h, size);
    said[same]++;
    if (!same) return;
    ck_assert_uint_eq(fv_conv_packed_bytes(&of_h), bytes);
    ck_assert_uint_eq(fv_conv_packed_layout(&of_g), fv_conv_packed_layout(&of_h));
    void *by_g = fresh(bytes), *by_h = fresh(bytes);
    fv_conv_pack(&of_g, w, by_g);
    fv_conv_pack(&of_h, w, by_h);
    ck_assert_mem_eq(by_g, by_h, bytes);
    free(by_g);
    free(by_h);
}

/* One time in two each is another one. */
static fv_conv_geometry changed(const fv_conv_geometry *g)
{
    fv_conv_geometry h = *g;
    if (draw(0, 1)) h.n = draw(1, 9);
    for (int d = 1; d < 3; d++) {
        if (draw(0, 1)) h.stride[d] = draw(1, 3);
        if (draw(0, 1)) h.pad[d] = draw(0, 2);
        if (draw(0, 3) == 0) h.dilation[d] = draw(1, 2);
        if (draw(0, 1)) h.in[d] = draw(8, 20);
    }
    return h;
}

START_TEST(equal_keys_mean_equally_packed_weights)
{
    int said[2][2] = {{0}};
    state = 5;
    for (int i = 0; i < 400; i++) {
        const int64_t groups = draw(0, 2) ? 1 : 4;
        fv_conv_geometry g = plane(2, 4 * draw(1, 9), 4 * draw(1, 9), groups, 12, draw(1, 4), 1);
        if (i % 8 == 0) g = plane(2, 20, 20, 20, 12, 3, 1);
        const fv_conv_geometry h = changed(&g);
        fv_conv_geometry checked = h;
        if (!set_out(&checked)) continue;
        void *w = random_numbers(w_count(&g), FV_FLOAT32);
        for (fv_conv_pass pass = FV_CONV_FORWARD; pass < FV_CONV_GRAD_WEIGHT; pass++)
            compare_keys(&g, &checked, pass, w, said[pass]);
        free(w);
    }
    ck_assert_int_gt(said[FV_CONV_FORWARD][true], 200); /* neither batch nor map nor stride */
    ck_assert_int_gt(said[FV_CONV_GRAD_INPUT][true], 50);
    ck_assert_int_gt(said[FV_CONV_GRAD_INPUT][false], 50);
}
END_TEST

/* --- plans ------------------------------------------------------------------------------------ */

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The shortest of some rounds, for one plan of each pass with its scratch. */
static double planning_seconds(const fv_conv_geometry *g)
{
    enum { ROUNDS = 20, PLANS = 50 };
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        const double begin = cpu_seconds();
        for (int k = 0; k < PLANS; k++) {
            fv_conv_plan plan;
            for (fv_conv_pass pass = FV_CONV_FORWARD; pass <= FV_CONV_GRAD_WEIGHT; pass++) {
                fv_conv_make_plan(&plan, g, FV_FLOAT32, pass, NULL,
                                  (fv_machine){.threads = 2, .isa = 0});
                if (fv_conv_scratch(&plan) == 1) best = 0; /* is used */
            }
        }
        best = fmin(best, (cpu_seconds() - begin) / PLANS);
    }
    return best;
}

START_TEST(planning_time_does_not_follow_strides_and_sizes)
{
    fv_conv_geometry small = line(4, 100, 3, 1);
    const double usual = planning_seconds(&small);
    for (int64_t stride = 1; stride <= 1 << 24; stride *= 8) {
        for (int64_t size = 1000; size <= INT64_C(1) << 30; size *= 1000) {
            fv_conv_geometry g = line(4, size, 3, stride);
            const double took = planning_seconds(&g);
            ck_assert_msg(took < 4 * usual + 2e-6, "stride %lld, size %lld: %.0f ns, else %.0f ns",
                          (long long)stride, (long long)size, took * 1e9, usual * 1e9);
        }
    }
    ck_assert_msg(usual < 1e-4, "%.0f ns", usual * 1e9);
}
END_TEST

static double running_seconds(const fv_conv_geometry *g)
{
    const fv_machine machine = machine_of(1, fv_isa_best());
    fv_conv_plan plan;
    fv_conv_make_plan(&plan, g, FV_FLOAT32, FV_CONV_GRAD_INPUT, NULL, machine);
    void *a = random_numbers(y_count(g), FV_FLOAT32), *b = random_numbers(w_count(g), FV_FLOAT32);
    void *out = fresh((size_t)x_count(g) * 4), *scratch = fresh(fv_conv_scratch(&plan));
    double best = 1e9;
    for (int i = 0; i < 20; i++) {
        const double begin = cpu_seconds();
        fv_conv_run(&plan, &(fv_conv_operands){.a = a, .b = b, .out = out}, scratch);
        best = fmin(best, cpu_seconds() - begin);
    }
    free(scratch);
    free(out);
    free(b);
    free(a);
    return best;
}

START_TEST(phases_without_taps_are_not_walked)
{
    const fv_conv_geometry dense = line(4, 10000, 3, 1), sparse = line(4, 10000, 3, 9000);
    const double usual = running_seconds(&dense), took = running_seconds(&sparse);
    ck_assert_msg(took < 4 * usual, "%.0f ns at stride 9000, %.0f at 1", took * 1e9, usual * 1e9);
}
END_TEST

START_TEST(plans_are_small_and_print_themselves)
{
    char text[200];
    fv_conv_plan plan;
    const fv_machine machine = machine_of(2, fv_isa_best());
    fv_conv_geometry g = plane(32, 64, 64, 1, 32, 3, 1);
    ck_assert_uint_le(sizeof plan, 1024);
    fv_conv_make_plan(&plan, &g, FV_FLOAT32, FV_CONV_FORWARD, NULL, machine);
    ck_assert_int_eq(fv_conv_describe(&plan, text, sizeof text), (int)strlen(text));
    ck_assert_msg(strstr(text, "implicit gemm") && strstr(text, "2 threads"), "%s", text);
    ck_assert_int_gt(fv_conv_describe(&plan, text, 5), 5);
    ck_assert_str_eq(text, "impl");
    fv_conv_make_plan(&plan, &g, FV_FLOAT32, FV_CONV_GRAD_WEIGHT, NULL, machine);
    fv_conv_describe(&plan, text, sizeof text);
    ck_assert_msg(strstr(text, "implicit gemm") && strstr(text, " part"), "%s", text);
    g = plane(32, 64, 64, 64, 32, 3, 1);
    for (fv_conv_pass pass = FV_CONV_FORWARD; pass <= FV_CONV_GRAD_WEIGHT; pass++) {
        fv_conv_make_plan(&plan, &g, FV_FLOAT64, pass, NULL, machine);
        fv_conv_describe(&plan, text, sizeof text);
        ck_assert_msg(strncmp(text, "depthwise", 9) == 0, "%s", text);
    }
}
END_TEST

/* Scratch beyond any memory is asked for as such, not as what a product that overflowed leaves. */
START_TEST(scratch_does_not_wrap_around)
{
    const int64_t far = INT64_C(1) << 30;
    fv_conv_geometry g = {.n = 1, .c = 1, .o = 1, .groups = 1};
    for (int d = 0; d < 3; d++) {
        g.in[d] = far;
        g.k[d] = 2;
        g.stride[d] = 1;
        g.dilation[d] = far - 30; /* under each of few positions, */
        g.pad[d] = 1;             /* with too little padding to leave it out */
    }
    ck_assert(set_out(&g));
    for (fv_conv_pass pass = FV_CONV_FORWARD; pass <= FV_CONV_GRAD_WEIGHT; pass += 2) {
        fv_conv_plan plan;
        fv_conv_make_plan(&plan, &g, FV_FLOAT64, pass, NULL, machine_of(4, 0));
        ck_assert_uint_ge(fv_conv_scratch(&plan), (size_t)1 << 50);
    }
}
END_TEST

/* --- threads that convolve while another changes their number --------------------------------- */

enum { CONVOLVING = 2, ROUNDS = 60 };

static atomic_bool done;

typedef struct convolver {
    pthread_t id;
    int mistakes;
} convolver;

static fv_tensor *gradient_of_square(fv_tensor *x, fv_tensor *w, fv_tensor **gw)
{
    fv_tensor *y = fv_conv2d(x, w, NULL, .padding = 1);
    fv_tensor *grads[2];
    fv_grad(FV_TENSORS(fv_sum(fv_mul(y, y))), FV_TENSORS(x, w), grads);
    *gw = grads[1];
    return grads[0];
}

static void *convolve(void *context)
{
    convolver *me = context;
    {
        FV_SCOPE;
        fv_tensor *x = fv_full(4, 16, 20, 20, .value = 0.37, .requires_grad = true);
        fv_tensor *w = fv_full(24, 16, 3, 3, .value = -0.11, .requires_grad = true);
        fv_tensor *wanted_w, *wanted_x = gradient_of_square(x, w, &wanted_w);
        for (int i = 0; i < ROUNDS; i++) {
            {
                FV_SCOPE;
                fv_tensor *gw, *gx = gradient_of_square(x, w, &gw);
                me->mistakes += !tensors_same(gx, wanted_x) + !tensors_same(gw, wanted_w);
            }
        }
    }
    return NULL;
}

static void *change_threads(void *context)
{
    (void)context;
    for (int n = 1; !atomic_load(&done); n = n % 8 + 1) {
        fv_set_num_threads(n);
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
    return NULL;
}

START_TEST(the_number_of_threads_may_change_at_any_time)
{
    convolver workers[CONVOLVING] = {0};
    pthread_t changer;
    const int before = fv_get_num_threads();
    atomic_store(&done, false);
    pthread_create(&changer, NULL, change_threads, NULL);
    for (int i = 0; i < CONVOLVING; i++)
        pthread_create(&workers[i].id, NULL, convolve, &workers[i]);
    for (int i = 0; i < CONVOLVING; i++) pthread_join(workers[i].id, NULL);
    atomic_store(&done, true);
    pthread_join(changer, NULL);
    fv_set_num_threads(before);
    for (int i = 0; i < CONVOLVING; i++) ck_assert_int_eq(workers[i].mistakes, 0);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("convolution kernels");
    TCase *values = add_case(suite, "values");
    tcase_add_test(values, random_geometries_agree_with_the_plain_loops);
    tcase_add_test(values, winograd_agrees_with_the_plain_loops);
    tcase_add_test(values, kernels_as_large_as_their_maps);
    tcase_add_test(values, larger_geometries_are_cut_without_a_trace);
    tcase_add_test(values, large_weight_gradients_go_their_own_ways);
    tcase_add_test(values, strides_may_exceed_kernel_and_image);
    tcase_add_test(values, wide_padding_and_dilation);
    tcase_add_test(values, epilogues_agree_with_the_plain_loops);
    tcase_add_test(values, weights_have_any_strides_and_may_stay_packed);
    tcase_add_test(values, equal_keys_mean_equally_packed_weights);
    TCase *plans = add_case(suite, "plans");
    tcase_add_test(plans, planning_time_does_not_follow_strides_and_sizes);
    tcase_add_test(plans, phases_without_taps_are_not_walked);
    tcase_add_test(plans, plans_are_small_and_print_themselves);
    tcase_add_test(plans, scratch_does_not_wrap_around);
    tcase_add_test(plans, the_number_of_threads_may_change_at_any_time);
    return suite;
}
