/* One-dimensional convolutions tell sounds apart: chords, sirens, drums, vowels and others, half a
 * second at 8 kHz each, made here with a random pitch, length, loudness and noise.
 *
 *     audio                               writes the sounds' spectrograms, filters and .wav files
 *
 * The first layer sees the wave itself, and learns filters for bands of frequencies. A layer in the
 * middle is WaveNet's (van den Oord et al. 2016): dilated, so that three weights span nine steps,
 * and gated. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <math.h>

/* --- the sounds ------------------------------------------------------------------------------- */

enum { RATE = 8000, LENGTH = 4096, CLASSES = 8, NUMBERS = 8 };
static const double turn = 6.283185307179586;
static const char *const class_names[CLASSES] = {"chord", "rise",  "fall",    "siren",
                                                 "drum",  "noise", "vowel_a", "vowel_i"};

/* What chance decides: numbers of [0, 1), and white noise. */
typedef struct chance {
    double u[NUMBERS];
    float white[LENGTH];
} chance;

/* Three notes with four partials each. */
static void make_chord(const chance *r, float *wave)
{
    const double pitch = 110 * exp2(2 * r->u[0]), third = r->u[1] < 0.5 ? 1.2 : 1.25;
    for (int i = 0; i < LENGTH; i++) {
        const double t = turn * pitch * i / RATE;
        double sum = 0;
        for (int k = 1; k <= 4; k++)
            sum += (sin(k * t) + sin(k * third * t) + sin(k * 1.5 * t)) / k;
        wave[i] = (float)sum;
    }
}

/* A tone whose pitch at time t of [0, 1) is start * 2^bend(t), with a partial. */
static void make_tone(double start, double (*bend)(double t, const chance *r), const chance *r,
                      float *wave)
{
    double phase = turn * r->u[2];
    for (int i = 0; i < LENGTH; i++) {
        phase += turn * start * exp2(bend((double)i / LENGTH, r)) / RATE;
        wave[i] = (float)(sin(phase) + 0.3 * sin(2 * phase));
    }
}
static double rising(double t, const chance *r)
{
    return (0.5 + 1.5 * r->u[1]) * t;
}
static double falling(double t, const chance *r)
{
    return (0.5 + 1.5 * r->u[1]) * (1 - t);
}
static double swinging(double t, const chance *r)
{
    return (0.2 + 0.3 * r->u[1]) * sin(turn * (t * (2 + 3 * r->u[3]) + r->u[4]));
}

/* Two to five beats: a falling tone and a rattle, both dying out. */
static void make_drum(const chance *r, float *wave)
{
    const int beat = LENGTH / (2 + (int)(4 * r->u[0]));
    const double pitch = 60 + 100 * r->u[1], rattle = r->u[2];
    for (int i = 0; i < LENGTH; i++) {
        const double t = (double)(i % beat) / RATE, decay = exp(-25 * t);
        wave[i] =
            (float)(decay * (sin(turn * pitch * t * (1 + decay)) + rattle * (double)r->white[i]));
    }
}

/* White noise, more or less muffled. */
static void make_noise(const chance *r, float *wave)
{
    const float keep = (float)(0.9 * r->u[0]);
    float last = 0;
    for (int i = 0; i < LENGTH; i++) wave[i] = last = keep * last + (1 - keep) * r->white[i];
}

/* Pulses of the vocal cords through three resonances of the mouth, its formants. */
static void make_vowel(const double formants[3], const chance *r, float *wave)
{
    const double pitch = 90 + 150 * r->u[0], mouth = 0.9 + 0.2 * r->u[1];
    double y1[3] = {0}, y2[3] = {0}, phase = 0;
    for (int i = 0; i < LENGTH; i++) {
        phase += pitch * (1 + 0.02 * sin(turn * 5 * i / RATE)) / RATE;
        const double pulse = phase >= 1;
        phase -= pulse;
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            const double radius = 0.97, angle = turn * mouth * formants[k] / RATE;
            const double y = pulse + 2 * radius * cos(angle) * y1[k] - radius * radius * y2[k];
            y2[k] = y1[k];
            y1[k] = y;
            sum += y * sin(angle) / (1 + k);
        }
        wave[i] = (float)sum;
    }
}

