/* Cases of views and copies, of join and split, and of pad. */
#include "autograd/ops/view/view.h"

#include "autograd/ops/view/join.h"
#include "autograd/ops/view/as_strided_impl.h"
#include "tests/case.h"

#define REGION(layout_, size_, stride_, offset_)                                                   \
    (&(const fv_region){                                                                           \
        .layout = (layout_), .size = (size_), .stride = (stride_), .offset = (offset_)})

/* --- shape ------------------------------------------------------------------------------------ */

CASE(reshape, "regroup", "x0.reshape(6, 4)", X(2, 3, 4), fv_reshape(x[0], 6, 4));
CASE(reshape, "inferred dimension", "x0.reshape(5, -1, 2)", X(2, 3, 3, 5),
     fv_reshape(x[0], 5, -1, 2));
CASE(reshape, "one element to a scalar", "x0.reshape(())", X(1, 1), fv_reshape_to(x[0], FV_SCALAR));
CASE(reshape, "empty", "x0.reshape(2, 0, 5)", X(0, 4), fv_reshape(x[0], 2, 0, 5));
CASE(reshape, "a copy", "x0.transpose(0, 1).reshape(-1)", X(3, 4), fv_reshape(fv_t(x[0]), -1));
/* splitting dimensions works with any strides */
CASE(view, "split the last dimension", "x0.view(3, 2, -1)", X(3, 8), fv_view(x[0], 3, 2, -1));
CASE(view, "split the first dimension", "x0.view(2, 1, 3, 3, 2, 2)", X(6, 3, 2, 2),
     fv_view(x[0], 2, 1, 3, 3, 2, 2));
CASE(flatten, "all", "x0.flatten()", X(2, 3, 4), fv_flatten(x[0]));
CASE(flatten, "all but the batch", "x0.flatten(1)", X(2, 3, 4, 5), fv_flatten(x[0], 1));
CASE(flatten, "middle", "x0.flatten(1, 2)", X(3, 2, 3, 2), fv_flatten(x[0], 1, 2));
CASE(flatten, "up to one from the end", "x0.flatten(0, -2)", X(3, 2, 3),
     fv_flatten(x[0], .end_dim = -2));
CASE(flatten, "scalar", "x0.flatten()", NUMBER, fv_flatten(x[0]));
CASE(unflatten, "middle", "x0.unflatten(1, (3, 2))", X(2, 6, 3), fv_unflatten(x[0], 1, 3, -1));
CASE(unflatten, "last", "x0.unflatten(-1, (1, 2, 3))", X(2, 6), fv_unflatten(x[0], -1, 1, 2, 3));
CASE(squeeze, "one dimension", "x0.squeeze(1)", X(2, 1, 3, 1), fv_squeeze(x[0], 1));
CASE(squeeze, "from the end", "x0.squeeze(-1)", X(2, 1, 3, 1), fv_squeeze(x[0], -1));
CASE(squeeze, "a longer dimension stays", "x0.squeeze(0)", X(2, 1), fv_squeeze(x[0], 0));
CASE(squeeze, "all", "x0.squeeze()", X(1, 3, 1, 2), fv_squeeze(x[0], FV_ALL));
CASE(unsqueeze, "front", "x0.unsqueeze(0)", X(2, 3), fv_unsqueeze(x[0], 0));
CASE(unsqueeze, "end", "x0.unsqueeze(-1)", X(2, 3, 2), fv_unsqueeze(x[0], -1));
CASE(unsqueeze, "scalar", "x0.unsqueeze(0)", NUMBER, fv_unsqueeze(x[0], 0));
CASE(expand, "a length of 1", "x0.expand(-1, 4)", X(3, 1), fv_expand(x[0], -1, 4));
CASE(expand, "new dimensions", "x0.expand(2, 1, 2, 3)", X(1, 3), fv_expand(x[0], 2, 1, 2, 3));
CASE(expand, "scalar", "x0.expand(5)", NUMBER, fv_expand(x[0], 5));

/* --- order of the dimensions ------------------------------------------------------------------ */

CASE(permute, "rotation", "x0.permute(2, 0, 1)", X(2, 3, 4), fv_permute(x[0], 2, 0, 1));
CASE(permute, "from the end", "x0.permute(0, -2, -1, 1)", X(2, 3, 2, 3),
     fv_permute(x[0], 0, -2, -1, 1));
CASE(transpose, "matrix", "x0.transpose(0, 1)", X(2, 3), fv_transpose(x[0], 0, 1));
CASE(transpose, "from the end", "x0.transpose(0, -1)", X(2, 3, 4), fv_transpose(x[0], 0, -1));
CASE(movedim, "to the front", "x0.movedim(-1, 0)", X(2, 3, 4), fv_movedim(x[0], -1, 0));
CASE(movedim, "to the back", "x0.movedim(1, 3)", X(2, 3, 2, 2), fv_movedim(x[0], 1, 3));
CASE(t, "matrix", "x0.t()", X(2, 3), fv_t(x[0]));
CASE(t, "vector", "x0.t()", X(3), fv_t(x[0]));

