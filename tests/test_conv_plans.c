/* Plans of the convolution kernels: what they cost, what they say of themselves, the scratch they
 * ask for, and plans that are made while the number of threads changes. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conv_problem.h"

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

/* Three or five images, of which one thread would have one more than the other. */
START_TEST(few_images_are_cut_into_an_even_number_of_boxes)
{
    char text[200];
    fv_machine machine = machine_of(2, fv_isa_best());
    machine.conv_algorithm = "gemm";
    for (int64_t images = 3; images <= 5; images += 2)
        for (int i = 0; i < 4; i++) {
            fv_conv_plan plan;
            const int64_t channels = i < 2 ? 16 : 64; /* for two boxes, and for more */
            const fv_conv_geometry g = plane(images, channels, channels, 1, 16, 3, 1);
            fv_conv_make_plan(&plan, &g, FV_FLOAT32, i % 2 ? FV_CONV_GRAD_INPUT : FV_CONV_FORWARD,
                              NULL, machine);
            fv_conv_describe(&plan, text, sizeof text);
            const char *boxes = strstr(text, ", "); /* "implicit gemm 12x32, 6 copied boxes, ..." */
            ck_assert_msg(boxes && strstr(boxes, "boxes"), "%s", text);
            ck_assert_msg(atoi(boxes + 2) % 2 == 0 && atoi(boxes + 2) >= images, "%s", text);
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
    Suite *suite = suite_create("convolution plans");
    TCase *plans = add_case(suite, "plans");
    tcase_add_test(plans, planning_time_does_not_follow_strides_and_sizes);
    tcase_add_test(plans, phases_without_taps_are_not_walked);
    tcase_add_test(plans, plans_are_small_and_print_themselves);
    tcase_add_test(plans, few_images_are_cut_into_an_even_number_of_boxes);
    tcase_add_test(plans, scratch_does_not_wrap_around);
    tcase_add_test(plans, the_number_of_threads_may_change_at_any_time);
    return suite;
}