static void make_sound(int class, const chance *r, float *wave)
{
    static const double a[3] = {730, 1090, 2440}, i[3] = {270, 2290, 3010};
    const double start = 200 * exp2(2.3 * r->u[0]);
    switch (class) {
    case 0: make_chord(r, wave); break;
    case 1: make_tone(start, rising, r, wave); break;
    case 2: make_tone(start, falling, r, wave); break;
    case 3: make_tone(start, swinging, r, wave); break;
    case 4: make_drum(r, wave); break;
    case 5: make_noise(r, wave); break;
    case 6: make_vowel(a, r, wave); break;
    default: make_vowel(i, r, wave); break;
    }
}

/* Cuts the sound to a random part of its length, and makes it equally strong. */
static void shape_sound(const chance *r, float *wave)
{
    const int from = (int)(0.2 * LENGTH * r->u[5]), to = LENGTH - (int)(0.3 * LENGTH * r->u[6]);
    double power = 1e-9;
    for (int i = 0; i < LENGTH; i++) {
        const double rise = fmin(1, fmin(i - from, to - i) / 100.0); /* no click at the ends */
        wave[i] = rise > 0 ? (float)rise * wave[i] : 0;
        power += (double)wave[i] * (double)wave[i] / LENGTH;
    }
    for (int i = 0; i < LENGTH; i++) wave[i] *= (float)(0.2 / sqrt(power));
}

/* A sample: x [1,4096], y its class. */
static fv_status get_sound(void *context, int64_t index, fv_tensor **x, fv_tensor **y)
{
    (void)context;
    chance r;
    float wave[LENGTH];
    draw_numbers(NUMBERS, r.u);
    fv_copy_out(fv_randn(LENGTH), FV_FLOAT32, r.white);
    make_sound((int)(index % CLASSES), &r, wave);
    shape_sound(&r, wave);
    fv_tensor *hiss = fv_mul(fv_randn(1, LENGTH), 0.01 * pow(40, r.u[7]));
    *x = fv_add(fv_tensor_from(wave, 1, LENGTH), hiss);
    *y = fv_scalar_int64(index % CLASSES, FV_INT64);
    return FV_OK;
}

/* --- the network ------------------------------------------------------------------------------ */

/* x + mix(tanh(value(x)) sigmoid(gate(x))): the gate says when the value counts. */
static fv_tensor *gated_forward(fv_module *self, fv_tensor *x)
{
    fv_tensor *value = fv_tanh(fv_child(self, "value", x));
    fv_tensor *gate = fv_sigmoid(fv_child(self, "gate", x));
    return fv_add(x, fv_child(self, "mix", fv_mul(value, gate)));
}

static fv_module *gated(int64_t channels, int64_t dilation)
{
    static const fv_module_type type = {.name = "Gated", .forward = gated_forward};
    const int64_t c = channels;
    fv_module *m = fv_module_new(&type, NULL);
    fv_module_add_child(m, "value",
                        fv_nn_conv1d(c, c, 3, .padding = FV_SAME, .dilation = dilation));
    fv_module_add_child(m, "gate", fv_nn_conv1d(c, c, 3, .padding = FV_SAME, .dilation = dilation));
    fv_module_add_child(m, "mix", fv_nn_conv1d(c, c, 1));
    return fv_module_finish(m);
}

enum { FILTERS = 32, TAPS = 64 };

/* Almost zero to begin with, so that what is learned is what one sees of them. */
static fv_module *filter_bank(void)
{
    fv_module *bank =
        fv_nn_conv1d(1, FILTERS, TAPS, .stride = 4, .padding = TAPS / 2, .bias = false);
    fv_init_normal_(fv_module_tensor(bank, "weight"), 0, 0.005);
    return bank;
}

