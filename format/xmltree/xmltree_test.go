package xmltree

import (
	"strings"
	"testing"
)

func sample() *Element {
	pool := NewElement("pool", "type", "dir", "none", "")
	pool.AddText("name", `a<b>&"c'`+"\x01\xff")
	pool.Add(&Element{Name: "source", Open: true})
	pool.Add(NewElement("?poolctl", "mount_point", "required"))
	target := pool.Add(NewElement("target"))
	target.AddText("path", "/x").AddText("label", "")
	return pool
}

func TestElement(t *testing.T) {
	want := `<pool type='dir'>
  <name>a&lt;b&gt;&amp;&quot;c&apos;` + "\uFFFD" + `</name>
  <source>
  </source>
  <?poolctl mount_point='required'?>
  <target>
    <path>/x</path>
  </target>
</pool>
`
	if got := sample().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestXPath compares with the layout of virsh 9.0.0's --xpath and --wrap.
func TestXPath(t *testing.T) {
	for _, test := range []struct {
		expression string
		wrap       bool
		want       string
	}{
		{"//target/path", false, "<path>/x</path>\n"},
		{"/pool/target", false, "<target>\n  <path>/x</path>\n</target>\n"},
		{"/pool/@type", false, " type=\"dir\"\n"},
		{"/pool/@type", true, "<nodes type=\"dir\"/>\n"},
		{"//path/text()", false, "/x\n"},
		{"//path/text()", true, "<nodes>/x</nodes>\n"},
		{"//nosuch", false, ""},
		{"//nosuch", true, "<nodes/>\n"},
		{"//target/*", true, "<nodes>\n  <path>/x</path>\n</nodes>\n"},
		{"count(//path)", false, "1\n"},
		{"string(//path)", false, "/x\n"},
		{"//path='/x'", false, "true\n"},
		{"//path | //name/text()", false, "a&lt;b&gt;&amp;\"c'\uFFFD\n<path>/x</path>\n"},
		{"//@*", true, "<nodes type=\"dir\"/>\n"},
		{"//path/..", false, "<target>\n  <path>/x</path>\n</target>\n"},
		{"//path/ancestor::pool/name/following-sibling::target/preceding-sibling::source", false,
			"<source>\n</source>\n"},
	} {
		if got, err := sample().XPath(test.expression, test.wrap); err != nil || got != test.want {
			t.Errorf("%s wrap=%v: %v\ngot\n%s\nwant\n%s", test.expression, test.wrap, err, got, test.want)
		}
	}
	for _, bad := range []string{"//[", "", "nosuch()"} {
		if _, err := sample().XPath(bad, false); err == nil || !strings.Contains(err.Error(), "xpath") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
