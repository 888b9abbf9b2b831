/* Made by generate.py of the C headers: do not edit. */
#ifndef FOVEA_CALLS_HPP
#define FOVEA_CALLS_HPP

#include "../fovea.hpp"

namespace fv {

struct conv1d_options {
    fv_dims stride = fv_conv_defaults.stride;
    fv_dims padding = fv_conv_defaults.padding;
    fv_dims dilation = fv_conv_defaults.dilation;
    int64_t groups = fv_conv_defaults.groups;
    tensor scale{};
    tensor shift{};
    tensor residual{};
    bool relu = fv_conv_defaults.relu;
};
inline tensor conv1d(const tensor &input, const tensor &weight, const tensor &bias, const conv1d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.bias = bias.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv1d_ex(&a); });
}
inline tensor conv1d(const tensor &input, const tensor &weight, const conv1d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv1d_ex(&a); });
}
inline tensor conv1d(const tensor &input, const conv1d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv1d_ex(&a); });
}

struct conv2d_options {
    fv_dims stride = fv_conv_defaults.stride;
    fv_dims padding = fv_conv_defaults.padding;
    fv_dims dilation = fv_conv_defaults.dilation;
    int64_t groups = fv_conv_defaults.groups;
    tensor scale{};
    tensor shift{};
    tensor residual{};
    bool relu = fv_conv_defaults.relu;
};
inline tensor conv2d(const tensor &input, const tensor &weight, const tensor &bias, const conv2d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.bias = bias.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv2d_ex(&a); });
}
inline tensor conv2d(const tensor &input, const tensor &weight, const conv2d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv2d_ex(&a); });
}
inline tensor conv2d(const tensor &input, const conv2d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv2d_ex(&a); });
}

struct conv3d_options {
    fv_dims stride = fv_conv_defaults.stride;
    fv_dims padding = fv_conv_defaults.padding;
    fv_dims dilation = fv_conv_defaults.dilation;
    int64_t groups = fv_conv_defaults.groups;
    tensor scale{};
    tensor shift{};
    tensor residual{};
    bool relu = fv_conv_defaults.relu;
};
inline tensor conv3d(const tensor &input, const tensor &weight, const tensor &bias, const conv3d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.bias = bias.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv3d_ex(&a); });
}
inline tensor conv3d(const tensor &input, const tensor &weight, const conv3d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv3d_ex(&a); });
}
inline tensor conv3d(const tensor &input, const conv3d_options &options = {})
{
    fv_conv_args a = fv_conv_defaults;
    a.input = input.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv3d_ex(&a); });
}

struct conv_transpose1d_options {
    fv_dims stride = fv_conv_transpose_defaults.stride;
    fv_dims padding = fv_conv_transpose_defaults.padding;
    fv_dims output_padding = fv_conv_transpose_defaults.output_padding;
    int64_t groups = fv_conv_transpose_defaults.groups;
    fv_dims dilation = fv_conv_transpose_defaults.dilation;
    tensor scale{};
    tensor shift{};
    tensor residual{};
    bool relu = fv_conv_transpose_defaults.relu;
};
inline tensor conv_transpose1d(const tensor &input, const tensor &weight, const tensor &bias, const conv_transpose1d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.bias = bias.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose1d_ex(&a); });
}
inline tensor conv_transpose1d(const tensor &input, const tensor &weight, const conv_transpose1d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose1d_ex(&a); });
}
inline tensor conv_transpose1d(const tensor &input, const conv_transpose1d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose1d_ex(&a); });
}

struct conv_transpose2d_options {
    fv_dims stride = fv_conv_transpose_defaults.stride;
    fv_dims padding = fv_conv_transpose_defaults.padding;
    fv_dims output_padding = fv_conv_transpose_defaults.output_padding;
    int64_t groups = fv_conv_transpose_defaults.groups;
    fv_dims dilation = fv_conv_transpose_defaults.dilation;
    tensor scale{};
    tensor shift{};
    tensor residual{};
    bool relu = fv_conv_transpose_defaults.relu;
};
inline tensor conv_transpose2d(const tensor &input, const tensor &weight, const tensor &bias, const conv_transpose2d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.bias = bias.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose2d_ex(&a); });
}
inline tensor conv_transpose2d(const tensor &input, const tensor &weight, const conv_transpose2d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose2d_ex(&a); });
}
inline tensor conv_transpose2d(const tensor &input, const conv_transpose2d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose2d_ex(&a); });
}

struct conv_transpose3d_options {
    fv_dims stride = fv_conv_transpose_defaults.stride;
    fv_dims padding = fv_conv_transpose_defaults.padding;
    fv_dims output_padding = fv_conv_transpose_defaults.output_padding;
    int64_t groups = fv_conv_transpose_defaults.groups;
    fv_dims dilation = fv_conv_transpose_defaults.dilation;
    tensor scale{};
    tensor shift{};
    tensor residual{};
    bool relu = fv_conv_transpose_defaults.relu;
};
inline tensor conv_transpose3d(const tensor &input, const tensor &weight, const tensor &bias, const conv_transpose3d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.bias = bias.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose3d_ex(&a); });
}
inline tensor conv_transpose3d(const tensor &input, const tensor &weight, const conv_transpose3d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose3d_ex(&a); });
}
inline tensor conv_transpose3d(const tensor &input, const conv_transpose3d_options &options = {})
{
    fv_conv_transpose_args a = fv_conv_transpose_defaults;
    a.input = input.get();
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.dilation = options.dilation;
    a.scale = options.scale.get();
    a.shift = options.shift.get();
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_conv_transpose3d_ex(&a); });
}

struct clamp_options {
    double min = fv_clamp_defaults.min;
    double max = fv_clamp_defaults.max;
};
inline tensor clamp(const tensor &input, const clamp_options &options = {})
{
    fv_clamp_args a = fv_clamp_defaults;
    a.input = input.get();
    a.min = options.min;
    a.max = options.max;
    return detail::call([&] { return fv_clamp_ex(&a); });
}

struct clamp_inplace_options {
    double min = fv_clamp_defaults.min;
    double max = fv_clamp_defaults.max;
};
inline tensor clamp_inplace(const tensor &input, const clamp_inplace_options &options = {})
{
    fv_clamp_args a = fv_clamp_defaults;
    a.input = input.get();
    a.min = options.min;
    a.max = options.max;
    return detail::call([&] { return fv_clamp_inplace_ex(&a); });
}

struct hardtanh_options {
    double min_val = fv_hardtanh_defaults.min_val;
    double max_val = fv_hardtanh_defaults.max_val;
};
inline tensor hardtanh(const tensor &input, const hardtanh_options &options = {})
{
    fv_hardtanh_args a = fv_hardtanh_defaults;
    a.input = input.get();
    a.min_val = options.min_val;
    a.max_val = options.max_val;
    return detail::call([&] { return fv_hardtanh_ex(&a); });
}

struct leaky_relu_options {
    double negative_slope = fv_leaky_relu_defaults.negative_slope;
};
inline tensor leaky_relu(const tensor &input, const leaky_relu_options &options = {})
{
    fv_leaky_relu_args a = fv_leaky_relu_defaults;
    a.input = input.get();
    a.negative_slope = options.negative_slope;
    return detail::call([&] { return fv_leaky_relu_ex(&a); });
}

struct elu_options {
    double alpha = fv_elu_defaults.alpha;
};
inline tensor elu(const tensor &input, const elu_options &options = {})
{
    fv_elu_args a = fv_elu_defaults;
    a.input = input.get();
    a.alpha = options.alpha;
    return detail::call([&] { return fv_elu_ex(&a); });
}

struct softplus_options {
    double beta = fv_softplus_defaults.beta;
    double threshold = fv_softplus_defaults.threshold;
};
inline tensor softplus(const tensor &input, const softplus_options &options = {})
{
    fv_softplus_args a = fv_softplus_defaults;
    a.input = input.get();
    a.beta = options.beta;
    a.threshold = options.threshold;
    return detail::call([&] { return fv_softplus_ex(&a); });
}

struct unfold1d_options {
    fv_dims dilation = fv_unfold_defaults.dilation;
    fv_dims padding = fv_unfold_defaults.padding;
    fv_dims stride = fv_unfold_defaults.stride;
};
inline tensor unfold1d(const tensor &input, fv_dims kernel_size, const unfold1d_options &options = {})
{
    fv_unfold_args a = fv_unfold_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.dilation = options.dilation;
    a.padding = options.padding;
    a.stride = options.stride;
    return detail::call([&] { return fv_unfold1d_ex(&a); });
}

struct unfold_options {
    fv_dims dilation = fv_unfold_defaults.dilation;
    fv_dims padding = fv_unfold_defaults.padding;
    fv_dims stride = fv_unfold_defaults.stride;
};
inline tensor unfold(const tensor &input, fv_dims kernel_size, const unfold_options &options = {})
{
    fv_unfold_args a = fv_unfold_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.dilation = options.dilation;
    a.padding = options.padding;
    a.stride = options.stride;
    return detail::call([&] { return fv_unfold_ex(&a); });
}

struct unfold3d_options {
    fv_dims dilation = fv_unfold_defaults.dilation;
    fv_dims padding = fv_unfold_defaults.padding;
    fv_dims stride = fv_unfold_defaults.stride;
};
inline tensor unfold3d(const tensor &input, fv_dims kernel_size, const unfold3d_options &options = {})
{
    fv_unfold_args a = fv_unfold_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.dilation = options.dilation;
    a.padding = options.padding;
    a.stride = options.stride;
    return detail::call([&] { return fv_unfold3d_ex(&a); });
}

struct fold1d_options {
    fv_dims dilation = fv_fold_defaults.dilation;
    fv_dims padding = fv_fold_defaults.padding;
    fv_dims stride = fv_fold_defaults.stride;
};
inline tensor fold1d(const tensor &input, fv_dims output_size, fv_dims kernel_size, const fold1d_options &options = {})
{
    fv_fold_args a = fv_fold_defaults;
    a.input = input.get();
    a.output_size = output_size;
    a.kernel_size = kernel_size;
    a.dilation = options.dilation;
    a.padding = options.padding;
    a.stride = options.stride;
    return detail::call([&] { return fv_fold1d_ex(&a); });
}

struct fold_options {
    fv_dims dilation = fv_fold_defaults.dilation;
    fv_dims padding = fv_fold_defaults.padding;
    fv_dims stride = fv_fold_defaults.stride;
};
inline tensor fold(const tensor &input, fv_dims output_size, fv_dims kernel_size, const fold_options &options = {})
{
    fv_fold_args a = fv_fold_defaults;
    a.input = input.get();
    a.output_size = output_size;
    a.kernel_size = kernel_size;
    a.dilation = options.dilation;
    a.padding = options.padding;
    a.stride = options.stride;
    return detail::call([&] { return fv_fold_ex(&a); });
}

struct fold3d_options {
    fv_dims dilation = fv_fold_defaults.dilation;
    fv_dims padding = fv_fold_defaults.padding;
    fv_dims stride = fv_fold_defaults.stride;
};
inline tensor fold3d(const tensor &input, fv_dims output_size, fv_dims kernel_size, const fold3d_options &options = {})
{
    fv_fold_args a = fv_fold_defaults;
    a.input = input.get();
    a.output_size = output_size;
    a.kernel_size = kernel_size;
    a.dilation = options.dilation;
    a.padding = options.padding;
    a.stride = options.stride;
    return detail::call([&] { return fv_fold3d_ex(&a); });
}

struct nll_loss_options {
    int64_t ignore_index = fv_nll_loss_defaults.ignore_index;
    fv_reduction reduction = fv_nll_loss_defaults.reduction;
};
inline tensor nll_loss(const tensor &input, const tensor &target, const tensor &weight, const nll_loss_options &options = {})
{
    fv_nll_loss_args a = fv_nll_loss_defaults;
    a.input = input.get();
    a.target = target.get();
    a.weight = weight.get();
    a.ignore_index = options.ignore_index;
    a.reduction = options.reduction;
    return detail::call([&] { return fv_nll_loss_ex(&a); });
}
inline tensor nll_loss(const tensor &input, const tensor &target, const nll_loss_options &options = {})
{
    fv_nll_loss_args a = fv_nll_loss_defaults;
    a.input = input.get();
    a.target = target.get();
    a.ignore_index = options.ignore_index;
    a.reduction = options.reduction;
    return detail::call([&] { return fv_nll_loss_ex(&a); });
}
inline tensor nll_loss(const tensor &input, const nll_loss_options &options = {})
{
    fv_nll_loss_args a = fv_nll_loss_defaults;
    a.input = input.get();
    a.ignore_index = options.ignore_index;
    a.reduction = options.reduction;
    return detail::call([&] { return fv_nll_loss_ex(&a); });
}

struct cross_entropy_options {
    int64_t ignore_index = fv_cross_entropy_defaults.ignore_index;
    fv_reduction reduction = fv_cross_entropy_defaults.reduction;
    double label_smoothing = fv_cross_entropy_defaults.label_smoothing;
};
inline tensor cross_entropy(const tensor &input, const tensor &target, const tensor &weight, const cross_entropy_options &options = {})
{
    fv_cross_entropy_args a = fv_cross_entropy_defaults;
    a.input = input.get();
    a.target = target.get();
    a.weight = weight.get();
    a.ignore_index = options.ignore_index;
    a.reduction = options.reduction;
    a.label_smoothing = options.label_smoothing;
    return detail::call([&] { return fv_cross_entropy_ex(&a); });
}
inline tensor cross_entropy(const tensor &input, const tensor &target, const cross_entropy_options &options = {})
{
    fv_cross_entropy_args a = fv_cross_entropy_defaults;
    a.input = input.get();
    a.target = target.get();
    a.ignore_index = options.ignore_index;
    a.reduction = options.reduction;
    a.label_smoothing = options.label_smoothing;
    return detail::call([&] { return fv_cross_entropy_ex(&a); });
}
inline tensor cross_entropy(const tensor &input, const cross_entropy_options &options = {})
{
    fv_cross_entropy_args a = fv_cross_entropy_defaults;
    a.input = input.get();
    a.ignore_index = options.ignore_index;
    a.reduction = options.reduction;
    a.label_smoothing = options.label_smoothing;
    return detail::call([&] { return fv_cross_entropy_ex(&a); });
}

struct binary_cross_entropy_with_logits_options {
    fv_reduction reduction = fv_bce_with_logits_defaults.reduction;
    tensor pos_weight{};
};
inline tensor binary_cross_entropy_with_logits(const tensor &input, const tensor &target, const tensor &weight, const binary_cross_entropy_with_logits_options &options = {})
{
    fv_bce_with_logits_args a = fv_bce_with_logits_defaults;
    a.input = input.get();
    a.target = target.get();
    a.weight = weight.get();
    a.reduction = options.reduction;
    a.pos_weight = options.pos_weight.get();
    return detail::call([&] { return fv_binary_cross_entropy_with_logits_ex(&a); });
}
inline tensor binary_cross_entropy_with_logits(const tensor &input, const tensor &target, const binary_cross_entropy_with_logits_options &options = {})
{
    fv_bce_with_logits_args a = fv_bce_with_logits_defaults;
    a.input = input.get();
    a.target = target.get();
    a.reduction = options.reduction;
    a.pos_weight = options.pos_weight.get();
    return detail::call([&] { return fv_binary_cross_entropy_with_logits_ex(&a); });
}
inline tensor binary_cross_entropy_with_logits(const tensor &input, const binary_cross_entropy_with_logits_options &options = {})
{
    fv_bce_with_logits_args a = fv_bce_with_logits_defaults;
    a.input = input.get();
    a.reduction = options.reduction;
    a.pos_weight = options.pos_weight.get();
    return detail::call([&] { return fv_binary_cross_entropy_with_logits_ex(&a); });
}

