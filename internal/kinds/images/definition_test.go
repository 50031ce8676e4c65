package images_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/images/imagelist"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// TestDefinitionInGuide reads the definition of docs/container-images.md.
func TestDefinitionInGuide(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/container-images.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(images:.*?)```").FindSubmatch(guide)
	if example == nil {
		t.Fatal("there is no definition")
	}
	s := newSite(t)
	if err := os.Mkdir(filepath.Join(s.dir, "keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, public := imagestest.NewKey(t)
	s.write("keys/acme.pub", string(public))
	if err := s.parse("name: test\n" + string(example[1])); err != nil {
		t.Error(err)
	}
	for _, key := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|").FindAllSubmatch(guide, -1) {
		if !strings.Contains(string(example[1]), string(key[1])+":") {
			t.Errorf("the example has no %s", key[1])
		}
	}
}

// TestSectionOfList pastes what "images from" prints.
func TestSectionOfList(t *testing.T) {
	list, err := imagelist.Find(t.Context(), []string{"-"}, imagelist.Options{Stdin: strings.NewReader("nginx\nregistry.example.org:5000/acme/app:1.0\nquay.io/a/b:on@sha256:" + strings.Repeat("a", 64) + "\nlocalhost/x:1\n")})
	if err != nil {
		t.Fatal(err)
	}
	if err := newSite(t).parse("name: test\n" + list.Section()); err != nil {
		t.Errorf("%s%v", list.Section(), err)
	}
}
