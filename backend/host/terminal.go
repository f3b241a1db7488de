package host

import (
	"os"

	"golang.org/x/sys/unix"
)

// HideTyping has a terminal not show what is typed, a line at a time (termios(3)), until restore is called.
// Who waits for the line in another goroutine may leave that behind when a signal comes: it changes nothing
// of the terminal any more.
func HideTyping(terminal *os.File) (restore func(), err error) {
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag = hidden.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	restore = func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }
	return restore, unix.IoctlSetTermios(fd, unix.TCSETS, &hidden)
}
