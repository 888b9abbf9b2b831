#!/bin/sh
# What README.md and PYTORCH.md print works as it stands: every C block with a main function compiles
# as C17 without a warning; the first program compiles by each of the printed lines and by the printed
# CMakeLists.txt, trains on made-up images and prints lines of the printed form.
set -u
root=$1
build=$2
readme=$root/README.md
[ -f "$readme" ] || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
  echo "FAILED: $*"
  failed=1
}

# blocks LANGUAGE PREFIX FILE: the blocks of a page, as PREFIX1, PREFIX2, ...
blocks() {
  awk -v start="\`\`\`$1" -v prefix="$2" '
    $0 == start { inside = 1; n++; file = prefix n; next }
    /^```/      { inside = 0; next }
    inside      { print > file }
  ' "$3"
}

# --- every program compiles -----------------------------------------------------------------------
count=0
for page in README PYTORCH; do
  [ -f "$root/$page.md" ] || continue
  blocks c "$work/$page-" "$root/$page.md"
done
for block in "$work"/*-*; do
  grep -q 'main(' "$block" || continue
  count=$((count + 1))
  mv "$block" "$block.c"
  "${CC:-cc}" -std=c17 -Wall -Wextra -Wpedantic -Werror -I"$root" -fsyntax-only "$block.c" ||
    fail "block $(basename "$block") does not compile"
done
echo "$count programs"
[ $count -ge 2 ] || fail "README.md and PYTORCH.md have a program each"
[ "${SANITIZE:-OFF}" = OFF ] || exit $failed

# --- the first one, by the lines that stand below it ----------------------------------------------
mkdir "$work/bin" "$work/first" "$work/data"
cp "$work/README-1.c" "$work/first/digits.c" || exit 1
ln -s "$build" "$work/first/build"
ln -s "$(command -v "${CC:-cc}")" "$work/bin/cc"
cmake --install "$build" --prefix "$work/prefix" >"$work/log" 2>&1 || {
  cat "$work/log"
  exit 1
}
pc=$(find "$work/prefix" -name fovea.pc)
lib=$(dirname "$(dirname "$pc")")
# shellcheck source=tests/made_up_images.sh
. "$root/tests/made_up_images.sh"
make_images "$work/data"

# The static line names what a build with everything needs.
complete=yes
for name in -lblis -lgomp zlib libpng libjpeg; do
  grep -q -e "private:.*$name" "$pc" || complete=no
done

# works WHAT: the program in first/ trains, saves, and prints what README.md prints
numbers() { sed 's/[0-9][0-9]*/N/g' "$1"; }
blocks text "$work/printed" "$readme"
works() {
  rm -f "$work/first/digits.safetensors"
  if ! (cd "$work/first" && FOVEA_DATA=$work/data LD_LIBRARY_PATH=${libraries:-} ./digits) >"$work/out" 2>&1; then
    fail "by $1, digits said: $(cat "$work/out")"
  elif [ "$(numbers "$work/out")" != "$(numbers "$work/printed1")" ]; then
    fail "by $1, README.md's first program printed: $(cat "$work/out")"
  elif ! grep -q '^epoch 2 .* accuracy 1.0000$' "$work/out"; then
    fail "by $1, digits did not learn that all is black: $(cat "$work/out")"
  elif [ ! -s "$work/first/digits.safetensors" ]; then
    fail "by $1, digits saved nothing"
  else
    echo "ok: $1"
  fi
}

lines=0
grep '^cc digits\.c' "$readme" >"$work/lines"
while read -r line; do
  lines=$((lines + 1))
  libraries=
  case $line in
    *pkg-config*)
      command -v pkg-config >/dev/null 2>&1 || continue
      libraries=$lib # where nothing in the system's own folders is
      ;;
    *build/libfovea.a*) [ $complete = yes ] || continue ;;
  esac
  rm -f "$work/first/digits"
  if (cd "$work/first" && PATH=$work/bin:$PATH PKG_CONFIG_PATH=$lib/pkgconfig sh -c "$line"); then
    works "$line"
  else
    fail "$line"
  fi
done <"$work/lines"
[ $lines -ge 4 ] || fail "README.md has no line for each way to link"

libraries=
blocks cmake "$work/cmake" "$readme"
mkdir "$work/project"
cp "$work/cmake1" "$work/project/CMakeLists.txt"
cp "$work/first/digits.c" "$work/project"
rm -f "$work/first/digits"
if CC=${CC:-cc} cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" 2>&1 &&
  cmake --build "$work/project/build" >>"$work/log" 2>&1; then
  cp "$work/project/build/digits" "$work/first/digits"
  works CMakeLists.txt
else
  cat "$work/log"
  fail "README.md's CMakeLists.txt"
fi

# --- without data, and where nothing can be saved: told before the training ------------------------
if (cd "$work/first" && FOVEA_DATA=$work/none ./digits) >"$work/out" 2>&1 ||
  ! grep -q 'examples/get_data.sh' "$work/out"; then
  fail "without data, digits said: $(cat "$work/out")"
fi
mkdir "$work/taken" "$work/taken/digits.safetensors"
if (cd "$work/taken" && FOVEA_DATA=$work/data ../first/digits) >"$work/out" 2>&1 ||
  grep -q epoch "$work/out"; then
  fail "where digits.safetensors cannot be written, digits said: $(cat "$work/out")"
fi
exit $failed
