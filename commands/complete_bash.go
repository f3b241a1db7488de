package commands

import (
	"fmt"
	"strings"
)

// completeBash prints the kind of the candidates, then each as it has to stand on bash's command line, one a
// line. The pieces are those of COMP_WORDS up to the cursor, as they are typed. A candidate replaces TEXT,
// which readline has told by =TEXT; without that the last piece, behind a quote that is open in it.
func (e *env) completeBash(told, pieces []string) {
	if len(pieces) == 0 {
		pieces = []string{""}
	}
	raw := joinPieces(pieces)
	last := len(raw) - 1
	head, typed := cutTyped(raw[last], pieces[len(pieces)-1], told)
	before := readBash(head)
	if before.expands || redirects(pieces) { // nobody knows what the word begins with, or it is the shell's
		fmt.Fprintln(e.data, files)
		return
	}
	line := make([]string, len(raw))
	for i, word := range raw[:last] {
		line[i] = readBash(word).plain
	}
	line[last] = readBash(head + typed).plain
	kind, candidates := e.complete(line)
	fmt.Fprintln(e.data, kind)
	for _, candidate := range candidates {
		if rest, ok := strings.CutPrefix(candidate, before.plain); ok {
			fmt.Fprintln(e.data, quoteBash(rest, before.quote))
		}
	}
}

// redirects reports whether the last piece is the file of a redirection, or the operator before it.
func redirects(pieces []string) bool {
	for _, piece := range pieces[max(0, len(pieces)-2):] {
		if piece != "" && strings.Trim(piece, "<>&|") == "" {
			return true
		}
	}
	return false
}

// joinPieces joins the words that readline takes apart at COMP_WORDBREAKS, such as --pool = x and a : b.
func joinPieces(pieces []string) []string {
	var words []string
	joins := false
	for _, piece := range pieces {
		breaks := isBreak(piece)
		if len(words) > 0 && (breaks || joins) {
			words[len(words)-1] += piece
		} else {
			words = append(words, piece)
		}
		joins = breaks
	}
	return words
}

func isBreak(piece string) bool { return piece != "" && strings.Trim(piece, "=:@") == "" }

// cutTyped cuts a word into what stays and what is replaced. What readline has told counts, if it is in the
// word: the word goes on behind the cursor.
func cutTyped(word, piece string, told []string) (head, typed string) {
	if !isBreak(piece) {
		typed = piece[readBash(piece).opened:]
	}
	head = strings.TrimSuffix(word, typed)
	if len(told) == 0 {
		return head, typed
	}
	text := strings.TrimPrefix(told[0], "=")
	switch {
	case strings.HasPrefix(typed, text):
		return head, text
	case strings.HasSuffix(word, text):
		return strings.TrimSuffix(word, text), text
	}
	return head, typed
}