struct mse_loss_options {
    fv_reduction reduction = fv_loss_defaults.reduction;
};
inline tensor mse_loss(const tensor &input, const tensor &target, const mse_loss_options &options = {})
{
    fv_loss_args a = fv_loss_defaults;
    a.input = input.get();
    a.target = target.get();
    a.reduction = options.reduction;
    return detail::call([&] { return fv_mse_loss_ex(&a); });
}
inline tensor mse_loss(const tensor &input, const mse_loss_options &options = {})
{
    fv_loss_args a = fv_loss_defaults;
    a.input = input.get();
    a.reduction = options.reduction;
    return detail::call([&] { return fv_mse_loss_ex(&a); });
}

struct l1_loss_options {
    fv_reduction reduction = fv_loss_defaults.reduction;
};
inline tensor l1_loss(const tensor &input, const tensor &target, const l1_loss_options &options = {})
{
    fv_loss_args a = fv_loss_defaults;
    a.input = input.get();
    a.target = target.get();
    a.reduction = options.reduction;
    return detail::call([&] { return fv_l1_loss_ex(&a); });
}
inline tensor l1_loss(const tensor &input, const l1_loss_options &options = {})
{
    fv_loss_args a = fv_loss_defaults;
    a.input = input.get();
    a.reduction = options.reduction;
    return detail::call([&] { return fv_l1_loss_ex(&a); });
}

struct smooth_l1_loss_options {
    fv_reduction reduction = fv_smooth_l1_loss_defaults.reduction;
    double beta = fv_smooth_l1_loss_defaults.beta;
};
inline tensor smooth_l1_loss(const tensor &input, const tensor &target, const smooth_l1_loss_options &options = {})
{
    fv_smooth_l1_loss_args a = fv_smooth_l1_loss_defaults;
    a.input = input.get();
    a.target = target.get();
    a.reduction = options.reduction;
    a.beta = options.beta;
    return detail::call([&] { return fv_smooth_l1_loss_ex(&a); });
}
inline tensor smooth_l1_loss(const tensor &input, const smooth_l1_loss_options &options = {})
{
    fv_smooth_l1_loss_args a = fv_smooth_l1_loss_defaults;
    a.input = input.get();
    a.reduction = options.reduction;
    a.beta = options.beta;
    return detail::call([&] { return fv_smooth_l1_loss_ex(&a); });
}

struct huber_loss_options {
    fv_reduction reduction = fv_huber_loss_defaults.reduction;
    double delta = fv_huber_loss_defaults.delta;
};
inline tensor huber_loss(const tensor &input, const tensor &target, const huber_loss_options &options = {})
{
    fv_huber_loss_args a = fv_huber_loss_defaults;
    a.input = input.get();
    a.target = target.get();
    a.reduction = options.reduction;
    a.delta = options.delta;
    return detail::call([&] { return fv_huber_loss_ex(&a); });
}
inline tensor huber_loss(const tensor &input, const huber_loss_options &options = {})
{
    fv_huber_loss_args a = fv_huber_loss_defaults;
    a.input = input.get();
    a.reduction = options.reduction;
    a.delta = options.delta;
    return detail::call([&] { return fv_huber_loss_ex(&a); });
}

struct batch_norm_options {
    bool training = fv_batch_norm_defaults.training;
    double momentum = fv_batch_norm_defaults.momentum;
    double eps = fv_batch_norm_defaults.eps;
    tensor residual{};
    bool relu = fv_batch_norm_defaults.relu;
};
inline tensor batch_norm(const tensor &input, const tensor &running_mean, const tensor &running_var, const tensor &weight, const tensor &bias, const batch_norm_options &options = {})
{
    fv_batch_norm_args a = fv_batch_norm_defaults;
    a.input = input.get();
    a.running_mean = running_mean.get();
    a.running_var = running_var.get();
    a.weight = weight.get();
    a.bias = bias.get();
    a.training = options.training;
    a.momentum = options.momentum;
    a.eps = options.eps;
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_batch_norm_ex(&a); });
}
inline tensor batch_norm(const tensor &input, const tensor &running_mean, const tensor &running_var, const tensor &weight, const batch_norm_options &options = {})
{
    fv_batch_norm_args a = fv_batch_norm_defaults;
    a.input = input.get();
    a.running_mean = running_mean.get();
    a.running_var = running_var.get();
    a.weight = weight.get();
    a.training = options.training;
    a.momentum = options.momentum;
    a.eps = options.eps;
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_batch_norm_ex(&a); });
}
inline tensor batch_norm(const tensor &input, const tensor &running_mean, const tensor &running_var, const batch_norm_options &options = {})
{
    fv_batch_norm_args a = fv_batch_norm_defaults;
    a.input = input.get();
    a.running_mean = running_mean.get();
    a.running_var = running_var.get();
    a.training = options.training;
    a.momentum = options.momentum;
    a.eps = options.eps;
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_batch_norm_ex(&a); });
}
inline tensor batch_norm(const tensor &input, const tensor &running_mean, const batch_norm_options &options = {})
{
    fv_batch_norm_args a = fv_batch_norm_defaults;
    a.input = input.get();
    a.running_mean = running_mean.get();
    a.training = options.training;
    a.momentum = options.momentum;
    a.eps = options.eps;
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_batch_norm_ex(&a); });
}
inline tensor batch_norm(const tensor &input, const batch_norm_options &options = {})
{
    fv_batch_norm_args a = fv_batch_norm_defaults;
    a.input = input.get();
    a.training = options.training;
    a.momentum = options.momentum;
    a.eps = options.eps;
    a.residual = options.residual.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_batch_norm_ex(&a); });
}

struct max_pool1d_options {
    fv_dims stride = fv_max_pool_defaults.stride;
    fv_dims padding = fv_max_pool_defaults.padding;
    fv_dims dilation = fv_max_pool_defaults.dilation;
    bool ceil_mode = fv_max_pool_defaults.ceil_mode;
};
inline tensor max_pool1d(const tensor &input, fv_dims kernel_size, const max_pool1d_options &options = {})
{
    fv_max_pool_args a = fv_max_pool_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.ceil_mode = options.ceil_mode;
    return detail::call([&] { return fv_max_pool1d_ex(&a); });
}

struct max_pool2d_options {
    fv_dims stride = fv_max_pool_defaults.stride;
    fv_dims padding = fv_max_pool_defaults.padding;
    fv_dims dilation = fv_max_pool_defaults.dilation;
    bool ceil_mode = fv_max_pool_defaults.ceil_mode;
};
inline tensor max_pool2d(const tensor &input, fv_dims kernel_size, const max_pool2d_options &options = {})
{
    fv_max_pool_args a = fv_max_pool_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.ceil_mode = options.ceil_mode;
    return detail::call([&] { return fv_max_pool2d_ex(&a); });
}

struct max_pool3d_options {
    fv_dims stride = fv_max_pool_defaults.stride;
    fv_dims padding = fv_max_pool_defaults.padding;
    fv_dims dilation = fv_max_pool_defaults.dilation;
    bool ceil_mode = fv_max_pool_defaults.ceil_mode;
};
inline tensor max_pool3d(const tensor &input, fv_dims kernel_size, const max_pool3d_options &options = {})
{
    fv_max_pool_args a = fv_max_pool_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.ceil_mode = options.ceil_mode;
    return detail::call([&] { return fv_max_pool3d_ex(&a); });
}

struct avg_pool1d_options {
    fv_dims stride = fv_avg_pool_defaults.stride;
    fv_dims padding = fv_avg_pool_defaults.padding;
    bool ceil_mode = fv_avg_pool_defaults.ceil_mode;
    bool count_include_pad = fv_avg_pool_defaults.count_include_pad;
    int64_t divisor_override = fv_avg_pool_defaults.divisor_override;
};
inline tensor avg_pool1d(const tensor &input, fv_dims kernel_size, const avg_pool1d_options &options = {})
{
    fv_avg_pool_args a = fv_avg_pool_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.ceil_mode = options.ceil_mode;
    a.count_include_pad = options.count_include_pad;
    a.divisor_override = options.divisor_override;
    return detail::call([&] { return fv_avg_pool1d_ex(&a); });
}

struct avg_pool2d_options {
    fv_dims stride = fv_avg_pool_defaults.stride;
    fv_dims padding = fv_avg_pool_defaults.padding;
    bool ceil_mode = fv_avg_pool_defaults.ceil_mode;
    bool count_include_pad = fv_avg_pool_defaults.count_include_pad;
    int64_t divisor_override = fv_avg_pool_defaults.divisor_override;
};
inline tensor avg_pool2d(const tensor &input, fv_dims kernel_size, const avg_pool2d_options &options = {})
{
    fv_avg_pool_args a = fv_avg_pool_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.ceil_mode = options.ceil_mode;
    a.count_include_pad = options.count_include_pad;
    a.divisor_override = options.divisor_override;
    return detail::call([&] { return fv_avg_pool2d_ex(&a); });
}

struct avg_pool3d_options {
    fv_dims stride = fv_avg_pool_defaults.stride;
    fv_dims padding = fv_avg_pool_defaults.padding;
    bool ceil_mode = fv_avg_pool_defaults.ceil_mode;
    bool count_include_pad = fv_avg_pool_defaults.count_include_pad;
    int64_t divisor_override = fv_avg_pool_defaults.divisor_override;
};
inline tensor avg_pool3d(const tensor &input, fv_dims kernel_size, const avg_pool3d_options &options = {})
{
    fv_avg_pool_args a = fv_avg_pool_defaults;
    a.input = input.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.ceil_mode = options.ceil_mode;
    a.count_include_pad = options.count_include_pad;
    a.divisor_override = options.divisor_override;
    return detail::call([&] { return fv_avg_pool3d_ex(&a); });
}

inline tensor adaptive_max_pool1d(const tensor &input, fv_dims output_size)
{
    fv_adaptive_max_pool_args a = fv_adaptive_max_pool_defaults;
    a.input = input.get();
    a.output_size = output_size;
    return detail::call([&] { return fv_adaptive_max_pool1d_ex(&a); });
}

inline tensor adaptive_max_pool2d(const tensor &input, fv_dims output_size)
{
    fv_adaptive_max_pool_args a = fv_adaptive_max_pool_defaults;
    a.input = input.get();
    a.output_size = output_size;
    return detail::call([&] { return fv_adaptive_max_pool2d_ex(&a); });
}

inline tensor adaptive_max_pool3d(const tensor &input, fv_dims output_size)
{
    fv_adaptive_max_pool_args a = fv_adaptive_max_pool_defaults;
    a.input = input.get();
    a.output_size = output_size;
    return detail::call([&] { return fv_adaptive_max_pool3d_ex(&a); });
}

struct max_unpool1d_options {
    fv_dims stride = fv_max_unpool_defaults.stride;
    fv_dims padding = fv_max_unpool_defaults.padding;
    fv_dims output_size = fv_max_unpool_defaults.output_size;
};
inline tensor max_unpool1d(const tensor &input, const tensor &indices, fv_dims kernel_size, const max_unpool1d_options &options = {})
{
    fv_max_unpool_args a = fv_max_unpool_defaults;
    a.input = input.get();
    a.indices = indices.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_size = options.output_size;
    return detail::call([&] { return fv_max_unpool1d_ex(&a); });
}

struct max_unpool2d_options {
    fv_dims stride = fv_max_unpool_defaults.stride;
    fv_dims padding = fv_max_unpool_defaults.padding;
    fv_dims output_size = fv_max_unpool_defaults.output_size;
};
inline tensor max_unpool2d(const tensor &input, const tensor &indices, fv_dims kernel_size, const max_unpool2d_options &options = {})
{
    fv_max_unpool_args a = fv_max_unpool_defaults;
    a.input = input.get();
    a.indices = indices.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_size = options.output_size;
    return detail::call([&] { return fv_max_unpool2d_ex(&a); });
}

struct max_unpool3d_options {
    fv_dims stride = fv_max_unpool_defaults.stride;
    fv_dims padding = fv_max_unpool_defaults.padding;
    fv_dims output_size = fv_max_unpool_defaults.output_size;
};
inline tensor max_unpool3d(const tensor &input, const tensor &indices, fv_dims kernel_size, const max_unpool3d_options &options = {})
{
    fv_max_unpool_args a = fv_max_unpool_defaults;
    a.input = input.get();
    a.indices = indices.get();
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_size = options.output_size;
    return detail::call([&] { return fv_max_unpool3d_ex(&a); });
}

struct linear_options {
    bool relu = fv_linear_defaults.relu;
};
inline tensor linear(const tensor &input, const tensor &weight, const tensor &bias, const linear_options &options = {})
{
    fv_linear_args a = fv_linear_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.bias = bias.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_linear_ex(&a); });
}
inline tensor linear(const tensor &input, const tensor &weight, const linear_options &options = {})
{
    fv_linear_args a = fv_linear_defaults;
    a.input = input.get();
    a.weight = weight.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_linear_ex(&a); });
}
inline tensor linear(const tensor &input, const linear_options &options = {})
{
    fv_linear_args a = fv_linear_defaults;
    a.input = input.get();
    a.relu = options.relu;
    return detail::call([&] { return fv_linear_ex(&a); });
}

struct dropout_options {
    double p = fv_dropout_defaults.p;
    bool training = fv_dropout_defaults.training;
};
inline tensor dropout(const tensor &input, const dropout_options &options = {})
{
    fv_dropout_args a = fv_dropout_defaults;
    a.input = input.get();
    a.p = options.p;
    a.training = options.training;
    return detail::call([&] { return fv_dropout_ex(&a); });
}

struct dropout2d_options {
    double p = fv_dropout_defaults.p;
    bool training = fv_dropout_defaults.training;
};
inline tensor dropout2d(const tensor &input, const dropout2d_options &options = {})
{
    fv_dropout_args a = fv_dropout_defaults;
    a.input = input.get();
    a.p = options.p;
    a.training = options.training;
    return detail::call([&] { return fv_dropout2d_ex(&a); });
}

struct sum_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor sum(const tensor &input, const sum_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_sum_ex(&a); });
}

struct mean_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor mean(const tensor &input, const mean_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_mean_ex(&a); });
}

struct var_options {
    fv_dims dim = fv_var_defaults.dim;
    int64_t correction = fv_var_defaults.correction;
    bool keepdim = fv_var_defaults.keepdim;
};
inline tensor var(const tensor &input, const var_options &options = {})
{
    fv_var_args a = fv_var_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.correction = options.correction;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_var_ex(&a); });
}

