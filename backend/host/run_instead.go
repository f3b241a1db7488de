package host

import (
	"fmt"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// Become replaces this process with a program. argv has the program's name and arguments. If input is not
// nil, it is the program's standard input. Become returns only if it fails.
func Become(path string, argv, env []string, input []byte) error {
	if input != nil {
		if err := replaceStdin(input); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", path, unix.Exec(path, argv, env))
}

// replaceStdin makes data the standard input of this process.
func replaceStdin(data []byte) error {
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create: %w", err)
	}
	for done := 0; done < len(data); {
		n, err := retry.Pwrite(fd, data[done:], int64(done))
		if err != nil {
			return fmt.Errorf("write standard input: %w", err)
		}
		done += n
	}
	if fd == 0 { // standard input was closed
		_, err := unix.FcntlInt(0, unix.F_SETFD, 0)
		return err
	}
	return unix.Dup3(fd, 0, 0)
}
