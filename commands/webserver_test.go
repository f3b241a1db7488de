package commands

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// A webServer serves the files of a session's directory web, by HTTPS and by HTTP, and may be hostile: the
// first element of a path names what the server does.
type webServer struct {
	root         string
	plain, https *httptest.Server
	mu           sync.Mutex
	cut          map[string]bool // paths whose answer was cut
}

// webserver starts a server. $HTTPS and $HTTP are its URLs, and the file requests has a line for each
// request.
func webserver(ts *testscript.TestScript, _ bool, _ []string) {
	s := &webServer{root: ts.Getenv("WORK"), cut: map[string]bool{}}
	s.plain, s.https = httptest.NewServer(s), httptest.NewUnstartedServer(s)
	s.https.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that clients end
	s.https.StartTLS()
	ts.Defer(s.plain.Close)
	ts.Defer(s.https.Close)
	ts.Defer(s.plain.CloseClientConnections)
	ts.Defer(s.https.CloseClientConnections)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.https.Certificate().Raw})
	ts.Check(os.WriteFile(s.root+"/ca.pem", ca, 0o600))
	ts.Setenv("SSL_CERT_FILE", s.root+"/ca.pem")
	ts.Setenv("HTTPS", s.https.URL)
	ts.Setenv("HTTP", s.plain.URL)
}

// serverPort is the port of a webServer in its URLs and in curl's messages.
var serverPort = regexp.MustCompile(`(https?://127\.0\.0\.1|127\.0\.0\.1 port)([ :])\d+`)

// ServeHTTP implements http.Handler.
func (s *webServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.log(r)
	does, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	file := s.root + "/web/" + path.Base(r.URL.Path)
	switch does {
	case "files":
		http.ServeFile(w, r, file)
	case "whole": // without ranges
		data, _ := os.ReadFile(file)
		_, _ = w.Write(data)
	case "down":
		http.Redirect(w, r, s.plain.URL+"/"+rest, http.StatusFound)
	case "up":
		http.Redirect(w, r, s.https.URL+"/"+rest, http.StatusFound)
	case "local":
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	case "loop":
		http.Redirect(w, r, "/loop", http.StatusFound)
	case "endless":
		for sent := 0; sent < 1<<28 && r.Context().Err() == nil; sent += 1 << 16 {
			_, _ = w.Write(make([]byte, 1<<16))
		}
	case "header":
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		http.ServeFile(w, r, file)
	case "cut": // the first answer ends after 100 bytes
		s.mu.Lock()
		first := !s.cut[rest]
		s.cut[rest] = true
		s.mu.Unlock()
		if first {
			data, _ := os.ReadFile(file)
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			_, _ = w.Write(data[:100])
			return
		}
		http.ServeFile(w, r, file)
	default:
		http.NotFound(w, r)
	}
}

// log notes a request and what part of the file it asks for.
func (s *webServer) log(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := os.OpenFile(s.root+"/requests", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintln(f, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
}
