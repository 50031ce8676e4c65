// Package kit writes all that a site needs to use an image: how to run it, and what makes
// machines its clients. It stands behind the image and knows no kind.
//
//	image ──▶ what kinds say of clients (artifact.Client) ──▶ Kit ──▶ a folder of files
package kit

import (
	"bytes"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/distribution/reference"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/osrelease"
)

//go:embed files
var templates embed.FS

// A Kit is what the files are made from.
type Kit struct {
	Name    string   // of the image's definition
	Image   string   // for container runtimes, with a digest where it is known
	Digest  string   // of the manifest, "sha256:…"; empty: not known
	Address string   // of the mirror, as clients will call it: "http://HOST[:PORT]"
	Date    string   // of the lock
	Key     []byte   // public, armored
	Signers []string // fingerprints of the keys in Key, and when they expire
	Clients []artifact.Client
	Systems []artifact.System // of clients, if the image is for several
	As      []string          // hosts of upstreams that the mirror is to stand in for
	Program string            // version of the program
	// Authority has the certificates (PEM) of those who have signed the mirror's; nil: clients trust it already.
	Authority []byte
	// Renew is when clients renew their files, a calendar event of systemd.time(7); empty: never.
	Renew string
}

// New checks the address and the image's name, a reference of distribution/reference,
// and completes both. What is wrong is ErrUsage.
func New(k Kit) (*Kit, error) {
	address, ok := parseAddress(k.Address)
	if !ok {
		return nil, artifact.Hint(artifact.Usagef("--address %s: not the address of a mirror", k.Address), "write it like http://mirror.example.org:8080")
	}
	k.Address = address
	if k.Renew != "" && !calendar.MatchString(k.Renew) {
		return nil, errCalendar(k.Renew)
	}
	if k.Authority != nil {
		if err := k.checkAuthority(); err != nil {
			return nil, err
		}
	}
	named, err := reference.ParseNormalizedNamed(k.Image)
	if err != nil {
		return nil, artifact.Hint(artifact.Usagef("%q is not a name for an image: %w", k.Image, err), "name it with --name, in lower case, like minimirror.local/site:2")
	}
	k.Image = reference.TagNameOnly(named).String()
	return &k, nil
}

