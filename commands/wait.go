package commands

import (
	"time"

	"github.com/alecthomas/kong"
)

// defaultWait is how long --wait alone waits.
const defaultWait = 30 * time.Second

// A waiting is a length of time, of which the option alone means the default.
type waiting time.Duration

// Decode implements kong.MapperValue.
func (w *waiting) Decode(ctx *kong.DecodeContext) error {
	*w = waiting(defaultWait)
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	return (*seconds)(w).UnmarshalText([]byte(ctx.Scan.Pop().String()))
}

// IsBool tells kong that the option needs no value.
func (w *waiting) IsBool() bool { return true }
