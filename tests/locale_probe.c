/* Prints, in the locale of the environment, all that the library writes numbers into, for
 * test_locale.sh. `locale_probe control` prints what the C library makes of 1.5. */
#include <fovea.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fv_tensor *halve_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    return fv_mul(x, 0.5);
}

static void halve_describe(const fv_module *self, char *text, size_t room)
{
    (void)self;
    snprintf(text, room, "factor=%g", 0.5); /* as a user writes it */
}

static const fv_module_type halve_type = {
    .name = "Halve", .forward = halve_forward, .describe = halve_describe};

static void print_options(const fv_event *e, void *context)
{
    char text[256];
    (void)context;
    fv_options_text(e->op, e->options, text, sizeof text);
    printf("%s: %s %s\n", e->name, text, e->plan);
}

static void print_file(const char *path)
{
    int c;
    FILE *file = fopen(path, "rb");
    for (int i = 0; file && i < 512 && (c = fgetc(file)) != EOF; i++) putchar(c < 32 ? '.' : c);
    putchar('\n');
    if (file) fclose(file);
    remove(path);
}

static void log_to_stdout(const char *message, void *context)
{
    (void)context;
    printf("log: %s\n", message);
}

int main(int argc, char **argv)
{
    if (!setlocale(LC_ALL, "")) return 3;
    if (argc == 2 && strcmp(argv[1], "control") == 0) {
        printf("%.1f\n", 1.5);
        return 0;
    }
    FV_SCOPE;
    fv_set_log(log_to_stdout, NULL);
    static const float mixed[] = {1.5f, 1234567.25f, -0.125f}, whole[] = {1, 2};
    static const double wide[] = {1e-7, 2.5e11};
    fv_print(fv_tensor_from(mixed, 3));
    fv_print(fv_tensor_from(wide, 2));
    fv_print(fv_tensor_from(whole, 2));
    fv_module *net =
        fv_sequential(fv_nn_dropout(0.25), fv_nn_softplus(.beta = 0.5), fv_nn_leaky_relu(1e-5),
                      fv_nn_batch_norm2d(2, .momentum = 0.3), fv_module_new(&halve_type, NULL));
    fv_print_module(net);
    int observer = fv_observe(print_options, NULL);
    fv_leaky_relu(fv_ones(2), 0.125);
    fv_smooth_l1_loss(fv_ones(2), fv_zeros(2), .beta = 0.75);
    fv_unobserve(observer);
    fv_nn_dropout(1.5);
    fv_clear_error();
    fv_warn("half is %.2f", 0.5);
    if (fv_save(net, "locale.safetensors") == FV_OK) print_file("locale.safetensors");
    fv_free(net);
    printf("own: %.1f\n", 1.5); /* the program's locale is as it was */
    fv_shutdown();
    return 0;
}
