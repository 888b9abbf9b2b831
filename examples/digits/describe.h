/* The network as JSON, for the page: what its file says, and what there is to know of each layer.
 *
 *   { "network": "digits", "images": "MNIST", "classes": ["0", ...], "mean": 0.1307, "std": 0.3081,
 *     "input": [1,28,28], "parameters": 600810, "multiplyAdds": 6094208,
 *     "layers": [{ "kind": "Conv2d", "options": "1, 32, kernel_size=(3, 3), ...",
 *                  "output": [32,26,26], "parameters": 320, "multiplyAdds": 194688,
 *                  "field": { "whole": false, "size": [3,3], "stride": [1,1], "padding": [0,0] },
 *                  "window": { the same, of the layer's own input } }, ...] } */
#ifndef DIGITS_DESCRIBE_H
#define DIGITS_DESCRIBE_H

#include "../notes.h"
#include <fovea.h>
#include <stdarg.h>

enum { MAX_LAYERS = 32 };

/* A text that is cut where it does not fit, which no network here comes near to. */
typedef struct text {
    char bytes[16384];
    size_t used;
} text;

__attribute__((format(printf, 2, 3))) static inline void put(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(t->bytes + t->used, sizeof t->bytes - t->used, format, args);
    va_end(args);
    const size_t room = sizeof t->bytes - t->used - 1;
    t->used += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room;
}

/* A string of so many bytes, in quotes. */
static inline void put_string(text *t, const char *s, size_t length)
{
    put(t, "\"");
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            put(t, "\\%c", c);
        else if (c < ' ')
            put(t, "\\u%04x", c);
        else
            put(t, "%c", c);
    }
    put(t, "\"");
}

/* The sizes behind the batch's. */
static inline void put_shape(text *t, const char *key, fv_shape shape)
{
    put(t, "\"%s\": [", key);
    for (int i = 1; i < shape.ndim; i++) put(t, i > 1 ? ",%d" : "%d", (int)shape.dim[i]);
    put(t, "]");
}

/* Rows and columns of one of the field's three numbers. */
static inline void put_pair(text *t, const char *key, const double *numbers)
{
    put(t, "\"%s\": [%g,%g]", key, numbers[0], numbers[1]);
}

/* Which positions an output position sees; nothing where that is not known. */
static inline void put_field(text *t, const char *key, const fv_receptive_field *f)
{
    if (!f->known) return;
    put(t, ", \"%s\": {\"whole\": %s, ", key, f->whole ? "true" : "false");
    put_pair(t, "size", f->size);
    put(t, ", ");
    put_pair(t, "stride", f->stride);
    put(t, ", ");
    put_pair(t, "padding", f->padding);
    put(t, "}");
}

/* What the layer sees of its own input, where that has rows and columns. */
static inline void put_window(text *t, fv_module *layer, fv_shape input)
{
    if (input.ndim != 4) return;
    fv_inspection *alone = fv_inspect(layer, .shape = input);
    const fv_layer_info *info = fv_inspection_layer(alone, 0);
    if (info) put_field(t, "window", &info->field);
    fv_free(alone);
}

static inline void put_layers(text *t, fv_module *net, const fv_inspection *seen)
{
    int64_t layers = 0;
    put(t, "\"layers\": [");
    for (int64_t k = 0; k < fv_inspection_layers(seen); k++) {
        const fv_layer_info *info = fv_inspection_layer(seen, k);
        if (info->depth != 1 || info->is_op) continue;
        put(t, layers++ ? ",\n{\"kind\": " : "\n{\"kind\": ");
        put_string(t, info->kind, strlen(info->kind));
        put(t, ", \"options\": ");
        put_string(t, info->options, strlen(info->options));
        put(t, ", ");
        put_shape(t, "output", info->output);
        put(t, ", \"parameters\": %d, \"multiplyAdds\": %d", (int)info->parameters,
            (int)info->multiply_adds);
        put_field(t, "field", &info->field);
        put_window(t, fv_get_child(net, info->path), info->input);
        put(t, "}");
    }
    put(t, "]");
}

static inline void describe_network(text *t, fv_module *net, const network_notes *notes)
{
    t->used = 0;
    put(t, "{\"network\": ");
    put_string(t, notes->network, strlen(notes->network));
    put(t, ", \"images\": ");
    put_string(t, notes->images, strlen(notes->images));
    put(t, ", \"classes\": [");
    for (int i = 0; i < notes->class_count; i++) {
        put(t, i ? ", " : "");
        put_string(t, notes->class_name[i], strlen(notes->class_name[i]));
    }
    put(t, "], \"mean\": %.9g, \"std\": %.9g, ", notes->mean[0], notes->std[0]);
    fv_inspection *seen = fv_inspect(net, 1, notes->channels, notes->height, notes->width);
    const fv_layer_info *whole = fv_inspection_layer(seen, 0);
    if (whole) {
        put_shape(t, "input", whole->input);
        put(t, ", \"parameters\": %d, \"multiplyAdds\": %d, ", (int)whole->parameters,
            (int)whole->multiply_adds);
        put_layers(t, net, seen);
    }
    put(t, "}");
    fv_free(seen);
}

#endif