/* --- parts ------------------------------------------------------------------------------------ */

CASE(slice, "middle", "x0[1:4]", X(5, 3), fv_slice(x[0], 0, 1, 4, 1));
CASE(slice, "steps", "x0[:, 1::3]", X(2, 7, 2), fv_slice(x[0], 1, 1, INT64_MAX, 3));
CASE(slice, "bounds from the end", "x0[:, -5:-1:2]", X(3, 6), fv_slice(x[0], -1, -5, -1, 2));
CASE(slice, "nothing", "x0[2:1]", X(3, 4), fv_slice(x[0], 0, 2, 1, 1));
CASE(narrow, "rows", "x0.narrow(0, 1, 2)", X(4, 3), fv_narrow(x[0], 0, 1, 2));
CASE(narrow, "channels from the end", "x0.narrow(1, -3, 3)", X(2, 5, 2, 2),
     fv_narrow(x[0], 1, -3, 3));
CASE_BODY(split, "pieces", "x0.split(2, 1)", X(3, 5), fv_split(x[0], 2, 1, y, CASE_OUTPUTS));
CASE_BODY(split, "equal parts", "x0.split(3, -2)", X(6, 2), fv_split(x[0], 3, -2, y, 2));
CASE_BODY(split, "chunk", "x0.chunk(3, 0)", X(7, 2), fv_chunk(x[0], 3, 0, y, CASE_OUTPUTS));
CASE_BODY(split, "chunk into equal parts", "x0.chunk(3)", X(6),
          fv_chunk(x[0], 3, 0, y, CASE_OUTPUTS));
CASE_BODY(split, "chunk into fewer", "x0.chunk(4, 1)", X(2, 6),
          fv_chunk(x[0], 4, 1, y, CASE_OUTPUTS));
CASE_BODY(split, "an empty dimension into parts of 0", "x0.split(0)", X(0, 3),
          fv_split(x[0], 0, 0, y, CASE_OUTPUTS));
CASE(select, "row", "x0.select(0, 1)", X(3, 4), fv_select(x[0], 0, 1));
CASE(select, "last of the last", "x0[..., -1]", X(2, 3, 4), fv_select(x[0], -1, -1));
CASE(slice_backward, "rows",
     "torch.slice_scatter(torch.zeros(4, 3, dtype=x0.dtype), x0, 0, 1, 3, 1)", X(2, 3),
     fv_slice_backward(x[0], FV_SHAPE(4, 3), 0, 1, 3, 1));
CASE(slice_backward, "steps",
     "torch.slice_scatter(torch.zeros(2, 5, 2, 3, dtype=x0.dtype), x0, 1, 1, 5, 3)", X(2, 2, 2, 3),
     fv_slice_backward(x[0], FV_SHAPE(2, 5, 2, 3), 1, 1, 5, 3));
/* An empty dimension has no slices. */
CASE_BODY(split, "unbind", "x0.unbind(1)", X(3, 4, 2),
          if (!fv_unbind(x[0], 1, y, CASE_OUTPUTS) && !fv_error_status()) y[0] = x[0]);
CASE_BODY(split, "unbind a row", "x0.unbind()", X(5),
          if (!fv_unbind(x[0], 0, y, CASE_OUTPUTS) && !fv_error_status()) y[0] = x[0]);

/* Layouts of contiguous inputs, and one in which x0 would be transposed or have gaps. */
CASE(as_strided, "a column", "torch.as_strided(x0, (3,), (4,), 1)", X(3, 4),
     fv_as_strided(x[0], REGION(FV_SHAPE(4, 1), FV_SHAPE(3), FV_SHAPE(4), 1)));
CASE(as_strided, "expanded", "torch.as_strided(x0, (2, 3), (0, 2), 4)", X(3, 4),
     fv_as_strided(x[0], REGION(FV_SHAPE(4, 1), FV_SHAPE(2, 3), FV_SHAPE(0, 2), 4)));
CASE(as_strided, "of another order", "x0.t().reshape(-1)[2:9:3]", X(3, 4),
     fv_as_strided(x[0], REGION(FV_SHAPE(1, 3), FV_SHAPE(3), FV_SHAPE(3), 2)));
CASE(as_strided, "with gaps", "x0[:2, 1:3]", X(3, 4),
     fv_as_strided(x[0], REGION(FV_SHAPE(20, 2), FV_SHAPE(2, 2), FV_SHAPE(20, 2), 2)));
