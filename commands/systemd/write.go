package systemd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// A writer writes drop-ins into a directory that only root can change. It uses descriptors, because an
// os.File takes longer than the rest of writing a small file.
type writer struct {
	dir  int
	path string

	making sync.Mutex // held while a batch of directories is made
}

// batch is the number of drop-ins that are written together. The kernel makes one directory at a time in a
// directory, and processors that wait for that do nothing else. So one makes the directories of a batch while
// others write files.
const batch = 64

// write writes drop-ins that do not exist yet, several at once. It returns an error for each that it cannot
// write.
func (w *writer) write(dropIns []dropIn) []error {
	batches := slices.Collect(slices.Chunk(dropIns, batch))
	errs := make([][]error, len(batches))
	inParallel(len(batches), func(i int) { errs[i] = w.writeBatch(batches[i]) })
	return slices.Concat(errs...)
}

// writeBatch writes some drop-ins. Files with the same text are links to one, which takes half the time.
func (w *writer) writeBatch(dropIns []dropIn) []error {
	made, errs := w.makeDirectories(dropIns)
	written := map[string]string{} // by text: a file that has it
	for _, d := range made {
		file := d.name + ".d/" + dropInName
		same := written[string(d.text)]
		if same != "" && unix.Linkat(w.dir, same, w.dir, file, 0) == nil { // there may be too many links
			continue
		}
		if err := w.create(file, d.text); err != nil {
			errs = append(errs, &os.PathError{Op: "write", Path: filepath.Join(w.path, file), Err: err})
			continue
		}
		written[string(d.text)] = file
	}
	return errs
}

// makeDirectories makes the directories of drop-ins, and returns the drop-ins that have one.
func (w *writer) makeDirectories(dropIns []dropIn) (made []dropIn, errs []error) {
	w.making.Lock()
	defer w.making.Unlock()
	for _, d := range dropIns {
		directory := d.name + ".d"
		err := retry.Mkdirat(w.dir, directory, 0o755)
		if err != nil && !errors.Is(err, unix.EEXIST) { // systemd-fstab-generator(8) may have made it
			errs = append(errs, &os.PathError{Op: "mkdir", Path: filepath.Join(w.path, directory), Err: err})
			continue
		}
		made = append(made, d)
	}
	return made, errs
}

func (w *writer) create(file string, text []byte) error {
	fd, err := retry.Openat(w.dir, file, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	n, err := unix.Write(fd, text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	return err
}
