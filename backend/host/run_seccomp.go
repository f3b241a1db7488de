package host

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// startRestricted calls restrict and then start in a new thread, so that the program that start starts is
// restricted, too.
func startRestricted(restrict, start func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, so that the thread ends with the function
		err := restrict()
		if err == nil {
			err = start()
		}
		done <- err
	}()
	return <-done
}

// denyWriting is a filter that makes opening anything for writing fail with EACCES. It checks the third
// argument of openat(2), by which C libraries open files on every processor. The offsets are those of struct
// seccomp_data in linux/seccomp.h, the low half of an argument first.
var denyWriting = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_OPENAT, Jf: 3},
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16 + 2*8},
	{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.O_ACCMODE, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
}

// denySockets is a filter against network connections: it denies socket(2), and io_uring, which could open
// sockets, too.
var denySockets = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jt: 1},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_IO_URING_SETUP, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
}

// forbidWriting prevents the calling thread from opening anything for writing, if the kernel supports that.
func forbidWriting() error {
	_ = installFilter(denyWriting)
	return nil
}

// installFilter restricts the system calls of the calling thread (seccomp(2)).
func installFilter(instructions []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(instructions)), Filter: &instructions[0]}
	_, _, errno := unix.Syscall(
		unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}
