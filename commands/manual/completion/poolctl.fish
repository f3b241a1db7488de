# fish completion for poolctl, which prints what the candidates are, then each of them
function __poolctl_complete
	set -l typed (commandline -ct)
	set -l word (string unescape -- $typed; or string unescape -- $typed\'; or string unescape -- $typed\")
	set -l answer (poolctl __complete fish -- (commandline -opc)[2..-1] "$word" 2>/dev/null | string split0)
	switch "$answer[1]"
		case files
			__fish_complete_path $typed
		case directories
			__fish_complete_directories $typed
		case '*'
			string join0 -- $answer[2..-1] | string split0
	end
end
complete -c poolctl -f -a '(__poolctl_complete)'
