/* What the writer and the reader of safetensors files share. Private to tensor/. */
#ifndef FOVEA_TENSOR_FORMATS_SAFETENSORS_IMPL_H
#define FOVEA_TENSOR_FORMATS_SAFETENSORS_IMPL_H

#include "tensor/formats/safetensors.h"

#define FV_SAFETENSORS_MAX_HEADER 100000000u

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors data is little endian");

#ifndef FV_HAVE_JANSSON
#define FV_SAFETENSORS_MISSING                                                                     \
    "safetensors: this build has no JSON library; install libjansson-dev and build again"
#endif
#endif
