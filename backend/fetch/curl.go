package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"

	"poolctl/backend"
	"poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/format/lazy"
)

// variables of the environment are curl's, for proxies and certificates (curl(1)).
var variables = []string{
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
	"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// parseURL parses a URL and returns a URLError unless it may be downloaded.
func (s Source) parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, &URLError{address, errors.Unwrap(err).Error(), ""}
	case u.User != nil:
		return nil, &URLError{u.Redacted(), "every user can see a password in a command line", ""}
	case u.Scheme == "file" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return u, nil
	case u.Scheme == "http" && !s.Insecure:
		return nil, &URLError{address, "anybody on the way can replace what http transfers",
			"https:// if the server has it; --insecure-http allows http"}
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, &URLError{address, "it must begin with https://", ""}
	}
	return u, nil
}

// CheckURL returns a URLError unless the source's URL may be downloaded.
func (s Source) CheckURL() error {
	_, err := s.parseURL(s.URL)
	return err
}

// curl returns the command that writes the data of a URL to its standard output. It ignores ~/.curlrc,
// follows redirects, but not to a protocol that is less safe, and ends if the server is silent.
func (s Source) curl(address string) (host.Command, error) {
	u, err := s.parseURL(address)
	if err != nil {
		return host.Command{}, err
	}
	if u.Scheme == "file" {
		c := s.curlOf("=file", address)
		c.Confined.Read = []string{u.Path}
		return c, nil
	}
	protocols := "=https"
	if u.Scheme == "http" {
		protocols = "=http,https"
	}
	c := s.curlOf(protocols, address)
	c.Confined.Network, c.Variables = true, variables
	for _, name := range []string{"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if path := os.Getenv(name); path != "" {
			c.Confined.Read = append(c.Confined.Read, path)
		}
	}
	return c, nil
}

func (s Source) curlOf(protocols, address string) host.Command {
	patience := strconv.Itoa(max(int(s.Timeout.Seconds()), 1))
	c := host.Cmd("curl", "-q", "--silent", "--show-error", "--fail", "--globoff", "--location", "--max-redirs",
		"10",
		"--proto", protocols, "--proto-redir", protocols, "--connect-timeout", patience,
		"--speed-limit", "1", "--speed-time", patience, address)
	c.Confined = &host.Confinement{}
	return c
}

// curlPrefix is what precedes curl's messages.
var curlPrefix = lazy.Regexp(`^curl: \(\d+\) `)

// explain converts curl's errors (curl(1), EXIT CODES).
func (s Source) explain(err error) error {
	exit, ok := errors.AsType[*host.ExitError](err)
	if !ok {
		return err
	}
	text, _, _ := strings.Cut(curlPrefix().ReplaceAllString(exit.Stderr, ""), "\n") // the rest is advice
	switch exit.Status {
	case 5, 6, 7:
		return &backend.UnreachableError{Server: s.URL, Err: errors.New(text)}
	case 28:
		return &backend.TimeoutError{Text: s.URL + ": " + text}
	case 1:
		text = "it leads to a URL that is not allowed: " + text
	}
	e := &ServerError{URL: s.URL, Text: text}
	switch {
	case exit.Status == 60 || exit.Status == 77:
		name := "SSL_CERT_FILE"
		if os.Getenv("CURL_CA_BUNDLE")+os.Getenv("SSL_CERT_DIR") != "" { // curl may ignore SSL_CERT_FILE then
			name = "CURL_CA_BUNDLE"
		}
		e.Hint = name + "=FILE names the certificates of another authority"
	case s.Sum.isKnown() && (exit.Status == 18 || exit.Status == 52 || exit.Status == 56):
		e.Hint = "the same command continues the download"
	}
	return e
}

// query returns a small file of a server, such as a list of checksums.
func (s Source) query(ctx context.Context, h host.Host, address string) ([]byte, error) {
	c, err := s.curl(address)
	if err != nil {
		return nil, err
	}
	c.MaxOutput = 1 << 20
	data, err := h.Query(ctx, c)
	s.URL = address
	return data, s.explain(err)
}

// baseName returns the last element of a URL's path, by which lists of checksums name the file.
func baseName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return path.Base(u.Path)
}

// A URLError reports a URL that is not allowed.
type URLError struct{ URL, Text, Hint string }

func (e *URLError) Error() string { return fmt.Sprintf("%q: %s", e.URL, e.Text) }

// Kind implements [fault.Error].
func (*URLError) Kind() fault.Kind { return fault.Usage }

// HintLine implements [fault.Hinter].
func (e *URLError) HintLine() string { return e.Hint }

// A ServerError reports that a server did not send the data.
type ServerError struct{ URL, Text, Hint string }

func (e *ServerError) Error() string { return fmt.Sprintf("%s: %s", e.URL, e.Text) }

// Kind implements [fault.Error].
func (*ServerError) Kind() fault.Kind { return fault.Failed }

// HintLine implements [fault.Hinter].
func (e *ServerError) HintLine() string { return e.Hint }
