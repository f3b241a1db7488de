package host

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readOnly runs start in a thread whose children cannot open anything for writing: they are told EACCES (seccomp(2)). A kernel
// that cannot do that lets them.
func readOnly(start func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the function
		forbidWriting()
		done <- start()
	}()
	return <-done
}

// openForWriting is the filter: of openat(2), which is how C libraries open files on every processor, whose third argument says for
// what. The offsets are those of struct seccomp_data in linux/seccomp.h, the low half of an argument first.
var openForWriting = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_OPENAT, Jf: 3},
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16 + 2*8},
	{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.O_ACCMODE, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
}

func forbidWriting() {
	if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != nil {
		return
	}
	program := unix.SockFprog{Len: uint16(len(openForWriting)), Filter: &openForWriting[0]}
	_, _, _ = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
}
