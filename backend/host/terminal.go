package host

import (
	"os"

	"golang.org/x/sys/unix"
)

// HideTyping makes a terminal hide typed text, and read whole lines (termios(3)), until restore is called. A
// goroutine that waits for the line may be left behind after a signal: it does not change the terminal any
// more.
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
