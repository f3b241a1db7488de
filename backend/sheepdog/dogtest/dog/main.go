// Dog is the stand-in for Sheepdog's programs as a program: it is the one that it is called.
package main

import (
	"os"
	"path/filepath"

	"poolctl/backend/sheepdog/dogtest"
)

func main() { os.Exit(dogtest.Run(filepath.Base(os.Args[0]))) }
