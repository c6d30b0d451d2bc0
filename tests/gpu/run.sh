#!/bin/sh
# Unpacks the GPU tests and comparisons that lie beside it and runs them all, or the groups and parts named:
#   sh run.sh [correctness] [workload] [ops] [sanitize] [part ...]
# A part has a time limit, and one that fails leaves the others alone; TUNELAB_GPU_SECONDS (540) limits them together.
# What is short is printed; figures go to $OUT/results.json and logs to $OUT/log.txt (beside this file without OUT), after
# each part anew.
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$here}
work=${TUNELAB_GPU_WORK:-/tmp/tunelab-gpu}
python=${TUNELAB_GPU_PYTHON:-python3}
end=$(($(date +%s) + ${TUNELAB_GPU_SECONDS:-540}))
wanted=" $* "

# --- what was packed ---------------------------------------------------------------------------------------------------

# unpack ARCHIVE FOLDER: unless that very archive was unpacked there before.
unpack() {
  stamp=$(cksum "$1") || return 1
  [ "$(cat "$2/.unpacked" 2>/dev/null)" = "$stamp" ] && return 0
  rm -rf "$2" && mkdir -p "$2"
  tar -xJf "$1" -C "$2" 2>/dev/null || "$python" -m tarfile -e "$1" "$2" || return 1
  echo "$stamp" >"$2/.unpacked"
}
unpack "$here/bundle.tar.xz" "$work" || exit 1
peers=$(dirname "$here")/gpu-peers/peers.tar.xz
if [ -f "$peers" ]; then unpack "$peers" "$work-peers"; fi

