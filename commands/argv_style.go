package commands

import "slices"

// checkStyle returns an error if -o asks for a style that the verb cannot print with these arguments.
func (p *argvParser) checkStyle(arguments []string) error {
	if what := p.printsData(arguments); what != "" && slices.Contains(p.out, "--output=json") {
		return p.fail("%s, so -o json does not apply", what)
	}
	return nil
}

// printsData describes the data that the verb writes to standard output with these arguments, so that nothing
// else can stand there. It is empty if there are none.
func (p *argvParser) printsData(arguments []string) string {
	switch {
	case p.seen["print-xml"]:
		return "--print-xml prints a document"
	case p.verb.Name == "vol-download" && isStdout(arguments[1]):
		return "the volume is written to standard output"
	}
	return ""
}
