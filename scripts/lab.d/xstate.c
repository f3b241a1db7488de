/*
 * Linux 6.1's User Mode Linux on processors with AMX. It restores the registers of a process with
 * PTRACE_SETREGSET from a buffer of 2,696 bytes, which was all before AMX. The host's kernel refuses that with
 * EFAULT, as it wants the registers of AMX, too (11,008 bytes), and no process in the lab runs. This library is
 * loaded before the C library (LD_PRELOAD), and appends them as they are: no process in the lab uses AMX, for
 * which it would need arch_prctl(2). Later kernels ask the host for the size.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static char registers[64 << 10];
static struct iovec all = {registers, 0}; /* empty until the host refuses a part */

long ptrace(enum __ptrace_request request, ...)
{
	static long (*next)(enum __ptrace_request, ...);
	va_list rest;
	va_start(rest, request);
	int pid = va_arg(rest, int);
	void *address = va_arg(rest, void *), *data = va_arg(rest, void *);
	va_end(rest);

	if (next == NULL)
		next = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");
	if (request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE)
		return next(request, pid, address, data);
	if (all.iov_len == 0) {
		long result = next(request, pid, address, data);
		if (result == 0 || errno != EFAULT)
			return result;
		all.iov_len = sizeof registers;
		if (next(PTRACE_GETREGSET, pid, address, &all) != 0)
			return -1;
	}
	struct iovec *known = data;
	memcpy(registers, known->iov_base, known->iov_len < all.iov_len ? known->iov_len : all.iov_len);
	return next(request, pid, address, &all);
}
