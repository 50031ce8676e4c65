package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dpkg-deb reads a package as it is meant, and it is the same each time.
func TestDeb(t *testing.T) {
	d := deb{control: "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: m <m@example.org>\nDescription: d\n", time: time.Unix(1_000_000_000, 0),
		files: map[string]debFile{"usr/bin/x": {bytes.Repeat([]byte("x"), 3000), 0o755}, "usr/bin.d": {nil, 0o644}, "etc/ü": {[]byte("odd"), 0o600}}}
	data, err := d.bytes()
	again, err2 := d.bytes()
	if err != nil || err2 != nil || !bytes.Equal(data, again) {
		t.Fatal("not the same each time", err, err2)
	}
	file := filepath.Join(t.TempDir(), "x.deb")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("dpkg-deb", args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("dpkg-deb %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	var list []string
	for line := range strings.Lines(run("--contents", file)) {
		list = append(list, strings.Join(strings.Fields(line), " "))
	}
	const want = `drwxr-xr-x root/root 0 2001-09-09 01:46 ./
drwxr-xr-x root/root 0 2001-09-09 01:46 ./etc/
-rw------- root/root 3 2001-09-09 01:46 ./etc/ü
drwxr-xr-x root/root 0 2001-09-09 01:46 ./usr/
-rw-r--r-- root/root 0 2001-09-09 01:46 ./usr/bin.d
drwxr-xr-x root/root 0 2001-09-09 01:46 ./usr/bin/
-rwxr-xr-x root/root 3000 2001-09-09 01:46 ./usr/bin/x`
	if got := strings.Join(list, "\n"); got != want {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
	if got := run("--field", file, "Installed-Size"); got != "8\n" { // 3 + 1 of files, and 4 folders
		t.Errorf("Installed-Size %s", got)
	}
	if got := run("--info", file, "md5sums"); !strings.Contains(got, "  usr/bin/x\n") || strings.Count(got, "\n") != 3 {
		t.Error(got)
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]string{"1.2.0": "1.2.0", "1.2.0-rc.1": "1.2.0~rc.1", "1.2.0+5.g0123456789ab.dirty": "1.2.0+5.g0123456789ab.dirty",
		"unknown": "", "1.2": "", "v1.2.0": "", "1.2.0 ": "", "1.2.0/../x": "", "": ""} {
		r := release{version: version}
		if valid := validVersion.MatchString(version); valid != (want != "") || valid && r.debVersion() != want {
			t.Errorf("%q: valid %v, %s", version, valid, r.debVersion())
		}
	}
}
