/* The networks of published_networks.h, and the modules made of their text. */
#include "published_networks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- the text --------------------------------------------------------------------------------- */

static void skip_blanks(const char **at)
{
    while (isspace((unsigned char)**at)) ++*at;
}

static int64_t read_number(const char **at)
{
    char *end;
    const long long value = strtoll(*at, &end, 10);
    *at = end;
    return value;
}

static bool take(const char **at, char c)
{
    if (**at != c) return false;
    ++*at;
    return true;
}

/* --- layers ----------------------------------------------------------------------------------- */

/* TensorFlow's SAME: ceil(length / stride) windows, the odd element of padding behind. */
static void same_padding(int64_t length, int64_t kernel, int64_t stride, int64_t *pad)
{
    const int64_t out = (length + stride - 1) / stride;
    int64_t total = (out - 1) * stride + kernel - length;
    if (total < 0) total = 0;
    pad[0] = total / 2;
    pad[1] = total - total / 2;
}

static fv_tensor *convolve(fv_tensor *x, int64_t rows, int64_t columns, int64_t stride)
{
    return fv_conv2d(x, fv_empty(1, fv_size(x, 1), rows, columns), NULL, .stride = stride);
}

/* "c1x7/2v" and its like. */
static fv_tensor *run_layer(const char **at, fv_tensor *x)
{
    const char kind = *(*at)++;
    const int64_t rows = read_number(at), columns = take(at, 'x') ? read_number(at) : rows;
    const int64_t stride = take(at, '/') ? read_number(at) : 1;
    fv_shape pad = {4, {0, 0, 0, 0}}; /* columns first */
    if (!take(at, 'v')) {
        same_padding(fv_size(x, 3), columns, stride, pad.dim);
        same_padding(fv_size(x, 2), rows, stride, pad.dim + 2);
    }
    if (pad.dim[1] || pad.dim[3]) x = fv_pad(x, .shape = pad);
    if (kind == 'm') return fv_max_pool2d(x, FV_DIMS(rows, columns), .stride = stride);
    if (kind == 'a') return fv_avg_pool2d(x, FV_DIMS(rows, columns), .stride = stride);
    return convolve(x, rows, columns, stride);
}

static fv_tensor *run_padding(const char **at, fv_tensor *x)
{
    ++*at;
    const int64_t before = read_number(at);
    take(at, ',');
    const int64_t after = read_number(at);
    return fv_pad(x, before, after, before, after);
}

static fv_tensor *run_text(const char **at, fv_tensor *x);

static fv_tensor *run_branches(const char **at, fv_tensor *x, char end)
{
    fv_tensor *parts[8];
    int64_t count = 0;
    do {
        ++*at; /* the bracket or the bar */
        parts[count++] = run_text(at, x);
    } while (**at == '|' && count < 8);
    take(at, end);
    if (end == '}') return fv_cat((fv_tensor_list){parts, count}, .dim = 1);
    for (int64_t i = 1; i < count; i++) parts[0] = fv_add(parts[0], parts[i]);
    return parts[0];
}

static fv_tensor *run_times(const char **at, fv_tensor *x)
{
    const int64_t times = read_number(at);
    const char *start = *at;
    for (int64_t i = 0; i < times; i++) {
        *at = start + 1;
        x = run_text(at, x);
    }
    take(at, ')');
    return x;
}

/* Up to the end, or to what ends a branch or a repetition. */
static fv_tensor *run_text(const char **at, fv_tensor *x)
{
    for (skip_blanks(at); **at && !strchr("|}>)", **at); skip_blanks(at)) {
        if (isdigit((unsigned char)**at))
            x = run_times(at, x);
        else if (**at == '{')
            x = run_branches(at, x, '}');
        else if (**at == '+')
            x = run_branches(at, x, '>');
        else if (**at == 'p')
            x = run_padding(at, x);
        else
            x = run_layer(at, x);
    }
    return x;
}

/* --- modules ---------------------------------------------------------------------------------- */

typedef struct part {
    char text[1024];
} part;

static fv_tensor *part_forward(fv_module *self, fv_tensor *x)
{
    const char *at = ((const part *)fv_module_context(self))->text;
    return run_text(&at, x);
}

static fv_tensor *row_forward(fv_module *self, fv_tensor *x)
{
    for (int64_t i = 0; i < fv_child_count(self); i++) x = fv_forward(fv_child_at(self, i), x);
    return x;
}

static const fv_module_type part_type = {
    .name = "Part", .context_size = sizeof(part), .forward = part_forward};
static const fv_module_type row_type = {.name = "Published", .forward = row_forward};

fv_module *published_module(const char *text)
{
    fv_module *m = fv_module_new(&row_type, NULL);
    while (*text) {
        part p = {""};
        char name[64];
        const size_t length = strcspn(text, ":");
        size_t start = length;
        while (text[length] && start > 0 && text[start - 1] != ' ') start--;
        memcpy(p.text, text, start);
        memcpy(name, text + start, length - start);
        name[length - start] = '\0';
        fv_module_add_child(m, text[length] ? name : "rest", fv_module_new(&part_type, &p));
        text += length + (text[length] == ':');
    }
    return fv_module_finish(m);
}

