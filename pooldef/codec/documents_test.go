package codec

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"poolctl/pooldef"
)

const (
	goodXML  = "<pool type='dir'><name>x</name><target><path>/t</path></target></pool>"
	goodYAML = "type: dir\nname: x\ntarget: {path: /t}\n"
)

// TestBadDocuments checks that a malformed document is one problem, with its line.
func TestBadDocuments(t *testing.T) {
	checkPools(t, false, []badCase{
		{"empty", "", "1 : the document is empty\n"},
		{"blank", " \n\t\n", "1 : the document is empty\n"},
		{"only a comment", "<!-- x -->", "1 : no element: the document is empty\n"},
		{"only a comment in YAML", "# x\n", "0 : malformed YAML: the document is empty\n"},
		{"cut off", "<pool type='dir'>\n<name>x", "2 : malformed XML: unexpected EOF\n"},
		{"not closed", "<pool>\n<name>x</pool>", "2 : malformed XML: element <name> closed by </pool>\n"},
		{"trailing text", goodXML + "\nx", "1 : text outside the root element\n"},
		{"text in front", "x" + goodXML, "1 : a definition is a mapping: key: value\n"},
		{"two roots", goodXML + "\n" + goodXML, "2 : a second root element <pool>\n"},
		{"an attribute twice", "<pool type='dir' type='fs'/>",
			"1 pool: malformed XML: attribute \"type\" is given a second time\n"},
		{"an entity of its own", "<!DOCTYPE pool [<!ENTITY e 'b'>]>\n<pool type='dir'><name>&e;</name></pool>",
			"2 : malformed XML: invalid character entity &e;\n"},
		{"an external entity", "<!DOCTYPE pool [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>\n<pool>&e;</pool>",
			"2 : malformed XML: invalid character entity &e;\n"},
		{"XML 1.1", "<?xml version='1.1'?>" + goodXML,
			"1 : malformed XML: unsupported version \"1.1\"; only version 1.0 is supported\n"},
		{"Latin-1", "<?xml version='1.0' encoding='ISO-8859-1'?>\n<pool type='dir'><name>\xe4</name></pool>",
			"2 : the document is not in UTF-8\n"},
		{"UTF-8 that says it is Latin-1",
			"<?xml version='1.0' encoding='ISO-8859-1'?>\n<pool type='dir'><name>ä</name></pool>",
			"1 : the document is in ISO-8859-1, not in UTF-8\n"},
		{"UTF-16", "\xff\xfe<\x00p\x00", "1 : the document is not in UTF-8\n"},
		{"UTF-16 without a mark", "<\x00p\x00", "1 : it contains a control character, U+0000\n"},
		{"NUL", "type: dir\nname: a\x00b\n", "2 : it contains a control character, U+0000\n"},
		{"a tab", "type: dir\ntarget:\n\tpath: /t\n",
			"3 : malformed YAML: found character that cannot start any token (YAML is indented with " +
				"spaces, not tabs)\n"},
		{"an open list", "type: [dir", "1 : malformed YAML: did not find expected ',' or ']'\n"},
		{"two documents", goodYAML + "---\n" + goodYAML, "0 : malformed YAML: more than one document\n"},
		{"no such anchor", "type: *x\n", "0 : malformed YAML: unknown anchor 'x' referenced\n"},
		{"too deep", strings.Repeat("<a>", 33), "1 : elements are nested too deeply\n"},
		{"too deep in YAML", strings.Repeat("[", 20000), "0 : malformed YAML: exceeded max depth of 10000\n"},
	})
}

// TestEquivalentDocuments checks that different forms of one definition give the same pool.
func TestEquivalentDocuments(t *testing.T) {
	want := PoolElement(readPoolFile(t, "", []byte(goodXML)), nil).String()
	for _, document := range []string{
		"\ufeff" + goodXML,
		"<?xml version='1.0' encoding='UTF-8'?>\n<!DOCTYPE pool>\n<!-- & -->" + goodXML + "<!-- -->\n",
		"<?xml version='1.0' encoding='us-ascii'?>" + goodXML,
		"\n  " + strings.ReplaceAll(goodXML, "><", "\n>\r\n\t<!-- x --> <?other x?><"),
		strings.ReplaceAll(goodXML, "/t<", "<![CDATA[/]]><!-- in the middle -->t<"),
		strings.ReplaceAll(goodXML, "/t<", "&#x2F;t<"),
		goodYAML,
		"\ufeff" + goodYAML,
		"%YAML 1.1\n--- # x\n" + goodYAML + "...\n",
		strings.ReplaceAll(goodYAML, "\n", "\r\n"),
		`{"type": "dir", "name": "x", "target": {"path": "/t"}, "uuid": null}`,
		"name: &n x\ntype: !!str dir\ntarget:\n  path: >-\n    /t\nsource:\n",
	} {
		p, warnings, err := ReadPool("standard input", []byte(document), true)
		if err != nil || len(warnings) > 0 || PoolElement(p, nil).String() != want {
			t.Errorf("%q: %v %v %+v", document, warnings, err, p)
		}
	}
}