# A checkpoint of 28 GB: in memory where there is plenty, for a disk may take half a minute to write it.
if [ -z "$TUNELAB_GPU_MODELS" ]; then
  TUNELAB_GPU_MODELS=/tmp/tunelab-gpu-models
  free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print int($4 / 1048576) }')
  memory=$(awk '/MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
  if [ -d /dev/shm/tunelab-gpu-models ] || { [ "${free:-0}" -ge 34 ] && [ "${memory:-0}" -ge 80 ]; }; then
    TUNELAB_GPU_MODELS=/dev/shm/tunelab-gpu-models
  fi
fi
models=$TUNELAB_GPU_MODELS
logs=$work/logs
results=$work/results
export TUNELAB_GPU_RESULTS="$results" TUNELAB_NATIVE="${TUNELAB_NATIVE:-$work/tunelab.node}"
export TUNELAB_GPU_NODE="$work/node" TUNELAB_GPU_RUN_OPS="$work/runOps.mjs"
export TUNELAB_GPU_BITSANDBYTES="$work/python/bitsandbytes/libbitsandbytes_cuda130.so"
export PYTHONPATH="$work-peers:$work/python${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
mkdir -p "$logs" "$results"
cd "$work" || exit 1

# --- parts -------------------------------------------------------------------------------------------------------------

status=0
table=
chosen() {
  [ "$wanted" = "  " ] && return 0
  for word in "$@"; do
    case "$wanted" in *" $word "*) return 0 ;; esac
  done
  return 1
}
# part NAME "GROUP ..." SECONDS COMMAND ...
part() {
  name=$1 groups=$2 limit=$3
  shift 3
  # shellcheck disable=SC2086
  chosen "$name" $groups || return 0
  begun=$(date +%s)
  [ $((end - begun)) -lt "$limit" ] && limit=$((end - begun))
  if [ "$limit" -lt 10 ]; then
    code=skipped
  else
    # What the driver says is in use counts everybody's memory alike.
    nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -lms 250 >"$logs/$name.memory" 2>/dev/null &
    sampler=$!
    timeout -k 5 "$limit" "$@" >"$logs/$name.out" 2>"$logs/$name.err"
    code=$?
    kill "$sampler" 2>/dev/null
    wait "$sampler" 2>/dev/null
    show "$name"
  fi
  seconds=$(($(date +%s) - begun))
  if [ "$code" != 0 ]; then
    status=1
    echo "FAILED: $name ($code)"
    [ "$code" = skipped ] || tail -12 "$logs/$name.err" | tr '\r' '\n' | tail -12 | cut -c1-300
  fi
  table="$table  $name $([ "$code" = 0 ] && echo ok || echo "FAILED ($code)") $seconds s;"
  collect
}
show() {
  case $1 in
  tests | poisoned | library)
    grep -E "^ *(ok  |FAIL|[0-9]+ (passing|failing|pending))|^     [^ ]" "$logs/$1.out" | cut -c1-200
    grep -A400 -E "^ *[0-9]+ failing" "$logs/$1.out" | head -80
    ;;
  *) tail -30 "$logs/$1.out" | cut -c1-400 ;;
  esac
}
collect() {
  "$python" table.py "$logs" "$results" >"$out/results.json"
  for file in "$logs"/*.out "$logs"/*.err; do
    echo "=== $file"
    tail -c 100000 "$file" | tr '\r' '\n'
  done >"$out/log.txt"
}
mocha() { echo "./node node_modules/mocha/bin/mocha.js --no-config --timeout=300000 --exit $1"; }
# COMMAND FOLDER:KIND ...: a process for each, whatever becomes of the others.
# shellcheck disable=SC2016
each='command=$1; shift; code=0
for case in "$@"; do timeout -k 5 120 $command "${case%:*}" "${case##*:}" || code=1; done; exit $code'

nvidia-smi --query-gpu=name,driver_version,memory.used,memory.total --format=csv,noheader 2>/dev/null
df -h "$(dirname "$models")" | tail -1
part machine "correctness workload" 60 "$python" -c 'import importlib.metadata as metadata
for name in "torch transformers peft accelerate triton numpy pyarrow pandas bitsandbytes trl datasets unsloth pydantic".split():
    try: print(name, metadata.version(name), end="  ")
    except metadata.PackageNotFoundError: print(name, "MISSING", end="  ")
print()'
part checkpoint "correctness workload" 200 "$python" checkpoint.py "$models"

part ours correctness 240 sh -c "$each" each "./node parity.mjs" \
  "$models/shallow:nf4" "$models/shallow:dense" "$models/shallow:float16" "$models/shallow:float32" "$models/deep:nf4"
part parity correctness 200 "$python" -W ignore parity.py \
  "$models/shallow:nf4" "$models/shallow:dense" "$models/shallow:float16" "$models/shallow:float32" "$models/deep:nf4"
part follow correctness 150 "$python" -W ignore follow.py "$models/shallow" "$models/deep"
# shellcheck disable=SC2046
part library correctness 200 $(mocha library.mjs)
part notebook correctness 180 ./node notebook.mjs "$work/notebooks/article.mjs"
part bitsandbytes_bits correctness 90 "$python" bitsandbytes_bits.py
# shellcheck disable=SC2016
part float32 correctness 180 sh -c './node parity.mjs "$1" float32 && "$2" -W ignore parity.py "$1:float32"' \
  float32 "$models/deep" "$python"

part loading workload 60 ./node loading.mjs "$models/deep"
part article workload 240 ./node article.mjs "$models/deep" nf4 article:60 saver:8 auto:8 fast:8 half:6
part unsloth workload 200 "$python" -W ignore peers.py unsloth "$models/deep" 6
part hf workload 200 "$python" -W ignore peers.py hf "$models/deep" 6
part bf16 workload 150 ./node article.mjs "$models/deep" dense article:8 half:6

# shellcheck disable=SC2046
part tests ops 300 $(mocha tests.mjs)
# shellcheck disable=SC2046
part poisoned ops 300 env TUNELAB_CUDA_POISON=1 $(mocha tests.mjs)
part conformance ops 240 env CONFORMANCE_ADDON="$TUNELAB_NATIVE" ./node conformance.mjs
part attention ops 120 "$python" attention.py
part speed ops 120 ./node speed.mjs
part tensorSpeed ops 60 ./node tensorSpeed.mjs

# shellcheck disable=SC2086
part sanitize sanitize 590 "$python" sanitize.py $TUNELAB_SANITIZE

echo "$table" | tr ';' '\n'
if chosen workload article unsloth hf bf16; then "$python" table.py "$logs" "$results" --print; fi
exit $status
