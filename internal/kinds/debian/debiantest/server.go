package debiantest

import (
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
	server := httptest.NewServer(faults)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return &Server{server.URL, faults, tree}
}
