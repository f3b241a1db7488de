package backendtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// killVariable passes a crashPlan to a process that is to be killed.
const killVariable = "POOLCTL_TEST_KILL"

// A crashPlan says what a process does and when it is killed.
type crashPlan struct {
	Operation string // a key of crashOperations
	Pool      *pooldef.Pool
	Target    *pooldef.Pool `json:",omitempty"` // of a move
	Nth       int           // the number of its last change
	After     bool          // kill it after that change, not before
}

// crashOperations are the operations that such a process can run.
var crashOperations = map[string]func(context.Context, Options, backend.Backend, *pooldef.Pool) error{
	"clone snapshot": snapshotOperations["clone snapshot"],
	"revert":         snapshotOperations["revert"],

	"move": func(ctx context.Context, o Options, _ backend.Backend, p *pooldef.Pool) error {
		return o.Move(ctx, o.Host, o.New, p, o.target)
	},
	"create": creations["create"],
	"clone":  creations["clone"],
	"delete": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Deleter).Delete(ctx, p, "v")
	},
	"flatten": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Flattener).Flatten(ctx, p, "v", backend.ChainOptions{MayRead: anyBackingFile})
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

// testKilled kills a process at each change of a volume's creation. The volume must then be complete or not
// exist, creating it must work, and RemoveStale must remove the leftovers. test is the name of the test that
// called Run.
func (s *suite) testKilled(test, how string) { s.killDuring(test, s.setUpCreation(how)) }

// testKilledDeleting does the same with processes that delete a volume.
func (s *suite) testKilledDeleting(test string) {
	create := s.setUpCreation("create")
	s.ok(create.do(s.Context(), s.b))
	s.killDuring(test, create.reverse("delete"))
}

// testKilledPool does the same with processes that build, start, stop or delete a pool: repeating the
// operation must work.
func (s *suite) testKilledPool(test string) {
	for _, op := range s.poolOperations() {
		s.killDuring(test, op)
		s.ok(op.do(s.Context(), s.b))
	}
}

// killDuring kills a process before each change of an operation, and after each. If operations are slow, it
// kills only before: being killed after one change is being killed before the next.
func (s *suite) killDuring(test string, op operation) {
	state, moments := s.state(), []bool{false, true}
	if s.Slow {
		moments = moments[:1]
	}
	for _, after := range moments {
		for nth := 1; ; nth++ {
			s.pool.Started = s.pool.Started || op.name == "start" // the verbs write the run record first
			killed := s.runUntilKilled(test, crashPlan{Operation: op.name, Pool: s.pool, Nth: nth, After: after})
			switch op.name { // the run record exists before a pool is started, and until it is stopped
			case "start":
				s.pool.Started = true
			case "stop":
				s.pool.Started = killed
			}
			var err error
			if killed && !op.done() {
				err = errFault
			}
			half := s.Slow && nth%2 == 0 || after
			// Every other time, leave the leftovers to the next creation of the volume.
			if err != nil && !half && !op.pool {
				s.checkUnchanged(state, "after killing the process and removing leftovers")
			}
			state = s.checkOutcome(op, fmt.Sprintf("%s, killed at change %d (after it: %v)", op.name, nth,
				after), state, err)
			if !killed && nth == 1 {
				s.Fatal("the process made no change before it ended")
			}
			if !killed {
				break
			}
		}
	}
}

// runUntilKilled runs this test in a process that follows a crashPlan, and reports whether the process was
// killed.
func (s *suite) runUntilKilled(test string, d crashPlan) bool {
	text, err := json.Marshal(d)
	s.ok(err)
	defer s.Host.Invalidate()
	return RunUntilKilled(s, test, string(text))
}

// RunUntilKilled runs a test in a process that finds plan by [CrashPlan], and reports whether the process was
// killed.
func RunUntilKilled(t testing.TB, test, plan string) bool {
	t.Helper()
	var pattern []string
	for part := range strings.SplitSeq(test, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	process, err := os.StartProcess("/proc/self/exe",
		[]string{os.Args[0], "-test.run=" + strings.Join(pattern, "/")}, &os.ProcAttr{
			Env:   append(os.Environ(), killVariable+"="+plan),
			Files: []*os.File{nil, os.Stderr, os.Stderr},
		})
	if err != nil {
		t.Fatal(err)
	}
	state, err := process.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if state.Exited() && !state.Success() {
		t.Fatalf("the process failed before it was killed: %v", state)
	}
	return !state.Exited()
}

// CrashPlan returns the plan of a process that RunUntilKilled has started. ok is false in other processes.
func CrashPlan() (plan string, ok bool) { return os.LookupEnv(killVariable) }

// KillAfter returns a host that kills its own process after the nth change.
func KillAfter(h host.Host, nth int) host.Host {
	return &killingHost{Host: h, crashPlan: crashPlan{Nth: nth, After: true}}
}

// runCrashPlan runs the process's crashPlan and exits. It returns false if the process has none.
func runCrashPlan(o Options) bool {
	text, asked := CrashPlan()
	if !asked {
		return false
	}
	var d crashPlan
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	o.Host, o.target = &killingHost{Host: o.Host, crashPlan: d}, d.Target
	b := o.New(o.Host)
	if err := crashOperations[d.Operation](context.Background(), o, b, d.Pool); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
	return true
}

// A killingHost kills its own process, as its crashPlan says.
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
