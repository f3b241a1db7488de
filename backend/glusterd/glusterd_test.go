package glusterd

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
)

// A fakeHost has a gluster(8) with fixed output, or none.
type fakeHost struct {
	host.Host
	answers map[string]string // by the last words of a query
	refused bool
}

func (f *fakeHost) Dial(context.Context, string) (net.Conn, error) {
	if f.refused {
		return nil, errors.New("connection refused")
	}
	ours, _ := net.Pipe()
	return ours, nil
}

func (f *fakeHost) Query(_ context.Context, c host.Command) ([]byte, error) {
	text, ok := f.answers[strings.Join(c.Args[3:], " ")]
	if !ok {
		return nil, &host.ToolError{Tool: c.Name}
	}
	return []byte("<?xml version=\"1.0\"?><cliOutput>" + text + "</cliOutput>"), nil
}

const (
	started = "<volInfo><volumes><volume><name>gv0</name><statusStr>Started</statusStr></volume><count>1</count></volumes></volInfo>"
	stopped = "<volInfo><volumes><volume><name>gv0</name><statusStr>Stopped</statusStr></volume><count>1</count></volumes></volInfo>"
	none    = "<opRet>-1</opRet><opErrno>30806</opErrno><opErrstr>Volume does not " +
		"exist</opErrstr><volInfo><volumes><count>0</count></volumes></volInfo>"
	healer = "<node><hostname>Self-heal Daemon</hostname><path>localhost</path><status>0</status></node>"
)

func bricks(nodes string) string {
	return "<volStatus><volumes><volume><volName>gv0</volName>" + nodes + healer +
		"</volume></volumes></volStatus>"
}

func TestDiagnose(t *testing.T) {
	online := "<node><hostname>a</hostname><path>/b1</path><status>1</status></node>"
	offline := "<node><hostname>a</hostname><path>/b2</path><status>0</status></node><node><hostname>b</hostname><path>/b3</path><status>0</status></node>"
	for _, c := range []struct {
		host *fakeHost
		port int
		want string
	}{
		{&fakeHost{refused: true}, 0, "the server h:24007 cannot be reached: connection refused"},
		{&fakeHost{refused: true}, 1234, "the server h:1234 cannot be reached: connection refused"},
		{&fakeHost{}, 0, ""},
		{&fakeHost{answers: map[string]string{"volume info gv0": none}}, 1234, ""},
		{&fakeHost{answers: map[string]string{"volume info gv0": none}}, Port,
			`no Gluster volume "gv0" on "h"`},
		{&fakeHost{answers: map[string]string{"volume info gv0": stopped}}, 0,
			`the Gluster volume "gv0" is not started`},
		{&fakeHost{answers: map[string]string{"volume info gv0": started}}, 0, ""},
		{&fakeHost{answers: map[string]string{"volume info gv0": started, "volume status gv0": bricks(online)}}, 0,
			""},
		{&fakeHost{answers: map[string]string{"volume info gv0": started,
			"volume status gv0": bricks(online + offline)}}, 0,
			`bricks of the Gluster volume "gv0" are offline: a:/b2, b:/b3`},
	} {
		err := Diagnose(t.Context(), c.host, "h", c.port, "gv0")
		if c.want == "" && err != nil || c.want != "" && (!backend.IsUnusable(err) || err.Error() != c.want) {
			t.Errorf("got error %v, want %q", err, c.want)
		}
	}
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if err := Diagnose(late, &fakeHost{refused: true}, "h", 0,
		"gv0"); !errors.As(err, new(*backend.TimeoutError)) {
		t.Errorf("timeout: got error %v", err)
	}
}

func TestVolumes(t *testing.T) {
	names, err := Volumes(t.Context(), &fakeHost{answers: map[string]string{"volume info all": started}}, "h")
	if len(names) != 1 || names[0] != "gv0" || err != nil {
		t.Errorf("found %q, error %v", names, err)
	}
	if _, err := Volumes(t.Context(), &fakeHost{}, "h"); !errors.As(err, new(*host.ToolError)) {
		t.Errorf("without gluster: error %v", err)
	}
	if _, err := Volumes(t.Context(), &fakeHost{answers: map[string]string{"volume info all": "<"}},
		"h"); err == nil {
		t.Error("invalid output: got no error")
	}
}
