package host

import "strings"

// A Gate is a command on whose success the following steps depend: a shell that runs the steps of a dry run
// must end if it fails.
type Gate struct{ Command }

// Shell implements Step.
func (g Gate) Shell() string {
	line := g.Command.Shell()
	if strings.Contains(line, "\n") { // a here-document ends with its line
		line = "{ " + line + "\n}"
	}
	return line + " || exit 1"
}
