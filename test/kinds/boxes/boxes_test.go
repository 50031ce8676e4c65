package boxes_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/kinds/kindtest"
	"github.com/minimirror/minimirror/test/kinds/boxes"
)

// start serves boxes, of which two share a part.
func start(t testing.TB) (address string) {
	contents := map[string]string{"parts/wood": strings.Repeat("wood ", 1000), "parts/crate": "the crate's own", "parts/chest": "", "parts/trunk+lid": "a trunk, a lid"}
	box := func(name, version string, colours []string, parts ...string) (b boxes.Box) {
		b = boxes.Box{Name: name, Version: version, Colours: colours}
		for _, part := range parts {
			b.Parts = append(b.Parts, boxes.Part{Path: part, Size: int64(len(contents[part])), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(contents[part])))})
		}
		return b
	}
	list, err := json.Marshal([]boxes.Box{
		box("crate", "red herring", []string{"brown"}, "parts/crate", "parts/wood"),
		box("chest", "2", []string{"red", "brown"}, "parts/wood", "parts/chest"),
		box("trunk", "3", nil, "parts/trunk+lid"),
	})
	if err != nil {
		t.Fatal(err)
	}
	contents["list.json"] = string(list)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, found := contents[strings.TrimPrefix(r.URL.Path, "/")]
		if !found {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, content)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestKind(t *testing.T) {
	define := func(take string) func(testing.TB, string, string) string {
		return func(_ testing.TB, _, upstream string) string {
			return fmt.Sprintf("boxes:\n  name: harbour\n  from: %q\n  take: [%s]\n", upstream, take)
		}
	}
	kindtest.Run(t, kindtest.Fixture{
		Kind:           boxes.Kind{},
		Program:        append(kinds.All(), boxes.Kind{}), // the line
		Upstream:       start,
		Definition:     define("crate, chest, trunk"),
		Reordered:      define("trunk, chest, crate"),
		Item:           "trunk",
		List:           "/harbour/boxes",
		Listed:         `"trunk"`,
		ListedByClient: true,
		About:          "/harbour/boxes/trunk",
		Missing:        "/harbour/boxes/barrel",
		MissingName:    "barrel",
	})
}
