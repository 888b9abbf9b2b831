/* See long_work.h. */
#include "long_work.h"

#include <stdlib.h>

#include "tensor/kernels/isa.h"

enum { MOST_THREADS = 8 };

/* Runs compute at every level with one to eight threads. Each result must be close to wanted (row-
 * major; NULL: anything), and within a level they must have the same bits. */
void on_every_machine(const char *name, compute_fn compute, const void *context,
                      const double *wanted, int64_t count, double tolerance)
{
    int before = fv_get_num_threads();
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        {
            FV_SCOPE;
            fv_set_num_threads(1);
            fv_tensor *first = compute(context);
            ck_assert_msg(!fv_failed(first), "%s: %s", name, fv_error());
            set_context("%s, %s", name, fv_isa_name(level));
            if (wanted) assert_values(first, wanted, count, tolerance);
            for (int threads = 2; threads <= MOST_THREADS; threads++) {
                fv_set_num_threads(threads);
                ck_assert_msg(tensors_same(compute(context), first), "%s, %s: %d threads: %s", name,
                              fv_isa_name(level), threads, "other bits than with one");
            }
        }
    }
    fv_set_isa(fv_isa_best());
    fv_set_num_threads(before);
}

/* Numbers in [0.25, 1.25) of 16 bits, which every floating type holds. */
double number(int64_t i)
{
    return 0.25 + (double)((uint32_t)(i * 2654435761u) >> 16) / 65536.0;
}

double *numbers(int64_t count)
{
    double *values = malloc((size_t)count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < count; i++) values[i] = number(i);
    return values;
}
