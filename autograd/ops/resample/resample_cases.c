/* Cases of interpolation and of what makes pixels of channels. */
#include "autograd/ops/resample/interpolate.h"
#include "tests/case.h"

/* --- nearest ---------------------------------------------------------------------------------- */

CASE(interpolate, "nearest, by 2", "F.interpolate(x0, scale_factor=2)", X(2, 3, 4, 5),
     fv_interpolate(x[0], .scale_factor = 2));
CASE(interpolate, "nearest, to a size", "F.interpolate(x0, (7, 3))", X(2, 3, 5, 6),
     fv_interpolate(x[0], FV_DIMS(7, 3)));
CASE(interpolate, "nearest, smaller by a fraction", "F.interpolate(x0, scale_factor=0.4)",
     X(2, 2, 8, 9), fv_interpolate(x[0], .scale_factor = 0.4));
CASE(interpolate, "nearest, 1d", "F.interpolate(x0, 8)", X(2, 3, 5), fv_interpolate(x[0], 8));
CASE(interpolate, "nearest, 3d", "F.interpolate(x0, scale_factor=(2, 1.5, 0.5))", X(1, 2, 2, 4, 5),
     fv_interpolate(x[0], .scale_factors = {2, 1.5, 0.5}));
CASE(interpolate, "nearest-exact, larger", "F.interpolate(x0, (7, 8), mode='nearest-exact')",
     X(2, 3, 4, 5), fv_interpolate(x[0], FV_DIMS(7, 8), .mode = FV_NEAREST_EXACT));
CASE(interpolate, "nearest-exact, smaller",
     "F.interpolate(x0, scale_factor=0.45, mode='nearest-exact')", X(2, 3, 9, 7),
     fv_interpolate(x[0], .scale_factor = 0.45, .mode = FV_NEAREST_EXACT));
CASE(interpolate, "nearest, the same size", "F.interpolate(x0, 4)", X(1, 2, 4, 4),
     fv_interpolate(x[0], 4));
CASE(interpolate, "nearest, 37 channels", "F.interpolate(x0, scale_factor=2)", X(1, 37, 3, 2),
     fv_interpolate(x[0], .scale_factor = 2));

/* --- linear ----------------------------------------------------------------------------------- */

CASE(interpolate, "linear", "F.interpolate(x0, 9, mode='linear')", X(2, 3, 5),
     fv_interpolate(x[0], 9, .mode = FV_LINEAR));
CASE(interpolate, "linear, smaller, corners aligned",
     "F.interpolate(x0, 4, mode='linear', align_corners=True)", X(2, 3, 7),
     fv_interpolate(x[0], 4, .mode = FV_LINEAR, .align_corners = true));
CASE(interpolate, "bilinear, by 2", "F.interpolate(x0, scale_factor=2, mode='bilinear')",
     X(2, 3, 4, 5), fv_interpolate(x[0], .scale_factor = 2, .mode = FV_BILINEAR));
CASE(interpolate, "bilinear, to a size", "F.interpolate(x0, (7, 3), mode='bilinear')",
     X(2, 3, 5, 6), fv_interpolate(x[0], FV_DIMS(7, 3), .mode = FV_BILINEAR));
CASE(interpolate, "bilinear, corners aligned",
     "F.interpolate(x0, (7, 9), mode='bilinear', align_corners=True)", X(2, 3, 4, 5),
     fv_interpolate(x[0], FV_DIMS(7, 9), .mode = FV_BILINEAR, .align_corners = true));
CASE(interpolate, "bilinear, to one pixel, corners aligned",
     "F.interpolate(x0, 1, mode='bilinear', align_corners=True)", X(2, 3, 4, 5),
     fv_interpolate(x[0], 1, .mode = FV_BILINEAR, .align_corners = true));