// TestLimits checks that reading any file of at most 10 MiB ends soon.
func TestLimits(t *testing.T) {
	repeat := func(s string) string { return strings.Repeat(s, 1<<20/len(s)) }
	for name, c := range map[string]struct{ document, want string }{
		"too large":        {goodXML + strings.Repeat(" ", MaxInput), "larger than 10485760 bytes"},
		"unknown elements": {"<pool type='dir'>" + repeat("<a/>") + "</pool>", "more than 10000 elements"},
		"attributes":       {"<pool type='dir'" + repeat(" a='1'") + "/>", "second time"},
		"instructions":     {"<pool type='dir'>" + repeat("<?poolctl?>") + "</pool>", "more than 10000 elements"},
		"pieces of text": {"<pool type='dir'>" + strings.Repeat("a<!---->", MaxInput/8-10) + "</pool>",
			"name: missing"},
		"hosts":   {"type: netfs\nsource:\n  hosts: [" + repeat("a,") + "]", "more than 10000 elements"},
		"options": {"type: rbd\nconfig:\n" + repeat("  a: b\n"), "more than 10000 elements"},
		"keys":    {"type: dir\n" + repeat("a:\n"), "more than 10000 elements"},
		"aliases": {"type: netfs\nsource:\n  hosts: [&a {name: b, port: 1}," + repeat("*a,") + "]",
			"more than 10000 elements"},
		"laughs": {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n",
			"unknown key"},
		"a cycle": {"type: rbd\nsource: &s\n  hosts: &h [*h, *s]\n  auth: *s\nconfig: &c {a: *c}\n",
			"source.hosts: an item must be"},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			go func() {
				_, _, err := ReadPool("x", []byte(c.document), true)
				ended <- err
			}()
			select {
			case err := <-ended:
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%.200v", err)
				}
			case <-time.After(5 * time.Minute): // usually one second
				t.Error("reading does not end")
			}
		})
	}
}

func TestAliases(t *testing.T) {
	p := readPoolFile(t, "", []byte(`
type: netfs
name: &name images
source:
  hosts: [&host {name: nfs.example.com, port: &port 2049}, *host]
  dir: &path /srv/images
target:
  path: *path
`))
	if p.Target.Path != "/srv/images" || len(p.Source.Hosts) != 2 ||
		p.Source.Hosts[1] != (pooldef.Host{Name: "nfs.example.com", Port: 2049}) {
		t.Errorf("%+v", p)
	}
	p = readPoolFile(t, "",
		[]byte("type: rbd\nname: x\nsource: {name: n, hosts: h}\nconfig: {a: &a 1, b: *a}\n"))
	if len(p.Config) != 2 || p.Config[1] != (pooldef.Option{Name: "b", Value: "1"}) {
		t.Errorf("%+v", p)
	}
}

func TestIsXML(t *testing.T) {
	for _, c := range []struct {
		file, data string
		want       bool
	}{
		{"x.xml", "type: dir", true}, {"x.yaml", " \n<pool/>", true}, {"standard input", "\ufeff<pool/>", true},
		{"x.yaml", "type: dir", false}, {"x", "", false}, {"x.xml.yaml", "{}", false},
	} {
		if IsXML(c.file, []byte(c.data)) != c.want {
			t.Errorf("%+v", c)
		}
	}
}

func TestReadInput(t *testing.T) {
	if data, err := ReadInput(strings.NewReader("x")); err != nil || string(data) != "x" {
		t.Errorf("%q %v", data, err)
	}
	endless := io.MultiReader(strings.NewReader(strings.Repeat(" ", MaxInput)), strings.NewReader("x"))
	if _, err := ReadInput(endless); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
	broken := errors.New("broken")
	if _, err := ReadInput(io.MultiReader(strings.NewReader("x"), failing{broken})); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestReadSource reads <source> documents, which describe where to look for sources of pools.
func TestReadSource(t *testing.T) {
	s, err := ReadSource("x",
		[]byte("<source><host name='h' port='3260'/><initiator><iqn name='i'/></initiator><other/></source>"),
		pooldef.ISCSI.Info())
	if err != nil || len(s.Hosts) != 1 || s.Hosts[0].Port != 3260 || s.Initiator != "i" {
		t.Errorf("%+v %v", s, err)
	}
	s, err = ReadSource("x", []byte("<source><host name='h'/><format type='cifs'/></source>"),
		pooldef.NetFS.Info())
	if err != nil || s.Format != "cifs" {
		t.Errorf("%+v %v", s, err)
	}
	for document, want := range map[string]string{
		"<pool/>": "x:1: pool: the root element is <pool>, not <source>",
		"<source>\n<host port='x'/>\n<format type='y'/></source>": "x:2: host/@port",
		"host: x": "text outside the root element",
	} {
		if _, err := ReadSource("x", []byte(document), pooldef.NetFS.Info()); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", document, err)
		}
	}
}
