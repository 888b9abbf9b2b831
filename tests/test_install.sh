#!/bin/sh
# What is installed is enough: a program that knows only pkg-config's flags compiles and runs.
set -eu
build=$2
[ "${SANITIZE:-OFF}" = OFF ] || exit 77
command -v pkg-config >/dev/null 2>&1 || exit 77
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cmake --install "$build" --prefix "$dir/root" >/dev/null
pc=$(find "$dir/root" -name fovea.pc)
lib=$(dirname "$(dirname "$pc")")
sed "s|-L[^ ]*|-L$lib|; s|-I[^ ]*/include/fovea|-I$dir/root/include/fovea|" "$pc" >"$dir/fovea.pc"
cat >"$dir/program.c" <<'EOF'
#include <fovea.h>
#include <stdio.h>

int main(void)
{
    fv_module *net = fv_sequential(fv_nn_linear(4, 3), fv_nn_relu(), fv_nn_linear(3, 1));
    double before = 0, after = 0;
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(2, 4), *y = fv_full(2, 1, .value = 5);
        fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01);
        before = fv_item(fv_mse_loss(fv_forward(net, x), y));
        fv_backward(fv_mse_loss(fv_forward(net, x), y));
        fv_step(opt);
        after = fv_item(fv_mse_loss(fv_forward(net, x), y));
        fv_free(opt);
    }
    fv_free(net);
    fv_shutdown();
    printf("%g -> %g\n", before, after);
    return after < before ? 0 : 1;
}
EOF
# shellcheck disable=SC2046 # lists of flags
"${CC:-cc}" -std=c17 -Wall -Wextra -Wpedantic -Werror "$dir/program.c" \
  $(PKG_CONFIG_PATH=$dir pkg-config --cflags --libs fovea) -o "$dir/program"
LD_LIBRARY_PATH=$lib "$dir/program"
