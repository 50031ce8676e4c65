// Package chart tests charts/minimirror with the real helm, the Kubernetes API types and the Pod Security
// levels, and keeps the chart's values and their documentation as its schema says:
//
//	values.schema.json ──go test -update──▶ values.yaml, the table in docs/chart.md
//	values ──helm template──▶ manifests ──▶ strict decoding, properties
package chart

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const chartFolder = "../../charts/minimirror"

var (
	update = flag.Bool("update", false, "write values.yaml and the table of docs/chart.md anew")
	helm   string // the program
)

func TestMain(m *testing.M) {
	flag.Parse()
	build := exec.Command("./helm.sh")
	build.Stderr = os.Stderr
	out, err := build.Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "helm.sh:", err)
		os.Exit(1)
	}
	helm = strings.TrimSpace(string(out))
	os.Exit(m.Run())
}

// runHelm runs helm with a home of its own, and returns what it prints; err holds its standard error.
func runHelm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(helm, args...)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home, "KUBECONFIG="+filepath.Join(home, "none"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = errors.New(strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), err
}

// anImage is what every installation has to say.
const anImage = "image: {tag: 20261130-1a2b3c4d}"

// template renders the chart with anImage and values, which are a file's content.
func template(t *testing.T, release, values string, args ...string) (string, error) {
	t.Helper()
	return runHelm(t, append([]string{"template", release, chartFolder, "--namespace", "site", "--values", valuesIn(t, anImage), "--values", valuesIn(t, values)}, args...)...)
}

// valuesIn writes values into a file.
func valuesIn(t *testing.T, values string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
