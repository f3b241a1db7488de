#compdef poolctl
_poolctl() {
	local -a answer names shown described
	local name show help found=1
	answer=("${(@0)"$(poolctl __complete zsh -- "${(@Q)words[2,CURRENT-1]}" "${(Q)IPREFIX}${(Q)PREFIX}" 2>/dev/null)"}")
	case $answer[1] in
	files) _files ;;
	directories) _files -/ ;;
	*)
		for name show help in "${(@)answer[2,-2]}"; do
			if [[ -n $help ]]; then
				described+=("$name:$help")
			else
				names+=("$name") shown+=("$show")
			fi
		done
		(( $#described )) && _describe poolctl described && found=0
		(( $#names )) && compadd -d shown -a names && found=0
		return found
		;;
	esac
}
_poolctl "$@"