struct std_options {
    fv_dims dim = fv_var_defaults.dim;
    int64_t correction = fv_var_defaults.correction;
    bool keepdim = fv_var_defaults.keepdim;
};
inline tensor std(const tensor &input, const std_options &options = {})
{
    fv_var_args a = fv_var_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.correction = options.correction;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_std_ex(&a); });
}

struct norm_options {
    double p = fv_norm_defaults.p;
    fv_dims dim = fv_norm_defaults.dim;
    bool keepdim = fv_norm_defaults.keepdim;
};
inline tensor norm(const tensor &input, const norm_options &options = {})
{
    fv_norm_args a = fv_norm_defaults;
    a.input = input.get();
    a.p = options.p;
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_norm_ex(&a); });
}

struct logsumexp_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor logsumexp(const tensor &input, const logsumexp_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_logsumexp_ex(&a); });
}

struct prod_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor prod(const tensor &input, const prod_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_prod_ex(&a); });
}

struct amax_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor amax(const tensor &input, const amax_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_amax_ex(&a); });
}

struct amin_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor amin(const tensor &input, const amin_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_amin_ex(&a); });
}

struct argmax_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor argmax(const tensor &input, const argmax_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_argmax_ex(&a); });
}

struct argmin_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor argmin(const tensor &input, const argmin_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_argmin_ex(&a); });
}

struct any_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor any(const tensor &input, const any_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_any_ex(&a); });
}

struct all_options {
    fv_dims dim = fv_reduce_defaults.dim;
    bool keepdim = fv_reduce_defaults.keepdim;
};
inline tensor all(const tensor &input, const all_options &options = {})
{
    fv_reduce_args a = fv_reduce_defaults;
    a.input = input.get();
    a.dim = options.dim;
    a.keepdim = options.keepdim;
    return detail::call([&] { return fv_all_ex(&a); });
}

struct interpolate_options {
    fv_dims output_size = fv_interpolate_defaults.output_size;
    double scale_factor = fv_interpolate_defaults.scale_factor;
    fv_interpolation mode = fv_interpolate_defaults.mode;
    bool align_corners = fv_interpolate_defaults.align_corners;
    bool recompute_scale_factor = fv_interpolate_defaults.recompute_scale_factor;
    bool antialias = fv_interpolate_defaults.antialias;
    double scale_factors[3] = {fv_interpolate_defaults.scale_factors[0], fv_interpolate_defaults.scale_factors[1], fv_interpolate_defaults.scale_factors[2]};
};
inline tensor interpolate(const tensor &input, const interpolate_options &options = {})
{
    fv_interpolate_args a = fv_interpolate_defaults;
    a.input = input.get();
    a.output_size = options.output_size;
    a.scale_factor = options.scale_factor;
    a.mode = options.mode;
    a.align_corners = options.align_corners;
    a.recompute_scale_factor = options.recompute_scale_factor;
    a.antialias = options.antialias;
    for (int i = 0; i < 3; i++) a.scale_factors[i] = options.scale_factors[i];
    return detail::call([&] { return fv_interpolate_ex(&a); });
}

inline tensor cat(const tensors &tensors_, int64_t dim)
{
    fv_cat_args a = fv_cat_defaults;
    a.tensors = tensors_.list();
    a.dim = dim;
    return detail::call([&] { return fv_cat_ex(&a); });
}

inline tensor stack(const tensors &tensors_, int64_t dim)
{
    fv_cat_args a = fv_cat_defaults;
    a.tensors = tensors_.list();
    a.dim = dim;
    return detail::call([&] { return fv_stack_ex(&a); });
}

inline tensor reshape(const tensor &input, const shape &sizes)
{
    fv_view_args a = fv_view_defaults;
    a.input = input.get();
    a.shape = sizes;
    return detail::call([&] { return fv_reshape_ex(&a); });
}

inline tensor view(const tensor &input, const shape &sizes)
{
    fv_view_args a = fv_view_defaults;
    a.input = input.get();
    a.shape = sizes;
    return detail::call([&] { return fv_view_ex(&a); });
}

struct flatten_options {
    int64_t end_dim = fv_flatten_defaults.end_dim;
};
inline tensor flatten(const tensor &input, int64_t start_dim, const flatten_options &options = {})
{
    fv_flatten_args a = fv_flatten_defaults;
    a.input = input.get();
    a.start_dim = start_dim;
    a.end_dim = options.end_dim;
    return detail::call([&] { return fv_flatten_ex(&a); });
}

struct unflatten_options {
    int64_t dim = fv_unflatten_defaults.dim;
};
inline tensor unflatten(const tensor &input, const shape &sizes, const unflatten_options &options = {})
{
    fv_unflatten_args a = fv_unflatten_defaults;
    a.input = input.get();
    a.shape = sizes;
    a.dim = options.dim;
    return detail::call([&] { return fv_unflatten_ex(&a); });
}

inline tensor expand(const tensor &input, const shape &sizes)
{
    fv_view_args a = fv_view_defaults;
    a.input = input.get();
    a.shape = sizes;
    return detail::call([&] { return fv_expand_ex(&a); });
}

inline tensor permute(const tensor &input, const shape &sizes)
{
    fv_view_args a = fv_view_defaults;
    a.input = input.get();
    a.shape = sizes;
    return detail::call([&] { return fv_permute_ex(&a); });
}

struct pad_options {
    fv_pad_mode mode = fv_pad_defaults.mode;
    double value = fv_pad_defaults.value;
};
inline tensor pad(const tensor &input, const shape &sizes, const pad_options &options = {})
{
    fv_pad_args a = fv_pad_defaults;
    a.input = input.get();
    a.shape = sizes;
    a.mode = options.mode;
    a.value = options.value;
    return detail::call([&] { return fv_pad_ex(&a); });
}

struct make_grid_options {
    int64_t nrow = fv_make_grid_defaults.nrow;
    int64_t padding = fv_make_grid_defaults.padding;
    bool normalize = fv_make_grid_defaults.normalize;
    double value_range[2] = {fv_make_grid_defaults.value_range[0], fv_make_grid_defaults.value_range[1]};
    bool scale_each = fv_make_grid_defaults.scale_each;
    double pad_value = fv_make_grid_defaults.pad_value;
    bool channels_apart = fv_make_grid_defaults.channels_apart;
    bool diverging = fv_make_grid_defaults.diverging;
    int64_t upscale = fv_make_grid_defaults.upscale;
};
inline tensor make_grid(const tensor &tensor_, const make_grid_options &options = {})
{
    fv_make_grid_args a = fv_make_grid_defaults;
    a.tensor = tensor_.get();
    a.nrow = options.nrow;
    a.padding = options.padding;
    a.normalize = options.normalize;
    for (int i = 0; i < 2; i++) a.value_range[i] = options.value_range[i];
    a.scale_each = options.scale_each;
    a.pad_value = options.pad_value;
    a.channels_apart = options.channels_apart;
    a.diverging = options.diverging;
    a.upscale = options.upscale;
    return detail::call([&] { return fv_make_grid_ex(&a); });
}

struct save_image_options {
    int64_t nrow = fv_save_image_defaults.nrow;
    int64_t padding = fv_save_image_defaults.padding;
    bool normalize = fv_save_image_defaults.normalize;
    double value_range[2] = {fv_save_image_defaults.value_range[0], fv_save_image_defaults.value_range[1]};
    bool scale_each = fv_save_image_defaults.scale_each;
    double pad_value = fv_save_image_defaults.pad_value;
    bool channels_apart = fv_save_image_defaults.channels_apart;
    bool diverging = fv_save_image_defaults.diverging;
    int64_t upscale = fv_save_image_defaults.upscale;
    int64_t quality = fv_save_image_defaults.quality;
    int64_t compression = fv_save_image_defaults.compression;
};
inline fv_status save_image(const tensor &tensor_, const char *path, const save_image_options &options = {})
{
    fv_save_image_args a = fv_save_image_defaults;
    a.tensor = tensor_.get();
    a.path = path;
    a.nrow = options.nrow;
    a.padding = options.padding;
    a.normalize = options.normalize;
    for (int i = 0; i < 2; i++) a.value_range[i] = options.value_range[i];
    a.scale_each = options.scale_each;
    a.pad_value = options.pad_value;
    a.channels_apart = options.channels_apart;
    a.diverging = options.diverging;
    a.upscale = options.upscale;
    a.quality = options.quality;
    a.compression = options.compression;
    const fv_status result = fv_save_image_ex(&a);
    detail::check();
    return result;
}

struct read_image_options {
    fv_image_mode mode = fv_read_image_defaults.mode;
    bool apply_exif_orientation = fv_read_image_defaults.apply_exif_orientation;
};
inline tensor read_image(const char *path, const read_image_options &options = {})
{
    fv_read_image_args a = fv_read_image_defaults;
    a.path = path;
    a.mode = options.mode;
    a.apply_exif_orientation = options.apply_exif_orientation;
    return detail::call([&] { return fv_read_image_ex(&a); });
}

struct decode_image_options {
    fv_image_mode mode = fv_decode_image_defaults.mode;
    bool apply_exif_orientation = fv_decode_image_defaults.apply_exif_orientation;
};
inline tensor decode_image(const tensor &bytes, const decode_image_options &options = {})
{
    fv_decode_image_args a = fv_decode_image_defaults;
    a.bytes = bytes.get();
    a.mode = options.mode;
    a.apply_exif_orientation = options.apply_exif_orientation;
    return detail::call([&] { return fv_decode_image_ex(&a); });
}

struct write_image_options {
    int64_t quality = fv_write_image_defaults.quality;
    int64_t compression = fv_write_image_defaults.compression;
};
inline fv_status write_image(const tensor &image, const char *path, const write_image_options &options = {})
{
    fv_write_image_args a = fv_write_image_defaults;
    a.image = image.get();
    a.path = path;
    a.quality = options.quality;
    a.compression = options.compression;
    const fv_status result = fv_write_image_ex(&a);
    detail::check();
    return result;
}

struct image_folder_options {
    int64_t height = fv_image_folder_defaults.height;
    int64_t width = fv_image_folder_defaults.width;
    int64_t channels = fv_image_folder_defaults.channels;
    bool center_crop = fv_image_folder_defaults.center_crop;
    bool apply_exif_orientation = fv_image_folder_defaults.apply_exif_orientation;
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_image_folder_defaults.mean[0], fv_image_folder_defaults.mean[1], fv_image_folder_defaults.mean[2], fv_image_folder_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_image_folder_defaults.std[0], fv_image_folder_defaults.std[1], fv_image_folder_defaults.std[2], fv_image_folder_defaults.std[3]};
    int64_t random_crop = fv_image_folder_defaults.random_crop;
    bool random_flip = fv_image_folder_defaults.random_flip;
};
inline dataset image_folder(const char *root, const image_folder_options &options = {})
{
    fv_image_folder_args a = fv_image_folder_defaults;
    a.root = root;
    a.height = options.height;
    a.width = options.width;
    a.channels = options.channels;
    a.center_crop = options.center_crop;
    a.apply_exif_orientation = options.apply_exif_orientation;
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    return dataset(fv_image_folder_ex(&a));
}

struct figure_new_options {
    const char *x_label = fv_figure_defaults.x_label;
    const char *y_label = fv_figure_defaults.y_label;
    int64_t width = fv_figure_defaults.width;
    int64_t height = fv_figure_defaults.height;
    int64_t columns = fv_figure_defaults.columns;
    bool log_x = fv_figure_defaults.log_x;
    bool log_y = fv_figure_defaults.log_y;
    double x_range[2] = {fv_figure_defaults.x_range[0], fv_figure_defaults.x_range[1]};
    double y_range[2] = {fv_figure_defaults.y_range[0], fv_figure_defaults.y_range[1]};
};
inline figure figure_new(const char *title, const figure_new_options &options = {})
{
    fv_figure_args a = fv_figure_defaults;
    a.title = title;
    a.x_label = options.x_label;
    a.y_label = options.y_label;
    a.width = options.width;
    a.height = options.height;
    a.columns = options.columns;
    a.log_x = options.log_x;
    a.log_y = options.log_y;
    for (int i = 0; i < 2; i++) a.x_range[i] = options.x_range[i];
    for (int i = 0; i < 2; i++) a.y_range[i] = options.y_range[i];
    return figure(fv_figure_new_ex(&a));
}

struct plot_line_options {
    const fv_tensor *x = fv_plot_line_defaults.x;
    const char *label = fv_plot_line_defaults.label;
    int64_t color = fv_plot_line_defaults.color;
    double width = fv_plot_line_defaults.width;
    bool points = fv_plot_line_defaults.points;
};
inline fv_status plot_line(const figure &figure_, const tensor &y, const plot_line_options &options = {})
{
    fv_plot_line_args a = fv_plot_line_defaults;
    a.figure = figure_.get();
    a.y = y.get();
    a.x = options.x;
    a.label = options.label;
    a.color = options.color;
    a.width = options.width;
    a.points = options.points;
    const fv_status result = fv_plot_line_ex(&a);
    detail::check();
    return result;
}

struct plot_bars_options {
    fv_names names = fv_plot_bars_defaults.names;
    const char *label = fv_plot_bars_defaults.label;
    int64_t color = fv_plot_bars_defaults.color;
    bool numbers = fv_plot_bars_defaults.numbers;
};
inline fv_status plot_bars(const figure &figure_, const tensor &values, const plot_bars_options &options = {})
{
    fv_plot_bars_args a = fv_plot_bars_defaults;
    a.figure = figure_.get();
    a.values = values.get();
    a.names = options.names;
    a.label = options.label;
    a.color = options.color;
    a.numbers = options.numbers;
    const fv_status result = fv_plot_bars_ex(&a);
    detail::check();
    return result;
}

struct plot_heat_map_options {
    fv_names row_names = fv_plot_heat_map_defaults.row_names;
    fv_names column_names = fv_plot_heat_map_defaults.column_names;
    double value_range[2] = {fv_plot_heat_map_defaults.value_range[0], fv_plot_heat_map_defaults.value_range[1]};
    bool diverging = fv_plot_heat_map_defaults.diverging;
    bool numbers = fv_plot_heat_map_defaults.numbers;
};
inline fv_status plot_heat_map(const figure &figure_, const tensor &values, const plot_heat_map_options &options = {})
{
    fv_plot_heat_map_args a = fv_plot_heat_map_defaults;
    a.figure = figure_.get();
    a.values = values.get();
    a.row_names = options.row_names;
    a.column_names = options.column_names;
    for (int i = 0; i < 2; i++) a.value_range[i] = options.value_range[i];
    a.diverging = options.diverging;
    a.numbers = options.numbers;
    const fv_status result = fv_plot_heat_map_ex(&a);
    detail::check();
    return result;
}

struct plot_image_options {
    const char *name = fv_plot_image_defaults.name;
    const char *note = fv_plot_image_defaults.note;
    int64_t span = fv_plot_image_defaults.span;
};
inline fv_status plot_image(const figure &figure_, const tensor &image, const plot_image_options &options = {})
{
    fv_plot_image_args a = fv_plot_image_defaults;
    a.figure = figure_.get();
    a.image = image.get();
    a.name = options.name;
    a.note = options.note;
    a.span = options.span;
    const fv_status result = fv_plot_image_ex(&a);
    detail::check();
    return result;
}

