/* The version: what a program was compiled with, and what it runs with. The build reads the numbers
 * here. */
#ifndef FOVEA_TENSOR_VERSION_H
#define FOVEA_TENSOR_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define FOVEA_VERSION_MAJOR 0
#define FOVEA_VERSION_MINOR 1
#define FOVEA_VERSION_PATCH 0
#define FOVEA_VERSION       "0.1.0"

/* FOVEA_VERSION of the library that the program is linked with. Until 1.0 a new minor version may
 * break programs; a new patch does not. */
const char *fv_version_string(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
