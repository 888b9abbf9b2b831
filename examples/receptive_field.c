/* What the units of a network see: computed, and measured by gradients.
 *
 *     receptive_field [small | lenet | resnet20 | resnet18 | mnist | digits] [--out DIR]
 *
 * The computed field of a layer follows from kernels, strides and paddings alone. The measured one
 * is where the gradient of a unit in the middle of the layer's map is not 0, over some images of
 * noise. Both must agree to the pixel; but within its field a unit hardly looks at the edges: the
 * gradients, summed over images and channels, make a hill.
 *
 * receptive_field.png shows it for each layer: how much its unit depends on each pixel of the image
 * (each step of brightness is twice the one before), within the square that is computed. */
#include <fovea.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models.h"

enum { SIDE = 96, IMAGES = 8, ROWS = 32, MOST_LAYERS = 16, LEVELS = 10 };

/* The first `count` layers of a row. */
typedef struct prefix {
    fv_module *net;
    int64_t count;
} prefix;

static fv_tensor *run_prefix(fv_tensor *const *in, void *context)
{
    const prefix *p = context;
    fv_tensor *x = in[0];
    for (int64_t i = 0; i < p->count; i++) x = fv_forward(fv_child_at(p->net, i), x);
    return x;
}

/* The sizes of gradients by row and column, relative to the largest. */
typedef struct measured {
    double size[SIDE][SIDE];
    int64_t first[2], last[2];
} measured;

/* Where the unit in the middle of the map y looks. */
static fv_status measure(fv_tensor *x, fv_tensor *y, const int64_t *middle, measured *m)
{
    FV_SCOPE;
    fv_tensor *unit = fv_zeros_like(y), *grad;
    fv_fill_(fv_narrow(fv_narrow(unit, 2, middle[0], 1), 3, middle[1], 1), 1);
    fv_grad(FV_TENSORS(y), FV_TENSORS(x), &grad, .grad_outputs = FV_TENSORS(unit));
    fv_tensor *sum = fv_sum(fv_abs(grad), .dim = FV_DIMS(0, 1));
    const double most = fv_item(fv_max(sum));
    if (fv_copy_out(sum, FV_FLOAT64, m->size) != FV_OK) return fv_error_status();
    for (int d = 0; d < 2; d++) m->first[d] = SIDE, m->last[d] = -1;
    for (int64_t row = 0; row < SIDE; row++)
        for (int64_t column = 0; column < SIDE; column++) {
            const int64_t at[] = {row, column};
            if (m->size[row][column] == 0) continue;
            m->size[row][column] /= most;
            for (int d = 0; d < 2; d++) {
                if (at[d] < m->first[d]) m->first[d] = at[d];
                if (at[d] > m->last[d]) m->last[d] = at[d];
            }
        }
    return FV_OK;
}

/* A size from 0 to 1 as a level: each stands for twice the one before. */
static int level_of(double size)
{
    const int level = size > 0 ? LEVELS - 1 + (int)floor(log2(size)) : 0;
    return level < 0 ? 0 : level;
}

/* --- the picture ------------------------------------------------------------------------------ */

typedef struct picture {
    float layer[MOST_LAYERS][3][SIDE][SIDE];
    int64_t layers;
    int64_t first[2], last[2]; /* the field of the last of them, which has those of all */
} picture;

static void set_pixel(picture *p, int64_t row, int64_t column, float red, float green, float blue)
{
    float(*layer)[SIDE][SIDE] = p->layer[p->layers];
    layer[0][row][column] = red;
    layer[1][row][column] = green;
    layer[2][row][column] = blue;
}

/* The hill, and an orange frame just outside of the computed field, where the image goes on.
 * Layers that see what the one before sees are left out. */
static void paint_layer(picture *p, const measured *m, const int64_t *first, const int64_t *last)
{
    const size_t bytes = sizeof p->first;
    if (p->layers == MOST_LAYERS) return;
    if (p->layers && !memcmp(first, p->first, bytes) && !memcmp(last, p->last, bytes)) return;
    memcpy(p->first, first, bytes);
    memcpy(p->last, last, bytes);
    for (int64_t row = 0; row < SIDE; row++)
        for (int64_t column = 0; column < SIDE; column++) {
            const float light = (float)level_of(m->size[row][column]) / (LEVELS - 1);
            const bool beside = row >= first[0] - 1 && row <= last[0] + 1 &&
                                column >= first[1] - 1 && column <= last[1] + 1;
            const bool inside =
                row >= first[0] && row <= last[0] && column >= first[1] && column <= last[1];
            if (beside && !inside)
                set_pixel(p, row, column, 1, 0.5f, 0);
            else
                set_pixel(p, row, column, light, light, 0.15f + 0.85f * light);
        }
    p->layers++;
}

static fv_status save_picture(const picture *p, const char *folder)
{
    FV_SCOPE;
    char path[4096];
    snprintf(path, sizeof path, "%s/receptive_field.png", folder);
    fv_tensor *layers = fv_tensor_from(&p->layer[0][0][0][0], p->layers, 3, SIDE, SIDE);
    const int64_t around = (p->last[0] - p->first[0]) / 4 + 3, rows = p->layers > 4 ? 2 : 1;
    const int64_t start = p->first[0] > around ? p->first[0] - around : 0;
    const int64_t end = p->last[0] + around < SIDE ? p->last[0] + around : SIDE;
    for (int dim = 2; dim < 4; dim++) layers = fv_narrow(layers, dim, start, end - start);
    const fv_status status =
        fv_save_image(layers, path, .nrow = (p->layers + rows - 1) / rows, .padding = 1,
                      .pad_value = 1, .upscale = 240 / (end - start) + 1);
    if (status == FV_OK) printf("%s shows it for each layer that sees more.\n", path);
    return status;
}

