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
	"net"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/distribution/reference"

	"github.com/minimirror/minimirror/internal/artifact"
)

//go:embed files
var templates embed.FS

// A Kit is what the files are made from.
type Kit struct {
	Name    string // of the image's definition
	Image   string // for container runtimes, with a digest where it is known
	Digest  string // of the manifest, "sha256:…"; empty: not known
	Address string // of the mirror, as clients will call it: "http://HOST[:PORT]"
	Date    string // of the lock
	Key     []byte // public, armored
	Clients []artifact.Client
	As      []string // hosts of upstreams that the mirror is to stand in for
	Program string   // version of the program
}

// New checks the address and the image's name, a reference of distribution/reference,
// and completes both. What is wrong is ErrUsage.
func New(k Kit) (*Kit, error) {
	u, err := url.Parse(k.Address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, artifact.Hint(artifact.Usagef("--address %s: not the address of a mirror", k.Address), "write it like http://mirror.example.org:8080")
	}
	k.Address = u.Scheme + "://" + u.Host
	named, err := reference.ParseNormalizedNamed(k.Image)
	if err != nil {
		return nil, artifact.Hint(artifact.Usagef("%q is not a name for an image: %w", k.Image, err), "name it with --name, in lower case, like minimirror.local/site:2")
	}
	k.Image = reference.TagNameOnly(named).String()
	return &k, nil
}

// Host is the mirror's name or address, without the port.
func (k *Kit) Host() string { return k.url().Hostname() }

// Port is the port on which clients reach the mirror.
func (k *Kit) Port() string {
	if p := k.url().Port(); p != "" {
		return p
	}
	if k.url().Scheme == "https" {
		return "443"
	}
	return "80"
}

func (k *Kit) url() *url.URL {
	u, _ := url.Parse(k.Address) // New has checked it
	return u
}

// Hosts are lines of hosts(5) that lead unchanged clients to the mirror, where its address is a number.
func (k *Kit) Hosts() string {
	ip, err := netip.ParseAddr(k.Host())
	if err != nil {
		if found, lookup := net.LookupIP(k.Host()); k.Host() != "localhost" || lookup != nil || len(found) == 0 {
			return ""
		}
		ip = netip.MustParseAddr("127.0.0.1")
	}
	return ip.String() + " " + strings.Join(k.As, " ") + "\n"
}

// Files makes the files, by path below the kit's folder.
func (k *Kit) Files() (map[string][]byte, error) {
	for _, host := range k.As {
		if !artifact.ValidName(host) {
			return nil, artifact.Verifyf("%q: an upstream's host that is none", host)
		}
	}
	files := map[string][]byte{"client/minimirror.asc": k.Key}
	for _, c := range k.Clients {
		for _, f := range c.Files {
			if !strings.HasPrefix(f.Path, "/") || path.Clean(f.Path) != f.Path {
				return nil, fmt.Errorf("%q is no absolute path", f.Path)
			}
			if bytes.Contains(f.Data, []byte("END_OF_FILE")) || bytes.ContainsFunc(f.Data, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
				return nil, artifact.Verifyf("%s: the image would have something there that is no configuration", f.Path)
			}
			files["client/files"+f.Path] = f.Data
		}
	}
	t, err := template.New("").Funcs(template.FuncMap{
		"base64": func(data []byte) string { return base64.StdEncoding.EncodeToString(data) },
		"indent": indent, "quote": quote, "command": command,
	}).ParseFS(templates, "files/*")
	if err != nil {
		return nil, err
	}
	for name, file := range map[string]string{
		"README.txt": "README.txt", "docker-run.sh": "server/docker-run.sh", "podman-run.sh": "server/podman-run.sh",
		"minimirror.service": "server/minimirror.service", "minimirror.container": "server/minimirror.container",
		"static-pod.yaml": "server/static-pod.yaml", "values.yaml": "server/chart-values.yaml",
		"cloud-init.yaml": "client/cloud-init.yaml", "ansible-tasks.yaml": "client/ansible-tasks.yaml", "setup.sh": "client/setup.sh",
	} {
		var text bytes.Buffer
		if err := t.ExecuteTemplate(&text, name, k); err != nil {
			return nil, err
		}
		files[file] = text.Bytes()
	}
	if len(k.As) > 0 {
		var text bytes.Buffer
		if err := t.ExecuteTemplate(&text, "transparent.txt", k); err != nil {
			return nil, err
		}
		files["client/transparent.txt"] = text.Bytes()
	}
	return files, nil
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
func Write(dir string, files map[string][]byte) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return artifact.Hint(fmt.Errorf("%s: it is not empty", dir), "name another folder with --to, or remove this one")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(parent, ".minimirror-kit-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
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
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(fresh, dir)
}
