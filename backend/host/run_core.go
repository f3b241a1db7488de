package host

import "golang.org/x/sys/unix"

// NoCoreDumps keeps secret values out of the core dumps of this process and of the programs that receive
// secrets. It sets the resource limit, because execve(2) resets PR_SET_DUMPABLE. The limit is 1, not 0: one
// byte is too little for a core file, and with 0 the kernel would still start the program of a core_pattern
// with a pipe (core(5); do_coredump in the kernel's fs/coredump.c).
func NoCoreDumps() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}) }
