package debiantest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A Server serves one archive on loopback.
type Server struct {
	URL    string // without a slash at the end
	Faults *Faults
	Tree   *Tree
}

// Start builds the archive and serves it until the test ends.
func Start(t testing.TB, a *Archive) *Server {
	t.Helper()
	tree, err := a.Build()
	if err != nil {
		t.Fatal(err)
	}
	faults := NewFaults(tree)
	return &Server{StartTree(t, faults), faults, tree}
}

// StartTree serves a Tree, or the Faults of one, until the test ends, and returns its address.
func StartTree(t testing.TB, tree http.Handler) string {
	server := httptest.NewServer(tree)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}
