#!/bin/sh
# worker-build always asks for the names of all functions, a fifth of the bundle. Nobody reads them in production: a panic
# tells its file and line.
for argument in "$@"; do
  shift
  [ "$argument" = --debuginfo ] || set -- "$@" "$argument"
done
exec "$(dirname "$0")/../node_modules/.bin/wasm-opt" "$@"
