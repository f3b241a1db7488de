#!/bin/bash
# One side of a session of commands/compare_test.go: side.bash FILES STEPS RESULTS
# Copies FILES into DIR, an empty file system of its own, and runs there the commands in STEPS, one file each. Leaves in RESULTS
# what each one printed, its status, and what was on the machine after it. In a command, virsh is the program PROGRAM, CONFIG is
# the directory of its definitions; if FORGET is set, they are gone after each command. The shell is the same from the first
# command to the last: variables and functions stay.
set -u
umask 022
files=$1 steps=$2 results=$3
mark=$results/mark

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

# snapshot NAME writes NAME.files, seven fields for each file, and NAME.images, what qemu-img thinks of those that have changed
# since the last one. All end in NUL, because names may hold anything else.
snapshot() {
	local dirs=("$DIR") file
	[ -d "$CONFIG" ] && dirs+=("$CONFIG")
	find "${dirs[@]}" -mindepth 1 -printf '%y\0%m\0%U:%G\0%s\0%b\0%l\0%p\0' >"$1.files"
	find "$DIR" -type f -cnewer "$mark" -print0 | while IFS= read -r -d '' file; do
		printf '%s\0%s\0' "$file" "$(qemu-img info --force-share --output=json "$file" 2>/dev/null)"
	done >"$1.images"
}

mount -t tmpfs -o size=1g,mode=0755 tmpfs "$DIR"
cp -R "$files/." "$DIR"
cd "$DIR" || exit

for step in "$steps"/*; do
	result=$results/${step##*/}
	touch "$mark"
	sleep 0.01 # file times have the resolution of the kernel's clock tick
	eval "$(<"$step")" >"$result.stdout" 2>"$result.stderr" </dev/null
	echo $? >"$result.status"
	[ -z "${FORGET-}" ] || rm -rf "${CONFIG:?}"
	snapshot "$result"
done
