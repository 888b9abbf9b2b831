/* The error model: one standing message a thread, one log function a process. */
#include "tensor/error.h"

#include <stdio.h>
#include <stdlib.h>

#include "tensor/environment.h"
#include "tensor/frame.h"
#include "tensor/numerals.h"
#include "tensor/text.h"
#include "tensor/utf8_impl.h"

enum { MESSAGE_SIZE = 1024 };

static _Thread_local fv_status standing;
static _Thread_local char message[MESSAGE_SIZE];

static fv_log_fn log_fn = fv_default_log;
static void *log_context;

void fv_default_log(const char *text, void *context)
{
    (void)context;
    fprintf(stderr, "fovea: %s\n", text ? text : "no message");
}

void fv_set_log(fv_log_fn log, void *context)
{
    log_fn = log;
    log_context = context;
}

const char *fv_error(void)
{
    return standing == FV_OK ? "" : message;
}

fv_status fv_error_status(void)
{
    return standing;
}

void fv_clear_error(void)
{
    standing = FV_OK;
    message[0] = '\0';
}

static void log_text(const char *text)
{
    if (log_fn) log_fn(text, log_context);
}

fv_status fv_vfail(fv_status status, const char *prefix, const char *format, va_list args)
{
    if (standing != FV_OK) return status;
    char text[MESSAGE_SIZE];
    int n = fv_frame_path(text, MESSAGE_SIZE / 2);
    if (n > MESSAGE_SIZE / 2) n = MESSAGE_SIZE / 2 - 1;
    if (n > 0) n += snprintf(text + n, (size_t)(MESSAGE_SIZE - n), ": ");
    if (prefix) n += snprintf(text + n, (size_t)(MESSAGE_SIZE - n), "%s: ", prefix);
    if (n < 0 || n >= MESSAGE_SIZE) n = 0;
    if (!format) format = "no message";
    if (fv_vformat(text + n, (size_t)(MESSAGE_SIZE - n), format, args) >= MESSAGE_SIZE - n)
        fv_utf8_trim(text);
    fv_printable(message, sizeof message, text);
    standing = status;
    log_text(message);
    static const char *const modes[] = {"abort", NULL};
    if (fv_environment_word("FOVEA_ERRORS", modes) == 0) abort();
    return status;
}

fv_status fv_fail(fv_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fv_vfail(status, NULL, format, args);
    va_end(args);
    return status;
}

bool fv_fail_null(const char *function, const char *argument)
{
    fv_fail(FV_ERR_OPTION, "%s: the %s is NULL", function ? function : "?",
            argument ? argument : "argument");
    return true;
}

void fv_warn(const char *format, ...)
{
    char text[MESSAGE_SIZE], shown[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    int n = snprintf(text, sizeof text, "warning: ");
    if (!format) format = "no message";
    if (fv_vformat(text + n, sizeof text - (size_t)n, format, args) >= MESSAGE_SIZE - n)
        fv_utf8_trim(text);
    va_end(args);
    log_text(fv_printable(shown, sizeof shown, text));
}

fv_status fv_need_no_error(const char *action, const char *object)
{
    if (standing == FV_OK) return FV_OK;
    char text[2 * MESSAGE_SIZE], shown[2 * MESSAGE_SIZE];
    snprintf(text, sizeof text, "%s: %.500s: refused, for an error stands: %s",
             action ? action : "NULL", object ? object : "NULL", message);
    log_text(fv_printable(shown, sizeof shown, text));
    return FV_ERR_STATE;
}
