package chart

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
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

// TestFlagsAreThere asks the program itself whether it knows what the chart gives it.
func TestFlagsAreThere(t *testing.T) {
	help := exec.Command("go", "run", "./cmd/minimirror", "serve", "--help")
	help.Dir = "../.."
	out, err := help.Output()
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := template(t, "site", `{server: {maxConnections: 5, audit: false}, `+everythingBut("server")+`}`)
	if err != nil {
		t.Fatal(err)
	}
	c := onlyWorkload(t, decode(t, manifests)).container()
	flags := flagsOf(t, c)
	for _, flag := range []string{"rules", "sign-key", "tls-cert", "tls-client-ca", "htpasswd", "max-connections"} {
		if _, found := flags[flag]; !found {
			t.Errorf("the chart gives no --%s", flag)
		}
	}
	for flag := range flags {
		if !strings.Contains(string(out), "--"+flag+" ") {
			t.Errorf("minimirror serve has no --%s", flag)
		}
	}
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
