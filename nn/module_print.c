/* Printing the module tree in PyTorch's form. */
#include "nn/module_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "tensor/numerals.h"
#include "tensor/system.h"
#include "tensor/text.h"

static void indent(FILE *out, int depth)
{
    fprintf(out, "%*s", 2 * depth, "");
}

static void write_module(FILE *out, const fv_module *m, int depth)
{
    char raw[512] = "", text[512], name[512];
    if (m->type->describe) m->type->describe(m, raw, sizeof raw);
    fv_printable(text, sizeof text, raw);
    if (m->children.count == 0) {
        fprintf(out, "%s(%s)", m->type->name, text);
        return;
    }
    fprintf(out, "%s(\n", m->type->name);
    if (text[0]) {
        indent(out, depth + 1);
        fprintf(out, "%s\n", text);
    }
    for (int64_t i = 0; i < m->children.count; i++) {
        indent(out, depth + 1);
        fprintf(out, "(%s): ", fv_printable(name, sizeof name, m->children.items[i].name));
        write_module(out, m->children.items[i].value, depth + 1);
        fputc('\n', out);
    }
    indent(out, depth);
    fputc(')', out);
}

char *fv_module_to_string(const fv_module *m)
{
    fv_text_stream stream;
    char *text = NULL;
    if (fv_text_stream_begin(&stream)) {
        void *before = fv_numerals_begin(); /* for describe of a user's layer */
        if (m)
            write_module(stream.out, m, 0);
        else
            fputs("NULL", stream.out);
        fv_numerals_end(before);
        text = fv_text_stream_end(&stream);
    }
    if (!text) fv_fail(FV_ERR_MEMORY, "module_to_string: out of memory");
    return text;
}

void fv_print_module(const fv_module *m)
{
    char *text = fv_module_to_string(m);
    if (text) puts(text);
    free(text);
}
