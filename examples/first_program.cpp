/* The first program in C++20: the small residual network of first_program.c, from data to weights.
 *
 *     build/examples/first_program_cpp        (reads datasets/cifar-10-batches-bin)
 *
 * Tensors are counted and modules owned: nothing is freed by hand. Errors are exceptions here. */
#include <fovea.hpp>

#include <cstdio>

static fv::tensor residual(const fv::module &body, const fv::tensor &x)
{
    return fv::relu(x + body(x));
}

static void train_network()
{
    fv_manual_seed(0);

    fv::dataset train = fv::cifar10("datasets", {.train = true});
    fv::loader batches = fv::loader_new(train, {.batch_size = 128, .shuffle = true});

    fv::module stem =
        fv::sequential(fv::nn::conv2d(3, 32, 3, {.padding = 1}), fv::nn::batch_norm2d(32),
                       fv::nn::relu(), fv::nn::max_pool2d(2));
    fv::module body = fv::sequential(fv::nn::conv2d(32, 32, 3, {.padding = 1, .bias = false}),
                                     fv::nn::batch_norm2d(32));
    fv::module head = fv::sequential(fv::nn::flatten(), fv::nn::linear(32 * 16 * 16, 10));
    fv::module net = fv::module_list(stem.share(), body.share(), head.share());

    fv::optim opt = fv::sgd(net.parameters(), {.lr = 0.05, .momentum = 0.9, .nesterov = true});

    for (int epoch = 0; epoch < 5; epoch++) {
        double total = 0;
        int64_t seen = 0;
        for (fv::batch b; fv::next(batches, b);) {
            fv::tensor loss = fv::cross_entropy(head(residual(body, stem(b.x))), b.y);
            fv::zero_grad(opt);
            loss.backward();
            fv::step(opt);
            total += loss.item() * static_cast<double>(b.n);
            seen += b.n;
        }
        std::printf("epoch %d  loss %.4f\n", epoch, total / static_cast<double>(seen));
    }
    fv::save(net, "net.safetensors");
}

int main()
{
    fv::throw_errors(true);
    try {
        train_network();
    } catch (const fv::error &e) {
        std::fprintf(stderr, "first_program: %s\n", e.what());
        return 1;
    }
    fv_shutdown();
    return 0;
}
