// Command plain does what scripts/bench compares poolctl with: it prints a word, as the shortest Go program
// does, or opens, inspects and reads the header of each file in a directory, several at a time, as the
// shortest loop in Go does. It is also a server that accepts connections on a free port, which it prints, and
// never answers.
//
//	plain
//	plain DIRECTORY
//	plain --listen
package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
)

func main() {
	if len(os.Args) == 1 {
		_, _ = os.Stdout.WriteString("plain\n")
		return
	}
	do := readHeaders
	if os.Args[1] == "--listen" {
		do = listen
	}
	if err := do(os.Args[1]); err != nil {
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

func listen(string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	for silent := []net.Conn{}; ; {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		silent = append(silent, c)
	}
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
