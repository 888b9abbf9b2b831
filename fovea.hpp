/* Fovea in C++20, header only: counted tensors, owned modules, options in braces.
 *
 *     fv::tensor y = fv::conv2d(x, w, {.stride = 2});
 *     auto net = fv::sequential(fv::nn::conv2d(1, 16, 3, {.padding = 1}), fv::nn::relu());
 *
 * A tensor holds a reference: no scope is needed, none does harm. An error is what it is in C, a
 * failed tensor and fv_error(); under fv::throw_errors(true), per thread, each call throws
 * fv::error in its place and forgets the standing one. calls.hpp, which generate.py makes of the C
 * headers, has every function; what is not wrapped is called with get(). */
#ifndef FOVEA_HPP
#define FOVEA_HPP

#if __cplusplus < 202002L
#error "fovea.hpp needs C++20"
#endif

#include "fovea.h"

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fv
{

using dims = fv_dims;
using dtype = fv_dtype;

/* --- errors ----------------------------------------------------------------------------------- */

class error : public std::runtime_error
{
  public:
    error(fv_status status, const std::string &message)
        : std::runtime_error(message), status_(status)
    {
    }
    fv_status status() const noexcept
    {
        return status_;
    }

  private:
    fv_status status_;
};

namespace detail
{
inline thread_local bool throws = false;

/* The standing error as an exception, if this thread asked for that. */
inline void check()
{
#if defined(__cpp_exceptions)
    if (!throws || fv_error_status() == FV_OK) return;
    error e(fv_error_status(), fv_error());
    fv_clear_error();
    throw e;
#endif
}
} // namespace detail

/* From here on errors of this thread are exceptions (true) or states (false). Returns what was. */
inline bool throw_errors(bool on)
{
    return std::exchange(detail::throws, on);
}

/* --- scopes and modes ------------------------------------------------------------------------- */

/* What C functions make while it lives dies with it, unless a tensor below holds it. */
class scope
{
  public:
    scope() : scope_(fv_scope_open(&scope_)) {}
    ~scope()
    {
        fv_scope_close(&scope_);
    }
    scope(const scope &) = delete;
    scope &operator=(const scope &) = delete;

  private:
    fv_scope scope_;
};

class no_grad
{
  public:
    no_grad() : mode_(fv_grad_mode_open(&mode_, false)) {}
    ~no_grad()
    {
        fv_grad_mode_close(&mode_);
    }
    no_grad(const no_grad &) = delete;
    no_grad &operator=(const no_grad &) = delete;

  private:
    fv_grad_mode mode_;
};

/* --- shapes ----------------------------------------------------------------------------------- */

/* {2, 3}, or a vector of sizes; more than eight are an error of the call. */
class shape
{
  public:
    shape(std::initializer_list<std::int64_t> sizes)
    {
        assign(sizes.begin(), sizes.end());
    }
    shape(const std::vector<std::int64_t> &sizes)
    {
        assign(sizes.begin(), sizes.end());
    }
    shape(const fv_shape &s) : shape_(s) {}
    operator fv_shape() const
    {
        return shape_;
    }

  private:
    template <class I> void assign(I begin, I end)
    {
        shape_.ndim = static_cast<int>(end - begin);
        for (int i = 0; begin != end && i < FV_MAX_DIMS; ++begin) shape_.dim[i++] = *begin;
    }
    fv_shape shape_{};
};

/* --- tensors ---------------------------------------------------------------------------------- */

class tensor
{
  public:
    tensor() = default;
    tensor(std::nullptr_t) {}
    /* Adds a reference of its own to what a C function gave, which a scope owns. */
    explicit tensor(fv_tensor *t) : t_(fv_retain(t)) {}
    tensor(const tensor &o) : t_(fv_retain(o.t_)) {}
    tensor(tensor &&o) noexcept : t_(std::exchange(o.t_, nullptr)) {}
    tensor &operator=(tensor o) noexcept
    {
        std::swap(t_, o.t_);
        return *this;
    }
    ~tensor()
    {
        fv_release(t_);
    }

    fv_tensor *get() const noexcept
    {
        return t_;
    }
    explicit operator bool() const noexcept
    {
        return !fv_failed(t_);
    }

    int ndim() const
    {
        return fv_ndim(t_);
    }
    std::int64_t numel() const
    {
        return fv_numel(t_);
    }
    std::int64_t size(std::int64_t dim) const
    {
        return fv_size(t_, dim);
    }
    fv_dtype dtype() const
    {
        return fv_dtype_of(t_);
    }
    std::vector<std::int64_t> sizes() const
    {
        const fv_shape s = fv_shape_of(t_);
        return {s.dim, s.dim + s.ndim};
    }
    double item() const
    {
        const double value = fv_item(t_);
        detail::check();
        return value;
    }
    /* All elements in row-major order. T is float, double, an integer type or bool's uint8_t. */
    template <class T> std::vector<T> to_vector() const;

    bool requires_grad() const
    {
        return t_ && t_->requires_grad;
    }
    tensor grad() const
    {
        return tensor(fv_grad_of(t_));
    }
    fv_status backward() const
    {
        fv_backward_args a = fv_backward_defaults;
        a.tensor = t_;
        const fv_status status = fv_backward_ex(&a);
        detail::check();
        return status;
    }

  private:
    fv_tensor *t_ = nullptr;
};

namespace detail
{
/* Runs a C function in a scope of its own, so that only the result's reference stays. */
template <class F> tensor call(F function)
{
    fv_scope s = fv_scope_open(&s);
    tensor result(function());
    fv_scope_close(&s);
    check();
    return result;
}

template <class T> constexpr fv_dtype dtype_of()
{
    if constexpr (std::is_same_v<T, float>)
        return FV_FLOAT32;
    else if constexpr (std::is_same_v<T, double>)
        return FV_FLOAT64;
    else if constexpr (std::is_same_v<T, bool>)
        return FV_BOOL;
    else {
        static_assert(std::is_integral_v<T>, "an element is a number");
        static_assert(std::is_signed_v<T> || sizeof(T) == 1, "of unsigned types there is uint8_t");
        if constexpr (std::is_unsigned_v<T>)
            return FV_UINT8;
        else
            return sizeof(T) == 1   ? FV_INT8
                   : sizeof(T) == 2 ? FV_INT16
                   : sizeof(T) == 4 ? FV_INT32
                                    : FV_INT64;
    }
}

template <class T, void (*free)(T *)> class owner
{
  public:
    owner() = default;
    explicit owner(T *object) : object_(object)
    {
        check();
    }
    owner(owner &&o) noexcept
        : object_(std::exchange(o.object_, nullptr)), owned_(std::exchange(o.owned_, true))
    {
    }
    owner &operator=(owner &&o) noexcept
    {
        std::swap(object_, o.object_);
        std::swap(owned_, o.owned_);
        return *this;
    }
    ~owner()
    {
        if (owned_) free(object_);
    }

    T *get() const noexcept
    {
        return object_;
    }
    /* Gives the object up, to a C function that takes it over. */
    T *release() noexcept
    {
        return std::exchange(object_, nullptr);
    }
    explicit operator bool() const noexcept
    {
        return object_ != nullptr;
    }

  protected:
    void borrow(T *object) noexcept
    {
        object_ = object;
        owned_ = false;
    }

  private:
    T *object_ = nullptr;
    bool owned_ = true;
};
} // namespace detail

template <class T> std::vector<T> tensor::to_vector() const
{
    static_assert(!std::is_same_v<T, bool>, "take std::uint8_t: std::vector<bool> has no memory");
    std::vector<T> out(t_ && !fv_failed(t_) ? static_cast<std::size_t>(fv_numel(t_)) : 0);
    fv_copy_out(t_, detail::dtype_of<T>(), out.data());
    detail::check();
    return out;
}

/* Tensors in a row, as an argument: {a, b}, a vector, or what a module's parameters() gave. */
class tensors
{
  public:
    tensors() = default;
    tensors(fv_tensor_list list) : list_(list) {}
    tensors(std::initializer_list<tensor> list) : held_(list)
    {
        lend();
    }
    tensors(const std::vector<tensor> &list) : held_(list)
    {
        lend();
    }
    tensors(const tensors &o) : list_(o.list_), held_(o.held_)
    {
        if (!held_.empty()) lend();
    }
    tensors &operator=(const tensors &) = delete;
    /* Valid while this lives. */
    fv_tensor_list list() const
    {
        return list_;
    }

  private:
    void lend()
    {
        for (const tensor &t : held_) items_.push_back(t.get());
        list_.items = items_.data();
        list_.count = static_cast<std::int64_t>(items_.size());
    }
    fv_tensor_list list_{};
    std::vector<tensor> held_;
    std::vector<fv_tensor *> items_;
};

/* A copy of values, of one dimension or of a shape.  Source: torch.tensor. */
template <class T> tensor from(const std::vector<T> &values, const shape &s)
{
    return detail::call([&] {
        fv_from_args a = fv_from_defaults;
        a.data = values.data();
        a.shape = s;
        a.dtype = detail::dtype_of<T>();
        if (fv_shape_numel(&a.shape) != static_cast<std::int64_t>(values.size())) {
            fv_fail(FV_ERR_SHAPE, "from: %zu values for shape %s", values.size(),
                    fv_shape_text(&a.shape));
            return fv_failed_tensor();
        }
        return fv_tensor_from_ex(&a);
    });
}
template <class T> tensor from(const std::vector<T> &values)
{
    return from(values, {static_cast<std::int64_t>(values.size())});
}

/* [0, end) or [start, end) in steps: int64 of integers, else float32.  Source: torch.arange. */
template <class N> tensor arange(N start, N end, N step = 1)
{
    return detail::call([&] {
        fv_range_args a = fv_range_defaults;
        a.start = static_cast<fv_bound>(start);
        a.end = static_cast<fv_bound>(end);
        a.step = static_cast<fv_bound>(step);
        a.dtype = std::is_integral_v<N> ? FV_INT64 : FV_FLOAT32;
        return fv_arange_ex(&a);
    });
}
template <class N> tensor arange(N end)
{
    return arange<N>(0, end);
}

/* --- numbers where tensors go ----------------------------------------------------------------- */

template <class N>
concept number = std::is_arithmetic_v<N>;

namespace detail
{
template <number N>
tensor with_number(const tensor &x, N value, fv_tensor *(*floating)(fv_tensor *, double),
                   fv_tensor *(*whole)(fv_tensor *, std::int64_t))
{
    return call([&] {
        if constexpr (std::is_integral_v<N>)
            return whole(x.get(), static_cast<std::int64_t>(value));
        else
            return floating(x.get(), static_cast<double>(value));
    });
}
} // namespace detail

/* --- modules ---------------------------------------------------------------------------------- */

/* Owned until a container takes it over: then moved from, or, as share() was passed, still there to
 * be called. */
class module : public detail::owner<fv_module, fv_module_free>
{
  public:
    using owner::owner;
    /* For a container: it takes the C module over, and this object goes on to name it, for as long
     * as the container lives. */
    module share()
    {
        module given(release());
        borrow(given.get());
        return given;
    }
    /* The module's function of up to six tensors.  Source: torch.nn.Module.__call__. */
    template <class... T> tensor operator()(const tensor &x, const T &...more) const
    {
        static_assert(sizeof...(more) < FV_MODULE_INPUTS, "a module has at most six inputs");
        fv_tensor *in[FV_MODULE_INPUTS] = {x.get(), more.get()...};
        return detail::call([&] {
            fv_forward_args a = fv_forward_defaults;
            a.module = get();
            a.x = in[0], a.x2 = in[1], a.x3 = in[2], a.x4 = in[3], a.x5 = in[4], a.x6 = in[5];
            return fv_forward_ex(&a);
        });
    }
    void train() const
    {
        fv_train(get());
    }
    void eval() const
    {
        fv_eval(get());
    }
    fv_tensor_list parameters() const
    {
        return fv_parameters(get());
    }
    std::int64_t parameter_count() const
    {
        return fv_parameter_count(get());
    }
    void print() const
    {
        fv_print_module(get());
    }
};

using optim = detail::owner<fv_optim, fv_optim_free>;
using scheduler = detail::owner<fv_scheduler, fv_scheduler_free>;
using dataset = detail::owner<fv_dataset, fv_dataset_free>;
using loader = detail::owner<fv_loader, fv_loader_free>;
using checkpoint = detail::owner<fv_checkpoint, fv_checkpoint_free>;
using data_parallel = detail::owner<fv_data_parallel, fv_data_parallel_free>;
using inspection = detail::owner<fv_inspection, fv_inspection_free>;
using figure = detail::owner<fv_figure, fv_figure_free>;

inline void init_process_group(double timeout = fv_init_process_group_defaults.timeout)
{
    fv_init_process_group_args a = fv_init_process_group_defaults;
    a.timeout = timeout;
    fv_init_process_group_ex(&a);
    detail::check();
}

namespace detail
{
template <class F, class... M> module contain(F function, M &&...children)
{
    fv_module *items[] = {nullptr, children.release()...};
    fv_modules list;
    list.items = items + 1;
    list.count = static_cast<std::int64_t>(sizeof...(children));
    return module(function(list));
}
} // namespace detail

/* Modules in a row, which the container takes over.  Source: torch.nn.Sequential. */
template <class... M> module sequential(M &&...children)
{
    return detail::contain(fv_sequential_from, std::forward<M>(children)...);
}
template <class... M> module module_list(M &&...children)
{
    return detail::contain(fv_module_list_from, std::forward<M>(children)...);
}

namespace nn
{
/* relu(body(x) + shortcut(x)), both taken over; an empty shortcut is x itself: residual(body,
 * {}, {.relu = true}). */
struct residual_options {
    bool relu = fv_nn_residual_defaults.relu;
};
inline module residual(module body, module shortcut = module(),
                       const residual_options &options = {})
{
    fv_nn_residual_args a = fv_nn_residual_defaults;
    a.body = body.release();
    a.shortcut = shortcut.release();
    a.relu = options.relu;
    return module(fv_nn_residual_ex(&a));
}
} // namespace nn

} // namespace fv

