/* What the writer and the reader of safetensors files share. Private to formats/. */
#ifndef FOVEA_TENSOR_FORMATS_SAFETENSORS_IMPL_H
#define FOVEA_TENSOR_FORMATS_SAFETENSORS_IMPL_H

#include "tensor/formats/bytes_impl.h"
#include "tensor/formats/json_impl.h"
#include "tensor/formats/safetensors.h"

#define FV_SAFETENSORS_MAX_HEADER 100000000u
enum { FV_SAFETENSORS_PREAMBLE = 8 }; /* bytes of the header's length */

#endif
