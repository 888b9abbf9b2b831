/* Ops that move elements, and those that make a view and move none. */
#include "cases.h"

CASE(clone, "", "x0.clone()", X(0), fv_clone(x[0]));
CASE(contiguous, "transposed", "x0.t().contiguous()", X(0, 32), fv_contiguous(fv_t(x[0])));
CASE(contiguous, "square, transposed", "x0.t().contiguous()", X(1024, 1024),
     fv_contiguous(fv_t(x[0])));
CASE(contiguous, "permuted", "x0.permute(0, 2, 3, 1).contiguous()", X(0, 16, 8, 8),
     fv_contiguous(fv_permute(x[0], 0, 2, 3, 1)));
CASE(to_channels_last, "16 channels", "x0.contiguous(memory_format=torch.channels_last)",
     X(0, 16, 8, 8), fv_to_channels_last(x[0]));
CASE(to_channels_last, "3 channels", "x0.contiguous(memory_format=torch.channels_last)",
     X(32, 3, 32, 32), fv_to_channels_last(x[0]));
CASE(flip, "last", "x0.flip(1)", X(0, 32), fv_flip(x[0], 1));
CASE(flip, "images", "x0.flip(3)", X(0, 16, 8, 8), fv_flip(x[0], 3));
CASE(pad, "images by 1", "F.pad(x0, (1, 1, 1, 1))", X(0, 16, 8, 8), fv_pad(x[0], 1, 1, 1, 1));
CASE(pad, "images by 4, reflected", "F.pad(x0, (4, 4, 4, 4), 'reflect')", X(0, 16, 8, 8),
     fv_pad(x[0], 4, 4, 4, 4, .mode = FV_PAD_REFLECT));
CASE(pad, "images by 1, replicated", "F.pad(x0, (1, 1, 1, 1), 'replicate')", X(0, 16, 8, 8),
     fv_pad(x[0], 1, 1, 1, 1, .mode = FV_PAD_REPLICATE));
CASE(pad, "rows", "F.pad(x0, (1, 1))", X(32, 0), fv_pad(x[0], 1, 1));
CASE(cat, "rows", "torch.cat([x0, x1], 0)", X(0, 32), X(0, 32),
     fv_cat(FV_TENSORS(x[0], x[1]), .dim = 0));
CASE(cat, "columns", "torch.cat([x0, x1], 1)", X(0, 32), X(0, 32),
     fv_cat(FV_TENSORS(x[0], x[1]), .dim = 1));
CASE(cat, "channels", "torch.cat([x0, x1], 1)", X(0, 16, 8, 8), X(0, 16, 8, 8),
     fv_cat(FV_TENSORS(x[0], x[1]), .dim = 1));
CASE(stack, "", "torch.stack([x0, x1])", X(0), X(0), fv_stack(FV_TENSORS(x[0], x[1])));
CASE(slice, "every second column, copied", "x0[:, ::2].clone()", X(0, 32),
     fv_clone(fv_slice(x[0], 1, 0, INT64_MAX, 2)));
CASE(gather, "columns", "torch.gather(x0, 1, x1)", X(0, 32), CONSTANT(INDEX(32, 0, 32)),
     fv_gather(x[0], 1, x[1]));
CASE(gather, "rows", "torch.gather(x0, 0, x1)", X(0, 32), CONSTANT(INDEX(32, 0, 32)),
     fv_gather(x[0], 0, x[1]));
CASE(reshape, "a view", "x0.reshape(-1)", X(0, 32), fv_reshape(x[0], -1));
CASE(permute, "a view", "x0.permute(0, 2, 3, 1)", X(0, 16, 8, 8), fv_permute(x[0], 0, 2, 3, 1));
CASE(expand, "a view", "x0.expand(32, -1)", X(1, 0), fv_expand(x[0], 32, -1));
CASE_BODY(split, "the first half of the channels", "x0.split(8, 1)[0]", X(0, 16, 8, 8),
          fv_split(x[0], 8, 1, y, 2));
