/* Conversions between float32 and float16 or bfloat16: integer arithmetic on vectors. And those
 * between float32, float64 and int64, whose instructions are wider at higher levels. */
#include "tensor/kernels/elementwise/convert_impl.h"

FV_CONVERT_ROW(f32_from_f16, float, uint16_t, fv_f16_to_f32)
FV_CONVERT_ROW(f32_from_bf16, float, uint16_t, fv_bf16_to_f32)
FV_CONVERT_ROW(f16_from_f32, uint16_t, float, fv_f32_to_f16)
FV_CONVERT_ROW(bf16_from_f32, uint16_t, float, fv_f32_to_bf16)
FV_CONVERT_ROW(i64_from_f32, int64_t, float, FV_CUT)
FV_CONVERT_ROW(i64_from_f64, int64_t, double, FV_CUT)
FV_CONVERT_ROW(f64_from_f32, double, float, FV_AS_IT_IS)
FV_CONVERT_ROW(f32_from_f64, float, double, FV_AS_IT_IS)

const fv_level_rows FV_ISA_NAME(fv_level_rows_) = {
    .f32_from_f16 = f32_from_f16,
    .f32_from_bf16 = f32_from_bf16,
    .f16_from_f32 = f16_from_f32,
    .bf16_from_f32 = bf16_from_f32,
    .i64_from_f32 = i64_from_f32,
    .i64_from_f64 = i64_from_f64,
    .f64_from_f32 = f64_from_f32,
    .f32_from_f64 = f32_from_f64,
};
