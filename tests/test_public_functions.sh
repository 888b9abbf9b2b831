#!/bin/sh
# Every public function is called by a case or by a C test: the functions that fovea.h declares and
# the library defines, against the undefined symbols of the objects of the cases and test programs.
# What only the helpers of the tests call, or test_nulls, which calls all, does not count. Those that
# take a tensor are called by a case or by test_dead_handles.c, which hands each a tensor whose scope
# has closed.
set -u
source=$1
build=$2
command -v nm >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL

# What the preprocessor leaves of the headers: a name before a parenthesis is a declaration, or a
# call in an inline function; only declared functions are defined in the library.
echo '#include "fovea.h"' | ${CC:-cc} -E -P -I"$source" -x c - >"$work/headers" || exit 1
<"$work/headers" grep -oE '\bfv_[A-Za-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$work/declared"
nm -g --defined-only "$build"/libfovea.* 2>/dev/null |
  awk '$2 == "T" { print $3 }' | sort -u >"$work/defined"
comm -12 "$work/declared" "$work/defined" >"$work/public"

find "$build/tests" \( -path '*/test_cases.dir/*_cases.c.o' -o -path '*/test_*.dir/test_*.c.o' \) \
  ! -path '*/test_nulls.dir/*'  \
  -exec nm -u {} + | awk '$1 == "U" { print $2 }' | sort -u >"$work/called"
comm -23 "$work/public" "$work/called" >"$work/missing"

# Structs with a tensor in them, and the functions with such a parameter.
awk '/^(typedef )?struct fv_[a-z0-9_]* \{/ { inside = 1; tensor = 0 }
     inside && /fv_tensor/ { tensor = 1 }
     inside && /^\}/ { gsub(/[};]/, ""); if (tensor && NF) print $1; inside = 0 }' \
  "$work/headers" | sort -u >"$work/structs"
types=$(tr '\n' '|' <"$work/structs")
tr '\n' ' ' <"$work/headers" | sed 's/[;{}]/\n/g' | grep -vE 'typedef|\(\*' |
  grep -E "\bfv_[A-Za-z0-9_]+ *\(.*\b(${types}fv_tensor) " |
  grep -oE '\bfv_[A-Za-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$work/takers"
find "$build/tests" \( -path '*/test_cases.dir/*_cases.c.o' -o -name test_dead_handles.c.o \) \
  -exec nm -u {} + | awk '$1 == "U" { print $2 }' | sort -u >"$work/told"

# Where no dead tensor comes: the functions of the phases of a call, and tools of authors of ops for
# tensors that they have checked.
cat >"$work/exempt" <<END
fv_copy_elements
fv_event_window
fv_event_work
fv_input_dtype
fv_input_order
fv_input_shape
fv_keep
fv_last_use
fv_loader_next
fv_module_new
fv_need_dim
fv_need_dims
fv_need_elements
fv_need_floating
fv_need_ndim
fv_need_same_dtype
fv_need_size
fv_no_gradient
fv_output_channels_last
fv_output_contiguous
fv_output_like
fv_output_view
fv_reject
fv_result_type
fv_reuses
fv_set_outputs
fv_strides_like
fv_take_gradient
fv_tensor_alias
fv_tensor_borrow
fv_tensor_leave_base
fv_tensor_view
fv_text
fv_wants
fv_window_all
fv_window_same
END
comm -12 "$work/takers" "$work/defined" | comm -23 - "$work/told" |
  comm -23 - "$work/exempt" >"$work/untold"

echo "$(wc -l <"$work/public") public functions, $(wc -l <"$work/takers") take tensors"
if [ ! -s "$work/public" ] || [ ! -s "$work/called" ] || [ ! -s "$work/takers" ]; then
  echo "FAILED: nothing found to compare"
  exit 1
fi
sed 's/^/FAILED: no case and no test calls /' "$work/missing"
sed 's/^/FAILED: test_dead_handles.c hands no dead tensor to /' "$work/untold"
[ ! -s "$work/missing" ] && [ ! -s "$work/untold" ]
