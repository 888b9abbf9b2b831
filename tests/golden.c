/* Reading stored PyTorch values; see golden.h. */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t hash_start = 0xcbf29ce484222325u;

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t k = 0; k < size; k++) hash = (hash ^ bytes[k]) * 0x100000001b3u;
    return hash;
}

/* The bytes of each of `count` elements, the lowest first whatever the byte order. */
static uint64_t hash_elements(uint64_t hash, const void *data, size_t count, size_t size)
{
    const unsigned char *bytes = data;
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) return hash_bytes(hash, data, count * size);
    for (size_t k = 0; k < count; k++)
        for (size_t byte = size; byte-- > 0;) hash = hash_bytes(hash, bytes + k * size + byte, 1);
    return hash;
}

static uint64_t hash_torch(uint64_t hash, const op_case *c)
{
    return c->torch ? hash_bytes(hash, c->torch, strlen(c->torch)) : hash;
}

uint64_t golden_fingerprint(const op_case *c)
{
    uint64_t hash = hash_start;
    for (int i = 0; i < c->inputs; i++) {
        if (c->in[i].absent) continue;
        double *values = case_values(c, i);
        size_t count = (size_t)fv_shape_numel(&c->in[i].shape);
        hash = hash_elements(hash, values, count, sizeof(double));
        free(values);
    }
    return hash_torch(hash, c);
}

uint64_t golden_tensors_fingerprint(const op_case *c, fv_tensor *const *x)
{
    uint64_t hash = hash_start;
    for (int i = 0; i < c->inputs; i++) {
        if (!x[i]) continue;
        const char *name = fv_dtype_name(x[i]->dtype);
        hash = hash_bytes(hash, name, strlen(name));
        hash = hash_elements(hash, x[i]->data, (size_t)x[i]->numel, fv_dtype_size(x[i]->dtype));
    }
    return hash_torch(hash, c);
}

char *golden_load(const char *folder, const char *op)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.txt", folder, op);
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0, room = 0, read = 0;
    do {
        size += read;
        room = 2 * size + 4096;
        text = realloc(text, room + 1);
        if (!text) abort();
        read = file ? fread(text + size, 1, room - size, file) : 0;
    } while (read > 0);
    text[size] = '\0';
    if (file) fclose(file);
    return text;
}

const char *golden_line(const char *text, const char *label)
{
    size_t length = strlen(label);
    while (*text && *text != '\n') {
        if (strncmp(text, label, length) == 0 && text[length] == ' ') return text + length + 1;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return NULL;
}

bool golden_line_is(const char *line, const char *wanted)
{
    size_t length = strlen(wanted);
    return line && strncmp(line, wanted, length) == 0 && line[length] == '\n';
}

const char *golden_case(const char *text, const char *name)
{
    while (*text) {
        if (golden_line_is(golden_line(text, "case"), name)) return text;
        text = strstr(text, "\n\n");
        if (!text) return NULL;
        text += 2;
    }
    return NULL;
}
