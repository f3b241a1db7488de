# bash completion for poolctl, which prints what the candidates are, then each as it has to stand on the line
_poolctl() {
	local answer=()
	mapfile -t answer < <(poolctl __complete bash ${2+"=$2"} -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	COMPREPLY=("${answer[@]:1}")
	case ${answer[0]} in
	files) compopt -o default ;;
	directories) compopt -o dirnames ;;
	esac
}
complete -F _poolctl poolctl