// Files makes the files, by path below the kit's folder.
func (k *Kit) Files() (map[string][]byte, error) {
	for _, host := range k.As {
		if !artifact.ValidName(host) {
			return nil, artifact.Verifyf("%q: an upstream's host that is none", host)
		}
	}
	t, err := template.New("").Funcs(template.FuncMap{
		"base64": func(data []byte) string { return base64.StdEncoding.EncodeToString(data) },
		"indent": indent, "quote": quote, "command": command, "folders": Folders,
	}).ParseFS(templates, "files/*")
	if err != nil {
		return nil, err
	}
	clients := slices.Clone(k.Clients)
	for i, c := range clients {
		renew, err := k.renewFiles(t, c.Renewal)
		if err != nil {
			return nil, err
		}
		clients[i].Files = slices.Concat(c.Files, renew)
	}
	whole := *k
	whole.Clients, k = clients, &whole
	files := map[string][]byte{"client/minimirror.asc": k.Key}
	if k.Authority != nil {
		files["client/mirror-ca.pem"] = k.Authority
	}
	for _, c := range k.Clients {
		if c.Program != "" && !artifact.ValidName(c.Program) {
			return nil, fmt.Errorf("%q is not a name for a client's program", c.Program)
		}
		for _, f := range c.Files {
			if !strings.HasPrefix(f.Path, "/") || path.Clean(f.Path) != f.Path {
				return nil, fmt.Errorf("%q is no absolute path", f.Path)
			}
			if bytes.Contains(f.Data, []byte("END_OF_FILE")) || bytes.ContainsFunc(f.Data, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
				return nil, artifact.Verifyf("%s: the image would have something there that is no configuration", f.Path)
			}
			files[path.Join(clientFolder(c.System), programFolder(c.Program), "files", f.Path)] = f.Data
		}
		for _, f := range c.New {
			if !artifact.ValidName(f.Path) {
				return nil, fmt.Errorf("%q is not a file name", f.Path)
			}
			files[path.Join("client", c.System, "new-machine", f.Path)] = f.Data
		}
	}
	for name, file := range map[string]string{
		"README.txt": "README.txt", "docker-run.sh": "server/docker-run.sh", "podman-run.sh": "server/podman-run.sh",
		"minimirror.service": "server/minimirror.service", "minimirror.container": "server/minimirror.container",
		"nginx.conf": "server/nginx.conf", "haproxy.cfg": "server/haproxy.cfg",
		"static-pod.yaml": "server/static-pod.yaml", "values.yaml": "server/chart-values.yaml",
	} {
		if err := k.write(t, files, name, file); err != nil {
			return nil, err
		}
	}
	for _, part := range k.parts() {
		for _, name := range part.templates {
			if err := part.write(t, files, name, path.Join(part.folder, name)); err != nil {
				return nil, err
			}
		}
	}
	if len(k.As) > 0 {
		if err := k.write(t, files, "transparent.txt", "client/transparent.txt"); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// write executes a template into a file of the kit.
func (k *Kit) write(t *template.Template, files map[string][]byte, name, file string) error {
	var text bytes.Buffer
	if err := t.ExecuteTemplate(&text, name, k); err != nil {
		return err
	}
	files[file] = text.Bytes()
	return nil
}

// SystemNames names Systems for people.
func (k *Kit) SystemNames() string { return osrelease.List(k.Systems) }

// FindSystem are lines of a shell that set the variable "system".
func (k *Kit) FindSystem() []byte { return []byte(osrelease.Shell(k.Systems)) }

// Refresh are the commands that make a client read what the mirror has, of those kinds that have one, and start its timers.
func (k *Kit) Refresh() (commands [][]string) {
	for _, c := range k.Clients {
		if len(c.Refresh) > 0 && !slices.ContainsFunc(commands, func(other []string) bool { return slices.Equal(other, c.Refresh) }) {
			commands = append(commands, c.Refresh)
		}
	}
	return append(commands, k.renewCommands()...)
}

// indent puts spaces before each line but the first.
func indent(n int, data []byte) string {
	return strings.ReplaceAll(strings.TrimRight(string(data), "\n"), "\n", "\n"+strings.Repeat(" ", n))
}

// quote makes one word of a shell of the text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// command is a line for a shell.
func command(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@") != "" {
			quoted[i] = quote(w)
		}
	}
	return strings.Join(quoted, " ")
}

// Write writes files into a folder, which must be new or empty: all of them, or nothing.
func Write(dir string, files map[string][]byte) (err error) {
	entries, err := os.ReadDir(dir)
	there := err == nil
	parent := dir // one that is there may be a mount point, or a link: it is filled, not replaced
	switch {
	case len(entries) > 0:
		return artifact.Hint(fmt.Errorf("%s: it is not empty", dir), "name another folder with --to, or remove this one")
	case errors.Is(err, fs.ErrNotExist):
		parent = filepath.Dir(filepath.Clean(dir))
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	fresh, err := os.MkdirTemp(parent, ".minimirror-kit-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	for name, data := range files {
		file := filepath.Join(fresh, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		if err := os.WriteFile(file, data, mode); err != nil {
			return err
		}
	}
	if !there {
		if err := os.Chmod(fresh, 0o755); err != nil {
			return err
		}
		return os.Rename(fresh, dir)
	}
	made, err := os.ReadDir(fresh)
	for i, e := range made {
		if err := os.Rename(filepath.Join(fresh, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			for _, e := range made[:i] {
				err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
			}
			return err
		}
	}
	return err
}

// NewMachines reports whether there is something for machines that are set up from the mirror.
func (k *Kit) NewMachines() bool {
	return slices.ContainsFunc(k.Clients, func(c artifact.Client) bool { return len(c.New) > 0 })
}