#include "cpp/calls.hpp"

namespace fv
{

/* --- operators -------------------------------------------------------------------------------- */

inline tensor operator-(const tensor &x)
{
    return neg(x);
}
inline tensor operator+(const tensor &x, const tensor &y)
{
    return add(x, y);
}
inline tensor operator-(const tensor &x, const tensor &y)
{
    return sub(x, y);
}
inline tensor operator*(const tensor &x, const tensor &y)
{
    return mul(x, y);
}
inline tensor operator/(const tensor &x, const tensor &y)
{
    return div(x, y);
}
template <number N> tensor operator+(const tensor &x, N n)
{
    return add(x, n);
}
template <number N> tensor operator-(const tensor &x, N n)
{
    return sub(x, n);
}
template <number N> tensor operator*(const tensor &x, N n)
{
    return mul(x, n);
}
template <number N> tensor operator/(const tensor &x, N n)
{
    return div(x, n);
}
template <number N> tensor operator+(N n, const tensor &x)
{
    return add(x, n);
}
template <number N> tensor operator-(N n, const tensor &x)
{
    return add(neg(x), n);
}
template <number N> tensor operator*(N n, const tensor &x)
{
    return mul(x, n);
}
template <number N> tensor operator/(N n, const tensor &x)
{
    return mul(reciprocal(x), n);
}

/* --- training --------------------------------------------------------------------------------- */

inline void zero_grad(const optim &o)
{
    fv_zero_grad(o.get());
}
inline fv_status step(const optim &o)
{
    const fv_status status = fv_step(o.get());
    detail::check();
    return status;
}

/* A batch, whose tensors are counted. */
struct batch {
    tensor x, y;
    std::int64_t n = 0;
};
inline bool next(const loader &l, batch &b)
{
    fv_scope s = fv_scope_open(&s);
    fv_batch c;
    const bool more = fv_loader_next(l.get(), &c);
    b = more ? batch{tensor(c.x), tensor(c.y), c.n} : batch{};
    fv_scope_close(&s);
    detail::check();
    return more;
}

} // namespace fv
#endif
