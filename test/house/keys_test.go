package house

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/openpgp"
)

var keyRow = regexp.MustCompile(`(?m)^\| (\S+\.asc) \| .* \| ([0-9A-F, ]+) \|$`)

// TestKeys compares images/keys with its README: every file is listed there, with the fingerprints of its keys.
func TestKeys(t *testing.T) {
	text, err := os.ReadFile("../../images/keys/README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for _, row := range keyRow.FindAllStringSubmatch(string(text), -1) {
		listed[row[1]] = row[2]
	}
	names, err := filepath.Glob("../../images/keys/*.asc")
	if err != nil || len(names) == 0 || len(names) != len(listed) {
		t.Fatalf("files %v, listed %v: %v", names, listed, err)
	}
	for _, name := range names {
		ring, err := openpgp.ReadFiles(name)
		if err != nil {
			t.Fatal(err)
		}
		var fingerprints []string
		for _, key := range ring.Keys {
			fingerprints = append(fingerprints, fmt.Sprintf("%X", key.PrimaryKey.Fingerprint))
		}
		want := strings.Split(listed[filepath.Base(name)], ", ")
		slices.Sort(fingerprints)
		slices.Sort(want)
		if !slices.Equal(fingerprints, want) {
			t.Errorf("%s has %v, the README says %v", name, fingerprints, want)
		}
	}
}
