// Command serve makes the archive that a file describes (debiantest.Parse) and
// serves it on loopback, for shell scripts:
//
//	serve [--listen 127.0.0.1:0] [--keys DIR] [--dir DIR] FILE
//
// It prints the archive's address, and ends on SIGTERM or SIGINT.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	keys := flags.String("keys", "", "folder that gets the public keys, NAME.asc each")
	dir := flags.String("dir", "", "folder that gets the archive's files too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	text, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return err
	}
	archive, err := debiantest.Parse(string(text))
	if err != nil {
		return err
	}
	tree, err := archive.Build()
	if err != nil {
		return err
	}
	if *dir != "" {
		if err := tree.Write(*dir); err != nil {
			return err
		}
	}
	if *keys != "" {
		if err := archive.WriteKeys(*keys); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	server := &http.Server{Handler: tree}
	go func() {
		<-stop
		_ = server.Close()
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
