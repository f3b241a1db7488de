package manual

import "embed"

//go:embed completion/*
var scripts embed.FS

// Script returns the script that completes command lines of poolctl in a shell: bash, zsh or fish.
func Script(shell string) ([]byte, error) {
	return scripts.ReadFile("completion/poolctl." + shell)
}
