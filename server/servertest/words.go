package servertest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
)

// A WordyKind describes what the Metadata of items say: "Summary: …", "Text: …" and "Needs: a, b".
type WordyKind struct{ Kind }

func (WordyKind) Describe(a *artifact.Item) (d artifact.Description) {
	for _, line := range a.Metadata {
		switch key, value, _ := strings.Cut(line, ": "); key {
		case "Summary":
			d.Summary = value
		case "Text":
			d.Text = strings.ReplaceAll(value, "|", "\n\n")
		default:
			field := artifact.DescriptionField{Name: key}
			for i, name := range strings.Split(value, ", ") {
				if i > 0 {
					field.Value = append(field.Value, artifact.DescriptionPart{Text: ", "})
				}
				field.Value = append(field.Value, artifact.DescriptionPart{Text: name, Name: name})
			}
			d.Fields = append(d.Fields, field)
		}
	}
	return d
}

func (WordyKind) Needs(a *artifact.Item) (names []string) {
	for _, field := range (WordyKind{}).Describe(a).Fields {
		for _, part := range field.Value {
			if part.Name != "" {
				names = append(names, part.Name)
			}
		}
	}
	return names
}

// OddNames are names and files that need escaping somewhere.
var OddNames = []string{"gtk+3~x", "a:b", "100%", "100%2525", "org/name", "sp ace", "ü", `<b>"x"&'y`, "what?now#then", "-rf", "..."}

// WordyRules are rules about the items of NewWordy.
const WordyRules = `rules:
 - deny: { package: [app], version: "1", reason: "policy <4.2>" }
 - deny: { package: "many-00?", client: [192.0.2.0/24], reason: "not from here" }
 - allow: { package: "many-*" }
`

// wordyImage is the image of NewWordy.
func wordyImage(t testing.TB) *image.Image {
	t.Helper()
	type words struct {
		name, version, architecture string
		requested                   bool
		metadata                    []string
	}
	all := map[string]words{
		"pool/app_1":     {"app", "1", "amd64", true, []string{"Summary: the <app>", "Text: One & only.|Two.", "Needs: lib, absent"}},
		"pool/app_1_arm": {"app", "1", "arm64", false, []string{"Summary: the <app>", "Needs: lib"}},
		"pool/app_2":     {"app", "2~rc+1", "amd64", false, []string{"Summary: the new app"}},
		"pool/lib":       {"lib", "1", "amd64", false, []string{"Summary: a library", "Needs: mailer"}},
		"pool/mta":       {"mta", "1", "amd64", false, []string{"Summary: sends mail"}},
		"pool/postman":   {"postman", "1", "amd64", false, []string{"Summary: brings mail", "Needs: mta"}},
		"pool/Upper":     {"Upper", "1", "amd64", false, nil},
		"pool/lonely":    {"lonely", "1", "amd64", false, nil},
	}
	for i := range 120 {
		all[fmt.Sprintf("pool/many-%03d", i)] = words{fmt.Sprintf("many-%03d", i), "1", "amd64", true, []string{"Summary: one of many", "Needs: lib"}}
	}
	for i, name := range OddNames {
		all[fmt.Sprintf("pool/%d %s", i, strings.ReplaceAll(name, "/", "_"))] = words{name, "1%:+~", "any", true, []string{"Summary: " + name, "Needs: app, " + name}}
	}
	s := imagetest.Spec{Artifacts: map[string]string{}, Sets: map[string][]string{"one": {"pool/app_1", "pool/lib", "pool/mta"}}}
	for path := range all {
		s.Artifacts[path] = "content of " + path
	}
	m := imagetest.New(t, s)
	for i := range m.Catalog.Items {
		a := &m.Catalog.Items[i]
		w := all[a.Files[0].Path]
		a.Name, a.Version, a.Requested, a.Metadata = w.name, w.version, w.requested, w.metadata
		a.Attributes = artifact.NewAttributes(map[string][]string{"architecture": {w.architecture}})
	}
	slices.SortFunc(m.Catalog.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	m.Catalog.Sets[0].Requested = []string{imagetest.Source + "/pool/app_1"}
	m.Catalog.Aliases = []catalog.Alias{{Kind: imagetest.Kind, Name: "mailer", Of: []string{"mta", "postman"}}}
	dir := filepath.Join(t.TempDir(), "oci")
	imagetest.WriteDir(t, dir, m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: dir})
	Must(t, err)
	t.Cleanup(func() { img.Close() })
	return img
}

// NewWordy makes a server of an image whose items have much to say, by the rules, if any: app 1 and 2, and app 1 for another architecture; a chain
// app → lib → mailer, which is another name of mta and postman; many-000 to many-119, which need lib; OddNames.
func NewWordy(t testing.TB, rules string) *server.Server {
	t.Helper()
	o := server.Options{Image: wordyImage(t), Kinds: []artifact.Kind{WordyKind{}}, Version: "1.2.3"}
	if rules != "" {
		o.Rules = filepath.Join(t.TempDir(), "rules.yaml")
		Must(t, os.WriteFile(o.Rules, []byte(rules), 0o644))
		o.Signer = func(date time.Time) (artifact.Signer, error) { return Signer{Date: date}, nil }
	}
	return New(t, o)
}
