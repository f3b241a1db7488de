package commands

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version of a release. The linker sets it: -ldflags "-X poolctl/commands.release=1.0.0".
var release string

// version returns the program's version, and what it was built from and with:
// "poolctl 1.0.0 (11e9d2981ecd 2026-11-23, go1.26.8 linux/amd64)".
func version() string {
	text, built := release, ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "(devel)" {
			text = cmp.Or(text, v)
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if commit := settings["vcs.revision"]; commit != "" {
			built = fmt.Sprintf("%.12s %.10s, ", commit, settings["vcs.time"])
		}
	}
	return fmt.Sprintf("poolctl %s (%s%s %s/%s)", cmp.Or(text, "development"), built, runtime.Version(),
		runtime.GOOS, runtime.GOARCH)
}
