package commands

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/alecthomas/kong"

	"poolctl/format"
)

// release is the version of a release. The linker sets it: -ldflags "-X poolctl/commands.release=1.0.0".
var release string

// A build is the program's version, and what it was built from and with.
type build struct {
	Schema   int     `json:"schema"`
	Version  string  `json:"version"`
	Commit   *string `json:"commit"` // nil: unknown
	Date     *string `json:"date"`   // of the commit
	Go       string  `json:"go"`
	Platform string  `json:"platform"`
}

// thisBuild returns the build of this program.
func thisBuild() build {
	b := build{format.Schema, release, nil, nil, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "(devel)" {
			b.Version = cmp.Or(b.Version, v)
		}
		for _, s := range info.Settings {
			switch value := s.Value; s.Key {
			case "vcs.revision":
				b.Commit = &value
			case "vcs.time":
				b.Date = &value
			}
		}
	}
	b.Version = cmp.Or(b.Version, "development")
	return b
}

// version returns the build as text: "poolctl 1.0.0 (11e9d2981ecd 2026-11-23, go1.26.8 linux/amd64)".
func version() string {
	b, commit := thisBuild(), ""
	if b.Commit != nil && b.Date != nil {
		commit = fmt.Sprintf("%.12s %.10s, ", *b.Commit, *b.Date)
	}
	return fmt.Sprintf("poolctl %s (%s%s %s)", b.Version, commit, b.Go, b.Platform)
}

// A versionFlag prints the version and ends the process, as kong.VersionFlag does. It reads the build only
// then.
type versionFlag bool

// BeforeReset implements kong.BeforeResetHook.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	fmt.Fprintln(app.Stdout, version())
	app.Exit(0)
	return nil
}

// isVersion reports whether a word is the option --version.
func isVersion(word string) bool { return slices.Contains([]string{"--version", "-V", "-v"}, word) }

// isOnlyVersion reports whether a command line is --version, perhaps with -o json. It needs no grammar.
func isOnlyVersion(args []string) bool {
	style, rest := outputStyle(args)
	return len(rest) == 1 && isVersion(rest[0]) && (len(args) == 1 || style == "json")
}

// printVersion prints the build, as text or in JSON, and returns the exit status.
func (e *env) printVersion() int {
	text, err := version(), error(nil)
	if e.errorsInJSON {
		text, err = format.JSON(thisBuild())
	}
	if err == nil {
		e.Result(text + "\n")
		err = e.Finish(false)
	}
	return e.report(err)
}
