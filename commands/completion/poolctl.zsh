#compdef poolctl
local -a candidates
candidates=(${(f)"$(poolctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
if (( ${#candidates} )); then
	compadd -a candidates
else
	_files
fi