CASE(interpolate, "bilinear, from one pixel", "F.interpolate(x0, (3, 4), mode='bilinear')",
     X(2, 3, 1, 1), fv_interpolate(x[0], FV_DIMS(3, 4), .mode = FV_BILINEAR));
CASE(interpolate, "bilinear, spaced by the factor",
     "F.interpolate(x0, scale_factor=1.7, mode='bilinear')", X(2, 3, 4, 5),
     fv_interpolate(x[0], .scale_factor = 1.7, .mode = FV_BILINEAR));
CASE(interpolate, "bilinear, factor recomputed",
     "F.interpolate(x0, scale_factor=1.7, mode='bilinear', recompute_scale_factor=True)",
     X(2, 3, 4, 5),
     fv_interpolate(x[0], .scale_factor = 1.7, .mode = FV_BILINEAR,
                    .recompute_scale_factor = true));
CASE(interpolate, "bilinear, a factor in each dimension",
     "F.interpolate(x0, scale_factor=(0.5, 2.3), mode='bilinear')", X(2, 3, 6, 4),
     fv_interpolate(x[0], .scale_factors = {0.5, 2.3}, .mode = FV_BILINEAR));
CASE(interpolate, "bilinear, a factor that leaves the size",
     "F.interpolate(x0, scale_factor=1.1, mode='bilinear')", X(2, 3, 5, 6),
     fv_interpolate(x[0], .scale_factor = 1.1, .mode = FV_BILINEAR));
CASE(interpolate, "bilinear, 37 channels", "F.interpolate(x0, (5, 3), mode='bilinear')",
     X(1, 37, 3, 4), fv_interpolate(x[0], FV_DIMS(5, 3), .mode = FV_BILINEAR));
CASE(interpolate, "bilinear, empty batch", "F.interpolate(x0, scale_factor=2, mode='bilinear')",
     X(0, 3, 4, 5), fv_interpolate(x[0], .scale_factor = 2, .mode = FV_BILINEAR));
CASE(interpolate, "trilinear", "F.interpolate(x0, (3, 6, 5), mode='trilinear')", X(1, 2, 4, 3, 4),
     fv_interpolate(x[0], FV_DIMS(3, 6, 5), .mode = FV_TRILINEAR));
CASE(interpolate, "trilinear, by 2, corners aligned",
     "F.interpolate(x0, scale_factor=2, mode='trilinear', align_corners=True)", X(2, 2, 3, 2, 3),
     fv_interpolate(x[0], .scale_factor = 2, .mode = FV_TRILINEAR, .align_corners = true));

/* --- cubic ------------------------------------------------------------------------------------ */

CASE(interpolate, "bicubic, by 2", "F.interpolate(x0, scale_factor=2, mode='bicubic')",
     X(2, 3, 4, 5), fv_interpolate(x[0], .scale_factor = 2, .mode = FV_BICUBIC));
CASE(interpolate, "bicubic, smaller", "F.interpolate(x0, (3, 4), mode='bicubic')", X(2, 3, 7, 9),
     fv_interpolate(x[0], FV_DIMS(3, 4), .mode = FV_BICUBIC));
CASE(interpolate, "bicubic, corners aligned",
     "F.interpolate(x0, (7, 9), mode='bicubic', align_corners=True)", X(2, 3, 4, 5),
     fv_interpolate(x[0], FV_DIMS(7, 9), .mode = FV_BICUBIC, .align_corners = true));
CASE(interpolate, "bicubic, from two pixels", "F.interpolate(x0, (5, 7), mode='bicubic')",
     X(2, 2, 2, 1), fv_interpolate(x[0], FV_DIMS(5, 7), .mode = FV_BICUBIC));
CASE_WITH((.not_gradcheck = "PyTorch's gradient is that of a copy; the next case checks this one"),
          interpolate, "bicubic, a factor that leaves the size",
          "F.interpolate(x0, scale_factor=1.1, mode='bicubic')", X(2, 3, 5, 6),
          fv_interpolate(x[0], .scale_factor = 1.1, .mode = FV_BICUBIC));