static fv_module *new_net(void)
{
    return fv_sequential(filter_bank(), fv_nn_batch_norm1d(FILTERS), fv_nn_relu(),
                         fv_nn_max_pool1d(8), /* 128 steps of 4 ms */
                         fv_nn_conv1d(FILTERS, 64, 3, .padding = 1), fv_nn_batch_norm1d(64),
                         fv_nn_relu(), gated(64, 4), fv_nn_max_pool1d(4),
                         fv_nn_conv1d(64, 64, 3, .padding = 1), fv_nn_batch_norm1d(64),
                         fv_nn_relu(), fv_nn_adaptive_avg_pool1d(1), fv_nn_flatten(),
                         fv_nn_linear(64, CLASSES));
}

/* --- what it has learned ---------------------------------------------------------------------- */

/* A .wav file of 16-bit samples: 44 bytes that say so, then the numbers, least byte first. */
static void put(FILE *file, uint32_t number, int bytes)
{
    for (int i = 0; i < bytes; i++) fputc((int)(number >> (8 * i) & 255), file);
}

static bool write_wav(const char *path, const float *wave, int length)
{
    FILE *file = fopen(path, "wb");
    if (!file) return false;
    fputs("RIFF", file);
    put(file, 36 + 2 * (uint32_t)length, 4);
    fputs("WAVEfmt ", file);
    put(file, 16, 4);       /* bytes of what follows */
    put(file, 1, 2);        /* plain numbers */
    put(file, 1, 2);        /* one channel */
    put(file, RATE, 4);     /* samples a second */
    put(file, 2 * RATE, 4); /* bytes a second */
    put(file, 2, 2);        /* bytes a sample */
    put(file, 16, 2);       /* bits a sample */
    fputs("data", file);
    put(file, 2 * (uint32_t)length, 4);
    for (int i = 0; i < length; i++)
        put(file, (uint32_t)(int32_t)lrintf(32767 * fmaxf(-1, fminf(1, wave[i]))), 2);
    return fclose(file) == 0;
}

/* A .wav file of each class, to listen to. */
static void write_sounds(const demo *d, fv_tensor *sounds)
{
    float wave[LENGTH];
    for (int64_t k = 0; k < CLASSES; k++) {
        char name[32];
        snprintf(name, sizeof name, "%s.wav", class_names[k]);
        fv_copy_out(fv_select(fv_select(sounds, 0, k), 0, 0), FV_FLOAT32, wave);
        const char *path = output_path(d, name);
        if (!write_wav(path, wave, LENGTH)) perror(path);
    }
}

/* Cosines and sines of `bands` frequencies up to RATE / 2 over so many taps: [2 bands, taps]. */
static fv_tensor *waves(int64_t bands, int64_t taps)
{
    fv_tensor *frequency = fv_mul(fv_arange(bands), turn / 2 / (double)bands);
    fv_tensor *angle =
        fv_mul(fv_unsqueeze(frequency, 1), fv_arange((double)taps, .dtype = FV_FLOAT32));
    return fv_cat(FV_TENSORS(fv_cos(angle), fv_sin(angle)));
}

enum { BANDS = 64 };

/* How strong each frequency is in each stretch of a sound, in decibels, the lowest frequency at the
 * bottom: a spectrogram is a convolution too.  x [N,1,L]  ->  a picture for each sound */
static void draw_spectrograms(const demo *d, fv_tensor *x)
{
    FV_SCOPE;
    enum { STRETCH = 256 };
    fv_tensor *window = fv_sin(fv_linspace(0, turn / 2, STRETCH)), *part[2];
    fv_tensor *kernels = fv_unsqueeze(fv_mul(waves(BANDS, STRETCH), window), 1);
    fv_chunk(fv_conv1d(x, kernels, .stride = 32), 2, 1, part, 2);
    fv_tensor *power = fv_add(fv_square(part[0]), fv_square(part[1]));
    fv_tensor *decibels = fv_mul(fv_log10(fv_add(power, 1e-2)), 10);
    fv_save_image(fv_flip(fv_unsqueeze(decibels, 1), 2), output_path(d, "audio_spectrograms.png"),
                  .nrow = 4, .upscale = 2, .normalize = true, .pad_value = 1);
}

