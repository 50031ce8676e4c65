package debiantest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// An ArchiveServer serves one archive on loopback.
type ArchiveServer struct {
	URL    string // without a slash at the end
	Faults *Faults
	Tree   *Tree
}

// Start builds the archive and serves it until the test ends.
func Start(t testing.TB, a *Archive) *ArchiveServer {
	t.Helper()
	tree, err := a.Build()
	if err != nil {
		t.Fatal(err)
	}
	faults := NewFaults(tree)
	return &ArchiveServer{StartTree(t, faults), faults, tree}
}

// StartTree serves a Tree, or the Faults of one, until the test ends, and returns its address.
func StartTree(t testing.TB, tree http.Handler) string {
	server := httptest.NewServer(tree)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}