/* torch.as_strided_scatter(x0, x1, size, stride, offset), whose gradient is wrong in 1.13 */
CASE(as_strided_scatter, "a column", "torch.cat((x0[:, :1], x1[:, None], x0[:, 2:]), 1)", X(3, 4),
     X(3), fv_as_strided_scatter(x[0], x[1], REGION(FV_SHAPE(4, 1), FV_SHAPE(3), FV_SHAPE(4), 1)));
CASE(as_strided_scatter, "of another order",
     "torch.cat((x0.t().reshape(4, 3)[:, :2], torch.cat((x1, x0[2, 3:]))[:, None]), 1).t()",
     X(3, 4), X(3),
     fv_as_strided_scatter(x[0], x[1], REGION(FV_SHAPE(1, 3), FV_SHAPE(3), FV_SHAPE(3), 2)));
CASE(as_strided_scatter, "with gaps",
     "torch.cat((torch.cat((x0[:2, :1], x1, x0[:2, 3:]), 1), x0[2:]))", X(3, 4), X(2, 2),
     fv_as_strided_scatter(x[0], x[1],
                           REGION(FV_SHAPE(20, 2), FV_SHAPE(2, 2), FV_SHAPE(20, 2), 2)));
CASE(as_strided_scatter, "all", "x1 * 1 + 0 * x0", X(4), X(4),
     fv_as_strided_scatter(x[0], x[1], REGION(FV_SHAPE(1), FV_SHAPE(4), FV_SHAPE(1), 0)));

/* --- copies ----------------------------------------------------------------------------------- */

CASE(contiguous, "matrix", "x0.t().clone()", X(3, 5), fv_contiguous(fv_t(x[0])));
CASE(contiguous, "image", "x0.permute(0, 2, 3, 1).clone()", X(2, 3, 4, 5),
     fv_contiguous(fv_permute(x[0], 0, 2, 3, 1)));
CASE(to_channels_last, "sequence", "x0.clone()", X(2, 3, 5), fv_to_channels_last(x[0]));
CASE(to_channels_last, "image", "x0.clone()", X(2, 3, 4, 5), fv_to_channels_last(x[0]));
CASE(to_channels_last, "volume", "x0.clone()", X(1, 3, 2, 2, 3), fv_to_channels_last(x[0]));
CASE(clone, "matrix", "x0.clone()", X(3, 5), fv_clone(x[0]));
CASE(clone, "scalar", "x0.clone()", NUMBER, fv_clone(x[0]));
CASE(clone, "image", "x0.clone()", X(2, 3, 4, 5), fv_clone(x[0]));
CASE(clone, "integers", "x0.clone()", INDEX(9, 3, 5), fv_clone(x[0]));
CASE(flip, "columns", "x0.flip(-1)", X(3, 4), fv_flip(x[0], -1));
CASE(flip, "two dimensions", "x0.flip(0, 2)", X(2, 3, 4), fv_flip(x[0], FV_DIMS(0, -1)));
CASE(flip, "all", "x0.flip(0, 1, 2)", X(2, 3, 2), fv_flip(x[0], FV_ALL));

/* --- joining ---------------------------------------------------------------------------------- */

CASE(cat, "rows", "torch.cat((x0, x1, x2))", X(2, 3), X(1, 3), X(4, 3),
     fv_cat(FV_TENSORS(x[0], x[1], x[2])));
CASE(cat, "channels", "torch.cat((x0, x1), 1)", X(2, 3, 2, 3), X(2, 1, 2, 3),
     fv_cat(FV_TENSORS(x[0], x[1]), 1));
CASE(cat, "last dimension, one empty", "torch.cat((x0, x1, x2), -1)", X(2, 2, 3), X(0), X(2, 2, 2),
     fv_cat(FV_TENSORS(x[0], x[1], x[2]), .dim = -1));
CASE(cat, "nothing but [0], in any dimension", "torch.cat((x0, x1), 3)", X(0), X(0),
     fv_cat(FV_TENSORS(x[0], x[1]), 3));
CASE(cat, "[0] of another dtype", "torch.cat((x0, x1), 1)", INDEX(9, 0), X(2, 3),
     fv_cat(FV_TENSORS(x[0], x[1]), 1));
CASE(cat, "one tensor", "torch.cat((x0,))", X(4), fv_cat(FV_TENSORS(x[0])));
CASE(cat, "two dtypes", "torch.cat((x0, x1))", X(4), INDEX(9, 3), fv_cat(FV_TENSORS(x[0], x[1])));
CASE(stack, "front", "torch.stack((x0, x1))", X(2, 3), X(2, 3), fv_stack(FV_TENSORS(x[0], x[1])));
CASE(stack, "end", "torch.stack((x0, x1, x2), -1)", X(2, 3), X(2, 3), X(2, 3),
     fv_stack(FV_TENSORS(x[0], x[1], x[2]), -1));
