#!/usr/bin/env bash
# Compiles the library to WebAssembly and puts the page together in a folder that any file server
# can serve:
#
#   examples/digits/build.sh OUTDIR [WEIGHTS.safetensors]
#
# Objects are kept in OUTDIR.objects. Weights are what train_mnist --model digits saves; without
# them, the page asks for a file. MNIST's first 5,000 images go beside the page where serve.sh has
# packed them (OUTDIR/mnist-*.gz). Needs Emscripten (Debian: emscripten), CMake and Ninja or make.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
if [ $# -lt 1 ] || [ "${1#-}" != "$1" ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
mkdir -p "$1" "$1.objects"
out=$(cd "$1" && pwd)
objects=$(cd "$1.objects" && pwd)

command -v emcc >/dev/null 2>&1 || {
  echo "build.sh: there is no emcc (Debian: apt-get install emscripten)" >&2
  exit 1
}
# Debian's Emscripten finds its modules by its own Node; another one needs to be told.
[ ! -d /usr/share/nodejs ] || export NODE_PATH=/usr/share/nodejs${NODE_PATH:+:$NODE_PATH}

# --- the library ------------------------------------------------------------------------------------
generator=() launcher=()
! command -v ccache >/dev/null 2>&1 || launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
if [ ! -f "$objects/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then
  generator=(-G Ninja)
fi
emscripten=${EMSCRIPTEN:-/usr/share/emscripten}
# -Os is as fast as -O3 here, for the kernels' vectors are written out, and a third smaller.
cmake -S "$root" -B "$objects" "${generator[@]}" "${launcher[@]}" -DCMAKE_BUILD_TYPE=MinSizeRel \
  -DCMAKE_TOOLCHAIN_FILE="$emscripten/cmake/Modules/Platform/Emscripten.cmake" \
  -DCMAKE_C_FLAGS=-msimd128 -DCMAKE_C_FLAGS_MINSIZEREL=-Os \
  -DFOVEA_TESTS=OFF -DFOVEA_EXAMPLES=OFF -DFOVEA_BENCH=OFF -DFOVEA_POOL=OFF -DFOVEA_OPENMP=OFF \
  -DFOVEA_BLIS=OFF -DFOVEA_ZLIB=OFF >"$objects/configure.log" || {
  cat "$objects/configure.log"
  exit 1
}
cmake --build "$objects" --parallel "$(getconf _NPROCESSORS_ONLN)" --target fovea_static >"$objects/build.log" || {
  tail -n 40 "$objects/build.log"
  exit 1
}

# --- the module -------------------------------------------------------------------------------------
emcc -std=gnu17 -O3 -msimd128 -Wall -Wextra -I"$objects/include" "$here"/*.c "$objects/libfovea.a" \
  -o "$out/digits-wasm.js" -sMODULARIZE -sEXPORT_ES6 -sENVIRONMENT=web,worker \
  -sALLOW_MEMORY_GROWTH -sINITIAL_MEMORY=32MB -sEXPORTED_RUNTIME_METHODS=FS,ccall,UTF8ToString \
  -sINCOMING_MODULE_JS_API=locateFile,print,printErr -sSUPPORT_LONGJMP=0 -sMALLOC=emmalloc

# --- the page ---------------------------------------------------------------------------------------
cp "$here"/page/* "$out"/
[ $# -lt 2 ] || cp "$2" "$out/digits.safetensors"

# What is kept for use without network, and the version that it is kept under: all but the images to
# train on, which are kept when somebody trains.
cd "$out"
files=$(find . -maxdepth 1 -type f ! -name '*.gz' ! -name sw.js ! -name files.js | sed 's|^\./||' | LC_ALL=C sort)
version=$(printf '%s\n' "$files" | xargs cat | cksum | tr -d ' ')
{
  printf 'self.PAGE = { version: "%s", files: ["./"' "$version"
  printf '%s\n' "$files" | while read -r file; do printf ', "%s"' "$file"; done
  printf '] };\n'
} >files.js

# What a first visit loads, as servers send it.
total=0
for file in $files; do
  size=$(gzip -9 -c "$file" | wc -c)
  total=$((total + size))
done
echo "The page lies in $out: $total bytes gzipped."
