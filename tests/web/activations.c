/* What a network gives for one image, layer by layer, computed by the native library:
 *
 *     activations WEIGHTS.safetensors IMAGE OUT
 *
 * IMAGE holds height x width float32 from 0 (paper) to 1 (ink); OUT gets the values of every layer,
 * float32, one layer after the other. Fails where the weights do not load. */
#include "../../examples/models.h"
#include "../../examples/notes.h"

static bool read_floats(const char *path, float *values, size_t count)
{
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    const bool whole = fread(values, sizeof *values, count, file) == count && fgetc(file) == EOF;
    fclose(file);
    return whole;
}

static bool write_tensor(const fv_tensor *t, FILE *file)
{
    const size_t count = (size_t)fv_numel(t);
    float *values = malloc((count ? count : 1) * sizeof *values);
    const bool written = values && fv_copy_out(t, FV_FLOAT32, values) == FV_OK &&
                         fwrite(values, sizeof *values, count, file) == count;
    free(values);
    return written;
}

static bool write_layers(fv_module *net, fv_tensor *x, FILE *file)
{
    for (int64_t i = 0; i < fv_child_count(net); i++) {
        x = fv_forward(fv_child_at(net, i), x);
        if (!write_tensor(x, file)) return false;
    }
    return true;
}

static bool run(fv_module *net, const network_notes *notes, const char *image, const char *out)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_tensor *x = fv_zeros(1, notes->channels, notes->height, notes->width);
    if (!read_floats(image, fv_data_float32(x), (size_t)fv_numel(x))) return false;
    fv_bump_version(x);
    FILE *file = fopen(out, "wb");
    if (!file) return false;
    fv_eval(net);
    const bool written = write_layers(net, fv_div(fv_sub(x, notes->mean[0]), notes->std[0]), file);
    return fclose(file) == 0 && written;
}

int main(int argc, char **argv)
{
    static network_notes notes;
    if (argc != 4) {
        fprintf(stderr, "usage: activations WEIGHTS.safetensors IMAGE OUT\n");
        return 2;
    }
    if (!read_notes(&notes, argv[1]) || notes.channels != 1) return 1;
    network_fn build = find_network(notes.network);
    fv_module *net = build ? build() : NULL;
    const bool done = net && fv_load(net, argv[1]) == FV_OK && run(net, &notes, argv[2], argv[3]);
    fv_free(net);
    fv_shutdown();
    if (!done) fprintf(stderr, "activations: %s could not be run\n", argv[1]);
    return done ? 0 : 1;
}
