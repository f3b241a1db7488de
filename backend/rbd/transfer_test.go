package rbd

import (
	"context"
	"slices"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
)

// A meeting is a host on which no query ends before two have begun.
type meeting struct {
	*liar
	begun   chan string
	meeting chan struct{}
}

func (m *meeting) Query(_ context.Context, c host.Command) ([]byte, error) {
	m.begun <- c.Args[slices.IndexFunc(c.Args, func(arg string) bool { return arg == "info" || arg == "status" })]
	<-m.meeting
	return []byte(infoOutput), nil
}

// TestOneWait transfers data after one wait: the two queries that it needs run at the same time, and none is
// left for Upload and Wipe.
func TestOneWait(t *testing.T) {
	_, l := lying(infoOutput)
	m := &meeting{liar: l, begun: make(chan string), meeting: make(chan struct{})}
	b := New(&host.CachedHost{Host: m}, keys{}, limit)
	p := *lied
	p.Refresh = ""
	go func() {
		asked := []string{<-m.begun, <-m.begun}
		if slices.Sort(asked); !slices.Equal(asked, []string{"info", "status"}) {
			t.Errorf("asked %q", asked)
		}
		close(m.meeting)
		for verb := range m.begun {
			t.Errorf("asked %q again", verb)
		}
	}()
	_, err := b.VolumeToTransfer(t.Context(), &p, "v")
	ok(t, err)
	ok(t, b.Upload(t.Context(), &p, "v", file(t, nil), backend.Transfer{}))
	close(m.begun)
	if len(l.done) != 1 {
		t.Errorf("%d changes", len(l.done))
	}
}
