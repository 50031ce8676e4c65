package main

import (
	"bufio"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// saveMemory is for a process that will run for years. It gives back what the initialisation of Go packages, most of which
// only build needs, has touched of the program: pages of its file, which the kernel brings back when they are wanted. Memory that
// starting has used goes back, too.
func saveMemory() {
	debug.FreeOSMemory()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for _, p := range readOnly(maps, program) {
		// Where it fails, all stays as it was.
		_, _, _ = syscall.RawSyscall(syscall.SYS_MADVISE, p.begin, p.size, syscall.MADV_DONTNEED)
	}
}

// A mapping is a part of a process's memory.
type mapping struct{ begin, size uintptr }

// readOnly returns the parts of a file that a process has in memory and cannot write: proc_pid_maps(5).
func readOnly(maps io.Reader, file string) (parts []mapping) {
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 6 || f[5] != file || strings.Contains(f[1], "w") {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		begin, err := strconv.ParseUint(from, 16, strconv.IntSize)
		if err != nil {
			continue
		}
		if end, err := strconv.ParseUint(to, 16, strconv.IntSize); err == nil && end > begin {
			parts = append(parts, mapping{uintptr(begin), uintptr(end - begin)})
		}
	}
	return parts
}
