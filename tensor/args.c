/* The calling convention: how a struct that did not start from its defaults is told. */
#include "tensor/args.h"

#include <string.h>

fv_status fv_args_refuse(const char *function, const void *args, size_t size)
{
    if (!args) return fv_fail(FV_ERR_OPTION, "%s: the arguments are NULL", function);
    return fv_fail(
        FV_ERR_OPTION,
        "%s: the arguments have size %zu, not %zu: start from the defaults of the struct", function,
        *(const size_t *)args, size);
}

bool fv_is_unset(double number)
{
    const double unset = FV_UNSET_NUMBER;
    return memcmp(&number, &unset, sizeof unset) == 0;
}
