#!/bin/bash
# One side of a session of commands/compare_test.go: side.bash FILES STEPS RESULTS
# Copies FILES into DIR, an empty file system of its own, and runs there the commands in STEPS, one file each. Leaves in RESULTS
# what each one printed, its status, and what was on the machine after it. In a command, virsh is the program PROGRAM, CONFIG is
# the directory of its definitions; if FORGET is set, they are gone after each command. The shell is the same from the first
# command to the last: variables and functions stay. MODULES are loaded into the kernel first; WATCH is run after each command.
set -u
umask 022
files=$1 steps=$2 results=$3
mark=$(mktemp)
mkfifo "$mark.never" # to wait without a program

virsh() { timeout --foreground 60 "$PROGRAM" "$@"; }

# together COMMAND... runs virsh's commands in one process, because its driver test:/// has forgotten all at the end of it.
together() {
	local line
	if [[ $PROGRAM == */virsh ]]; then
		printf -v line '%s; ' "$@"
		virsh "$line"
		return
	fi
	for line in "$@"; do
		eval "virsh $line"
	done
}

# snapshot NAME writes NAME.files, seven fields for each file, and NAME.images, what qemu-img thinks of those that are new or have
# changed since the last one. All end in NUL, because names may hold anything else. NAME.machine is what machine prints. A file
# system that keeps whole seconds may hide a change, but no new file.
declare -A seen=()
snapshots=0
snapshot() {
	local dirs=("$DIR") file changed LC_ALL=C # elsewhere read may take a NUL for the end of a character
	[ -d "$CONFIG" ] && dirs+=("$CONFIG")
	find "${dirs[@]}" -mindepth 1 -printf '%y\0%m\0%U:%G\0%s\0%b\0%l\0%p\0' -path "$DIR/*" -type f \
		'(' -cnewer "$mark" -fprintf "$1.regular" 'yes\0%p\0' -o -fprintf "$1.regular" 'no\0%p\0' ')' >"$1.files"
	((++snapshots))
	while IFS= read -r -d '' changed && IFS= read -r -d '' file; do
		if [ "$changed" = yes ] || [ "${seen[$file]-}" != $((snapshots - 1)) ]; then
			printf '%s\0%s\0' "$file" "$(qemu-img info --force-share --output=json "$file" 2>/dev/null)"
		fi
		seen[$file]=$snapshots
	done <"$1.regular" >"$1.images"
	machine >"$1.machine"
}

# machine prints what is mounted, and what the session watches. No program is run for the former: they start slowly in the lab.
machine() {
	local mounts
	mapfile -t mounts </proc/self/mounts
	printf '%s\n' "${mounts[@]}"
	[ -z "$WATCH" ] || eval "$WATCH" 2>&1
}

# shellcheck disable=SC2086 # several modules
[ -z "$MODULES" ] || modprobe -a $MODULES || exit
mkdir -p "$DIR"
mount -t tmpfs -o size=1g,mode=0755 tmpfs "$DIR"
cp -R "$files/." "$DIR"
cd "$DIR" || exit
machine >"$results/start.machine"

for step in "$steps"/*; do
	result=$results/${step##*/}
	: >"$mark"
	read -r -t 0.01 <>"$mark.never" # file times have the resolution of the kernel's clock tick
	eval "$(<"$step")" >"$result.stdout" 2>"$result.stderr" </dev/null
	echo $? >"$result.status"
	[ -z "${FORGET-}" ] || rm -rf "${CONFIG:?}"
	snapshot "$result"
done
rm "$mark" "$mark.never"
