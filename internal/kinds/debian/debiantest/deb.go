package debiantest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// Deb returns the package as a .deb file (deb(5), format 2.0).
func (p *Package) Deb() ([]byte, error) {
	files := p.contents()
	control := maps.Clone(p.Control)
	if control == nil {
		control = map[string]string{}
	}
	control["control"] = p.control(files)

	var deb bytes.Buffer
	deb.WriteString("!<arch>\n")
	writeMember(&deb, "debian-binary", []byte("2.0\n"))
	compression := cmp.Or(p.Compression, "gz")
	for _, part := range []struct {
		name  string
		files map[string]string
	}{{"control.tar", control}, {"data.tar", files}} {
		data, err := tarOf(part.files, part.name == "control.tar")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		name := part.name
		if compression != "none" {
			name += "." + compression
			if data, err = compress(compression, data); err != nil {
				return nil, fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		writeMember(&deb, name, data)
	}
	return deb.Bytes(), nil
}

// contents are the files that the package installs.
func (p *Package) contents() map[string]string {
	files := map[string]string{}
	maps.Copy(files, p.Files)
	if p.Size > 0 {
		files["usr/share/"+p.Name+"/filler"] = filler(p.Name+p.version(), p.Size)
	}
	return files
}

func (p *Package) version() string      { return cmp.Or(p.Version, "1.0") }
func (p *Package) architecture() string { return cmp.Or(p.Architecture, "all") }
func (p *Package) component() string    { return cmp.Or(p.Component, "main") }

// field returns the value of one of p.Fields, or "".
func (p *Package) field(name string) string {
	for _, line := range p.Fields {
		if key, value, _ := strings.Cut(line, ":"); strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// control returns the control file (Debian Policy 5.3).
func (p *Package) control(files map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Package: %s\nVersion: %s\nArchitecture: %s\n", p.Name, p.version(), p.architecture())
	if p.field("Maintainer") == "" {
		b.WriteString("Maintainer: Nobody <nobody@example.org>\n")
	}
	if p.field("Installed-Size") == "" {
		size := 0
		for _, content := range files {
			size += (len(content) + 1023) / 1024
		}
		fmt.Fprintf(&b, "Installed-Size: %d\n", size)
	}
	for _, line := range p.Fields {
		b.WriteString(line + "\n")
	}
	if p.field("Description") == "" {
		fmt.Fprintf(&b, "Description: %s of a test\n", p.Name)
	}
	return b.String()
}

// filename is where dak puts the .deb: Debian's version without the epoch.
func (p *Package) filename(flat string) string {
	if p.Filename != "" {
		return p.Filename
	}
	version := p.version()
	if _, rest, found := strings.Cut(version, ":"); found {
		version = rest
	}
	name := fmt.Sprintf("%s_%s_%s.%s", p.Name, version, p.architecture(), cmp.Or(p.field("Package-Type"), "deb"))
	if flat != "" {
		return "./" + path.Join(flat, name)
	}
	source := cmp.Or(strings.Fields(p.field("Source") + " ")...)
	source = cmp.Or(source, p.Name)
	prefix := source[:1]
	if strings.HasPrefix(source, "lib") && len(source) > 3 {
		prefix = source[:4]
	}
	return path.Join("pool", p.component(), prefix, source, name)
}

// tarOf packs files with their folders, sorted, owned by root.
func tarOf(files map[string]string, control bool) ([]byte, error) {
	entries := map[string]string{"./": ""}
	for name, content := range files {
		for dir := path.Dir(strings.TrimSuffix(name, "/")); dir != "."; dir = path.Dir(dir) {
			entries["./"+dir+"/"] = ""
		}
		entries["./"+name] = content
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		h := &tar.Header{
			Name: name, Mode: 0o644, Uname: "root", Gname: "root", Format: tar.FormatGNU,
			Size: int64(len(entries[name])), ModTime: DefaultDate,
		}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		} else if strings.Contains(name, "bin/") || control && isScript(path.Base(name)) {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(entries[name])); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// isScript reports whether dpkg runs the control file.
func isScript(name string) bool {
	return slices.Contains([]string{"preinst", "postinst", "prerm", "postrm", "config"}, name)
}

// writeMember appends one member to an ar archive (deb(5): the common format).
func writeMember(b *bytes.Buffer, name string, data []byte) {
	fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, DefaultDate.Unix(), 0, 0, "100644", len(data))
	b.Write(data)
	if len(data)%2 == 1 {
		b.WriteByte('\n')
	}
}

// filler returns n bytes that no compression makes shorter, the same for each seed.
func filler(seed string, n int) string {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(seed))).Read(data)
	return string(data)
}
