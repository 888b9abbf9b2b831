/* The convolution kernels against their plain loops: random geometries, every level, bits that do
 * not follow the threads, epilogues, strides far beyond the kernel. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv_problem.h"

/* --- geometries ------------------------------------------------------------------------------- */

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

/* --- running ---------------------------------------------------------------------------------- */

/* What the machines of the tests ask for; NULL: the cheapest. */
static const char *algorithm;
static fv_conv_precision precision = FV_CONV_EXACT;
static double float_tolerance = 2e-5;

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

static fv_machine asked_machine(int threads, fv_isa isa)
{
    fv_machine machine = machine_of(threads, isa);
    machine.conv_precision = precision;
    machine.conv_algorithm = algorithm;
    return machine;
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
        const fv_machine machine = asked_machine(thread_counts[i], level);
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
    seed_numbers(7);
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
    seed_numbers(9);
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
    seed_numbers(8);
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
    seed_numbers(11);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check_geometry(&all[i]);
    ck_assert(no_failures());
}
END_TEST

/* The weight gradient of a shape for which the plan says how it goes. */
static void check_way(const fv_conv_geometry *g, const char *way)
{
    fv_conv_plan plan;
    char text[200];
    fv_conv_make_plan(&plan, g, FV_FLOAT32, FV_CONV_GRAD_WEIGHT, NULL, asked_machine(2, 0));
    fv_conv_describe(&plan, text, sizeof text);
    ck_assert_msg(strstr(text, way), "%s, not %s", text, way);
    check_pass(g, FV_FLOAT32, FV_CONV_GRAD_WEIGHT);
}

START_TEST(large_weight_gradients_go_their_own_ways)
{
    const fv_conv_geometry many = plane(7, 165, 141, 1, 15, 3, 1);
    const fv_conv_geometry few = plane(2, 165, 141, 1, 15, 3, 1);
    const fv_conv_geometry blocks = plane(1, 16, 2048, 1, 40, 3, 1);
    const fv_conv_geometry dense = plane(5, 330, 310, 1, 7, 1, 1);
    fv_conv_geometry deep = plane(9, 16, 16, 1, 4, 3, 1); /* parts of 1 and 2 columns of tiles */
    deep.in[0] = deep.out[0] = 90;
    deep.k[0] = 3;
    deep.pad[0] = 1;
    seed_numbers(12);
    check_way(&dense, "product");
    algorithm = "winograd";
    precision = FV_CONV_FAST;
    float_tolerance = 3e-4;
    check_way(&many, "1 block by planes");
    check_way(&few, "panels,");
    check_way(&deep, "2 blocks, 2 threads");
    precision = FV_CONV_ACCURATE;
    check_way(&blocks, "2 blocks by planes");
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
    seed_numbers(13);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check_geometry(&all[i]);
    ck_assert(no_failures());
}
END_TEST

/* Windows that reach far beyond the image, where most taps only meet padding. */
START_TEST(wide_padding_and_dilation)
{
    fv_conv_geometry g = line(2, 5, 3, 1);
    seed_numbers(15);
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
        void *got = run(g, dtype, pass, &of, NULL, asked_machine(2, level));
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
    const fv_conv_geometry all[] = {plane(2, 5, 37, 1, 7, 3, 1),  plane(1, 21, 21, 21, 6, 3, 2),
                                    plane(2, 6, 64, 2, 9, 1, 3),  line(19, 50, 3, 11),
                                    plane(6, 5, 7, 1, 3, 3, 1),   plane(2, 8, 12, 4, 12, 4, 4),
                                    plane(2, 32, 5, 1, 9, 3, 2),  plane(2, 20, 20, 5, 9, 3, 1),
                                    plane(2, 4, 3, 1, 24, 5, 1),  plane(1, 37, 37, 37, 13, 3, 1),
                                    plane(2, 32, 32, 32, 6, 3, 1)};
    seed_numbers(17);
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
    return suite;
}
