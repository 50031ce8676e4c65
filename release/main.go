// Command release makes what people download: static programs, Debian packages, the licences, and SHA256SUMS. "make release" runs it. It is no part of
// the program.
//
// Its output depends on the source, the version, the time and the Go toolchain alone.
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// architectures are the same words for Go and for Debian.
var architectures = []string{"amd64", "arm64"}

// A release is one run.
type release struct {
	version    string
	time       time.Time // of all that is packed
	maintainer string
	work       string // a folder of its own, whose content becomes the release
}

func main() {
	var r release
	to := flag.String("to", "out/release", "folder for the release, which is replaced")
	seconds := flag.Int64("time", 0, "time of everything in the packages, in seconds since 1970")
	flag.StringVar(&r.version, "version", "", "version, such as 1.2.0")
	flag.StringVar(&r.maintainer, "maintainer", "miniMirror maintainers <minimirror@users.noreply.github.com>", "who made the packages")
	flag.Parse()
	r.time = time.Unix(*seconds, 0).UTC()
	if err := r.run(*to); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// validVersion is what Debian Policy 5.6.12 and programs that read SemVer take alike.
var validVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?(\+[0-9A-Za-z.]+)?$`)

func (r *release) run(to string) (err error) {
	if !validVersion.MatchString(r.version) {
		return fmt.Errorf("%q is not a version such as 1.2.0\nhint: tag the commit, or type: make release VERSION=1.2.0", r.version)
	}
	if runtime.GOOS != "linux" || !slices.Contains(architectures, runtime.GOARCH) {
		return fmt.Errorf("it needs linux/%s, whose programs write the manual pages", strings.Join(architectures, " or linux/"))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp(filepath.Dir(to), ".release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	if err := os.Chmod(r.work, 0o755); err != nil {
		return err
	}
	for _, architecture := range architectures {
		if err := r.build(architecture); err != nil {
			return err
		}
	}
	files, err := r.common()
	if err != nil {
		return err
	}
	// Who downloads a program alone gets them beside it. The package says the same as Debian wants it: in its copyright file.
	license, err := os.ReadFile(licenseFile)
	if err := errors.Join(err, r.write(licenseFile, license, 0o644), r.write(noticesFile, files[doc+noticesFile].data, 0o644)); err != nil {
		return err
	}
	for _, architecture := range architectures {
		if err := r.pack(architecture, files); err != nil {
			return err
		}
	}
	if err := r.sums(); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(to), os.Rename(r.work, to))
}

// write writes a file of the release, whatever the umask is.
func (r *release) write(name string, data []byte, mode os.FileMode) error {
	file := filepath.Join(r.work, name)
	return errors.Join(os.WriteFile(file, data, mode), os.Chmod(file, mode))
}

// sums writes SHA256SUMS, which sha256sum checks.
func (r *release) sums() error {
	entries, err := os.ReadDir(r.work) // sorted
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.work, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return r.write("SHA256SUMS", []byte(list.String()), 0o644)
}
