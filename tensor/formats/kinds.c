/* The kinds of files that people take for tensors, or get in their place. */
#include "tensor/formats/kinds.h"

#include <stdbool.h>
#include <string.h>

typedef struct kind_row {
    const char *magic;
    size_t length, offset;
    fv_file_kind kind;
} kind_row;

#define MAGIC(text) text, sizeof(text) - 1

#define CONVERT_PICKLE                                                                             \
    "convert it: python3 -c \"import torch, safetensors.torch as s; "                              \
    "s.save_file({k: v.contiguous().clone() for k, v in "                                          \
    "torch.load('in.pt', 'cpu').items()}, 'out.safetensors')\""
#define CONVERT_KERAS                                                                              \
    "convert it in Python: h5py reads its arrays, safetensors.numpy.save_file writes them"
#define CONVERT_NUMPY(arrays)                                                                      \
    "convert it: python3 -c \"import numpy, safetensors.numpy as s; s.save_file(" arrays           \
    ", 'out.safetensors')\""
#define CONVERT_NPY CONVERT_NUMPY("{'name': numpy.load('in.npy')}")
#define CONVERT_NPZ CONVERT_NUMPY("dict(numpy.load('in.npz'))")
#define FETCH_AGAIN "the download brought something else: fetch it again and look at the address"
#define UNPACK      "unpack it first"

/* The first row that fits counts. */
static const kind_row rows[] = {
    {MAGIC("\x93NUMPY"), 0, {"a NumPy array (.npy)", CONVERT_NPY}},
    {MAGIC("GGUF"), 0, {"a GGUF file of llama.cpp", "take the safetensors of the same model"}},
    {MAGIC("\x89HDF\r\n\x1a\n"), 0, {"an HDF5 file (Keras)", CONVERT_KERAS}},
    {MAGIC("\x1f\x8b"), 0, {"compressed by gzip", "unpack it first: gunzip"}},
    {MAGIC("\xfd"
           "7zXZ"),
     0,
     {"compressed by xz", UNPACK}},
    {MAGIC("\x28\xb5\x2f\xfd"), 0, {"compressed by zstd", UNPACK}},
    {MAGIC("BZh"), 0, {"compressed by bzip2", UNPACK}},
    {MAGIC("ustar"), 257, {"a tar archive", UNPACK}},
    {MAGIC("\x89PNG\r\n\x1a\n"), 0, {"a PNG image", NULL}},
    {MAGIC("\xff\xd8\xff"), 0, {"a JPEG image", NULL}},
    {MAGIC("GIF8"), 0, {"a GIF image", NULL}},
    {MAGIC("%PDF"), 0, {"a PDF document", NULL}},
    {MAGIC("TFL3"), 4, {"a TensorFlow Lite model", NULL}},
    {MAGIC("version https://git-lfs"),
     0,
     {"a git-lfs pointer, not the file itself", "fetch that: git lfs pull"}},
    {MAGIC("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"),
     0,
     {"a PyTorch file (of before 1.6)", CONVERT_PICKLE}},
};

static const fv_file_kind empty = {"an empty file", "write or fetch it again"};
static const fv_file_kind pickle = {"a Python pickle", CONVERT_PICKLE};
static const fv_file_kind torch_zip = {"a PyTorch file", CONVERT_PICKLE};
static const fv_file_kind numpy_zip = {"a NumPy archive (.npz)", CONVERT_NPZ};
static const fv_file_kind other_zip = {"a zip archive", UNPACK};
static const fv_file_kind web_page = {"a web page", FETCH_AGAIN};
static const fv_file_kind json_text = {
    "a JSON text", "an index of several files (.index.json) names those that have the tensors"};

static bool contains(const unsigned char *bytes, size_t count, const char *part)
{
    size_t length = strlen(part);
    for (size_t i = 0; i + length <= count; i++)
        if (memcmp(bytes + i, part, length) == 0) return true;
    return false;
}

/* By the name of its first entry. */
static fv_file_kind zip_kind(const unsigned char *bytes, size_t count)
{
    enum { NAME_LENGTH = 26, NAME = 30 };
    if (count < NAME) return other_zip;
    size_t length = bytes[NAME_LENGTH] | (size_t)bytes[NAME_LENGTH + 1] << 8;
    if (length > count - NAME) length = count - NAME;
    if (contains(bytes + NAME, length, "/data.pkl")) return torch_zip;
    return contains(bytes + NAME, length, ".npy") ? numpy_zip : other_zip;
}

/* Does the text begin so, in letters of either case? */
static bool begins(const unsigned char *text, size_t count, const char *word)
{
    for (size_t i = 0; word[i]; i++) {
        if (i == count) return false;
        unsigned char c = text[i];
        if (c >= 'A' && c <= 'Z') c = (unsigned char)(c - 'A' + 'a');
        if (c != (unsigned char)word[i]) return false;
    }
    return true;
}

static fv_file_kind text_kind(const unsigned char *text, size_t count)
{
    static const char *const pages[] = {"<!doctype", "<html", "<?xml", "<head", "<!--"};
    if (count >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, count -= 3;
    while (count > 0 && (*text == ' ' || (*text >= '\t' && *text <= '\r'))) text++, count--;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (begins(text, count, pages[i])) return web_page;
    if (count > 0 && (*text == '{' || *text == '[')) return json_text;
    return (fv_file_kind){NULL, NULL};
}

fv_file_kind fv_file_kind_of(const void *bytes, size_t count)
{
    const unsigned char *b = bytes;
    if (count == 0) return empty;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const kind_row *r = &rows[i];
        if (count >= r->offset + r->length && memcmp(b + r->offset, r->magic, r->length) == 0)
            return r->kind;
    }
    if (count >= 4 && memcmp(b, "PK\3\4", 4) == 0) return zip_kind(b, count);
    if (count >= 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5) return pickle;
    return text_kind(b, count);
}