/* How strong each frequency is in each filter, of its strongest one.
 * weight [FILTERS,1,TAPS]  ->  [FILTERS,BANDS] */
static fv_tensor *filter_spectra(fv_tensor *weight)
{
    fv_tensor *part[2];
    fv_chunk(fv_matmul(fv_squeeze(weight, 1), fv_t(waves(BANDS, TAPS))), 2, 1, part, 2);
    fv_tensor *strength = fv_sqrt(fv_add(fv_square(part[0]), fv_square(part[1])));
    return fv_div(strength, fv_amax(strength, .dim = 1, .keepdim = true));
}

/* The filters in the order of their strongest frequency. */
static void order_filters(fv_tensor *spectra, int64_t order[FILTERS])
{
    int64_t peak[FILTERS];
    fv_copy_out(fv_argmax(spectra, .dim = 1), FV_INT64, peak);
    for (int64_t i = 0, k; i < FILTERS; i++) {
        for (k = i; k > 0 && peak[order[k - 1]] > peak[i]; k--) order[k] = order[k - 1];
        order[k] = i;
    }
}

/* All filters as rows of a heat map over frequency, and every fourth one as the wave that it is. */
static void draw_filters(const demo *d, fv_tensor *weight)
{
    FV_SCOPE;
    FV_NO_GRAD;
    int64_t order[FILTERS];
    fv_tensor *spectra = filter_spectra(weight), *rows[FILTERS];
    order_filters(spectra, order);

    fv_figure *f = fv_figure_new("Filters of the first layer: waves", .x_label = "milliseconds",
                                 .y_label = "low to high");
    fv_tensor *time = fv_mul(fv_arange(TAPS), 1000.0 / RATE);
    for (int i = 0; i < FILTERS; i++) {
        fv_tensor *wave = fv_select(fv_select(weight, 0, order[i]), 0, 0);
        rows[i] = fv_select(spectra, 0, order[i]);
        if (i % 4 == 2) fv_plot_line(f, fv_add(fv_div(wave, fv_max(fv_abs(wave))), i / 2.0), time);
    }
    fv_figure_save(f, output_path(d, "audio_filters.png"));
    fv_free(f);

    f = fv_figure_new("Filters of the first layer: frequencies", .x_label = "frequency, 4000/64 Hz",
                      .y_label = "filter");
    fv_plot_heat_map(f, fv_stack(((fv_tensor_list){rows, FILTERS})));
    fv_figure_save(f, output_path(d, "audio_spectra.png"));
    fv_free(f);
}

int main(int argc, char **argv)
{
    demo d;
    if (!read_demo(&d, argc, argv, "Tells sounds apart that it makes itself.", &demo_argp))
        return 1;
    if (d.epochs == 0) d.epochs = d.quick ? 2 : 10;
    const int64_t count = d.quick ? 640 : 2000;
    fv_loader *batches = made_batches(get_sound, count, 32, d.seed);
    fv_loader *test = made_batches(get_sound, d.quick ? 80 : 800, 80, d.seed + 1);
    fv_module *net = new_net();
    printf("%" PRId64 " weights, %" PRId64 " new sounds an epoch\n", fv_parameter_count(net),
           count);

    train_classifier(net, batches, test, d.epochs, 1e-2);
    int64_t answers[CLASSES * CLASSES] = {0};
    count_answers(net, test, CLASSES, answers);
    print_answers(answers, CLASSES, class_names);
    fv_batch b = fv_loader_begin(test);
    if (fv_loader_next(test, &b)) {
        write_sounds(&d, b.x);
        draw_spectrograms(&d, fv_narrow(b.x, 0, 0, CLASSES));
        draw_filters(&d, fv_module_tensor(fv_child_at(net, 0), "weight"));
    }

    fv_free(net);
    fv_free(batches);
    fv_free(test);
    return end_demo();
}