struct figure_save_options {
    double scale = fv_figure_save_defaults.scale;
};
inline fv_status figure_save(const figure &figure_, const char *path, const figure_save_options &options = {})
{
    fv_figure_save_args a = fv_figure_save_defaults;
    a.figure = figure_.get();
    a.path = path;
    a.scale = options.scale;
    const fv_status result = fv_figure_save_ex(&a);
    detail::check();
    return result;
}

struct resize_options {
    fv_interpolation mode = fv_resize_defaults.mode;
    bool antialias = fv_resize_defaults.antialias;
};
inline tensor resize(const tensor &image, int64_t height, int64_t width, const resize_options &options = {})
{
    fv_resize_args a = fv_resize_defaults;
    a.image = image.get();
    a.height = height;
    a.width = width;
    a.mode = options.mode;
    a.antialias = options.antialias;
    return detail::call([&] { return fv_resize_ex(&a); });
}

struct print_image_options {
    int64_t columns = fv_print_image_defaults.columns;
    bool sixel = fv_print_image_defaults.sixel;
};
inline fv_status print_image(const tensor &image, const print_image_options &options = {})
{
    fv_print_image_args a = fv_print_image_defaults;
    a.image = image.get();
    a.columns = options.columns;
    a.sixel = options.sixel;
    const fv_status result = fv_print_image_ex(&a);
    detail::check();
    return result;
}

struct image_dataset_options {
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_image_dataset_defaults.mean[0], fv_image_dataset_defaults.mean[1], fv_image_dataset_defaults.mean[2], fv_image_dataset_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_image_dataset_defaults.std[0], fv_image_dataset_defaults.std[1], fv_image_dataset_defaults.std[2], fv_image_dataset_defaults.std[3]};
    int64_t random_crop = fv_image_dataset_defaults.random_crop;
    bool random_flip = fv_image_dataset_defaults.random_flip;
};
inline dataset image_dataset(const tensor &images, const tensor &labels, const image_dataset_options &options = {})
{
    fv_image_dataset_args a = fv_image_dataset_defaults;
    a.images = images.get();
    a.labels = labels.get();
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    return dataset(fv_image_dataset_ex(&a));
}
inline dataset image_dataset(const tensor &images, const image_dataset_options &options = {})
{
    fv_image_dataset_args a = fv_image_dataset_defaults;
    a.images = images.get();
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    return dataset(fv_image_dataset_ex(&a));
}

struct loader_new_options {
    int64_t batch_size = fv_loader_defaults.batch_size;
    bool shuffle = fv_loader_defaults.shuffle;
    bool drop_last = fv_loader_defaults.drop_last;
    uint64_t seed = fv_loader_defaults.seed;
    int64_t num_replicas = fv_loader_defaults.num_replicas;
    int64_t rank = fv_loader_defaults.rank;
};
inline loader loader_new(const dataset &dataset_, const loader_new_options &options = {})
{
    fv_loader_args a = fv_loader_defaults;
    a.dataset = dataset_.get();
    a.batch_size = options.batch_size;
    a.shuffle = options.shuffle;
    a.drop_last = options.drop_last;
    a.seed = options.seed;
    a.num_replicas = options.num_replicas;
    a.rank = options.rank;
    return loader(fv_loader_new_ex(&a));
}

struct accuracy_options {
    int64_t topk = fv_accuracy_defaults.topk;
    int64_t ignore_index = fv_accuracy_defaults.ignore_index;
};
inline double accuracy(const tensor &scores, const tensor &labels, const accuracy_options &options = {})
{
    fv_accuracy_args a = fv_accuracy_defaults;
    a.scores = scores.get();
    a.labels = labels.get();
    a.topk = options.topk;
    a.ignore_index = options.ignore_index;
    const double result = fv_accuracy_ex(&a);
    detail::check();
    return result;
}
inline double accuracy(const tensor &scores, const accuracy_options &options = {})
{
    fv_accuracy_args a = fv_accuracy_defaults;
    a.scores = scores.get();
    a.topk = options.topk;
    a.ignore_index = options.ignore_index;
    const double result = fv_accuracy_ex(&a);
    detail::check();
    return result;
}

struct confusion_matrix_options {
    int64_t ignore_index = fv_confusion_matrix_defaults.ignore_index;
};
inline tensor confusion_matrix(const tensor &scores, const tensor &labels, int64_t classes, const confusion_matrix_options &options = {})
{
    fv_confusion_matrix_args a = fv_confusion_matrix_defaults;
    a.scores = scores.get();
    a.labels = labels.get();
    a.classes = classes;
    a.ignore_index = options.ignore_index;
    return detail::call([&] { return fv_confusion_matrix_ex(&a); });
}

struct cifar10_options {
    bool train = fv_cifar10_defaults.train;
    bool normalize = fv_cifar10_defaults.normalize;
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_cifar10_defaults.mean[0], fv_cifar10_defaults.mean[1], fv_cifar10_defaults.mean[2], fv_cifar10_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_cifar10_defaults.std[0], fv_cifar10_defaults.std[1], fv_cifar10_defaults.std[2], fv_cifar10_defaults.std[3]};
    int64_t random_crop = fv_cifar10_defaults.random_crop;
    bool random_flip = fv_cifar10_defaults.random_flip;
    int64_t limit = fv_cifar10_defaults.limit;
    bool coarse = fv_cifar10_defaults.coarse;
    const char *split = fv_cifar10_defaults.split;
};
inline dataset cifar10(const char *root, const cifar10_options &options = {})
{
    fv_vision_args a = fv_cifar10_defaults;
    a.root = root;
    a.train = options.train;
    a.normalize = options.normalize;
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    a.limit = options.limit;
    a.coarse = options.coarse;
    a.split = options.split;
    return dataset(fv_cifar10_ex(&a));
}

struct cifar100_options {
    bool train = fv_cifar100_defaults.train;
    bool normalize = fv_cifar100_defaults.normalize;
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_cifar100_defaults.mean[0], fv_cifar100_defaults.mean[1], fv_cifar100_defaults.mean[2], fv_cifar100_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_cifar100_defaults.std[0], fv_cifar100_defaults.std[1], fv_cifar100_defaults.std[2], fv_cifar100_defaults.std[3]};
    int64_t random_crop = fv_cifar100_defaults.random_crop;
    bool random_flip = fv_cifar100_defaults.random_flip;
    int64_t limit = fv_cifar100_defaults.limit;
    bool coarse = fv_cifar100_defaults.coarse;
    const char *split = fv_cifar100_defaults.split;
};
inline dataset cifar100(const char *root, const cifar100_options &options = {})
{
    fv_vision_args a = fv_cifar100_defaults;
    a.root = root;
    a.train = options.train;
    a.normalize = options.normalize;
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    a.limit = options.limit;
    a.coarse = options.coarse;
    a.split = options.split;
    return dataset(fv_cifar100_ex(&a));
}

struct mnist_options {
    bool train = fv_mnist_defaults.train;
    bool normalize = fv_mnist_defaults.normalize;
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_mnist_defaults.mean[0], fv_mnist_defaults.mean[1], fv_mnist_defaults.mean[2], fv_mnist_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_mnist_defaults.std[0], fv_mnist_defaults.std[1], fv_mnist_defaults.std[2], fv_mnist_defaults.std[3]};
    int64_t random_crop = fv_mnist_defaults.random_crop;
    bool random_flip = fv_mnist_defaults.random_flip;
    int64_t limit = fv_mnist_defaults.limit;
    bool coarse = fv_mnist_defaults.coarse;
    const char *split = fv_mnist_defaults.split;
};
inline dataset mnist(const char *root, const mnist_options &options = {})
{
    fv_vision_args a = fv_mnist_defaults;
    a.root = root;
    a.train = options.train;
    a.normalize = options.normalize;
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    a.limit = options.limit;
    a.coarse = options.coarse;
    a.split = options.split;
    return dataset(fv_mnist_ex(&a));
}

struct fashion_mnist_options {
    bool train = fv_fashion_mnist_defaults.train;
    bool normalize = fv_fashion_mnist_defaults.normalize;
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_fashion_mnist_defaults.mean[0], fv_fashion_mnist_defaults.mean[1], fv_fashion_mnist_defaults.mean[2], fv_fashion_mnist_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_fashion_mnist_defaults.std[0], fv_fashion_mnist_defaults.std[1], fv_fashion_mnist_defaults.std[2], fv_fashion_mnist_defaults.std[3]};
    int64_t random_crop = fv_fashion_mnist_defaults.random_crop;
    bool random_flip = fv_fashion_mnist_defaults.random_flip;
    int64_t limit = fv_fashion_mnist_defaults.limit;
    bool coarse = fv_fashion_mnist_defaults.coarse;
    const char *split = fv_fashion_mnist_defaults.split;
};
inline dataset fashion_mnist(const char *root, const fashion_mnist_options &options = {})
{
    fv_vision_args a = fv_fashion_mnist_defaults;
    a.root = root;
    a.train = options.train;
    a.normalize = options.normalize;
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    a.limit = options.limit;
    a.coarse = options.coarse;
    a.split = options.split;
    return dataset(fv_fashion_mnist_ex(&a));
}

struct kmnist_options {
    bool train = fv_kmnist_defaults.train;
    bool normalize = fv_kmnist_defaults.normalize;
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_kmnist_defaults.mean[0], fv_kmnist_defaults.mean[1], fv_kmnist_defaults.mean[2], fv_kmnist_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_kmnist_defaults.std[0], fv_kmnist_defaults.std[1], fv_kmnist_defaults.std[2], fv_kmnist_defaults.std[3]};
    int64_t random_crop = fv_kmnist_defaults.random_crop;
    bool random_flip = fv_kmnist_defaults.random_flip;
    int64_t limit = fv_kmnist_defaults.limit;
    bool coarse = fv_kmnist_defaults.coarse;
    const char *split = fv_kmnist_defaults.split;
};
inline dataset kmnist(const char *root, const kmnist_options &options = {})
{
    fv_vision_args a = fv_kmnist_defaults;
    a.root = root;
    a.train = options.train;
    a.normalize = options.normalize;
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    a.limit = options.limit;
    a.coarse = options.coarse;
    a.split = options.split;
    return dataset(fv_kmnist_ex(&a));
}

struct emnist_options {
    bool train = fv_emnist_defaults.train;
    bool normalize = fv_emnist_defaults.normalize;
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_emnist_defaults.mean[0], fv_emnist_defaults.mean[1], fv_emnist_defaults.mean[2], fv_emnist_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_emnist_defaults.std[0], fv_emnist_defaults.std[1], fv_emnist_defaults.std[2], fv_emnist_defaults.std[3]};
    int64_t random_crop = fv_emnist_defaults.random_crop;
    bool random_flip = fv_emnist_defaults.random_flip;
    int64_t limit = fv_emnist_defaults.limit;
    bool coarse = fv_emnist_defaults.coarse;
    const char *split = fv_emnist_defaults.split;
};
inline dataset emnist(const char *root, const emnist_options &options = {})
{
    fv_vision_args a = fv_emnist_defaults;
    a.root = root;
    a.train = options.train;
    a.normalize = options.normalize;
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    a.limit = options.limit;
    a.coarse = options.coarse;
    a.split = options.split;
    return dataset(fv_emnist_ex(&a));
}

struct idx_dataset_options {
    double mean[FV_MAX_IMAGE_CHANNELS] = {fv_idx_dataset_defaults.mean[0], fv_idx_dataset_defaults.mean[1], fv_idx_dataset_defaults.mean[2], fv_idx_dataset_defaults.mean[3]};
    double std[FV_MAX_IMAGE_CHANNELS] = {fv_idx_dataset_defaults.std[0], fv_idx_dataset_defaults.std[1], fv_idx_dataset_defaults.std[2], fv_idx_dataset_defaults.std[3]};
    int64_t random_crop = fv_idx_dataset_defaults.random_crop;
    bool random_flip = fv_idx_dataset_defaults.random_flip;
    int64_t limit = fv_idx_dataset_defaults.limit;
};
inline dataset idx_dataset(const char *images, const char *labels, int64_t classes, int64_t first_label, const idx_dataset_options &options = {})
{
    fv_idx_dataset_args a = fv_idx_dataset_defaults;
    a.images = images;
    a.labels = labels;
    a.classes = classes;
    a.first_label = first_label;
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.mean[i] = options.mean[i];
    for (int i = 0; i < FV_MAX_IMAGE_CHANNELS; i++) a.std[i] = options.std[i];
    a.random_crop = options.random_crop;
    a.random_flip = options.random_flip;
    a.limit = options.limit;
    return dataset(fv_idx_dataset_ex(&a));
}

struct inspect_options {
    fv_dtype dtype = fv_inspect_defaults.dtype;
    bool training = fv_inspect_defaults.training;
};
inline inspection inspect(const module &module_, const shape &sizes, const inspect_options &options = {})
{
    fv_inspect_args a = fv_inspect_defaults;
    a.module = module_.get();
    a.shape = sizes;
    a.dtype = options.dtype;
    a.training = options.training;
    return inspection(fv_inspect_ex(&a));
}

struct receptive_field_of_options {
    fv_dtype dtype = fv_inspect_defaults.dtype;
    bool training = fv_inspect_defaults.training;
};
inline fv_receptive_field receptive_field_of(const module &module_, const shape &sizes, const receptive_field_of_options &options = {})
{
    fv_inspect_args a = fv_inspect_defaults;
    a.module = module_.get();
    a.shape = sizes;
    a.dtype = options.dtype;
    a.training = options.training;
    const fv_receptive_field result = fv_receptive_field_of_ex(&a);
    detail::check();
    return result;
}

struct summary_options {
    fv_dtype dtype = fv_summary_defaults.dtype;
    bool training = fv_summary_defaults.training;
    int64_t depth = fv_summary_defaults.depth;
};
inline fv_status summary(const module &module_, const shape &sizes, const summary_options &options = {})
{
    fv_summary_args a = fv_summary_defaults;
    a.module = module_.get();
    a.shape = sizes;
    a.dtype = options.dtype;
    a.training = options.training;
    a.depth = options.depth;
    const fv_status result = fv_summary_ex(&a);
    detail::check();
    return result;
}

struct distributed_data_parallel_options {
    double bucket_cap_mb = fv_distributed_data_parallel_defaults.bucket_cap_mb;
    bool broadcast_buffers = fv_distributed_data_parallel_defaults.broadcast_buffers;
    bool bfloat16 = fv_distributed_data_parallel_defaults.bfloat16;
};
inline data_parallel distributed_data_parallel(const module &module_, const distributed_data_parallel_options &options = {})
{
    fv_distributed_data_parallel_args a = fv_distributed_data_parallel_defaults;
    a.module = module_.get();
    a.bucket_cap_mb = options.bucket_cap_mb;
    a.broadcast_buffers = options.broadcast_buffers;
    a.bfloat16 = options.bfloat16;
    return data_parallel(fv_distributed_data_parallel_ex(&a));
}

struct save_options {
    fv_dtype dtype = fv_save_defaults.dtype;
};
inline fv_status save(const module &module_, const char *path, const save_options &options = {})
{
    fv_save_args a = fv_save_defaults;
    a.module = module_.get();
    a.path = path;
    a.dtype = options.dtype;
    const fv_status result = fv_save_ex(&a);
    detail::check();
    return result;
}

