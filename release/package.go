package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	source = "https://github.com/minimirror/minimirror"
	doc    = "usr/share/doc/minimirror/"

	licenseFile = "LICENSE"
	noticesFile = "modules.txt.gz" // what notices returns
)

// common are the files that the packages of all architectures have.
func (r *release) common() (map[string]debFile, error) {
	files := make(map[string]debFile)
	add := func(name string, data []byte, err error) error {
		files[name] = debFile{data, 0o644}
		return err
	}
	pages, err := r.pages()
	if err != nil {
		return nil, err
	}
	for name, page := range pages {
		data, err := compress(page)
		if err := add("usr/share/man/man1/"+name+".gz", data, err); err != nil {
			return nil, err
		}
	}
	for shell, name := range map[string]string{
		"bash": "usr/share/bash-completion/completions/minimirror",
		"zsh":  "usr/share/zsh/vendor-completions/_minimirror",
		"fish": "usr/share/fish/vendor_completions.d/minimirror.fish",
	} {
		data, err := r.say("completion", shell)
		if err := add(name, data, err); err != nil {
			return nil, err
		}
	}
	for from, to := range map[string]string{".": doc, "docs": doc + "docs/", "docs/decisions": doc + "docs/decisions/", "docs/schema": doc + "docs/schema/", "images/keys": doc + "images/keys/",
		"images/docker": doc + "images/docker/", "images/kubernetes-node": doc + "images/kubernetes-node/"} {
		all, err := readAll(from)
		if err != nil {
			return nil, err
		}
		for name, data := range all {
			switch filepath.Ext(name) {
			case ".md", ".yaml", ".asc", ".json":
				files[to+name] = debFile{data, 0o644}
			}
		}
	}
	copyright, err := r.copyright()
	changes, err2 := compress([]byte(r.changelog()))
	notices, err3 := r.notices()
	return files, errors.Join(add(doc+"copyright", copyright, err), add(doc+"changelog.gz", changes, err2), add(doc+noticesFile, notices, err3),
		add("usr/share/lintian/overrides/minimirror", []byte(overrides), nil))
}

// overrides tell lintian what is meant to be so.
const overrides = `# One program for every machine, also for those where nothing is installed yet.
minimirror: statically-linked-binary [usr/bin/minimirror]
# It reads what dpkg says of a node, which may lie below another root, before anything of dpkg can run there.
minimirror: uses-dpkg-database-directly [usr/bin/minimirror]
`

// pack writes the package of an architecture.
func (r *release) pack(architecture string, common map[string]debFile) error {
	program, err := os.ReadFile(filepath.Join(r.work, programName(architecture)))
	if err != nil {
		return err
	}
	d := deb{time: r.time, control: r.control(architecture), files: map[string]debFile{"usr/bin/minimirror": {program, 0o755}}}
	for name, file := range common {
		d.files[name] = file
	}
	data, err := d.bytes()
	if err != nil {
		return err
	}
	return r.write(fmt.Sprintf("minimirror_%s_%s.deb", r.debVersion(), architecture), data, 0o644)
}

// debVersion sorts 1.2.0-rc.1 before 1.2.0, as SemVer does.
func (r *release) debVersion() string { return strings.Replace(r.version, "-", "~", 1) }

func (r *release) control(architecture string) string {
	return fmt.Sprintf(`Package: minimirror
Version: %s
Architecture: %s
Maintainer: %s
Section: admin
Priority: optional
Multi-Arch: foreign
Homepage: %s
Recommends: ca-certificates
Description: carry what a site without internet needs in one container image
 miniMirror pins Debian packages, with all that they need, and other files in a
 lock, verifies them, and bakes them into an immutable container image. The
 image serves them to apt, under rules and with an audit trail, and installs
 the first machine of a site, which has no container runtime yet.
 .
 The program is one static file. It builds images without Docker, without root
 and without a daemon.
`, r.debVersion(), architecture, r.maintainer, source)
}

func (r *release) changelog() string {
	return fmt.Sprintf("minimirror (%s) unstable; urgency=medium\n\n  * Version %s of miniMirror:\n    %s\n\n -- %s  %s\n",
		r.debVersion(), r.version, source, r.maintainer, r.time.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
}

// copyright is about miniMirror itself; notices are about what it is made of.
func (r *release) copyright() ([]byte, error) {
	license, err := os.ReadFile(licenseFile)
	if err != nil {
		return nil, err
	}
	if words := strings.Fields(string(license)); strings.Join(words[:min(4, len(words))], " ") != "Apache License Version 2.0," {
		return nil, errors.New("LICENSE is another one than the package's copyright file says")
	}
	return fmt.Appendf(nil, `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: miniMirror
Source: %s
Comment: The program contains the standard library of Go and other modules.
 modules.txt.gz, in this folder, lists them with their licences and notices.

Files: *
Copyright: %d the authors of miniMirror
License: Apache-2.0

License: Apache-2.0
 On Debian systems, the text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
`, source, r.time.Year()), nil
}

// compress is gzip -9n.
func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}
