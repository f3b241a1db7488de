package commands

import (
	"strings"

	"github.com/alecthomas/kong"
)

// grammarTexts are texts of a grammar without variables. kong searches each text for variables when it makes
// a parser, which takes longer than the rest of that.
type grammarTexts []grammarText

type grammarText struct {
	place *string
	text  string
}

// hide hides the texts of a grammar from kong, until restore puts them back.
func (t *grammarTexts) hide(k *kong.Kong) error {
	return kong.Visit(k.Model.Node, func(node kong.Visitable, next kong.Next) error {
		switch n := node.(type) {
		case *kong.Node:
			t.hideText(&n.Help)
		case *kong.Value:
			t.hideText(&n.Help)
			t.hideText(&n.Default)
			t.hideText(&n.Enum)
			if n.Flag != nil {
				t.hideText(&n.Flag.PlaceHolder)
			}
		}
		return next(nil)
	})
}

func (t *grammarTexts) hideText(place *string) {
	if *place != "" && !strings.Contains(*place, "$") {
		*t = append(*t, grammarText{place, *place})
		*place = ""
	}
}

func (t *grammarTexts) restore() {
	for _, text := range *t {
		*text.place = text.text
	}
}
