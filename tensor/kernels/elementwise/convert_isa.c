/* Conversions between float32 and float16 or bfloat16: integer arithmetic on vectors. */
#include "tensor/kernels/elementwise/convert_impl.h"

FV_CONVERT_ROW(f32_from_f16, float, uint16_t, fv_f16_to_f32)
FV_CONVERT_ROW(f32_from_bf16, float, uint16_t, fv_bf16_to_f32)
FV_CONVERT_ROW(f16_from_f32, uint16_t, float, fv_f32_to_f16)
FV_CONVERT_ROW(bf16_from_f32, uint16_t, float, fv_f32_to_bf16)

const fv_half_rows FV_ISA_NAME(fv_half_rows_) = {
    .f32_from_f16 = f32_from_f16,
    .f32_from_bf16 = f32_from_bf16,
    .f16_from_f32 = f16_from_f32,
    .bf16_from_f32 = bf16_from_f32,
};
