# bash completion for poolctl
_poolctl() {
	local IFS=$'\n'
	COMPREPLY=($(poolctl __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
	if [ ${#COMPREPLY[@]} -eq 0 ]; then
		compopt -o default
	fi
}
complete -F _poolctl poolctl