/* --- the networks ----------------------------------------------------------------------------- */

#define UNIT      "+ | c1 c3 c1 > "
#define LAST_UNIT "+ m1/2 | c1 p1,1 c3/2v c1 > "
#define RESNET(two, three)                                                                         \
    "p3,3 c7/2v m3/2 2( " UNIT ") " LAST_UNIT "block1: " two "( " UNIT ") " LAST_UNIT              \
    "block2: " three "( " UNIT ") " LAST_UNIT "block3: 3( " UNIT ") block4:"

/* Inception v2 */
#define MIXED2  "{ c1 | c1 c3 | c1 c3 c3 | a3 c1 } "
#define REDUCE2 "{ c1 c3/2 | c1 c3 c3/2 | m3/2 } "
/* Inception v3 */
#define MIXED5  "{ c1 | c1 c5 | c1 c3 c3 | a3 c1 } "
#define MIXED6  "{ c1 | c1 c1x7 c7x1 | c1 c7x1 c1x7 c7x1 c1x7 | a3 c1 } "
#define MIXED7  "{ c1 | c1 { c1x3 | c3x1 } | c1 c3 { c1x3 | c3x1 } | a3 c1 } "
#define REDUCE6 "{ c3/2v | c1 c3 c3/2v | m3/2v } "
#define REDUCE7 "{ c1 c3/2v | c1 c1x7 c7x1 c3/2v | m3/2v } "

