#!/bin/sh
# Spellings of a call: those that must not compile do not, those that must compile do so without a
# warning, with GCC and Clang, in C11, C17 and C2x. Ends with "N passed, N failed".
set -u
root=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
compilers=
for cc in gcc clang; do command -v $cc >/dev/null 2>&1 && compilers="$compilers $cc"; done
[ -n "$compilers" ] || exit 77
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion"

# program STATEMENT FILE
program() {
  cat >"$2" <<PROGRAM
#include <fovea.h>
typedef struct padding { int at[2]; } padding;
fv_tensor *f(fv_tensor *x, fv_tensor *w, fv_module *m, fv_loader *l, int n, double d, size_t z,
             fv_shape s, const float *p, fv_optim *o);
fv_tensor *f(fv_tensor *x, fv_tensor *w, fv_module *m, fv_loader *l, int n, double d, size_t z,
             fv_shape s, const float *p, fv_optim *o)
{
    (void)x, (void)w, (void)m, (void)l, (void)n, (void)d, (void)z, (void)s, (void)p, (void)o;
    $1
    return x;
}
PROGRAM
}

note() { # note WHAT STATUS
  if [ "$2" = 0 ]; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED: $1"
  fi
}

wrong() { # no compiler takes it, without any warning asked for
  program "$1" "$dir/p.c"
  for cc in $compilers; do
    if $cc -std=c17 -I"$root" -fsyntax-only "$dir/p.c" 2>/dev/null; then
      note "$cc takes: $1" 1
    else note x 0; fi
  done
}

warned() { # warned STATEMENT [FLAG]: a warning at least, without any being asked for
  program "$1" "$dir/p.c"
  for cc in $compilers; do
    $cc -std=c17 ${2:+"$2"} -I"$root" -fsyntax-only "$dir/p.c" 2>&1 | grep -qE 'warning|error'
    note "$cc says nothing about: $1" $?
  done
}

right() {
  program "$1" "$dir/p.c"
  for cc in $compilers; do
    for std in c11 c17 c2x; do
      # shellcheck disable=SC2086
      $cc -std=$std $warnings -Werror -I"$root" -fsyntax-only "$dir/p.c" 2>"$dir/log"
      note "$cc -std=$std: $1 $(head -3 "$dir/log")" $?
    done
  done
}

# --- options and positions
wrong 'fv_conv2d(x, w, .stride = (2, 1));'
wrong 'fv_conv2d(x, w, .stride = {2, 1}, .nosuch = 1);'
wrong 'fv_conv2d(x, w, .no_such_option = 1);'
wrong 'fv_conv2d(x, 3);'
wrong 'fv_conv2d(x, m);'
wrong 'fv_conv2d(x, w, 2);'
wrong 'fv_conv2d(x, w, .stride = 2.5);'
wrong 'fv_conv2d(x, w, .stride = d);'
wrong 'fv_conv2d(x, w, .stride = w);'
wrong 'fv_conv2d(x, w, .stride = s);'
wrong 'fv_conv2d(x, w, .groups = "2");'
wrong 'fv_nn_conv2d(3, 8, (3, 5));'
wrong 'fv_nn_conv2d(3, 8, 3, .padding_mode = FV_SAME);'
wrong 'fv_nn_conv2d(3, 8, 3, .bias = m, .bias = s);'
wrong 'fv_nn_conv2d(3.5, 8, 3);'
wrong 'fv_pad(x, 1, 1, .mode = FV_VALID);'
wrong 'fv_sgd(fv_parameters(m), .lr = "0.1");'
wrong 'fv_sgd(m, .lr = 0.1);'
wrong 'fv_sgd(fv_parameters(m), .lr = x);'
wrong 'fv_max_pool2d(x, (2, 2));'
wrong 'fv_batch_norm(x, w, w, .eps = FV_SAME);'
warned 'fv_conv2d(x, w, .stride = {2, 1});'
warned 'fv_conv2d(x, w, .stride = 1, .stride = 2);' -DFOVEA_CHECK_CALLS

# --- sizes
wrong 'fv_zeros(1, 2, 3, 4, 5, 6, 7, 8, 9);'
wrong 'fv_zeros(s);'
wrong 'fv_zeros(FV_SHAPE(2, 3));'
wrong 'fv_zeros(2.5);'
wrong 'fv_zeros(d);'
wrong 'fv_zeros(2, x);'
wrong 'fv_zeros(2, "3");'
wrong 'fv_randn((2, 3));'
wrong 'fv_full(2, 3, 7.5);'
wrong 'fv_randint(2, .low = 0.5, .high = 3);'
wrong 'fv_view(x, s);'
wrong 'fv_view(2, 3);'
wrong 'fv_reshape(m, 2);'
wrong 'fv_reshape(x, 2.5);'
wrong 'fv_pad(x, FV_SHAPE(1, 1));'
wrong 'fv_tensor_from(2.5, 3);'
wrong 'fv_tensor_from(p, s);'
warned 'fv_zeros({2, 3});'