struct load_options {
    bool strict = fv_load_defaults.strict;
    const char *prefix = fv_load_defaults.prefix;
};
inline fv_status load(const module &module_, const char *path, const load_options &options = {})
{
    fv_load_args a = fv_load_defaults;
    a.module = module_.get();
    a.path = path;
    a.strict = options.strict;
    a.prefix = options.prefix;
    const fv_status result = fv_load_ex(&a);
    detail::check();
    return result;
}

struct clip_grad_norm__options {
    double max_norm = fv_clip_grad_norm_defaults.max_norm;
    double norm_type = fv_clip_grad_norm_defaults.norm_type;
    bool error_if_nonfinite = fv_clip_grad_norm_defaults.error_if_nonfinite;
};
inline double clip_grad_norm_(const tensors &params, const clip_grad_norm__options &options = {})
{
    fv_clip_grad_norm_args a = fv_clip_grad_norm_defaults;
    a.params = params.list();
    a.max_norm = options.max_norm;
    a.norm_type = options.norm_type;
    a.error_if_nonfinite = options.error_if_nonfinite;
    const double result = fv_clip_grad_norm_ex_(&a);
    detail::check();
    return result;
}

struct sgd_options {
    double lr = fv_sgd_defaults.lr;
    double momentum = fv_sgd_defaults.momentum;
    double dampening = fv_sgd_defaults.dampening;
    double weight_decay = fv_sgd_defaults.weight_decay;
    bool nesterov = fv_sgd_defaults.nesterov;
    bool maximize = fv_sgd_defaults.maximize;
};
inline optim sgd(const tensors &params, const sgd_options &options = {})
{
    fv_sgd_args a = fv_sgd_defaults;
    a.params = params.list();
    a.lr = options.lr;
    a.momentum = options.momentum;
    a.dampening = options.dampening;
    a.weight_decay = options.weight_decay;
    a.nesterov = options.nesterov;
    a.maximize = options.maximize;
    return optim(fv_sgd_ex(&a));
}

struct adam_options {
    double lr = fv_adam_defaults.lr;
    double beta1 = fv_adam_defaults.beta1;
    double beta2 = fv_adam_defaults.beta2;
    double eps = fv_adam_defaults.eps;
    double weight_decay = fv_adam_defaults.weight_decay;
    bool amsgrad = fv_adam_defaults.amsgrad;
    bool maximize = fv_adam_defaults.maximize;
};
inline optim adam(const tensors &params, const adam_options &options = {})
{
    fv_adam_args a = fv_adam_defaults;
    a.params = params.list();
    a.lr = options.lr;
    a.beta1 = options.beta1;
    a.beta2 = options.beta2;
    a.eps = options.eps;
    a.weight_decay = options.weight_decay;
    a.amsgrad = options.amsgrad;
    a.maximize = options.maximize;
    return optim(fv_adam_ex(&a));
}

struct adamw_options {
    double lr = fv_adamw_defaults.lr;
    double beta1 = fv_adamw_defaults.beta1;
    double beta2 = fv_adamw_defaults.beta2;
    double eps = fv_adamw_defaults.eps;
    double weight_decay = fv_adamw_defaults.weight_decay;
    bool amsgrad = fv_adamw_defaults.amsgrad;
    bool maximize = fv_adamw_defaults.maximize;
};
inline optim adamw(const tensors &params, const adamw_options &options = {})
{
    fv_adam_args a = fv_adamw_defaults;
    a.params = params.list();
    a.lr = options.lr;
    a.beta1 = options.beta1;
    a.beta2 = options.beta2;
    a.eps = options.eps;
    a.weight_decay = options.weight_decay;
    a.amsgrad = options.amsgrad;
    a.maximize = options.maximize;
    return optim(fv_adamw_ex(&a));
}

struct optim_add_group_options {
    double lr = fv_group_defaults.lr;
    double momentum = fv_group_defaults.momentum;
    double dampening = fv_group_defaults.dampening;
    double weight_decay = fv_group_defaults.weight_decay;
    double beta1 = fv_group_defaults.beta1;
    double beta2 = fv_group_defaults.beta2;
    double eps = fv_group_defaults.eps;
    int nesterov = fv_group_defaults.nesterov;
    int amsgrad = fv_group_defaults.amsgrad;
    int maximize = fv_group_defaults.maximize;
};
inline fv_status optim_add_group(const optim &optim_, const tensors &params, const optim_add_group_options &options = {})
{
    fv_group_args a = fv_group_defaults;
    a.optim = optim_.get();
    a.params = params.list();
    a.lr = options.lr;
    a.momentum = options.momentum;
    a.dampening = options.dampening;
    a.weight_decay = options.weight_decay;
    a.beta1 = options.beta1;
    a.beta2 = options.beta2;
    a.eps = options.eps;
    a.nesterov = options.nesterov;
    a.amsgrad = options.amsgrad;
    a.maximize = options.maximize;
    const fv_status result = fv_optim_add_group_ex(&a);
    detail::check();
    return result;
}

inline double get_lr(const optim &optim_, int64_t group)
{
    fv_get_lr_args a = fv_get_lr_defaults;
    a.optim = optim_.get();
    a.group = group;
    const double result = fv_get_lr_ex(&a);
    detail::check();
    return result;
}

struct set_lr_options {
    double lr = fv_set_lr_defaults.lr;
    int64_t group = fv_set_lr_defaults.group;
};
inline fv_status set_lr(const optim &optim_, const set_lr_options &options = {})
{
    fv_set_lr_args a = fv_set_lr_defaults;
    a.optim = optim_.get();
    a.lr = options.lr;
    a.group = options.group;
    const fv_status result = fv_set_lr_ex(&a);
    detail::check();
    return result;
}

struct scheduler_step_options {
    double metric = fv_scheduler_step_defaults.metric;
};
inline fv_status scheduler_step(const scheduler &scheduler_, const scheduler_step_options &options = {})
{
    fv_scheduler_step_args a = fv_scheduler_step_defaults;
    a.scheduler = scheduler_.get();
    a.metric = options.metric;
    const fv_status result = fv_scheduler_step_ex(&a);
    detail::check();
    return result;
}

struct step_lr_options {
    double gamma = fv_step_lr_defaults.gamma;
};
inline scheduler step_lr(const optim &optim_, int64_t step_size, const step_lr_options &options = {})
{
    fv_step_lr_args a = fv_step_lr_defaults;
    a.optim = optim_.get();
    a.step_size = step_size;
    a.gamma = options.gamma;
    return scheduler(fv_step_lr_ex(&a));
}

struct multi_step_lr_options {
    double gamma = fv_multi_step_lr_defaults.gamma;
};
inline scheduler multi_step_lr(const optim &optim_, fv_milestones milestones, const multi_step_lr_options &options = {})
{
    fv_multi_step_lr_args a = fv_multi_step_lr_defaults;
    a.optim = optim_.get();
    a.milestones = milestones;
    a.gamma = options.gamma;
    return scheduler(fv_multi_step_lr_ex(&a));
}

struct cosine_annealing_lr_options {
    double eta_min = fv_cosine_annealing_lr_defaults.eta_min;
};
inline scheduler cosine_annealing_lr(const optim &optim_, int64_t t_max, const cosine_annealing_lr_options &options = {})
{
    fv_cosine_annealing_lr_args a = fv_cosine_annealing_lr_defaults;
    a.optim = optim_.get();
    a.t_max = t_max;
    a.eta_min = options.eta_min;
    return scheduler(fv_cosine_annealing_lr_ex(&a));
}

struct linear_lr_options {
    double start_factor = fv_linear_lr_defaults.start_factor;
    double end_factor = fv_linear_lr_defaults.end_factor;
    int64_t total_iters = fv_linear_lr_defaults.total_iters;
};
inline scheduler linear_lr(const optim &optim_, const linear_lr_options &options = {})
{
    fv_linear_lr_args a = fv_linear_lr_defaults;
    a.optim = optim_.get();
    a.start_factor = options.start_factor;
    a.end_factor = options.end_factor;
    a.total_iters = options.total_iters;
    return scheduler(fv_linear_lr_ex(&a));
}

struct one_cycle_lr_options {
    double max_lr = fv_one_cycle_lr_defaults.max_lr;
    int64_t total_steps = fv_one_cycle_lr_defaults.total_steps;
    int64_t epochs = fv_one_cycle_lr_defaults.epochs;
    int64_t steps_per_epoch = fv_one_cycle_lr_defaults.steps_per_epoch;
    double pct_start = fv_one_cycle_lr_defaults.pct_start;
    fv_anneal anneal_strategy = fv_one_cycle_lr_defaults.anneal_strategy;
    bool cycle_momentum = fv_one_cycle_lr_defaults.cycle_momentum;
    double base_momentum = fv_one_cycle_lr_defaults.base_momentum;
    double max_momentum = fv_one_cycle_lr_defaults.max_momentum;
    double div_factor = fv_one_cycle_lr_defaults.div_factor;
    double final_div_factor = fv_one_cycle_lr_defaults.final_div_factor;
    bool three_phase = fv_one_cycle_lr_defaults.three_phase;
};
inline scheduler one_cycle_lr(const optim &optim_, const one_cycle_lr_options &options = {})
{
    fv_one_cycle_lr_args a = fv_one_cycle_lr_defaults;
    a.optim = optim_.get();
    a.max_lr = options.max_lr;
    a.total_steps = options.total_steps;
    a.epochs = options.epochs;
    a.steps_per_epoch = options.steps_per_epoch;
    a.pct_start = options.pct_start;
    a.anneal_strategy = options.anneal_strategy;
    a.cycle_momentum = options.cycle_momentum;
    a.base_momentum = options.base_momentum;
    a.max_momentum = options.max_momentum;
    a.div_factor = options.div_factor;
    a.final_div_factor = options.final_div_factor;
    a.three_phase = options.three_phase;
    return scheduler(fv_one_cycle_lr_ex(&a));
}

struct reduce_lr_on_plateau_options {
    fv_plateau_mode mode = fv_reduce_lr_on_plateau_defaults.mode;
    double factor = fv_reduce_lr_on_plateau_defaults.factor;
    int64_t patience = fv_reduce_lr_on_plateau_defaults.patience;
    double threshold = fv_reduce_lr_on_plateau_defaults.threshold;
    fv_threshold_mode threshold_mode = fv_reduce_lr_on_plateau_defaults.threshold_mode;
    int64_t cooldown = fv_reduce_lr_on_plateau_defaults.cooldown;
    double min_lr = fv_reduce_lr_on_plateau_defaults.min_lr;
    double eps = fv_reduce_lr_on_plateau_defaults.eps;
};
inline scheduler reduce_lr_on_plateau(const optim &optim_, const reduce_lr_on_plateau_options &options = {})
{
    fv_reduce_lr_on_plateau_args a = fv_reduce_lr_on_plateau_defaults;
    a.optim = optim_.get();
    a.mode = options.mode;
    a.factor = options.factor;
    a.patience = options.patience;
    a.threshold = options.threshold;
    a.threshold_mode = options.threshold_mode;
    a.cooldown = options.cooldown;
    a.min_lr = options.min_lr;
    a.eps = options.eps;
    return scheduler(fv_reduce_lr_on_plateau_ex(&a));
}

struct empty_options {
    fv_dtype dtype = fv_create_defaults.dtype;
    bool requires_grad = fv_create_defaults.requires_grad;
    bool channels_last = fv_create_defaults.channels_last;
};
inline tensor empty(const shape &sizes, const empty_options &options = {})
{
    fv_create_args a = fv_create_defaults;
    a.shape = sizes;
    a.dtype = options.dtype;
    a.requires_grad = options.requires_grad;
    a.channels_last = options.channels_last;
    return detail::call([&] { return fv_empty_ex(&a); });
}

struct zeros_options {
    fv_dtype dtype = fv_create_defaults.dtype;
    bool requires_grad = fv_create_defaults.requires_grad;
    bool channels_last = fv_create_defaults.channels_last;
};
inline tensor zeros(const shape &sizes, const zeros_options &options = {})
{
    fv_create_args a = fv_create_defaults;
    a.shape = sizes;
    a.dtype = options.dtype;
    a.requires_grad = options.requires_grad;
    a.channels_last = options.channels_last;
    return detail::call([&] { return fv_zeros_ex(&a); });
}

struct ones_options {
    fv_dtype dtype = fv_create_defaults.dtype;
    bool requires_grad = fv_create_defaults.requires_grad;
    bool channels_last = fv_create_defaults.channels_last;
};
inline tensor ones(const shape &sizes, const ones_options &options = {})
{
    fv_create_args a = fv_create_defaults;
    a.shape = sizes;
    a.dtype = options.dtype;
    a.requires_grad = options.requires_grad;
    a.channels_last = options.channels_last;
    return detail::call([&] { return fv_ones_ex(&a); });
}

struct rand_options {
    fv_dtype dtype = fv_create_defaults.dtype;
    bool requires_grad = fv_create_defaults.requires_grad;
    bool channels_last = fv_create_defaults.channels_last;
};
inline tensor rand(const shape &sizes, const rand_options &options = {})
{
    fv_create_args a = fv_create_defaults;
    a.shape = sizes;
    a.dtype = options.dtype;
    a.requires_grad = options.requires_grad;
    a.channels_last = options.channels_last;
    return detail::call([&] { return fv_rand_ex(&a); });
}

struct randn_options {
    fv_dtype dtype = fv_create_defaults.dtype;
    bool requires_grad = fv_create_defaults.requires_grad;
    bool channels_last = fv_create_defaults.channels_last;
};
inline tensor randn(const shape &sizes, const randn_options &options = {})
{
    fv_create_args a = fv_create_defaults;
    a.shape = sizes;
    a.dtype = options.dtype;
    a.requires_grad = options.requires_grad;
    a.channels_last = options.channels_last;
    return detail::call([&] { return fv_randn_ex(&a); });
}

struct full_options {
    double value = fv_full_defaults.value;
    fv_dtype dtype = fv_full_defaults.dtype;
    bool requires_grad = fv_full_defaults.requires_grad;
};
inline tensor full(const shape &sizes, const full_options &options = {})
{
    fv_full_args a = fv_full_defaults;
    a.shape = sizes;
    a.value = options.value;
    a.dtype = options.dtype;
    a.requires_grad = options.requires_grad;
    return detail::call([&] { return fv_full_ex(&a); });
}

struct linspace_options {
    double start = fv_linspace_defaults.start;
    double end = fv_linspace_defaults.end;
    int64_t steps = fv_linspace_defaults.steps;
    fv_dtype dtype = fv_linspace_defaults.dtype;
};
inline tensor linspace(const linspace_options &options = {})
{
    fv_linspace_args a = fv_linspace_defaults;
    a.start = options.start;
    a.end = options.end;
    a.steps = options.steps;
    a.dtype = options.dtype;
    return detail::call([&] { return fv_linspace_ex(&a); });
}

struct eye_options {
    int64_t m = fv_eye_defaults.m;
    fv_dtype dtype = fv_eye_defaults.dtype;
};
inline tensor eye(int64_t n, const eye_options &options = {})
{
    fv_eye_args a = fv_eye_defaults;
    a.n = n;
    a.m = options.m;
    a.dtype = options.dtype;
    return detail::call([&] { return fv_eye_ex(&a); });
}

