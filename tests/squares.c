/* See squares.h. */
#include "squares.h"

int64_t squares_length(void *context)
{
    return ((squares *)context)->length;
}

/* x = [i, i * i], y = i. */
fv_status squares_get(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    const squares *s = context;
    if (i == s->failing) return fv_fail(FV_ERR_IO, "squares: sample %d is lost", (int)i);
    const float values[3] = {(float)i, (float)(i * i), 0};
    *x = fv_tensor_from(values, .shape = i == s->bad_shape ? FV_SHAPE(3) : FV_SHAPE(2),
                        .dtype = FV_FLOAT32);
    if (i != s->without_y)
        *y = fv_full(.value = (double)i, .dtype = i == s->bad_dtype ? FV_FLOAT32 : FV_INT64);
    return FV_OK;
}

static void squares_release(void *context)
{
    ((squares *)context)->released++;
}

fv_dataset *squares_set(squares *s)
{
    return fv_dataset_new(squares_length, squares_get, s, .release = squares_release);
}
