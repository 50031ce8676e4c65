package kit_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kit"
)

var spec = kit.Kit{
	Name: "docker", Image: "registry.example.org:5000/site/docker:1@sha256:" + strings.Repeat("a", 64), Digest: "sha256:" + strings.Repeat("a", 64),
	Address: "http://10.0.0.1:8080/", Date: "2026-01-01 00:00 UTC", Key: []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"),
	Clients: []artifact.Client{{
		Files:   []artifact.ClientFile{{Path: "/etc/x.conf", Data: []byte("Key:\n -----BEGIN\n .\n it's \"quoted\" $HOME `id` {{ x }}\n")}},
		Refresh: []string{"echo", "re fresh", "it's"},
	}},
	As: []string{"ftp.debian.org"},
}

func files(t *testing.T, k kit.Kit) map[string][]byte {
	t.Helper()
	made, err := kit.New(k)
	if err != nil {
		t.Fatal(err)
	}
	all, err := made.Files()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFiles(t *testing.T) {
	all := files(t, spec)
	dir := filepath.Join(t.TempDir(), "kit")
	if err := kit.Write(dir, all); err != nil {
		t.Fatal(err)
	}
	for name, data := range all {
		if bytes.Contains(data, []byte("<no value>")) || bytes.Contains(data, []byte("%!")) {
			t.Errorf("%s: %s", name, data)
		}
		switch filepath.Ext(name) {
		case ".yaml":
			if err := yaml.Unmarshal(data, new(any)); err != nil {
				t.Errorf("%s: %v\n%s", name, err, data)
			}
		case ".sh":
			if out, err := exec.Command("sh", "-n", filepath.Join(dir, name)).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
	var cloud struct {
		Files []struct{ Path, Content string } `yaml:"write_files"`
		Run   [][]string                       `yaml:"runcmd"`
	}
	if err := yaml.Unmarshal(all["client/cloud-init.yaml"], &cloud); err != nil {
		t.Fatal(err)
	}
	content, err := base64.StdEncoding.DecodeString(cloud.Files[0].Content)
	if err != nil || string(content) != string(spec.Clients[0].Files[0].Data) || cloud.Run[0][1] != "re fresh" {
		t.Errorf("cloud-init: %+v, %v", cloud, err)
	}
	var tasks []map[string]any
	if err := yaml.Unmarshal(all["client/ansible-tasks.yaml"], &tasks); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(all["client/ansible-tasks.yaml"], []byte("content: !unsafe |\n")) {
		t.Error("ansible would take the files for templates")
	}
	if copied := tasks[0]["ansible.builtin.copy"].(map[string]any); copied["content"] != string(spec.Clients[0].Files[0].Data) {
		t.Errorf("ansible: %q", copied["content"])
	}
	for name, want := range map[string]string{
		"server/static-pod.yaml": "image: " + spec.Image, "server/chart-values.yaml": "repository: registry.example.org:5000/site/docker\n",
		"server/docker-run.sh": "--stop-timeout 45 --publish 8080:8080", "server/podman-run.sh": "--stop-timeout 45 --publish 8080:8080",
		"server/nginx.conf": "proxy_pass http://127.0.0.1:8081;", "server/haproxy.cfg": "server mirror 127.0.0.1:8081 check",
		"server/minimirror.container": "Pull=missing\n", "client/transparent.txt": "10.0.0.1 ftp.debian.org\n", "README.txt": "http://10.0.0.1:8080 ",
	} {
		if !strings.Contains(string(all[name]), want) {
			t.Errorf("%s: no %q in\n%s", name, want, all[name])
		}
	}
}

func TestLowPort(t *testing.T) {
	k := spec
	k.Address = "http://mirror.example.org"
	pod := string(files(t, k)["server/static-pod.yaml"])
	if strings.Contains(pod, "hostNetwork") || !strings.Contains(pod, "containerPort: 8080") || !strings.Contains(pod, "hostPort: 80\n") {
		t.Errorf("a pod on port 80:\n%s", pod)
	}
}

func TestSecure(t *testing.T) {
	k := spec
	for address, want := range map[string]bool{"https://mirror.example.org": true, "http://mirror.example.org": false} {
		k.Address = address
		for name, text := range map[string]string{"README.txt": "--tls-cert", "server/nginx.conf": "listen 443 ssl;", "server/haproxy.cfg": " ssl crt "} {
			if got := strings.Contains(string(files(t, k)[name]), text); got != want {
				t.Errorf("%s: %s speaks of certificates: %t", address, name, got)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, name := range []string{"", "Site", "site:", "x; id", "site@sha256:aa", "docker://site:2"} {
		k := spec
		k.Image = name
		if _, err := kit.New(k); !errors.Is(err, artifact.ErrUsage) {
			t.Errorf("image %q: %v", name, err)
		}
	}
	for name, change := range map[string]func(k *kit.Kit){
		"a host":              func(k *kit.Kit) { k.As = []string{"x; id"} },
		"the end of a script": func(k *kit.Kit) { k.Clients = client("x\nEND_OF_FILE\nid\n") },
		"a control character": func(k *kit.Kit) { k.Clients = client("x\x1b[2J\n") },
	} {
		k := spec
		change(&k)
		made, err := kit.New(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := made.Files(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestImage(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	for given, want := range map[string]struct{ repository, tag, pinned string }{
		"site":                            {"docker.io/library/site", "latest", ""},
		"minimirror.local/site:2":         {"minimirror.local/site", "2", ""},
		"localhost:5000/site" + digest:    {"localhost:5000/site", "", digest[1:]},
		"localhost:5000/site:1" + digest:  {"localhost:5000/site", "1", digest[1:]},
		"index.docker.io/team/x" + digest: {"docker.io/team/x", "", digest[1:]},
	} {
		k := spec
		k.Image = given
		made, err := kit.New(k)
		if err != nil {
			t.Fatal(err)
		}
		if made.Repository() != want.repository || made.Tag() != want.tag || made.Pinned() != want.pinned {
			t.Errorf("%s: %q, %q, %q", given, made.Repository(), made.Tag(), made.Pinned())
		}
	}
}

func client(text string) []artifact.Client {
	return []artifact.Client{{Files: []artifact.ClientFile{{Path: "/etc/x", Data: []byte(text)}}}}
}

func TestChart(t *testing.T) {
	tree := fstest.MapFS{"m/Chart.yaml": {Data: []byte("name: m\nversion: 1.2.3\n")}, "m/templates/a.yaml": {Data: []byte("a")}}
	name, data, err := kit.Chart(tree, "m")
	if err != nil || name != "m-1.2.3.tgz" {
		t.Fatalf("%s, %v", name, err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(unpacked); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	if strings.Join(names, " ") != "m/Chart.yaml m/templates/a.yaml" {
		t.Errorf("%v", names)
	}
	if _, again, _ := kit.Chart(tree, "m"); !bytes.Equal(again, data) {
		t.Error("the same chart gives other bytes")
	}
}

// A kind may have no refresh command for clients, or no files for them.
func TestClientsWithoutCommands(t *testing.T) {
	quiet := artifact.Client{Files: []artifact.ClientFile{{Path: "/etc/quiet.conf", Data: []byte("x\n")}}}
	for name, clients := range map[string][]artifact.Client{"beside another": {quiet, spec.Clients[0]}, "alone": {quiet}, "none": nil} {
		k := spec
		k.Clients = clients
		all := files(t, k)
		for file, data := range all {
			if bytes.Contains(data, []byte("[]")) || filepath.Ext(file) == ".yaml" && bytes.HasSuffix(bytes.TrimSpace(data), []byte(":")) {
				t.Errorf("%s: %s has an empty list:\n%s", name, file, data)
			}
			if filepath.Ext(file) == ".sh" {
				script := filepath.Join(t.TempDir(), "script")
				if err := os.WriteFile(script, data, 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
					t.Errorf("%s: %s: %v\n%s", name, file, err, out)
				}
			}
		}
		for _, file := range []string{"client/setup.sh", "client/cloud-init.yaml", "client/ansible-tasks.yaml"} {
			data, there := all[file]
			if there != (len(clients) > 0) || strings.Contains(string(data), "re fresh") != (len(clients) == 2) {
				t.Errorf("%s: %s, %t:\n%s", name, file, there, data)
			}
		}
		readme := string(all["README.txt"])
		if strings.Contains(readme, "client/setup.sh") != (len(clients) > 0) || !strings.Contains(readme, "\nclient/minimirror.asc ") {
			t.Errorf("%s:\n%s", name, readme)
		}
	}
}

// Clients renew their files only if the kit is asked for it; then by a timer, wherever the kit sets clients up.
func TestRenew(t *testing.T) {
	k := spec
	client := k.Clients[0]
	client.Renewal = artifact.Renewal{Name: "sources", Script: []byte("#!/bin/sh\necho renewed\n")}
	k.Clients = []artifact.Client{client}
	for file, data := range files(t, k) {
		if strings.Contains(file, "renew") || bytes.Contains(data, []byte("renew")) {
			t.Errorf("%s without being asked:\n%s", file, data)
		}
	}
	k.Renew = "Mon *-*-* 04:00"
	all := files(t, k)
	if got := string(all["client/files/usr/local/lib/minimirror/renew-sources.sh"]); got != string(client.Renewal.Script) {
		t.Errorf("the script: %q", got)
	}
	for file, want := range map[string]string{
		"client/files/etc/systemd/system/minimirror-renew-sources.timer":   "\nOnCalendar=Mon *-*-* 04:00\n",
		"client/files/etc/systemd/system/minimirror-renew-sources.service": "\nExecStart=/bin/sh /usr/local/lib/minimirror/renew-sources.sh\n",
		"client/setup.sh":           "\nsystemctl daemon-reload\nsystemctl enable --now minimirror-renew-sources.timer\n",
		"client/cloud-init.yaml":    `["systemctl", "enable", "--now", "minimirror-renew-sources.timer"]`,
		"client/ansible-tasks.yaml": `["systemctl", "enable", "--now", "minimirror-renew-sources.timer"]`,
		"README.txt":                "by a timer of systemd",
	} {
		if !strings.Contains(string(all[file]), want) {
			t.Errorf("no %q in %s:\n%s", want, file, all[file])
		}
	}
	if !strings.Contains(string(all["client/setup.sh"]), "mkdir -p '/usr/local/lib/minimirror'\n") {
		t.Errorf("no folder for the script:\n%s", all["client/setup.sh"])
	}
	for name, data := range all {
		if filepath.Ext(name) == ".yaml" {
			if err := yaml.Unmarshal(data, new(any)); err != nil {
				t.Errorf("%s: %v\n%s", name, err, data)
			}
		}
	}
	for _, wrong := range []string{"daily\nExecStart=x", "%h", " ", "-"} {
		k.Renew = wrong
		if _, err := kit.New(k); !errors.Is(err, artifact.ErrUsage) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