/* --- the text --------------------------------------------------------------------------------- */

/* One line for a layer, and its picture: false where computed and measured differ. */
static bool show_layer(fv_module *net, int64_t k, const fv_receptive_field *field,
                       const fv_shape *map, const measured *m, picture *p)
{
    char text[64], computed[64];
    int64_t first[2] = {0}, last[2] = {0};
    bool same = true;
    fv_field_text(field, text, sizeof text);
    for (int d = 0; d < 2; d++) {
        const int64_t middle = map->dim[2 + d] / 2;
        const bool sees = fv_field_range(field, d, middle, SIDE, &first[d], &last[d]);
        same = same && sees && first[d] == m->first[d] && last[d] == m->last[d];
    }
    paint_layer(p, m, first, last);
    snprintf(computed, sizeof computed, "%" PRId64 "..%" PRId64, first[1], last[1]);
    printf("%3" PRId64 " %-16s %4" PRId64 "x%-4" PRId64 " %-12s %-10s %" PRId64 "..%" PRId64 "%s\n",
           k, fv_module_name(fv_child_at(net, k)), map->dim[2], map->dim[3], text, computed,
           m->first[1], m->last[1], same ? "" : "   differs");
    return same;
}

/* The hill, darker where more of the gradient is. */
static void draw(const measured *m)
{
    static const char shades[LEVELS + 1] = " .:-=+*#%@";
    const int64_t width = m->last[1] - m->first[1] + 1, height = m->last[0] - m->first[0] + 1;
    const int64_t step = (height + ROWS - 1) / ROWS; /* pixels of a character's height */
    printf("\nHow much the last of them depends on each pixel (%" PRId64 " x %" PRId64
           "; each shade is twice the one before):\n\n",
           height, width);
    for (int64_t row = m->first[0]; row <= m->last[0]; row += step) {
        printf("    ");
        for (int64_t column = m->first[1]; column <= m->last[1]; column += step) {
            double most = 0;
            for (int64_t i = row; i < row + step && i < SIDE; i++)
                for (int64_t j = column; j < column + step && j < SIDE; j++)
                    if (m->size[i][j] > most) most = m->size[i][j];
            const char shade = shades[level_of(most)];
            putchar(shade);
            putchar(shade);
        }
        printf("\n");
    }
}

/* Of a hill the middle holds most; of an even field a quarter. */
static double share_of_the_middle(const measured *m)
{
    double all = 0, middle = 0;
    const int64_t height = m->last[0] - m->first[0] + 1, width = m->last[1] - m->first[1] + 1;
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++) {
            const double size = m->size[m->first[0] + i][m->first[1] + j];
            const bool inner =
                4 * i >= height && 4 * i < 3 * height && 4 * j >= width && 4 * j < 3 * width;
            all += size;
            if (inner) middle += size;
        }
    return all > 0 ? middle / all : 0;
}

/* The layers that make maps, one by one; -1 after an error, else how many differ. */
static int compare(fv_module *net, measured *m, picture *shown)
{
    int different = 0;
    const int64_t channels = fv_size(fv_parameters(net).items[0], 1); /* of the first kernel */
    printf("layer                 map      computed     of the unit in the middle\n"
           "                               field        computed   measured\n");
    for (prefix p = {net, 1}; p.count <= fv_child_count(net); p.count++) {
        FV_SCOPE;
        fv_tensor *x = fv_randn(IMAGES, channels, SIDE, SIDE, .requires_grad = true);
        fv_tensor *y = run_prefix(&x, &p);
        const fv_shape map = fv_shape_of(y);
        if (map.ndim != 4 || map.dim[2] == 1) break; /* the end of the maps */
        fv_inspection *seen = fv_inspect_function(run_prefix, &p, FV_TENSORS(x));
        const fv_receptive_field field = fv_inspection_field(seen);
        fv_free(seen);
        if (!field.known) return -1;
        const int64_t middle[] = {map.dim[2] / 2, map.dim[3] / 2};
        if (measure(x, y, middle, m) != FV_OK) return -1;
        different += !show_layer(net, p.count - 1, &field, &map, m, shown);
    }
    return different;
}

static int usage(void)
{
    fprintf(stderr, "usage: receptive_field [small | lenet | resnet20 | resnet18 | mnist | digits] "
                    "[--out DIR]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static measured m;
    static picture shown;
    const char *name = NULL, *folder = ".";
    for (int i = 1; i < argc; i++) {
        const bool out = strcmp(argv[i], "--out") == 0;
        if (out ? i + 1 == argc : name != NULL) return usage();
        if (out)
            folder = argv[++i];
        else
            name = argv[i];
    }
    const network_fn build = find_network(name ? name : "small");
    if (!build) return usage();
    fv_manual_seed(0);
    fv_module *net = build();
    if (!net) return 1;
    fv_eval(net); /* in training batch norm lets every unit see the whole batch */
    /* Winograd's algorithm rounds within tiles, which leaves traces where a gradient is 0. */
    fv_set_conv_precision(FV_CONV_EXACT);
    const int different = compare(net, &m, &shown);
    if (different >= 0) {
        draw(&m);
        printf("\nThe middle quarter of that square holds %.0f%% of the whole.\n",
               100 * share_of_the_middle(&m));
        save_picture(&shown, folder);
    }
    if (different > 0) printf("%d layers differ\n", different);
    const bool failed = different != 0 || fv_error_status() != FV_OK;
    fv_free(net);
    fv_shutdown();
    return failed;
}