/* --- antialias -------------------------------------------------------------------------------- */

CASE(interpolate, "bilinear, antialias",
     "F.interpolate(x0, (3, 4), mode='bilinear', antialias=True)", X(2, 3, 8, 9),
     fv_interpolate(x[0], FV_DIMS(3, 4), .mode = FV_BILINEAR, .antialias = true));
CASE(interpolate, "bilinear, antialias, larger",
     "F.interpolate(x0, (7, 9), mode='bilinear', antialias=True)", X(2, 3, 4, 5),
     fv_interpolate(x[0], FV_DIMS(7, 9), .mode = FV_BILINEAR, .antialias = true));
CASE(interpolate, "bilinear, antialias, corners aligned",
     "F.interpolate(x0, (3, 4), mode='bilinear', align_corners=True, antialias=True)",
     X(2, 2, 8, 9),
     fv_interpolate(x[0], FV_DIMS(3, 4), .mode = FV_BILINEAR, .align_corners = true,
                    .antialias = true));
CASE(interpolate, "bicubic, antialias", "F.interpolate(x0, (3, 5), mode='bicubic', antialias=True)",
     X(2, 3, 8, 11), fv_interpolate(x[0], FV_DIMS(3, 5), .mode = FV_BICUBIC, .antialias = true));
CASE(interpolate, "bicubic, antialias, by a factor",
     "F.interpolate(x0, scale_factor=0.3, mode='bicubic', antialias=True)", X(1, 2, 12, 10),
     fv_interpolate(x[0], .scale_factor = 0.3, .mode = FV_BICUBIC, .antialias = true));
CASE(interpolate, "bicubic, antialias, larger and smaller",
     "F.interpolate(x0, (7, 3), mode='bicubic', antialias=True)", X(2, 2, 4, 10),
     fv_interpolate(x[0], FV_DIMS(7, 3), .mode = FV_BICUBIC, .antialias = true));

/* --- area ------------------------------------------------------------------------------------- */

CASE(interpolate, "area", "F.interpolate(x0, (3, 4), mode='area')", X(2, 3, 7, 10),
     fv_interpolate(x[0], FV_DIMS(3, 4), .mode = FV_AREA));
CASE(interpolate, "area, by a factor", "F.interpolate(x0, scale_factor=0.6, mode='area')",
     X(2, 3, 7, 10), fv_interpolate(x[0], .scale_factor = 0.6, .mode = FV_AREA));
CASE(interpolate, "area, larger, 1d", "F.interpolate(x0, 8, mode='area')", X(2, 3, 5),
     fv_interpolate(x[0], 8, .mode = FV_AREA));
CASE(interpolate, "area, 3d", "F.interpolate(x0, 2, mode='area')", X(1, 2, 3, 4, 5),
     fv_interpolate(x[0], 2, .mode = FV_AREA));

CASE(interpolate, "bicubic, a factor that leaves the size, gradient", NULL, X(2, 3, 5, 6),
     fv_interpolate(x[0], .scale_factor = 1.1, .mode = FV_BICUBIC));

/* --- the adjoint: x0 is the output's gradient ------------------------------------------------- */

#define BACKWARD(result, ...)                                                                      \
    fv_tensor *z = case_leaf(x[0], FV_SHAPE(__VA_ARGS__));                                         \
    y[0] = case_gradient(result, z, x[0])

CASE_BODY(interpolate_backward, "nearest, by 2", NULL, X(2, 3, 8, 10),
          BACKWARD(fv_interpolate(z, .scale_factor = 2), 2, 3, 4, 5));
CASE_BODY(interpolate_backward, "nearest leaves pixels out", NULL, X(2, 3, 3, 2),
          BACKWARD(fv_interpolate(z, FV_DIMS(3, 2)), 2, 3, 7, 5));
