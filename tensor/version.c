/* The version of the library. */
#include "tensor/version.h"

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

const char *fv_version_string(void)
{
    return TEXT(FOVEA_VERSION_MAJOR) "." TEXT(FOVEA_VERSION_MINOR) "." TEXT(FOVEA_VERSION_PATCH);
}