struct randint_options {
    int64_t high = fv_randint_defaults.high;
    fv_dtype dtype = fv_randint_defaults.dtype;
};
inline tensor randint(const shape &sizes, int64_t low, const randint_options &options = {})
{
    fv_randint_args a = fv_randint_defaults;
    a.shape = sizes;
    a.low = low;
    a.high = options.high;
    a.dtype = options.dtype;
    return detail::call([&] { return fv_randint_ex(&a); });
}

struct checkpoint_new_options {
    int64_t keep_last = fv_checkpoint_new_defaults.keep_last;
    fv_plateau_mode best = fv_checkpoint_new_defaults.best;
};
inline checkpoint checkpoint_new(const char *path, const module &module_, const optim &optim_, const scheduler &scheduler_, const loader &loader_, const checkpoint_new_options &options = {})
{
    fv_checkpoint_new_args a = fv_checkpoint_new_defaults;
    a.path = path;
    a.module = module_.get();
    a.optim = optim_.get();
    a.scheduler = scheduler_.get();
    a.loader = loader_.get();
    a.keep_last = options.keep_last;
    a.best = options.best;
    return checkpoint(fv_checkpoint_new_ex(&a));
}

inline fv_status checkpoint_add(const checkpoint &checkpoint_, const char *name, const module &module_, const optim &optim_, const scheduler &scheduler_, const loader &loader_)
{
    fv_checkpoint_add_args a = fv_checkpoint_add_defaults;
    a.checkpoint = checkpoint_.get();
    a.name = name;
    a.module = module_.get();
    a.optim = optim_.get();
    a.scheduler = scheduler_.get();
    a.loader = loader_.get();
    const fv_status result = fv_checkpoint_add_ex(&a);
    detail::check();
    return result;
}

struct checkpoint_save_options {
    double metric = fv_checkpoint_save_defaults.metric;
};
inline fv_status checkpoint_save(const checkpoint &checkpoint_, const checkpoint_save_options &options = {})
{
    fv_checkpoint_save_args a = fv_checkpoint_save_defaults;
    a.checkpoint = checkpoint_.get();
    a.metric = options.metric;
    const fv_status result = fv_checkpoint_save_ex(&a);
    detail::check();
    return result;
}

inline fv_status checkpoint_load(const checkpoint &checkpoint_, const char *path)
{
    fv_checkpoint_load_args a = fv_checkpoint_load_defaults;
    a.checkpoint = checkpoint_.get();
    a.path = path;
    const fv_status result = fv_checkpoint_load_ex(&a);
    detail::check();
    return result;
}

inline tensor escape(const tensor &t)
{
    return detail::call([&] { return fv_escape(t.get()); });
}

inline tensor scalar(double value, fv_dtype dtype_)
{
    return detail::call([&] { return fv_scalar(value, dtype_); });
}

inline tensor randperm(int64_t n)
{
    return detail::call([&] { return fv_randperm(n); });
}

inline tensor bernoulli(const tensor &p)
{
    return detail::call([&] { return fv_bernoulli(p.get()); });
}

inline tensor empty_like(const tensor &t)
{
    return detail::call([&] { return fv_empty_like(t.get()); });
}

inline tensor zeros_like(const tensor &t)
{
    return detail::call([&] { return fv_zeros_like(t.get()); });
}

inline tensor ones_like(const tensor &t)
{
    return detail::call([&] { return fv_ones_like(t.get()); });
}

inline tensor full_like(const tensor &t, double value)
{
    return detail::call([&] { return fv_full_like(t.get(), value); });
}

inline tensor rand_like(const tensor &t)
{
    return detail::call([&] { return fv_rand_like(t.get()); });
}

inline tensor randn_like(const tensor &t)
{
    return detail::call([&] { return fv_randn_like(t.get()); });
}

inline tensor neg(const tensor &x)
{
    return detail::call([&] { return fv_neg(x.get()); });
}

inline tensor neg_(const tensor &x)
{
    return detail::call([&] { return fv_neg_(x.get()); });
}

inline tensor abs(const tensor &x)
{
    return detail::call([&] { return fv_abs(x.get()); });
}

inline tensor abs_(const tensor &x)
{
    return detail::call([&] { return fv_abs_(x.get()); });
}

inline tensor sign(const tensor &x)
{
    return detail::call([&] { return fv_sign(x.get()); });
}

inline tensor sign_(const tensor &x)
{
    return detail::call([&] { return fv_sign_(x.get()); });
}

inline tensor square(const tensor &x)
{
    return detail::call([&] { return fv_square(x.get()); });
}

inline tensor square_(const tensor &x)
{
    return detail::call([&] { return fv_square_(x.get()); });
}

inline tensor floor(const tensor &x)
{
    return detail::call([&] { return fv_floor(x.get()); });
}

inline tensor floor_(const tensor &x)
{
    return detail::call([&] { return fv_floor_(x.get()); });
}

inline tensor ceil(const tensor &x)
{
    return detail::call([&] { return fv_ceil(x.get()); });
}

inline tensor ceil_(const tensor &x)
{
    return detail::call([&] { return fv_ceil_(x.get()); });
}

inline tensor round(const tensor &x)
{
    return detail::call([&] { return fv_round(x.get()); });
}

inline tensor round_(const tensor &x)
{
    return detail::call([&] { return fv_round_(x.get()); });
}

inline tensor reciprocal(const tensor &x)
{
    return detail::call([&] { return fv_reciprocal(x.get()); });
}

inline tensor reciprocal_(const tensor &x)
{
    return detail::call([&] { return fv_reciprocal_(x.get()); });
}

inline tensor sqrt(const tensor &x)
{
    return detail::call([&] { return fv_sqrt(x.get()); });
}

inline tensor sqrt_(const tensor &x)
{
    return detail::call([&] { return fv_sqrt_(x.get()); });
}

inline tensor rsqrt(const tensor &x)
{
    return detail::call([&] { return fv_rsqrt(x.get()); });
}

inline tensor rsqrt_(const tensor &x)
{
    return detail::call([&] { return fv_rsqrt_(x.get()); });
}

inline tensor exp(const tensor &x)
{
    return detail::call([&] { return fv_exp(x.get()); });
}

inline tensor exp_(const tensor &x)
{
    return detail::call([&] { return fv_exp_(x.get()); });
}

inline tensor expm1(const tensor &x)
{
    return detail::call([&] { return fv_expm1(x.get()); });
}

inline tensor expm1_(const tensor &x)
{
    return detail::call([&] { return fv_expm1_(x.get()); });
}

inline tensor log(const tensor &x)
{
    return detail::call([&] { return fv_log(x.get()); });
}

inline tensor log_(const tensor &x)
{
    return detail::call([&] { return fv_log_(x.get()); });
}

inline tensor log2(const tensor &x)
{
    return detail::call([&] { return fv_log2(x.get()); });
}

inline tensor log2_(const tensor &x)
{
    return detail::call([&] { return fv_log2_(x.get()); });
}

inline tensor log10(const tensor &x)
{
    return detail::call([&] { return fv_log10(x.get()); });
}

inline tensor log10_(const tensor &x)
{
    return detail::call([&] { return fv_log10_(x.get()); });
}

inline tensor log1p(const tensor &x)
{
    return detail::call([&] { return fv_log1p(x.get()); });
}

inline tensor log1p_(const tensor &x)
{
    return detail::call([&] { return fv_log1p_(x.get()); });
}

inline tensor sin(const tensor &x)
{
    return detail::call([&] { return fv_sin(x.get()); });
}

inline tensor sin_(const tensor &x)
{
    return detail::call([&] { return fv_sin_(x.get()); });
}

inline tensor cos(const tensor &x)
{
    return detail::call([&] { return fv_cos(x.get()); });
}

inline tensor cos_(const tensor &x)
{
    return detail::call([&] { return fv_cos_(x.get()); });
}

inline tensor erf(const tensor &x)
{
    return detail::call([&] { return fv_erf(x.get()); });
}

inline tensor erf_(const tensor &x)
{
    return detail::call([&] { return fv_erf_(x.get()); });
}

inline tensor relu(const tensor &x)
{
    return detail::call([&] { return fv_relu(x.get()); });
}

inline tensor relu_(const tensor &x)
{
    return detail::call([&] { return fv_relu_(x.get()); });
}

inline tensor sigmoid(const tensor &x)
{
    return detail::call([&] { return fv_sigmoid(x.get()); });
}

inline tensor sigmoid_(const tensor &x)
{
    return detail::call([&] { return fv_sigmoid_(x.get()); });
}

inline tensor tanh(const tensor &x)
{
    return detail::call([&] { return fv_tanh(x.get()); });
}

inline tensor tanh_(const tensor &x)
{
    return detail::call([&] { return fv_tanh_(x.get()); });
}

inline tensor silu(const tensor &x)
{
    return detail::call([&] { return fv_silu(x.get()); });
}

inline tensor silu_(const tensor &x)
{
    return detail::call([&] { return fv_silu_(x.get()); });
}

inline tensor gelu(const tensor &x)
{
    return detail::call([&] { return fv_gelu(x.get()); });
}

inline tensor gelu_(const tensor &x)
{
    return detail::call([&] { return fv_gelu_(x.get()); });
}

inline tensor logsigmoid(const tensor &x)
{
    return detail::call([&] { return fv_logsigmoid(x.get()); });
}

inline tensor logsigmoid_(const tensor &x)
{
    return detail::call([&] { return fv_logsigmoid_(x.get()); });
}

inline tensor hardsigmoid(const tensor &x)
{
    return detail::call([&] { return fv_hardsigmoid(x.get()); });
}

inline tensor hardsigmoid_(const tensor &x)
{
    return detail::call([&] { return fv_hardsigmoid_(x.get()); });
}

inline tensor hardswish(const tensor &x)
{
    return detail::call([&] { return fv_hardswish(x.get()); });
}

inline tensor hardswish_(const tensor &x)
{
    return detail::call([&] { return fv_hardswish_(x.get()); });
}

inline tensor fill(const tensor &x, double value)
{
    return detail::call([&] { return fv_fill(x.get(), value); });
}

inline tensor fill_(const tensor &x, double value)
{
    return detail::call([&] { return fv_fill_(x.get(), value); });
}

inline tensor add(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_add(x.get(), y.get()); });
}

inline tensor add_(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_add_(x.get(), y.get()); });
}

inline tensor sub(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_sub(x.get(), y.get()); });
}

inline tensor sub_(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_sub_(x.get(), y.get()); });
}

inline tensor mul(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_mul(x.get(), y.get()); });
}

inline tensor mul_(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_mul_(x.get(), y.get()); });
}

inline tensor div(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_div(x.get(), y.get()); });
}

inline tensor div_(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_div_(x.get(), y.get()); });
}

inline tensor pow(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_pow(x.get(), y.get()); });
}

inline tensor pow_(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_pow_(x.get(), y.get()); });
}

inline tensor maximum(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_maximum(x.get(), y.get()); });
}

inline tensor maximum_(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_maximum_(x.get(), y.get()); });
}

inline tensor minimum(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_minimum(x.get(), y.get()); });
}

inline tensor minimum_(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_minimum_(x.get(), y.get()); });
}

inline tensor copy(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_copy(x.get(), y.get()); });
}

inline tensor copy_(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_copy_(x.get(), y.get()); });
}

inline tensor where(const tensor &x, const tensor &y, const tensor &z)
{
    return detail::call([&] { return fv_where(x.get(), y.get(), z.get()); });
}

inline tensor isnan(const tensor &x)
{
    return detail::call([&] { return fv_isnan(x.get()); });
}

inline tensor logical_not(const tensor &x)
{
    return detail::call([&] { return fv_logical_not(x.get()); });
}

inline tensor eq(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_eq(x.get(), y.get()); });
}

inline tensor ne(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_ne(x.get(), y.get()); });
}

inline tensor lt(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_lt(x.get(), y.get()); });
}

inline tensor le(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_le(x.get(), y.get()); });
}

inline tensor gt(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_gt(x.get(), y.get()); });
}

inline tensor ge(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_ge(x.get(), y.get()); });
}

inline tensor logical_and(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_logical_and(x.get(), y.get()); });
}

inline tensor logical_or(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_logical_or(x.get(), y.get()); });
}

inline tensor logical_xor(const tensor &x, const tensor &y)
{
    return detail::call([&] { return fv_logical_xor(x.get(), y.get()); });
}

inline tensor to(const tensor &x, fv_dtype dtype_)
{
    return detail::call([&] { return fv_to(x.get(), dtype_); });
}

inline tensor zero_(const tensor &t)
{
    return detail::call([&] { return fv_zero_(t.get()); });
}

inline tensor last_use(const tensor &t)
{
    return detail::call([&] { return fv_last_use(t.get()); });
}

inline tensor cumsum(const tensor &x, int64_t dim)
{
    return detail::call([&] { return fv_cumsum(x.get(), dim); });
}

inline tensor max(const tensor &x)
{
    return detail::call([&] { return fv_max(x.get()); });
}

inline tensor min(const tensor &x)
{
    return detail::call([&] { return fv_min(x.get()); });
}

inline tensor gather(const tensor &x, int64_t dim, const tensor &index)
{
    return detail::call([&] { return fv_gather(x.get(), dim, index.get()); });
}

inline tensor squeeze(const tensor &x, int64_t dim)
{
    return detail::call([&] { return fv_squeeze(x.get(), dim); });
}

inline tensor unsqueeze(const tensor &x, int64_t dim)
{
    return detail::call([&] { return fv_unsqueeze(x.get(), dim); });
}

inline tensor transpose(const tensor &x, int64_t dim0, int64_t dim1)
{
    return detail::call([&] { return fv_transpose(x.get(), dim0, dim1); });
}

inline tensor t(const tensor &x)
{
    return detail::call([&] { return fv_t(x.get()); });
}

inline tensor movedim(const tensor &x, int64_t source, int64_t destination)
{
    return detail::call([&] { return fv_movedim(x.get(), source, destination); });
}

inline tensor slice(const tensor &x, int64_t dim, int64_t start, int64_t stop, int64_t step)
{
    return detail::call([&] { return fv_slice(x.get(), dim, start, stop, step); });
}

inline tensor narrow(const tensor &x, int64_t dim, int64_t start, int64_t length)
{
    return detail::call([&] { return fv_narrow(x.get(), dim, start, length); });
}

inline tensor select(const tensor &x, int64_t dim, int64_t index)
{
    return detail::call([&] { return fv_select(x.get(), dim, index); });
}

inline tensor contiguous(const tensor &x)
{
    return detail::call([&] { return fv_contiguous(x.get()); });
}

inline tensor to_channels_last(const tensor &x)
{
    return detail::call([&] { return fv_to_channels_last(x.get()); });
}

inline tensor clone(const tensor &x)
{
    return detail::call([&] { return fv_clone(x.get()); });
}

inline tensor flip(const tensor &x, fv_dims dim)
{
    return detail::call([&] { return fv_flip(x.get(), dim); });
}

inline tensor matmul(const tensor &a, const tensor &b)
{
    return detail::call([&] { return fv_matmul(a.get(), b.get()); });
}

