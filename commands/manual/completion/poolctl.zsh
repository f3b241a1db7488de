#compdef poolctl
_poolctl() {
	local -a answer names shown
	local name show
	answer=("${(@0)"$(poolctl __complete zsh -- "${(@Q)words[2,CURRENT-1]}" "${(Q)IPREFIX}${(Q)PREFIX}" 2>/dev/null)"}")
	case $answer[1] in
	files) _files ;;
	directories) _files -/ ;;
	*)
		for name show in "${(@)answer[2,-2]}"; do
			names+=("$name") shown+=("$show")
		done
		compadd -d shown -a names
		;;
	esac
}
_poolctl "$@"
