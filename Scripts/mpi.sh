#!/usr/bin/env bash
# Trains over 1 to 4 processes of an MPI and holds the bytes of the weights against those of a build without MPI: ISTA-Net⁺, FISTA-Net, Deep
# ADMM-Net by L-BFGS, LISTA; measures, reconstructs, scores and reproduces on three; then stops a training by SIGUSR1 and resumes it on another
# number of processes, kills a process at random, and, with Open MPI as root, trains on two hosts that are network namespaces.
# Usage: Scripts/mpi.sh [openmpi|mpich] [KILLS]; the images are made here.
set -euo pipefail
cd "$(dirname "$0")/.."
mpi=${1:-openmpi} kills=${2:-5}
case $mpi in
openmpi) package=ompi-c run="mpirun.openmpi --oversubscribe" scratch=.build-mpi ;;
mpich) package=mpich run=mpirun.mpich scratch=.build-mpich ;;
*) echo "found $mpi; expected openmpi or mpich" >&2; exit 2 ;;
esac
pkg-config --exists "$package" || { echo "found no $package in pkg-config; expected Debian's lib$mpi-dev" >&2; exit 2; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# One name for either in the package: mpi-c, which the system may have given to the other.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$(pkg-config --variable=pcfiledir "$package")/$package.pc" "$work/mpi-c.pc"
PKG_CONFIG_PATH=$work ${SWIFT:-swift} build --scratch-path "$scratch" --traits MPI,FFTW -c release --product unfold >&2
${SWIFT:-swift} build -c release --product unfold >&2
several=$PWD/$scratch/release/unfold one=$PWD/.build/release/unfold images=$PWD/Scripts/cluster_images.py answers=$PWD/Scripts/same_answers.py
[[ $(ldd "$several") == *libmpi* ]] || { echo "found no MPI in $several; expected that of $mpi" >&2; exit 1; }

cd "$work"
python3 "$images" images
same() { # NAME: what all runs of it have written
  [ "$(sha256sum "$1"-*.safetensors | cut -d' ' -f1 | sort -u | wc -l)" = 1 ] || { echo "$1: found other bytes: $(ls "$1"-*)" >&2; exit 1; }
}
trainings=(
  "ista-net-plus image-cs ista-net-plus --images images --ratio 0.25 --depth 2 --batch 7 --steps 20"
  "fista-net ct fista-net --images images --views 8 --reduce 4 --pixel-size 1 --depth 2 --channels 4 --batch 3 --steps 10"
  "admm-net cs-mri admm-net --images images --size 64 --ratio 0.3 --depth 3 --steps 6"
  "lista sparse-recovery lista --rows 20 --columns 40 --depth 3 --steps 20 --quick"
)
for training in "${trainings[@]}"; do
  read -r name arguments <<<"$training"
  # shellcheck disable=SC2086
  "$one" train $arguments --threads 2 --quiet -o "$name-alone.safetensors"
  for n in 1 2 3 4; do
    # shellcheck disable=SC2086
    $run -n $n "$several" train $arguments --threads 1 --quiet -o "$name-$n.safetensors"
  done
  same "$name"
  echo "$name: 1, 2, 3, 4 processes and a build without MPI give the same bytes"
done

# A report by three processes, and one joined from four shards: that of one run but for times.
evaluation="evaluate image-cs tval3 --images images --ratio 0.25 --quiet"
# shellcheck disable=SC2086
"$one" $evaluation --json whole.json
# shellcheck disable=SC2086
$run -n 3 "$several" $evaluation --threads 1 --json ranks.json
# shellcheck disable=SC2086
for k in 1 2 3 4; do "$one" $evaluation --shard $k/4 --json shard-$k.json; done
"$one" gather shard-*.json --quiet --json shards.json
"$answers" images 8 whole.json ranks.json shards.json
echo "evaluate: 3 processes and 4 shards give the report of one run"

# Measurements and a stack of slices by three processes: the bytes of one; a table: its figures.
"$one" simulate cs-mri images/*.png --ratio 0.3 --quiet -o one.h5
$run -n 3 "$several" simulate cs-mri images/*.png --ratio 0.3 --quiet -o three.h5
"$one" reconstruct cs-mri tv one.h5 --quiet -o one.npy
$run -n 3 "$several" reconstruct cs-mri tv one.h5 --threads 1 --quiet -o three.npy
cmp one.h5 three.h5
cmp one.npy three.npy
"$one" reproduce ista-net-3 --images images --quiet --json one.json
$run -n 3 "$several" reproduce ista-net-3 --images images --threads 1 --quiet --json three.json
"$answers" rows 9 one.json three.json
echo "simulate, reconstruct and reproduce: 3 processes give what one gives"

# What a job's time limit does: SIGUSR1 to every process, status 75, the same command again.
arguments="ct fista-net --images images --views 8 --reduce 2 --pixel-size 1 --depth 3 --channels 8 --batch 3 --steps 150 --threads 1 --quiet --checkpoint-every 5"
# shellcheck disable=SC2086
"$one" train $arguments -o stopped-whole.safetensors
# shellcheck disable=SC2086
$run -n 3 "$several" train $arguments -o stopped-again.safetensors --resume &
job=$!
until [ -e stopped-again.safetensors.checkpoint ]; do sleep 0.1; done
pkill -USR1 -f "^$several train"
wait $job && { echo "found a training that SIGUSR1 did not stop" >&2; exit 1; }
[ ! -e stopped-again.safetensors ]
# shellcheck disable=SC2086
$run -n 2 "$several" train $arguments -o stopped-again.safetensors --resume
same stopped
echo "stopped by SIGUSR1 on 3 processes, resumed on 2: the same bytes"

# A process that dies ends all within 10 s, and the checkpoint is whole.
for kill in $(seq "$kills"); do
  rm -f stopped-again*
  for attempt in $(seq 50); do
    # shellcheck disable=SC2086
    $run -n 2 "$several" train $arguments -o stopped-again.safetensors --resume >run.log 2>&1 &
    job=$!
    [ $attempt -gt 1 ] || { sleep "$((1 + RANDOM % 3)).$((RANDOM % 10))"; pkill -KILL -n -f "^$several train" || true; begin=$SECONDS; }
    if wait $job; then break; fi
    [ $attempt -gt 1 ] || [ $((SECONDS - begin)) -le 10 ] || { echo "found processes $((SECONDS - begin)) s after one was killed" >&2; exit 1; }
  done
  same stopped
done
echo "one of two processes killed $kills times: the others end, the same bytes after all"

# Two hosts, each a network namespace with a name of its own, that only TCP connects.
if [ "$mpi" = openmpi ] && [ "$(id -u)" = 0 ] && ip link add unfold0 type bridge 2>/dev/null; then
  apart() {
    for k in 1 2; do ip netns del unfold$k 2>/dev/null || true; done
    ip link del unfold0 2>/dev/null || true
  }
  trap 'apart; rm -rf "$work"' EXIT
  ip addr add 10.77.0.1/24 dev unfold0
  ip link set unfold0 up
  for k in 1 2; do
    ip netns add unfold$k
    ip link add unfoldv$k type veth peer name eth0 netns unfold$k
    ip link set unfoldv$k master unfold0 up
    ip -n unfold$k addr add 10.77.0.1$k/24 dev eth0
    ip -n unfold$k link set eth0 up
    ip -n unfold$k link set lo up
  done
  printf '#!/bin/sh\nhost=$1\nshift\nexec ip netns exec "$host" unshare --uts sh -c "hostname $host; $*"\n' >agent
  chmod +x agent
  read -r name arguments <<<"${trainings[0]}"
  # shellcheck disable=SC2086
  mpirun.openmpi --host unfold1,unfold2 --mca plm_rsh_agent "$work/agent" --mca plm_rsh_no_tree_spawn 1 --mca btl tcp,self \
    --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 -n 2 --wdir "$work" \
    "$several" train $arguments --threads 1 --quiet -o "$name-hosts.safetensors"
  same "$name"
  echo "two hosts over TCP: the same bytes"
fi
