/* Weights of the convolution kernels: they may lie in any order and stay packed, and equal keys
 * mean equally packed ones. */
#include <stdlib.h>
#include <string.h>

#include "conv_problem.h"

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
    seed_numbers(19);
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
    seed_numbers(5);
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

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("convolution weights");
    TCase *weights = add_case(suite, "weights");
    tcase_add_test(weights, weights_have_any_strides_and_may_stay_packed);
    tcase_add_test(weights, equal_keys_mean_equally_packed_weights);
    return suite;
}
