/* What the programs of the course share: their options, and where their figures go. */
#ifndef EXAMPLES_COURSE_H
#define EXAMPLES_COURSE_H

#include <argp.h>
#include <fovea.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct course {
    const char *data; /* the folder with the data sets; NULL: $FOVEA_DATA, or else datasets */
    const char *out;  /* the folder for figures */
    bool quick;       /* a few images and steps, to see that it runs */
} course;

static inline error_t course_option(int key, char *arg, struct argp_state *state)
{
    course *c = state->input;
    switch (key) {
    case 'd': c->data = arg; return 0;
    case 'o': c->out = arg; return 0;
    case 'q': c->quick = true; return 0;
    case ARGP_KEY_ARG: argp_usage(state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Reads the options; a wrong one is told, and ends the program with status 2. The same seed for
 * every chapter, so that everybody sees the same numbers. */
static inline course course_begin(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"data", 'd', "DIR", 0, "Folder with the data sets (default: $FOVEA_DATA or datasets)", 0},
        {"out", 'o', "DIR", 0, "Folder for the figures (default: here)", 0},
        {"quick", 'q', NULL, 0, "Only a few images and steps", 0},
        {0}};
    static const struct argp argp = {.options = options, .parser = course_option};
    course c = {.out = "."};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &c);
    fv_manual_seed(0);
    return c;
}

/* The path of a file in --out, in one buffer. */
static inline const char *course_path(const course *c, const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", c->out, name);
    return path;
}

/* The part of the images that net gets right, in evaluation mode; it is in training mode after. */
static inline double course_accuracy(fv_module *net, fv_loader *batches)
{
    double right = 0, seen = 0;
    fv_eval(net);
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        FV_NO_GRAD;
        right += fv_accuracy(fv_forward(net, b.x), b.y) * (double)b.n;
        seen += (double)b.n;
    }
    fv_train(net);
    return right / seen;
}

/* What main returns: 0, or 1 when something has failed, whose message stderr has. */
static inline int course_end(void)
{
    const int status = fv_error_status() == FV_OK ? 0 : 1;
    fv_shutdown();
    return status;
}

#endif
