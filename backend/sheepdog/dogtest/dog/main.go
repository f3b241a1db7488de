// Dog is the stand-in of Sheepdog's programs as an executable. It acts as the program by whose name it is
// run.
package main

import (
	"os"
	"path/filepath"

	"poolctl/backend/sheepdog/dogtest"
)

func main() { os.Exit(dogtest.Run(filepath.Base(os.Args[0]))) }
