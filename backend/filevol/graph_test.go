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

// A recordingHost records the files that qemu-img is given.
type recordingHost struct {
	host.Host
	given []string
}

// Change implements host.Host.
func (s *recordingHost) Change(ctx context.Context, step host.Step) error {
	if c, ok := step.(host.Command); ok && c.Name == "qemu-img" {
		for _, in := range c.Inputs {
			s.given = append(s.given, in.File)
		}
	}
	return s.Host.Change(ctx, step)
}

// traceQemuImg makes strace run qemu-img until the test ends. strace lists the opened files and connections
// in the file "strace" in the working directory.
func traceQemuImg(t *testing.T) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	qemuImg, otherErr := exec.LookPath("qemu-img")
	if err != nil || otherErr != nil {
		backendtest.NotRun(t, "files that qemu-img opens: install strace and qemu-utils")
	}
	dir := t.TempDir()
	write(t, poolIn(dir), "qemu-img",
		fmt.Sprintf("#!/bin/sh\n[ \"$1\" = convert ] || exec %[2]s \"$@\"\n"+
			"exec %[1]s -f -qq -o strace -e trace=open,openat,openat2,connect %[2]s \"$@\"\n", strace, qemuImg))
	ok(t, os.Chmod(dir+"/qemu-img", 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// A chainMaker creates random backing chains in a pool.
type chainMaker struct {
	*rand.Rand
	t *testing.T
	p *pooldef.Pool
}

// create creates a backing chain and returns the names of its images, the overlay on top first.
func (m chainMaker) create(n int) []string {
	names, below, format := []string{}, "", ""
	for depth := range 1 + m.IntN(4) {
		name := fmt.Sprintf("%d-%d %s", n, depth, []string{"x,y", "é", "it's", "a:b"}[m.IntN(4)])
		args := []string{"create", "-q", "-f"}
		newFormat := "qcow2"
		switch {
		case below == "":
			newFormat = []string{"qcow2", "raw", "vmdk", "vdi", "vpc", "qed", "qcow"}[m.IntN(7)]
		case format == "raw" && m.IntN(2) == 0:
			newFormat = "qed" // does not record other formats
		}
		args = append(args, newFormat)
		if below != "" {
			reference := []string{"./" + below, m.p.Target.Path + "/" + below,
				m.p.Target.Path + "/../" + filepath.Base(m.p.Target.Path) + "/" + below}[m.IntN(3)]
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

// TestGraph compares the files that qemu-img is given, and the files that it opens, with the chain that
// poolctl shows, for random chains.
func TestGraph(t *testing.T) {
	traceQemuImg(t)
	p := newPool(t)
	m := chainMaker{rand.New(rand.NewPCG(1, 2)), t, p}
	chains := 0
	for n := range 20 {
		names := m.create(n)
		source := find(t, p, names[0])
		chain, err := here.Chain(t.Context(), p, names[0])
		if err != nil || len(chain) != len(names)-1 {
			t.Fatalf("%q: got chain %v, error %v", names, chain, err)
		}
		want := []string{source.Target.Path}
		for _, image := range chain {
			want = append(want, image.Target.Path)
		}
		spy := &recordingHost{Host: &host.Local{}}
		trace := ""
		files := Files{Host: traceReader{spy, &trace}}
		ok(t, files.Clone(t.Context(), p, like(source, "v", "raw"), source,
			backend.CloneOptions{InUse: true, MayRead: anything}))
		ok(t, here.Delete(t.Context(), p, "v"))
		if source.Target.Format == "raw" {
			continue
		}
		chains++
		if !slices.Equal(spy.given, want) {
			t.Errorf("qemu-img got %q, the chain is %q", spy.given, want)
		}
		if strings.Count(trace, `"/dev/fd/`) < len(want) {
			t.Errorf("qemu-img did not open its inputs: %s", trace)
		}
		for lines := bufio.NewScanner(strings.NewReader(trace)); lines.Scan(); {
			if strings.Contains(lines.Text(), "connect(") {
				t.Errorf("qemu-img connected: %s", lines.Text())
			}
			file := openedFile.FindStringSubmatch(lines.Text())
			if file != nil && !harmless.MatchString(file[1]) && file[1] != "./v" {
				t.Errorf("qemu-img opened %q", file[1])
			}
		}
	}
	if chains < 10 {
		t.Errorf("only %d chains were tried", chains)
	}
}

// harmless matches files that every program opens, and files that poolctl passes to qemu-img.
var harmless = regexp.MustCompile(`^(/dev/fd/[0-9]+|/usr/.*|/lib.*|/etc/ld\.so\.cache|/proc/.*|/sys/.*|/dev/null|/dev/u?random)$`)

// A traceReader reads the output of strace from the staging directory.
type traceReader struct {
	*recordingHost
	trace *string
}

// Change implements host.Host.
func (r traceReader) Change(ctx context.Context, step host.Step) error {
	err := r.recordingHost.Change(ctx, step)
	if c, ok := step.(host.Command); ok && c.Name == "qemu-img" {
		data, _ := os.ReadFile(c.Dir + "/strace")
		*r.trace += string(data)
		_ = os.Remove(c.Dir + "/strace")
	}
	return err
}
