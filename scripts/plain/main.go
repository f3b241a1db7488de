// Command plain does what scripts/bench compares poolctl with: it prints a word, as the shortest Go program
// does, or opens, inspects and reads the header of each file in a directory, several at a time, as the
// shortest loop in Go does.
//
//	plain
//	plain DIRECTORY
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

func main() {
	if len(os.Args) == 1 {
		_, _ = os.Stdout.WriteString("plain\n")
		return
	}
	if err := readHeaders(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// workers and headerSize are those of backend/filevol and backend/image.
const workers, headerSize = 16, 4096

func readHeaders(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			buffer := make([]byte, headerSize)
			for i := w; i < len(names); i += workers {
				readHeader(filepath.Join(dir, names[i]), buffer)
			}
		})
	}
	group.Wait()
	return err
}

func readHeader(path string, buffer []byte) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Stat()
	_, _ = f.ReadAt(buffer, 0)
}
