package commands

import (
	"slices"

	"poolctl/commands/manual"
)

// style returns an error if the verb cannot print the style of -o with these arguments. Without -o, style
// adds that of $POOLCTL_OUTPUT, unless the verb cannot print it.
func (p *argvParser) style(arguments []string) error {
	data := p.printsData(arguments)
	if data != "" && slices.Contains(p.out, "--output=json") {
		return p.fail("%s, so -o json does not apply", data)
	}
	style := styleVariable()
	if style != "" && data == "" && !p.seen["output"] && p.canPrint(style) {
		p.out = append(p.out, "--output="+style)
	}
	return nil
}

// canPrint reports whether the verb has a style, and the other options do not exclude it.
func (p *argvParser) canPrint(style string) bool {
	flag, _, _ := manual.FindFlag(p.verb, "--output")
	return flag != nil && slices.Contains(flag.EnumSlice(), style) &&
		(!p.seen["null"] || style == "name") &&
		(!p.seen["columns"] || hasColumns(style))
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