CASE(stack, "middle", "torch.stack((x0, x1), 1)", X(2, 3), X(2, 3),
     fv_stack(FV_TENSORS(x[0], x[1]), .dim = 1));
CASE(stack, "scalars", "torch.stack((x0, x1))", NUMBER, NUMBER, fv_stack(FV_TENSORS(x[0], x[1])));

/* --- pad -------------------------------------------------------------------------------------- */

CASE(pad, "defaults", "F.pad(x0, (2, 1))", X(3, 4), fv_pad(x[0], 2, 1));
CASE(pad, "constant", "F.pad(x0, (1, 2), value=1.5)", X(3, 4), fv_pad(x[0], 1, 2, .value = 1.5));
CASE(pad, "two dimensions", "F.pad(x0, (1, 0, 2, 1))", X(2, 3, 3, 4),
     fv_pad(x[0], 1, 0, 2, 1, .mode = FV_PAD_CONSTANT));
CASE(pad, "cutting", "F.pad(x0, (-1, 2, 1, -2), value=0.5)", X(2, 4, 5),
     fv_pad(x[0], -1, 2, 1, -2, .mode = FV_PAD_CONSTANT, 0.5));
CASE(pad, "reflect", "F.pad(x0, (2, 3, 1, 2), mode='reflect')", X(1, 2, 3, 4),
     fv_pad(x[0], 2, 3, 1, 2, .mode = FV_PAD_REFLECT));
CASE(pad, "reflect, rows alone", "F.pad(x0, (0, 0, 2, 1), mode='reflect')", X(1, 2, 4, 5),
     fv_pad(x[0], 0, 0, 2, 1, .mode = FV_PAD_REFLECT));
CASE(pad, "replicate", "F.pad(x0, (2, 3, 1, 0), mode='replicate')", X(1, 2, 3, 2),
     fv_pad(x[0], 2, 3, 1, 0, .mode = FV_PAD_REPLICATE));
CASE(pad, "circular", "F.pad(x0, (4, 1, 2, 3), mode='circular')", X(2, 1, 3, 4),
     fv_pad(x[0], 4, 1, 2, 3, .mode = FV_PAD_CIRCULAR));
CASE(pad, "reflect, cutting", "F.pad(x0, (-1, 1), mode='reflect')", X(2, 2, 5),
     fv_pad(x[0], -1, 1, .mode = FV_PAD_REFLECT));
CASE(pad, "reflect, cutting all that was there", "F.pad(x0, (-6, 3, 2, -2), mode='reflect')",
     X(1, 2, 4, 5), fv_pad(x[0], -6, 3, 2, -2, .mode = FV_PAD_REFLECT));
CASE(pad, "replicate, cutting", "F.pad(x0, (-1, 2, 2, -2), mode='replicate')", X(1, 2, 4, 5),
     fv_pad(x[0], -1, 2, 2, -2, .mode = FV_PAD_REPLICATE));
CASE(pad, "replicate, cutting all that was there", "F.pad(x0, (4, -8), mode='replicate')",
     X(2, 2, 5), fv_pad(x[0], 4, -8, .mode = FV_PAD_REPLICATE));
CASE(pad, "circular, cutting", "F.pad(x0, (-1, 2, 2, -2), mode='circular')", X(1, 2, 4, 5),
     fv_pad(x[0], -1, 2, 2, -2, .mode = FV_PAD_CIRCULAR));
CASE(pad, "circular, cutting both ends", "F.pad(x0, (-2, -1), mode='circular')", X(2, 2, 5),
     fv_pad(x[0], -2, -1, .mode = FV_PAD_CIRCULAR));

/* x0 is the gradient of what was padded */
CASE_BODY(pad_backward, "reflect", NULL, X(4, 7), {
    fv_tensor *z = case_leaf(x[0], FV_SHAPE(3, 4));
    y[0] = case_gradient(fv_pad(z, 2, 1, 1, 0, .mode = FV_PAD_REFLECT), z, x[0]);
});
CASE_BODY(pad_backward, "replicate", NULL, X(2, 5, 6), {
    fv_tensor *z = case_leaf(x[0], FV_SHAPE(2, 2, 2));
    y[0] = case_gradient(fv_pad(z, 3, 1, 1, 2, .mode = FV_PAD_REPLICATE), z, x[0]);
});
CASE_BODY(pad_backward, "circular", NULL, X(2, 8), {
    fv_tensor *z = case_leaf(x[0], FV_SHAPE(2, 3));
    y[0] = case_gradient(fv_pad(z, 3, 2, .mode = FV_PAD_CIRCULAR), z, x[0]);
});
