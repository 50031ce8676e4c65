package api_test

import (
	"fmt"
	"testing"

	"github.com/minimirror/minimirror/server/servertest"
)

// Sources and items tell their system, and what needs an item is of the same.
func TestAPISystems(t *testing.T) {
	h := servertest.NewSystems(t).Handler()
	d := readDescription(t, h)
	type named struct{ Name, System string }
	mirror := call[struct{ Sources []named }](t, h, d, "/api/v1/mirror", "/api/v1/mirror", 200)
	if got := fmt.Sprint(mirror.Sources); got != "[{new new} {old old}]" {
		t.Errorf("sources: %s", got)
	}
	only := call[struct {
		Why      []string
		NeededBy []string `json:"needed_by"`
		Systems  []struct {
			System   string
			Why      []string
			NeededBy []string `json:"needed_by"`
		}
		Carried []named
	}](t, h, d, artifactPath, "/api/v1/artifacts/plain/only", 200)
	if got := fmt.Sprint(only); got != "{[helper only] [helper] [{old [helper only] [helper]}] [{only old}]}" {
		t.Errorf("only: %s", got)
	}
	tool := call[struct{ Why []string }](t, h, d, artifactPath, "/api/v1/artifacts/plain/tool", 200)
	if got := fmt.Sprint(tool); got != "{[tool]}" {
		t.Errorf("tool: %s", got)
	}
}
