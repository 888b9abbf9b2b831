#!/bin/sh
# null_calls.sh SOURCE: C text with a call of every public function for each of its pointers, which
# is NULL in it (a list: without items), while the others are good; read by test_nulls.c.
#
# Functions come from what the preprocessor leaves of fovea.h, as in test_public_functions.sh; the
# defaults of an arguments struct from its call macro. Left out are functions that take an fv_call,
# which the core hands to an op's functions and nobody else has, and a va_list, which is never NULL.
set -eu
source=$1
LC_ALL=C
export LC_ALL

# "struct <type> <defaults>" of every call macro, then the declarations on one line each.
{
  find "$source/tensor" "$source/autograd" "$source/nn" "$source/optim" "$source/data" "$source/train" -name '*.h' \
    ! -name '*_impl.h' -exec cat {} + | tr -d '\\\n' |
    grep -o 'FV_CALL(fv_[a-z0-9_]*, *fv_[a-z0-9_]*, *FV_[A-Z0-9_]*_DEFAULTS' |
    sed 's/FV_CALL(\([a-z0-9_]*\), *\([a-z0-9_]*\), *\([A-Z0-9_]*\)/defaults \1 \3/' |
    tr '[:upper:]' '[:lower:]'
  echo '#include "fovea.h"' | ${CC:-cc} -E -P -I"$source" -x c - |
    grep -v '^#' | tr '\n\t' '  ' |
    sed 's/__attribute__ *((\([^()]*\|([^()]*)\)*))//g; s/_Pragma *("[^"]*")//g
         s/[a-z0-9_]* \**(\*\([a-z]*\))([^()]*)/fv_\1_fn \1/g' |
    awk '{
      depth = 0
      statement = ""
      n = length($0)
      for (i = 1; i <= n; i++) {
        c = substr($0, i, 1)
        if (c == "{") depth++
        if (c == "}") depth--
        statement = statement c
        body = c == "}" && depth == 0 && statement ~ /^[^{]*\)[^{]*\{/
        if ((c == ";" && depth == 0) || body) {
          if (statement ~ /fv_/) print statement
          statement = ""
        }
      }
    }'
} | awk '
function trim(s) { gsub(/^ +| +$/, "", s); gsub(/ +/, " ", s); return s }

# "const fv_tensor *const *items" sets name and type (fv_tensor_pp)
function declare(text,   stars) {
  gsub(/[*]/, " * ", text)
  text = " " text " "
  while (gsub(/ (const|struct|enum|restrict) /, " ", text)) continue
  array = text ~ /\[/
  sub(/\[.*/, "", text)
  stars = gsub(/\*/, " ", text) + array
  text = trim(text)
  name = text
  sub(/.* /, "", name)
  type = substr(text, 1, length(text) - length(name))
  type = trim(type)
  gsub(/ /, "_", type)
  if (stars) type = type "_" substr("pppp", 1, stars)
}
function is_list(type) { return type ~ /^fv_(tensor_list|modules|milestones)$/ }
function is_pointer(type) { return type ~ /_p+$|_fn$/ || is_list(type) }
function none(type) { return is_list(type) ? "(" type "){NULL, 2}" : "NULL" }

# The value of a pointer that test_nulls.c has no good one for: memory that is 0.
function good_or_zeros(code,   word) {
  while (match(code, /GOOD_[A-Za-z0-9_]*_p/)) {
    word = substr(code, RSTART, RLENGTH)
    code = substr(code, RSTART + RLENGTH)
    if (code ~ /^[a-z0-9_]/ || word in seen) continue
    seen[word] = 1
    print "#ifndef " word "\n#define " word " ((void *)zeros)\n#endif"
  }
}

function emit(function_, what, code) {
  good_or_zeros(code)
  printf "static void null_%d(void) { %s }\n", ++count, code
  rows = rows sprintf("    {\"%s\", \"%s\", null_%d},\n", function_, what, count)
}

$1 == "defaults" { defaults[$2] = $3; next }

/^ *typedef struct fv_[a-z0-9_]*_args *\{/ {
  text = $0
  sub(/^[^{]*\{/, "", text)
  struct_name = text
  sub(/.*\} */, "", struct_name)
  sub(/ *;.*/, "", struct_name)
  sub(/\}[^}]*$/, "", text)
  n = split(text, lines, ";")
  for (i = 1; i <= n; i++) {
    if (trim(lines[i]) == "") continue
    parts = split(lines[i], declarators, ",")
    declare(declarators[1])
    base = declarators[1]
    sub(/[*a-zA-Z0-9_]+ *$/, "", base)
    sub(/ *(\* *(const)? *)+$/, "", base)
    for (k = 1; k <= parts; k++) {
      declare(k == 1 ? declarators[1] : base " " declarators[k])
      if (array || !is_pointer(type) || type == "fv_too_many_sizes_p") {
        if (name == "size") sized[struct_name] = 1
        continue
      }
      fields[struct_name]++
      field_name[struct_name, fields[struct_name]] = name
      field_type[struct_name, fields[struct_name]] = type
    }
  }
  next
}

/typedef/ || /va_list/ || /fv_call \*/ { next }

/^[^(={]*[ *]fv_[a-z0-9_]+ *\(/ {
  text = $0
  head = text
  sub(/\(.*/, "", head)
  function_ = trim(head)
  sub(/.*[ *]/, "", function_)
  sub(/^[^(]*\(/, "", text)
  sub(/\)[^)]*(\{.*)?$/, "", text)
  if (text ~ /\(/) { # a parameter that is a function
    print "#error " function_ ": its declaration is not understood"
    next
  }
  variadic = text ~ /\.\.\./
  sub(/, *\.\.\./, "", text)
  n = split(text, parameters, ",")
  if (n == 1 && trim(text) ~ /_args \*/) {
    declare(text)
    struct_name = type
    sub(/_p$/, "", struct_name)
    if (struct_name in sized) emit(function_, "arguments", "(void)(" function_ ")(NULL);")
    start = struct_name " a = " (function_ in defaults ? defaults[function_] : "{0}") ";"
    for (i = 1; i <= fields[struct_name]; i++) {
      code = start
      for (k = 1; k <= fields[struct_name]; k++) {
        type = field_type[struct_name, k]
        code = code " a." field_name[struct_name, k] " = " (k == i ? none(type) : "GOOD_" type) ";"
      }
      emit(function_, field_name[struct_name, i], code " (void)(" function_ ")(&a);")
    }
    next
  }
  for (i = 1; i <= n; i++) {
    declare(parameters[i])
    parameter_type[i] = type
    parameter_name[i] = name
  }
  for (i = 1; i <= n; i++) {
    if (!is_pointer(parameter_type[i])) continue
    code = ""
    for (k = 1; k <= n; k++)
      code = code (k > 1 ? ", " : "") (k == i ? none(parameter_type[k]) : "GOOD_" parameter_type[k])
    emit(function_, parameter_name[i], "(void)(" function_ ")(" code ");")
  }
}

END {
  printf "static const null_call null_calls[] = {\n%s};\n", rows
}'
