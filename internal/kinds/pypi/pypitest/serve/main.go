// Command serve is an index of Python packages on loopback, for shell scripts:
//
//	serve DISTS [FILE…]
//
// DISTS has a pypitest.Dist in JSON on each line, of which it makes wheels; FILEs are wheels and source distributions. It prints its address, and ends on SIGTERM or SIGINT.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: serve DISTS [FILE…]")
	}
	index := pypitest.NewUpstream()
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		var d pypitest.Dist
		if err := json.Unmarshal(line, &d); err != nil {
			return fmt.Errorf("%s: %q: %w", args[0], line, err)
		}
		index.Add(&d)
	}
	for _, file := range args[1:] {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		base := filepath.Base(file)
		project := base[:max(strings.LastIndex(base, "-"), 0)] // of a source distribution
		if strings.HasSuffix(base, ".whl") {
			name, err := wheel.ParseWheel(base)
			if err != nil {
				return err
			}
			project = name.Project
		}
		index.AddFile(project, base, data, nil)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	server := &http.Server{Handler: index}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ended
		_ = server.Close() // what it returns, Serve does, too
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
