#!/usr/bin/env bash
# Starts a Slurm of one node (Debian's slurm-wlm and munge), lets a time limit strike a training on two processes, which requeues itself until
# it has ended, and holds the bytes against an uninterrupted run; then an array of shards, and a stack of slices on three processes.
# Usage: Scripts/slurm.sh, as root, after Scripts/mpi.sh openmpi has built.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in slurmctld slurmd sbatch munged; do
  command -v $program >/dev/null || { echo "found no $program; expected Debian's slurm-wlm and munge" >&2; exit 2; }
done
several=$PWD/.build-mpi/release/unfold one=$PWD/.build/release/unfold images=$PWD/Scripts/cluster_images.py answers=$PWD/Scripts/same_answers.py
[ -x "$several" ] && [ -x "$one" ] || { echo "found no builds; run Scripts/mpi.sh openmpi first" >&2; exit 2; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

work=$(mktemp -d)
chmod 755 "$work"
daemons=()
finish() {
  for daemon in "${daemons[@]}"; do [ ! -e "$daemon" ] || kill "$(cat "$daemon")" 2>/dev/null || true; done
  sleep 1
  rm -rf "$work"
}
trap finish EXIT

mkdir -p "$work"/{munge,control,node}
head -c 1024 /dev/urandom >"$work/munge/key"
chmod 400 "$work/munge/key"
chown -R munge "$work/munge"
chmod 711 "$work/munge"
su -s /bin/sh munge -c "/usr/sbin/munged --socket=$work/munge/socket --key-file=$work/munge/key --pid-file=$work/munge/pid \
  --log-file=$work/munge/log --seed-file=$work/munge/seed"
daemons+=("$work/munge/pid")

host=$(hostname)
export SLURM_CONF=$work/slurm.conf
cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$host
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket,cred_expire=5
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation=$work/control
SlurmdSpoolDir=$work/node
SlurmctldPidFile=$work/control/pid
SlurmdPidFile=$work/node/pid
SlurmctldLogFile=$work/control/log
SlurmdLogFile=$work/node/log
ReturnToService=2
MpiDefault=none
KillWait=5
MinJobAge=10000
NodeName=$host CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE
END
slurmctld && daemons+=("$work/control/pid")
slurmd && daemons+=("$work/node/pid")
for _ in $(seq 60); do sinfo -h -o %T 2>/dev/null | grep -q idle && break || sleep 1; done
sinfo -h -o %T | grep -q idle || { tail "$work"/{control,node}/log >&2; exit 1; }

cd "$work"
python3 "$images" images
# As long as a minute or two on one core, so that a limit of one minute strikes, some seconds before its end.
steps=${STEPS:-3000}
training="cs-mri ista-net --images images --size 64 --ratio 0.3 --depth 3 --channels 16 --batch 4 --steps $steps --threads 1 --quiet"
# shellcheck disable=SC2086
"$one" train $training -o whole.safetensors

cat >job.sbatch <<END
#!/bin/bash
#SBATCH --ntasks=2 --time=1 --signal=USR1@45 --requeue --open-mode=append --output=job.log
srun --mpi=pmix "$several" train $training -o w.safetensors --resume
status=\$?
echo "\$SLURM_RESTART_COUNT ended with \$status"
[ \$status -ne 75 ] || scontrol requeue "\$SLURM_JOB_ID"
exit \$status
END
job=$(sbatch --parsable job.sbatch)
begin=$SECONDS
until [ -e w.safetensors ]; do
  state=$(squeue -h -j "$job" -o %T)
  case $state in PENDING | RUNNING | COMPLETING | CONFIGURING | REQUEUED) ;; *)
    [ -e w.safetensors ] || { echo "found the job in state “$state”" >&2; cat job.log >&2; exit 1; } ;;
  esac
  [ $((SECONDS - begin)) -lt 1200 ] || { echo "found no weights after 20 minutes" >&2; cat job.log >&2; exit 1; }
  sleep 2
done
restarts=$(scontrol show job "$job" | grep -o 'Restarts=[0-9]*')
cmp w.safetensors whole.safetensors
[ "$restarts" != Restarts=0 ] || { echo "found no restart; expected a longer training: STEPS=$((2 * steps))" >&2; exit 1; }
echo "Slurm: a training on two processes struck by its time limit, $restarts, the bytes of an uninterrupted run"

# An array of four shards of an evaluation, joined, and a stack of slices by three processes: the report and the array of one run.
evaluation="evaluate image-cs tval3 --images images --ratio 0.25 --threads 1 --quiet"
# shellcheck disable=SC2086
"$one" $evaluation --json whole.json
sbatch --wait --array=1-4 --output=array.log --wrap "\"$one\" $evaluation --shard array --json part-\$SLURM_ARRAY_TASK_ID.json" >/dev/null
"$one" gather part-*.json --quiet --json all.json
"$answers" images 8 whole.json all.json
"$one" simulate cs-mri images/*.png --ratio 0.3 --quiet -o k.h5
"$one" reconstruct cs-mri tv k.h5 --threads 1 --quiet -o one.npy
sbatch --wait --ntasks=3 --overcommit --output=stack.log \
  --wrap "srun --mpi=pmix --overcommit \"$several\" reconstruct cs-mri tv k.h5 --threads 1 --quiet -o three.npy" >/dev/null
cmp one.npy three.npy
echo "Slurm: an array of four shards and a stack of slices on three processes give what one run gives"
