#!/bin/sh
# Every arguments struct can be made in C++20 from its defaults, and a C++ program can use the
# library through the _ex functions.
set -eu
root=$1 build=$2
cxx=
for c in g++ clang++; do command -v $c >/dev/null 2>&1 && cxx="$cxx $c"; done
[ -n "$cxx" ] || exit 77
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
{
  printf 'extern "C" {\n#include <fovea.h>\n}\n#include <cstdio>\n'
  printf 'template <class F, class T> static void check(F, T) {}\nstatic void all() {\n'
  cd "$root"
  find tensor autograd nn optim data train -name '*.h' ! -name '*_impl.h' -exec cat {} + |
    tr -d '\\\n' | grep -o 'FV_CALL(fv_[a-z0-9_]*, *fv_[a-z0-9_]*, *FV_[A-Z0-9_]*_DEFAULTS' |
    sed 's/FV_CALL(\([a-z0-9_]*\), *\([a-z0-9_]*\), *\([A-Z0-9_]*\)/{ \2 a = \L\3; check(\1, a); }/'
  cat <<'EOF'
}
int main()
{
    (void)all;
    fv_manual_seed(0);
    double sum = 0;
    {
        FV_SCOPE;
        fv_create_args c = fv_create_defaults;
        c.shape = FV_SHAPE(1, 2, 4, 4);
        fv_tensor *x = fv_ones_ex(&c);
        c.shape = FV_SHAPE(3, 2, 3, 3);
        c.requires_grad = true;
        fv_conv_args a = fv_conv_defaults;
        a.input = x;
        a.weight = fv_ones_ex(&c);
        a.padding = FV_DIMS(1, 0);
        fv_reduce_args r = fv_reduce_defaults;
        r.input = fv_conv2d_ex(&a);
        fv_backward_args b = fv_backward_defaults;
        b.tensor = fv_sum_ex(&r);
        sum = fv_item(b.tensor);
        if (fv_backward_ex(&b) != FV_OK) return 1;
    }
    fv_shutdown();
    std::printf("%g\n", sum);
    return sum == 360 ? 0 : 1;
}
EOF
} >"$dir/program.cpp"
[ "$(grep -c 'check(fv_' "$dir/program.cpp")" -gt 40 ] || { echo "too few argument structs found"; exit 1; }
for c in $cxx; do
  "$c" -std=c++20 -Wall -Wextra -Wpedantic -Wno-missing-field-initializers -Werror -I"$root" \
    -fsyntax-only "$dir/program.cpp"
done

# The same compiler's C++ side links and runs it.
case ${CC:-cc} in *clang*) run=clang++ ;; *) run=g++ ;; esac
command -v "$run" >/dev/null 2>&1 && [ "${SANITIZE:-OFF}" = OFF ] || exit 0
"$run" -std=c++20 -I"$build/include" "$dir/program.cpp" "$build/libfovea.so" -Wl,-rpath,"$build" \
  -o "$dir/program"
"$dir/program"
"$dir/program"
