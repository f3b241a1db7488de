package manual

import (
	"fmt"
	"strings"
)

// completeBash prints the kind of the candidates, then the candidates, quoted for bash's command line, one a
// line. The pieces are those of COMP_WORDS up to the cursor, as typed. If replaced has an element =TEXT,
// readline replaces TEXT by the candidate; otherwise it replaces the last piece, after an open quote.
func (c *completer) completeBash(replaced, pieces []string) {
	if len(pieces) == 0 {
		pieces = []string{""}
	}
	raw := joinPieces(pieces)
	last := len(raw) - 1
	head, typed := cutTyped(raw[last], pieces[len(pieces)-1], replaced)
	before := readBash(head)
	if before.expands || redirects(pieces) { // the word is known only to the shell
		fmt.Fprintln(c.w, files)
		return
	}
	line := make([]string, len(raw))
	for i, word := range raw[:last] {
		line[i] = readBash(word).plain
	}
	line[last] = readBash(head + typed).plain
	kind, candidates := c.complete(line)
	fmt.Fprintln(c.w, kind)
	for _, candidate := range candidates {
		if rest, ok := strings.CutPrefix(candidate.Word, before.plain); ok {
			fmt.Fprintln(c.w, quoteBash(rest, before.quote))
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

// joinPieces joins words that readline split at COMP_WORDBREAKS, such as --pool = x and a : b.
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

// cutTyped splits a word into the part that stays and the part that readline replaces. The text that readline
// reports has priority if the word contains it, because the word may continue behind the cursor.
func cutTyped(word, piece string, replaced []string) (head, typed string) {
	if !isBreak(piece) {
		typed = piece[readBash(piece).opened:]
	}
	head = strings.TrimSuffix(word, typed)
	if len(replaced) == 0 {
		return head, typed
	}
	text := strings.TrimPrefix(replaced[0], "=")
	switch {
	case strings.HasPrefix(typed, text):
		return head, text
	case strings.HasSuffix(word, text):
		return strings.TrimSuffix(word, text), text
	}
	return head, typed
}
