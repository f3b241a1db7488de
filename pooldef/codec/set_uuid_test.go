package codec

import (
	"reflect"
	"testing"

	"poolctl/pooldef"
)

// TestSetUUID checks that the UUID is added to the text, or, if that is not possible, that the document is
// printed anew with its comments.
func TestSetUUID(t *testing.T) {
	const id = "2ec115d7-3a88-3ceb-bc12-0ac909a6fd87"
	for source, want := range map[string]string{
		"type: dir\nname: x\ntarget:\n  path: /t # here": "type: dir\nname: x\n" +
			"target:\n  path: /t # here\nuuid: " + id + "\n",
		"type: dir\nname: x\ntarget:\n    path: |-\n        /t\n\n": "type: dir\nname: x\n" +
			"target:\n    path: |-\n        /t\n\nuuid: " + id + "\n",
		"uuid: 2EC115D73A883CEBBC120AC909A6FD87\ntype: dir\nname: x\n" +
			"target: {path: /t}\n": "uuid: 2EC115D73A883CEBBC120AC909A6FD87\ntype: dir\nname: x\ntarget: {path: /t}\n",
		"{type: dir, name: x, target: {path: /t}}\n": "{type: dir, name: x, " +
			"target: {path: /t}, uuid: " + id + "}\n",
		"# top\ntype: dir\nname: x # y\nuuid: # later\ntarget: {path: /t}\n": "# top\ntype: dir\n" +
			"name: x # y\nuuid: " + id + " # later\ntarget: {path: /t}\n",
		"---\ntype: dir\nname: x\ntarget: {path: /t}\n...\n": "type: dir\nname: x\n" +
			"target: {path: /t}\nuuid: " + id + "\n",
		"  type: dir\n  name: x\n  target: {path: /t}\n": "type: dir\nname: x\n" +
			"target: {path: /t}\nuuid: " + id + "\n",
	} {
		p := readPoolFile(t, "", []byte(source))
		p.UUID = id
		if got, err := SetUUID([]byte(source), p); err != nil || string(got) != want {
			t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
		} else if !reflect.DeepEqual(readPoolFile(t, "", got), p) {
			t.Errorf("%s\nhas another content", got)
		}
	}
}

// FuzzSetUUID checks that adding a UUID to YAML changes nothing else.
func FuzzSetUUID(f *testing.F) {
	for _, data := range poolFiles(f, ".yaml") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, _, err := ReadPool("fuzz.yaml", data, false)
		if err != nil || IsXML("fuzz.yaml", data) {
			return
		}
		if p.UUID == "" {
			p.UUID = pooldef.NewUUID()
		}
		text, err := SetUUID(data, p)
		if err != nil {
			t.Fatal(err)
		}
		if read, _, err := ReadPool("uuid.yaml", text, false); err != nil || !reflect.DeepEqual(p, read) {
			t.Errorf("%v\n%s\nfrom\n%s", err, text, data)
		}
	})
}
