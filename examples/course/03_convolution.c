/* Chapter 3: convolution by hand: loops, sizes, padding, stride, and what a filter sees. */
#include "course.h"

/* --- seven lines of loops --------------------------------------------------------------------- */

/* y[i,j] = sum over (u, v) of x[i + u, j + v] w[u, v];  x [n,n]  w [k,k]  ->  y [n-k+1,n-k+1]. */
static void convolve(int n, const float *x, int k, const float *w, float *y)
{
    const int m = n - k + 1;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++) {
            y[i * m + j] = 0;
            for (int u = 0; u < k; u++)
                for (int v = 0; v < k; v++) y[i * m + j] += x[(i + u) * n + j + v] * w[u * k + v];
        }
}

/* A picture of 6 x 6 whose left half is bright, and Sobel's filter for upright edges. */
static const float picture[6 * 6] = {
    9, 9, 9, 0, 0, 0, 9, 9, 9, 0, 0, 0, 9, 9, 9, 0, 0, 0,
    9, 9, 9, 0, 0, 0, 9, 9, 9, 0, 0, 0, 9, 9, 9, 0, 0, 0,
};
static const float sobel[3 * 3] = {1, 0, -1, 2, 0, -2, 1, 0, -1};

static void by_hand(void)
{
    FV_SCOPE;
    float y[4 * 4];
    convolve(6, picture, 3, sobel, y);
    fv_tensor *mine = fv_tensor_from(y, 4, 4);
    fv_print(mine);

    fv_tensor *x = fv_tensor_from(picture, 1, 1, 6, 6); /* one image, one channel */
    fv_tensor *w = fv_tensor_from(sobel, 1, 1, 3, 3);   /* one filter on one channel */
    fv_tensor *theirs = fv_view(fv_conv2d(x, w), 4, 4);
    printf("by loops and by fv_conv2d: %s\n",
           fv_item(fv_all(fv_eq(mine, theirs))) != 0 ? "equal" : "DIFFERENT");
    /* The mathematician's convolution turns the filter by half a turn first. */
    fv_tensor *turned = fv_conv2d(x, fv_flip(w, FV_DIMS(2, 3)));
    printf("with the filter turned: %g in place of %g\n",
           fv_at(turned, (const int64_t[]){0, 0, 0, 1}), fv_at(theirs, (const int64_t[]){0, 1}));
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* Side of the output for a square image and filter. Only shapes are reckoned, no elements. */
static int side(int64_t n, int64_t f, fv_dims stride, fv_dims padding)
{
    FV_SCOPE;
    fv_tensor *x = fv_zeros(1, 1, n, n), *w = fv_zeros(1, 1, f, f);
    return (int)fv_size(fv_conv2d(x, w, .stride = stride, .padding = padding), 2);
}

static void sizes(void)
{
    fv_set_shapes_only(true);
    printf("7x7, filter 3x3:  valid %d, same %d, full %d\n", side(7, 3, 1, FV_VALID),
           side(7, 3, 1, FV_SAME), side(7, 3, 1, FV_FULL));
    printf("stride 1, 2, 3:   %d %d %d\n", side(7, 3, 1, 0), side(7, 3, 2, 0), side(7, 3, 3, 0));
    printf("with padding 1:   %d %d %d\n", side(7, 3, 1, 1), side(7, 3, 2, 1), side(7, 3, 3, 1));
    printf("32x32, five layers of 5x5: ");
    for (int n = 32, layer = 0; layer < 5; layer++) {
        n = side(n, 5, 1, 0);
        printf(" %d", n);
    }
    printf("\n");
    fv_set_shapes_only(false);
}

/* --- many channels, and 1x1 ------------------------------------------------------------------- */

static void channels(void)
{
    FV_SCOPE;
    fv_tensor *x = fv_randn(1, 3, 32, 32); /* an image in colour */
    fv_tensor *w = fv_randn(10, 3, 5, 5);  /* ten filters, each as deep as the image */
    fv_tensor *b = fv_zeros(10);
    fv_tensor *y = fv_conv2d(x, w, b, .padding = 2);
    printf("[3,32,32] by 10 filters of 5x5x3 gives [%d,%d,%d"
           "], with %d weights\n",
           (int)fv_size(y, 1), (int)fv_size(y, 2), (int)fv_size(y, 3),
           (int)(fv_numel(w) + fv_numel(b)));

    /* 1x1: at every place the same linear map of the channels. */
    fv_tensor *mix = fv_randn(4, 10);
    fv_tensor *by_conv = fv_conv2d(y, fv_view(mix, 4, 10, 1, 1));
    fv_tensor *by_linear = fv_permute(fv_linear(fv_permute(y, 0, 2, 3, 1), mix), 0, 3, 1, 2);
    const double apart = fv_item(fv_max(fv_abs(fv_sub(by_conv, by_linear))));
    printf("a 1x1 convolution is a linear layer at every place: %s\n", apart < 1e-4 ? "yes" : "NO");
}

/* --- a picture -------------------------------------------------------------------------------- */

/* A disc and a square, [1,1,48,48], and what Sobel's two filters and their magnitude see. */
static void edges(const course *c)
{
    FV_SCOPE;
    fv_tensor *t = fv_to(fv_arange(48), FV_FLOAT32), *across = fv_view(t, 1, 48),
              *down = fv_view(t, 48, 1);
    fv_tensor *disc =
        fv_lt(fv_add(fv_square(fv_sub(across, 16)), fv_square(fv_sub(down, 18))), 121);
    fv_tensor *square = fv_lt(fv_maximum(fv_abs(fv_sub(across, 35)), fv_abs(fv_sub(down, 34))), 8);
    fv_tensor *x = fv_view(fv_to(fv_logical_or(disc, square), FV_FLOAT32), 1, 1, 48, 48);

    fv_tensor *upright = fv_tensor_from(sobel, 1, 1, 3, 3);
    fv_tensor *level = fv_transpose(upright, 2, 3);
    fv_tensor *gx = fv_conv2d(x, upright, .padding = 1), *gy = fv_conv2d(x, level, .padding = 1);
    fv_tensor *edge = fv_sqrt(fv_add(fv_square(gx), fv_square(gy)));
    fv_save_image(fv_cat(FV_TENSORS(x, gx, gy, edge), 0), course_path(c, "03_edges.png"),
                  .normalize = true, .scale_each = true, .upscale = 3, .pad_value = 1);
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    by_hand();
    sizes();
    channels();
    edges(&c);
    return course_end();
}
