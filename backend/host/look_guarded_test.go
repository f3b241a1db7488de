package host

import (
	"errors"
	"os"
	"testing"

	"poolctl/backend/host/safeopen"
)

// TestCheckGuarded checks paths with directories that other users can or cannot exchange.
func TestCheckGuarded(t *testing.T) {
	if os.Geteuid() != 0 {
		notRun(t, "directories of others: it needs root")
	}
	l, top := &Local{}, t.TempDir()
	do(t, l, Mkdir{top + "/root", 0o755}, Mkdir{top + "/root/sub", 0o700}, Mkdir{top + "/theirs", 0o755}, Mkdir{top + "/theirs/sub", 0o755},
		Mkdir{top + "/open", 0o777}, Mkdir{top + "/open/sub", 0o755}, Mkdir{top + "/sticky", 0o777 | os.ModeSticky}, Mkdir{top + "/sticky/root", 0o755},
		Mkdir{top + "/sticky/theirs", 0o755}, Symlink{"root/sub", top + "/link"}, Symlink{"../root/sub", top + "/theirs/link"})
	do(t, l, Chown{top + "/theirs", 4711, -1}, Chown{top + "/sticky/theirs", 4711, -1}, Chown{top + "/root/sub", 4711, -1})
	for path, dir := range map[string]string{
		"root/sub": "", "link": "", "sticky/root": "", "theirs": "", "theirs/sub": "theirs", "open/sub": "open", "sticky/theirs": "sticky", "theirs/link": "theirs",
	} {
		err, guard := l.CheckGuarded(top+"/"+path), (*safeopen.GuardError)(nil)
		if dir == "" && err == nil || errors.As(err, &guard) && guard.Dir == top+"/"+dir {
			continue
		}
		t.Errorf("%s: error %v", path, err)
	}
}
