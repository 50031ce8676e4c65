package guide

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
)

var guided = []Registry{{"docker.io", "docker.io"}, {"registry.example.org:5000", "registry.example.org_5000"}}

// clientFiles are the files of all programs, by program and path.
func clientFiles(registries []Registry, o artifact.ClientOptions) map[string]artifact.ClientFile {
	files := make(map[string]artifact.ClientFile)
	for _, c := range Clients(registries, o) {
		for _, f := range c.Files {
			files[c.Program+" "+f.Path] = f
		}
	}
	return files
}

func TestClientsPlain(t *testing.T) {
	files := clientFiles(guided, artifact.ClientOptions{Base: "http://10.0.0.1:8080"})
	const header = "# Images from the mirror http://10.0.0.1:8080. Written by \"minimirror kit\".\n"
	hosts := header + "server = \"http://10.0.0.1:8080\"\n\n[host.\"http://10.0.0.1:8080\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
	for name, want := range map[string]string{
		"containerd /etc/containerd/certs.d/docker.io/hosts.toml":                  hosts,
		"containerd /etc/containerd/certs.d/registry.example.org_5000_/hosts.toml": hosts,
		"docker /etc/docker/daemon.json":                                           "{\n  \"registry-mirrors\": [\n    \"http://10.0.0.1:8080\"\n  ],\n  \"insecure-registries\": [\n    \"10.0.0.1:8080\"\n  ]\n}\n",
		"podman /etc/containers/registries.conf.d/minimirror.conf": header +
			"\n[[registry]]\nprefix = \"docker.io\"\nlocation = \"10.0.0.1:8080/docker.io\"\ninsecure = true\n" +
			"\n[[registry]]\nprefix = \"registry.example.org:5000\"\nlocation = \"10.0.0.1:8080/registry.example.org_5000\"\ninsecure = true\n" +
			"\n[[registry]]\nprefix = \"10.0.0.1:8080\"\nlocation = \"10.0.0.1:8080\"\ninsecure = true\n",
		"k3s /etc/rancher/k3s/registries.yaml": header + "mirrors:\n  \"docker.io\":\n    endpoint: [\"http://10.0.0.1:8080\"]\n  \"registry.example.org:5000\":\n    endpoint: [\"http://10.0.0.1:8080\"]\n",
	} {
		if got := string(files[name].Data); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	for name, f := range files {
		if base := filepath.Base(name); f.Shared != (base == "daemon.json" || base == "registries.yaml") {
			t.Errorf("%s: shared: %t", name, f.Shared)
		}
		if strings.HasSuffix(name, ".pem") || strings.HasSuffix(name, ".crt") || strings.Contains(name, "_default") {
			t.Errorf("%s without being asked for", name)
		}
	}
}

func TestClientsSecure(t *testing.T) {
	ca := []byte("-----BEGIN CERTIFICATE-----\n")
	files := clientFiles(guided, artifact.ClientOptions{Base: "https://mirror.example.org", Prefer: true, Authority: ca})
	hosts := string(files["containerd /etc/containerd/certs.d/_default/hosts.toml"].Data)
	if strings.Count(hosts, `ca = "/etc/containerd/minimirror-ca.pem"`) != 2 || strings.Index(hosts, "ca =") > strings.Index(hosts, "[host.") {
		t.Errorf("%s", hosts)
	}
	for _, name := range []string{"containerd /etc/containerd/minimirror-ca.pem", "docker /etc/docker/certs.d/mirror.example.org/ca.crt", "podman /etc/containers/certs.d/mirror.example.org/ca.crt",
		"k3s /etc/rancher/k3s/minimirror-ca.pem", "rke2 /etc/rancher/rke2/minimirror-ca.pem"} {
		if string(files[name].Data) != string(ca) {
			t.Errorf("%s: %q", name, files[name].Data)
		}
	}
	var k3s struct {
		Mirrors map[string]struct{ Endpoint []string }
		Configs map[string]struct {
			TLS struct {
				CA string `yaml:"ca_file"`
			}
		}
	}
	if err := yaml.Unmarshal(files["rke2 /etc/rancher/rke2/registries.yaml"].Data, &k3s); err != nil || !slices.Equal(k3s.Mirrors["*"].Endpoint, []string{"https://mirror.example.org"}) ||
		k3s.Configs["mirror.example.org"].TLS.CA != "/etc/rancher/rke2/minimirror-ca.pem" {
		t.Errorf("%+v, %v", k3s, err)
	}
	var docker map[string][]string
	if err := json.Unmarshal(files["docker /etc/docker/daemon.json"].Data, &docker); err != nil || docker["insecure-registries"] != nil || docker["registry-mirrors"] == nil {
		t.Errorf("%+v, %v", docker, err)
	}
	for name, f := range files {
		if strings.Contains(string(f.Data), "insecure") {
			t.Errorf("%s:\n%s", name, f.Data)
		}
	}
	// A mirror that Docker has nothing to be told of.
	for _, c := range Clients(guided[1:], artifact.ClientOptions{Base: "https://mirror.example.org"}) {
		if c.Program == "docker" {
			t.Errorf("%+v", c)
		}
	}
}

func TestUsage(t *testing.T) {
	got := Usage(guided, "http://10.0.0.1:8080")
	for _, want := range []string{"  10.0.0.1:8080/docker.io/NAME:TAG\n", "  10.0.0.1:8080/registry.example.org_5000/NAME:TAG\n", "oci://10.0.0.1:8080/REGISTRY/NAME --version VERSION --plain-http\n", "--address http://10.0.0.1:8080 "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if got := Usage(guided, "https://mirror.example.org"); strings.Contains(got, "plain-http") {
		t.Error(got)
	}
}

// TestContainerdScript sets config_path in configurations of all versions, and keeps whatever else is there.
func TestContainerdScript(t *testing.T) {
	const v2, v3 = `[plugins."io.containerd.grpc.v1.cri".registry]`, `[plugins.'io.containerd.cri.v1.images'.registry]`
	const set = "\n  config_path = \"/etc/containerd/certs.d\"\n"
	for name, c := range map[string]struct{ before, after, says string }{
		"none":           {"", "version = 2\n\n" + v2 + set, "config_path is set"},
		"version 1":      {"root = \"/x\"\n[plugins.cri]\n", "root = \"/x\"\n[plugins.cri]\n\n[plugins.cri.registry]" + set, "config_path is set"},
		"version 2":      {"version = 2\n[plugins]\n", "version = 2\n[plugins]\n\n" + v2 + set, "config_path is set"},
		"version 3":      {"version = 3\n" + v3 + "\n  config_path = ''\n[grpc]\n", "version = 3\n" + v3 + set + "[grpc]\n", "config_path is set"},
		"empty":          {"version = 2\n" + v2 + " # why\n  config_path = \"\"\n  x = 1\n", "version = 2\n" + v2 + " # why" + set + "  x = 1\n", "config_path is set"},
		"set":            {"version = 2\n" + v2 + "\nconfig_path = \"/etc/containerd/certs.d\" # mine\n", "", ""},
		"set, beside":    {"version = 3\n" + v3 + "\nconfig_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n", "", ""},
		"another folder": {"version = 2\n" + v2 + "\nconfig_path = \"/srv/certs\"\n", "", "config_path is /srv/certs: move"},
		"mirrors":        {"version = 2\n" + v2[:len(v2)-1] + ".mirrors.\"docker.io\"]\n  endpoint = [\"http://x\"]\n", "", "remove the tables " + v2[:len(v2)-1] + ".mirrors"},
		"another's":      {"version = 2\n[plugins.other]\n  config_path = \"/x\"\n", "version = 2\n[plugins.other]\n  config_path = \"/x\"\n\n" + v2 + set, "config_path is set"},
	} {
		dir := t.TempDir()
		config, script := filepath.Join(dir, "config.toml"), filepath.Join(dir, "script")
		if c.before != "" {
			if err := os.WriteFile(config, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(script, []byte(containerdHostsScript), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", script)
		cmd.Env = []string{"CONTAINERD_CONFIG=" + config, "PATH=/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		after, _ := os.ReadFile(config)
		want := c.after
		if want == "" {
			want = c.before
		}
		if string(after) != want || !strings.Contains(string(out), c.says) || (err != nil) != (c.after == "" && c.says != "") {
			t.Errorf("%s: %v\n%s\ngot\n%s\nwant\n%s", name, err, out, after, want)
		}
		if c.after != "" && c.before != "" {
			if kept, err := os.ReadFile(config + ".before-minimirror"); err != nil || string(kept) != c.before {
				t.Errorf("%s: kept %q, %v", name, kept, err)
			}
			if again, err := exec.Command("env", "CONTAINERD_CONFIG="+config, "sh", script).CombinedOutput(); err != nil || len(again) > 0 {
				t.Errorf("%s: again: %s, %v", name, again, err)
			}
		}
		if entries, _ := filepath.Glob(config + ".minimirror*"); entries != nil {
			t.Errorf("%s: left %s", name, entries)
		}
	}
}
