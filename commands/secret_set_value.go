package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"poolctl/backend/host"
	"poolctl/pooldef/store"
)

// SecretSetValue is the verb secret-set-value.
type SecretSetValue struct {
	Secret      string `arg:"" help:"Uuid of the secret, or what it is for."`
	Base64      string `name:"base64" position:"" hidden:""` // virsh's way, refused
	File        string `placeholder:"FILE" help:"Read the value from this file; - is standard input."`
	Plain       bool   `help:"The file has the value as it is, not in base64."`
	Interactive bool   `help:"Ask for the value, as it is, on the terminal."`
}

// Help implements kong.HelpProvider.
func (c *SecretSetValue) Help() string {
	return "The value is read from a file, from standard input, or, if that is a terminal, is asked for without being shown. It is never an " +
		"argument: everybody on the machine can see those. A file has it in base64, unless --plain says that it has it as it is, to the last " +
		"byte, a line feed too. It may be 65536 bytes long.\n\n" +
		"  poolctl secret-set-value 2ec115d7-3a88-3ceb-bc12-0ac909a6fd87 --file ceph.key\n" +
		"  pass show san | tr -d '\\n' | poolctl secret-set-value san --plain"
}

// Run stores a value.
func (c *SecretSetValue) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := c.set(e); err != nil {
		return fmt.Errorf("set value of secret %q: %w", c.Secret, err)
	}
	e.say("Secret value set")
	return nil
}

func (c *SecretSetValue) check() error {
	verb := "secret-set-value"
	terminal := term.IsTerminal(int(os.Stdin.Fd()))
	switch {
	case c.Base64 != "":
		return &usageError{verb, "a value is not taken from the command line, where everybody on the machine can see it: use --file, or standard input"}
	case c.Interactive && (c.File != "" || c.Plain):
		return &usageError{verb, "the option --interactive excludes --file and --plain"}
	case c.Interactive && !terminal:
		return &usageError{verb, "--interactive: standard input is not a terminal"}
	case c.Plain && c.File == "" && terminal:
		return &usageError{verb, "--plain needs --file, or standard input that is not a terminal"}
	}
	if c.File == "" && !terminal {
		c.File = "-"
	}
	return nil
}

// set looks the secret up before anybody has to type, and again when the value is there.
func (c *SecretSetValue) set(e *env) error {
	if _, err := e.findSecret(c.Secret); err != nil {
		return err
	}
	value, err := c.value(e)
	if err != nil {
		return err
	}
	unlock, err := e.lockDefinitions()
	if err != nil {
		return err
	}
	defer unlock()
	entry, err := e.store.Secret(c.Secret)
	if err != nil {
		return err
	}
	return e.store.SetSecretValue(entry, value)
}

// value reads the value. What is wrong with it is told without it.
func (c *SecretSetValue) value(e *env) ([]byte, error) {
	if c.File == "" {
		return e.askSecret("Enter new value for secret:")
	}
	value, err := e.readInput(c.File)
	if err != nil {
		return nil, err
	}
	if c.Plain {
		err = store.CheckSecret(value)
	} else {
		value, err = store.DecodeSecret(value)
	}
	if err != nil {
		return nil, &usageError{"secret-set-value", inputName(c.File) + ": " + err.Error()}
	}
	return value, nil
}

// askSecret asks for a value on the terminal, without echo, which comes back also when the user interrupts.
func (e *env) askSecret(question string) ([]byte, error) {
	restore, err := host.HideTyping(os.Stdin)
	if err != nil {
		return nil, err
	}
	defer restore()
	fmt.Fprint(e.stderr, question)
	defer fmt.Fprintln(e.stderr)
	value, err := await(e.ctx, typedLine)
	if err == nil {
		err = store.CheckSecret(value)
	}
	return value, err
}

// typedLine reads a line from the terminal, which hands over no more than one at a time.
func typedLine() (line []byte, err error) {
	for part := make([]byte, 4096); err == nil && !bytes.HasSuffix(line, []byte("\n")); { // as long as a line can be (termios(3))
		var n int
		n, err = os.Stdin.Read(part)
		line = append(line, part[:n]...)
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return bytes.TrimSuffix(line, []byte("\n")), err
}
