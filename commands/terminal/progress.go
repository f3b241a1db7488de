package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"poolctl/backend/host"
	"poolctl/format"
)

// A meter shows on a terminal how far a long operation is. It redraws its line also while no bytes move.
type meter struct {
	w     io.Writer
	start time.Time
	ended chan struct{} // closed to end the drawing
	drawn sync.WaitGroup

	mu          sync.Mutex
	known       bool // there was an update
	done, total uint64

	width int // length of the line on the terminal; used only while drawing
}

const (
	meterDelay = time.Second            // shorter operations show no line
	meterPause = 200 * time.Millisecond // between two lines
)

// Progress returns a function that shows the progress of an operation on standard error, and a function that
// ends that. The first is nil if standard error is not a terminal, or if Quiet, DryRun or Debug is set.
// Nothing is shown before the first call, or while the process is in the background.
func (o *Output) Progress() (host.Progress, func()) {
	if o.Quiet || o.DryRun || o.Debug || !IsWatched() {
		return nil, func() {}
	}
	// the lines contain no names to escape
	m := &meter{w: stream{o.ctx, os.Stderr}, start: time.Now(), ended: make(chan struct{})}
	m.drawn.Go(m.draw)
	return m.update, m.end
}

// update stores the bytes that are done, and the total.
func (m *meter) update(done, total uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known, m.done, m.total = true, done, total
}

// draw draws the line until the meter ends, then removes it.
func (m *meter) draw() {
	ticker := time.NewTicker(meterPause)
	defer ticker.Stop()
	for {
		select {
		case <-m.ended:
			m.show("", columns())
			return
		case <-ticker.C:
		}
		m.mu.Lock()
		known, done, total := m.known, m.done, m.total
		m.mu.Unlock()
		if elapsed := time.Since(m.start); known && elapsed >= meterDelay {
			most := columns()
			m.show(meterLine(done, total, elapsed, most), most)
		}
	}
}

// show replaces the line on the terminal, which has the given number of columns. It does not write below the
// command line that a user is typing while the process is in the background.
func (m *meter) show(line string, columns int) {
	old := min(m.width, columns-1)
	if old <= 0 && line == "" || !isForeground() {
		return
	}
	fmt.Fprintf(m.w, "\r%s%s\r%[1]s", line, strings.Repeat(" ", max(old-len(line), 0)))
	m.width = len(line)
}

// end removes the line.
func (m *meter) end() {
	close(m.ended)
	m.drawn.Wait()
}

// unlimited is the width of a terminal that does not know its width.
const unlimited = 1 << 10

// columns returns the width of the terminal.
func columns() int {
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || width <= 0 {
		return unlimited
	}
	return width
}

// isForeground reports whether the process may write to the terminal of standard error: it is in the
// foreground process group (tcgetpgrp(3)), or the terminal is not its controlling terminal.
func isForeground() bool {
	group, err := unix.IoctlGetInt(int(os.Stderr.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// meterLine returns a line that is shorter than the terminal's width: on a narrow terminal without the
// remaining time, the rate, or the total.
func meterLine(done, total uint64, elapsed time.Duration, columns int) string {
	parts := meterParts(done, total, elapsed)
	for len(parts) > 0 && len(strings.Join(parts, "")) >= columns {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, "")
}

// meterParts returns the parts of a line, the most important one first.
func meterParts(done, total uint64, elapsed time.Duration) []string {
	rate := float64(done) / elapsed.Seconds()
	speed := "  " + format.HumanSize(uint64(rate)) + "/s"
	if total == 0 {
		return []string{format.HumanSize(done), speed}
	}
	left := "?"
	if rate > 0 {
		left = clock(time.Duration(float64(total-min(done, total)) / rate * float64(time.Second)))
	}
	return []string{fmt.Sprintf("%3d %%", done*100/total), "  " + format.HumanSize(done),
		" of " + format.HumanSize(total), speed, "  " + left + " left"}
}

// clock formats a duration as minutes and seconds, with hours if it has any.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
