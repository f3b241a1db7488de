package virsh

import (
	"os"
	"path/filepath"
)

// Next returns the path of the next virsh after this program in the directories of path, a value of PATH.
// self describes this program's file. Next skips all links to this program, by device and inode, so that
// nothing runs in a circle. If no directory has this program by the name virsh, all directories are searched.
// The result is empty if there is no other virsh. Relative directories are not searched.
func Next(path string, self os.FileInfo) string {
	next, seen := "", false
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, "virsh")
		info, err := os.Stat(file)
		switch {
		case err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
			continue
		case os.SameFile(info, self):
			if !seen { // the next one comes after this
				next, seen = "", true
			}
		case next == "":
			next = file
		}
	}
	return next
}
