package filevol

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A spied is a host that notes what qemu-img is given.
type spied struct {
	host.Host
	given []string
}

// Change implements host.Host.
func (s *spied) Change(ctx context.Context, step host.Step) error {
	if c, ok := step.(host.Command); ok && c.Name == "qemu-img" {
		for _, in := range c.Inputs {
			s.given = append(s.given, in.File)
		}
	}
	return s.Host.Change(ctx, step)
}

// straced has strace run qemu-img until the test ends. What that opens and connects to is in the file strace where it runs.
func straced(t *testing.T) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	qemuImg, otherErr := exec.LookPath("qemu-img")
	if err != nil || otherErr != nil {
		backendtest.NotRun(t, "what qemu-img opens: install strace and qemu-utils")
	}
	dir := t.TempDir()
	write(t, poolIn(dir), "qemu-img", fmt.Sprintf("#!/bin/sh\n[ \"$1\" = convert ] || exec %[2]s \"$@\"\nexec %[1]s -f -qq -o strace -e trace=open,openat,openat2,connect %[2]s \"$@\"\n", strace, qemuImg))
	ok(t, os.Chmod(dir+"/qemu-img", 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// chainMaker makes chains at random, in a pool.
type chainMaker struct {
	*rand.Rand
	t *testing.T
	p *pooldef.Pool
}

// make makes a chain of images and returns the names, nearest to the guest first.
func (m chainMaker) make(n int) []string {
	names, below, format := []string{}, "", ""
	for depth := range 1 + m.IntN(4) {
		name := fmt.Sprintf("%d-%d %s", n, depth, []string{"x,y", "é", "it's", "a:b"}[m.IntN(4)])
		args := []string{"create", "-q", "-f"}
		newFormat := "qcow2"
		switch {
		case below == "":
			newFormat = []string{"qcow2", "raw", "vmdk", "vdi", "vpc", "qed", "qcow"}[m.IntN(7)]
		case format == "raw" && m.IntN(2) == 0:
			newFormat = "qed" // can record no other
		}
		args = append(args, newFormat)
		if below != "" {
			reference := []string{"./" + below, m.p.Target.Path + "/" + below, m.p.Target.Path + "/../" + filepath.Base(m.p.Target.Path) + "/" + below}[m.IntN(3)]
			if format != "qcow2" && m.IntN(3) == 0 {
				reference = fmt.Sprintf(`json:{"driver":"file","filename":%q}`, m.p.Target.Path+"/"+below)
			}
			args = append(args, "-u", "-b", reference, "-F", format)
		}
		qemu(m.t, append(args, m.p.Target.Path+"/"+name, "4M")...)
		names, below, format = append(names, name), name, newFormat
	}
	slices.Reverse(names)
	return names
}

var openedFile = regexp.MustCompile(`open[a-z0-9]*\((?:AT_FDCWD, )?"([^"]*)".* = [0-9]+$`)

// TestGraph compares what qemu-img is given, and what it opens, with the chain that poolctl shows, for chains at random.
func TestGraph(t *testing.T) {
	straced(t)
	p := newPool(t)
	m := chainMaker{rand.New(rand.NewPCG(1, 2)), t, p}
	chains := 0
	for n := range 20 {
		names := m.make(n)
		source := find(t, p, names[0])
		chain, err := here.Chain(t.Context(), p, names[0])
		if err != nil || len(chain) != len(names)-1 {
			t.Fatalf("%q: the chain is %v, error %v", names, chain, err)
		}
		want := []string{source.Target.Path}
		for _, image := range chain {
			want = append(want, image.Target.Path)
		}
		spy := &spied{Host: &host.Local{}}
		trace := ""
		files := Files{Host: traceReader{spy, &trace}}
		ok(t, files.Clone(t.Context(), p, like(source, "v", "raw"), source, backend.CloneOptions{InUse: true, Known: anything}))
		ok(t, here.Delete(t.Context(), p, "v"))
		if source.Target.Format == "raw" {
			continue
		}
		chains++
		if !slices.Equal(spy.given, want) {
			t.Errorf("qemu-img is given %q, the chain is %q", spy.given, want)
		}
		if strings.Count(trace, `"/dev/fd/`) < len(want) {
			t.Errorf("it does not open what it is given: %s", trace)
		}
		for lines := bufio.NewScanner(strings.NewReader(trace)); lines.Scan(); {
			if strings.Contains(lines.Text(), "connect(") {
				t.Errorf("it connects: %s", lines.Text())
			}
			file := openedFile.FindStringSubmatch(lines.Text())
			if file != nil && !harmless.MatchString(file[1]) && file[1] != "./v" {
				t.Errorf("it opens %q", file[1])
			}
		}
	}
	if chains < 10 {
		t.Errorf("only %d chains were tried", chains)
	}
}

// harmless is what every program opens, and what poolctl gives to qemu-img.
var harmless = regexp.MustCompile(`^(/dev/fd/[0-9]+|/usr/.*|/lib.*|/etc/ld\.so\.cache|/proc/.*|/sys/.*|/dev/null|/dev/u?random)$`)

// A traceReader reads what strace has written into the stage.
type traceReader struct {
	*spied
	trace *string
}

// Change implements host.Host.
func (r traceReader) Change(ctx context.Context, step host.Step) error {
	err := r.spied.Change(ctx, step)
	if c, ok := step.(host.Command); ok && c.Name == "qemu-img" {
		data, _ := os.ReadFile(c.Dir + "/strace")
		*r.trace += string(data)
		_ = os.Remove(c.Dir + "/strace")
	}
	return err
}
