/* Axes: a range that fits the values, ticks at 1, 2 or 5 times a power of ten, their texts. */
#include <math.h>
#include <string.h>

#include "data/image/plot_impl.h"
#include "tensor/numerals.h"

void fv_axis_start(fv_axis *a, bool logarithmic)
{
    memset(a, 0, sizeof *a);
    a->logarithmic = logarithmic;
    a->low = (double)INFINITY;
    a->high = -(double)INFINITY;
}

void fv_axis_include(fv_axis *a, double value)
{
    if (!isfinite(value) || (a->logarithmic && value <= 0)) return;
    a->low = fmin(a->low, value);
    a->high = fmax(a->high, value);
}

/* Values of one size only still get a range. */
static void widen(fv_axis *a)
{
    if (a->low > a->high) {
        a->low = a->logarithmic ? 1 : 0;
        a->high = a->logarithmic ? 10 : 1;
    } else if (a->low == a->high && a->logarithmic) {
        a->low /= 2;
        a->high *= 2;
    } else if (a->low == a->high) {
        const double by = a->low == 0 ? 0.5 : fabs(a->low) / 10;
        a->low -= by;
        a->high += by;
    }
}

void fv_axis_settle(fv_axis *a, const double *range, double margin)
{
    if (!fv_is_unset(range[0])) {
        a->low = range[0];
        a->high = range[1];
        return;
    }
    widen(a);
    if (a->logarithmic) {
        const double by = pow(a->high / a->low, margin);
        a->low /= by;
        a->high *= by;
        return;
    }
    const double by = margin * (a->high - a->low), low = a->low - by, high = a->high + by;
    a->low = a->low >= 0 && low < 0 ? 0 : low; /* nothing below 0 where no value is */
    a->high = a->high <= 0 && high > 0 ? 0 : high;
}

double fv_axis_place(const fv_axis *a, double v)
{
    const double part = a->logarithmic ? log(v / a->low) / log(a->high / a->low)
                                       : (v - a->low) / (a->high - a->low);
    return a->from + part * (a->to - a->from);
}

/* "1e-05" becomes "1e-5", "1.50" with an exponent "1.5". */
static void shorten(char *text)
{
    char *e = strchr(text, 'e');
    if (!e) return;
    char *rest = e + 1 + (e[1] == '+' || e[1] == '-');
    char sign[2] = {e[1] == '-' ? '-' : '\0', '\0'}, digits[16];
    while (*rest == '0' && rest[1]) rest++;
    fv_format(digits, sizeof digits, "e%s%s", sign, rest);
    memcpy(e, digits, strlen(digits) + 1);
}

void fv_short_number(char *text, size_t size, double v)
{
    fv_format(text, size, "%.3g", v);
    shorten(text);
}

static void add_tick(fv_axis *a, double v, const char *format, int digits)
{
    if (a->ticks == FV_MOST_TICKS) return;
    a->tick[a->ticks] = v;
    const bool zero = v == 0 && strchr(format, 'e'); /* no 0.0e0 */
    fv_format(a->text[a->ticks], sizeof a->text[0], zero ? "%.*f" : format, zero ? 0 : digits, v);
    shorten(a->text[a->ticks++]);
}

static void linear_ticks(fv_axis *a, double about)
{
    const double raw = (a->high - a->low) / fmax(about, 1), power = pow(10, floor(log10(raw)));
    const double times = raw / power;
    const double step = power * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
    const double most = fmax(fabs(a->low), fabs(a->high));
    const int decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
    const bool plain = most < 1e6 && step >= 1e-4;
    const int digits = (int)fmax(0, floor(log10(most)) - floor(log10(step) + 1e-9));
    for (double i = ceil(a->low / step - 1e-9); i * step <= a->high + 1e-9 * step; i++)
        add_tick(a, i * step + 0.0, plain ? "%.*f" : "%.*e", plain ? decimals : digits);
}

/* Powers of ten, not all where there are many; where there are few, 2 and 5 times them as well. */
static void logarithmic_ticks(fv_axis *a, double about)
{
    const double first = floor(log10(a->low) + 1e-9), last = ceil(log10(a->high) - 1e-9);
    const double every = fmax(1, rint((last - first) / fmax(about, 1)));
    const bool between = log10(a->high / a->low) < 2;
    static const double times[] = {1, 2, 5};
    for (double p = first; p <= last; p += every)
        for (int k = 0; k < (between ? 3 : 1); k++) {
            const double v = times[k] * pow(10, p);
            if (v < a->low * (1 - 1e-9) || v > a->high * (1 + 1e-9)) continue;
            const bool plain = v >= 0.9e-3 && v < 1e5;
            add_tick(a, v, plain ? "%.*f" : "%.*e", plain ? (int)fmax(0, -p) : 0);
        }
}

void fv_axis_set_ticks(fv_axis *a, double about)
{
    a->ticks = 0;
    if (a->logarithmic)
        logarithmic_ticks(a, about);
    else
        linear_ticks(a, about);
}

double fv_axis_text_width(const fv_axis *a, double size)
{
    double widest = 0;
    for (int i = 0; i < a->ticks; i++)
        widest = fmax(widest, fv_text_width(a->text[i], size, false));
    return widest;
}