# --- numbers where tensors go
wrong 'fv_add(x, NULL);'
wrong 'fv_add(x, s);'
wrong 'fv_add(x, m);'
wrong 'fv_add(x, "1");'
wrong 'fv_add(x, p);'
wrong 'fv_add(3, x);'
wrong 'fv_sub(2.5, x);'
wrong 'fv_mul(m, x);'
wrong 'fv_pow(2, 3);'
wrong 'fv_pow(x, NULL);'
wrong 'fv_gt(x, NULL);'
wrong 'fv_add_(x, m);'
wrong 'fv_fill_(x, NULL);'
wrong 'fv_fill_(x, w);'
wrong 'fv_scalar("1", FV_FLOAT32);'

# --- objects
wrong 'fv_free(x);'
wrong 'fv_backward(m);'
wrong 'fv_loader_new(m);'

right 'fv_conv2d(x, w, fv_conv2d(x, w, .stride = 2), .stride = FV_DIMS(2, 1), .padding = FV_SAME);'
right 'x = fv_relu(fv_add(x, fv_mul(fv_sub(x, 1), fv_pow(2, fv_div(x, n)))));'
right 'fv_zeros(); fv_zeros(2, z, n, .requires_grad = true); fv_ones(.shape = s); fv_full(2, .value = n);'
right 'fv_randn(1, 2, 3, 4, 5, 6, 7, 8); fv_randint(3, .high = n); fv_arange(n); fv_arange(0, 1, .1);'
right 'fv_tensor_from(p, 2, 3); fv_tensor_from(p, .shape = s); fv_tensor_from(((double[]){1, 2}), 2);'
right 'fv_view(x, n, -1); fv_view(x); fv_reshape(x, .shape = s); fv_permute(x, 0, 2, 1); fv_pad(x, 1, 1);'
right 'fv_add(x, true); fv_mul(x, 2.5f); fv_div_(x, z); fv_maximum(x, (char)1); fv_lt(x, d);'
right 'fv_pow(x, w); fv_pow(2.5, x); fv_pow_(x, 2); fv_fill_(x, n); fv_scalar(1LL, FV_INT64);'
right 'fv_sgd(fv_parameters(m), .lr = 0.1f, .momentum = n); fv_adam(fv_parameters(m), d);'
right 'for (;;) { FV_SCOPE; FV_NO_GRAD; if (n) break; FV_SCOPE; }'
right 'fv_tensor *(*g)(fv_tensor *, fv_tensor *) = fv_add; g(x, w); (fv_add)(x, w);'
right 'fv_free(m); fv_free(l); fv_free(o); fv_free(NULL);'
right 'static const fv_dims c[] = {FV_DIMS(2, 1), FV_DIMS(1, 2, 3)}; fv_sum(x, .dim = c[0]);'
right 'fv_conv_args a = fv_conv_defaults; a.input = x; fv_conv2d_ex(&a);'

# --- nested calls cost what their text costs: no argument is expanded twice
deep=x
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do deep="fv_add($deep, fv_conv2d(x, w, .stride = 2))"; done
program "x = $deep;" "$dir/p.c"
for cc in $compilers; do
  bytes=$($cc -std=c17 -E -P -I"$root" "$dir/p.c" | wc -c)
  [ "$bytes" -lt 600000 ]
  note "$cc: 17 nested calls are $bytes bytes" $?
done

# --- a compiler without what the call macros need
printf '#define __attribute__(x)\n#include <fovea.h>\n' >"$dir/p.c"
if gcc -std=c17 -U__GNUC__ -I"$root" -fsyntax-only "$dir/p.c" 2>&1 | grep -q 'need GCC or Clang'; then
  note x 0
else note 'no clear #error for another compiler' 1; fi
printf '#define FOVEA_NO_MACROS\n#include <fovea.h>\nfv_tensor *f(fv_tensor *x); fv_tensor *f(fv_tensor *x) { return fv_add(x, x); }\n' >"$dir/p.c"
for cc in $compilers; do
  # shellcheck disable=SC2086
  $cc -std=c17 $warnings -Werror -I"$root" -fsyntax-only "$dir/p.c"
  note "$cc: plain functions only" $?
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