CASE_BODY(interpolate_backward, "bilinear, by 2", NULL, X(2, 3, 8, 10),
          BACKWARD(fv_interpolate(z, .scale_factor = 2, .mode = FV_BILINEAR), 2, 3, 4, 5));
CASE_BODY(interpolate_backward, "bilinear, 37 channels", NULL, X(1, 37, 3, 7),
          BACKWARD(fv_interpolate(z, FV_DIMS(3, 7), .mode = FV_BILINEAR), 1, 37, 5, 4));
CASE_BODY(interpolate_backward, "bicubic, corners aligned", NULL, X(2, 2, 7, 3),
          BACKWARD(fv_interpolate(z, FV_DIMS(7, 3), .mode = FV_BICUBIC, .align_corners = true), 2,
                   2, 4, 6));
CASE_BODY(interpolate_backward, "bicubic, antialias", NULL, X(2, 2, 3, 4),
          BACKWARD(fv_interpolate(z, FV_DIMS(3, 4), .mode = FV_BICUBIC, .antialias = true), 2, 2,
                   11, 9));
CASE_BODY(interpolate_backward, "trilinear, factor recomputed", NULL, X(1, 2, 5, 3, 6),
          BACKWARD(fv_interpolate(z, .scale_factors = {1.7, 0.8, 1.3}, .mode = FV_TRILINEAR,
                                  .recompute_scale_factor = true),
                   1, 2, 3, 4, 5));
CASE_BODY(interpolate_backward, "area, 1d", NULL, X(2, 3, 4),
          BACKWARD(fv_interpolate(z, 4, .mode = FV_AREA), 2, 3, 10));

/* --- pixels and channels ---------------------------------------------------------------------- */

CASE(pixel_shuffle, "by 2", "F.pixel_shuffle(x0, 2)", X(2, 12, 3, 4), fv_pixel_shuffle(x[0], 2));
CASE(pixel_shuffle, "by 3", "F.pixel_shuffle(x0, 3)", X(1, 9, 2, 3), fv_pixel_shuffle(x[0], 3));
CASE(pixel_shuffle, "by 1", "F.pixel_shuffle(x0, 1)", X(2, 3, 2, 3), fv_pixel_shuffle(x[0], 1));
CASE(pixel_shuffle, "without a batch", "F.pixel_shuffle(x0, 2)", X(8, 3, 4),
     fv_pixel_shuffle(x[0], 2));
CASE(pixel_shuffle, "five dimensions", "F.pixel_shuffle(x0, 2)", X(2, 3, 4, 2, 3),
     fv_pixel_shuffle(x[0], 2));
CASE(pixel_unshuffle, "by 2", "F.pixel_unshuffle(x0, 2)", X(2, 3, 6, 8),
     fv_pixel_unshuffle(x[0], 2));
CASE(pixel_unshuffle, "by 3", "F.pixel_unshuffle(x0, 3)", X(1, 2, 6, 9),
     fv_pixel_unshuffle(x[0], 3));
CASE(pixel_unshuffle, "without a batch", "F.pixel_unshuffle(x0, 2)", X(3, 4, 6),
     fv_pixel_unshuffle(x[0], 2));
CASE(pixel_unshuffle, "five dimensions", "F.pixel_unshuffle(x0, 2)", X(2, 1, 2, 4, 2),
     fv_pixel_unshuffle(x[0], 2));
/* F.channel_shuffle, whose gradient PyTorch lacks */
CASE(channel_shuffle, "2 groups", "x0.reshape(2, 2, 3, 2, 4).transpose(1, 2).reshape(2, 6, 2, 4)",
     X(2, 6, 2, 4), fv_channel_shuffle(x[0], 2));
CASE(channel_shuffle, "3 groups, 1d", "x0.reshape(2, 3, 4, 5).transpose(1, 2).reshape(2, 12, 5)",
     X(2, 12, 5), fv_channel_shuffle(x[0], 3));
