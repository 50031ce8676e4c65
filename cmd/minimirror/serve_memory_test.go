package main

import (
	"slices"
	"strings"
	"testing"
)

func TestReadOnlyMaps(t *testing.T) {
	const maps = `00400000-01560000 r-xp 00000000 fe:00 10103122                           /bin/program
01560000-02884000 r--p 01160000 fe:00 10103122                           /bin/program
02884000-0299c000 rw-p 02484000 fe:00 10103122                           /bin/program
02a00000-02a01000 r--p 00000000 fe:00 10103123                           /bin/program.old
02b00000-02b01000 r--p 00000000 fe:00 10103122                           /bin/program (deleted)
nonsense r--p 00000000 fe:00 10103122 /bin/program
7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0                          [vdso]
c000000000-c000400000 ---p 00000000 00:00 0
`
	got, want := readOnly(strings.NewReader(maps), "/bin/program"), []mapping{{0x400000, 0x1160000}, {0x1560000, 0x1324000}}
	if !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// The program goes on as if nothing had been.
func TestSaveMemory(t *testing.T) {
	for range 10 {
		saveMemory()
		TestReadOnlyMaps(t)
	}
}