inline tensor mm(const tensor &a, const tensor &b)
{
    return detail::call([&] { return fv_mm(a.get(), b.get()); });
}

inline tensor bmm(const tensor &a, const tensor &b)
{
    return detail::call([&] { return fv_bmm(a.get(), b.get()); });
}

inline tensor dot(const tensor &a, const tensor &b)
{
    return detail::call([&] { return fv_dot(a.get(), b.get()); });
}

inline tensor outer(const tensor &a, const tensor &b)
{
    return detail::call([&] { return fv_outer(a.get(), b.get()); });
}

inline tensor adaptive_avg_pool1d(const tensor &x, fv_dims output_size)
{
    return detail::call([&] { return fv_adaptive_avg_pool1d(x.get(), output_size); });
}

inline tensor adaptive_avg_pool2d(const tensor &x, fv_dims output_size)
{
    return detail::call([&] { return fv_adaptive_avg_pool2d(x.get(), output_size); });
}

inline tensor adaptive_avg_pool3d(const tensor &x, fv_dims output_size)
{
    return detail::call([&] { return fv_adaptive_avg_pool3d(x.get(), output_size); });
}

inline tensor pixel_shuffle(const tensor &x, int64_t factor)
{
    return detail::call([&] { return fv_pixel_shuffle(x.get(), factor); });
}

inline tensor pixel_unshuffle(const tensor &x, int64_t factor)
{
    return detail::call([&] { return fv_pixel_unshuffle(x.get(), factor); });
}

inline tensor channel_shuffle(const tensor &x, int64_t groups)
{
    return detail::call([&] { return fv_channel_shuffle(x.get(), groups); });
}

inline tensor softmax(const tensor &x, int64_t dim)
{
    return detail::call([&] { return fv_softmax(x.get(), dim); });
}

inline tensor log_softmax(const tensor &x, int64_t dim)
{
    return detail::call([&] { return fv_log_softmax(x.get(), dim); });
}

inline tensor detach(const tensor &t)
{
    return detail::call([&] { return fv_detach(t.get()); });
}

inline tensor all_reduce(const tensor &x)
{
    return detail::call([&] { return fv_all_reduce(x.get()); });
}

inline scheduler exponential_lr(const optim &optim_, double gamma)
{
    return scheduler(fv_exponential_lr(optim_.get(), gamma));
}

template <number N> tensor add(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_add_scalar, fv_add_scalar_int64);
}

template <number N> tensor add_(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_add_scalar_, fv_add_scalar_int64_);
}

template <number N> tensor div(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_div_scalar, fv_div_scalar_int64);
}

template <number N> tensor div_(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_div_scalar_, fv_div_scalar_int64_);
}

template <number N> tensor eq(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_eq_scalar, fv_eq_scalar_int64);
}

template <number N> tensor ge(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_ge_scalar, fv_ge_scalar_int64);
}

template <number N> tensor gt(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_gt_scalar, fv_gt_scalar_int64);
}

template <number N> tensor le(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_le_scalar, fv_le_scalar_int64);
}

template <number N> tensor lt(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_lt_scalar, fv_lt_scalar_int64);
}

template <number N> tensor maximum(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_maximum_scalar, fv_maximum_scalar_int64);
}

template <number N> tensor maximum_(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_maximum_scalar_, fv_maximum_scalar_int64_);
}

template <number N> tensor minimum(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_minimum_scalar, fv_minimum_scalar_int64);
}

template <number N> tensor minimum_(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_minimum_scalar_, fv_minimum_scalar_int64_);
}

template <number N> tensor mul(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_mul_scalar, fv_mul_scalar_int64);
}

template <number N> tensor mul_(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_mul_scalar_, fv_mul_scalar_int64_);
}

template <number N> tensor ne(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_ne_scalar, fv_ne_scalar_int64);
}

template <number N> tensor pow(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_pow_scalar, fv_pow_scalar_int64);
}

template <number N> tensor pow_(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_pow_scalar_, fv_pow_scalar_int64_);
}

template <number N> tensor sub(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_sub_scalar, fv_sub_scalar_int64);
}

template <number N> tensor sub_(const tensor &x, N value)
{
    return detail::with_number(x, value, fv_sub_scalar_, fv_sub_scalar_int64_);
}

