/* Windows as columns and back, unpooling, interpolation, and pixels of channels. */
#include "cases.h"

CASE(unfold1d, "9", "F.unfold(x0.unsqueeze(2), (1, 9), padding=(0, 4))", X(0, 16, 64),
     fv_unfold1d(x[0], 9, .padding = 4));
CASE(unfold, "3x3", "F.unfold(x0, 3)", X(0, 16, 16, 16), fv_unfold(x[0], 3));
CASE(unfold, "patches of 4x4", "F.unfold(x0, 4, stride=4)", X(0, 16, 16, 16),
     fv_unfold(x[0], 4, .stride = 4));
CASE(unfold, "3x3 of 64 channels", "F.unfold(x0, 3, padding=1)", X(16, 64, 56, 56),
     fv_unfold(x[0], 3, .padding = 1));
CASE(unfold3d, "patches of 2x2x2",
     "x0.reshape(-1, 16, 2, 2, 2, 2, 2, 2).permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(-1, 128, 8)",
     X(0, 16, 4, 4, 4), fv_unfold3d(x[0], 2, .stride = 2));
CASE(fold1d, "9", "F.fold(x0, (1, 64), (1, 9), padding=(0, 4)).squeeze(2)", X(0, 144, 64),
     fv_fold1d(x[0], 64, 9, .padding = 4));
CASE(fold, "3x3", "F.fold(x0, 16, 3, padding=1)", X(0, 144, 256),
     fv_fold(x[0], 16, 3, .padding = 1));
CASE(
    fold3d, "patches of 2x2x2",
    "x0.reshape(-1, 16, 2, 2, 2, 2, 2, 2).permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(-1, 16, 4, 4, 4)",
    X(0, 128, 8), fv_fold3d(x[0], 4, 2, .stride = 2));

CASE(max_unpool1d, "2", "F.max_unpool1d(x0, x1, 2)", X(0, 16, 64), CONSTANT(INDEX(128, 0, 16, 64)),
     fv_max_unpool1d(x[0], x[1], 2));
CASE(max_unpool2d, "2x2", "F.max_unpool2d(x0, x1, 2)", X(0, 16, 8, 8),
     CONSTANT(INDEX(256, 0, 16, 8, 8)), fv_max_unpool2d(x[0], x[1], 2));
CASE(max_unpool2d, "2x2 of 64 channels", "F.max_unpool2d(x0, x1, 2)", X(8, 64, 56, 56),
     CONSTANT(INDEX(12544, 8, 64, 56, 56)), fv_max_unpool2d(x[0], x[1], 2));
CASE(max_unpool3d, "2x2x2", "F.max_unpool3d(x0, x1, 2)", X(0, 16, 4, 4, 4),
     CONSTANT(INDEX(512, 0, 16, 4, 4, 4)), fv_max_unpool3d(x[0], x[1], 2));

CASE(interpolate, "bilinear x2", "F.interpolate(x0, scale_factor=2, mode='bilinear')",
     X(0, 16, 8, 8), fv_interpolate(x[0], .scale_factor = 2, .mode = FV_BILINEAR));
CASE(interpolate, "nearest x2", "F.interpolate(x0, scale_factor=2)", X(0, 16, 8, 8),
     fv_interpolate(x[0], .scale_factor = 2));
CASE(interpolate, "nearest x2 of 64 channels", "F.interpolate(x0, scale_factor=2)",
     X(8, 64, 56, 56), fv_interpolate(x[0], .scale_factor = 2));
CASE(interpolate, "bilinear x2 of 64 channels",
     "F.interpolate(x0, scale_factor=2, mode='bilinear')", X(8, 64, 56, 56),
     fv_interpolate(x[0], .scale_factor = 2, .mode = FV_BILINEAR));
CASE(interpolate, "bicubic x2 of 64 channels", "F.interpolate(x0, scale_factor=2, mode='bicubic')",
     X(8, 64, 56, 56), fv_interpolate(x[0], .scale_factor = 2, .mode = FV_BICUBIC));
CASE(interpolate, "trilinear x2", "F.interpolate(x0, scale_factor=2, mode='trilinear')",
     X(2, 32, 16, 16, 16), fv_interpolate(x[0], .scale_factor = 2, .mode = FV_TRILINEAR));
CASE(interpolate, "photograph to 224, antialias",
     "F.interpolate(x0, 224, mode='bilinear', antialias=True)", X(1, 3, 1080, 1920),
     fv_interpolate(x[0], 224, .mode = FV_BILINEAR, .antialias = true));
CASE(pixel_shuffle, "2", "F.pixel_shuffle(x0, 2)", X(0, 16, 8, 8), fv_pixel_shuffle(x[0], 2));
CASE(pixel_shuffle, "2 of 64 channels", "F.pixel_shuffle(x0, 2)", X(8, 64, 56, 56),
     fv_pixel_shuffle(x[0], 2));
CASE(pixel_unshuffle, "2", "F.pixel_unshuffle(x0, 2)", X(0, 16, 16, 16),
     fv_pixel_unshuffle(x[0], 2));
CASE(channel_shuffle, "4 groups",
     "x0.reshape(-1, 4, 4, 8, 8).transpose(1, 2).reshape(-1, 16, 8, 8)", X(0, 16, 8, 8),
     fv_channel_shuffle(x[0], 4));
