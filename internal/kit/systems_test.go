package kit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kit"
)

// A system may have the name of a file of the kit.
func TestSystemNames(t *testing.T) {
	k := spec
	k.Clients, k.As = nil, []string{"deb.example.org"}
	for _, name := range []string{"setup.sh", "files", "systems", "minimirror.asc", "ansible-tasks.yaml", "transparent.txt", "cloud-init.yaml"} {
		k.Systems = append(k.Systems, artifact.System{Name: name})
		k.Clients = append(k.Clients, artifact.Client{System: name, Files: []artifact.ClientFile{{Path: "/etc/x.conf", Data: []byte("x\n")}}})
	}
	if err := kit.Write(filepath.Join(t.TempDir(), "kit"), files(t, k)); err != nil {
		t.Error(err)
	}
}

// The script and the tasks choose by os-release, or by the name that they are told.
func TestSystems(t *testing.T) {
	k := spec
	k.Systems = []artifact.System{{Name: "old", Words: []string{"bookworm"}}, {Name: "trixie"}}
	k.Clients = nil
	for _, s := range k.Systems {
		k.Clients = append(k.Clients, artifact.Client{System: s.Name, Files: []artifact.ClientFile{{Path: "/etc/x.conf", Data: []byte("for " + s.Name + "\n")}}, Refresh: []string{"true"}, Note: "left to do"})
	}
	all := files(t, k)
	for _, s := range k.Systems {
		if got := string(all["client/systems/"+s.Name+"/files/etc/x.conf"]); got != "for "+s.Name+"\n" {
			t.Errorf("%s: %q", s.Name, got)
		}
		if all["client/systems/"+s.Name+"/cloud-init.yaml"] == nil {
			t.Errorf("%s: no cloud-init.yaml", s.Name)
		}
	}
	var values struct{ Systems []string }
	if err := yaml.Unmarshal(all["server/chart-values.yaml"], &values); err != nil || strings.Join(values.Systems, " ") != "old trixie" {
		t.Errorf("values of the chart: %v, %q", err, values.Systems)
	}
	for _, name := range []string{"client/setup.sh", "README.txt"} {
		if strings.Count(string(all[name]), "left to do") != 1 {
			t.Errorf("%s does not say once what is left to do:\n%s", name, all[name])
		}
	}
	var tasks []struct {
		When  string
		Shell struct{ Cmd string } `yaml:"ansible.builtin.shell"`
	}
	if err := yaml.Unmarshal(all["client/ansible-tasks.yaml"], &tasks); err != nil {
		t.Fatal(err)
	}
	if len(tasks) != 4 || tasks[1].When != `minimirror_found.stdout == "old"` || tasks[2].When != `minimirror_found.stdout == "trixie"` || tasks[3].When != "" {
		t.Errorf("tasks: %+v", tasks)
	}
	for name, c := range map[string]struct{ release, told, want string }{
		"by codename": {"VERSION_CODENAME=bookworm\n", "", "old"},
		"by name":     {"VERSION_CODENAME=trixie\n", "", "trixie"},
		"told":        {"VERSION_CODENAME=bookworm\n", "trixie", "trixie"},
		"none":        {"PRETTY_NAME=Other\n", "", ""},
		"told wrong":  {"VERSION_CODENAME=bookworm\n", "other", ""},
	} {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		write := func(name, text string) {
			if err := os.WriteFile(at(name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		write("os-release", c.release)
		write("id", "#!/bin/sh\necho 0\n")
		write("setup.sh", strings.NewReplacer("/etc/os-release", at("os-release"), "/etc/x.conf", at("x.conf")).Replace(string(all["client/setup.sh"])))
		setup := exec.Command("sh", at("setup.sh"))
		if c.told != "" {
			setup.Args = append(setup.Args, c.told)
		}
		setup.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := setup.CombinedOutput()
		written, _ := os.ReadFile(at("x.conf"))
		if (err == nil) != (c.want != "") || err == nil && string(written) != "for "+c.want+"\n" || err != nil && (len(written) > 0 || !strings.Contains(string(out), "this is for old, trixie, not for")) {
			t.Errorf("%s: setup.sh: %v, %q\n%s", name, err, written, out)
		}
		find := exec.Command("sh", "-c", strings.ReplaceAll(tasks[0].Shell.Cmd, "/etc/os-release", at("os-release")))
		find.Stdin = strings.NewReader(c.told + "\n")
		out, err = find.Output()
		if (err == nil) != (c.want != "") || strings.TrimSpace(string(out)) != c.want {
			t.Errorf("%s: the task: %v, %q", name, err, out)
		}
	}
}
