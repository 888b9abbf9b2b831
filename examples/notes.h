/* What a file of trained weights says of itself, in its metadata: which network it is, which images
 * it was trained on, how those were normalised and what the classes are called. The training
 * programs write it with the weights; predict.c reads it and needs to be told nothing else. */
#ifndef EXAMPLES_NOTES_H
#define EXAMPLES_NOTES_H

#include <fovea.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS   "0,1,2,3,4,5,6,7,8,9"
#define CLOTHES  "t-shirt,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot"
#define PICTURES "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck"

enum { MAX_CHANNELS = 3, MAX_CLASSES = 64 };

/* --- writing ---------------------------------------------------------------------------------- */

typedef struct file_notes {
    char mean[64], std[64];
    fv_metadata list[7]; /* for fv_save; ends with one without a key */
} file_notes;

static inline void join(char *text, size_t room, const double *numbers, int count)
{
    size_t used = 0;
    for (int i = 0; i < count && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, i ? " %.6g" : "%.6g", numbers[i]);
}

/* images: the data set's options, with mean and std of each channel. The strings must live on. */
static inline void make_notes(file_notes *n, const char *network, const char *set,
                              const char *shape, const fv_vision_args *images, const char *classes)
{
    const int channels = shape[0] - '0';
    join(n->mean, sizeof n->mean, images->mean, channels);
    join(n->std, sizeof n->std, images->std, channels);
    const fv_metadata list[] = {{"network", network}, {"images", set}, {"shape", shape},
                                {"mean", n->mean},    {"std", n->std}, {"classes", classes},
                                {NULL, NULL}};
    memcpy(n->list, list, sizeof list);
}

/* --- reading ---------------------------------------------------------------------------------- */

typedef struct network_notes {
    char network[32], images[32];
    int64_t channels, height, width;
    double mean[MAX_CHANNELS], std[MAX_CHANNELS];
    char classes[512];
    const char *class_name[MAX_CLASSES];
    int class_count;
} network_notes;

/* So many numbers, with spaces between. */
static inline bool split_numbers(const char *text, double *numbers, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        char *end;
        numbers[i] = strtod(text, &end);
        if (end == text || !(numbers[i] > -1e6 && numbers[i] < 1e6)) return false;
        text = end;
    }
    return text[strspn(text, " ")] == '\0';
}

static inline bool split_classes(network_notes *r)
{
    for (char *name = strtok(r->classes, ","); name; name = strtok(NULL, ",")) {
        if (r->class_count == MAX_CLASSES) return false;
        r->class_name[r->class_count++] = name;
    }
    return r->class_count > 0;
}

/* A note as a string of its own; false when it is missing or too long. */
static inline bool copy_note(const fv_tensor_file *file, const char *key, char *text, size_t room)
{
    const char *value = fv_tensor_file_metadata(file, key);
    return value && (size_t)snprintf(text, room, "%s", value) < room;
}

static inline bool parse_notes(network_notes *r, const fv_tensor_file *file)
{
    char shape[32], mean[64], std[64];
    double sizes[3];
    *r = (network_notes){0};
    if (!copy_note(file, "network", r->network, sizeof r->network) ||
        !copy_note(file, "images", r->images, sizeof r->images) ||
        !copy_note(file, "classes", r->classes, sizeof r->classes) ||
        !copy_note(file, "shape", shape, sizeof shape) ||
        !copy_note(file, "mean", mean, sizeof mean) || !copy_note(file, "std", std, sizeof std) ||
        !split_numbers(shape, sizes, 3) || !split_classes(r))
        return false;
    for (int i = 0; i < 3; i++)
        if (!(sizes[i] >= 1 && sizes[i] <= 4096)) return false;
    r->channels = (int64_t)sizes[0];
    r->height = (int64_t)sizes[1];
    r->width = (int64_t)sizes[2];
    if ((r->channels != 1 && r->channels != 3) || !split_numbers(mean, r->mean, r->channels) ||
        !split_numbers(std, r->std, r->channels))
        return false;
    for (int64_t i = 0; i < r->channels; i++)
        if (!(r->std[i] > 0)) return false;
    return true;
}

/* Reads the notes of a file; false, with a message, when it has none. */
static inline bool read_notes(network_notes *r, const char *path)
{
    fv_tensor_file *file = fv_tensor_file_open(path);
    if (!file) return false; /* the library has told why */
    const bool known = parse_notes(r, file);
    fv_tensor_file_free(file);
    if (!known)
        fprintf(stderr,
                "%s: the file does not say which network it is and how its images are normalised; "
                "those that train_mnist, train_cifar10 and quickstart.sh save do\n",
                path);
    return known;
}

#endif