namespace nn {

struct relu_options {
    bool inplace = fv_nn_relu_defaults.inplace;
};
inline module relu(const relu_options &options = {})
{
    fv_nn_relu_args a = fv_nn_relu_defaults;
    a.inplace = options.inplace;
    return module(fv_nn_relu_ex(&a));
}

struct leaky_relu_options {
    double negative_slope = fv_nn_leaky_relu_defaults.negative_slope;
};
inline module leaky_relu(const leaky_relu_options &options = {})
{
    fv_nn_leaky_relu_args a = fv_nn_leaky_relu_defaults;
    a.negative_slope = options.negative_slope;
    return module(fv_nn_leaky_relu_ex(&a));
}

struct elu_options {
    double alpha = fv_nn_elu_defaults.alpha;
};
inline module elu(const elu_options &options = {})
{
    fv_nn_elu_args a = fv_nn_elu_defaults;
    a.alpha = options.alpha;
    return module(fv_nn_elu_ex(&a));
}

struct softplus_options {
    double beta = fv_nn_softplus_defaults.beta;
    double threshold = fv_nn_softplus_defaults.threshold;
};
inline module softplus(const softplus_options &options = {})
{
    fv_nn_softplus_args a = fv_nn_softplus_defaults;
    a.beta = options.beta;
    a.threshold = options.threshold;
    return module(fv_nn_softplus_ex(&a));
}

struct hardtanh_options {
    double min_val = fv_nn_hardtanh_defaults.min_val;
    double max_val = fv_nn_hardtanh_defaults.max_val;
};
inline module hardtanh(const hardtanh_options &options = {})
{
    fv_nn_hardtanh_args a = fv_nn_hardtanh_defaults;
    a.min_val = options.min_val;
    a.max_val = options.max_val;
    return module(fv_nn_hardtanh_ex(&a));
}

struct dropout_options {
    double p = fv_nn_dropout_defaults.p;
};
inline module dropout(const dropout_options &options = {})
{
    fv_nn_dropout_args a = fv_nn_dropout_defaults;
    a.p = options.p;
    return module(fv_nn_dropout_ex(&a));
}

struct dropout2d_options {
    double p = fv_nn_dropout_defaults.p;
};
inline module dropout2d(const dropout2d_options &options = {})
{
    fv_nn_dropout_args a = fv_nn_dropout_defaults;
    a.p = options.p;
    return module(fv_nn_dropout2d_ex(&a));
}

struct conv1d_options {
    fv_dims stride = fv_nn_conv_defaults.stride;
    fv_dims padding = fv_nn_conv_defaults.padding;
    fv_dims dilation = fv_nn_conv_defaults.dilation;
    int64_t groups = fv_nn_conv_defaults.groups;
    bool bias = fv_nn_conv_defaults.bias;
    fv_pad_mode padding_mode = fv_nn_conv_defaults.padding_mode;
    fv_dtype dtype = fv_nn_conv_defaults.dtype;
};
inline module conv1d(int64_t in_channels, int64_t out_channels, fv_dims kernel_size, const conv1d_options &options = {})
{
    fv_nn_conv_args a = fv_nn_conv_defaults;
    a.in_channels = in_channels;
    a.out_channels = out_channels;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.bias = options.bias;
    a.padding_mode = options.padding_mode;
    a.dtype = options.dtype;
    return module(fv_nn_conv1d_ex(&a));
}

struct conv2d_options {
    fv_dims stride = fv_nn_conv_defaults.stride;
    fv_dims padding = fv_nn_conv_defaults.padding;
    fv_dims dilation = fv_nn_conv_defaults.dilation;
    int64_t groups = fv_nn_conv_defaults.groups;
    bool bias = fv_nn_conv_defaults.bias;
    fv_pad_mode padding_mode = fv_nn_conv_defaults.padding_mode;
    fv_dtype dtype = fv_nn_conv_defaults.dtype;
};
inline module conv2d(int64_t in_channels, int64_t out_channels, fv_dims kernel_size, const conv2d_options &options = {})
{
    fv_nn_conv_args a = fv_nn_conv_defaults;
    a.in_channels = in_channels;
    a.out_channels = out_channels;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.bias = options.bias;
    a.padding_mode = options.padding_mode;
    a.dtype = options.dtype;
    return module(fv_nn_conv2d_ex(&a));
}

struct conv3d_options {
    fv_dims stride = fv_nn_conv_defaults.stride;
    fv_dims padding = fv_nn_conv_defaults.padding;
    fv_dims dilation = fv_nn_conv_defaults.dilation;
    int64_t groups = fv_nn_conv_defaults.groups;
    bool bias = fv_nn_conv_defaults.bias;
    fv_pad_mode padding_mode = fv_nn_conv_defaults.padding_mode;
    fv_dtype dtype = fv_nn_conv_defaults.dtype;
};
inline module conv3d(int64_t in_channels, int64_t out_channels, fv_dims kernel_size, const conv3d_options &options = {})
{
    fv_nn_conv_args a = fv_nn_conv_defaults;
    a.in_channels = in_channels;
    a.out_channels = out_channels;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.groups = options.groups;
    a.bias = options.bias;
    a.padding_mode = options.padding_mode;
    a.dtype = options.dtype;
    return module(fv_nn_conv3d_ex(&a));
}

struct conv_transpose1d_options {
    fv_dims stride = fv_nn_conv_transpose_defaults.stride;
    fv_dims padding = fv_nn_conv_transpose_defaults.padding;
    fv_dims output_padding = fv_nn_conv_transpose_defaults.output_padding;
    int64_t groups = fv_nn_conv_transpose_defaults.groups;
    bool bias = fv_nn_conv_transpose_defaults.bias;
    fv_dims dilation = fv_nn_conv_transpose_defaults.dilation;
    fv_dtype dtype = fv_nn_conv_transpose_defaults.dtype;
};
inline module conv_transpose1d(int64_t in_channels, int64_t out_channels, fv_dims kernel_size, const conv_transpose1d_options &options = {})
{
    fv_nn_conv_transpose_args a = fv_nn_conv_transpose_defaults;
    a.in_channels = in_channels;
    a.out_channels = out_channels;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.bias = options.bias;
    a.dilation = options.dilation;
    a.dtype = options.dtype;
    return module(fv_nn_conv_transpose1d_ex(&a));
}

struct conv_transpose2d_options {
    fv_dims stride = fv_nn_conv_transpose_defaults.stride;
    fv_dims padding = fv_nn_conv_transpose_defaults.padding;
    fv_dims output_padding = fv_nn_conv_transpose_defaults.output_padding;
    int64_t groups = fv_nn_conv_transpose_defaults.groups;
    bool bias = fv_nn_conv_transpose_defaults.bias;
    fv_dims dilation = fv_nn_conv_transpose_defaults.dilation;
    fv_dtype dtype = fv_nn_conv_transpose_defaults.dtype;
};
inline module conv_transpose2d(int64_t in_channels, int64_t out_channels, fv_dims kernel_size, const conv_transpose2d_options &options = {})
{
    fv_nn_conv_transpose_args a = fv_nn_conv_transpose_defaults;
    a.in_channels = in_channels;
    a.out_channels = out_channels;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.bias = options.bias;
    a.dilation = options.dilation;
    a.dtype = options.dtype;
    return module(fv_nn_conv_transpose2d_ex(&a));
}

struct conv_transpose3d_options {
    fv_dims stride = fv_nn_conv_transpose_defaults.stride;
    fv_dims padding = fv_nn_conv_transpose_defaults.padding;
    fv_dims output_padding = fv_nn_conv_transpose_defaults.output_padding;
    int64_t groups = fv_nn_conv_transpose_defaults.groups;
    bool bias = fv_nn_conv_transpose_defaults.bias;
    fv_dims dilation = fv_nn_conv_transpose_defaults.dilation;
    fv_dtype dtype = fv_nn_conv_transpose_defaults.dtype;
};
inline module conv_transpose3d(int64_t in_channels, int64_t out_channels, fv_dims kernel_size, const conv_transpose3d_options &options = {})
{
    fv_nn_conv_transpose_args a = fv_nn_conv_transpose_defaults;
    a.in_channels = in_channels;
    a.out_channels = out_channels;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_padding = options.output_padding;
    a.groups = options.groups;
    a.bias = options.bias;
    a.dilation = options.dilation;
    a.dtype = options.dtype;
    return module(fv_nn_conv_transpose3d_ex(&a));
}

struct unfold_options {
    fv_dims dilation = fv_nn_unfold_defaults.dilation;
    fv_dims padding = fv_nn_unfold_defaults.padding;
    fv_dims stride = fv_nn_unfold_defaults.stride;
};
inline module unfold(fv_dims kernel_size, const unfold_options &options = {})
{
    fv_nn_unfold_args a = fv_nn_unfold_defaults;
    a.kernel_size = kernel_size;
    a.dilation = options.dilation;
    a.padding = options.padding;
    a.stride = options.stride;
    return module(fv_nn_unfold_ex(&a));
}

struct fold_options {
    fv_dims dilation = fv_nn_fold_defaults.dilation;
    fv_dims padding = fv_nn_fold_defaults.padding;
    fv_dims stride = fv_nn_fold_defaults.stride;
};
inline module fold(fv_dims output_size, fv_dims kernel_size, const fold_options &options = {})
{
    fv_nn_fold_args a = fv_nn_fold_defaults;
    a.output_size = output_size;
    a.kernel_size = kernel_size;
    a.dilation = options.dilation;
    a.padding = options.padding;
    a.stride = options.stride;
    return module(fv_nn_fold_ex(&a));
}

struct linear_options {
    bool bias = fv_nn_linear_defaults.bias;
    fv_dtype dtype = fv_nn_linear_defaults.dtype;
};
inline module linear(int64_t in_features, int64_t out_features, const linear_options &options = {})
{
    fv_nn_linear_args a = fv_nn_linear_defaults;
    a.in_features = in_features;
    a.out_features = out_features;
    a.bias = options.bias;
    a.dtype = options.dtype;
    return module(fv_nn_linear_ex(&a));
}

struct flatten_options {
    int64_t start_dim = fv_nn_flatten_defaults.start_dim;
    int64_t end_dim = fv_nn_flatten_defaults.end_dim;
};
inline module flatten(const flatten_options &options = {})
{
    fv_nn_flatten_args a = fv_nn_flatten_defaults;
    a.start_dim = options.start_dim;
    a.end_dim = options.end_dim;
    return module(fv_nn_flatten_ex(&a));
}

struct batch_norm1d_options {
    double eps = fv_nn_batch_norm_defaults.eps;
    double momentum = fv_nn_batch_norm_defaults.momentum;
    bool affine = fv_nn_batch_norm_defaults.affine;
    bool track_running_stats = fv_nn_batch_norm_defaults.track_running_stats;
    fv_dtype dtype = fv_nn_batch_norm_defaults.dtype;
};
inline module batch_norm1d(int64_t num_features, const batch_norm1d_options &options = {})
{
    fv_nn_batch_norm_args a = fv_nn_batch_norm_defaults;
    a.num_features = num_features;
    a.eps = options.eps;
    a.momentum = options.momentum;
    a.affine = options.affine;
    a.track_running_stats = options.track_running_stats;
    a.dtype = options.dtype;
    return module(fv_nn_batch_norm1d_ex(&a));
}

struct batch_norm2d_options {
    double eps = fv_nn_batch_norm_defaults.eps;
    double momentum = fv_nn_batch_norm_defaults.momentum;
    bool affine = fv_nn_batch_norm_defaults.affine;
    bool track_running_stats = fv_nn_batch_norm_defaults.track_running_stats;
    fv_dtype dtype = fv_nn_batch_norm_defaults.dtype;
};
inline module batch_norm2d(int64_t num_features, const batch_norm2d_options &options = {})
{
    fv_nn_batch_norm_args a = fv_nn_batch_norm_defaults;
    a.num_features = num_features;
    a.eps = options.eps;
    a.momentum = options.momentum;
    a.affine = options.affine;
    a.track_running_stats = options.track_running_stats;
    a.dtype = options.dtype;
    return module(fv_nn_batch_norm2d_ex(&a));
}

struct batch_norm3d_options {
    double eps = fv_nn_batch_norm_defaults.eps;
    double momentum = fv_nn_batch_norm_defaults.momentum;
    bool affine = fv_nn_batch_norm_defaults.affine;
    bool track_running_stats = fv_nn_batch_norm_defaults.track_running_stats;
    fv_dtype dtype = fv_nn_batch_norm_defaults.dtype;
};
inline module batch_norm3d(int64_t num_features, const batch_norm3d_options &options = {})
{
    fv_nn_batch_norm_args a = fv_nn_batch_norm_defaults;
    a.num_features = num_features;
    a.eps = options.eps;
    a.momentum = options.momentum;
    a.affine = options.affine;
    a.track_running_stats = options.track_running_stats;
    a.dtype = options.dtype;
    return module(fv_nn_batch_norm3d_ex(&a));
}

struct max_pool1d_options {
    fv_dims stride = fv_nn_max_pool_defaults.stride;
    fv_dims padding = fv_nn_max_pool_defaults.padding;
    fv_dims dilation = fv_nn_max_pool_defaults.dilation;
    bool ceil_mode = fv_nn_max_pool_defaults.ceil_mode;
};
inline module max_pool1d(fv_dims kernel_size, const max_pool1d_options &options = {})
{
    fv_nn_max_pool_args a = fv_nn_max_pool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.ceil_mode = options.ceil_mode;
    return module(fv_nn_max_pool1d_ex(&a));
}

struct max_pool2d_options {
    fv_dims stride = fv_nn_max_pool_defaults.stride;
    fv_dims padding = fv_nn_max_pool_defaults.padding;
    fv_dims dilation = fv_nn_max_pool_defaults.dilation;
    bool ceil_mode = fv_nn_max_pool_defaults.ceil_mode;
};
inline module max_pool2d(fv_dims kernel_size, const max_pool2d_options &options = {})
{
    fv_nn_max_pool_args a = fv_nn_max_pool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.ceil_mode = options.ceil_mode;
    return module(fv_nn_max_pool2d_ex(&a));
}

struct max_pool3d_options {
    fv_dims stride = fv_nn_max_pool_defaults.stride;
    fv_dims padding = fv_nn_max_pool_defaults.padding;
    fv_dims dilation = fv_nn_max_pool_defaults.dilation;
    bool ceil_mode = fv_nn_max_pool_defaults.ceil_mode;
};
inline module max_pool3d(fv_dims kernel_size, const max_pool3d_options &options = {})
{
    fv_nn_max_pool_args a = fv_nn_max_pool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.dilation = options.dilation;
    a.ceil_mode = options.ceil_mode;
    return module(fv_nn_max_pool3d_ex(&a));
}

struct avg_pool1d_options {
    fv_dims stride = fv_nn_avg_pool_defaults.stride;
    fv_dims padding = fv_nn_avg_pool_defaults.padding;
    bool ceil_mode = fv_nn_avg_pool_defaults.ceil_mode;
    bool count_include_pad = fv_nn_avg_pool_defaults.count_include_pad;
    int64_t divisor_override = fv_nn_avg_pool_defaults.divisor_override;
};
inline module avg_pool1d(fv_dims kernel_size, const avg_pool1d_options &options = {})
{
    fv_nn_avg_pool_args a = fv_nn_avg_pool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.ceil_mode = options.ceil_mode;
    a.count_include_pad = options.count_include_pad;
    a.divisor_override = options.divisor_override;
    return module(fv_nn_avg_pool1d_ex(&a));
}

struct avg_pool2d_options {
    fv_dims stride = fv_nn_avg_pool_defaults.stride;
    fv_dims padding = fv_nn_avg_pool_defaults.padding;
    bool ceil_mode = fv_nn_avg_pool_defaults.ceil_mode;
    bool count_include_pad = fv_nn_avg_pool_defaults.count_include_pad;
    int64_t divisor_override = fv_nn_avg_pool_defaults.divisor_override;
};
inline module avg_pool2d(fv_dims kernel_size, const avg_pool2d_options &options = {})
{
    fv_nn_avg_pool_args a = fv_nn_avg_pool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.ceil_mode = options.ceil_mode;
    a.count_include_pad = options.count_include_pad;
    a.divisor_override = options.divisor_override;
    return module(fv_nn_avg_pool2d_ex(&a));
}

struct avg_pool3d_options {
    fv_dims stride = fv_nn_avg_pool_defaults.stride;
    fv_dims padding = fv_nn_avg_pool_defaults.padding;
    bool ceil_mode = fv_nn_avg_pool_defaults.ceil_mode;
    bool count_include_pad = fv_nn_avg_pool_defaults.count_include_pad;
    int64_t divisor_override = fv_nn_avg_pool_defaults.divisor_override;
};
inline module avg_pool3d(fv_dims kernel_size, const avg_pool3d_options &options = {})
{
    fv_nn_avg_pool_args a = fv_nn_avg_pool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.ceil_mode = options.ceil_mode;
    a.count_include_pad = options.count_include_pad;
    a.divisor_override = options.divisor_override;
    return module(fv_nn_avg_pool3d_ex(&a));
}

struct max_unpool1d_options {
    fv_dims stride = fv_nn_max_unpool_defaults.stride;
    fv_dims padding = fv_nn_max_unpool_defaults.padding;
    fv_dims output_size = fv_nn_max_unpool_defaults.output_size;
};
inline module max_unpool1d(fv_dims kernel_size, const max_unpool1d_options &options = {})
{
    fv_nn_max_unpool_args a = fv_nn_max_unpool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_size = options.output_size;
    return module(fv_nn_max_unpool1d_ex(&a));
}

struct max_unpool2d_options {
    fv_dims stride = fv_nn_max_unpool_defaults.stride;
    fv_dims padding = fv_nn_max_unpool_defaults.padding;
    fv_dims output_size = fv_nn_max_unpool_defaults.output_size;
};
inline module max_unpool2d(fv_dims kernel_size, const max_unpool2d_options &options = {})
{
    fv_nn_max_unpool_args a = fv_nn_max_unpool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_size = options.output_size;
    return module(fv_nn_max_unpool2d_ex(&a));
}

struct max_unpool3d_options {
    fv_dims stride = fv_nn_max_unpool_defaults.stride;
    fv_dims padding = fv_nn_max_unpool_defaults.padding;
    fv_dims output_size = fv_nn_max_unpool_defaults.output_size;
};
inline module max_unpool3d(fv_dims kernel_size, const max_unpool3d_options &options = {})
{
    fv_nn_max_unpool_args a = fv_nn_max_unpool_defaults;
    a.kernel_size = kernel_size;
    a.stride = options.stride;
    a.padding = options.padding;
    a.output_size = options.output_size;
    return module(fv_nn_max_unpool3d_ex(&a));
}

struct upsample_options {
    fv_dims output_size = fv_nn_upsample_defaults.output_size;
    double scale_factor = fv_nn_upsample_defaults.scale_factor;
    fv_interpolation mode = fv_nn_upsample_defaults.mode;
    bool align_corners = fv_nn_upsample_defaults.align_corners;
    bool recompute_scale_factor = fv_nn_upsample_defaults.recompute_scale_factor;
    double scale_factors[3] = {fv_nn_upsample_defaults.scale_factors[0], fv_nn_upsample_defaults.scale_factors[1], fv_nn_upsample_defaults.scale_factors[2]};
};
inline module upsample(const upsample_options &options = {})
{
    fv_nn_upsample_args a = fv_nn_upsample_defaults;
    a.output_size = options.output_size;
    a.scale_factor = options.scale_factor;
    a.mode = options.mode;
    a.align_corners = options.align_corners;
    a.recompute_scale_factor = options.recompute_scale_factor;
    for (int i = 0; i < 3; i++) a.scale_factors[i] = options.scale_factors[i];
    return module(fv_nn_upsample_ex(&a));
}

struct upsampling_nearest2d_options {
    fv_dims output_size = fv_nn_upsampling_defaults.output_size;
    double scale_factor = fv_nn_upsampling_defaults.scale_factor;
};
inline module upsampling_nearest2d(const upsampling_nearest2d_options &options = {})
{
    fv_nn_upsampling_args a = fv_nn_upsampling_defaults;
    a.output_size = options.output_size;
    a.scale_factor = options.scale_factor;
    return module(fv_nn_upsampling_nearest2d_ex(&a));
}

struct upsampling_bilinear2d_options {
    fv_dims output_size = fv_nn_upsampling_defaults.output_size;
    double scale_factor = fv_nn_upsampling_defaults.scale_factor;
};
inline module upsampling_bilinear2d(const upsampling_bilinear2d_options &options = {})
{
    fv_nn_upsampling_args a = fv_nn_upsampling_defaults;
    a.output_size = options.output_size;
    a.scale_factor = options.scale_factor;
    return module(fv_nn_upsampling_bilinear2d_ex(&a));
}

inline module identity()
{
    return module(fv_nn_identity());
}

inline module adaptive_avg_pool1d(fv_dims output_size)
{
    return module(fv_nn_adaptive_avg_pool1d(output_size));
}

inline module adaptive_avg_pool2d(fv_dims output_size)
{
    return module(fv_nn_adaptive_avg_pool2d(output_size));
}

inline module adaptive_avg_pool3d(fv_dims output_size)
{
    return module(fv_nn_adaptive_avg_pool3d(output_size));
}

inline module adaptive_max_pool1d(fv_dims output_size)
{
    return module(fv_nn_adaptive_max_pool1d(output_size));
}

inline module adaptive_max_pool2d(fv_dims output_size)
{
    return module(fv_nn_adaptive_max_pool2d(output_size));
}

inline module adaptive_max_pool3d(fv_dims output_size)
{
    return module(fv_nn_adaptive_max_pool3d(output_size));
}

inline module pixel_shuffle(int64_t upscale_factor)
{
    return module(fv_nn_pixel_shuffle(upscale_factor));
}

inline module pixel_unshuffle(int64_t downscale_factor)
{
    return module(fv_nn_pixel_unshuffle(downscale_factor));
}

inline module channel_shuffle(int64_t groups)
{
    return module(fv_nn_channel_shuffle(groups));
}

inline module relu6()
{
    return module(fv_nn_relu6());
}

inline module sigmoid()
{
    return module(fv_nn_sigmoid());
}

inline module tanh()
{
    return module(fv_nn_tanh());
}

inline module silu()
{
    return module(fv_nn_silu());
}

inline module gelu()
{
    return module(fv_nn_gelu());
}

inline module softmax(int64_t dim)
{
    return module(fv_nn_softmax(dim));
}

inline module log_softmax(int64_t dim)
{
    return module(fv_nn_log_softmax(dim));
}
} // namespace nn

namespace init {

struct uniform__options {
    double a = fv_init_uniform_defaults.a;
    double b = fv_init_uniform_defaults.b;
};
inline tensor uniform_(const tensor &tensor_, const uniform__options &options = {})
{
    fv_init_uniform_args a = fv_init_uniform_defaults;
    a.tensor = tensor_.get();
    a.a = options.a;
    a.b = options.b;
    return detail::call([&] { return fv_init_uniform_ex_(&a); });
}

struct normal__options {
    double mean = fv_init_normal_defaults.mean;
    double std = fv_init_normal_defaults.std;
};
inline tensor normal_(const tensor &tensor_, const normal__options &options = {})
{
    fv_init_normal_args a = fv_init_normal_defaults;
    a.tensor = tensor_.get();
    a.mean = options.mean;
    a.std = options.std;
    return detail::call([&] { return fv_init_normal_ex_(&a); });
}

struct kaiming_uniform__options {
    double a = fv_init_kaiming_defaults.a;
    fv_fan_mode mode = fv_init_kaiming_defaults.mode;
    fv_nonlinearity nonlinearity = fv_init_kaiming_defaults.nonlinearity;
};
inline tensor kaiming_uniform_(const tensor &tensor_, const kaiming_uniform__options &options = {})
{
    fv_init_kaiming_args a = fv_init_kaiming_defaults;
    a.tensor = tensor_.get();
    a.a = options.a;
    a.mode = options.mode;
    a.nonlinearity = options.nonlinearity;
    return detail::call([&] { return fv_init_kaiming_uniform_ex_(&a); });
}

struct kaiming_normal__options {
    double a = fv_init_kaiming_defaults.a;
    fv_fan_mode mode = fv_init_kaiming_defaults.mode;
    fv_nonlinearity nonlinearity = fv_init_kaiming_defaults.nonlinearity;
};
inline tensor kaiming_normal_(const tensor &tensor_, const kaiming_normal__options &options = {})
{
    fv_init_kaiming_args a = fv_init_kaiming_defaults;
    a.tensor = tensor_.get();
    a.a = options.a;
    a.mode = options.mode;
    a.nonlinearity = options.nonlinearity;
    return detail::call([&] { return fv_init_kaiming_normal_ex_(&a); });
}

struct xavier_uniform__options {
    double gain = fv_init_xavier_defaults.gain;
};
inline tensor xavier_uniform_(const tensor &tensor_, const xavier_uniform__options &options = {})
{
    fv_init_xavier_args a = fv_init_xavier_defaults;
    a.tensor = tensor_.get();
    a.gain = options.gain;
    return detail::call([&] { return fv_init_xavier_uniform_ex_(&a); });
}

struct xavier_normal__options {
    double gain = fv_init_xavier_defaults.gain;
};
inline tensor xavier_normal_(const tensor &tensor_, const xavier_normal__options &options = {})
{
    fv_init_xavier_args a = fv_init_xavier_defaults;
    a.tensor = tensor_.get();
    a.gain = options.gain;
    return detail::call([&] { return fv_init_xavier_normal_ex_(&a); });
}

inline tensor constant_(const tensor &t, double value)
{
    return detail::call([&] { return fv_init_constant_(t.get(), value); });
}

inline tensor zeros_(const tensor &t)
{
    return detail::call([&] { return fv_init_zeros_(t.get()); });
}

inline tensor ones_(const tensor &t)
{
    return detail::call([&] { return fv_init_ones_(t.get()); });
}
} // namespace init

} // namespace fv
#endif
