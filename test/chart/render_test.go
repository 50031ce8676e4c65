package chart

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// types are those of Kubernetes and of the Prometheus operator. Unknown fields, duplicate keys and wrong types
// are errors.
var types = func() runtime.Decoder {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, monitoring.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(s, serializer.EnableStrict).UniversalDeserializer()
}()

// decode reads manifests.
func decode(t *testing.T, manifests string) (all []runtime.Object) {
	t.Helper()
	r := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifests)))
	for {
		doc, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if onlyComments(doc) {
			continue
		}
		o, _, err := types.Decode(doc, nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		all = append(all, o)
	}
}

func onlyComments(doc []byte) bool {
	for line := range bytes.Lines(doc) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && string(line) != "---" {
			return false
		}
	}
	return true
}

// find returns the object of a type; a name's end tells two of a type apart.
func find[T runtime.Object](t *testing.T, all []runtime.Object, end string) T {
	t.Helper()
	var none T
	for _, o := range all {
		if found, ok := o.(T); ok && strings.HasSuffix(name(o), end) {
			return found
		}
	}
	t.Fatalf("there is no %T", none)
	return none
}

func name(o runtime.Object) string {
	m, err := meta.Accessor(o)
	if err != nil {
		panic(err)
	}
	return m.GetName()
}

func TestRefused(t *testing.T) {
	for _, test := range refused {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := template(t, "site", test.values)
			if err == nil {
				t.Fatal("it was rendered")
			}
			for _, words := range test.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("the message has no %q:\n%v", words, err)
				}
			}
			if strings.Contains(err.Error(), "nil pointer") || strings.Contains(err.Error(), "'not' failed") {
				t.Errorf("nobody can read this:\n%v", err)
			}
		})
	}
}

func TestLint(t *testing.T) {
	for _, values := range []string{``, `{` + everything + `}`, `{mode: daemonset, ` + everything + `}`} {
		file := filepath.Join(t.TempDir(), "values.yaml")
		if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := runHelm(t, "lint", "--strict", chartFolder, "--values", file)
		if err != nil || strings.Contains(out, "[WARNING]") || strings.Contains(out, "[ERROR]") {
			t.Errorf("%s\n%v", out, err)
		}
	}
}