static const published_network networks[] = {
    {"alexnet_v2",
     "c11/4v conv1: m3/2v pool1: c5 conv2: m3/2v c3 conv3: c3 conv4: c3 conv5: m3/2v pool5:",
     {{"conv1", 11, 4, 0},
      {"pool1", 19, 8, 0},
      {"conv2", 51, 8, 16},
      {"conv3", 99, 16, 32},
      {"conv4", 131, 16, 48},
      {"conv5", 163, 16, 64},
      {"pool5", 195, 32, 64}}},
    {"vgg_a",
     "c3 conv1_1: m2/2v pool1: c3 conv2_1: m2/2v pool2: c3 conv3_1: c3 conv3_2: m2/2v pool3: "
     "c3 conv4_1: c3 conv4_2: m2/2v pool4: c3 conv5_1: c3 conv5_2: m2/2v pool5:",
     {{"conv1_1", 3, 1, 1},
      {"pool1", 4, 2, 1},
      {"conv2_1", 8, 2, 3},
      {"pool2", 10, 4, 3},
      {"conv3_1", 18, 4, 7},
      {"conv3_2", 26, 4, 11},
      {"pool3", 30, 8, 11},
      {"conv4_1", 46, 8, 19},
      {"conv4_2", 62, 8, 27},
      {"pool4", 70, 16, 27},
      {"conv5_1", 102, 16, 43},
      {"conv5_2", 134, 16, 59},
      {"pool5", 150, 32, 59}}},
    {"vgg_16",
     "c3 conv1_1: c3 m2/2v pool1: c3 conv2_1: c3 m2/2v pool2: c3 conv3_1: c3 conv3_2: c3 m2/2v "
     "pool3: c3 conv4_1: c3 conv4_2: c3 m2/2v pool4: c3 conv5_1: c3 conv5_2: c3 conv5_3: m2/2v "
     "pool5:",
     {{"conv1_1", 3, 1, 1},
      {"pool1", 6, 2, 2},
      {"conv2_1", 10, 2, 4},
      {"pool2", 16, 4, 6},
      {"conv3_1", 24, 4, 10},
      {"conv3_2", 32, 4, 14},
      {"pool3", 44, 8, 18},
      {"conv4_1", 60, 8, 26},
      {"conv4_2", 76, 8, 34},
      {"pool4", 100, 16, 42},
      {"conv5_1", 132, 16, 58},
      {"conv5_2", 164, 16, 74},
      {"conv5_3", 196, 16, 90},
      {"pool5", 212, 32, 90}}},
    {"mobilenet_v1",
     "c3/2 Conv2d_0: c3 c1 Conv2d_1: c3/2 c1 Conv2d_2: c3 c1 Conv2d_3: c3/2 c1 Conv2d_4: "
     "c3 c1 Conv2d_5: c3/2 c1 Conv2d_6: c3 c1 Conv2d_7: c3 c1 Conv2d_8: c3 c1 Conv2d_9: "
     "c3 c1 Conv2d_10: c3 c1 Conv2d_11: c3/2 c1 Conv2d_12: c3 c1 Conv2d_13:",
     {{"Conv2d_0", 3, 2, 0},
      {"Conv2d_1", 7, 2, 2},
      {"Conv2d_2", 11, 4, 2},
      {"Conv2d_3", 19, 4, 6},
      {"Conv2d_4", 27, 8, 6},
      {"Conv2d_5", 43, 8, 14},
      {"Conv2d_6", 59, 16, 14},
      {"Conv2d_7", 91, 16, 30},
      {"Conv2d_8", 123, 16, 46},
      {"Conv2d_9", 155, 16, 62},
      {"Conv2d_10", 187, 16, 78},
      {"Conv2d_11", 219, 16, 94},
      {"Conv2d_12", 251, 32, 94},
      {"Conv2d_13", 315, 32, 126}}},
    {"resnet_v1_50",
     RESNET("3", "5"),
     {{"block1", 35, 8, 15},
      {"block2", 99, 16, 47},
      {"block3", 291, 32, 143},
      {"block4", 483, 32, 239}}},
    {"resnet_v1_101",
     RESNET("3", "22"),
     {{"block1", 35, 8, 15},
      {"block2", 99, 16, 47},
      {"block3", 835, 32, 415},
      {"block4", 1027, 32, 511}}},
    {"resnet_v1_152", RESNET("7", "35"), {{"block4", 1507, 32, 751}}},
    {"resnet_v1_200", RESNET("23", "35"), {{"block4", 1763, 32, 879}}},
    {"inception_v2",
     "c7/2 1a: m3/2 MaxPool_2a: c1 2b: c3 2c: m3/2 3a: " MIXED2 "3b: " MIXED2 "3c: " REDUCE2
     "4a: " MIXED2 "4b: " MIXED2 "4c: " MIXED2 "4d: " MIXED2 "4e: " REDUCE2 "5a: " MIXED2
     "5b: { c1 | c1 c3 | c1 c3 c3 | m3 c1 } 5c:",
     {{"1a", 7, 2, 2},
      {"MaxPool_2a", 11, 4, 2},
      {"2b", 11, 4, 2},
      {"2c", 19, 4, 6},
      {"3a", 27, 8, 6},
      {"3b", 59, 8, 22},
      {"3c", 91, 8, 38},
      {"4a", 123, 16, 46},
      {"4b", 187, 16, 78},
      {"4c", 251, 16, 110},
      {"4d", 315, 16, 142},
      {"4e", 379, 16, 174},
      {"5a", 443, 32, 190},
      {"5b", 571, 32, 254},
      {"5c", 699, 32, 318}}},
    {"inception_v3",
     "c3/2v 1a: c3v 2a: c3 2b: m3/2v MaxPool_3a: c1v 3b: c3v 4a: m3/2v MaxPool_5a: " MIXED5
     "5b: " MIXED5 "5c: " MIXED5 "5d: " REDUCE6 "6a: " MIXED6 "6b: " MIXED6 "6c: " MIXED6
     "6d: " MIXED6 "6e: " REDUCE7 "7a: " MIXED7 "7b: " MIXED7 "7c:",
     {{"1a", 3, 2, 0},
      {"2a", 7, 2, 0},
      {"2b", 11, 2, 2},
      {"MaxPool_3a", 15, 4, 2},
      {"3b", 15, 4, 2},
      {"4a", 23, 4, 2},
      {"MaxPool_5a", 31, 8, 2},
      {"5b", 63, 8, 18},
      {"5c", 95, 8, 34},
      {"5d", 127, 8, 50},
      {"6a", 159, 16, 58},
      {"6b", 351, 16, 154},
      {"6c", 543, 16, 250},
      {"6d", 735, 16, 346},
      {"6e", 927, 16, 442},
      {"7a", 1055, 32, 490},
      {"7b", 1183, 32, 554},
      {"7c", 1311, 32, 618}}},
    {"inception_v4",
     "c3/2v c3v c3 { m3/2v | c3/2v } { c1 c3v | c1 c1x7 c7x1 c3v } { c3/2v | m3/2v } "
     "4( { c1 | c1 c3 | c1 c3 c3 | a3 c1 } ) " REDUCE6 "7( " MIXED6 ") " REDUCE7
     "3( { c1 | c1 { c1x3 | c3x1 } | c1 c3x1 c1x3 { c1x3 | c3x1 } | a3 c1 } ) end:",
     {{"end", 2071, 32, 998}}},
    {"inception_resnet_v2",
     "c3/2v c3v c3 m3/2v c1v c3v m3/2v " MIXED5 "10( + | { c1 | c1 c3 | c1 c3 c3 } c1 > ) " REDUCE6
     "20( + | { c1 | c1 c1x7 c7x1 } c1 > ) "
     "{ c1 c3/2v | c1 c3/2v | c1 c3 c3/2v | m3/2v } 10( + | { c1 | c1 c1x3 c3x1 } c1 > ) end:",
     {{"end", 3039, 32, 1482}}},
};

const published_network *published_networks(int *count)
{
    *count = (int)(sizeof networks / sizeof *networks);
    return networks;
}
