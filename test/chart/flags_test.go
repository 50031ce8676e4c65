package chart

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// flagsOf are the flags of a container's program.
func flagsOf(t *testing.T, c *core.Container) map[string]string {
	t.Helper()
	flags := map[string]string{}
	for _, arg := range c.Args {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if !strings.HasPrefix(arg, "--") {
			t.Errorf("argument %q is no flag", arg)
		}
		flags[name] = value
	}
	return flags
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFlagsAreThere asks the program itself whether it knows the verbs and flags that the chart gives it.
func TestFlagsAreThere(t *testing.T) {
	manifests, err := template(t, "site", `{server: {maxConnections: 5, audit: false}, `+everythingBut("server")+`}`)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := template(t, "site", ``)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := template(t, "site", `{image: {mode: registry}, registry: {program: {tag: v1}, existingAuthority: ca, insecure: true, existingVerifyKey: key}}`)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]map[string]bool{} // by verb
	for _, command := range commands(t, decode(t, manifests), decode(t, plain), decode(t, remote)) {
		if len(command) < 2 || command[0] != "/minimirror" {
			t.Fatalf("%q is not the program and a verb", command)
		}
		if given[command[1]] == nil {
			given[command[1]] = map[string]bool{}
		}
		for _, arg := range command[2:] {
			flag, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			if !strings.HasPrefix(arg, "--") {
				t.Errorf("argument %q is no flag", arg)
			}
			given[command[1]][flag] = true
		}
	}
	for verb, flags := range map[string][]string{
		"serve":       {"rules", "sign-key", "tls-cert", "tls-client-ca", "htpasswd", "max-connections", "cache", "cache-size", "insecure", "registry-ca", "verify-key"},
		"healthcheck": {"deep", "address"},
	} {
		for _, flag := range flags {
			if !given[verb][flag] {
				t.Errorf("the chart gives %s no --%s", verb, flag)
			}
		}
	}
	for verb, flags := range given {
		help := exec.Command("go", "run", "-trimpath", "./cmd/minimirror", verb, "--help")
		help.Dir = "../.."
		out, err := help.Output()
		if err != nil {
			t.Fatal(err)
		}
		for flag := range flags {
			if !strings.Contains(string(out), "      --"+flag+" ") {
				t.Errorf("minimirror %s has no --%s", verb, flag)
			}
		}
	}
}

// commands are the lines that start the program: of containers, and of what the kubelet starts within them.
func commands(t *testing.T, rendered ...[]runtime.Object) (all [][]string) {
	for _, objects := range rendered {
		pods := []*core.PodSpec{&onlyWorkload(t, objects).template.Spec}
		for _, o := range objects {
			if pod, ok := o.(*core.Pod); ok {
				pods = append(pods, &pod.Spec)
			}
		}
		for _, pod := range pods {
			for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
				all = append(all, slices.Concat(c.Command, c.Args))
				for _, probe := range []*core.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
					if probe != nil && probe.Exec != nil {
						all = append(all, probe.Exec.Command)
					}
				}
			}
		}
	}
	return all
}

// everythingBut is everything without a line.
func everythingBut(key string) string {
	var lines []string
	for line := range strings.Lines(everything) {
		if !strings.HasPrefix(line, key+":") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
