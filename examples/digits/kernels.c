/* What the page's second tab computes: a picture padded, through one kernel, ReLU and a pool.
 *
 * JavaScript writes the chain, the picture (float32, its planes one after the other) and the kernel
 * where kernels_chain, kernels_picture and kernels_weights say, calls kernels_run, and finds what
 * came out of every stage where kernels_maps says. Numbers are 4 bytes each. */
#include <fovea.h>
#include <stdlib.h>

/* Callable from the page. */
#define EXPORT __attribute__((used, visibility("default")))

enum { LARGEST_KERNEL = 5, LARGEST_SIDE = 1024, MOST_PLANES = 3 };
enum { PAD_VALID, PAD_SAME, PAD_FULL };
enum { NO_POOL, POOL_MAX, POOL_AVERAGE };
enum { PADDED, CONVOLVED, RESULT, STAGES };

typedef struct chain {
    int32_t planes, height, width; /* the picture; each plane goes through the kernel by itself */
    int32_t kernel;                /* its side */
    float bias;
    int32_t padding, border; /* PAD_...; 0 zeros, 1 reflect, 2 replicate */
    int32_t stride, dilation;
    int32_t relu;
    int32_t pool, pool_size, pool_stride; /* NO_POOL or POOL_... */
} chain;

typedef struct map {
    int32_t height, width;
    float low, high, mean; /* over all planes */
    const float *data;     /* [planes, height, width], until the next run; NULL after an error */
} map;

static chain the_chain;
static map maps[STAGES];
static fv_tensor *kept[STAGES]; /* the tensors that maps point into */
static float weights[LARGEST_KERNEL * LARGEST_KERNEL];
static float *picture;
static size_t picture_room;

/* --- the chain -------------------------------------------------------------------------------- */

static int64_t padding_of(const chain *c)
{
    const int64_t reach = (int64_t)c->dilation * (c->kernel - 1);
    return c->padding == PAD_FULL ? reach : c->padding == PAD_SAME ? reach / 2 : 0;
}

static fv_tensor *pad(const chain *c, fv_tensor *x)
{
    static const fv_pad_mode modes[] = {FV_PAD_CONSTANT, FV_PAD_REFLECT, FV_PAD_REPLICATE};
    const int64_t p = padding_of(c);
    return p ? fv_pad(x, p, p, p, p, .mode = modes[c->border]) : x;
}

static fv_tensor *pool(const chain *c, fv_tensor *x)
{
    if (c->pool == POOL_MAX) return fv_max_pool2d(x, c->pool_size, .stride = c->pool_stride);
    if (c->pool == POOL_AVERAGE) return fv_avg_pool2d(x, c->pool_size, .stride = c->pool_stride);
    return x;
}

/* x [planes,1,H,W], w [1,1,K,K] -> the stages; planes are a batch, for no two of them mix. */
static void run_chain(const chain *c, fv_tensor *x, fv_tensor *w, fv_tensor *stage[STAGES])
{
    stage[PADDED] = pad(c, x);
    fv_tensor *y = fv_conv2d(stage[PADDED], w, .stride = c->stride, .dilation = c->dilation);
    y = fv_add(y, (double)c->bias);
    stage[CONVOLVED] = c->relu ? fv_relu(y) : y;
    stage[RESULT] = pool(c, stage[CONVOLVED]);
}

/* --- what JavaScript reads -------------------------------------------------------------------- */

static void forget(void)
{
    for (int i = 0; i < STAGES; i++) {
        fv_release(kept[i]);
        kept[i] = NULL;
        maps[i] = (map){0};
    }
}

static void describe(map *m, const fv_tensor *t)
{
    const fv_shape shape = fv_shape_of(t);
    if (shape.ndim != 4) return; /* the failed tensor */
    m->height = (int32_t)shape.dim[2];
    m->width = (int32_t)shape.dim[3];
}

static void measure(map *m, fv_tensor *t)
{
    m->low = (float)fv_item(fv_amin(t));
    m->high = (float)fv_item(fv_amax(t));
    m->mean = (float)fv_item(fv_mean(t));
    m->data = fv_data_float32(t);
}

static void keep(fv_tensor *stage[STAGES])
{
    for (int i = 0; i < STAGES; i++) {
        describe(&maps[i], stage[i]);
        if (fv_error_status() != FV_OK) continue;
        kept[i] = fv_retain(fv_contiguous(stage[i]));
        measure(&maps[i], kept[i]);
    }
}

static bool within(int32_t value, int32_t low, int32_t high)
{
    return value >= low && value <= high;
}

static bool chain_is_sound(const chain *c)
{
    return within(c->planes, 1, MOST_PLANES) && within(c->height, 1, LARGEST_SIDE) &&
           within(c->width, 1, LARGEST_SIDE) && within(c->kernel, 1, LARGEST_KERNEL) &&
           within(c->padding, PAD_VALID, PAD_FULL) && within(c->border, 0, 2) &&
           within(c->stride, 1, LARGEST_SIDE) && within(c->dilation, 1, LARGEST_SIDE) &&
           within(c->pool, NO_POOL, POOL_AVERAGE);
}

static void compute(const chain *c)
{
    FV_SCOPE;
    FV_NO_GRAD;
    const fv_shape shape = FV_SHAPE(c->planes, 1, c->height, c->width);
    const fv_shape side = FV_SHAPE(1, 1, c->kernel, c->kernel);
    fv_tensor *stage[STAGES];
    run_chain(c, fv_from_blob(picture, shape, FV_FLOAT32, NULL, NULL),
              fv_from_blob(weights, side, FV_FLOAT32, NULL, NULL), stage);
    keep(stage);
}

/* --- what JavaScript calls -------------------------------------------------------------------- */

EXPORT chain *kernels_chain(void);
chain *kernels_chain(void)
{
    return &the_chain;
}

EXPORT float *kernels_weights(void);
float *kernels_weights(void)
{
    return weights;
}

EXPORT const map *kernels_maps(void);
const map *kernels_maps(void)
{
    return maps;
}

/* Room for so many numbers; NULL when there is not so much memory. What was there is lost. */
EXPORT float *kernels_picture(int32_t count);
float *kernels_picture(int32_t count)
{
    const size_t bytes = (size_t)(count > 0 ? count : 1) * sizeof *picture;
    if (bytes > picture_room) {
        forget();
        free(picture);
        picture = malloc(bytes);
        picture_room = picture ? bytes : 0;
    }
    return picture;
}

/* Runs the chain. NULL, or what is wrong with it: the maps before that have their sizes then. */
EXPORT const char *kernels_run(void);
const char *kernels_run(void)
{
    const chain *c = &the_chain;
    forget();
    fv_clear_error();
    if (!chain_is_sound(c)) return "a number is out of range";
    const size_t needed = (size_t)c->planes * (size_t)c->height * (size_t)c->width * sizeof(float);
    if (needed > picture_room) return "there is no picture";
    compute(c);
    return fv_error_status() == FV_OK ? NULL : fv_error();
}
