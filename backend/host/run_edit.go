package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Edit opens a file in the user's editor, on the user's terminal. editor may have arguments, separated by
// spaces; no shell interprets it. When ctx ends, the editor receives SIGTERM, so that it restores the
// terminal; the error is then ctx's.
func Edit(ctx context.Context, editor, file string) error {
	words := strings.Fields(editor)
	if len(words) == 0 {
		return errors.New("no editor is set")
	}
	path, err := lookTool(words[0])
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, append(words[1:], file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	err = cmd.Run()
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	return nil
}
