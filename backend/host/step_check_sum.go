package host

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// A CheckSum compares a file with a checksum. If they differ, the error is a SumError.
type CheckSum struct {
	File      *KeptFile
	Algorithm string // sha256, sha512
	Sum       string // in hexadecimal, lower case
	Progress  Progress
}

// Shell implements Step.
func (c CheckSum) Shell() string {
	return fmt.Sprintf("echo %s | %ssum --check --quiet", shell.Quote(c.Sum+"  "+c.File.Path), c.Algorithm)
}

func (c CheckSum) apply(ctx context.Context, _ *Local) error {
	size, err := sparse.Size(c.File.file)
	if err != nil {
		return err
	}
	sum := NewHash(c.Algorithm)
	in, buffer := io.NewSectionReader(c.File.file, 0, size), make([]byte, sparse.StreamBuffer)
	for done := int64(0); done < size; {
		n, err := in.Read(buffer)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		sum.Write(buffer[:n])
		done += int64(n)
		c.Progress.Report(done, size)
	}
	if found := hex.EncodeToString(sum.Sum(nil)); found != c.Sum {
		return &SumError{c.Algorithm, found, c.Sum}
	}
	return nil
}

// NewHash returns the hash of an algorithm: sha256, sha512.
func NewHash(algorithm string) hash.Hash {
	if algorithm == "sha512" {
		return sha512.New()
	}
	return sha256.New()
}

// A SumError reports that data are not those of a checksum.
type SumError struct{ Algorithm, Found, Want string }

func (e *SumError) Error() string {
	return fmt.Sprintf("the %s checksum is %s, not %s", e.Algorithm, e.Found, e.Want)
}

// Kind implements [fault.Error].
func (*SumError) Kind() fault.Kind { return fault.Failed }
