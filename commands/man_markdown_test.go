package commands

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// documentPage returns the manual page of a page of the documentation, which has a beginning. go-md2man
// converts the text.
func documentPage(t *testing.T, source string, beginning []byte) []byte {
	t.Helper()
	markdown, err := os.ReadFile("../docs/" + source)
	if err != nil {
		t.Fatal(err)
	}
	convert := exec.Command("go", "tool", "-modfile=scripts/release.d/tools.mod", "go-md2man")
	convert.Dir, convert.Stderr = "..", os.Stderr
	convert.Stdin = strings.NewReader(forManual(string(markdown)))
	body, err := convert.Output()
	if err != nil {
		t.Fatal(err)
	}
	return append(beginning, minusSigns(strings.TrimLeft(string(body), "\n"))...)
}

// minusSigns makes a minus sign of each hyphen in the text of a manual page, as users copy options from it.
func minusSigns(roff string) string {
	var b strings.Builder
	for line := range strings.Lines(roff) {
		if !strings.HasPrefix(line, ".") {
			line = strings.ReplaceAll(strings.ReplaceAll(line, `\-`, "-"), "-", `\-`)
		}
		b.WriteString(line)
	}
	return b.String()
}

var (
	link     = regexp.MustCompile(`\[([^\]\n]+)\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^## .*`)
	fence    = regexp.MustCompile("(?ms)^```.*?^```$")
	table    = regexp.MustCompile(`(?m)(^\|.*\n)+`)
	cellEnds = regexp.MustCompile(`[^\\]\|`)
)

// forManual returns Markdown as it is suited for a manual page: section titles in capitals, no links to other
// files, and lists instead of tables, which are wider than a terminal. The first line is the title.
func forManual(markdown string) string {
	_, body, _ := strings.Cut(markdown, "\n")
	var b strings.Builder
	b.WriteString("## DESCRIPTION\n")
	for body != "" {
		at := fence.FindStringIndex(body)
		if at == nil {
			at = []int{len(body), len(body)}
		}
		b.WriteString(textForManual(body[:at[0]]) + body[at[0]:at[1]])
		body = body[at[1]:]
	}
	return b.String()
}

// textForManual converts Markdown outside of fenced code.
func textForManual(text string) string {
	text = heading.ReplaceAllStringFunc(text, strings.ToUpper)
	text = link.ReplaceAllStringFunc(text, func(found string) string {
		parts := link.FindStringSubmatch(found)
		if strings.Contains(parts[2], "://") {
			return parts[1] + " (" + parts[2] + ")"
		}
		return parts[1]
	})
	return table.ReplaceAllStringFunc(text, listOfTable)
}

// listOfTable returns a definition list with the rows of a table: the first cell is the term. Of three
// columns, the last one is the definition; of more, each cell follows the title of its column.
func listOfTable(table string) string {
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	titles := cells(lines[0])
	var list strings.Builder
	for _, line := range lines[2:] {
		row := cells(line)
		var titled []string
		for i, cell := range row[1:] {
			if cell != "" {
				titled = append(titled, titles[i+1]+": "+cell)
			}
		}
		text := strings.Join(titled, "; ")
		switch {
		case len(row) == 2:
			text = row[1]
		case len(row) == 3 && row[1] != "":
			text = strings.TrimSpace(row[2] + " (" + titled[0] + ")")
		}
		list.WriteString("\n" + row[0] + "\n: " + text + "\n")
	}
	return list.String()
}

// cells returns the cells of a line of a table.
func cells(line string) []string {
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	var cells []string
	for line != "" {
		cell := line
		if at := cellEnds.FindStringIndex(line); at != nil {
			cell = line[:at[0]+1]
		}
		line = strings.TrimPrefix(line[len(cell):], "|")
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), `\|`, "|"))
	}
	return cells
}
