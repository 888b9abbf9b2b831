/* What fovea.hpp promises, seen by a program: values, ownership, errors of both kinds. Run by
 * test_hpp.sh; returns 0 when all holds. */
#include <fovea.hpp>

#include <cstdio>
#include <cstring>

static int failures;

static void expect(bool holds, const char *what)
{
    if (holds) return;
    std::printf("FAILED: %s\n", what);
    failures++;
}

static std::vector<float> values(const fv::tensor &t)
{
    return t.to_vector<float>();
}

static void test_values()
{
    const fv::tensor x = fv::from<float>({1, 2, 3, 4}, {2, 2});
    expect(values(x + 1) == std::vector<float>{2, 3, 4, 5}, "x + 1");
    expect(values(2 - x) == std::vector<float>{1, 0, -1, -2}, "2 - x");
    expect(values(x * x / 2.0) == std::vector<float>{0.5f, 2, 4.5f, 8}, "x * x / 2");
    expect(fv::mul(fv::arange(3), 2).dtype() == FV_INT64, "int64 * 2 is int64");
    expect(fv::mul(fv::arange(3), 2.0).dtype() == FV_FLOAT32, "int64 * 2.0 is float32");
    expect(fv::zeros({2, 3}, {.dtype = FV_INT64}).sizes() == std::vector<int64_t>{2, 3}, "sizes");
    expect(fv::view(x, {-1}).size(0) == 4, "view");
    expect(values(fv::sum(x, {.dim = 0, .keepdim = true})) == std::vector<float>{4, 6}, "sum");
    const fv::tensor y = fv::conv2d(fv::ones({1, 1, 4, 4}), fv::ones({1, 1, 3, 3}),
                                    {.stride = 1, .padding = FV_SAME});
    expect(y.size(-1) == 4 && fv::sum(y).item() == 100, "conv2d");
    expect(fv::cat({x, x}, 0).size(0) == 4, "cat");
    expect(fv::full({2}, {.value = 7}).item() != fv::full({2}, {.value = 7}).item(), "item of two");
    fv_clear_error();
}

static void test_gradients()
{
    const fv::tensor w = fv::from<double>({1, 2, 3});
    fv_requires_grad(w.get(), true);
    fv::sum(w * w).backward();
    expect(w.grad().to_vector<double>() == std::vector<double>{2, 4, 6}, "gradient");
    const fv::no_grad off;
    expect(!(w * w).requires_grad(), "no_grad");
}

static double train(int steps)
{
    fv_manual_seed(1);
    const fv::module net =
        fv::sequential(fv::nn::linear(4, 8), fv::nn::relu(), fv::nn::linear(8, 1));
    const fv::optim opt = fv::adam(net.parameters(), {.lr = 0.05});
    const fv::tensor x = fv::randn({16, 4}), y = fv::sum(x, {.dim = 1, .keepdim = true});
    double loss = 0;
    for (int i = 0; i < steps; i++) {
        const fv::tensor l = fv::mse_loss(net(x), y);
        fv::zero_grad(opt);
        l.backward();
        fv::step(opt);
        loss = l.item();
    }
    return loss;
}

static void test_ownership()
{
    const auto before = fv_memory_stats().live_tensors;
    expect(train(60) < 0.3 * train(1), "training lowers the loss");
    expect(fv_memory_stats().live_tensors == before, "nothing is left behind");
    fv::module first = fv::nn::relu();
    const fv::module net = fv::sequential(first.share(), fv::nn::flatten());
    expect(first(fv::ones({2})).numel() == 2, "a shared child is called by its own name");
    const fv::module plain = fv::nn::residual(fv::nn::relu());
    expect(plain(-fv::ones({1})).item() == -1, "a residual is its input and more");
    const fv::module sum = fv::nn::residual(fv::nn::relu(), fv::nn::relu(), {.relu = true});
    expect(sum(fv::ones({1})).item() == 2, "a residual has a way around");
}

static void test_errors()
{
    fv_set_log(nullptr, nullptr);
    const fv::tensor x = fv::ones({2, 3});
    expect(!fv::matmul(x, x) && fv_error_status() != FV_OK, "a state");
    fv_clear_error();
#if defined(__cpp_exceptions)
    fv::throw_errors(true);
    try {
        fv::matmul(x, x);
        expect(false, "an exception");
    } catch (const fv::error &e) {
        expect(e.status() == FV_ERR_SHAPE && std::strstr(e.what(), "matmul"), "what was thrown");
        expect(fv_error_status() == FV_OK, "a thrown error does not stand");
    }
    try {
        fv::nn::conv2d(3, 8, 0);
        expect(false, "a layer that cannot be");
    } catch (const fv::error &) {
    }
    fv::throw_errors(false);
#endif
}

int main()
{
    test_values();
    test_gradients();
    test_ownership();
    test_errors();
    fv_shutdown();
    return failures != 0;
}
