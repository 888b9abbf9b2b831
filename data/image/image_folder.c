/* Folders of pictures: a walk through them when the set is made, pictures read when a batch wants
 * them. A batch is a data set of the images that were read, so that crops, flips and normalisation
 * are those of images.c. */
#include "data/image/image_folder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/dataset_impl.h"
#include "data/image/image.h"
#include "data/image/resize.h"
#include "data/reader_impl.h"

enum { DEEPEST = 32 };

/* Texts in a row, each to be freed. */
typedef struct names {
    char **items;
    int64_t count, room;
} names;

typedef struct folder_set {
    fv_dataset head;
    fv_image_folder_args options; /* its root is not read any more */
    names classes, paths;
    int64_t *end; /* of each class: number behind its last path */
} folder_set;

/* --- lists of names --------------------------------------------------------------------------- */

static bool add_name(names *n, const char *name)
{
    if (n->count == n->room) {
        const int64_t room = n->room ? 2 * n->room : 16;
        char **items = realloc(n->items, (size_t)room * sizeof *items);
        if (!items) return false;
        n->items = items;
        n->room = room;
    }
    n->items[n->count] = strdup(name);
    return n->items[n->count] && ++n->count;
}

static void free_names(names *n)
{
    for (int64_t i = 0; i < n->count; i++) free(n->items[i]);
    free(n->items);
    *n = (names){0};
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static fv_status out_of_memory(const char *path)
{
    return fv_fail(FV_ERR_MEMORY, "image_folder: %s: out of memory", path);
}

/* The entries of a folder in order, of which `wanted` says which; not those with a dot in front. */
static fv_status list(const char *path, bool (*wanted)(const char *path), names *out)
{
    DIR *dir = opendir(path);
    if (!dir) return fv_fail(FV_ERR_IO, "image_folder: %s: %s", path, strerror(errno));
    fv_status status = FV_OK;
    for (const struct dirent *e; status == FV_OK && (e = readdir(dir));) {
        char inside[FV_PATH_MAX];
        if (*e->d_name == '.') continue;
        if (!fv_path_join(inside, path, "", e->d_name))
            status = fv_fail(FV_ERR_IO, "image_folder: the path %.100s... is too long", path);
        else if (wanted(inside) && !add_name(out, e->d_name))
            status = out_of_memory(path);
    }
    closedir(dir);
    if (out->count > 1) qsort(out->items, (size_t)out->count, sizeof *out->items, by_bytes);
    return status;
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool is_picture(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".pgm", ".ppm"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0) return fv_is_file(path);
    return false;
}

static fv_status walk(const char *path, int depth, names *paths);

/* What the entry leads to: a picture, or more of them in a folder. */
static fv_status take(const char *folder, const char *name, int depth, names *paths)
{
    char inside[FV_PATH_MAX];
    if (!fv_path_join(inside, folder, "", name))
        return fv_fail(FV_ERR_IO, "image_folder: the path %.100s... is too long", folder);
    if (depth >= 0) return walk(inside, depth, paths);
    return add_name(paths, inside) ? FV_OK : out_of_memory(inside);
}

/* Adds the pictures of a folder, then those of the folders in it. */
static fv_status walk(const char *path, int depth, names *paths)
{
    names pictures = {0}, folders = {0};
    if (depth == DEEPEST)
        return fv_fail(FV_ERR_IO, "image_folder: %.200s...: folders in folders, without end", path);
    fv_status status = list(path, is_picture, &pictures);
    if (status == FV_OK) status = list(path, fv_is_folder, &folders);
    for (int64_t i = 0; i < pictures.count && status == FV_OK; i++)
        status = take(path, pictures.items[i], -1, paths);
    for (int64_t i = 0; i < folders.count && status == FV_OK; i++)
        status = take(path, folders.items[i], depth + 1, paths);
    free_names(&pictures);
    free_names(&folders);
    return status;
}

static fv_status find_pictures(folder_set *set, const char *root)
{
    fv_status status = list(root, fv_is_folder, &set->classes);
    if (status != FV_OK) return status;
    if (set->classes.count == 0)
        return fv_fail(FV_ERR_IO, "image_folder: %s: has no folder in it, which would be a class",
                       root);
    set->end = calloc((size_t)set->classes.count, sizeof *set->end);
    if (!set->end) return out_of_memory(root);
    for (int64_t i = 0; i < set->classes.count; i++) {
        const int64_t before = set->paths.count;
        status = take(root, set->classes.items[i], 0, &set->paths);
        if (status != FV_OK) return status;
        if (set->paths.count == before)
            return fv_fail(FV_ERR_IO,
                           "image_folder: %s/%s: has no file that ends in .png, .jpg, .jpeg, .pgm "
                           "or .ppm",
                           root, set->classes.items[i]);
        set->end[i] = set->paths.count;
    }
    return FV_OK;
}

/* --- samples ---------------------------------------------------------------------------------- */

/* The image's middle, of the wanted size, as planes to out. */
static void cut_middle(const fv_tensor *image, const fv_image_folder_args *o, uint8_t *out)
{
    const int64_t height = image->shape[1], width = image->shape[2];
    const int64_t top = (height - o->height) / 2, left = (width - o->width) / 2;
    const uint8_t *in = image->data;
    for (int64_t c = 0; c < o->channels; c++)
        for (int64_t y = 0; y < o->height; y++)
            memcpy(out + (c * o->height + y) * o->width, in + (c * height + top + y) * width + left,
                   (size_t)o->width);
}

/* One picture as [C,H,W] bytes. */
static fv_status read_sample(const char *path, const fv_image_folder_args *o, uint8_t *out)
{
    FV_SCOPE;
    fv_read_image_args read = fv_read_image_defaults;
    fv_resize_args fit = fv_resize_defaults;
    read.path = path;
    read.mode = o->channels == 1 ? FV_IMAGE_GRAY : FV_IMAGE_RGB;
    read.apply_exif_orientation = o->apply_exif_orientation;
    fit.image = fv_read_image_ex(&read);
    if (fv_failed(fit.image)) return fv_error_status();
    fit.height = o->height;
    fit.width = o->width;
    if (o->center_crop) {
        const double height = (double)fit.image->shape[1], width = (double)fit.image->shape[2];
        const double scale = fmax((double)o->height / height, (double)o->width / width);
        fit.height = (int64_t)fmax(rint(scale * height), (double)o->height);
        fit.width = (int64_t)fmax(rint(scale * width), (double)o->width);
    }
    const fv_tensor *image = fv_resize_ex(&fit);
    if (fv_failed(image)) return fv_error_status();
    cut_middle(image, o, out);
    return FV_OK;
}

static int64_t class_of(const folder_set *set, int64_t index)
{
    int64_t c = 0;
    while (set->end[c] <= index) c++;
    return c;
}

/* All pictures of the request and their classes; NULL with an error. */
static fv_dataset *read_pictures(const folder_set *set, const fv_batch_request *r)
{
    const fv_image_folder_args *o = &set->options;
    const fv_shape images = {4, {r->n, o->channels, o->height, o->width}}, labels = {1, {r->n}};
    fv_image_dataset_args a = fv_image_dataset_defaults;
    fv_dataset *d = NULL;
    a.images = fv_tensor_alloc(FV_UINT8, &images, NULL);
    a.labels = fv_tensor_alloc(FV_INT64, &labels, NULL);
    fv_status status = a.images && a.labels ? FV_OK : out_of_memory("a batch");
    for (int64_t i = 0; i < r->n && status == FV_OK; i++) {
        const int64_t bytes = o->channels * o->height * o->width;
        ((int64_t *)a.labels->data)[i] = class_of(set, r->index[i]);
        status =
            read_sample(set->paths.items[r->index[i]], o, (uint8_t *)a.images->data + i * bytes);
    }
    memcpy(a.mean, o->mean, sizeof a.mean);
    memcpy(a.std, o->std, sizeof a.std);
    a.random_crop = o->random_crop;
    a.random_flip = o->random_flip;
    if (status == FV_OK) d = fv_image_dataset_ex(&a);
    fv_release(a.images);
    fv_release(a.labels);
    return d;
}

static fv_status folder_batch(fv_dataset *d, const fv_batch_request *r, fv_tensor **x,
                              fv_tensor **y)
{
    fv_dataset *images = read_pictures((const folder_set *)d, r);
    if (!images) return fv_error_status();
    size_t token;
    int64_t *index = fv_block_alloc((size_t)r->n * sizeof *index, &token);
    fv_status status = index ? FV_OK : out_of_memory("a batch");
    for (int64_t i = 0; index && i < r->n; i++) index[i] = i;
    const fv_batch_request inner = {index, r->number, r->n, r->augment};
    if (status == FV_OK) status = images->class_->batch(images, &inner, x, y);
    if (index) fv_block_free(index, token);
    fv_dataset_free(images);
    return status;
}

static void folder_release(fv_dataset *d)
{
    folder_set *set = (folder_set *)d;
    free_names(&set->classes);
    free_names(&set->paths);
    free(set->end);
}

static const fv_dataset_class folder_class = {folder_batch, folder_release, sizeof(folder_set)};

/* --- construction ----------------------------------------------------------------------------- */

static fv_status check(const fv_image_folder_args *a)
{
    if (!a->root || !*a->root) return fv_fail(FV_ERR_OPTION, "image_folder: no path");
    if (a->height < 1 || a->width < 1 || a->height > 16384 || a->width > 16384)
        return fv_fail(FV_ERR_OPTION,
                       "image_folder: .height and .width must be given, from 1 to 16384");
    if (a->channels != 1 && a->channels != 3)
        return fv_fail(FV_ERR_OPTION, "image_folder: channels is %" PRId64 ", need 1 or 3",
                       a->channels);
    const int64_t side = a->height < a->width ? a->height : a->width;
    if (a->random_crop < 0 || a->random_crop > side)
        return fv_fail(FV_ERR_OPTION, "image_folder: random_crop %" PRId64 ", need 0 to %" PRId64,
                       a->random_crop, side);
    for (int64_t c = 0; c < a->channels; c++)
        if (!isfinite(a->mean[c]) || !isfinite(a->std[c]) || a->std[c] <= 0)
            return fv_fail(FV_ERR_OPTION,
                           "image_folder: channel %" PRId64 " has mean %g and std %g, need finite "
                           "numbers and std above 0",
                           c, a->mean[c], a->std[c]);
    return FV_OK;
}

const fv_image_folder_args fv_image_folder_defaults = {FV_IMAGE_FOLDER_DEFAULTS};

fv_dataset *fv_image_folder_ex(const fv_image_folder_args *a)
{
    if (!fv_args_ok("image_folder", a, sizeof *a) || check(a) != FV_OK) return NULL;
    folder_set *set = (folder_set *)fv_dataset_alloc(&folder_class, 0);
    if (!set) return NULL;
    set->options = *a;
    set->options.root = NULL;
    if (find_pictures(set, a->root) != FV_OK) {
        fv_dataset_free(&set->head);
        return NULL;
    }
    set->head.size = set->paths.count;
    return &set->head;
}

static const folder_set *as_folder(const fv_dataset *d)
{
    return d && d->class_ == &folder_class ? (const folder_set *)d : NULL;
}

int64_t fv_image_folder_classes(const fv_dataset *dataset)
{
    const folder_set *set = as_folder(dataset);
    return set ? set->classes.count : 0;
}

static const char *name_at(const names *n, int64_t i)
{
    return i >= 0 && i < n->count ? n->items[i] : NULL;
}

const char *fv_image_folder_class(const fv_dataset *dataset, int64_t number)
{
    const folder_set *set = as_folder(dataset);
    return set ? name_at(&set->classes, number) : NULL;
}

const char *fv_image_folder_path(const fv_dataset *dataset, int64_t index)
{
    const folder_set *set = as_folder(dataset);
    return set ? name_at(&set->paths, index) : NULL;
}
