package glusterd

import (
	"errors"
	"strings"
	"testing"

	"poolctl/backend"
)

// FuzzAnswer parses output of gluster(8). The number of names must not exceed the number of bytes.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		started, stopped, none,
		bricks("<node><hostname>a</hostname><path>/b1</path><status>0</status></node>"),
		started + started,
		"<volInfo><volumes><volume><name>gv0</name></volume>",
		"<volInfo><volumes><volume/><volume><name><b>x</b></name></volume></volumes></volInfo>",
		"<volStatus><volumes><volume><node><status>x</status>",
		"<!DOCTYPE x [<!ENTITY a \"aa\">]><name>&a;</name>", "<", "",
		"<volInfo><volumes><volume><name>../x</name></volume></volumes></volInfo>",
		"<volInfo><volumes><volume><name>-v</name></volume></volumes></volInfo>",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		answers := map[string]string{"volume info all": text, "volume info gv0": text,
			"volume status gv0": text}
		names, err := Volumes(t.Context(), &fakeHost{answers: answers}, "h")
		if len(names) > len(text) || err != nil && names != nil {
			t.Errorf("%d volumes, error %v", len(names), err)
		}
		for _, name := range names {
			if name[0] == '-' || strings.ContainsAny(name, "/.\n\x1b") {
				t.Errorf("%q is not a valid name", name)
			}
		}
		err = Diagnose(t.Context(), &fakeHost{answers: answers}, "h", 0, "gv0")
		if _, ok := errors.AsType[*backend.StateError](err); err != nil && !ok {
			t.Errorf("error %v", err)
		}
		answers["volume info gv0"] = started
		if err := Diagnose(t.Context(), &fakeHost{answers: answers}, "h", 0, "gv0"); err != nil &&
			len(err.Error()) > 100+2*len(text) {
			t.Errorf("%d bytes of %d: %v", len(err.Error()), len(text), err)
		}
	})
}
