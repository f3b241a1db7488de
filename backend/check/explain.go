package check

import (
	"embed"
	"strings"
)

//go:embed text/*.txt
var texts embed.FS

// Explain returns the text about findings with an ID: what it means, what happens if nothing is done, and the
// commands that help. It returns false for an unknown ID.
func Explain(id string) (text string, ok bool) {
	if !IsID(id) {
		return "", false
	}
	data, err := texts.ReadFile("text/" + id + ".txt")
	return string(data), err == nil
}

// Summary returns the first line of an explanation.
func Summary(id string) string {
	text, _ := Explain(id)
	line, _, _ := strings.Cut(text, "\n")
	return line
}
