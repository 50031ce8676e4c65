package imagelist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// helm is the program that renders charts; empty: there is none, or it is not wanted.
func (f *finder) helm() string {
	if f.options.Static {
		return ""
	}
	program, err := exec.LookPath("helm")
	if err != nil {
		return ""
	}
	return program
}

// render has helm render a chart. helm gets no access to a cluster, and reads nothing of the user's own configuration.
func (f *finder) render(helm, chart string) ([]byte, error) {
	home, err := os.MkdirTemp("", "minimirror-helm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	arguments := []string{"template", "minimirror", chart}
	for _, file := range f.options.Values {
		arguments = append(arguments, "--values", file)
	}
	cmd := exec.CommandContext(f.ctx, helm, arguments...)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+filepath.Join(home, "cache"), "HELM_CONFIG_HOME="+filepath.Join(home, "config"), "HELM_DATA_HOME="+filepath.Join(home, "data"),
		"HELM_PLUGINS="+filepath.Join(home, "plugins"), "KUBECONFIG="+filepath.Join(home, "none"))
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		if f.ctx.Err() != nil {
			return nil, context.Cause(f.ctx)
		}
		said := strings.TrimSpace(messages.String())
		if i := strings.LastIndex(said, "Error: "); i >= 0 {
			said = said[i+len("Error: "):]
		}
		said, _, _ = strings.Cut(said, "\n\nUse --debug")
		if said == "" {
			said = err.Error()
		}
		if strings.Contains(said, "missing in charts/ directory") {
			return nil, artifact.Hint(fmt.Errorf("helm: %s", said), "run: helm dependency build FOLDER; or list what its values name, without these charts: --static")
		}
		return nil, artifact.Hint(errors.New("helm cannot render it: "+said), "name a file with the values that it needs: --values FILE; or list what its values name: --static")
	}
	return out.Bytes(), nil
}

// manifests reads what helm writes: each manifest after a line that says which template made it.
func (f *finder) manifests(chart string, rendered []byte) error {
	for _, one := range strings.Split("\n"+string(rendered), "\n---") {
		name := chart
		for line := range strings.Lines(one) {
			if source, found := strings.CutPrefix(line, "# Source: "); found {
				_, below, _ := strings.Cut(strings.TrimSpace(source), "/") // without the chart's own name
				name = chart + ": " + below
				break
			}
		}
		documents, err := parseDocuments([]byte(one))
		if err != nil {
			return fmt.Errorf("%s: what helm made is not valid YAML: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
		}
		for _, d := range documents {
			f.document(name, withoutLines(d)) // lines of what was rendered are of no use
		}
	}
	return nil
}
