package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFileUsers checks that users are found by the file, whatever path they use: a process that writes and
// one that reads, a loop device, a bind mount and swap.
func TestFileUsers(t *testing.T) {
	device := loop(t, 1)
	dir := t.TempDir()
	written, read, bound, swap := dir+"/written", dir+"/read", dir+"/bound", dir+"/swap file"
	for _, file := range []string{written, read, bound, swap, dir + "/at"} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	process := exec.Command("sh", "-c", `exec 3<>"$0" 4<"$1"; echo; read line`, written, read)
	in, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = process.Wait() }()
	defer in.Close()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	run(t, "mount", "--bind", bound, dir+"/at")
	defer run(t, "umount", dir+"/at")
	users, err := (&Local{}).FileUsers()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]Process{
		written: {process.Process.Pid, "sh", true}, read: {process.Process.Pid, "sh", false},
	} {
		link := path + ".link"
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		id, links := FileIDOf(link)
		if got := users.Processes[id]; links != 1 || !slices.Equal(got, []Process{want}) {
			t.Errorf("%s is open by %v, want %v", path, got, want)
		}
	}
	if id, _ := FileIDOf(bound); !slices.Equal(users.Kernel[id], []string{`mounted at "` + dir + `/at"`}) {
		t.Errorf("the bind mount is %q", users.Kernel[id])
	}
	backing := strings.TrimSpace(run(t, "losetup", "--noheadings", "--output", "BACK-FILE", device))
	id, _ := FileIDOf(backing)
	if !slices.Equal(users.Kernel[id], []string{"held by " + filepath.Base(device)}) {
		t.Errorf("%s is %q", backing, users.Kernel[id])
	}
	if got := users.Loops[filepath.Base(device)]; got != id {
		t.Errorf("%s is on %v, not on %v", device, got, id)
	}

	swapped := &FileUsers{Kernel: map[FileID][]string{}}
	l := &Local{Root: t.TempDir()}
	table := "Filename\tType\tSize\n" + strings.ReplaceAll(swap, " ", `\040`) + " file 1 0 -2\n"
	if err := os.Mkdir(l.Root+"/proc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.Root+"/proc/swaps", []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	id, _ = FileIDOf(swap)
	if l.addSwaps(swapped) != nil || !slices.Equal(swapped.Kernel[id], []string{"swap"}) {
		t.Errorf("swap is %v", swapped.Kernel)
	}
}
