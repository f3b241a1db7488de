package backendtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// killVariable tells a process that it is to make a volume, and when to die.
const killVariable = "POOLCTL_TEST_KILL"

// A crashPlan is what a process is told.
type crashPlan struct {
	Does  string // one of deeds
	Pool  *pooldef.Pool
	Nth   int  // the change that is its last
	After bool // it happens
}

// deeds are what such a process can do.
var deeds = map[string]func(context.Context, Options, backend.Backend, *pooldef.Pool) error{
	"create": makes["create"],
	"clone":  makes["clone"],
	"delete": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Deleter).Delete(ctx, p, "v")
	},
	"build": func(ctx context.Context, o Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Builder).Build(ctx, p, o.Build)
	},
	"start": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Starter).Start(ctx, p)
	},
	"stop": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Starter).Stop(ctx, p)
	},
	"remove": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.PoolDeleter).DeletePool(ctx, p)
	},
}

// killed kills a process at each of the changes by which it makes a volume. The volume is whole or not there, and can
// be made; Sweep removes what is left. test is the name of the test that called Run.
func (s *suite) killed(test, how string) { s.killedDoing(test, s.making(how)) }

// killedDeleting does the same to processes that delete one.
func (s *suite) killedDeleting(test string) {
	create := s.making("create")
	s.ok(create.do(s.Context(), s.b))
	s.killedDoing(test, create.reversed("delete"))
}

// killedPool does the same to processes that build, start, stop or remove a pool: the same again then works.
func (s *suite) killedPool(test string) {
	for _, op := range s.poolOperations() {
		s.killedDoing(test, op)
		s.ok(op.do(s.Context(), s.b))
	}
}

// killedDoing kills a process before each change, and after each. Where operations are slow it does only the former: who is killed after
// a change is killed before the next.
func (s *suite) killedDoing(test string, op operation) {
	state, deaths := s.state(), []bool{false, true}
	if s.Slow {
		deaths = deaths[:1]
	}
	for _, after := range deaths {
		for nth := 1; ; nth++ {
			s.pool.Started = s.pool.Started || op.name == "start" // verbs record that first
			died := s.runToDeath(test, crashPlan{op.name, s.pool, nth, after})
			switch op.name { // the record is there before a pool is started, and until it is stopped
			case "start":
				s.pool.Started = true
			case "stop":
				s.pool.Started = died
			}
			var err error
			if died && !op.done() {
				err = errFault
			}
			half := s.Slow && nth%2 == 0 || after
			if err != nil && !half && !op.pool { // half of the time, what is left is not swept before the volume is made again
				s.same(state, "killed and swept")
			}
			state = s.settled(op, fmt.Sprintf("%s, killed at change %d, when it had happened: %v", op.name, nth, after), state, err)
			if !died && nth == 1 {
				s.Fatal("the process that was to die has not even begun")
			}
			if !died {
				break
			}
		}
	}
}

// runToDeath runs this test in a process that is to die, and tells whether it did.
func (s *suite) runToDeath(test string, d crashPlan) bool {
	text, err := json.Marshal(d)
	s.ok(err)
	var pattern []string
	for part := range strings.SplitSeq(test, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	process, err := os.StartProcess("/proc/self/exe", []string{os.Args[0], "-test.run=" + strings.Join(pattern, "/")}, &os.ProcAttr{
		Env:   append(os.Environ(), killVariable+"="+string(text)),
		Files: []*os.File{nil, os.Stderr, os.Stderr},
	})
	s.ok(err)
	state, err := process.Wait()
	s.ok(err)
	if !state.Exited() {
		return true
	}
	if !state.Success() {
		s.Fatalf("a process that was to die has failed: %v", state)
	}
	return false
}

// dieIfAsked is what such a process does.
func dieIfAsked(o Options) bool {
	text, asked := os.LookupEnv(killVariable)
	if !asked {
		return false
	}
	var d crashPlan
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	b := o.New(&killingHost{Host: o.Host, crashPlan: d})
	if err := deeds[d.Does](context.Background(), o, b, d.Pool); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
	return true
}

// A killingHost kills its process.
type killingHost struct {
	host.Host
	crashPlan
	count int
}

// Change implements host.Host.
func (m *killingHost) Change(ctx context.Context, step host.Step) error {
	m.count++
	if m.count != m.Nth {
		return m.Host.Change(ctx, step)
	}
	if m.After {
		_ = m.Host.Change(ctx, step)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
