/* The network as JSON, for the page: what its file says, and what there is to know of each layer.
 *
 *   { "network": "digits", "images": "MNIST", "classes": ["0", ...], "mean": 0.1307, "std": 0.3081,
 *     "input": [1,28,28], "parameters": 600810,
 *     "layers": [{ "kind": "Conv2d", "options": "1, 32, kernel_size=(3, 3), ...",
 *                  "output": [32,26,26], "parameters": 320 }, ...] } */
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

/* The window of a convolution or pool: size, stride and padding, which hold in both directions. */
static inline void put_window(text *t, const char *printed)
{
    int size = 1, stride = 1, padding = 0;
    const char *at = strstr(printed, "kernel_size=");
    if (!at) return;
    sscanf(at, strncmp(at + 12, "(", 1) == 0 ? "kernel_size=(%d" : "kernel_size=%d", &size);
    if ((at = strstr(printed, "stride="))) sscanf(at + 7 + (at[7] == '('), "%d", &stride);
    if ((at = strstr(printed, "padding="))) sscanf(at + 8 + (at[8] == '('), "%d", &padding);
    put(t, ", \"window\": {\"size\": [%d,%d], \"stride\": [%d,%d], \"padding\": [%d,%d]}", size,
        size, stride, stride, padding, padding);
}

/* Type and options, from the layer's printed form: Conv2d(1, 32, kernel_size=(3, 3)). */
static inline void put_kind(text *t, const fv_module *layer)
{
    char *printed = fv_module_to_string(layer);
    const char *s = printed ? printed : "";
    const size_t name = strcspn(s, "("), rest = strlen(s + name);
    put(t, "\"kind\": ");
    put_string(t, s, name);
    put(t, ", \"options\": ");
    put_string(t, rest > 2 ? s + name + 1 : "", rest > 2 ? rest - 2 : 0);
    put_window(t, s);
    free(printed);
}

static inline void put_layers(text *t, const fv_module *net, fv_tensor *x)
{
    put(t, "\"layers\": [");
    for (int64_t i = 0; i < fv_child_count(net); i++) {
        fv_module *layer = fv_child_at(net, i);
        x = fv_forward(layer, x);
        put(t, i ? ",\n{" : "\n{");
        put_kind(t, layer);
        put(t, ", ");
        put_shape(t, "output", fv_shape_of(x));
        put(t, ", \"parameters\": %d}", (int)fv_parameter_count(layer));
    }
    put(t, "]");
}

static inline void describe_network(text *t, fv_module *net, const network_notes *notes)
{
    FV_SCOPE;
    FV_NO_GRAD;
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
    fv_tensor *x = fv_zeros(1, notes->channels, notes->height, notes->width);
    put_shape(t, "input", fv_shape_of(x));
    put(t, ", \"parameters\": %d, ", (int)fv_parameter_count(net));
    put_layers(t, net, x);
    put(t, "}");
}

#endif
