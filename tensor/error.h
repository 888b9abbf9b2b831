/* The error model.
 *
 * Nothing in the library ends the process. A mistake is found before anything is computed; the
 * guilty function records a message for this thread and returns, by its kind:
 *   - an op: the failed tensor (never NULL). Every op on it yields it again.
 *   - a constructor of anything else: NULL.
 *   - an action (backward, step, save, ...): a status other than FV_OK.
 * An action whose result lasts (a step, saving, loading) is refused while an error stands, with
 * FV_ERR_STATE: it would keep what is wrong, or pass off the old message as its own.
 * The first message stands until fv_clear_error and is logged once; what fails because of it adds
 * no noise. A message is one line of UTF-8 without control characters, whatever names it quotes
 * (text.h). With FOVEA_ERRORS=abort in the environment the guilty call aborts, for a debugger. */
#ifndef FOVEA_TENSOR_ERROR_H
#define FOVEA_TENSOR_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum fv_status {
    FV_OK = 0,
    FV_ERR_SHAPE,    /* shapes that do not go together */
    FV_ERR_DTYPE,    /* an element type that the op does not take */
    FV_ERR_OPTION,   /* an option outside its range, a missing argument */
    FV_ERR_INDEX,    /* an index or label outside its range */
    FV_ERR_MEMORY,   /* an allocation failed */
    FV_ERR_IO,       /* the system refused a file operation */
    FV_ERR_FORMAT,   /* a file is not what it claims to be */
    FV_ERR_AUTOGRAD, /* no graph, a freed graph, an overwritten saved tensor */
    FV_ERR_STATE,    /* the call is refused now, e.g. a step while an error stands */
    FV_ERR_PEER,     /* of ranks that train together: one is gone, or does not fit the others */
} fv_status;

/* The standing message of this thread, "" when there is none. Valid until fv_clear_error. */
const char *fv_error(void);

/* The standing status of this thread, FV_OK when there is none. */
fv_status fv_error_status(void);

/* Forgets the standing error of this thread. */
void fv_clear_error(void);

/* Where messages go; the default prints "fovea: <message>" to stderr. NULL silences. */
typedef void (*fv_log_fn)(const char *message, void *context);
void fv_set_log(fv_log_fn log, void *context);
void fv_default_log(const char *text, void *context);

/* For authors of ops and layers: records an error (unless one stands) and returns its status. */
fv_status fv_fail(fv_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
fv_status fv_vfail(fv_status status, const char *prefix, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* For actions whose result lasts, as their first step: FV_OK when no error stands. Otherwise logs
 * "<action>: <object>: refused, for an error stands: <message>", leaves that error as it is and
 * returns FV_ERR_STATE. */
fv_status fv_need_no_error(const char *action, const char *object);

/* Records that an argument is NULL; returns true:
 * if (!shape && fv_fail_null("shape_numel", "shape")) return -1; */
bool fv_fail_null(const char *function, const char *argument);

/* A warning: logged, not recorded. */
void fv_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
