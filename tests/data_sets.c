/* See data_sets.h. */
#include "data_sets.h"

#include <stdlib.h>
#include <string.h>

/* Images of random pixels, labels first, first + 1, ... */
fv_dataset *images_from(int64_t first, int64_t n, int64_t crop, bool flip)
{
    FV_SCOPE;
    fv_tensor *images = fv_randint(n, 1, SIDE, SIDE, .high = 256, .dtype = FV_UINT8);
    fv_tensor *labels = fv_arange((double)first, (double)(first + n), .dtype = FV_INT64);
    return fv_image_dataset(images, labels, .random_crop = crop, .random_flip = flip);
}

fv_dataset *augmented(int64_t n)
{
    return images_from(0, n, 3, true);
}

/* --- sets that wrap one in C ------------------------------------------------------------------ */

typedef struct wrapper {
    fv_dataset *base;
    int gets; /* samples of the base that make one of this */
} wrapper;

static int64_t wrapper_length(void *context)
{
    return fv_dataset_size(((wrapper *)context)->base);
}

/* The sample of the base; of several, one after the other in a tensor [gets, ...]. */
static fv_status wrapper_get(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    const wrapper *w = context;
    fv_tensor *several[4];
    if (w->gets == 1) return fv_dataset_get(w->base, i, x, y);
    for (int k = 0; k < w->gets; k++) {
        fv_status status = fv_dataset_get(w->base, i, &several[k], y);
        if (status != FV_OK) return status;
    }
    *x = fv_stack(FV_TENSORS(several[0], several[1]));
    return FV_OK;
}

static void wrapper_release(void *context)
{
    fv_free(((wrapper *)context)->base);
    free(context);
}

/* Takes over the base. */
fv_dataset *wrapped(fv_dataset *base, int gets)
{
    wrapper *w = malloc(sizeof *w);
    *w = (wrapper){base, gets};
    return fv_dataset_new(wrapper_length, wrapper_get, w, .release = wrapper_release);
}

/* --- whole epochs ----------------------------------------------------------------------------- */

void read_epoch(fv_loader *loader, epoch *e)
{
    memset(e, 0, sizeof *e);
    FV_EACH_BATCH (b, loader) {
        FV_SCOPE;
        const int64_t each = fv_numel(b.x) / b.n;
        float *x = malloc((size_t)fv_numel(b.x) * sizeof *x);
        fv_copy_out(b.x, FV_FLOAT32, x);
        for (int64_t i = 0; i < b.n; i++) {
            const int64_t label = fv_data_int64(b.y)[i];
            memcpy(e->pixels[label], x + i * each, (size_t)each * sizeof *x);
            e->count[label]++;
        }
        free(x);
    }
    ck_assert_int_eq(fv_error_status(), FV_OK);
}
