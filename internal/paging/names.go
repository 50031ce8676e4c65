package paging

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Names reads a page as JSON, and returns the list in it, to which list points after that. What is not a list is an error that shows how the page begins:
// portals and proxies answer with pages for people.
func Names(data []byte, page any, list **[]string) ([]string, error) {
	if err := json.Unmarshal(data, page); err != nil {
		return nil, artifact.Verifyf("it is not a list: %s, and not JSON: %w", opening(data), err)
	}
	if *list == nil {
		return nil, artifact.Verifyf("it is not a list: %s", opening(data))
	}
	return **list, nil
}

// opening is the beginning of what was sent.
func opening(data []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(data[:min(len(data), 60)]), "?")), " ")
	if text == "" {
		return "it is empty"
	}
	return fmt.Sprintf("it begins %q", artifact.Printable(text))
}
